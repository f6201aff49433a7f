//! Whose a gateway's name is. Kafka says of a process that another has taken its name also when it has only given up a
//! transaction that took too long, as it does when Kafka itself was away; this tells the two apart.

use std::sync::Arc;

use bytes::Bytes;
use messina_store::log::NewRecord;
use ring::rand::{SecureRandom as _, SystemRandom};

use super::compacted;
use super::error::KafkaLogError;
use crate::config::KafkaConfig;

/// Begins the names of the topics that say it.
pub const TOPIC: &str = "__messina_gateway";
const KEY: &[u8] = b"process";

/// This process, as a topic of the gateway's tells of it: whoever starts under the name last is in it.
#[derive(Debug, Clone)]
pub(super) struct Name {
    config: Arc<KafkaConfig>,
    own: Bytes,
}

impl Name {
    pub(super) fn new(config: &Arc<KafkaConfig>) -> Result<Self, KafkaLogError> {
        let mut number = [0_u8; 16];
        let filled = SystemRandom::new().fill(&mut number);
        filled.map_err(|_unspecified| KafkaLogError::Settings {
            said: "the system gives no random numbers".to_owned(),
        })?;
        Ok(Self {
            config: Arc::clone(config),
            own: Bytes::copy_from_slice(&number),
        })
    }

    pub(super) fn topic(&self) -> String {
        self.config.own_topic(TOPIC)
    }

    /// The record that says the name is this process's.
    pub(super) fn record(&self) -> NewRecord {
        NewRecord {
            key: Some(Bytes::from_static(KEY)),
            value: Some(self.own.clone()),
            ..NewRecord::default()
        }
    }

    /// Whether it still is. Blocks.
    pub(super) fn is_ours(&self) -> Result<bool, KafkaLogError> {
        let read = compacted::read_topic(&self.config, &self.topic())?;
        Ok(read.latest.get(KEY).is_none_or(|last| *last == self.own))
    }
}
