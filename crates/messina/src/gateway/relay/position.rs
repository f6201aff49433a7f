//! How far a gateway has taken in what the others have published.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use messina_store::log::NewRecord;

use crate::record_log::kafka::{KafkaLogError, KafkaPartition, KafkaWriter, TailFrom};

/// Begins the names of the topics that say it.
const TOPIC: &str = "__messina_relay_position";

/// The offsets that come next, by partition of the relay.
#[derive(Debug)]
pub(super) struct Position {
    topic: KafkaPartition,
    next: BTreeMap<i32, i64>,
    unsaved: bool,
}

impl Position {
    /// Where the process before this one has stopped.
    pub(super) async fn open(log: &KafkaWriter) -> Result<Self, KafkaLogError> {
        let name = log.own_topic(TOPIC);
        let topic = log.compacted(&name).await?;
        let saved = log.read_compacted(&name).await?.latest;
        let number = |bytes: &Bytes| std::str::from_utf8(bytes).ok()?.parse::<i64>().ok();
        let read = |(key, value): (&Bytes, &Bytes)| {
            let partition = i32::try_from(number(key)?).ok()?;
            Some((partition, number(value)?))
        };
        Ok(Self {
            topic,
            next: saved.iter().filter_map(read).collect(),
            unsaved: false,
        })
    }

    /// Where to go on in each of so many partitions.
    pub(super) fn places(
        &self,
        topic: &Arc<str>,
        partitions: usize,
    ) -> Vec<(Arc<str>, i32, TailFrom)> {
        let all = 0..i32::try_from(partitions).unwrap_or(i32::MAX);
        let place = |partition| {
            let next = self.next.get(&partition);
            let from = next.map_or(TailFrom::End, |next| TailFrom::Offset(*next));
            (Arc::clone(topic), partition, from)
        };
        all.map(place).collect()
    }

    /// A record is taken in.
    pub(super) fn passed(&mut self, partition: i32, offset: i64) {
        self.next.insert(partition, offset + 1);
        self.unsaved = true;
    }

    /// The records that say so, unless nothing has come since the last ones.
    pub(super) fn save(&mut self, now: i64) -> Vec<(KafkaPartition, NewRecord)> {
        if !std::mem::take(&mut self.unsaved) {
            return Vec::new();
        }
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
