//! MQTT in WebSocket frames (MQTT 5.0, section 6; RFC 6455), as a stream of bytes.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf as _, Bytes};
use futures_util::{Sink as _, Stream as _};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::handshake::server::{
    Callback, ErrorResponse, Request, Response,
};
use tokio_tungstenite::tungstenite::http::{HeaderMap, HeaderValue, StatusCode, header};
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig as Limits;
use tokio_tungstenite::tungstenite::{self, Message};

use crate::config::WebSocketConfig;

/// The largest frame and message a client may send. Packets span frames as they like [MQTT-6.0.0-2], so this bounds
/// memory and not packets.
const MAX_FRAME: usize = 256 * 1024;
/// Bytes read at a time, kept for each connection.
const READ_BUFFER: usize = 4 * 1024;
/// Bytes gathered into one frame towards the client.
const WRITE_FRAME: usize = 64 * 1024;

/// A WebSocket connection as a stream of bytes: the frames' payloads one after the other.
#[derive(Debug)]
pub struct WebSocket<S> {
    inner: WebSocketStream<S>,
    /// What has come and was not read yet.
    incoming: Bytes,
}

impl<S: AsyncRead + AsyncWrite + Unpin> WebSocket<S> {
    /// Answers a client's upgrade request: it must ask for the path, and for the subprotocol `mqtt`
    /// [MQTT-6.0.0-3] [MQTT-6.0.0-4] (or `mqttv3.1`, as older clients do).
    pub async fn accept(stream: S, config: &WebSocketConfig) -> io::Result<Self> {
        let upgrade = Upgrade { config };
        let accepted =
            tokio_tungstenite::accept_hdr_async_with_config(stream, upgrade, Some(limits()));
        Ok(Self {
            inner: accepted.await.map_err(io_error)?,
            incoming: Bytes::new(),
        })
    }

    /// Asks a server for the upgrade at a URI, `ws://host:port/path`, with the subprotocol `mqtt`.
    pub async fn connect(stream: S, uri: &str) -> io::Result<Self> {
        let mut request = uri.into_client_request().map_err(io_error)?;
        let protocol = HeaderValue::from_static("mqtt");
        request
            .headers_mut()
            .insert(header::SEC_WEBSOCKET_PROTOCOL, protocol);
        let upgraded = tokio_tungstenite::client_async_with_config(request, stream, Some(limits()));
        let (inner, _response) = upgraded.await.map_err(io_error)?;
        Ok(Self {
            inner,
            incoming: Bytes::new(),
        })
    }
}

fn limits() -> Limits {
    Limits::default()
        .read_buffer_size(READ_BUFFER)
        .write_buffer_size(0)
        .max_write_buffer_size(4 * WRITE_FRAME)
        .max_frame_size(Some(MAX_FRAME))
        .max_message_size(Some(MAX_FRAME))
}

struct Upgrade<'a> {
    config: &'a WebSocketConfig,
}

impl Callback for Upgrade<'_> {
    fn on_request(
        self,
        request: &Request,
        mut response: Response,
    ) -> Result<Response, ErrorResponse> {
        let headers = request.headers();
        if request.uri().path() != self.config.path {
            return Err(refuse(StatusCode::NOT_FOUND, "no MQTT at this path"));
        }
        if !self.may_come_from(headers) {
            return Err(refuse(StatusCode::FORBIDDEN, "this origin may not connect"));
        }
        let Some(protocol) = subprotocol(headers) else {
            let text = "the subprotocol `mqtt` must be asked for (Sec-WebSocket-Protocol)";
            return Err(refuse(StatusCode::BAD_REQUEST, text));
        };
        response
            .headers_mut()
            .insert(header::SEC_WEBSOCKET_PROTOCOL, protocol);
        Ok(response)
    }
}

impl Upgrade<'_> {
    fn may_come_from(&self, headers: &HeaderMap) -> bool {
        let allowed = &self.config.origins;
        let Some(origin) = headers.get(header::ORIGIN) else {
            return true;
        };
        allowed.is_empty() || allowed.iter().any(|allowed| origin == allowed.as_str())
    }
}

/// The subprotocol of ours that a client asks for.
fn subprotocol(headers: &HeaderMap) -> Option<HeaderValue> {
    let asked = headers.get_all(header::SEC_WEBSOCKET_PROTOCOL);
    let asked: Vec<&str> = asked
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(str::trim)
        .collect();
    let known = ["mqtt", "mqttv3.1"];
    let known = known.into_iter().find(|known| asked.contains(known))?;
    Some(HeaderValue::from_static(known))
}

fn refuse(status: StatusCode, text: &str) -> ErrorResponse {
    let mut response = ErrorResponse::new(Some(format!("{text}\n")));
    *response.status_mut() = status;
    response
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncRead for WebSocket<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        while self.incoming.is_empty() {
            match ready!(Pin::new(&mut self.inner).poll_next(cx)) {
                Some(Ok(Message::Binary(bytes))) => self.incoming = bytes,
                // A ping is answered with the next read or write.
                Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_))) => {}
                Some(Ok(Message::Close(_))) | None => return Poll::Ready(Ok(())),
                Some(Ok(Message::Text(_))) => {
                    let text = "MQTT comes in binary frames only"; // [MQTT-6.0.0-1]
                    return Poll::Ready(Err(io::Error::new(io::ErrorKind::InvalidData, text)));
                }
                Some(Err(error)) => return Poll::Ready(Err(io_error(error))),
            }
        }
        let count = self.incoming.len().min(into.remaining());
        into.put_slice(&self.incoming.split_to(count));
        if !self.incoming.has_remaining() {
            self.incoming = Bytes::new();
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for WebSocket<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let mut inner = Pin::new(&mut self.inner);
        ready!(inner.as_mut().poll_ready(cx)).map_err(io_error)?;
        let count = bytes.len().min(WRITE_FRAME);
        let frame = Bytes::copy_from_slice(bytes.get(..count).unwrap_or_default());
        inner
            .as_mut()
            .start_send(Message::Binary(frame))
            .map_err(io_error)?;
        // The frame is taken; what the socket does not take now goes with the next write.
        if let Poll::Ready(Err(error)) = inner.poll_flush(cx) {
            return Poll::Ready(Err(io_error(error)));
        }
        Poll::Ready(Ok(count))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(cx).map_err(io_error)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_close(cx).map_err(io_error)
    }
}

fn io_error(error: tungstenite::Error) -> io::Error {
    match error {
        tungstenite::Error::Io(error) => error,
        other => io::Error::new(io::ErrorKind::InvalidData, other),
    }
}
