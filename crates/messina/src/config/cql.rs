//! `[cql]` in its checked form.

use std::path::PathBuf;
use std::time::Duration;

use scylla::statement::Consistency;

use messina_connect::cluster::{Cluster, ClusterOptions, Password};

use super::check_cql::MAX_IN_FLIGHT;
use super::{KeySource, Secret};

/// How many replicas must have a row before it counts as written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the variants are CQL's own names")]
pub enum CqlConsistency {
    Any,
    One,
    Two,
    Three,
    Quorum,
    All,
    LocalOne,
    LocalQuorum,
    EachQuorum,
}

/// The option of a connector that names its consistency, as the classic sink has it.
pub const CONSISTENCY_OPTION: &str = "connect.cassandra.consistency.level";

impl CqlConsistency {
    /// The level of that name, in any case; `None` where there is none.
    pub fn parse(name: &str) -> Option<Self> {
        let known = super::check_cql::CONSISTENCIES.iter();
        let mut found = known.filter(|(own, _)| own.eq_ignore_ascii_case(name));
        found.next().map(|(_, level)| *level)
    }
}

impl From<CqlConsistency> for Consistency {
    fn from(consistency: CqlConsistency) -> Self {
        match consistency {
            CqlConsistency::Any => Self::Any,
            CqlConsistency::One => Self::One,
            CqlConsistency::Two => Self::Two,
            CqlConsistency::Three => Self::Three,
            CqlConsistency::Quorum => Self::Quorum,
            CqlConsistency::All => Self::All,
            CqlConsistency::LocalOne => Self::LocalOne,
            CqlConsistency::LocalQuorum => Self::LocalQuorum,
            CqlConsistency::EachQuorum => Self::EachQuorum,
        }
    }
}

/// Where `ScyllaDB` or Cassandra is, and how it is written to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CqlConfig {
    /// Hosts to begin with; the others are learned from them.
    pub contact_points: Vec<String>,
    /// The port of contact points that name none.
    pub port: u16,
    /// Addresses as nodes tell them, and what they are from here: `host:port` both.
    pub translation: Vec<(String, String)>,
    /// The data centre whose nodes are written to first.
    pub data_center: Option<String>,
    /// The keyspace of tables that name none.
    pub keyspace: String,
    /// The user; `None` logs in nobody.
    pub user: Option<String>,
    /// The user's password.
    pub password: Option<KeySource>,
    /// TLS; `None` speaks without.
    pub tls: Option<ClientTls>,
    /// Whether a row goes to a node that has it.
    pub token_aware: bool,
    /// Whether statements that name no keyspace mean [`Self::keyspace`], which must be there then.
    pub use_keyspace: bool,
    /// A connection must be there within this time.
    pub connect_timeout: Duration,
    /// How many replicas must have a row.
    pub consistency: CqlConsistency,
    /// Replication of keyspaces to create, as CQL writes it; `None` creates neither keyspaces nor tables.
    pub replication: Option<String>,
    /// A row must be written within this time.
    pub request_timeout: Duration,
    /// A row not written by then is also sent to another replica; `None` never.
    pub speculative_delay: Option<Duration>,
    /// Rows of one batch under way at most; the number that the cluster takes well is found out.
    pub max_in_flight: usize,
    /// What all this is called where it was written.
    pub options: ClusterOptions,
}

/// CQL's map for so many replicas: in the data centre that is written to, where one is named.
pub fn replication_map(replicas: i64, data_center: Option<&str>) -> String {
    match data_center {
        Some(name) => {
            let name = name.replace('\'', "''");
            format!("{{'class': 'NetworkTopologyStrategy', '{name}': {replicas}}}")
        }
        None => format!("{{'class': 'SimpleStrategy', 'replication_factor': {replicas}}}"),
    }
}

/// TLS towards servers: of a cluster, or of other workers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientTls {
    /// PEM certificates of who may have signed the servers'.
    pub ca: PathBuf,
    /// PEM file of our own certificate and key; `None` has none.
    pub identity: Option<PathBuf>,
    /// Whether a server's certificate must name its address.
    pub verify_names: bool,
}

impl CqlConfig {
    /// The cluster a connector names, with what it says.
    pub fn of_connector(cluster: &Cluster, keyspace: &str) -> Self {
        let (user, password) = match &cluster.login {
            Some((user, Password(password))) => (
                Some(user.clone()),
                Some(KeySource::Inline(Secret::new(password.clone()))),
            ),
            None => (None, None),
        };
        Self {
            contact_points: cluster.contact_points.clone(),
            port: cluster.port,
            translation: cluster.translation.clone(),
            data_center: cluster.data_center.clone(),
            keyspace: keyspace.to_owned(),
            user,
            password,
            tls: cluster.tls.as_ref().map(|tls| ClientTls {
                ca: tls.trust.clone(),
                identity: tls.identity.clone(),
                verify_names: tls.verify_names,
            }),
            token_aware: cluster.token_aware,
            use_keyspace: false,
            connect_timeout: cluster.connect_timeout,
            // What the original's driver does where a connector says nothing.
            consistency: CqlConsistency::LocalOne,
            replication: None,
            request_timeout: cluster.request_timeout,
            speculative_delay: None,
            max_in_flight: cluster.in_flight.unwrap_or(MAX_IN_FLIGHT),
            options: cluster.options.clone(),
        }
    }

    /// What the options of `[cql]` are called.
    pub(super) fn own_options() -> ClusterOptions {
        ClusterOptions {
            contact_points: "cql.contact_points".to_owned(),
            data_center: "cql.data_center".to_owned(),
            user: "cql.user".to_owned(),
            password: "cql.password".to_owned(),
            trust: "cql.tls.ca".to_owned(),
            identity: "cql.tls.identity".to_owned(),
            verify_names: None,
        }
    }

    /// The same as far as a connection is concerned: those that are equal here share one.
    #[must_use]
    pub fn connection(&self) -> Self {
        let keyspace = if self.use_keyspace {
            self.keyspace.clone()
        } else {
            String::new()
        };
        Self {
            keyspace,
            consistency: CqlConsistency::LocalOne,
            replication: None,
            max_in_flight: MAX_IN_FLIGHT,
            options: Self::own_options(),
            ..self.clone()
        }
    }

    /// The contact points, each with a port.
    pub fn nodes(&self) -> Vec<String> {
        let port = self.port;
        let node = |point: &String| match point.rsplit_once(':') {
            Some((_, own)) if own.parse::<u16>().is_ok() => point.clone(),
            _ => format!("{point}:{port}"),
        };
        self.contact_points.iter().map(node).collect()
    }
}
