//! The REST API of a worker's file: where it listens, what protects it, who may ask, and what is answered where.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use messina_connect::config::{ConnectorConfig, Problem};

use super::java_tls::{JavaProperties, JavaTls};
use super::{ClientTls, RestConfig, RestListener, RestPaths, TopicTracking};

/// What a file says of the REST API.
#[derive(Debug, Clone, Default)]
pub struct WorkerRest {
    /// Where it listens, if that is said.
    listeners: Option<Vec<RestListener>>,
    /// Where `/admin` is answered, if not there; empty for nowhere.
    admin: Option<Vec<RestListener>>,
    peers: Option<ClientTls>,
    topics: TopicTracking,
    /// Whether Kafka Connect's own extension is to ask for users and passwords: those of Java's log-in configuration.
    pub asks_for_passwords: bool,
}

impl WorkerRest {
    /// Puts what is said into the configuration.
    pub fn apply(&self, rest: &mut RestConfig) {
        if let Some(listeners) = &self.listeners {
            rest.listeners.clone_from(listeners);
        }
        if let Some(admin) = &self.admin {
            for listener in &mut rest.listeners {
                listener.paths = RestPaths::WithoutAdmin;
            }
            rest.listeners.extend(admin.iter().cloned());
        }
        rest.peers.clone_from(&self.peers);
        rest.topics = self.topics;
    }
}

/// Names that are read here.
pub(super) const READ: [&str; 8] = [
    "admin.listeners",
    "listeners",
    "rest.advertised.listener",
    "rest.extension.classes",
    "rest.host.name",
    "rest.port",
    "topic.tracking.allow.reset",
    "topic.tracking.enable",
];

/// Beginnings of names that are read here.
pub(super) const PREFIXES: [&str; 2] = [HTTPS, "admin.listeners.https."];

/// The beginning of the options that only `https` has.
pub(super) const HTTPS: &str = "listeners.https.";

/// Who signs the certificates of workers, where it is said of them alone.
const PEERS: &str = "listeners.https.ssl.truststore.location";

const EXTENSION: &str =
    "org.apache.kafka.connect.rest.basic.auth.extension.BasicAuthSecurityRestExtension";

/// Reads what concerns the REST API.
pub(super) fn rest(
    config: &ConnectorConfig,
    problems: &mut Vec<Problem>,
    warnings: &mut Vec<Problem>,
) -> WorkerRest {
    let mut reader = Reader {
        config,
        problems,
        warnings,
    };
    let listeners = reader.listeners();
    let encrypts = listeners.iter().flatten().any(|own| own.tls.is_some());
    // One that does not encrypt may be told who signs the certificates of those that do.
    let asks_with_tls = encrypts || reader.text(PEERS).is_some();
    WorkerRest {
        admin: reader.admin(),
        peers: asks_with_tls.then(|| reader.peers(HTTPS)).flatten(),
        topics: TopicTracking {
            enabled: reader.boolean("topic.tracking.enable", true),
            reset: reader.boolean("topic.tracking.allow.reset", true),
        },
        asks_for_passwords: reader.extension(),
        listeners,
    }
}

/// How the options of TLS begin that count below `prefix`. As in Kafka Connect: if one has it, those without count for
/// nothing.
pub(super) fn tls_prefix(config: &ConnectorConfig, prefix: &str) -> String {
    let own = format!("{prefix}ssl.");
    let is_said = config.iter().any(|(name, _)| name.starts_with(&own));
    if is_said { own } else { "ssl.".to_owned() }
}

/// Whether workers are to find this one under a listener that encrypts: what is said, else only where no other is.
pub(super) fn advertises_tls(config: &ConnectorConfig) -> Result<bool, String> {
    let written = config.text("listeners").unwrap_or_default();
    let has = |scheme: &str| {
        let mut all = written.split(',').map(str::trim);
        all.any(|own| own.to_ascii_lowercase().starts_with(scheme))
    };
    let said = config.text("rest.advertised.listener").unwrap_or_default();
    match said.trim().to_ascii_lowercase().as_str() {
        "" => Ok(has("https://") && !has("http://")),
        "http" => Ok(false),
        "https" if has("https://") => Ok(true),
        "https" => Err("is `https`, which is not among `listeners`".to_owned()),
        other => Err(format!("`{other}` is neither http nor https")),
    }
}

struct Reader<'a> {
    config: &'a ConnectorConfig,
    problems: &'a mut Vec<Problem>,
    warnings: &'a mut Vec<Problem>,
}

impl JavaProperties for Reader<'_> {
    fn text(&self, option: &str) -> Option<&str> {
        let text = self.config.text(option).map(str::trim);
        text.filter(|text| !text.is_empty())
    }

    fn refuse(&mut self, option: &str, message: &str, help: &str) {
        let problem = Problem::new(self.config, option, message).help(help);
        self.problems.push(problem);
    }

    fn warn(&mut self, option: &str, message: &str, help: &str) {
        let problem = Problem::new(self.config, option, message).help(help);
        self.warnings.push(problem);
    }
}

impl Reader<'_> {
    fn boolean(&mut self, option: &str, default: bool) -> bool {
        let text = self.text(option).map(str::to_ascii_lowercase);
        match text.as_deref() {
            None => default,
            Some("true") => true,
            Some("false") => false,
            Some(other) => {
                let message = format!("`{other}` is neither `true` nor `false`");
                self.refuse(option, &message, "leave it out for the default");
                default
            }
        }
    }

    /// `listeners`, or the older `rest.host.name` and `rest.port`.
    fn listeners(&mut self) -> Option<Vec<RestListener>> {
        if let Some(written) = self.text("listeners").map(str::to_owned) {
            return Some(self.all("listeners", &written, HTTPS, RestPaths::All));
        }
        let port = self.text("rest.port")?.to_owned();
        let host = self.text("rest.host.name").unwrap_or_default();
        let written = format!("http://{host}:{port}");
        Some(self.all("rest.port", &written, "", RestPaths::All))
    }

    /// `admin.listeners`: absent, `/admin` is where everything is; empty, nowhere.
    fn admin(&mut self) -> Option<Vec<RestListener>> {
        let option = "admin.listeners";
        let written = self.config.text(option)?.trim().to_owned();
        if written.is_empty() {
            return Some(Vec::new());
        }
        Some(self.all(option, &written, "admin.listeners.https.", RestPaths::Admin))
    }

    fn all(
        &mut self,
        option: &str,
        written: &str,
        prefix: &str,
        paths: RestPaths,
    ) -> Vec<RestListener> {
        let mut listeners = Vec::new();
        let mut tls = None;
        for one in written.split(',').map(str::trim) {
            let (encrypts, listen) = match listener(one) {
                Ok(listener) => listener,
                Err(why) => {
                    let help = "write it as `http://127.0.0.1:8083` or `https://127.0.0.1:8443`";
                    self.refuse(option, &format!("`{one}` {why}"), help);
                    continue;
                }
            };
            if encrypts && tls.is_none() {
                tls = self.tls(prefix).server();
            }
            listeners.push(RestListener {
                listen,
                tls: tls.clone().filter(|_| encrypts),
                paths,
            });
        }
        listeners
    }

    /// The options of TLS below `prefix`.
    fn tls(&mut self, prefix: &str) -> JavaTls<'_, Self> {
        let prefix = tls_prefix(self.config, prefix);
        JavaTls::new(self, prefix)
    }

    /// How the other workers are asked, whose listeners have certificates of the same authorities.
    fn peers(&mut self, prefix: &str) -> Option<ClientTls> {
        let tls = self.tls(prefix);
        let (ca, identity) = (tls.file("truststore")?, tls.file("keystore"));
        let names = tls.name("endpoint.identification.algorithm");
        // An empty value says no.
        let names = self.config.text(&names).map(str::trim);
        Some(ClientTls {
            ca,
            identity,
            verify_names: names.is_none_or(|names| !names.is_empty()),
        })
    }

    /// Foreign code is not loaded; Kafka Connect's own extension that asks for passwords is built in.
    fn extension(&mut self) -> bool {
        let option = "rest.extension.classes";
        let Some(written) = self.text(option).map(str::to_owned) else {
            return false;
        };
        let simple = |class: &str| class.rsplit('.').next().unwrap_or_default().to_owned();
        let mut asks = false;
        for class in written.split(',').map(str::trim) {
            if class == EXTENSION || class == simple(EXTENSION) {
                asks = true;
                continue;
            }
            let message = format!("`{class}` is Java code, and none is loaded into this process");
            let help =
                "leave it out; only Kafka Connect's own BasicAuthSecurityRestExtension is built in";
            self.refuse(option, &message, help);
        }
        asks
    }
}

/// `http://host:port`, and whether it is `https`. Without a host it is loopback: an API that asks nobody who they are
/// is not opened to all by leaving something out.
fn listener(text: &str) -> Result<(bool, SocketAddr), &'static str> {
    let (scheme, authority) = text.split_once("://").ok_or("has no scheme")?;
    let encrypts = match scheme.to_ascii_lowercase().as_str() {
        "http" => false,
        "https" => true,
        _ => return Err("is neither http nor https"),
    };
    let authority = authority.trim_end_matches('/');
    let (host, port) = authority.rsplit_once(':').ok_or("has no port")?;
    let port = port.parse().map_err(|_error| "has no port")?;
    let host = host.trim_matches(['[', ']']);
    let address = match host {
        "" | "localhost" => IpAddr::V4(Ipv4Addr::LOCALHOST),
        host => host
            .parse()
            .map_err(|_error| "names a host, and an address is needed")?,
    };
    Ok((encrypts, SocketAddr::new(address, port)))
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;
    use crate::config::TlsVersion;

    type Outcome = (WorkerRest, Vec<String>, Vec<String>);

    fn read(options: &[(&str, &str)]) -> Outcome {
        let mut config = ConnectorConfig::new("worker");
        for (option, value) in options {
            config.set(*option, (*value).into());
        }
        let (mut problems, mut warnings) = (Vec::new(), Vec::new());
        let read = rest(&config, &mut problems, &mut warnings);
        let shown = |all: Vec<Problem>| all.iter().map(ToString::to_string).collect();
        (read, shown(problems), shown(warnings))
    }

    #[test]
    fn listeners_are_opened_as_they_are_named_and_loopback_without_a_host() {
        assert_eq!(
            listener("http://0.0.0.0:1"),
            Ok((false, "0.0.0.0:1".parse().unwrap()))
        );
        assert_eq!(
            listener("HTTPS://[::1]:1/"),
            Ok((true, "[::1]:1".parse().unwrap()))
        );
        assert_eq!(
            listener("http://:8083"),
            Ok((false, "127.0.0.1:8083".parse().unwrap()))
        );
        assert!(listener("ftp://:1").is_err());
        let (rest, problems, _) = read(&[("rest.host.name", "127.0.0.2"), ("rest.port", "81")]);
        assert!(problems.is_empty(), "{problems:?}");
        let listeners = rest.listeners.unwrap();
        assert_eq!(listeners[0].listen, "127.0.0.2:81".parse().unwrap());
    }

    #[test]
    fn https_has_its_own_options_or_those_at_the_top_and_never_some_of_both() {
        let own = [
            ("listeners", "http://:1,https://:2"),
            ("ssl.keystore.location", "/top.pem"),
            ("listeners.https.ssl.keystore.location", "/own.pem"),
            ("listeners.https.ssl.truststore.location", "/ca.pem"),
            ("listeners.https.ssl.client.auth", "required"),
            ("listeners.https.ssl.enabled.protocols", "TLSv1.3"),
        ];
        let (rest, problems, warnings) = read(&own);
        assert!(problems.is_empty() && warnings.is_empty(), "{problems:?}");
        let listeners = rest.listeners.unwrap();
        assert_eq!(listeners[0].tls, None);
        let tls = listeners[1].tls.clone().unwrap();
        assert_eq!(tls.key, PathBuf::from("/own.pem"));
        assert_eq!(tls.min_version, TlsVersion::Tls13);
        assert!(tls.clients.unwrap().required);
        let peers = rest.peers.unwrap();
        assert_eq!(peers.ca, PathBuf::from("/ca.pem"));
        assert!(peers.verify_names);
        // One of its own, and those at the top are nobody's.
        let (_, problems, _) = read(&[
            ("listeners", "https://:2"),
            ("ssl.keystore.location", "/top.pem"),
            ("listeners.https.ssl.client.auth", "none"),
        ]);
        assert!(
            problems[0].starts_with("`listeners.https.ssl.keystore.location`: is missing"),
            "{problems:?}"
        );
        let (rest, problems, _) = read(&[
            ("listeners", "https://:2"),
            ("ssl.keystore.location", "/top.pem"),
        ]);
        assert!(problems.is_empty(), "{problems:?}");
        assert_eq!(rest.peers, None);
        let (rest, problems, _) = read(&[
            ("listeners", "http://:1"),
            ("ssl.truststore.location", "/kafka.pem"),
            ("listeners.https.ssl.truststore.location", "/ca.pem"),
        ]);
        assert!(problems.is_empty(), "{problems:?}");
        assert_eq!(rest.peers.unwrap().ca, PathBuf::from("/ca.pem"));
    }

    #[test]
    fn javas_stores_and_foreign_code_are_refused_with_what_to_do() {
        let (_, problems, _) = read(&[
            ("listeners", "https://:2,gopher://:3"),
            ("ssl.keystore.location", "/etc/server.jks"),
            ("ssl.key.password", "secret"),
            ("ssl.client.auth", "requested"),
            ("rest.extension.classes", "com.example.Own"),
            ("topic.tracking.enable", "perhaps"),
        ]);
        for expected in [
            "`ssl.keystore.location`: is a store that only Java reads; keytool -importkeystore",
            "`ssl.key.password`: is set",
            "`ssl.client.auth`: asks for certificates, and nothing says whose",
            "`listeners`: `gopher://:3` is neither http nor https",
            "`rest.extension.classes`: `com.example.Own` is Java code",
            "`topic.tracking.enable`: `perhaps` is neither",
        ] {
            let found = problems.iter().any(|own| own.starts_with(expected));
            assert!(found, "{expected} is not in {problems:#?}");
        }
        assert!(!format!("{problems:?}").contains("secret"));
        let (rest, problems, _) = read(&[("rest.extension.classes", EXTENSION)]);
        assert!(problems.is_empty() && rest.asks_for_passwords);
    }

    #[test]
    fn admin_paths_are_where_they_are_told_to_be() {
        for (written, expected) in [
            (None, vec![RestPaths::All]),
            (Some(""), vec![RestPaths::WithoutAdmin]),
            (
                Some("http://:9"),
                vec![RestPaths::WithoutAdmin, RestPaths::Admin],
            ),
        ] {
            let mut options = vec![("listeners", "http://:1")];
            options.extend(written.map(|written| ("admin.listeners", written)));
            let (said, problems, _) = read(&options);
            assert!(problems.is_empty(), "{problems:?}");
            let mut config = crate::config::load_text(None, &crate::config::Inputs::default());
            let rest = &mut config.as_mut().unwrap().config.rest;
            said.apply(rest);
            let paths: Vec<RestPaths> = rest.listeners.iter().map(|own| own.paths).collect();
            assert_eq!(paths, expected);
        }
    }

    #[test]
    fn workers_find_each_other_where_the_file_says() {
        let tls = |listeners: &str, advertised: &str| {
            let mut config = ConnectorConfig::new("worker");
            config.set("listeners", listeners.into());
            config.set("rest.advertised.listener", advertised.into());
            advertises_tls(&config)
        };
        assert_eq!(tls("http://:1,https://:2", ""), Ok(false));
        assert_eq!(tls("http://:1, HTTPS://:2", "https"), Ok(true));
        assert_eq!(tls("https://:2", ""), Ok(true));
        assert_eq!(tls("", ""), Ok(false));
        assert!(tls("http://:1", "https").is_err());
        assert!(tls("http://:1", "ftp").is_err());
    }
}
