//! How far a gateway has taken in what the others have published.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use messina_store::log::NewRecord;

use crate::record_log::kafka::{KafkaLogError, KafkaPartition, KafkaWriter};

/// Begins the names of the topics that say it.
pub(super) const TOPIC: &str = "__messina_relay_position";

/// The offsets that come next, by partition of the relay.
#[derive(Debug, Clone)]
pub(super) struct Position {
    topic: KafkaPartition,
    next: BTreeMap<i32, i64>,
    unsaved: bool,
}

impl Position {
    /// Where the process before this one has stopped in the topic `relay`; a gateway that is new begins at the end, and
    /// partitions that the topic has got since are read from their start.
    pub(super) async fn open(
        log: &KafkaWriter,
        relay: &str,
        partitions: usize,
    ) -> Result<Self, KafkaLogError> {
        let name = log.own_topic(TOPIC);
        let topic = log.compacted(&name).await?;
        let saved = log.read_compacted(&name).await?.latest;
        let number = |bytes: &Bytes| std::str::from_utf8(bytes).ok()?.parse::<i64>().ok();
        let read = |(key, value): (&Bytes, &Bytes)| {
            let partition = i32::try_from(number(key)?).ok()?;
            Some((partition, number(value)?))
        };
        let mut next: BTreeMap<i32, i64> = saved.iter().filter_map(read).collect();
        let known = next.len();
        let partitions = i32::try_from(partitions).unwrap_or(i32::MAX);
        for (partition, end) in (0..).zip(log.ends(relay, partitions).await?) {
            let start = if known == 0 { end } else { 0 };
            next.entry(partition).or_insert(start);
        }
        Ok(Self {
            unsaved: next.len() > known,
            topic,
            next,
        })
    }

    /// Where to go on in each partition.
    pub(super) fn places(&self, topic: &Arc<str>) -> Vec<(Arc<str>, i32, i64)> {
        let place = |(partition, next): (&i32, &i64)| (Arc::clone(topic), *partition, *next);
        self.next.iter().map(place).collect()
    }

    /// A record is taken in.
    pub(super) fn passed(&mut self, partition: i32, offset: i64) {
        self.next.insert(partition, offset + 1);
        self.unsaved = true;
    }

    /// The records that say so, unless nothing has come since the last ones.
    pub(super) fn save(&mut self, now: i64) -> Vec<(KafkaPartition, NewRecord)> {
        if std::mem::take(&mut self.unsaved) {
            self.records(now)
        } else {
            Vec::new()
        }
    }

    /// The records that say so.
    pub(super) fn records(&self, now: i64) -> Vec<(KafkaPartition, NewRecord)> {
        let record = |(partition, next): (&i32, &i64)| NewRecord {
            key: Some(Bytes::from(partition.to_string())),
            value: Some(Bytes::from(next.to_string())),
            headers: Vec::new(),
            timestamp: now,
        };
        let all = self.next.iter().map(record);
        all.map(|record| (self.topic.clone(), record)).collect()
    }
}
