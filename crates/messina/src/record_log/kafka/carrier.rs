//! Records of another log carried into Kafka. A batch is one transaction: its records, how far that is, and the offsets
//! of groups that stood within it. So whoever goes on after a crash knows what is there, and nothing is there twice.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use messina_store::log::StoredRecord;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::error::{KafkaError, KafkaResult, RDKafkaErrorCode};
use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::producer::{BaseRecord, Producer as _, ThreadedProducer};
use rdkafka::{Offset, TopicPartitionList};

use super::arrivals::{Arrivals, Context};
use super::client::{ClientEvents, ClientRole, client_config};
use super::error::{Asked, KafkaLogError};
use crate::config::KafkaConfig;
use crate::record_log::SourcePartition;

/// How long one request to a coordinator may take before it is asked again.
const REQUEST: Duration = Duration::from_secs(10);
/// How long Kafka may take to make a transaction durable.
const PATIENCE: Duration = Duration::from_mins(2);

/// How much of a partition has been carried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Carried {
    /// Offset of the first record that was carried, in the log it is from.
    pub first: i64,
    /// Offset of the record to go on with, there.
    pub next: i64,
    /// How many records were carried.
    pub records: u64,
}

/// Where a group stands in a partition, by the offsets of the log it is from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CarriedGroup {
    /// Its name.
    pub group: String,
    /// The offset it would go on with.
    pub offset: i64,
    /// What was committed with it.
    pub metadata: String,
}

/// Records to carry in one transaction.
#[derive(Debug)]
pub struct CarryBatch<'a> {
    /// The partition they are from.
    pub from: &'a SourcePartition,
    /// The topic they go to.
    pub topic: &'a str,
    /// Records in order, each with its partition there.
    pub records: Vec<(i32, StoredRecord)>,
    /// How much is carried, these included.
    pub carried: Carried,
    /// Groups that are to stand at the same record there, if they stand within these.
    pub groups: &'a [CarriedGroup],
}

/// Carries records into Kafka, under a name that nobody else has meanwhile.
pub struct Carrier {
    config: Arc<KafkaConfig>,
    name: String,
    asked: Asked,
    delivered: Arc<Arrivals>,
    producer: ThreadedProducer<Context>,
    /// Consumers that consume nothing: librdkafka knows groups by them.
    groups: BTreeMap<String, BaseConsumer<ClientEvents>>,
}

impl Carrier {
    /// Takes the name: what an earlier process with it had not finished is as if it had never been. Blocks.
    pub fn open(config: &Arc<KafkaConfig>, name: &str) -> Result<Self, KafkaLogError> {
        let asked = Asked {
            operation: "write as",
            subject: name.to_owned(),
            servers: config.servers(),
        };
        let mut client = client_config(config, ClientRole::Producer)?;
        client.set("transactional.id", name);
        // A batch may be large, and Kafka busy.
        client.set("transaction.timeout.ms", PATIENCE.as_millis().to_string());
        client.set("delivery.timeout.ms", PATIENCE.as_millis().to_string());
        let delivered = Arc::<Arrivals>::default();
        let context = Context {
            events: ClientEvents::new(Arc::clone(config), name),
            delivered: Arc::clone(&delivered),
        };
        let opened = client.create_with_context(context);
        let opened = opened.and_then(|producer: ThreadedProducer<Context>| {
            producer.init_transactions(PATIENCE)?;
            Ok(producer)
        });
        Ok(Self {
            producer: opened.map_err(|error| asked.clone().failed(error))?,
            config: Arc::clone(config),
            name: name.to_owned(),
            asked,
            delivered,
            groups: BTreeMap::new(),
        })
    }

    /// How much of a partition has been carried under this name, if anything has. Blocks.
    pub fn carried(&mut self, from: &SourcePartition) -> Result<Option<Carried>, KafkaLogError> {
        let asked = self.asked.clone();
        let mut list = TopicPartitionList::new();
        list.add_partition(&from.topic, from.partition);
        let name = self.name.clone();
        let committed = self.group(&name)?.committed_offsets(list, PATIENCE);
        let committed = committed.map_err(|error| asked.failed(error))?;
        let elements = committed.elements();
        let Some(element) = elements.first() else {
            return Ok(None);
        };
        let Offset::Offset(next) = element.offset() else {
            return Ok(None);
        };
        Ok(parse(element.metadata()).map(|(first, records)| Carried {
            first,
            next,
            records,
        }))
    }

    /// Carries a batch, whole or not at all. Blocks.
    pub fn carry(&mut self, batch: &CarryBatch<'_>) -> Result<(), KafkaLogError> {
        let asked = Asked {
            operation: "write to",
            subject: format!("`{}`", batch.topic),
            servers: self.config.servers(),
        };
        match self.attempt(batch) {
            Ok(()) => Ok(()),
            Err(Fault::Kafka(error)) => {
                self.abort();
                Err(asked.failed(error))
            }
            Err(Fault::Record(code)) => {
                self.abort();
                Err(asked.answered(code, None))
            }
            Err(Fault::Other(error)) => {
                self.abort();
                Err(error)
            }
        }
    }

    fn attempt(&mut self, batch: &CarryBatch<'_>) -> Result<(), Fault> {
        self.producer.begin_transaction()?;
        let offsets = self.send(batch)?;
        let mut own = TopicPartitionList::new();
        let mut place = own.add_partition(&batch.from.topic, batch.from.partition);
        place.set_metadata(format!(
            "first={} records={}",
            batch.carried.first, batch.carried.records
        ));
        place.set_offset(Offset::Offset(batch.carried.next))?;
        let name = self.name.clone();
        self.commit_for(&name, &own)?;
        for group in batch.groups {
            let Some((partition, offset)) = stands(batch, group.offset, &offsets) else {
                continue;
            };
            let mut list = TopicPartitionList::new();
            let mut place = list.add_partition(batch.topic, partition);
            place.set_metadata(&group.metadata);
            place.set_offset(Offset::Offset(offset))?;
            self.commit_for(&group.group, &list)?;
        }
        again(|| self.producer.commit_transaction(REQUEST))?;
        Ok(())
    }

    /// Sends the records, and waits for where each has come to.
    fn send(&self, batch: &CarryBatch<'_>) -> Result<Vec<i64>, Fault> {
        self.delivered.begin(batch.records.len());
        for (number, (partition, record)) in batch.records.iter().enumerate() {
            let mut sending = BaseRecord::<[u8], [u8], usize>::with_opaque_to(batch.topic, number)
                .partition(*partition)
                .timestamp(record.timestamp);
            if let Some(key) = &record.key {
                sending = sending.key(key);
            }
            if let Some(value) = &record.value {
                sending = sending.payload(value);
            }
            if !record.headers.is_empty() {
                sending = sending.headers(headers(record));
            }
            while let Err((error, back)) = self.producer.send(sending) {
                if error.rdkafka_error_code() != Some(RDKafkaErrorCode::QueueFull) {
                    return Err(error.into());
                }
                self.delivered.wait_for_one();
                sending = back;
            }
        }
        self.delivered.wait_for_all().map_err(Fault::Record)
    }

    /// Has the transaction say where a group stands.
    fn commit_for(&mut self, group: &str, list: &TopicPartitionList) -> Result<(), Fault> {
        let metadata = self.group(group).map_err(Fault::Other)?.group_metadata();
        let Some(metadata) = metadata else {
            return Err(Fault::Record(RDKafkaErrorCode::UnknownGroup));
        };
        again(|| {
            self.producer
                .send_offsets_to_transaction(list, &metadata, REQUEST)
        })?;
        Ok(())
    }

    fn group(&mut self, name: &str) -> Result<&BaseConsumer<ClientEvents>, KafkaLogError> {
        if !self.groups.contains_key(name) {
            let mut client = client_config(&self.config, ClientRole::Consumer)?;
            client.set("group.id", name);
            let events = ClientEvents::new(Arc::clone(&self.config), name);
            let made = client.create_with_context(events);
            let consumer = made.map_err(|error| self.asked.clone().failed(error))?;
            self.groups.insert(name.to_owned(), consumer);
        }
        self.groups
            .get(name)
            .ok_or_else(|| KafkaLogError::Settings {
                said: format!("no consumer of `{name}`"),
            })
    }

    /// Nothing of the transaction is to be seen. If Kafka cannot be told so, it finds out when its time is over, or
    /// when the name is taken again.
    fn abort(&self) {
        if let Err(error) = again(|| self.producer.abort_transaction(REQUEST)) {
            tracing::warn!(%error, "a transaction that failed could not be aborted; the next start does it");
        }
    }
}

/// Why a batch was not carried.
enum Fault {
    Kafka(KafkaError),
    Record(RDKafkaErrorCode),
    Other(KafkaLogError),
}

impl From<KafkaError> for Fault {
    fn from(error: KafkaError) -> Self {
        Self::Kafka(error)
    }
}

/// Asks until there is an answer that asking again does not change, or patience ends.
fn again(ask: impl Fn() -> KafkaResult<()>) -> KafkaResult<()> {
    let tries = PATIENCE.as_secs() / REQUEST.as_secs();
    for _ in 1..tries {
        match ask() {
            Err(KafkaError::Transaction(error)) if error.is_retriable() => {}
            other => return other,
        }
    }
    ask()
}

/// Where a group stands in Kafka that would go on with `offset`: behind the last record before it. `None` if that is in
/// another batch.
fn stands(batch: &CarryBatch<'_>, offset: i64, delivered: &[i64]) -> Option<(i32, i64)> {
    let (partition, first) = batch.records.first()?;
    if offset <= first.offset {
        // Only before the very first there is nothing to stand behind.
        let is_first = batch.carried.first == first.offset;
        return is_first
            .then(|| Some((*partition, *delivered.first()?)))
            .flatten();
    }
    if offset > batch.carried.next {
        return None;
    }
    let behind = batch
        .records
        .partition_point(|(_, record)| record.offset < offset);
    let last = behind.checked_sub(1)?;
    let (partition, _) = batch.records.get(last)?;
    Some((*partition, delivered.get(last)? + 1))
}

/// `first=7 records=12`
fn parse(metadata: &str) -> Option<(i64, u64)> {
    let (first, records) = metadata.strip_prefix("first=")?.split_once(" records=")?;
    Some((first.parse().ok()?, records.parse().ok()?))
}

fn headers(record: &StoredRecord) -> OwnedHeaders {
    let all = OwnedHeaders::new_with_capacity(record.headers.len());
    record.headers.iter().fold(all, |all, header| {
        all.insert(Header {
            key: &String::from_utf8_lossy(&header.name),
            value: header.value.as_deref(),
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn batch(from: &SourcePartition, offsets: std::ops::Range<i64>, first: i64) -> CarryBatch<'_> {
        let next = offsets.end;
        let record = |offset| {
            let record = StoredRecord {
                offset,
                timestamp: 0,
                key: None,
                value: None,
                headers: Vec::new(),
            };
            (0, record)
        };
        CarryBatch {
            from,
            topic: "t",
            records: offsets.map(record).collect(),
            carried: Carried {
                first,
                next,
                records: 0,
            },
            groups: &[],
        }
    }

    #[test]
    fn a_group_stands_behind_the_same_record_in_the_batch_it_is_in_and_in_no_other() {
        let from = SourcePartition {
            topic: "t".into(),
            partition: 0,
        };
        let (one, two) = (batch(&from, 10..13, 10), batch(&from, 13..15, 10));
        // Between the two a transaction's marker has an offset of its own.
        let (there, later) = ([100, 101, 102], [104, 105]);
        let at = |offset| {
            let places = [stands(&one, offset, &there), stands(&two, offset, &later)];
            places.map(|place| place.map(|(_, offset)| offset))
        };
        assert_eq!(at(3), [Some(100), None]);
        assert_eq!(at(10), [Some(100), None]);
        assert_eq!(at(11), [Some(101), None]);
        assert_eq!(at(13), [Some(103), None]);
        assert_eq!(at(14), [None, Some(105)]);
        assert_eq!(at(15), [None, Some(106)]);
        assert_eq!(at(16), [None, None]);
    }

    #[test]
    fn how_much_is_carried_reads_back() {
        assert_eq!(parse("first=7 records=12"), Some((7, 12)));
        assert_eq!(parse("first=x records=12"), None);
        assert_eq!(parse(""), None);
    }
}
