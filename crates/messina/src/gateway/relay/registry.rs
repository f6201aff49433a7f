//! Who has said which filters are wanted, as an operator looks at it: gateways that are gone for good are forgotten, or
//! publishes would be relayed to them for ever.

use std::collections::BTreeMap;

use bytes::Bytes;

use super::super::state;
use super::announcing::{self, parse};
use super::position;
use crate::config::topic_of;
use crate::record_log::kafka::{GATEWAY_TOPIC, GroupTopics, KafkaLogError};

/// The gateways of a group that have subscriptions.
#[derive(Debug)]
pub struct Registry {
    topics: GroupTopics,
    topic: String,
}

impl Registry {
    /// Of the group whose topics these are. Connects to nobody.
    pub fn new(topics: GroupTopics) -> Self {
        Self {
            topic: topics.shared_topic(announcing::TOPIC),
            topics,
        }
    }

    /// How many filters each gateway has said it wants.
    pub async fn gateways(&self) -> Result<BTreeMap<String, usize>, KafkaLogError> {
        let mut gateways = BTreeMap::new();
        for key in self.topics.read(&self.topic).await?.latest.keys() {
            if let Some((gateway, _)) = parse(key) {
                *gateways.entry(gateway.to_owned()).or_default() += 1;
            }
        }
        Ok(gateways)
    }

    /// Withdraws every filter of a gateway, and says how many there were. One that runs after all hears of it, and says
    /// them again. `now` in ms since 1970.
    pub async fn forget(&self, gateway: &str, now: i64) -> Result<usize, KafkaLogError> {
        let known = self.topics.read(&self.topic).await?.latest;
        let is_its_own = |key: &&Bytes| parse(key).is_some_and(|(own, _)| own == gateway);
        let keys: Vec<Bytes> = known.keys().filter(is_its_own).cloned().collect();
        let count = keys.len();
        if count > 0 {
            self.topics.delete(&self.topic, keys, now).await?;
        }
        Ok(count)
    }

    /// Topics of a gateway's own that are still there: its sessions, its name, its place in the relay.
    pub async fn left_of(&self, gateway: &str) -> Result<Vec<String>, KafkaLogError> {
        let own = [state::TOPIC, GATEWAY_TOPIC, position::TOPIC];
        let own = own.map(|topic| topic_of(gateway, topic));
        let is_its_own = |name: &str| own.iter().any(|own| own == name);
        self.topics.names(is_its_own).await
    }
}
