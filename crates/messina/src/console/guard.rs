//! Who may ask the admin API: programs on this machine, and browsers that mean it.
//!
//! A page of somebody else can make a browser send requests to any address. What it cannot choose is the `Host`
//! the browser writes: the name in the page's own address. A name that an attacker has pointed at us
//! (DNS rebinding) is therefore refused, and so is a request that another page's script began (`Origin`).

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::exchange::ApiError;
use super::status::Sources;

/// The names and addresses the admin API answers to.
#[derive(Debug, Clone, Default)]
pub struct Hosts {
    /// Where it listens.
    pub listen: Option<SocketAddr>,
    /// `admin.hosts`: names it has beside loopback's.
    pub names: Vec<String>,
}

impl Hosts {
    /// Whether a `Host` header means us.
    fn mean(&self, authority: &str) -> bool {
        let host = without_port(authority);
        if let Ok(address) = host.trim_matches(['[', ']']).parse::<IpAddr>() {
            // An address cannot be made to point elsewhere; of an unspecified listener any may be ours.
            address.is_loopback()
                || self
                    .listen
                    .is_some_and(|own| own.ip().is_unspecified() || own.ip() == address)
        } else {
            let same = |name: &str| name.eq_ignore_ascii_case(host);
            same("localhost") || self.names.iter().any(|name| same(name))
        }
    }

    /// Why a request is not for us, or not from somebody who may ask.
    pub(crate) fn refuse(&self, headers: &HeaderMap, setting: &str) -> Option<String> {
        let mut hosts = headers.get_all(header::HOST).iter();
        let (Some(Ok(host)), None) = (hosts.next().map(|host| host.to_str()), hosts.next()) else {
            return Some("a request needs one `Host` header".to_owned());
        };
        if !self.mean(host) {
            return Some(format!(
                "this server is not called `{host}`; name it in `{setting}`"
            ));
        }
        let origin = headers.get(header::ORIGIN)?;
        let own = origin
            .to_str()
            .ok()
            .and_then(|origin| origin.split_once("://"))
            .is_some_and(|(_, authority)| authority.eq_ignore_ascii_case(host));
        (!own).then(|| "other pages' scripts are not answered".to_owned())
    }
}

fn without_port(authority: &str) -> &str {
    match authority.rsplit_once(':') {
        Some((host, port)) if !port.contains(']') && !host.ends_with(':') => host,
        _ => authority,
    }
}

/// Refuses what [`Hosts`] refuses, before anything looks at the request.
pub(super) async fn guard(
    State(sources): State<Arc<Sources>>,
    request: Request,
    next: Next,
) -> Response {
    match sources.hosts.refuse(request.headers(), "admin.hosts") {
        Some(why) => ApiError::forbidden(&why).into_response(),
        None => next.run(request).await,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(hosts: &Hosts, headers: &[(header::HeaderName, &str)]) -> bool {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(name, value.parse().unwrap());
        }
        hosts.refuse(&map, "admin.hosts").is_some()
    }

    #[test]
    fn loopback_and_configured_names_are_ours_and_no_others() {
        let local = Hosts {
            listen: Some("127.0.0.1:8080".parse().unwrap()),
            names: vec!["gateway.example".to_owned()],
        };
        for host in [
            "localhost:8080",
            "LOCALHOST",
            "127.0.0.1:8080",
            "127.9.9.9",
            "[::1]:8080",
            "[::1]",
            "Gateway.example:443",
        ] {
            assert!(!refused(&local, &[(header::HOST, host)]), "{host}");
        }
        for host in [
            "evil.example:8080",
            "localhost.evil.example",
            "127.0.0.1.evil.example",
            "192.168.1.5:8080",
            "[2001:db8::1]:8080",
            "",
        ] {
            assert!(refused(&local, &[(header::HOST, host)]), "{host}");
        }
        assert!(refused(&local, &[]));
        let twice = [(header::HOST, "localhost"), (header::HOST, "localhost")];
        assert!(refused(&local, &twice));
    }

    #[test]
    fn an_open_listener_answers_to_its_addresses_and_still_to_no_strange_name() {
        let open = Hosts {
            listen: Some("0.0.0.0:8080".parse().unwrap()),
            names: Vec::new(),
        };
        assert!(!refused(&open, &[(header::HOST, "192.168.1.5:8080")]));
        assert!(refused(&open, &[(header::HOST, "evil.example:8080")]));
    }

    #[test]
    fn scripts_of_other_pages_are_refused() {
        let hosts = Hosts::default();
        let from = |origin| {
            let headers = [(header::HOST, "localhost:8080"), (header::ORIGIN, origin)];
            refused(&hosts, &headers)
        };
        assert!(!from("http://localhost:8080"));
        assert!(from("http://localhost:3000"));
        assert!(from("https://evil.example"));
        assert!(from("null"));
    }
}
