//! Compacted topics of a group of gateways, for whoever is none of them: read, and keys of them deleted.

use std::sync::Arc;

use bytes::Bytes;
use messina_store::log::NewRecord;

use super::admin::{KafkaAdmin, blocking};
use super::browse::KafkaBrowser;
use super::compacted::{self, Compacted};
use super::error::KafkaLogError;
use crate::config::KafkaConfig;

/// The topics of the gateways of a configuration.
#[derive(Debug)]
pub struct GroupTopics {
    config: Arc<KafkaConfig>,
}

impl GroupTopics {
    /// For the cluster of this configuration. Connects to nobody.
    pub fn new(config: Arc<KafkaConfig>) -> Self {
        Self { config }
    }

    /// What the gateways that belong together call a topic of theirs.
    pub fn shared_topic(&self, name: &str) -> String {
        self.config.shared_topic(name)
    }

    /// What such a topic holds; nothing if there is none.
    pub async fn read(&self, topic: &str) -> Result<Compacted, KafkaLogError> {
        let admin = KafkaAdmin::new(Arc::clone(&self.config));
        if admin.topic(topic).await?.is_none() {
            return Ok(Compacted::default());
        }
        let (config, topic) = (Arc::clone(&self.config), topic.to_owned());
        blocking(move || compacted::read_topic(&config, &topic)).await
    }

    /// The names of the topics that there are and that `is_wanted` takes.
    pub async fn names(
        &self,
        is_wanted: impl Fn(&str) -> bool,
    ) -> Result<Vec<String>, KafkaLogError> {
        let admin = KafkaAdmin::new(Arc::clone(&self.config));
        let names = admin.topics().await?.into_iter().map(|topic| topic.name);
        Ok(names.filter(|name| is_wanted(name)).collect())
    }

    /// Deletes keys of such a topic; done when that is durable. `now` in ms since 1970.
    pub async fn delete(
        &self,
        topic: &str,
        keys: Vec<Bytes>,
        now: i64,
    ) -> Result<(), KafkaLogError> {
        let tombstone = |key| NewRecord {
            key: Some(key),
            timestamp: now,
            ..NewRecord::default()
        };
        let tombstones = keys.into_iter().map(|key| (0, tombstone(key))).collect();
        let browser = KafkaBrowser::new(Arc::clone(&self.config));
        browser.append(topic, tombstones).await.map(drop)
    }
}
