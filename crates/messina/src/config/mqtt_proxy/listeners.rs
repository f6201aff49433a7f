//! `listeners` and `listeners.*`: where devices connect, and how they are protected.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use super::written::Properties;
use crate::config::java_store::{self, StoreHolds, StoreKind};
use crate::config::{ClientCertificates, ListenerConfig, TlsConfig, TlsVersion};

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
        tls(properties)
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

fn tls(properties: &mut Properties) -> Option<TlsConfig> {
    let own = store(properties, "keystore", StoreHolds::Key);
    if own.is_none() && properties.get("listeners.ssl.keystore.location").is_none() {
        let help = "name a PEM file with the server's key and certificates, and add `listeners.ssl.keystore.type=PEM`";
        properties.error("listeners.ssl.keystore.location", "is missing", help);
    }
    if properties.get("listeners.ssl.key.password").is_some() {
        let message = "is set, and keys with a password are not read";
        let help = "take it off with `openssl pkey -in KEY.pem -out CLEAR.pem`, and have the file readable for nobody else";
        properties.error("listeners.ssl.key.password", message, help);
    }
    let clients = clients(properties);
    let min_version = min_version(properties);
    if properties.get("listeners.ssl.cipher.suites").is_some() {
        let help = "the suites are those of TLS 1.2 and 1.3 that are not broken";
        properties.warn("listeners.ssl.cipher.suites", "has no effect", help);
    }
    let own = own?;
    Some(TlsConfig {
        certificate: own.clone(),
        key: own,
        min_version,
        clients,
    })
}

/// The file of a store that is PEM.
fn store(properties: &mut Properties, which: &str, holds: StoreHolds) -> Option<PathBuf> {
    let name = format!("listeners.ssl.{which}.location");
    let kind_name = format!("listeners.ssl.{which}.type");
    let location = properties.text(&name)?.to_owned();
    match java_store::kind(properties.text(&kind_name), &location) {
        Ok(StoreKind::Pem) => Some(PathBuf::from(location)),
        Ok(kind) => {
            let commands = java_store::conversion(kind, holds, &location);
            let help =
                format!("{commands}; and set `{kind_name}=PEM` and `{name}` to the new file");
            properties.error(&name, "is a store that only Java reads", &help);
            None
        }
        Err(message) => {
            properties.error(&kind_name, &message, "PEM is read as it is");
            None
        }
    }
}

fn clients(properties: &mut Properties) -> Option<ClientCertificates> {
    let words = [
        ("none", None),
        ("requested", Some(false)),
        ("required", Some(true)),
    ];
    let name = "listeners.ssl.client.auth";
    let required = properties.choice(name, &words, None);
    let authorities = store(properties, "truststore", StoreHolds::Authorities);
    let required = required?;
    if authorities.is_none()
        && properties
            .get("listeners.ssl.truststore.location")
            .is_none()
    {
        let message = "asks for certificates, and nothing says whose";
        properties.error(
            name,
            message,
            "add `listeners.ssl.truststore.location`, a PEM file",
        );
    }
    authorities.map(|authorities| ClientCertificates {
        authorities,
        revoked: None,
        required,
    })
}

/// The oldest version that is both enabled and spoken.
fn min_version(properties: &mut Properties) -> TlsVersion {
    let name = "listeners.ssl.enabled.protocols";
    let Some(written) = properties.text(name).map(str::to_owned) else {
        return TlsVersion::Tls12;
    };
    let has = |version: &str| {
        written
            .split(',')
            .any(|own| own.trim().eq_ignore_ascii_case(version))
    };
    match (has("TLSv1.2"), has("TLSv1.3")) {
        (true, false) => {
            properties.warn(
                name,
                "leaves out TLSv1.3, which is spoken too",
                "add TLSv1.3",
            );
            TlsVersion::Tls12
        }
        (true, true) => TlsVersion::Tls12,
        (false, true) => TlsVersion::Tls13,
        (false, false) => {
            properties.error(
                name,
                "has neither TLSv1.2 nor TLSv1.3",
                "older versions are broken, and not spoken",
            );
            TlsVersion::Tls12
        }
    }
}
