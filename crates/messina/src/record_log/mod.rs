//! The log as sinks and tools see it, behind one trait: the embedded log, or Apache Kafka.
//! Takes offsets to commit and records to append (dead letters, replays) from the sink.
//! Gives it records of the topics it subscribes to, partition by partition, in order.

mod error;

mod embedded;

pub mod kafka;

mod writer;

pub use embedded::{EmbeddedConsumer, EmbeddedLog};
pub use error::RecordLogError;
pub use writer::{Append, LogPartition, LogWriter, WriterError, WriterHealth};

use std::fmt::Debug;
use std::sync::Arc;

use messina_store::log::{NewRecord, StoredRecord};

use crate::config::ClientOverrides;
pub use crate::table::BoxFuture;

/// A partition of a Kafka topic, by name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SourcePartition {
    /// The Kafka topic.
    pub topic: Arc<str>,
    /// The partition's number.
    pub partition: i32,
}

/// Records of one partition, in order.
#[derive(Debug, Clone)]
pub struct Fetched {
    /// Where they come from.
    pub source: SourcePartition,
    /// At least one.
    pub records: Vec<StoredRecord>,
}

/// A partition that is ours from now on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Assigned {
    /// The partition.
    pub source: SourcePartition,
    /// Offset of the first record that will be fetched.
    pub offset: i64,
    /// What was committed with that offset; `None` if the group has never committed here.
    pub metadata: Option<String>,
}

/// What a poll brings.
#[derive(Debug)]
pub enum Polled {
    /// Records.
    Records(Vec<Fetched>),
    /// Partitions that are ours from now on; their records follow.
    Assigned(Vec<Assigned>),
    /// Partitions that another member is to get: what is done may still be committed, and then they are to be
    /// [released](RecordConsumer::release) soon. Nothing more of them is fetched.
    Leaving(Vec<SourcePartition>),
    /// Partitions that are no longer ours: nothing may be committed for them.
    Revoked(Vec<SourcePartition>),
    /// The records of a partition between the two offsets are gone: retention was faster than the consumer.
    Lost {
        /// The partition.
        source: SourcePartition,
        /// Offset that was next.
        from: i64,
        /// Offset that is next now; below `from` if the partition began anew.
        to: i64,
    },
}

/// An offset to commit, with the committer's note.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Commit {
    /// The partition.
    pub source: SourcePartition,
    /// Offset of the next record to read.
    pub offset: i64,
    /// The note.
    pub metadata: String,
}

/// A log of records with consumer groups.
pub trait RecordLog: Send + Sync + Debug {
    /// Begins to consume topics as a member of `group`, each partition from its committed offset or its start.
    ///
    /// A name that begins with `^` is an expression: all topics whose whole name matches it, Messina's own apart.
    /// Topics that do not exist yet are watched for.
    fn subscribe(&self, group: &str, topics: &[String]) -> Box<dyn RecordConsumer>;

    /// Appends records to a topic; done when they are durable. `partition` is taken if the topic has it, else 0.
    /// The topic is created if it does not exist.
    fn append<'a>(
        &'a self,
        topic: &'a str,
        partition: i32,
        records: Vec<NewRecord>,
    ) -> BoxFuture<'a, Result<(), RecordLogError>>;

    /// The offset the next record of a partition will get, as far as is known here.
    fn end_offset(&self, source: &SourcePartition) -> Option<i64>;

    /// The same log by way of a connector's own clients; none where there are no clients to have settings.
    fn by_clients_of(&self, _own: &ClientOverrides) -> Option<Arc<dyn RecordLog>> {
        None
    }
}

/// A member of a consumer group.
pub trait RecordConsumer: Send + Debug {
    /// Waits for something, and gives about `max_bytes` of records; with 0 no records, but all other news. To be called
    /// also while no records are wanted: a member that is not heard of loses its partitions. Dropping the future loses
    /// nothing.
    fn poll(&mut self, max_bytes: usize) -> BoxFuture<'_, Result<Polled, RecordLogError>>;

    /// Commits offsets, all or none; done when they are durable.
    fn commit(&mut self, commits: Vec<Commit>) -> BoxFuture<'_, Result<(), RecordLogError>>;

    /// Gives up the partitions that are [leaving](Polled::Leaving).
    fn release(&mut self) {}

    /// Leaves the group, so that others need not find out that this member is gone.
    fn close(&mut self) -> BoxFuture<'_, ()> {
        Box::pin(std::future::ready(()))
    }
}
