//! A broker that wants SCRAM and a client's certificate, and a node that wants a password and a client's certificate.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};

use messina_e2e::authority::Authority;
use messina_e2e::cassandra::Node;
use messina_e2e::kafka::{self, Broker};
use messina_e2e::outside::require;
use messina_e2e::server::{Site, free_ports};
use tempfile::TempDir;

/// Who we are, for both of them.
pub(crate) const USER: &str = "messina";
/// What a log must never show.
pub(crate) const PASSWORD: &str = "right-for-both";
pub(crate) const KEYSPACE: &str = "secured";
pub(crate) const TOPIC: &str = "secured";

const SUPERUSER: &str = "cassandra";

/// Both services and the files that belong to them.
pub(crate) struct Services {
    /// Kafka as tools see it is [`Broker::address`]; this is where one must say who one is.
    pub(crate) kafka: SocketAddr,
    broker: Broker,
    pub(crate) node: Node,
    /// Who has signed everybody's certificate.
    pub(crate) trust: PathBuf,
    /// An authority that has signed nobody's.
    pub(crate) stranger: PathBuf,
    /// Our certificate and its key.
    pub(crate) identity: PathBuf,
    folder: TempDir,
}

impl Services {
    pub(crate) fn start() -> Option<Self> {
        const TEST: &str = "secured Kafka and Cassandra";
        require("mosquitto_pub", TEST)?;
        let folder = tempfile::tempdir().expect("a folder");
        let authority = Authority::new(folder.path(), "authority");
        let stranger = Authority::new(folder.path(), "stranger").pem;
        let identity = authority.issue("identity", "messina.example");
        let (broker, kafka) = broker(TEST, &authority)?;
        let node = node(TEST, &authority, &identity)?;
        Some(Self {
            kafka,
            broker,
            node,
            trust: authority.pem,
            stranger,
            identity,
            folder,
        })
    }

    /// Kafka as tools see it.
    pub(crate) fn plain(&self) -> String {
        self.broker.servers()
    }

    /// Writes a file and gives its path.
    pub(crate) fn file(&self, name: &str, text: &str) -> PathBuf {
        let path = self.folder.path().join(name);
        std::fs::write(&path, text).expect("a file");
        path
    }

    /// The site on this Kafka as it wants it, but for what is changed.
    pub(crate) fn on_kafka(&self, site: Site, changed: &KafkaLogIn) -> Site {
        let password = self.file("kafka-password", &format!("{}\n", changed.password));
        let trust = if changed.foreign {
            &self.stranger
        } else {
            &self.trust
        };
        let identity = self.identity.display();
        let identity = if changed.nameless {
            String::new()
        } else {
            format!(
                ", \"ssl.certificate.location\" = \"{identity}\", \"ssl.key.location\" = \"{identity}\""
            )
        };
        let port = self.kafka.port();
        site.set(format!("kafka.bootstrap_servers={}:{port}", changed.host))
            .set(format!(
                "kafka.client={{ \"security.protocol\" = \"sasl_ssl\", \"sasl.mechanism\" = \"SCRAM-SHA-512\", \
                 \"sasl.username\" = \"{USER}\", \"sasl.password\" = {{ file = \"{}\" }}, \
                 \"ssl.ca.location\" = \"{}\"{identity} }}",
                password.display(),
                trust.display(),
            ))
            .set("kafka.gateway_id=secured")
            .set("kafka.topics={ create = true, partitions = 3, replication = 1 }")
            .set(format!("topic=[{{ name = \"{TOPIC}\" }}]"))
            .set(format!(
                "route=[{{ name = \"all\", filter = \"#\", topic = \"{TOPIC}\", key = \"$topic\" }}]"
            ))
    }

    /// The site with its tables in this Cassandra, with that password, authority and certificate of its own.
    pub(crate) fn on_cassandra(
        &self,
        site: Site,
        password: Option<&str>,
        trust: &Path,
        identity: Option<&Path>,
    ) -> Site {
        let site = site
            .set(format!("cql.contact_points={}", self.node.address))
            .set(format!("cql.keyspace={KEYSPACE}"))
            .set("cql.replication=1");
        let site = match password {
            Some(password) => {
                let password = self.file("cql-password", &format!("{password}\n"));
                site.set(format!("cql.user={USER}")).set(format!(
                    "cql.password={{ file = \"{}\" }}",
                    password.display()
                ))
            }
            None => site,
        };
        let own = identity.map(|path| format!(", identity = \"{}\"", path.display()));
        site.set(format!(
            "cql.tls={{ ca = \"{}\"{} }}",
            trust.display(),
            own.unwrap_or_default()
        ))
    }
}

/// What somebody has got wrong of the way into Kafka, if anything.
pub(crate) struct KafkaLogIn {
    pub(crate) host: &'static str,
    pub(crate) password: &'static str,
    /// Trusts another authority.
    pub(crate) foreign: bool,
    /// Has no certificate.
    pub(crate) nameless: bool,
}

pub(crate) const RIGHT: KafkaLogIn = KafkaLogIn {
    host: "127.0.0.1",
    password: PASSWORD,
    foreign: false,
    nameless: false,
};

fn broker(test: &str, authority: &Authority) -> Option<(Broker, SocketAddr)> {
    let own = authority.issue("broker", "127.0.0.1");
    // Its name is wrong as `localhost`, so it is where both names lead.
    let [port] = free_ports();
    let secured = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let broker = Broker::start(test, |plain, controller| {
        format!(
            "listeners=PLAINTEXT://{plain},SASL_SSL://{secured},CONTROLLER://{controller}\n\
             advertised.listeners=PLAINTEXT://{plain},SASL_SSL://{secured}\n\
             listener.security.protocol.map=PLAINTEXT:PLAINTEXT,SASL_SSL:SASL_SSL,CONTROLLER:PLAINTEXT\n\
             sasl.enabled.mechanisms=SCRAM-SHA-512\n\
             listener.name.sasl_ssl.scram-sha-512.sasl.jaas.config=\
             org.apache.kafka.common.security.scram.ScramLoginModule required;\n\
             listener.name.sasl_ssl.ssl.client.auth=required\n\
             ssl.keystore.type=PEM\nssl.keystore.location={}\nssl.truststore.type=PEM\nssl.truststore.location={}\n",
            own.display(),
            authority.pem.display(),
        )
    })?;
    let secret = format!("SCRAM-SHA-512=[password={PASSWORD}]");
    let user = ["--entity-type", "users", "--entity-name", USER];
    let alter = ["--alter", "--add-config", &secret];
    kafka::configs(&broker.servers(), &[&alter[..], &user[..]].concat());
    Some((broker, secured))
}

fn node(test: &str, authority: &Authority, identity: &Path) -> Option<Node> {
    let mut node = Node::prepare(test)?;
    let own = authority.issue("node", &node.address.ip().to_string());
    node.python.login = Some((SUPERUSER.to_owned(), SUPERUSER.to_owned()));
    node.python.tls = Some((authority.pem.clone(), identity.to_owned()));
    node.begin(&format!(
        "authenticator: PasswordAuthenticator\n\
         client_encryption_options:\n  enabled: true\n  optional: false\n  require_client_auth: true\n  \
         ssl_context_factory:\n    class_name: org.apache.cassandra.security.PEMBasedSslContextFactory\n  \
         keystore: {}\n  truststore: {}\n",
        own.display(),
        authority.pem.display(),
    ));
    node.python.ask(&format!(
        "CREATE ROLE {USER} WITH PASSWORD = '{PASSWORD}' AND LOGIN = true"
    ));
    Some(node)
}
