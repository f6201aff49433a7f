//! Why the herder did not do what it was asked.

use messina_connect::config::Problem;
use messina_store::log::{AppendError, ReadError, TopicError};

use crate::record_log::kafka::KafkaLogError;

/// A request the herder does not carry out.
#[derive(Debug, thiserror::Error)]
pub enum HerderError {
    /// There is no such connector, task or topic; the text says which.
    #[error("{0}")]
    Unknown(String),
    /// A connector of that name exists.
    #[error("Connector {0} already exists")]
    Exists(String),
    /// The connector is part of the configuration file.
    #[error(
        "Connector {0} is a `[[sink]]` of this worker's configuration file: change or remove it there and restart"
    )]
    Configured(String),
    /// What is asked for cannot be, or not now; the text says why.
    #[error("{0}")]
    Refused(String),
    /// The options do not make a connector.
    #[error("{}", list(.0))]
    Invalid(Vec<Problem>),
    /// There are as many connectors as the configuration allows.
    #[error("there are {0} connectors already, which is `rest.max_connectors`")]
    Full(usize),
    /// Somebody else is at it: to be asked again.
    #[error("{0}")]
    Busy(String),
    /// No worker leads the group now, or it is not known which.
    #[error(
        "Cannot complete request momentarily due to stale configuration (typically caused by a concurrent config change)"
    )]
    Stale,
    /// Kafka cannot be used.
    #[error(transparent)]
    Kafka(KafkaLogError),
    /// The log did not take a change.
    #[error("the change is not durable and was not made")]
    Append(#[from] AppendError),
    /// The log's topics cannot be used.
    #[error("a topic of the connectors cannot be created")]
    Topic(#[from] TopicError),
    /// The log cannot be read.
    #[error("a topic of the connectors cannot be read")]
    Read(#[from] ReadError),
}

impl From<KafkaLogError> for HerderError {
    fn from(error: KafkaLogError) -> Self {
        match error {
            error @ KafkaLogError::NoPartition(_) => Self::Refused(error.to_string()),
            error @ KafkaLogError::GroupInUse { .. } => Self::Busy(error.to_string()),
            error => Self::Kafka(error),
        }
    }
}

fn list(problems: &[Problem]) -> String {
    let texts: Vec<String> = problems.iter().map(ToString::to_string).collect();
    texts.join("; ")
}
