//! What comes before MQTT: a load balancer's header, and a WebSocket's upgrade and frames.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::LazyLock;
use std::task::{Context, Poll};

use messina::config::WebSocketConfig;
use messina::listener::proxy;
use messina::listener::web_socket::WebSocket;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, ReadBuf};
use tokio::runtime::Runtime;

use super::Target;

/// The PROXY protocol, version 2.
pub(super) const PROXY: Target = Target {
    name: "proxy_protocol",
    seeds: &[
        b"\r\n\r\n\0\r\nQUIT\n\x21\x11\x00\x0c\x0a\x00\x00\x01\xc0\x00\x02\x09\x13\x88\x07\x5b\x10\x02",
        b"\r\n\r\n\0\r\nQUIT\n\x21\x21\x00\x27\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x01\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x02\x13\x88\x07\x5b\x04\x00\x00rest",
        b"\r\n\r\n\0\r\nQUIT\n\x20\x00\x00\x00\x10\x0c",
        b"PROXY TCP4 10.0.0.1 192.0.2.9 5000 1883\r\n",
    ],
    run: proxy,
};

/// A client's upgrade, and the frames behind it. The first byte is how many bytes come at a time.
pub(super) const WEB_SOCKET: Target = Target {
    name: "web_socket",
    seeds: &[
        b"\xffGET /mqtt HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
          Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: mqtt\r\n\r\n\
          \x82\x82\x01\x02\x03\x04\xc1\x02\x89\x80\x01\x02\x03\x04\x88\x80\x01\x02\x03\x04",
        b"\x80GET /mqtt HTTP/1.1\r\nHost: a\r\nConnection: keep-alive, Upgrade\r\nUpgrade: websocket\r\nOrigin: http://a\r\n\
          Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: mqttv3.1, mqtt\r\n\r\n\
          \x02\x81\0\0\0\0\xc0\x80\x81\0\0\0\0\x00\x81\x81\0\0\0\0a",
        b"\x10GET /other HTTP/1.1\r\n\r\n",
    ],
    run: web_socket,
};

static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| {
    let built = tokio::runtime::Builder::new_current_thread().build();
    built.unwrap_or_else(|error| panic!("no runtime: {error}"))
});

fn proxy(bytes: &[u8]) {
    let Ok(own) = "192.0.2.9:7".parse::<SocketAddr>() else {
        return;
    };
    let (mut at_once, mut split) = (bytes, Wire::new(bytes, 1));
    let whole = RUNTIME.block_on(proxy::client_of(&mut at_once, own));
    let slow = RUNTIME.block_on(proxy::client_of(&mut split, own));
    assert_eq!(whole.as_ref().ok(), slow.as_ref().ok(), "split, it differs");
    let Ok(client) = whole else { return };
    let length = |at: usize| bytes.get(at).copied().map_or(0, usize::from);
    let header = 16 + (length(14) << 8) + length(15);
    assert_eq!(at_once.len() + header, bytes.len(), "not its header alone");
    assert_eq!(split.rest.len(), at_once.len(), "split, it takes more");
    assert!(
        !client.ip().is_loopback(),
        "a client becomes one of this machine"
    );
}

fn web_socket(bytes: &[u8]) {
    let (step, rest) = bytes.split_first().unwrap_or((&1, &[]));
    let config = WebSocketConfig {
        path: "/mqtt".to_owned(),
        origins: vec!["http://a".to_owned()],
    };
    RUNTIME.block_on(async {
        let wire = Wire::new(rest, usize::from(*step).max(1));
        let Ok(mut stream) = WebSocket::accept(wire, &config).await else {
            return;
        };
        let asked = rest.split(|byte| *byte == b'\r').next().unwrap_or_default();
        assert!(
            asked.starts_with(b"GET /mqtt"),
            "accepted: {}",
            asked.escape_ascii()
        );
        let mut taken = Vec::new();
        // Frames that make no sense end it; what came before them counts.
        let _end = stream.read_to_end(&mut taken).await;
        assert!(taken.len() <= rest.len(), "more came out than went in");
    });
}

/// A socket whose bytes come some at a time, and which takes what is written. What follows an empty line comes later,
/// as from a client that waits for the answer to its request.
#[derive(Debug)]
struct Wire<'b> {
    rest: &'b [u8],
    step: usize,
    written: usize,
}

/// Answers to a client that reads none of them.
const MOST_WRITTEN: usize = 1 << 20;

impl<'b> Wire<'b> {
    fn new(rest: &'b [u8], step: usize) -> Self {
        Self {
            rest,
            step,
            written: 0,
        }
    }
}

impl AsyncRead for Wire<'_> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let empty = self.rest.windows(4).position(|four| four == b"\r\n\r\n");
        let most = empty.map_or(self.rest.len(), |at| at + 4);
        let count = self.step.min(into.remaining()).min(most);
        let (now, later) = self.rest.split_at(count);
        into.put_slice(now);
        self.rest = later;
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Wire<'_> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.written += bytes.len();
        assert!(self.written <= MOST_WRITTEN, "it writes without end");
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_seeds_upgrade_and_their_frames_come_out() {
        let config = WebSocketConfig {
            path: "/mqtt".to_owned(),
            origins: vec!["http://a".to_owned()],
        };
        let expected: [Option<&[u8]>; 3] = [Some(b"\xc0\x00"), Some(b"\xc0\x00"), None];
        for (seed, expected) in WEB_SOCKET.seeds.iter().zip(expected) {
            let came = RUNTIME.block_on(async {
                let wire = Wire::new(&seed[1..], usize::from(seed[0]));
                let mut stream = WebSocket::accept(wire, &config).await.ok()?;
                let mut taken = Vec::new();
                let _end = stream.read_to_end(&mut taken).await;
                Some(taken)
            });
            assert_eq!(came.as_deref(), expected);
        }
    }
}
