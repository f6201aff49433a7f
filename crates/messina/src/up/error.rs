//! Why a start failed, on which part of the configuration.

use std::io;
use std::path::PathBuf;

use messina_store::log::TopicError;
use messina_store::table::DeclareError;

use crate::access::AccessError;
use crate::gateway::route::RouteError;
use crate::gateway::state::StateError;
use crate::herder::HerderError;
use crate::listener::tcp::ListenError;
use crate::listener::tls::TlsError;
use crate::listener::tls_client::TlsClientError;
use crate::record_log::kafka::KafkaLogError;
use crate::rest::LoginError;
use crate::table::cql::{ConnectError, DefinitionError};

/// Why `up` did not start, or ended other than by being asked to.
#[derive(Debug, thiserror::Error)]
pub enum UpError {
    /// The runtime or a signal handler could not be had.
    #[error("cannot start the runtime")]
    Runtime(#[source] io::Error),
    /// Another process has the log.
    #[error(
        "the log in `{}` is in use by another process ({process}); stop it, or choose another directory with `--data`",
        dir.display()
    )]
    InUse {
        /// The log's directory.
        dir: PathBuf,
        /// Whose it is.
        process: u32,
    },
    /// A half of the chain without a log that the other half could use.
    #[error(
        "`{command}` needs the log to be Apache Kafka, or nobody else could reach it; write `[kafka]` with \
         `bootstrap_servers`, or run `messina up`, which is both halves"
    )]
    NeedsKafka {
        /// The command.
        command: &'static str,
    },
    /// The log could not be opened.
    #[error(transparent)]
    Log(#[from] messina_store::log::OpenError),
    /// The table file could not be opened.
    #[error(transparent)]
    Tables(#[from] messina_store::table::OpenError),
    /// A file of a listener cannot be used.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// A file for asking other workers cannot be used.
    #[error(transparent)]
    Peers(#[from] TlsClientError),
    /// A file of `[mqtt.access]` cannot be used.
    #[error(transparent)]
    Access(#[from] AccessError),
    /// The users of the REST API cannot be read.
    #[error(transparent)]
    Login(#[from] LoginError),
    /// A table is not as declared.
    #[error(transparent)]
    Declare(#[from] DeclareError),
    /// Kafka cannot be used.
    #[error(transparent)]
    Kafka(#[from] KafkaLogError),
    /// The CQL cluster cannot be used.
    #[error(transparent)]
    Cql(#[from] ConnectError),
    /// A table of the CQL cluster is not as declared.
    #[error(transparent)]
    CqlTable(#[from] DefinitionError),
    /// A topic could not be created.
    #[error("cannot create topic `{topic}`")]
    Topic {
        /// The topic.
        topic: String,
        /// Why.
        source: TopicError,
    },
    /// A topic exists with another number of partitions.
    #[error(
        "topic `{topic}` has {found} partitions, the configuration says {wanted}; change `[[topic]]`, or delete the topic"
    )]
    Partitions {
        /// The topic.
        topic: String,
        /// Partitions it has.
        found: i32,
        /// Partitions it should have.
        wanted: i32,
    },
    /// The connectors cannot be started.
    #[error("cannot start the connectors")]
    Connectors(#[from] HerderError),
    /// A route is wrong.
    #[error(transparent)]
    Route(#[from] RouteError),
    /// The sessions of the last run could not be read.
    #[error(transparent)]
    Sessions(#[from] StateError),
    /// A listener could not be opened.
    #[error(transparent)]
    Listen(#[from] ListenError),
    /// A second signal came: stopped at once. Nothing acknowledged is lost; the next start recovers.
    #[error("stopped at once by a second signal; the next start recovers what was under way")]
    StoppedAtOnce,
}
