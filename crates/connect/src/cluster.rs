//! Where a connector's own cluster is and how it is spoken to, read from the connector's options.
//!
//! Nothing is connected to here. A connector that names no cluster writes to the one of the program's configuration.

mod translation;

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use translation::translation;

use crate::config::{ConnectorConfig, Problem};
use crate::options::Options;
use crate::pem_store::store;
use crate::sink_class::SinkClass;

/// A cluster of ScyllaDB or Cassandra as a connector names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cluster {
    /// Hosts to begin with.
    pub contact_points: Vec<String>,
    /// The port of those that name none.
    pub port: u16,
    /// Addresses as the cluster's nodes tell them, and what they are from here: `host:port` both.
    pub translation: Vec<(String, String)>,
    /// User and password, where both are set.
    pub login: Option<(String, Password)>,
    /// TLS, where it is switched on.
    pub tls: Option<ClusterTls>,
    /// The data centre whose nodes are written to first.
    pub data_center: Option<String>,
    /// Whether rows go to a node that has them.
    pub token_aware: bool,
    /// A connection must be there within this time.
    pub connect_timeout: Duration,
    /// A row must be written within this time.
    pub request_timeout: Duration,
    /// Rows under way at most, where the connector says so.
    pub in_flight: Option<usize>,
    /// What the connector's options are called.
    pub options: ClusterOptions,
}

/// What options of a cluster are called where they are written, for errors that say what to change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClusterOptions {
    /// Hosts to begin with.
    pub contact_points: String,
    /// The data center whose nodes are written to; the classic sink has none.
    pub data_center: String,
    /// The user.
    pub user: String,
    /// The password.
    pub password: String,
    /// Certificates of who may have signed the servers'.
    pub trust: String,
    /// The client's certificate and key.
    pub identity: String,
    /// Whether a server's certificate must name its address, where that can be said.
    pub verify_names: Option<String>,
}

/// A password; `Debug` does not show it.
#[derive(Clone, PartialEq, Eq)]
pub struct Password(pub String);

impl fmt::Debug for Password {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("***")
    }
}

/// TLS towards a cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClusterTls {
    /// PEM certificates of who may have signed the servers'.
    pub trust: PathBuf,
    /// PEM file of the client's certificate and key, where the cluster asks for them.
    pub identity: Option<PathBuf>,
    /// Whether a server's certificate must name its address.
    pub verify_names: bool,
}

/// The port CQL has everywhere.
const PORT: u16 = 9042;

/// What a sink calls its connection's options.
struct Names {
    prefix: &'static str,
    points: &'static str,
    port: &'static str,
    user: &'static str,
    password: &'static str,
    data_center: &'static str,
    tls: &'static str,
    trust: &'static str,
    identity: &'static str,
    /// Whether certificates must name servers' addresses; the classic sink cannot ask for that.
    verification: Option<&'static str>,
    /// An option that counts a row's time, and how many milliseconds one is.
    request: (&'static str, usize),
    request_default: usize,
    in_flight: &'static str,
}

const CLASSIC: Names = Names {
    prefix: "connect.cassandra.",
    points: "contact.points",
    port: "port",
    user: "username",
    password: "password",
    data_center: "",
    tls: "ssl.enabled",
    trust: "trust.store",
    identity: "key.store",
    verification: None,
    request: ("read.timeout.ms", 1),
    request_default: 12_000,
    in_flight: "",
};

const LENSES: Names = Names {
    user: "auth.username",
    password: "auth.password",
    data_center: "load.balancing.local.dc",
    trust: "ssl.truststore",
    identity: "ssl.keystore",
    verification: Some("ssl.hostname.verification"),
    request: ("query.timeout.ms", 1),
    request_default: 20_000,
    in_flight: "max.concurrent.requests",
    ..CLASSIC
};

const SCYLLA: Names = Names {
    prefix: "scylladb.",
    user: "username",
    data_center: "loadbalancing.localdc",
    trust: "ssl.truststore",
    identity: "ssl.keystore",
    verification: Some("ssl.hostname.verification"),
    request: ("execute.timeout.ms", 1),
    request_default: 30_000,
    ..CLASSIC
};

const DATA_STAX: Names = Names {
    prefix: "",
    points: "contactPoints",
    port: "port",
    user: "auth.username",
    password: "auth.password",
    data_center: "loadBalancing.localDc",
    tls: "ssl.provider",
    trust: "ssl.truststore",
    identity: "ssl.keystore",
    verification: Some("ssl.hostnameValidation"),
    request: ("queryExecutionTimeout", 1_000),
    request_default: 30,
    in_flight: "maxConcurrentRequests",
};

const fn names(class: SinkClass) -> &'static Names {
    match class {
        SinkClass::Table | SinkClass::Classic => &CLASSIC,
        SinkClass::Lenses => &LENSES,
        SinkClass::Scylla => &SCYLLA,
        SinkClass::DataStax => &DATA_STAX,
    }
}

impl Names {
    fn options(&self) -> ClusterOptions {
        let full = |option: &str| format!("{}{option}", self.prefix);
        ClusterOptions {
            contact_points: full(self.points),
            data_center: full(self.data_center),
            user: full(self.user),
            password: full(self.password),
            trust: full(self.trust) + ".path",
            identity: full(self.identity) + ".path",
            verify_names: self.verification.map(full),
        }
    }
}

impl Cluster {
    /// Whether a connector names a cluster of its own.
    pub fn is_named(config: &ConnectorConfig) -> bool {
        let own = names(SinkClass::of(config).unwrap_or(SinkClass::Classic));
        let says = |option: &str| {
            let text = config.text(&format!("{}{option}", own.prefix));
            text.is_some_and(|text| !text.is_empty())
        };
        says(own.points) || says(own.port)
    }

    /// The cluster a sink's options name, on this machine where they name none; `None` for a classic one that names
    /// none.
    pub(crate) fn collect(
        config: &ConnectorConfig,
        class: SinkClass,
        problems: &mut Vec<Problem>,
    ) -> Option<Self> {
        if class.projects() && !Self::is_named(config) {
            return None;
        }
        let names = names(class);
        let mut options = Options::new(config, "connector.class", names.prefix, problems);
        let tls = match class {
            SinkClass::DataStax => options
                .text(names.tls)
                .is_some_and(|text| !text.eq_ignore_ascii_case("none")),
            _ => options.boolean(names.tls, false),
        };
        if options.text("cloud.secureConnectBundle").is_some() {
            options.refuse(
                "cloud.secureConnectBundle",
                "bundles are not read",
                Some("name the hosts and PEM files in it".to_owned()),
            );
        }
        let (request, unit) = names.request;
        let translation = translation(&mut options, class, names.points);
        let in_flight = (!names.in_flight.is_empty()).then(|| options.count(names.in_flight, 500));
        Some(Self {
            contact_points: match translation.as_slice() {
                [] => contact_points(&mut options, names.points),
                pairs => pairs.iter().map(|(_, here)| here.clone()).collect(),
            },
            port: port_number(&mut options, names.port),
            login: login(&mut options, names),
            translation,
            tls: tls.then(|| tls_files(&mut options, names)).flatten(),
            data_center: options
                .text(names.data_center)
                .filter(|_| !names.data_center.is_empty())
                .map(str::to_owned),
            token_aware: token_aware(&mut options),
            connect_timeout: millis(&mut options, "connect.timeout.ms", 1, 5_000),
            request_timeout: millis(&mut options, request, unit, names.request_default),
            in_flight,
            options: names.options(),
        })
    }
}

fn contact_points(options: &mut Options<'_, '_>, name: &str) -> Vec<String> {
    let points: Vec<String> = options.list(name).into_iter().map(str::to_owned).collect();
    if points.is_empty() {
        return vec!["localhost".to_owned()];
    }
    let wrong = |point: &String| {
        point.is_empty() || point.contains(|c: char| c.is_whitespace() || c == '{' || c == '"')
    };
    if points.iter().any(wrong) {
        let help = Some("write hosts with commas between".to_owned());
        options.refuse(name, "an item is no host", help);
    }
    points
}

/// User and password where both are set; ScyllaDB's sink also wants to be told that they count.
fn login(options: &mut Options<'_, '_>, names: &Names) -> Option<(String, Password)> {
    if names.prefix == SCYLLA.prefix && !options.boolean("security.enabled", false) {
        return None;
    }
    let login = options.text(names.user).zip(options.raw(names.password));
    let (user, password) = login.filter(|(_, password)| !password.is_empty())?;
    Some((user.to_owned(), Password(password.to_owned())))
}

fn port_number(options: &mut Options<'_, '_>, name: &str) -> u16 {
    match options.text(name).map(str::parse) {
        None => PORT,
        Some(Ok(port)) if port > 0 => port,
        Some(_) => {
            options.refuse(name, "is not a port: a number from 1 to 65535", None);
            PORT
        }
    }
}

/// A time that is written as a count of so many milliseconds.
fn millis(options: &mut Options<'_, '_>, name: &str, unit: usize, default: usize) -> Duration {
    let millis = options.count(name, default).saturating_mul(unit);
    Duration::from_millis(u64::try_from(millis).unwrap_or(u64::MAX))
}

/// Every policy but the plain round sends rows to a node that has them.
fn token_aware(options: &mut Options<'_, '_>) -> bool {
    const OPTION: &str = "load.balancing.policy";
    let policy = options.text(OPTION).map(str::to_ascii_uppercase);
    match policy.as_deref() {
        None | Some("TOKEN_AWARE" | "DC_AWARE_ROUND_ROBIN" | "LATENCY_AWARE") => true,
        Some("ROUND_ROBIN") => false,
        Some(other) => {
            let help =
                "available are TOKEN_AWARE, ROUND_ROBIN, DC_AWARE_ROUND_ROBIN, LATENCY_AWARE";
            options.refuse(
                OPTION,
                format!("unknown policy `{other}`"),
                Some(help.to_owned()),
            );
            true
        }
    }
}

/// The classic sink's TLS verifies who signed a certificate and not whom it names; so does this.
fn tls_files(options: &mut Options<'_, '_>, names: &Names) -> Option<ClusterTls> {
    let verify_names = names
        .verification
        .is_some_and(|option| options.boolean(option, true));
    let trust = store(options, names.trust);
    let path = format!("{}.path", names.trust);
    if trust.is_none() && options.text(&path).is_none() {
        let help =
            "write the path of a file of PEM certificates: of who signed those of the cluster";
        let missing = "is required with TLS: there is no Java trust store to fall back to";
        options.refuse(&path, missing, Some(help.to_owned()));
    }
    let identity = store(options, names.identity);
    if options.boolean("ssl.client.cert.auth", false) && identity.is_none() {
        let help = "write the path of a PEM file of the client's certificate and key";
        let missing = "is required with `ssl.client.cert.auth`";
        options.refuse(
            &format!("{}.path", names.identity),
            missing,
            Some(help.to_owned()),
        );
    }
    Some(ClusterTls {
        trust: trust?,
        identity,
        verify_names,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const CLASS: [(&str, &str); 1] = [("connector.class", SinkClass::NAMES[1])];

    fn read(options: &[(&str, &str)]) -> (Option<Cluster>, Vec<String>) {
        let mut problems = Vec::new();
        let cluster = Cluster::collect(
            &ConnectorConfig::of("test", &[&CLASS[..], options].concat()),
            SinkClass::Classic,
            &mut problems,
        );
        (cluster, problems.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn a_cluster_is_read_with_the_originals_names_and_defaults() {
        assert_eq!(
            read(&[("connect.cassandra.username", "u")]),
            (None, Vec::new())
        );
        let (cluster, problems) = read(&[
            ("connect.cassandra.contact.points", "a, b"),
            ("connect.cassandra.username", "u"),
            ("connect.cassandra.password", "secret"),
            ("connect.cassandra.read.timeout.ms", "100"),
        ]);
        let cluster = cluster.unwrap();
        assert_eq!(problems, Vec::<String>::new());
        assert_eq!((cluster.contact_points.len(), cluster.port), (2, 9042));
        assert_eq!(cluster.request_timeout, Duration::from_millis(100));
        assert_eq!(cluster.connect_timeout, Duration::from_secs(5));
        assert!(cluster.token_aware && cluster.tls.is_none());
        assert!(!format!("{cluster:?}").contains("secret"));
        let (local, _) = read(&[("connect.cassandra.port", "9043")]);
        assert_eq!(local.unwrap().contact_points, ["localhost"]);
    }

    #[test]
    fn java_stores_are_refused_with_the_commands_that_make_them_pem() {
        let tls = |path: &str| {
            let (cluster, problems) = read(&[
                ("connect.cassandra.contact.points", "a"),
                ("connect.cassandra.ssl.enabled", "true"),
                ("connect.cassandra.trust.store.path", path),
            ]);
            (cluster.unwrap().tls, problems.join("\n"))
        };
        let (pem, problems) = tls("/etc/ca.pem");
        assert_eq!(
            (pem.unwrap().trust, problems),
            (PathBuf::from("/etc/ca.pem"), String::new())
        );
        let (none, jks) = tls("/etc/trust.jks");
        assert_eq!(none, None);
        assert!(
            jks.contains("keytool -importkeystore -srckeystore /etc/trust.jks"),
            "{jks}"
        );
        assert!(
            jks.contains("openssl pkcs12 -in /etc/trust.jks.p12 -nokeys"),
            "{jks}"
        );
        let (_, p12) = tls("/etc/trust.p12");
        assert!(
            !p12.contains("keytool") && p12.contains("openssl pkcs12 -in /etc/trust.p12"),
            "{p12}"
        );
    }

    #[test]
    fn what_is_wrong_with_a_cluster_is_said_all_at_once() {
        let (_, problems) = read(&[
            ("connect.cassandra.contact.points", "a,,b"),
            ("connect.cassandra.port", "99999"),
            ("connect.cassandra.load.balancing.policy", "NEAREST"),
            ("connect.cassandra.ssl.enabled", "true"),
            ("connect.cassandra.ssl.client.cert.auth", "true"),
        ]);
        let said = problems.join("\n");
        for words in [
            "no host",
            "is not a port",
            "unknown policy `NEAREST`",
            "trust.store.path",
            "key.store.path",
        ] {
            assert!(said.contains(words), "{words} is not in {said}");
        }
        assert_eq!(problems.len(), 5);
    }

    #[test]
    fn scyllas_sink_takes_a_map_of_addresses_in_the_place_of_hosts() {
        let of = |points: &str| {
            let mut problems = Vec::new();
            let options = [("scylladb.contact.points", points)];
            let config = ConnectorConfig::of("test", &options);
            let cluster = Cluster::collect(&config, SinkClass::Scylla, &mut problems);
            let said: Vec<String> = problems.iter().map(ToString::to_string).collect();
            (cluster.unwrap(), said.join("\n"))
        };
        let (cluster, said) =
            of(r#"{"10.0.0.1:9042": "db.example:19042", "10.0.0.2:9042": "1.2.3.4:19043"}"#);
        assert_eq!(said, "");
        assert_eq!(
            cluster.contact_points,
            ["db.example:19042", "1.2.3.4:19043"]
        );
        assert_eq!(cluster.translation[1].0, "10.0.0.2:9042");
        for (wrong, words) in [
            ("{", "no JSON object"),
            ("{}", "names no address"),
            (r#"{"10.0.0.1": "db:1"}"#, "has no port"),
            (r#"{"10.0.0.1:9042": 7}"#, "has no port"),
        ] {
            let (_, said) = of(wrong);
            assert!(said.contains(words), "{wrong}: {said}");
        }
    }
}
