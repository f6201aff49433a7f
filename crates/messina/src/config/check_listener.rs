//! `[[gateway.listener]]`: files are named here and read by `listener::tls`.

use std::path::Path;

use super::listener::{ClientCertificates, ListenerConfig, TlsConfig, TlsVersion, WebSocketConfig};
use super::problem::Problem;
use super::section::Section;

/// What a listener speaks.
#[derive(Clone, Copy)]
struct Protocol {
    web_socket: bool,
    tls: bool,
}

const PROTOCOLS: [(&str, Protocol); 4] = [
    ("mqtt", protocol(false, false)),
    ("mqtts", protocol(false, true)),
    ("ws", protocol(true, false)),
    ("wss", protocol(true, true)),
];

const fn protocol(web_socket: bool, tls: bool) -> Protocol {
    Protocol { web_socket, tls }
}

/// The listeners of a gateway.
pub(super) fn listeners(gateway: &Section<'_>, data: &Path) -> Vec<ListenerConfig> {
    let sections = gateway.sections("listener");
    let each = sections.iter().flat_map(|section| one(section, data));
    each.collect()
}

/// One for each address.
fn one(section: &Section<'_>, data: &Path) -> Vec<ListenerConfig> {
    section.required("listen");
    section.required("protocol");
    let addresses = section.addresses("listen").unwrap_or_default();
    let Some(protocol) = section.choice("protocol", &PROTOCOLS) else {
        section.known(&["tls", "path", "origins", "proxy_protocol"]);
        section.finish();
        return Vec::new();
    };
    let web_socket = protocol.web_socket.then(|| web_socket(section));
    let encrypted = section.section("tls");
    if let Some(given) = encrypted.as_ref().filter(|_| !protocol.tls) {
        let help = "the encrypted protocols are \"mqtts\" and \"wss\"";
        let message = "`tls` has no meaning for a protocol that is not encrypted";
        section.report(Problem::error(given.span(), message).help(help));
    }
    if protocol.tls && encrypted.is_none() {
        section.required("tls");
    }
    let encrypted = encrypted.map(|given| tls(&given, data));
    let proxy_protocol = section.boolean("proxy_protocol").unwrap_or(false);
    section.finish();
    let listener = |listen| ListenerConfig {
        listen,
        proxy_protocol,
        web_socket: web_socket.clone(),
        tls: encrypted.clone().flatten(),
    };
    addresses.into_iter().map(listener).collect()
}

fn web_socket(section: &Section<'_>) -> WebSocketConfig {
    let path = section.text("path");
    if let Some((path, span)) = path.filter(|(path, _)| !path.starts_with('/')) {
        let message = format!("the path `{path}` does not begin with `/`");
        section.report(Problem::error(span, message));
    }
    let origins = section.texts("origins").unwrap_or_default();
    WebSocketConfig {
        path: path.map_or("/mqtt", |(path, _)| path).to_owned(),
        origins: origins.iter().map(|(one, _)| (*one).to_owned()).collect(),
    }
}

/// A table of TLS: the server's files, and what clients show.
pub(super) fn tls(section: &Section<'_>, data: &Path) -> Option<TlsConfig> {
    let versions = [("1.2", TlsVersion::Tls12), ("1.3", TlsVersion::Tls13)];
    let asked = [
        ("off", None),
        ("optional", Some(false)),
        ("required", Some(true)),
    ];
    let file = |field| section.text(field).map(|(text, _)| data.join(text));
    let certificate = section.required_text("certificate");
    let key = section.required_text("key");
    let min_version = section.choice("min_version", &versions);
    let (authorities, revoked) = (file("client_ca"), file("client_crl"));
    // Who names an authority wants its clients and no others.
    let unsaid = authorities.as_ref().map(|_| true);
    let required = section
        .choice("client_certificate", &asked)
        .unwrap_or(unsaid);
    if (required.is_some() || revoked.is_some()) && authorities.is_none() {
        let message = "nothing says which authority client certificates are from";
        let help = "add `client_ca = \"FILE\"`";
        section.report(Problem::error(section.span(), message).help(help));
    }
    section.finish();
    Some(TlsConfig {
        certificate: data.join(certificate?.0),
        key: data.join(key?.0),
        min_version: min_version.unwrap_or(TlsVersion::Tls12),
        clients: required
            .zip(authorities)
            .map(|(required, authorities)| ClientCertificates {
                authorities,
                revoked,
                required,
            }),
    })
}
