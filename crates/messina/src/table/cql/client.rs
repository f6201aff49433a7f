//! One connection pool for all tables of a process.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use rustls::ClientConfig;
use scylla::client::execution_profile::ExecutionProfile;
use scylla::client::session::Session;
use scylla::client::session_builder::SessionBuilder;
use scylla::cluster::metadata::Strategy;
use scylla::errors::NewSessionError;
use scylla::policies::load_balancing::DefaultPolicy;
use scylla::policies::speculative_execution::SimpleSpeculativeExecutionPolicy;

use super::addresses::Addresses;
use super::refusal::{self, Refusal};
use super::watch::SchemaVersion;
use crate::config::{CqlConfig, KeySource};
use crate::listener::tls_client::{self, TlsClientError};
use crate::table::Verdict;

/// A connection that says nothing for this long is asked whether it still is one, and given up after as long.
const KEEP_ALIVE: Duration = Duration::from_secs(5);

/// Why there is no connection.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// Nobody answers as a cluster does.
    #[error("cannot connect to CQL at {at}; see `{option}`")]
    Session {
        /// The contact points.
        at: String,
        /// The option that names them.
        option: String,
        /// Why.
        source: Box<NewSessionError>,
    },
    /// User and password are wanted, or not taken: they are wrong, or the cluster does not know its users yet.
    #[error("CQL at {at} does not let us in: {said}; {advice}")]
    LogIn {
        /// The contact points.
        at: String,
        /// What the cluster says.
        said: String,
        /// Whether we have said who we are: then it may be taken later.
        named: bool,
        /// Which options to set or change.
        advice: String,
    },
    /// TLS is not agreed on: one side does not take the other's certificate, or one speaks no TLS.
    #[error("CQL at {at} and we do not agree on TLS; {advice}")]
    Certificate {
        /// The contact points.
        at: String,
        /// Which options to set or change.
        advice: String,
        /// Why.
        source: rustls::Error,
    },
    /// The keyspace of unqualified statements cannot be used.
    #[error("keyspace `{keyspace}` cannot be used")]
    Keyspace {
        /// The keyspace.
        keyspace: String,
        /// Why.
        source: Box<NewSessionError>,
    },
    /// No node is in the data center that is to be written to.
    #[error(
        "no node of CQL at {at} is in the data center `{name}`, but in {}; see `{option}`",
        known.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
    )]
    DataCenter {
        /// The contact points.
        at: String,
        /// The name asked for.
        name: String,
        /// Those there are.
        known: BTreeSet<String>,
        /// The option that names it.
        option: String,
    },
    /// The name of a host is not known.
    #[error("cannot find the address of `{address}`")]
    Address {
        /// Host and port.
        address: String,
        /// Why.
        source: std::io::Error,
    },
    /// The file of the password cannot be read.
    #[error("cannot read the password's file `{}`", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A file of certificates or keys cannot be used.
    #[error(transparent)]
    Tls(#[from] TlsClientError),
}

impl ConnectError {
    /// What to do about it. Whoever does not answer may do so in a while, and a log-in may be taken in a while: a
    /// cluster whose replicas of the users are away refuses all, in the words for a wrong password. Whoever refuses us
    /// otherwise will go on refusing.
    pub fn verdict(&self) -> Verdict {
        match self {
            Self::Session { .. } | Self::Address { .. } | Self::LogIn { named: true, .. } => {
                Verdict::Retry
            }
            Self::LogIn { named: false, .. }
            | Self::Certificate { .. }
            | Self::DataCenter { .. }
            | Self::Keyspace { .. }
            | Self::File { .. }
            | Self::Tls(_) => Verdict::Stop,
        }
    }
}

/// The driver's session, with how we use it.
#[derive(Debug, Clone)]
pub struct TableClient {
    pub(super) session: Arc<Session>,
    pub(super) config: Arc<CqlConfig>,
    pub(super) schema: Arc<SchemaVersion>,
}

impl TableClient {
    /// Connects to the cluster.
    pub async fn connect(config: &CqlConfig) -> Result<Self, ConnectError> {
        let mut builder = SessionBuilder::new()
            .known_nodes(config.nodes())
            .default_execution_profile_handle(profile(config).into_handle())
            .keepalive_interval(KEEP_ALIVE)
            .keepalive_timeout(KEEP_ALIVE)
            .connection_timeout(config.connect_timeout);
        if !config.translation.is_empty() {
            let addresses = Addresses::resolve(&config.translation).await?;
            builder = builder.address_translator(Arc::new(addresses));
        }
        if config.use_keyspace {
            builder = builder.use_keyspace(config.keyspace.clone(), true);
        }
        if let Some(user) = &config.user {
            builder = builder.user(user, password(config)?);
        }
        let secured = config.tls.as_ref().map(tls_client::client).transpose()?;
        if let Some(secured) = &secured {
            builder = builder.tls_context(Some(Arc::clone(secured)));
        }
        let session = match builder.build().await {
            Ok(session) => session,
            Err(error) => return Err(refused(config, secured, error).await),
        };
        check_data_center(&session, config)?;
        warn_of_simple_strategy(&session, config);
        Ok(Self::over(Arc::new(session), config))
    }

    /// A client over a session that somebody else has opened with equal settings.
    pub(super) fn over(session: Arc<Session>, config: &CqlConfig) -> Self {
        Self {
            session,
            config: Arc::new(config.clone()),
            schema: Arc::default(),
        }
    }
}

/// Nodes that are down count: the cluster knows where they are.
fn check_data_center(session: &Session, config: &CqlConfig) -> Result<(), ConnectError> {
    let Some(name) = &config.data_center else {
        return Ok(());
    };
    let state = session.get_cluster_state();
    let nodes = state.get_nodes_info().iter();
    let known: BTreeSet<String> = nodes.filter_map(|node| node.datacenter.clone()).collect();
    if known.contains(name) {
        return Ok(());
    }
    Err(ConnectError::DataCenter {
        at: config.nodes().join(", "),
        name: name.clone(),
        known,
        option: config.options.data_center.clone(),
    })
}

/// Says once what the driver would say for every row.
fn warn_of_simple_strategy(session: &Session, config: &CqlConfig) {
    let state = session.get_cluster_state();
    let keyspace = state.get_keyspace(&config.keyspace);
    let is_simple = keyspace
        .is_some_and(|keyspace| matches!(keyspace.strategy, Strategy::SimpleStrategy { .. }));
    if let (true, Some(data_center)) = (is_simple, &config.data_center) {
        tracing::warn!(
            keyspace = config.keyspace,
            data_center,
            "the keyspace's replicas are on any nodes (SimpleStrategy), the data center's are written to: rows may have no \
             replica there; ALTER KEYSPACE it to NetworkTopologyStrategy"
        );
    }
}

/// Tells a cluster that does not let us in from one that is away.
async fn refused(
    config: &CqlConfig,
    secured: Option<Arc<ClientConfig>>,
    error: NewSessionError,
) -> ConnectError {
    if let NewSessionError::UseKeyspaceError(_) = &error {
        return ConnectError::Keyspace {
            keyspace: config.keyspace.clone(),
            source: Box::new(error),
        };
    }
    let mut refusal = Refusal::of(&error);
    if let (None, Some(secured)) = (&refusal, secured) {
        let asked = tokio::time::timeout(config.connect_timeout, refusal::asked(config, secured));
        refusal = asked.await.ok().flatten();
    }
    let at = config.nodes().join(", ");
    match refusal {
        Some(Refusal::LogIn(said)) => ConnectError::LogIn {
            at,
            said,
            named: config.user.is_some(),
            advice: refusal::log_in(config),
        },
        Some(Refusal::Tls(source)) => ConnectError::Certificate {
            at,
            advice: refusal::tls(config, &source),
            source,
        },
        None => ConnectError::Session {
            at,
            option: config.options.contact_points.clone(),
            source: Box::new(error),
        },
    }
}

fn profile(config: &CqlConfig) -> ExecutionProfile {
    let mut policy = DefaultPolicy::builder().token_aware(config.token_aware);
    if let Some(data_center) = &config.data_center {
        policy = policy.prefer_datacenter(data_center.clone());
    }
    let speculative = config.speculative_delay.map(|delay| {
        let policy = SimpleSpeculativeExecutionPolicy {
            max_retry_count: 1,
            retry_interval: delay,
        };
        Arc::new(policy) as Arc<_>
    });
    ExecutionProfile::builder()
        .consistency(config.consistency.into())
        .request_timeout(Some(config.request_timeout))
        .load_balancing_policy(policy.build())
        .speculative_execution_policy(speculative)
        .build()
}

fn password(config: &CqlConfig) -> Result<String, ConnectError> {
    match &config.password {
        None => Ok(String::new()),
        Some(KeySource::Inline(secret)) => Ok(secret.reveal().clone()),
        Some(KeySource::File(path)) => match std::fs::read_to_string(path) {
            Ok(text) => Ok(text.trim_end_matches(['\r', '\n']).to_owned()),
            Err(source) => Err(ConnectError::File {
                path: path.clone(),
                source,
            }),
        },
    }
}
