//! The log as the gateway writes it: one batch for each socket read, answered in order, with one wake-up for each
//! connection and commit.

use std::fmt;
use std::sync::Arc;

use messina_store::log::{
    self, AppendError, AppendWaiter, Cleanup, Log, LogHealth, NewRecord, PartitionHandle, Permit,
    ReadError, TopicConfig, TopicError,
};

use super::kafka::{Compacted, KafkaLogError, KafkaPartition, KafkaWriter};

/// The log the gateway writes to. Cheap to clone.
#[derive(Debug, Clone)]
pub enum LogWriter {
    /// The log of this process.
    Embedded(Log),
    /// Apache Kafka.
    Kafka(KafkaWriter),
}

/// A partition of the log the gateway writes to: cheap to clone, and the way to name it on the hot path.
#[derive(Clone)]
pub enum LogPartition {
    /// Of the embedded log.
    Embedded(PartitionHandle),
    /// Of Apache Kafka.
    Kafka(KafkaPartition),
    /// Of no log: what a gateway would remember that remembers nothing.
    Nowhere,
}

impl fmt::Debug for LogPartition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Embedded(handle) => handle.fmt(f),
            Self::Kafka(partition) => partition.fmt(f),
            Self::Nowhere => f.write_str("nowhere"),
        }
    }
}

impl LogPartition {
    /// Whether the topic was deleted since this was made, or has more partitions now.
    pub fn is_stale(&self) -> bool {
        match self {
            Self::Embedded(handle) => handle.is_deleted(),
            Self::Kafka(partition) => partition.is_stale(),
            Self::Nowhere => false,
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

/// How the way into a log is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WriterHealth {
    /// The log takes what it is given.
    Good,
    /// It does not take records now; appends wait until it does.
    Waiting(Arc<str>),
    /// It takes nothing until a person acts.
    Failed(Arc<str>),
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
    /// Kafka did not do it.
    #[error(transparent)]
    Kafka(#[from] KafkaLogError),
}

impl LogWriter {
    /// The partitions of a topic in order; empty if it is not known here.
    pub fn partitions(&self, topic: &str) -> Vec<LogPartition> {
        match self {
            Self::Embedded(log) => embedded(log.partitions(topic)),
            Self::Kafka(log) => of_kafka(log.partitions(topic)),
        }
    }

    /// How many topics are known here.
    pub fn topics(&self) -> usize {
        match self {
            Self::Embedded(log) => log.topics().len(),
            Self::Kafka(log) => log.topics(),
        }
    }

    /// The partitions of a topic, which is created as `wanted` says if there is none; in Kafka, as its configuration
    /// says.
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
            Self::Kafka(log) => Ok(of_kafka(log.provide(topic).await?)),
        }
    }

    /// The one partition of a compacted topic of ours, which is created the first time.
    pub async fn compacted(&self, topic: &str) -> Result<LogPartition, WriterError> {
        if let Self::Kafka(log) = self {
            if !log.remembers() {
                return Ok(LogPartition::Nowhere);
            }
            return Ok(LogPartition::Kafka(log.compacted(topic).await?));
        }
        let wanted = TopicConfig {
            cleanup: Cleanup::Compact,
            ..TopicConfig::default()
        };
        let partitions = self.provide(topic, &wanted).await?;
        let first = partitions.into_iter().next();
        first.ok_or_else(|| TopicError::Unknown(topic.to_owned()).into())
    }

    /// What such a topic holds.
    pub async fn read_compacted(&self, topic: &str) -> Result<Compacted, WriterError> {
        match self {
            Self::Embedded(log) => {
                let (log, topic) = (log.clone(), topic.to_owned());
                let read = tokio::task::spawn_blocking(move || log.read_compacted(&topic)).await;
                match read {
                    Ok(read) => Ok(Compacted {
                        latest: read?,
                        next: 0,
                    }),
                    Err(panicked) => std::panic::resume_unwind(panicked.into_panic()),
                }
            }
            Self::Kafka(log) if log.remembers() => Ok(log.read_compacted(topic).await?),
            Self::Kafka(_) => Ok(Compacted::default()),
        }
    }

    /// Waits for room in the queue of what is not yet durable. More than the whole queue counts as the whole queue.
    pub async fn reserve(&self, bytes: usize) -> Permit {
        match self {
            Self::Embedded(log) => log.reserve(bytes).await,
            Self::Kafka(log) => log.reserve(bytes).await,
        }
    }

    /// Room in the queue if there is any now.
    pub fn try_reserve(&self, bytes: usize) -> Option<Permit> {
        match self {
            Self::Embedded(log) => log.try_reserve(bytes),
            Self::Kafka(log) => log.try_reserve(bytes),
        }
    }

    /// The largest record there may be, in bytes.
    pub fn max_record(&self) -> usize {
        match self {
            Self::Embedded(_) => usize::MAX,
            Self::Kafka(log) => log.max_record(),
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
                records: to_embedded(records),
                permit,
                waiter,
                ticket,
                want_offsets: false,
            }),
            Self::Kafka(log) => log.append(to_kafka(records), (waiter, ticket, permit)),
        }
    }

    /// Appends records, all or none, and waits until they are durable.
    pub async fn append_wait(
        &self,
        records: Vec<(LogPartition, NewRecord)>,
    ) -> Result<(), AppendError> {
        match self {
            Self::Embedded(log) => log.append_wait(to_embedded(records)).await.map(drop),
            Self::Kafka(log) => log.append_wait(to_kafka(records)).await,
        }
    }

    /// What the gateway calls a topic of its own: gateways that share a log have one each.
    pub fn own_topic(&self, name: &str) -> String {
        match self {
            Self::Embedded(_) => name.to_owned(),
            Self::Kafka(log) => log.own_topic(name),
        }
    }

    /// What the gateways that belong together call a topic of theirs.
    pub fn shared_topic(&self, name: &str) -> String {
        match self {
            Self::Embedded(_) => name.to_owned(),
            Self::Kafka(log) => log.shared_topic(name),
        }
    }

    /// How the log is.
    pub fn health(&self) -> WriterHealth {
        match self {
            Self::Embedded(log) => match log.health() {
                LogHealth::Good => WriterHealth::Good,
                LogHealth::Full(reason) | LogHealth::Failed(reason) => WriterHealth::Failed(reason),
            },
            Self::Kafka(log) => log.health(),
        }
    }

    /// Takes no more, once what is under way is durable or refused. The embedded log is closed by who opened it.
    pub async fn close(&self) {
        if let Self::Kafka(log) = self {
            let log = log.clone();
            if let Err(panicked) = tokio::task::spawn_blocking(move || log.close()).await {
                std::panic::resume_unwind(panicked.into_panic());
            }
        }
    }
}

fn of_kafka(partitions: Vec<KafkaPartition>) -> Vec<LogPartition> {
    partitions.into_iter().map(LogPartition::Kafka).collect()
}

fn to_kafka(records: Vec<(LogPartition, NewRecord)>) -> Vec<(KafkaPartition, NewRecord)> {
    let own = records.into_iter();
    let own = own.filter_map(|(partition, record)| match partition {
        LogPartition::Kafka(partition) => Some((partition, record)),
        LogPartition::Nowhere => None,
        LogPartition::Embedded(_) => unreachable!("a partition of another log"),
    });
    own.collect()
}

fn embedded(handles: Vec<PartitionHandle>) -> Vec<LogPartition> {
    handles.into_iter().map(LogPartition::Embedded).collect()
}

fn to_embedded(records: Vec<(LogPartition, NewRecord)>) -> Vec<(PartitionHandle, NewRecord)> {
    let own = records
        .into_iter()
        .map(|(partition, record)| match partition {
            LogPartition::Embedded(handle) => (handle, record),
            LogPartition::Kafka(_) | LogPartition::Nowhere => {
                unreachable!("a partition of another log")
            }
        });
    own.collect()
}
