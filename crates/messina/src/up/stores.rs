//! Opens what is durable, and makes it hold the topics the configuration names.

use std::io;
use std::sync::Arc;

use messina_store::log::{Cleanup, Log, LogOptions, OpenError, TopicConfig, TopicError};
use messina_store::table::{TableOptions, TableStore};

use super::error::UpError;
use super::patience;
use super::role::Role;
use crate::config::{CleanupPolicy, Config, KafkaConfig};
use crate::record_log::kafka::{KafkaLog, KafkaWriter, WantedTopic};
use crate::record_log::{EmbeddedLog, LogWriter, RecordLog};

/// What is durable.
pub(super) struct Stores {
    pub(super) log: Log,
    pub(super) record_log: Arc<dyn RecordLog>,
    /// What the gateway writes to; `None` where there is none.
    pub(super) writer: Option<LogWriter>,
    pub(super) tables: TableStore,
}

impl Stores {
    pub(super) async fn open(config: &Config, role: Role) -> Result<Self, UpError> {
        let log = open_log(config).await?;
        let (record_log, writer) = match &config.kafka {
            Some(kafka) => in_kafka(config, Arc::new(kafka.clone()), role).await?,
            None => embedded(config, &log).await?,
        };
        Ok(Self {
            record_log,
            writer,
            tables: open_tables(config)?,
            log,
        })
    }
}

type Logs = (Arc<dyn RecordLog>, Option<LogWriter>);

async fn embedded(config: &Config, log: &Log) -> Result<Logs, UpError> {
    create_topics(log, config, &topic_defaults(config)).await?;
    let record_log = EmbeddedLog::new(log.clone());
    Ok((Arc::new(record_log), Some(LogWriter::Embedded(log.clone()))))
}

/// Kafka, with the topics that are named in `[[topic]]`, and by routes that always take the same one.
async fn in_kafka(config: &Config, kafka: Arc<KafkaConfig>, role: Role) -> Result<Logs, UpError> {
    let record_log = KafkaLog::new(Arc::clone(&kafka));
    let wanted: Vec<WantedTopic> = config.topics.iter().map(wanted).collect();
    record_log.admin().ensure(&wanted).await?;
    let writer = if role.has_gateway() {
        let room = config.gateway.limits.max_unacknowledged_bytes;
        let writer = KafkaWriter::open(&kafka, room, !config.gateway.publish_only).await?;
        let names: Vec<&str> = constant_topics(config).collect();
        writer.provide_all(&names).await?;
        Some(LogWriter::Kafka(writer))
    } else {
        None
    };
    Ok((Arc::new(record_log), writer))
}

/// A `[[topic]]` in Kafka's words.
fn wanted(topic: &crate::config::TopicConfig) -> WantedTopic {
    let retention = topic.retention.map_or(-1, |time| {
        i64::try_from(time.as_millis()).unwrap_or(i64::MAX)
    });
    let bytes = topic
        .retention_bytes
        .map_or(-1, |bytes| i64::try_from(bytes).unwrap_or(i64::MAX));
    let cleanup = match topic.cleanup {
        CleanupPolicy::Delete => "delete",
        CleanupPolicy::Compact => "compact",
    };
    let setting = |name: &str, value: String| (name.to_owned(), value);
    WantedTopic {
        name: topic.name.clone(),
        partitions: i32::try_from(topic.partitions).unwrap_or(1),
        exact: topic.partitions_stated,
        settings: vec![
            setting("cleanup.policy", cleanup.to_owned()),
            setting("retention.ms", retention.to_string()),
            setting("retention.bytes", bytes.to_string()),
        ],
    }
}

async fn open_log(config: &Config) -> Result<Log, UpError> {
    let options = LogOptions {
        wal_bytes: config.log.wal_size,
        segment_bytes: config.log.segment_size,
        queue_bytes: config.gateway.limits.max_unacknowledged_bytes,
        ..LogOptions::default()
    };
    let dir = config.log.dir.clone();
    match tokio::task::spawn_blocking(move || patience::open_log(&dir, &options)).await {
        Ok(Err(OpenError::InUse { dir })) => Err(match patience::holder(&dir) {
            Some(process) => UpError::InUse { dir, process },
            None => OpenError::InUse { dir }.into(),
        }),
        Ok(opened) => Ok(opened?),
        Err(panicked) => Err(UpError::Runtime(io::Error::other(panicked))),
    }
}

/// What a topic gets that is not named in the configuration.
pub(super) fn topic_defaults(config: &Config) -> TopicConfig {
    TopicConfig {
        partitions: i32::try_from(config.log.partitions).unwrap_or(1),
        retention: config.log.retention,
        retention_bytes: config.log.retention_bytes,
        cleanup: Cleanup::Delete,
    }
}

/// Creates the topics that are named: in `[[topic]]`, and by routes that always take the same one.
async fn create_topics(log: &Log, config: &Config, defaults: &TopicConfig) -> Result<(), UpError> {
    for topic in &config.topics {
        let wanted = TopicConfig {
            partitions: i32::try_from(topic.partitions).unwrap_or(1),
            retention: topic.retention,
            retention_bytes: topic.retention_bytes,
            cleanup: match topic.cleanup {
                CleanupPolicy::Delete => Cleanup::Delete,
                CleanupPolicy::Compact => Cleanup::Compact,
            },
        };
        create_topic(log, &topic.name, wanted).await?;
    }
    for name in constant_topics(config) {
        if log.partition(name, 0).is_none() {
            create_topic(log, name, defaults.clone()).await?;
        }
    }
    Ok(())
}

fn constant_topics(config: &Config) -> impl Iterator<Item = &str> {
    let routes = config.routes.iter();
    routes.filter_map(|route| route.kafka_topic.constant())
}

async fn create_topic(log: &Log, name: &str, wanted: TopicConfig) -> Result<(), UpError> {
    let partitions = wanted.partitions;
    match log.create_topic(name, wanted).await {
        Ok(()) => Ok(()),
        Err(TopicError::Exists(topic)) => {
            let found = i32::try_from(log.partitions(name).len()).unwrap_or(i32::MAX);
            if found == partitions {
                Ok(())
            } else {
                Err(UpError::Partitions {
                    topic,
                    found,
                    wanted: partitions,
                })
            }
        }
        Err(source) => Err(UpError::Topic {
            topic: name.to_owned(),
            source,
        }),
    }
}

fn open_tables(config: &Config) -> Result<TableStore, UpError> {
    let options = TableOptions {
        group_rows: config.table.max_batch_rows,
        purge_interval: config.table.purge_interval,
        ..TableOptions::default()
    };
    Ok(TableStore::open(&config.table.path, options)?)
}
