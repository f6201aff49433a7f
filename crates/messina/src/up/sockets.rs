//! The ports, opened before anything else: one that is in use is found out before any file is touched.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use tokio::net::TcpListener;

use super::error::UpError;
use super::patience;
use super::role::Role;
use crate::config::{Config, ListenerConfig};
use crate::listener::tcp::{self, ListenError};
use crate::listener::{Below, Listening};

/// Where a started program is to be found.
#[derive(Debug, Clone)]
pub struct Ready {
    /// Addresses of the MQTT listeners, and what they speak.
    pub mqtt: Vec<(&'static str, SocketAddr)>,
    /// Address of the admin API.
    pub admin: Option<SocketAddr>,
    /// Address of Kafka Connect's REST API.
    pub rest: Option<SocketAddr>,
    /// The data directory.
    pub data: PathBuf,
}

/// The listening sockets.
pub(super) struct Sockets {
    pub(super) mqtt: Vec<Listening>,
    pub(super) admin: Option<TcpListener>,
    pub(super) rest: Option<TcpListener>,
}

impl Sockets {
    pub(super) fn open(config: &Config, role: Role) -> Result<Self, UpError> {
        let listeners = config.gateway.listeners.iter();
        let mqtt = listeners.filter(|_| role.has_gateway());
        let rest = config.rest.listen.filter(|_| role.has_sinks());
        let admin = config.admin.listen;
        let listen = |setting, address| {
            let in_use = |error: &ListenError| matches!(error, ListenError::InUse { .. });
            patience::try_again(|| tcp::listen(setting, address), in_use)
        };
        Ok(Self {
            mqtt: mqtt
                .map(|own| {
                    Ok::<_, UpError>(Listening {
                        below: Arc::new(Below::open(own, config.access.certificate_user)?),
                        socket: listen(setting_of(own), own.listen)?,
                    })
                })
                .collect::<Result<_, _>>()?,
            admin: admin
                .map(|address| listen("admin.listen", address))
                .transpose()?,
            rest: rest
                .map(|address| listen("rest.listen", address))
                .transpose()?,
        })
    }

    pub(super) fn ready(&self, config: &Config) -> Ready {
        let address = |listener: &TcpListener| listener.local_addr().ok();
        Ready {
            mqtt: self
                .mqtt
                .iter()
                .zip(&config.gateway.listeners)
                .filter_map(|(own, said)| Some((said.scheme(), address(&own.socket)?)))
                .collect(),
            admin: self.admin.as_ref().and_then(address),
            rest: self.rest.as_ref().and_then(address),
            data: config.data.clone(),
        }
    }
}

/// The setting that names a listener's address.
fn setting_of(listener: &ListenerConfig) -> &'static str {
    if *listener == ListenerConfig::plain(listener.listen) {
        "gateway.listen"
    } else {
        "gateway.listener.listen"
    }
}
