//! What is between a socket and MQTT: nothing, TLS, WebSocket, or one on the other.

use std::fmt::Debug;
use std::io;
use std::net::SocketAddr;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;

use super::proxy;
use super::tls::{Tls, TlsError};
use super::web_socket::WebSocket;
use crate::config::{CertificateUser, ListenerConfig, WebSocketConfig};

/// A stream, whatever is below it.
pub type Stream = Box<dyn Duplex>;

/// Bytes in and out.
pub trait Duplex: AsyncRead + AsyncWrite + Unpin + Send + Debug {}

impl<S: AsyncRead + AsyncWrite + Unpin + Send + Debug> Duplex for S {}

/// What a listener has below MQTT.
#[derive(Debug)]
pub struct Below {
    proxy: bool,
    tls: Option<Tls>,
    web_socket: Option<WebSocketConfig>,
}

impl Below {
    /// As the configuration says; `user` is which name of a client's certificate counts. Reads files, blocks.
    pub fn open(config: &ListenerConfig, user: CertificateUser) -> Result<Self, TlsError> {
        let tls = config.tls.clone();
        Ok(Self {
            proxy: config.proxy_protocol,
            tls: tls.map(|tls| Tls::open(tls, user)).transpose()?,
            web_socket: config.web_socket.clone(),
        })
    }

    /// Whether there is nothing.
    pub fn is_plain(&self) -> bool {
        self.tls.is_none() && self.web_socket.is_none() && !self.proxy
    }

    /// Whether connections come from a proxy, which says whose they are.
    pub fn is_proxied(&self) -> bool {
        self.proxy
    }

    /// Whose connection it is: `peer`'s, or that of whom a proxy passes it on for.
    pub async fn client_of(
        &self,
        stream: &mut TcpStream,
        peer: SocketAddr,
    ) -> io::Result<SocketAddr> {
        if self.proxy {
            proxy::client_of(stream, peer).await
        } else {
            Ok(peer)
        }
    }

    /// Reads the files again; if one is wrong, what was read before stays. Blocks.
    pub fn reload(&self) -> Result<(), TlsError> {
        self.tls.as_ref().map_or(Ok(()), Tls::reload)
    }

    /// Shakes hands with a client, as often as it takes. Gives also the name in its certificate.
    pub async fn establish(&self, stream: TcpStream) -> io::Result<(Stream, Option<Box<str>>)> {
        let Some(tls) = &self.tls else {
            return Ok((self.frame(stream).await?, None));
        };
        let (stream, name) = tls.accept(stream).await?;
        Ok((self.frame(stream).await?, name))
    }

    async fn frame<S: Duplex + 'static>(&self, stream: S) -> io::Result<Stream> {
        Ok(match &self.web_socket {
            None => Box::new(stream),
            Some(config) => Box::new(WebSocket::accept(stream, config).await?),
        })
    }
}
