//! Where a server is: `-h` and `-p`, or `-L URL`.

use std::fmt::{self, Display, Formatter};
use std::str::FromStr;

use crate::config::Secret;

/// The path where MQTT is on WebSocket, unless a URL says otherwise.
const WEB_SOCKET_PATH: &str = "/mqtt";

/// Where a server is, and what is between its socket and MQTT.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Address {
    pub(super) host: String,
    pub(super) port: u16,
    pub(super) tls: bool,
    /// The path of the upgrade request, with WebSocket.
    pub(super) web_socket: Option<String>,
}

/// `mqtt://user:password@host:port/topic`, or `wss://host/path`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Url {
    pub(super) address: Address,
    pub(super) user: Option<String>,
    pub(super) password: Option<Secret<String>>,
    /// The path, where it is a topic.
    pub(super) topic: Option<String>,
}

impl Address {
    /// The URI of an upgrade request for `path`.
    pub(super) fn upgrade_uri(&self, path: &str) -> String {
        let scheme = if self.tls { "wss" } else { "ws" };
        format!("{scheme}://{}{path}", self.authority())
    }

    fn authority(&self) -> String {
        if self.host.contains(':') {
            format!("[{}]:{}", self.host, self.port)
        } else {
            format!("{}:{}", self.host, self.port)
        }
    }
}

impl Display for Address {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        match &self.web_socket {
            Some(path) => formatter.write_str(&self.upgrade_uri(path)),
            None if self.tls => write!(formatter, "mqtts://{}", self.authority()),
            None => formatter.write_str(&self.authority()),
        }
    }
}

impl FromStr for Url {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let known = "a URL begins with mqtt://, mqtts://, ws:// or wss://";
        let (scheme, rest) = text.split_once("://").ok_or(known)?;
        let (tls, framed, port) = match scheme {
            "mqtt" => (false, false, 1883),
            "mqtts" => (true, false, 8883),
            "ws" => (false, true, 80),
            "wss" => (true, true, 443),
            _ => return Err(known.to_owned()),
        };
        let (authority, path) = match rest.split_once('/') {
            Some((authority, path)) => (authority, Some(path).filter(|path| !path.is_empty())),
            None => (rest, None),
        };
        let (who, place) = match authority.rsplit_once('@') {
            Some((who, place)) => (Some(who), place),
            None => (None, authority),
        };
        let (user, password) = match who.map(|who| who.split_once(':').unwrap_or((who, ""))) {
            Some((user, "")) => (Some(decoded(user)?), None),
            Some((user, password)) => {
                let password = Secret::new(decoded(password)?);
                (Some(decoded(user)?), Some(password))
            }
            None => (None, None),
        };
        let (host, port) = place_of(place, port)?;
        let web_socket =
            framed.then(|| path.map_or(WEB_SOCKET_PATH.to_owned(), |path| format!("/{path}")));
        Ok(Self {
            address: Address {
                host,
                port,
                tls,
                web_socket,
            },
            user,
            password,
            topic: path.filter(|_| !framed).map(decoded).transpose()?,
        })
    }
}

/// Host and port of `host`, `host:port`, `[::1]` or `[::1]:port`.
fn place_of(place: &str, standard: u16) -> Result<(String, u16), String> {
    let (host, port) = match place.strip_prefix('[') {
        Some(rest) => {
            let (host, after) = rest.split_once(']').ok_or("`[` has no `]`")?;
            (host, after.strip_prefix(':'))
        }
        None => match place.split_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (place, None),
        },
    };
    if host.is_empty() {
        return Err("the URL names no host".to_owned());
    }
    let Some(port) = port else {
        return Ok((host.to_owned(), standard));
    };
    match port.parse() {
        Ok(port) => Ok((host.to_owned(), port)),
        Err(_) => Err(format!("`{port}` is no port")),
    }
}

/// Text with `%2F` and the like as the bytes they stand for.
fn decoded(text: &str) -> Result<String, String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, after)) = rest.split_first() {
        rest = after;
        if first != b'%' {
            bytes.push(first);
            continue;
        }
        let digits = rest.get(..2).and_then(|two| std::str::from_utf8(two).ok());
        let byte = digits.and_then(|digits| u8::from_str_radix(digits, 16).ok());
        bytes.push(byte.ok_or("`%` must be followed by two hexadecimal digits")?);
        rest = rest.get(2..).unwrap_or_default();
    }
    String::from_utf8(bytes).map_err(|error| format!("the URL is no UTF-8: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> Url {
        text.parse().unwrap()
    }

    #[test]
    fn urls_say_where_how_who_and_what() {
        let full = url("mqtts://ada:s%3Acret@[::1]:99/room/1%23");
        assert_eq!(full.address.to_string(), "mqtts://[::1]:99");
        assert_eq!(full.user.unwrap(), "ada");
        assert_eq!(full.password.unwrap().reveal(), "s:cret");
        assert_eq!(full.topic.unwrap(), "room/1#");
        assert_eq!(url("mqtt://host").address.to_string(), "host:1883");
        assert_eq!(url("mqtts://host/").address.port, 8883);
        assert_eq!(url("mqtts://host/").topic, None);
        assert_eq!(url("ws://host:8").address.to_string(), "ws://host:8/mqtt");
        let elsewhere = url("wss://host/a/b");
        assert_eq!(elsewhere.address.to_string(), "wss://host:443/a/b");
        assert_eq!(elsewhere.topic, None);
    }

    #[test]
    fn a_url_that_is_none_is_refused() {
        for wrong in [
            "host",
            "http://host",
            "mqtt://",
            "mqtt://[::1",
            "mqtt://h:x",
            "mqtt://h/%2",
            "mqtt://%zz@h",
        ] {
            assert!(wrong.parse::<Url>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_password_in_a_url_is_not_printed() {
        let shown = format!("{:?}", url("mqtt://ada:hunter2@host"));
        assert!(!shown.contains("hunter2"), "{shown}");
    }
}
