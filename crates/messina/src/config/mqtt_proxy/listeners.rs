//! `listeners` and `listeners.*`: where devices connect, and how they are protected.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use super::written::Properties;
use crate::config::ListenerConfig;
use crate::config::java_tls::{JavaProperties, JavaTls};

const LISTENERS: &str = "listeners";
pub(super) const PROTOCOL: &str = "listeners.security.protocol";

/// What protects a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Protection {
    pub(super) encrypts: bool,
    /// Whether clients show a password.
    pub(super) asks: bool,
}

const fn protection(encrypts: bool, asks: bool) -> Protection {
    Protection { encrypts, asks }
}

const PROTOCOLS: [(&str, Protection); 6] = [
    ("PLAINTEXT", protection(false, false)),
    ("SSL", protection(true, false)),
    ("TLS", protection(true, false)),
    ("SASL_PLAINTEXT", protection(false, true)),
    ("SASL_SSL", protection(true, true)),
    ("SASL_TLS", protection(true, true)),
];

/// `listeners.ssl.*` that are read.
pub(super) const READ: [&str; 8] = [
    "listeners.ssl.keystore.type",
    "listeners.ssl.keystore.location",
    "listeners.ssl.key.password",
    "listeners.ssl.truststore.type",
    "listeners.ssl.truststore.location",
    "listeners.ssl.client.auth",
    "listeners.ssl.enabled.protocols",
    "listeners.ssl.cipher.suites",
];

pub(super) fn listeners(properties: &mut Properties) -> (Vec<ListenerConfig>, Protection) {
    let protection = properties.choice(PROTOCOL, &PROTOCOLS, protection(false, false));
    let tls = if protection.encrypts {
        JavaTls::new(properties, "listeners.ssl.").server()
    } else {
        None
    };
    let written = properties
        .text(LISTENERS)
        .unwrap_or("0.0.0.0:1883")
        .to_owned();
    let mut listeners = Vec::new();
    for text in written.split(',').map(str::trim) {
        match address(text) {
            Ok(listen) => listeners.push(ListenerConfig {
                tls: tls.clone(),
                ..ListenerConfig::plain(listen)
            }),
            Err(why) => {
                let message = format!("has `{text}`, which {why}");
                properties.error(LISTENERS, &message, "write for example `0.0.0.0:1883`");
            }
        }
    }
    (listeners, protection)
}

/// `host:port`, perhaps with a scheme, which says nothing that the protocol does not.
fn address(text: &str) -> Result<SocketAddr, &'static str> {
    let authority = text
        .split_once("://")
        .map_or(text, |(_, authority)| authority);
    let (host, port) = authority.rsplit_once(':').ok_or("has no port")?;
    let port = port.parse().map_err(|_not| "has no port")?;
    let host = match host.trim_matches(['[', ']']) {
        "" => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
        "localhost" => IpAddr::V4(Ipv4Addr::LOCALHOST),
        host => host
            .parse()
            .map_err(|_not| "names a host, and an address is needed")?,
    };
    Ok(SocketAddr::new(host, port))
}

impl JavaProperties for Properties {
    fn text(&self, option: &str) -> Option<&str> {
        Properties::text(self, option)
    }

    fn refuse(&mut self, option: &str, message: &str, help: &str) {
        self.error(option, message, help);
    }

    fn warn(&mut self, option: &str, message: &str, help: &str) {
        Properties::warn(self, option, message, help);
    }
}
