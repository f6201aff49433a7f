//! The ports, opened before anything else: one that is in use is found out before any file is touched.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use tokio::net::TcpListener;

use super::error::UpError;
use super::patience;
use super::role::Role;
use crate::config::{CertificateUser, Config, ListenerConfig, RestListener, RestPaths};
use crate::listener::tcp::{self, ListenError};
use crate::listener::{Below, Listening};

/// Where a started program is to be found.
#[derive(Debug, Clone)]
pub struct Ready {
    /// Addresses of the MQTT listeners, and what they speak.
    pub mqtt: Vec<(&'static str, SocketAddr)>,
    /// Address of the admin API.
    pub admin: Option<SocketAddr>,
    /// Addresses of Kafka Connect's REST API.
    pub rest: Vec<RestAt>,
    /// The data directory.
    pub data: PathBuf,
}

/// A listener of Kafka Connect's REST API.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RestAt {
    /// The scheme of its URL.
    pub scheme: &'static str,
    /// Its address.
    pub address: SocketAddr,
    /// What it answers.
    pub paths: RestPaths,
}

/// The listening sockets.
pub(super) struct Sockets {
    pub(super) mqtt: Vec<Listening>,
    pub(super) admin: Option<TcpListener>,
    pub(super) rest: Vec<(RestListener, Listening)>,
}

impl Sockets {
    pub(super) fn open(config: &Config, role: Role) -> Result<Self, UpError> {
        let listeners = config.gateway.listeners.iter();
        let mqtt = listeners.filter(|_| role.has_gateway());
        let rest = config.rest.listeners.iter().filter(|_| role.has_sinks());
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
                .map(|own| {
                    let below = Below::open(&own.below(), CertificateUser::Off)?;
                    let listening = Listening {
                        below: Arc::new(below),
                        socket: listen("rest.listen", own.listen)?,
                    };
                    Ok::<_, UpError>((own.clone(), listening))
                })
                .collect::<Result<_, _>>()?,
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
            rest: self
                .rest
                .iter()
                .filter_map(|(own, listening)| {
                    Some(RestAt {
                        scheme: own.scheme(),
                        address: address(&listening.socket)?,
                        paths: own.paths,
                    })
                })
                .collect(),
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
