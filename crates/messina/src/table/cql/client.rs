//! One connection pool for all tables of a process.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, RootCertStore};
use scylla::client::execution_profile::ExecutionProfile;
use scylla::client::session::Session;
use scylla::client::session_builder::SessionBuilder;
use scylla::errors::NewSessionError;
use scylla::policies::load_balancing::DefaultPolicy;
use scylla::policies::speculative_execution::SimpleSpeculativeExecutionPolicy;

use crate::config::{CqlConfig, KeySource};

/// A connection that says nothing for this long is asked whether it still is one, and given up after as long.
const KEEP_ALIVE: Duration = Duration::from_secs(5);

/// Why there is no connection.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// Nobody answers, or refuses us.
    #[error("cannot connect to CQL at {at}; see `[cql]` contact_points, port, user and password")]
    Session {
        /// The contact points.
        at: String,
        /// Why.
        source: Box<NewSessionError>,
    },
    /// A file cannot be read.
    #[error("cannot read `{}` of `[cql]`", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The file of certificates is none.
    #[error("`cql.tls.ca` `{}` is not a file of PEM certificates", path.display())]
    Certificates {
        /// The file.
        path: PathBuf,
        /// Why.
        source: rustls::pki_types::pem::Error,
    },
    /// The certificates cannot be used.
    #[error("TLS towards CQL cannot be set up")]
    Tls(#[source] rustls::Error),
}

/// The driver's session, with how we use it.
#[derive(Debug, Clone)]
pub struct TableClient {
    pub(super) session: Arc<Session>,
    pub(super) config: Arc<CqlConfig>,
}

impl TableClient {
    /// Connects to the cluster.
    pub async fn connect(config: &CqlConfig) -> Result<Self, ConnectError> {
        let mut builder = SessionBuilder::new()
            .known_nodes(config.nodes())
            .default_execution_profile_handle(profile(config).into_handle())
            .keepalive_interval(KEEP_ALIVE)
            .keepalive_timeout(KEEP_ALIVE)
            .connection_timeout(KEEP_ALIVE);
        if let Some(user) = &config.user {
            builder = builder.user(user, password(config)?);
        }
        if let Some(ca) = &config.tls_ca {
            builder = builder.tls_context(Some(tls(ca)?));
        }
        let session = builder.build().await;
        let session = session.map_err(|source| ConnectError::Session {
            at: config.nodes().join(", "),
            source: Box::new(source),
        })?;
        Ok(Self {
            session: Arc::new(session),
            config: Arc::new(config.clone()),
        })
    }
}

fn profile(config: &CqlConfig) -> ExecutionProfile {
    let mut policy = DefaultPolicy::builder().token_aware(true);
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

fn tls(ca: &PathBuf) -> Result<Arc<ClientConfig>, ConnectError> {
    let unreadable = |source| ConnectError::Certificates {
        path: ca.clone(),
        source,
    };
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_file_iter(ca).map_err(unreadable)? {
        roots
            .add(certificate.map_err(unreadable)?)
            .map_err(ConnectError::Tls)?;
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(ConnectError::Tls)?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(Arc::new(config))
}
