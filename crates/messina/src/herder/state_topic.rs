//! A compacted topic of the embedded log that holds JSON under text keys.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use messina_store::log::{Cleanup, Log, NewRecord, TopicConfig, TopicError};
use serde_json::Value;

use super::error::HerderError;
use crate::runtime::clock::Clock;

/// A change: a key, and its new value or none.
pub(super) type Change = (String, Option<Value>);

/// One of the herder's topics.
#[derive(Debug)]
pub(super) struct StateTopic {
    log: Log,
    name: &'static str,
    clock: Arc<dyn Clock>,
}

impl StateTopic {
    /// Opens the topic, creating it the first time, and gives what it holds.
    pub(super) async fn open(
        log: &Log,
        name: &'static str,
        clock: &Arc<dyn Clock>,
    ) -> Result<(Self, BTreeMap<String, Value>), HerderError> {
        let config = TopicConfig {
            cleanup: Cleanup::Compact,
            ..TopicConfig::default()
        };
        match log.create_topic(name, config).await {
            Ok(()) | Err(TopicError::Exists(_)) => {}
            Err(error) => return Err(error.into()),
        }
        let reader = log.clone();
        let read = tokio::task::spawn_blocking(move || reader.read_compacted(name)).await;
        let read = read.unwrap_or_else(|panicked| std::panic::resume_unwind(panicked.into_panic()));
        let topic = Self {
            log: log.clone(),
            name,
            clock: Arc::clone(clock),
        };
        Ok((topic, texts(name, read?)))
    }

    /// Makes changes, all or none; done when they are durable.
    pub(super) async fn write(&self, changes: Vec<Change>) -> Result<(), HerderError> {
        let unknown = || TopicError::Unknown(self.name.to_owned());
        let handle = self.log.partition(self.name, 0).ok_or_else(unknown)?;
        let timestamp = self.clock.unix_millis();
        let record = |(key, value): Change| NewRecord {
            key: Some(Bytes::from(key)),
            value: value.map(|value| Bytes::from(value.to_string())),
            headers: Vec::new(),
            timestamp,
        };
        let records = changes
            .into_iter()
            .map(|change| (handle.clone(), record(change)))
            .collect();
        self.log.append_wait(records).await?;
        Ok(())
    }
}

/// What is not a text key with a JSON value is left alone: nothing of ours wrote it.
fn texts(topic: &str, read: BTreeMap<Bytes, Bytes>) -> BTreeMap<String, Value> {
    let mut texts = BTreeMap::new();
    for (key, value) in read {
        let text = String::from_utf8(key.to_vec());
        if let (Ok(key), Ok(value)) = (text, serde_json::from_slice(&value)) {
            texts.insert(key, value);
        } else {
            tracing::warn!(topic, "a record that is not ours is left alone");
        }
    }
    texts
}
