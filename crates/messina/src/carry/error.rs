//! What can stop it. It can be begun again after each of these, and goes on where it was.

use std::io;
use std::path::PathBuf;

use messina_store::log::{OpenError, ReadError};
use messina_store::table::DumpError;

use crate::record_log::kafka::KafkaLogError;
use crate::table::TableError;
use crate::table::cql::{ConnectError, DefinitionError};

/// An installation could not be carried over, or not whole.
#[derive(Debug, thiserror::Error)]
pub enum CarryError {
    /// There is no installation.
    #[error("there is no installation of Messina in `{}`: it has neither a log nor tables", path.display())]
    Nothing {
        /// The data directory.
        path: PathBuf,
    },
    /// The log cannot be opened.
    #[error(transparent)]
    Log(#[from] OpenError),
    /// The log cannot be read.
    #[error("topic `{topic}` cannot be read")]
    Read {
        /// The topic.
        topic: String,
        /// Why.
        source: ReadError,
    },
    /// The table file cannot be read.
    #[error(transparent)]
    Dump(#[from] DumpError),
    /// A file cannot be written or read.
    #[error("cannot {action} `{}`", path.display())]
    File {
        /// What was to be done.
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// What is remembered of an earlier run makes no sense.
    #[error("`{}` is not what an export writes; remove it to begin anew", path.display())]
    Journal {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        source: serde_json::Error,
    },
    /// Kafka says no.
    #[error(transparent)]
    Kafka(#[from] KafkaLogError),
    /// The cluster of tables does not let us in.
    #[error(transparent)]
    Connect(#[from] ConnectError),
    /// A table there is not as it must be.
    #[error(transparent)]
    Definition(Box<DefinitionError>),
    /// A table there does not take rows.
    #[error(transparent)]
    Table(#[from] TableError),
    /// A table there lacks what a row of it must have.
    #[error("table `{table}` has the key column `{column}`, which the rows here do not have")]
    Key {
        /// The table.
        table: String,
        /// The column.
        column: String,
    },
    /// The system gives no random numbers, or a thread did not end in order.
    #[error("{0}")]
    Other(&'static str),
}

impl From<DefinitionError> for CarryError {
    fn from(error: DefinitionError) -> Self {
        Self::Definition(Box::new(error))
    }
}
