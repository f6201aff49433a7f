//! Why a sink's task ends before it is asked to.

use messina_connect::mapping::TableChange;
use messina_connect::plan::RecordError;

use super::opening::OpenError;
use crate::record_log::{RecordLogError, SourcePartition};
use crate::table::TableError;

/// Why a task failed.
#[derive(Debug, thiserror::Error)]
pub enum SinkError {
    /// A record cannot become a row, and the connector tolerates none.
    #[error(
        "record {offset} of `{topic}`-{partition} cannot become a row, and the connector does not tolerate that; \
         mend the record's source, {advice}",
        topic = source_partition.topic, partition = source_partition.partition
    )]
    Record {
        /// The record's partition.
        source_partition: SourcePartition,
        /// Its offset.
        offset: i64,
        /// What else may be done.
        advice: &'static str,
        /// What is wrong with it.
        source: Box<RecordError>,
    },
    /// The table cannot be used.
    #[error(transparent)]
    Table(TableError),
    /// The connector's own patience is over.
    #[error("the rows were tried {tries} times again, as `connect.cassandra.max.retries` says")]
    GaveUp {
        /// How often they were tried again.
        tries: u32,
        /// The last failure.
        source: TableError,
    },
    /// What the connector needs could not be opened.
    #[error(transparent)]
    Open(OpenError),
    /// The log cannot be used.
    #[error(transparent)]
    Log(RecordLogError),
    /// A table must change before the next record can be written; the connector sees to it.
    #[error("a table must be created or changed first")]
    TableFirst(Box<TableChange>),
    /// A bug of ours.
    #[error("the task panicked; please report it with the log lines before this one")]
    Panicked,
}
