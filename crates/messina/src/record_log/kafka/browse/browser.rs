//! What can be asked about the cluster's topics.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use messina_store::log::NewRecord;
use parking_lot::Mutex;

use super::sender::Sender;
use super::settings::{self, TopicSettings};
use super::{Page, Readers, Wanted};
use crate::config::KafkaConfig;
use crate::record_log::kafka::{Asked, KafkaAdmin, KafkaLogError, WantedTopic};

/// How long it may take until all brokers have heard of a change.
const CHANGE_PATIENCE: Duration = Duration::from_secs(10);
/// How often they are asked.
const CHANGE_INTERVAL: Duration = Duration::from_millis(50);

/// A topic of the cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BrowsedTopic {
    /// Its name.
    pub name: String,
    /// Its partitions in order.
    pub partitions: Vec<PartitionBounds>,
    /// How long it keeps records; none where the cluster does not tell us.
    pub settings: Option<TopicSettings>,
}

/// Where a partition begins and ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PartitionBounds {
    /// Its number.
    pub partition: i32,
    /// Offset of the oldest record kept.
    pub start: i64,
    /// The offset behind the last record that readers of committed records see.
    pub end: i64,
}

/// Looks into the cluster and changes it, for the tools. Connects when it is first asked.
pub struct KafkaBrowser {
    config: Arc<KafkaConfig>,
    admin: KafkaAdmin,
    readers: Arc<Readers>,
    /// Made when the first record is written: most processes never do.
    sender: Mutex<Option<Arc<Sender>>>,
}

impl fmt::Debug for KafkaBrowser {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KafkaBrowser")
            .field("servers", &self.config.bootstrap_servers)
            .finish_non_exhaustive()
    }
}

impl KafkaBrowser {
    /// For the cluster of this configuration. Connects to nobody.
    pub fn new(config: Arc<KafkaConfig>) -> Self {
        Self {
            admin: KafkaAdmin::new(Arc::clone(&config)),
            readers: Arc::new(Readers::new(Arc::clone(&config))),
            sender: Mutex::default(),
            config,
        }
    }

    /// Where the log is, for people.
    pub fn place(&self) -> String {
        self.config.place()
    }

    /// Every topic, by name.
    pub async fn topics(&self) -> Result<Vec<BrowsedTopic>, KafkaLogError> {
        let topics = self
            .readers
            .with(None, |reader| reader.topics(None))
            .await?;
        let names: Vec<&str> = topics.keys().map(String::as_str).collect();
        let mut settings = self.settings(&names).await?;
        let topics = topics.into_iter().map(|(name, partitions)| BrowsedTopic {
            settings: settings.remove(&name),
            name,
            partitions,
        });
        Ok(topics.collect())
    }

    /// The partitions of a topic in order; empty if there is no such topic.
    pub async fn partitions(&self, topic: &str) -> Result<Vec<PartitionBounds>, KafkaLogError> {
        let name = topic.to_owned();
        let found = self
            .readers
            .with(None, move |reader| reader.topics(Some(&name)));
        Ok(found.await?.remove(topic).unwrap_or_default())
    }

    /// One topic, if there is one of that name.
    pub async fn topic(&self, name: &str) -> Result<Option<BrowsedTopic>, KafkaLogError> {
        let partitions = self.partitions(name).await?;
        if partitions.is_empty() {
            return Ok(None);
        }
        Ok(Some(BrowsedTopic {
            settings: self.settings(&[name]).await?.remove(name),
            name: name.to_owned(),
            partitions,
        }))
    }

    async fn settings(
        &self,
        names: &[&str],
    ) -> Result<BTreeMap<String, TopicSettings>, KafkaLogError> {
        let names = names.iter().map(|name| (*name).to_owned()).collect();
        settings::of_topics(&self.config, names).await
    }

    /// Creates a topic with so many partitions (the configuration's if absent) and these settings; `false` if there is
    /// one of that name. Done when it can be written to.
    pub async fn create(
        &self,
        name: &str,
        partitions: Option<i32>,
        settings: Vec<(String, String)>,
    ) -> Result<bool, KafkaLogError> {
        if !self.partitions(name).await?.is_empty() {
            return Ok(false);
        }
        let wanted = WantedTopic {
            name: name.to_owned(),
            partitions: partitions.unwrap_or_else(|| self.admin.default_partitions()),
            exact: true,
            settings,
        };
        self.admin.create(&[wanted]).await?;
        self.wait_until(name, true).await?;
        Ok(true)
    }

    /// Deletes a topic; `false` if there is none. Done when the cluster does not show it any more.
    pub async fn delete(&self, name: &str) -> Result<bool, KafkaLogError> {
        if self.partitions(name).await?.is_empty() {
            return Ok(false);
        }
        self.admin.delete(&[name.to_owned()]).await?;
        self.wait_until(name, false).await?;
        Ok(true)
    }

    /// Waits until the cluster shows a topic, or does not.
    async fn wait_until(&self, name: &str, there: bool) -> Result<(), KafkaLogError> {
        let waiting = async {
            while self.partitions(name).await?.is_empty() == there {
                tokio::time::sleep(CHANGE_INTERVAL).await;
            }
            Ok(())
        };
        // The change was made: who does not hear of it in time hears of it later.
        let waited = tokio::time::timeout(CHANGE_PATIENCE, waiting).await;
        waited.unwrap_or(Ok(()))
    }

    /// Reads records of a partition; none if there is no such partition.
    pub async fn read(&self, wanted: Wanted) -> Result<Option<Page>, KafkaLogError> {
        let place = Some((wanted.topic.clone(), wanted.partition));
        self.readers
            .with(place, move |reader| reader.read(&wanted))
            .await
    }

    /// Appends records, each to the partition beside it, and gives their offsets when all replicas in sync have them.
    /// Each stands for itself: where this fails, some of them may be there.
    pub async fn append(
        &self,
        topic: &str,
        records: Vec<(i32, NewRecord)>,
    ) -> Result<Vec<i64>, KafkaLogError> {
        let sender = self.sender()?;
        let asked = self.asked("write to", format!("`{topic}`"));
        sender.send(topic, records, &asked).await
    }

    fn sender(&self) -> Result<Arc<Sender>, KafkaLogError> {
        let mut sender = self.sender.lock();
        if let Some(sender) = &*sender {
            return Ok(Arc::clone(sender));
        }
        let asked = self.asked("write to", "any topic".to_owned());
        let new = Arc::new(Sender::open(&self.config, asked)?);
        *sender = Some(Arc::clone(&new));
        Ok(new)
    }

    fn asked(&self, operation: &'static str, subject: String) -> Asked {
        Asked {
            operation,
            subject,
            servers: self.config.servers(),
        }
    }
}
