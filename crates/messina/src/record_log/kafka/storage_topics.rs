//! The topics that Kafka Connect's workers keep their state in: provided where they are missing, and as they have to be.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::admin::{KafkaAdmin, WantedTopic};
use super::error::KafkaLogError;
use crate::config::{KafkaConfig, KafkaTopicConfig, StorageTopic};

/// Topics that are there, compacted, and have as many partitions as they may.
#[derive(Debug, Clone)]
pub struct StorageTopics {
    partitions: BTreeMap<String, usize>,
}

impl StorageTopics {
    /// Creates what is missing. Of the first topic there must be one partition; a topic that is not compacted would
    /// lose what was written first, and is refused.
    pub async fn provide(
        kafka: &Arc<KafkaConfig>,
        topics: [&StorageTopic; 3],
    ) -> Result<Self, KafkaLogError> {
        let admin = KafkaAdmin::new(Arc::clone(kafka));
        let known = admin.topics().await?;
        for topic in topics {
            if !known.iter().any(|known| known.name == topic.name) {
                create(kafka, topic).await?;
            }
        }
        let known = admin.topics().await?;
        let mut partitions = BTreeMap::new();
        for (number, topic) in topics.into_iter().enumerate() {
            let found = known.iter().find(|known| known.name == topic.name);
            let found = found.map_or(0, |found| usize::try_from(found.partitions).unwrap_or(0));
            if found == 0 || (number == 0 && found != 1) {
                return Err(KafkaLogError::OnePartition {
                    topic: topic.name.clone(),
                    option: topic.option,
                    found,
                });
            }
            let policy = admin.topic_setting(&topic.name, "cleanup.policy").await?;
            if policy.as_deref() != Some("compact") {
                return Err(KafkaLogError::NotCompacted {
                    topic: topic.name.clone(),
                    option: topic.option,
                    policy: policy.unwrap_or_default(),
                    servers: kafka.servers(),
                });
            }
            partitions.insert(topic.name.clone(), found);
        }
        Ok(Self { partitions })
    }

    /// How many partitions a topic has.
    pub fn partitions(&self, name: &str) -> usize {
        self.partitions.get(name).copied().unwrap_or(0)
    }
}

async fn create(kafka: &Arc<KafkaConfig>, topic: &StorageTopic) -> Result<(), KafkaLogError> {
    let mut config = KafkaConfig::clone(kafka);
    config.topics = KafkaTopicConfig {
        create: true,
        partitions: u32::from(topic.partitions),
        replication: topic.replication,
        settings: topic.settings.clone(),
    };
    let wanted = WantedTopic {
        name: topic.name.clone(),
        partitions: i32::from(topic.partitions),
        exact: false,
        settings: vec![("cleanup.policy".to_owned(), "compact".to_owned())],
    };
    KafkaAdmin::new(Arc::new(config)).create(&[wanted]).await?;
    tracing::info!(topic = topic.name, "a topic of the workers' was created");
    Ok(())
}
