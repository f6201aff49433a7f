//! Records and groups' offsets to Kafka.

use std::collections::BTreeMap;
use std::sync::Arc;

use messina_store::log::{Cleanup, Log, PartitionHandle, StoredRecord, TopicConfig, is_internal};
use tokio::runtime::Runtime;

use super::installation::is_of_gateway;
use super::{CarryError, CarryReport, Installation, Progress, TopicBooks};
use crate::config::KafkaConfig;
use crate::gateway::partitioner::partition_of;
use crate::record_log::SourcePartition;
use crate::record_log::kafka::{
    Carried, CarriedGroup, Carrier, CarryBatch, KafkaAdmin, WantedTopic,
};

/// Bytes of records read, and carried in one transaction.
const BATCH_BYTES: usize = 4 << 20;

/// Carries every topic's records, goes on where an earlier run was, and has groups stand at the same records. Blocks.
pub fn carry_records(
    installation: &Installation,
    kafka: &Arc<KafkaConfig>,
    runtime: &Runtime,
    progress: &mut Progress,
    report: &mut CarryReport,
) -> Result<(), CarryError> {
    let Some(log) = &installation.log else {
        return Ok(());
    };
    let there = topics(log, kafka, runtime)?;
    let name = format!("messina-export-{}", installation.journal.installation());
    let mut way = Way {
        log,
        carrier: Carrier::open(kafka, &name)?,
        groups: groups(installation, kafka, &there, report),
        there,
        gateway: kafka.gateway_id.clone(),
    };
    for handle in installation.partitions() {
        way.carry(&handle, progress, report)?;
    }
    Ok(())
}

/// The way of one log into Kafka.
struct Way<'a> {
    log: &'a Log,
    carrier: Carrier,
    /// By topic and partition here.
    groups: BTreeMap<(String, i32), Vec<CarriedGroup>>,
    /// Partitions of each topic there.
    there: BTreeMap<String, i32>,
    gateway: String,
}

impl Way<'_> {
    fn carry(
        &mut self,
        handle: &PartitionHandle,
        progress: &mut Progress,
        report: &mut CarryReport,
    ) -> Result<(), CarryError> {
        let from = SourcePartition {
            topic: handle.topic().into(),
            partition: handle.index(),
        };
        let topic = name_there(&from.topic, &self.gateway);
        let partitions = self.there.get(&topic).copied().unwrap_or(1);
        let same =
            self.log.partitions(&from.topic).len() == usize::try_from(partitions).unwrap_or(0);
        let groups = self
            .groups
            .remove(&(from.topic.to_string(), from.partition));
        let groups = groups.unwrap_or_default();
        let before = self.carrier.carried(&from)?;
        let mut carried = before.unwrap_or_else(|| Carried {
            first: handle.start_offset(),
            next: handle.start_offset(),
            records: 0,
        });
        let left = u64::try_from(handle.end_offset() - carried.next).unwrap_or(0);
        let what = format!("{topic}[{}]", from.partition);
        progress.begin(&what, "records", carried.records + left, carried.records);
        let way = (&from, topic.as_str(), (!same).then_some(partitions));
        self.batches(handle, way, &mut carried, &groups, progress)?;
        progress.end();
        // What Kafka says now, and what is here, each counted by itself.
        let there = self.carrier.carried(&from)?;
        let carried = there.map_or(0, |there| there.records);
        add(
            report,
            topic,
            TopicBooks {
                topic: String::new(),
                records: count(self.log, handle, there.map(|there| there.first))?,
                carried,
                now: carried - before.map_or(0, |before| before.records),
                groups: groups.into_iter().map(|group| group.group).collect(),
            },
        );
        Ok(())
    }

    /// Carries what is left, batch by batch. Among how many partitions there records are to be spread is said where it
    /// is another number than here.
    fn batches(
        &mut self,
        handle: &PartitionHandle,
        (from, topic, spread_over): (&SourcePartition, &str, Option<i32>),
        carried: &mut Carried,
        groups: &[CarriedGroup],
        progress: &mut Progress,
    ) -> Result<(), CarryError> {
        loop {
            let records = read(self.log, handle, carried.next)?;
            let (Some(first), Some(last)) = (records.first(), records.last()) else {
                return Ok(());
            };
            if carried.records == 0 {
                carried.first = first.offset;
            }
            let count = u64::try_from(records.len()).unwrap_or(0);
            carried.next = last.offset + 1;
            carried.records += count;
            let place = |record: StoredRecord| {
                let partition = spread_over.map(|partitions| spread(&record, partitions));
                (partition.unwrap_or(from.partition), record)
            };
            self.carrier.carry(&CarryBatch {
                from,
                topic,
                records: records.into_iter().map(place).collect(),
                carried: *carried,
                groups,
            })?;
            progress.step(count);
        }
    }
}

/// Makes sure of the topics there, as the configuration allows, and says how many partitions each has.
fn topics(
    log: &Log,
    kafka: &Arc<KafkaConfig>,
    runtime: &Runtime,
) -> Result<BTreeMap<String, i32>, CarryError> {
    let mut wanted = Vec::new();
    for topic in log.topics() {
        if is_internal(&topic.name) && !is_of_gateway(&topic.name) {
            continue;
        }
        wanted.push(WantedTopic {
            name: name_there(&topic.name, &kafka.gateway_id),
            partitions: i32::try_from(log.partitions(&topic.name).len()).unwrap_or(1),
            exact: false,
            settings: settings(&topic.config),
        });
    }
    let admin = KafkaAdmin::new(Arc::clone(kafka));
    let found = runtime.block_on(async {
        admin.ensure(&wanted).await?;
        admin.topics().await
    })?;
    Ok(found
        .into_iter()
        .map(|topic| (topic.name, topic.partitions))
        .collect())
}

/// A gateway's own topics are named after it.
fn name_there(topic: &str, gateway: &str) -> String {
    if is_of_gateway(topic) {
        format!("{topic}.{gateway}")
    } else {
        topic.to_owned()
    }
}

/// What a topic is to be like there if it is created.
fn settings(config: &TopicConfig) -> Vec<(String, String)> {
    if config.cleanup == Cleanup::Compact {
        return vec![("cleanup.policy".to_owned(), "compact".to_owned())];
    }
    let age = config
        .retention
        .map_or(-1, |age| i64::try_from(age.as_millis()).unwrap_or(i64::MAX));
    let bytes = config
        .retention_bytes
        .map_or(-1, |bytes| i64::try_from(bytes).unwrap_or(i64::MAX));
    vec![
        ("retention.ms".to_owned(), age.to_string()),
        ("retention.bytes".to_owned(), bytes.to_string()),
    ]
}

/// Groups by the partition they stand in; those of a topic with another number of partitions there cannot stand at the
/// same record.
fn groups(
    installation: &Installation,
    kafka: &KafkaConfig,
    there: &BTreeMap<String, i32>,
    report: &mut CarryReport,
) -> BTreeMap<(String, i32), Vec<CarriedGroup>> {
    let mut groups: BTreeMap<(String, i32), Vec<CarriedGroup>> = BTreeMap::new();
    for (group, place) in installation.groups() {
        let (here, topic) = (
            installation.log.as_ref(),
            name_there(&place.topic, &kafka.gateway_id),
        );
        let here = here.map_or(0, |log| log.partitions(&place.topic).len());
        let there = there.get(&topic).copied().unwrap_or(0);
        if usize::try_from(there).unwrap_or(0) != here {
            let remark = format!(
                "group `{group}` begins anew with topic `{topic}`, which has {there} partitions in Kafka and {here} here"
            );
            if !report.remarks.contains(&remark) {
                report.remarks.push(remark);
            }
            continue;
        }
        groups
            .entry((place.topic, place.partition))
            .or_default()
            .push(CarriedGroup {
                group,
                offset: place.commit.offset,
                metadata: place.commit.metadata,
            });
    }
    groups
}

/// Where a record goes in a topic with another number of partitions: by its key, as Kafka's own producers have it.
fn spread(record: &StoredRecord, partitions: i32) -> i32 {
    let count = usize::try_from(partitions).unwrap_or(1);
    let place = match &record.key {
        Some(key) => partition_of(key, count),
        None => usize::try_from(record.offset)
            .unwrap_or(0)
            .checked_rem(count)
            .unwrap_or(0),
    };
    i32::try_from(place).unwrap_or(0)
}

fn read(log: &Log, handle: &PartitionHandle, offset: i64) -> Result<Vec<StoredRecord>, CarryError> {
    if offset >= handle.end_offset() {
        return Ok(Vec::new());
    }
    let offset = offset.max(handle.start_offset());
    log.read(handle, offset, BATCH_BYTES)
        .map_err(|source| CarryError::Read {
            topic: handle.topic().to_owned(),
            source,
        })
}

/// Records that are in the log, one by one, from the first that was carried.
fn count(log: &Log, handle: &PartitionHandle, first: Option<i64>) -> Result<u64, CarryError> {
    let mut offset = first.unwrap_or_else(|| handle.start_offset());
    let mut records = 0;
    loop {
        let read = read(log, handle, offset)?;
        let Some(last) = read.last() else {
            return Ok(records);
        };
        offset = last.offset + 1;
        records += u64::try_from(read.len()).unwrap_or(0);
    }
}

/// Adds a partition's books to its topic's.
fn add(report: &mut CarryReport, topic: String, books: TopicBooks) {
    if let Some(own) = report.topics.iter_mut().find(|own| own.topic == topic) {
        own.records += books.records;
        own.carried += books.carried;
        own.now += books.now;
        own.groups.extend(books.groups);
        own.groups.sort();
        own.groups.dedup();
    } else {
        report.topics.push(TopicBooks { topic, ..books });
    }
}
