//! Kafka as the log of the sinks.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use messina_store::log::NewRecord;
use parking_lot::Mutex;
use rdkafka::error::RDKafkaErrorCode;

use super::admin::{KafkaAdmin, WantedTopic};
use super::consumer::KafkaConsumer;
use super::error::{Asked, KafkaLogError};
use super::letters::Letters;
use super::positions::Ends;
use crate::config::{ClientOverrides, KafkaConfig};
use crate::record_log::{BoxFuture, RecordConsumer, RecordLog, RecordLogError, SourcePartition};

/// A log of records in Kafka's topics.
pub struct KafkaLog {
    config: Arc<KafkaConfig>,
    admin: KafkaAdmin,
    ends: Arc<Ends>,
    /// Made when the first record is appended: most processes never do.
    letters: Mutex<Option<Arc<Letters>>>,
    /// Partitions of topics that were appended to.
    known: Mutex<BTreeMap<String, i32>>,
}

impl fmt::Debug for KafkaLog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KafkaLog")
            .field("servers", &self.config.bootstrap_servers)
            .finish_non_exhaustive()
    }
}

impl KafkaLog {
    /// The log of this cluster. Connects to nobody.
    pub fn new(config: Arc<KafkaConfig>) -> Self {
        Self {
            admin: KafkaAdmin::new(Arc::clone(&config)),
            config,
            ends: Arc::default(),
            letters: Mutex::default(),
            known: Mutex::default(),
        }
    }

    /// What looks after the cluster's topics.
    pub fn admin(&self) -> &KafkaAdmin {
        &self.admin
    }

    async fn write(
        &self,
        topic: &str,
        partition: i32,
        records: Vec<NewRecord>,
    ) -> Result<(), KafkaLogError> {
        let partition = if partition < self.partitions(topic).await? {
            partition
        } else {
            0
        };
        let asked = Asked {
            operation: "write to",
            subject: format!("`{topic}`"),
            servers: self.config.servers(),
        };
        let letters = self.letters()?;
        let sent = letters.send(topic, partition, records).await;
        sent.map_err(|code| {
            use RDKafkaErrorCode as Code;
            if matches!(
                code,
                Code::UnknownTopicOrPartition | Code::UnknownTopic | Code::UnknownPartition
            ) {
                self.known.lock().remove(topic);
            }
            asked.answered(code, letters.last_error())
        })
    }

    /// How many partitions a topic has, which is created if it has none and topics may be.
    async fn partitions(&self, topic: &str) -> Result<i32, KafkaLogError> {
        if let Some(partitions) = self.known.lock().get(topic) {
            return Ok(*partitions);
        }
        let wanted = WantedTopic {
            name: topic.to_owned(),
            partitions: self.admin.default_partitions(),
            exact: false,
            settings: Vec::new(),
        };
        self.admin.ensure(&[wanted]).await?;
        let found = self.admin.topic(topic).await?;
        let partitions = found.map_or(1, |topic| topic.partitions);
        self.known.lock().insert(topic.to_owned(), partitions);
        Ok(partitions)
    }

    fn letters(&self) -> Result<Arc<Letters>, KafkaLogError> {
        let mut letters = self.letters.lock();
        if let Some(letters) = &*letters {
            return Ok(Arc::clone(letters));
        }
        let new = Arc::new(Letters::open(&self.config)?);
        *letters = Some(Arc::clone(&new));
        Ok(new)
    }
}

impl RecordLog for KafkaLog {
    fn subscribe(&self, group: &str, topics: &[String]) -> Box<dyn RecordConsumer> {
        let (config, ends) = (Arc::clone(&self.config), Arc::clone(&self.ends));
        Box::new(KafkaConsumer::new(config, group, topics, ends))
    }

    fn append<'a>(
        &'a self,
        topic: &'a str,
        partition: i32,
        records: Vec<NewRecord>,
    ) -> BoxFuture<'a, Result<(), RecordLogError>> {
        Box::pin(async move {
            let written = self.write(topic, partition, records).await;
            written.map_err(|error| error.of_log("append records"))
        })
    }

    fn end_offset(&self, source: &SourcePartition) -> Option<i64> {
        self.ends.of(source)
    }

    fn by_clients_of(&self, own: &ClientOverrides) -> Option<Arc<dyn RecordLog>> {
        let config = Arc::new(own.over(&self.config));
        let ends = Arc::clone(&self.ends);
        Some(Arc::new(Self {
            ends,
            ..Self::new(config)
        }))
    }
}
