//! `[rest]` in its checked form: Kafka Connect's REST API, and what a worker's file says of it.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use super::{ClientTls, ListenerConfig, OverridePolicy, TlsConfig};
use crate::herder::Providers;

/// Kafka Connect's REST API.
#[derive(Debug, Clone)]
pub struct RestConfig {
    /// Where it listens; nowhere switches it off.
    pub listeners: Vec<RestListener>,
    /// How other workers are asked whose listener encrypts; `None` where nothing says who signs their certificates.
    pub peers: Option<ClientTls>,
    /// A file of users and passwords (`user=password`), one of which a request must have.
    pub users: Option<PathBuf>,
    /// Names tools may call it by, beside loopback's and its own address.
    pub hosts: Vec<String>,
    /// Connectors at most.
    pub max_connectors: usize,
    /// Bytes of a request's body at most.
    pub max_body: usize,
    /// Longest a request may take.
    pub request_timeout: Duration,
    /// Whether it tells which topics connectors read.
    pub topics: TopicTracking,
    /// What variables in connectors' options may stand for.
    pub providers: Providers,
    /// Converters and their options for connectors that name none: a worker's file may have them.
    pub converters: Vec<(String, String)>,
    /// Which of their clients' settings connectors may have of their own: a worker's file may say.
    pub overrides: OverridePolicy,
}

/// A listener of the REST API.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RestListener {
    /// Where.
    pub listen: SocketAddr,
    /// Whether TLS is below it, and on what terms.
    pub tls: Option<TlsConfig>,
    /// What is answered there.
    pub paths: RestPaths,
}

impl RestListener {
    /// The scheme of its URL.
    pub const fn scheme(&self) -> &'static str {
        if self.tls.is_some() { "https" } else { "http" }
    }

    /// What is below HTTP.
    pub fn below(&self) -> ListenerConfig {
        ListenerConfig {
            tls: self.tls.clone(),
            ..ListenerConfig::plain(self.listen)
        }
    }
}

/// What a listener answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RestPaths {
    /// Everything.
    All,
    /// Everything but `/admin`, which another listener has, or none.
    WithoutAdmin,
    /// `/admin` alone.
    Admin,
}

/// Whether the REST API tells which topics connectors read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TopicTracking {
    /// Whether it tells.
    pub enabled: bool,
    /// Whether it may be asked to forget.
    pub reset: bool,
}

impl Default for TopicTracking {
    fn default() -> Self {
        Self {
            enabled: true,
            reset: true,
        }
    }
}
