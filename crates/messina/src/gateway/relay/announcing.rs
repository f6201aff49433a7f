//! Tells the other gateways which filters there are subscriptions for here.

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::{BufMut as _, Bytes, BytesMut};
use messina_mqtt::topic::TopicFilter;
use messina_store::log::NewRecord;

use super::super::server::Gateway;
use super::receiving::Relay;
use crate::record_log::LogPartition;
use crate::record_log::kafka::TailRecord;

/// The topic of all gateways' filters.
pub(super) const TOPIC: &str = "__messina_subscriptions";
/// A wait before telling again what Kafka has refused.
const UNTIL_AGAIN: Duration = Duration::from_secs(1);

fn key(gateway: &[u8], path: &str) -> Bytes {
    let mut key = BytesMut::with_capacity(gateway.len() + 1 + path.len());
    key.put_slice(gateway);
    key.put_u8(0);
    key.put_slice(path.as_bytes());
    key.freeze()
}

/// Whose filter a record is about.
pub(super) fn parse(key: &[u8]) -> Option<(&str, &str)> {
    std::str::from_utf8(key).ok()?.split_once('\0')
}

impl Relay {
    /// What another gateway has said of a filter; of ours, that it was forgotten.
    pub(super) fn heard(&self, record: &TailRecord) {
        let Some((gateway, path)) = record.key.as_deref().and_then(parse) else {
            return;
        };
        if *gateway.as_bytes() == *self.id {
            if record.value.is_none() {
                self.own.was_withdrawn(path);
            }
            return;
        }
        if let Ok(filter) = TopicFilter::new(path) {
            self.others.set(gateway, &filter, record.value.is_some());
        }
    }

    fn records(&self, untold: &BTreeMap<String, bool>, now: i64) -> Vec<(LogPartition, NewRecord)> {
        let record = |(path, wanted): (&String, &bool)| NewRecord {
            key: Some(key(&self.id, path)),
            value: wanted.then(Bytes::new),
            headers: Vec::new(),
            timestamp: now,
        };
        let place = || LogPartition::Kafka(self.subscriptions.clone());
        let all = untold.iter().map(record);
        all.map(|record| (place(), record)).collect()
    }
}

impl Gateway {
    /// Tells the other gateways of subscriptions that come and go, until the program stops.
    pub async fn announce(self: std::sync::Arc<Self>) {
        let Some(relay) = &self.relay else { return };
        loop {
            let untold = tokio::select! {
                untold = relay.own.untold() => untold,
                () = self.shutdown.intake_stopped() => return,
            };
            let records = relay.records(&untold, self.clock.unix_millis());
            if let Err(error) = self.log.append_wait(records).await {
                tracing::warn!(%error, "other gateways have not heard of subscriptions here; they are told again");
                relay.own.tell_later(untold);
                tokio::time::sleep(UNTIL_AGAIN).await;
            }
        }
    }
}
