//! Where a partition is read from, and where it ends.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::CString;
use std::sync::{Arc, Weak};
use std::time::Duration;

use parking_lot::Mutex;
use rdkafka::bindings::rd_kafka_get_watermark_offsets;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::error::{KafkaError, KafkaResult, RDKafkaErrorCode};
use rdkafka::{Offset, TopicPartitionList};

use super::news::GroupEvents;
use super::topic_ids::{TopicId, signed, topic_ids};
use crate::config::GroupBegin;
use crate::record_log::SourcePartition;

pub(super) type Client = BaseConsumer<GroupEvents>;

/// A cluster that says nothing for this long is away.
const PATIENCE: Duration = Duration::from_secs(10);

/// Where a group stands in a partition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Start {
    pub(super) source: SourcePartition,
    /// The committed offset; if none is committed the first there is, or the next to come.
    pub(super) offset: i64,
    /// What was committed with it.
    pub(super) metadata: Option<String>,
    /// The offset to read from: the same, unless it is not there, or is of another topic that had the name.
    pub(super) position: i64,
    /// Which topic it is; `None` if the cluster does not say.
    pub(super) id: Option<TopicId>,
}

/// Asks where the group stands in partitions. Blocks.
pub(super) fn starts(client: &Client, partitions: TopicPartitionList) -> KafkaResult<Vec<Start>> {
    let elements = partitions.elements();
    let names: BTreeSet<Arc<str>> = elements.iter().map(|own| own.topic().into()).collect();
    drop(elements);
    // First: if a topic is made again while the rest is asked, a later look at its identifier finds it out.
    let ids = topic_ids(client, &names)?;
    let committed = client.committed_offsets(partitions, PATIENCE)?;
    let mut starts = Vec::with_capacity(committed.count());
    for element in committed.elements() {
        let source = SourcePartition {
            topic: element.topic().into(),
            partition: element.partition(),
        };
        let committed = if let Offset::Offset(offset) = element.offset() {
            Some((offset, element.metadata().to_owned()))
        } else {
            element.error()?;
            None
        };
        let bounds = bounds(client, &source)?;
        let id = ids.get(&source.topic).cloned();
        let first = || match (bounds, client.context().begin()) {
            (None, _) => 0,
            (Some((low, _)), GroupBegin::Start) => low,
            (Some((_, high)), GroupBegin::End) => high,
        };
        let (offset, metadata, then) = match &committed {
            Some((offset, text)) => {
                let (note, then) = signed(text);
                (*offset, Some(note.to_owned()), then)
            }
            None => (first(), None, None),
        };
        starts.push(Start {
            source,
            offset,
            metadata,
            position: position(offset, bounds, is_another(then.as_ref(), id.as_ref())),
            id,
        });
    }
    Ok(starts)
}

/// Asks where to go on in a partition of the topic `then`, whose records from `from` on are not there, or are of
/// another topic that has the name now. Blocks.
pub(super) fn go_on(
    client: &Client,
    source: &SourcePartition,
    (from, then): (i64, Option<&TopicId>),
) -> KafkaResult<(i64, Option<TopicId>)> {
    let mut ids = topic_ids(client, &BTreeSet::from([Arc::clone(&source.topic)]))?;
    let id = ids.remove(&source.topic);
    let bounds = bounds(client, source)?;
    Ok((position(from, bounds, is_another(then, id.as_ref())), id))
}

/// Whether a topic was deleted and made again; it is not known to be unless both identifiers are.
pub(super) fn is_another(then: Option<&TopicId>, now: Option<&TopicId>) -> bool {
    matches!((then, now), (Some(then), Some(now)) if then != now)
}

/// Where to read on: another topic's offset says nothing of this one.
fn position(offset: i64, bounds: Option<(i64, i64)>, is_another: bool) -> i64 {
    match bounds {
        Some((low, _)) if is_another => low,
        Some(bounds) => within(offset, bounds),
        None => offset,
    }
}

/// First offset and the one after the last; `None` where the topic is gone, which the group will hear of.
fn bounds(client: &Client, source: &SourcePartition) -> KafkaResult<Option<(i64, i64)>> {
    match client.fetch_watermarks(&source.topic, source.partition, PATIENCE) {
        Ok(bounds) => Ok(Some(bounds)),
        Err(KafkaError::MetadataFetch(
            RDKafkaErrorCode::UnknownTopicOrPartition
            | RDKafkaErrorCode::UnknownTopic
            | RDKafkaErrorCode::UnknownPartition,
        )) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Before the first record: retention was faster. Beyond the end: the partition began anew.
fn within(offset: i64, (low, high): (i64, i64)) -> i64 {
    if (low..=high).contains(&offset) {
        offset
    } else {
        low
    }
}

/// Ends of the partitions that consumers of this process read.
#[derive(Debug, Default)]
pub(super) struct Ends(Mutex<BTreeMap<SourcePartition, End>>);

struct End {
    client: Weak<Client>,
    /// The position, if everything there is was fetched. The high watermark may be further: transactions leave markers.
    reached: Option<i64>,
}

impl std::fmt::Debug for End {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.reached.fmt(f)
    }
}

impl Ends {
    pub(super) fn add(&self, source: SourcePartition, client: &Arc<Client>) {
        let client = Arc::downgrade(client);
        let reached = None;
        self.0.lock().insert(source, End { client, reached });
    }

    pub(super) fn remove(&self, source: &SourcePartition) {
        self.0.lock().remove(source);
    }

    /// Keeps the end as it is now for who looks at a sink that has failed: nobody will hear of a later one.
    pub(super) fn freeze(&self, source: &SourcePartition) {
        let last = self.of(source);
        self.reached(source, last);
    }

    /// Notes that the end was reached, or that it was not.
    pub(super) fn reached(&self, source: &SourcePartition, reached: Option<i64>) {
        if let Some(end) = self.0.lock().get_mut(source) {
            end.reached = reached;
        }
    }

    /// The offset the next record will get, as the last fetch told. Asks nobody.
    pub(super) fn of(&self, source: &SourcePartition) -> Option<i64> {
        let ends = self.0.lock();
        let end = ends.get(source)?;
        end.reached
            .or_else(|| watermark(&*end.client.upgrade()?, source))
    }
}

/// The high watermark that came with the last fetch.
#[expect(
    unsafe_code,
    reason = "the bindings' own call: rdkafka has only the one that asks the brokers"
)]
fn watermark(client: &Client, source: &SourcePartition) -> Option<i64> {
    let topic = CString::new(source.topic.as_bytes()).ok()?;
    let (mut low, mut high) = (-1, -1);
    // SAFETY: the client is alive, the name ends in zero and, like both numbers, outlives the call.
    let code = unsafe {
        rd_kafka_get_watermark_offsets(
            client.client().native_ptr(),
            topic.as_ptr(),
            source.partition,
            &raw mut low,
            &raw mut high,
        )
    };
    let known = RDKafkaErrorCode::from(code) == RDKafkaErrorCode::NoError && high >= 0;
    known.then_some(high)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reading_goes_on_at_the_first_record_where_the_offset_is_not_there() {
        assert_eq!(within(5, (0, 9)), 5);
        assert_eq!(within(9, (0, 9)), 9);
        assert_eq!(within(3, (5, 9)), 5, "retention was faster");
        assert_eq!(within(12, (0, 9)), 0, "the partition began anew");
    }

    #[test]
    fn a_topic_that_was_made_again_is_read_from_its_start_however_far_it_has_come() {
        assert_eq!(position(5, Some((0, 9)), false), 5);
        assert_eq!(position(5, Some((0, 9)), true), 0);
        assert_eq!(position(5, None, true), 5);
    }
}
