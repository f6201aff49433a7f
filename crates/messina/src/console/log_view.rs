//! The log as the tools see it: the embedded one, or Apache Kafka.
//!
//! `up`'s admin API asks it, and so does the command line where no process answers.

use std::time::Duration;

use messina_store::log::{
    Cleanup, Log, NewRecord, PartitionHandle, StoredRecord, TopicConfig, TopicInfo, is_internal,
};

use super::api::{CreateTopic, PartitionEntry, TopicEntry};
use super::exchange::ApiError;
use crate::record_log::kafka::browse::{BrowsedTopic, KafkaBrowser, Page, PartitionBounds, Wanted};

/// A log to look into, to write to, and to change.
#[derive(Debug)]
pub enum LogView {
    /// The log of this process, and what a topic gets that is created without saying more.
    Embedded(Log, TopicConfig),
    /// Apache Kafka.
    Kafka(KafkaBrowser),
}

impl LogView {
    /// Every topic, by name.
    pub async fn topics(&self) -> Result<Vec<TopicEntry>, ApiError> {
        match self {
            Self::Embedded(log, _) => {
                let topics = log.topics().into_iter();
                Ok(topics.map(|info| embedded_entry(log, info)).collect())
            }
            Self::Kafka(kafka) => {
                let topics = kafka.topics().await?.into_iter();
                Ok(topics.map(kafka_entry).collect())
            }
        }
    }

    /// The partitions of a topic in order; empty if there is none of that name.
    pub async fn partitions(&self, topic: &str) -> Result<Vec<PartitionEntry>, ApiError> {
        match self {
            Self::Embedded(log, _) => Ok(embedded_partitions(log, topic)),
            Self::Kafka(kafka) => {
                let partitions = kafka.partitions(topic).await?.into_iter();
                Ok(partitions.map(PartitionEntry::from).collect())
            }
        }
    }

    /// Creates a topic.
    pub async fn create(&self, asked: CreateTopic) -> Result<TopicEntry, ApiError> {
        match self {
            Self::Embedded(log, defaults) => create_embedded(log, defaults, asked).await,
            Self::Kafka(kafka) => create_in_kafka(kafka, asked).await,
        }
    }

    /// Deletes a topic and its records.
    pub async fn delete(&self, name: &str) -> Result<(), ApiError> {
        match self {
            Self::Embedded(log, _) => Ok(log.delete_topic(name).await?),
            Self::Kafka(kafka) if kafka.delete(name).await? => Ok(()),
            Self::Kafka(_) => Err(ApiError::not_found(&format!("there is no topic `{name}`"))),
        }
    }

    /// Appends records, each to the partition beside it, and gives their offsets once they are durable. In the embedded
    /// log it is all or none; in Kafka each stands for itself.
    pub async fn append(
        &self,
        topic: &str,
        records: Vec<(i32, NewRecord)>,
    ) -> Result<Vec<i64>, ApiError> {
        match self {
            Self::Embedded(log, _) => {
                let placed = records.into_iter().map(|(partition, record)| {
                    let handle = log.partition(topic, partition);
                    let handle = handle.ok_or_else(|| no_partition(topic, partition))?;
                    Ok::<_, ApiError>((handle, record))
                });
                Ok(log.append_wait(placed.collect::<Result<_, _>>()?).await?)
            }
            Self::Kafka(kafka) => Ok(kafka.append(topic, records).await?),
        }
    }

    /// Reads a partition.
    pub async fn read(&self, wanted: Wanted) -> Result<Page, ApiError> {
        let (topic, partition) = (wanted.topic.clone(), wanted.partition);
        let page = match self {
            Self::Embedded(log, _) => match log.partition(&topic, partition) {
                Some(handle) => Some(read_embedded(log, &handle, &wanted).await?),
                None => None,
            },
            Self::Kafka(kafka) => kafka.read(wanted).await?,
        };
        page.ok_or_else(|| no_partition(&topic, partition))
    }
}

fn no_partition(topic: &str, partition: i32) -> ApiError {
    ApiError::not_found(&format!(
        "there is no partition {partition} of topic `{topic}`"
    ))
}

fn embedded_partitions(log: &Log, topic: &str) -> Vec<PartitionEntry> {
    let partitions = log.partitions(topic);
    let entry = |handle: &PartitionHandle| PartitionEntry {
        partition: handle.index(),
        start: handle.start_offset(),
        end: handle.end_offset(),
    };
    partitions.iter().map(entry).collect()
}

fn embedded_entry(log: &Log, info: TopicInfo) -> TopicEntry {
    let retention = info.config.retention;
    TopicEntry {
        internal: info.internal,
        cleanup: match info.config.cleanup {
            Cleanup::Delete => "delete".to_owned(),
            Cleanup::Compact => "compact".to_owned(),
        },
        retention_ms: retention.and_then(|age| u64::try_from(age.as_millis()).ok()),
        retention_bytes: info.config.retention_bytes,
        partitions: embedded_partitions(log, &info.name),
        name: info.name,
    }
}

impl From<PartitionBounds> for PartitionEntry {
    fn from(bounds: PartitionBounds) -> Self {
        Self {
            partition: bounds.partition,
            start: bounds.start,
            end: bounds.end,
        }
    }
}

fn kafka_entry(topic: BrowsedTopic) -> TopicEntry {
    let settings = topic.settings;
    TopicEntry {
        internal: is_internal(&topic.name),
        retention_ms: settings.as_ref().and_then(|own| own.retention_ms),
        retention_bytes: settings.as_ref().and_then(|own| own.retention_bytes),
        cleanup: settings.map_or_else(|| "unknown".to_owned(), |own| own.cleanup),
        partitions: topic
            .partitions
            .into_iter()
            .map(PartitionEntry::from)
            .collect(),
        name: topic.name,
    }
}

async fn create_embedded(
    log: &Log,
    defaults: &TopicConfig,
    asked: CreateTopic,
) -> Result<TopicEntry, ApiError> {
    let config = TopicConfig {
        partitions: asked.partitions.unwrap_or(defaults.partitions),
        retention: asked
            .retention_ms
            .map(Duration::from_millis)
            .or(defaults.retention),
        retention_bytes: asked.retention_bytes.or(defaults.retention_bytes),
        cleanup: if asked.compact {
            Cleanup::Compact
        } else {
            Cleanup::Delete
        },
    };
    log.create_topic(&asked.name, config.clone()).await?;
    let info = TopicInfo {
        name: asked.name,
        config,
        internal: false,
    };
    Ok(embedded_entry(log, info))
}

/// What is not said is the brokers' business.
async fn create_in_kafka(kafka: &KafkaBrowser, asked: CreateTopic) -> Result<TopicEntry, ApiError> {
    let mut settings = Vec::new();
    let mut set = |name: &str, value: String| settings.push((name.to_owned(), value));
    if asked.compact {
        set("cleanup.policy", "compact".to_owned());
    }
    if let Some(age) = asked.retention_ms {
        set("retention.ms", age.to_string());
    }
    if let Some(bytes) = asked.retention_bytes {
        set("retention.bytes", bytes.to_string());
    }
    if !kafka
        .create(&asked.name, asked.partitions, settings)
        .await?
    {
        let taken = format!("there is a topic `{}` already", asked.name);
        return Err(ApiError::conflict(&taken));
    }
    let found = kafka.topic(&asked.name).await?;
    found.map(kafka_entry).ok_or_else(|| {
        ApiError::not_found(&format!(
            "`{}` was deleted as soon as it was created",
            asked.name
        ))
    })
}

async fn read_embedded(
    log: &Log,
    handle: &PartitionHandle,
    wanted: &Wanted,
) -> Result<Page, ApiError> {
    let offset = match wanted.offset {
        None => handle.start_offset(),
        Some(back) if back < 0 => (handle.end_offset() + back).max(handle.start_offset()),
        Some(offset) => offset,
    };
    if offset >= handle.end_offset() && !wanted.wait.is_zero() {
        // Nothing came: the answer is an empty list, not an error.
        drop(tokio::time::timeout(wanted.wait, handle.wait_beyond(offset)).await);
    }
    let mut records: Vec<StoredRecord> = Vec::new();
    if offset < handle.end_offset() {
        let (reader, partition, bytes) = (log.clone(), handle.clone(), wanted.most_bytes);
        let read = tokio::task::spawn_blocking(move || reader.read(&partition, offset, bytes));
        records = read
            .await
            .map_err(|error| ApiError::unavailable(&error))??;
        records.truncate(wanted.most);
    }
    Ok(Page {
        next: records.last().map_or(offset, |record| record.offset + 1),
        records,
        end: handle.end_offset(),
    })
}
