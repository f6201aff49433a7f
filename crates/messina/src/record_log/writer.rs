//! The log as the gateway writes it: one batch for each socket read, answered in order, with one wake-up for each
//! connection and commit.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use messina_store::log::{
    self, AppendError, AppendWaiter, Cleanup, Log, NewRecord, PartitionHandle, Permit, ReadError,
    TopicConfig, TopicError,
};

/// The log the gateway writes to. Cheap to clone.
#[derive(Debug, Clone)]
pub enum LogWriter {
    /// The log of this process.
    Embedded(Log),
}

/// A partition of the log the gateway writes to: cheap to clone, and the way to name it on the hot path.
#[derive(Clone)]
pub enum LogPartition {
    /// Of the embedded log.
    Embedded(PartitionHandle),
}

impl fmt::Debug for LogPartition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Embedded(handle) => handle.fmt(f),
        }
    }
}

impl LogPartition {
    /// Whether the topic was deleted since this was made.
    pub fn is_deleted(&self) -> bool {
        match self {
            Self::Embedded(handle) => handle.is_deleted(),
        }
    }
}

/// Records that become durable together or not at all.
#[derive(Debug)]
pub struct Append {
    /// Records in order, each with the partition it goes to.
    pub records: Vec<(LogPartition, NewRecord)>,
    /// Room in the queue, from [`LogWriter::reserve`].
    pub permit: Permit,
    /// Who is told.
    pub waiter: Arc<AppendWaiter>,
    /// Given back in the [`Completion`](messina_store::log::Completion).
    pub ticket: u64,
}

/// Why topics of the log could not be made or read.
#[derive(Debug, thiserror::Error)]
pub enum WriterError {
    /// A topic could not be created.
    #[error(transparent)]
    Topic(#[from] TopicError),
    /// A topic could not be read.
    #[error(transparent)]
    Read(#[from] ReadError),
}

impl LogWriter {
    /// The partitions of a topic in order; empty if it is not known here.
    pub fn partitions(&self, topic: &str) -> Vec<LogPartition> {
        match self {
            Self::Embedded(log) => embedded(log.partitions(topic)),
        }
    }

    /// How many topics are known here.
    pub fn topics(&self) -> usize {
        match self {
            Self::Embedded(log) => log.topics().len(),
        }
    }

    /// The partitions of a topic, which is created as `wanted` says if there is none.
    pub async fn provide(
        &self,
        topic: &str,
        wanted: &TopicConfig,
    ) -> Result<Vec<LogPartition>, WriterError> {
        match self {
            Self::Embedded(log) => match log.create_topic(topic, wanted.clone()).await {
                Ok(()) | Err(TopicError::Exists(_)) => Ok(embedded(log.partitions(topic))),
                Err(error) => Err(error.into()),
            },
        }
    }

    /// The one partition of a compacted topic of ours, which is created the first time.
    pub async fn compacted(&self, topic: &str) -> Result<LogPartition, WriterError> {
        let wanted = TopicConfig {
            cleanup: Cleanup::Compact,
            ..TopicConfig::default()
        };
        let partitions = self.provide(topic, &wanted).await?;
        let first = partitions.into_iter().next();
        first.ok_or_else(|| TopicError::Unknown(topic.to_owned()).into())
    }

    /// The latest value of every key of such a topic; deleted keys are left out.
    pub async fn read_compacted(&self, topic: &str) -> Result<BTreeMap<Bytes, Bytes>, WriterError> {
        match self {
            Self::Embedded(log) => {
                let (log, topic) = (log.clone(), topic.to_owned());
                let read = tokio::task::spawn_blocking(move || log.read_compacted(&topic)).await;
                match read {
                    Ok(read) => Ok(read?),
                    Err(panicked) => std::panic::resume_unwind(panicked.into_panic()),
                }
            }
        }
    }

    /// Waits for room in the queue of what is not yet durable. More than the whole queue counts as the whole queue.
    pub async fn reserve(&self, bytes: usize) -> Permit {
        match self {
            Self::Embedded(log) => log.reserve(bytes).await,
        }
    }

    /// Room in the queue if there is any now.
    pub fn try_reserve(&self, bytes: usize) -> Option<Permit> {
        match self {
            Self::Embedded(log) => log.try_reserve(bytes),
        }
    }

    /// Queues an append and returns at once; its waiter is told.
    pub fn append(&self, append: Append) {
        let Append {
            records,
            permit,
            waiter,
            ticket,
        } = append;
        match self {
            Self::Embedded(log) => log.append(log::Append {
                records: of_embedded(records),
                permit,
                waiter,
                ticket,
                want_offsets: false,
            }),
        }
    }

    /// Appends records, all or none, and waits until they are durable.
    pub async fn append_wait(
        &self,
        records: Vec<(LogPartition, NewRecord)>,
    ) -> Result<(), AppendError> {
        match self {
            Self::Embedded(log) => log.append_wait(of_embedded(records)).await.map(drop),
        }
    }
}

fn embedded(handles: Vec<PartitionHandle>) -> Vec<LogPartition> {
    handles.into_iter().map(LogPartition::Embedded).collect()
}

fn of_embedded(records: Vec<(LogPartition, NewRecord)>) -> Vec<(PartitionHandle, NewRecord)> {
    let own = records.into_iter().map(|(partition, record)| {
        let LogPartition::Embedded(handle) = partition;
        (handle, record)
    });
    own.collect()
}
