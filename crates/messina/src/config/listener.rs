//! `[[gateway.listener]]` in its checked form: listeners beside the plain one of `gateway.listen`.

use std::fmt::{self, Display, Formatter};
use std::net::SocketAddr;
use std::path::PathBuf;

/// A listener.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListenerConfig {
    /// Where.
    pub listen: SocketAddr,
    /// Whether a proxy says first whose connection it is (PROXY protocol, version 2).
    pub proxy_protocol: bool,
    /// Whether MQTT comes in WebSocket frames, and on what terms.
    pub web_socket: Option<WebSocketConfig>,
    /// Whether TLS is below it, and on what terms.
    pub tls: Option<TlsConfig>,
}

impl ListenerConfig {
    /// Plain MQTT over TCP.
    pub const fn plain(listen: SocketAddr) -> Self {
        Self {
            listen,
            proxy_protocol: false,
            web_socket: None,
            tls: None,
        }
    }

    /// The scheme of its URL.
    pub const fn scheme(&self) -> &'static str {
        match (&self.web_socket, &self.tls) {
            (None, None) => "mqtt",
            (None, Some(_)) => "mqtts",
            (Some(_), None) => "ws",
            (Some(_), Some(_)) => "wss",
        }
    }

    /// Whether clients show certificates that are verified.
    pub fn verifies_clients(&self) -> bool {
        let tls = self.tls.as_ref();
        tls.is_some_and(|tls| tls.clients.is_some())
    }
}

impl Display for ListenerConfig {
    /// The address; with a scheme if it is not plain MQTT.
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        if self.tls.is_some() || self.web_socket.is_some() {
            write!(formatter, "{}://", self.scheme())?;
        }
        write!(formatter, "{}", self.listen)?;
        self.web_socket
            .as_ref()
            .map_or(Ok(()), |own| formatter.write_str(&own.path))
    }
}

/// MQTT in WebSocket frames (MQTT 5.0, section 6).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WebSocketConfig {
    /// The path of the request.
    pub path: String,
    /// Origins of pages that may connect; empty lets every page. Clients that are no browsers say none.
    pub origins: Vec<String>,
}

/// TLS, with files in PEM.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsConfig {
    /// The server's certificate, and those between it and the authority.
    pub certificate: PathBuf,
    /// Its key.
    pub key: PathBuf,
    /// The oldest version.
    pub min_version: TlsVersion,
    /// What clients show; `None` asks for nothing.
    pub clients: Option<ClientCertificates>,
}

/// A version of TLS.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TlsVersion {
    /// 1.2
    Tls12,
    /// 1.3
    Tls13,
}

/// Certificates that clients show.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientCertificates {
    /// The authorities they must be from.
    pub authorities: PathBuf,
    /// Revoked ones, if a list is kept.
    pub revoked: Option<PathBuf>,
    /// Whether there is no connection without one.
    pub required: bool,
}
