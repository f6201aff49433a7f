//! Topics that get more partitions while the gateway runs. A producer of librdkafka knows how many a topic has from when
//! it last asked; routes choose partitions themselves. Both are told here, the producers first.

use std::collections::BTreeMap;
use std::ffi::CStr;
use std::ptr;
use std::sync::{Arc, Weak};
use std::time::Duration;

use parking_lot::{Condvar, Mutex};
use rdkafka::bindings as native;
use rdkafka::error::{IsError as _, RDKafkaErrorCode};
use rdkafka::producer::{Producer as _, ThreadedProducer};

use super::catalog::Catalog;
use super::reports::Reports;

/// A cluster that says nothing for this long is away.
const PATIENCE_MILLIS: i32 = 10_000;

/// The producers there are now. Shared behind an `Arc`.
#[derive(Debug, Default)]
pub(super) struct Producers(Mutex<Vec<Weak<ThreadedProducer<Reports>>>>);

impl Producers {
    /// One more; those that are gone are forgotten.
    pub(super) fn add(&self, producer: &Arc<ThreadedProducer<Reports>>) {
        let mut all = self.0.lock();
        all.retain(|own| own.strong_count() > 0);
        all.push(Arc::downgrade(producer));
    }

    fn all(&self) -> Vec<Arc<ThreadedProducer<Reports>>> {
        self.0.lock().iter().filter_map(Weak::upgrade).collect()
    }
}

/// Looks now and then how many partitions topics have.
pub(super) struct Growth {
    pub(super) catalog: Arc<Catalog>,
    pub(super) producers: Arc<Producers>,
    pub(super) between: Duration,
    pub(super) end: Arc<End>,
}

/// Tells that nothing is to be looked at any more.
#[derive(Debug, Default)]
pub(super) struct End {
    is_here: Mutex<bool>,
    news: Condvar,
}

impl End {
    pub(super) fn tell(&self) {
        *self.is_here.lock() = true;
        self.news.notify_all();
    }

    /// Waits; `true` if the end comes first.
    fn comes_within(&self, time: Duration) -> bool {
        let mut is_here = self.is_here.lock();
        if !*is_here {
            self.news.wait_for(&mut is_here, time);
        }
        *is_here
    }
}

impl Growth {
    /// Works until the end is told.
    pub(super) fn run(&self) {
        while !self.end.comes_within(self.between) {
            let mut found: BTreeMap<String, i32> = BTreeMap::new();
            for producer in self.producers.all() {
                match known_topics(&producer) {
                    Ok(topics) => add(&mut found, topics),
                    Err(code) => {
                        tracing::debug!(%code, "how many partitions topics have is not known now");
                        found.clear();
                        break;
                    }
                }
            }
            for (topic, partitions) in found {
                if let Some(before) = self.catalog.grow(&topic, partitions) {
                    tracing::info!(topic, before, partitions, "a topic has more partitions now");
                }
            }
        }
    }
}

/// Adds what one producer knows: a partition may be used when all producers that write to the topic know it.
fn add(found: &mut BTreeMap<String, i32>, topics: Vec<(String, i32)>) {
    for (topic, partitions) in topics {
        let least = found.entry(topic).or_insert(partitions);
        *least = partitions.min(*least);
    }
}

/// Asks the cluster about the topics that a producer writes to, which learns what is answered as well. Blocks.
#[expect(
    unsafe_code,
    reason = "the bindings' own call: rdkafka asks about one topic or about all"
)]
fn known_topics(
    producer: &ThreadedProducer<Reports>,
) -> Result<Vec<(String, i32)>, RDKafkaErrorCode> {
    let handle = producer.client().native_ptr();
    let mut answer: *const native::rd_kafka_metadata = ptr::null();
    let mut known = Vec::new();
    // SAFETY: the producer lives until the call returns. The answer is null or an array of as many topics as it says,
    // with names that end in zero, and is destroyed once, here.
    unsafe {
        let code =
            native::rd_kafka_metadata(handle, 0, ptr::null_mut(), &raw mut answer, PATIENCE_MILLIS);
        if code.is_error() || answer.is_null() {
            return Err(code.into());
        }
        for number in 0..usize::try_from((*answer).topic_cnt).unwrap_or(0) {
            let topic = &*(*answer).topics.add(number);
            if !topic.err.is_error() && topic.partition_cnt > 0 {
                let name = CStr::from_ptr(topic.topic).to_string_lossy().into_owned();
                known.push((name, topic.partition_cnt));
            }
        }
        native::rd_kafka_metadata_destroy(answer);
    }
    Ok(known)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_partition_is_used_when_every_producer_knows_it() {
        let mut found = BTreeMap::new();
        add(&mut found, vec![("a".to_owned(), 3), ("b".to_owned(), 6)]);
        add(&mut found, vec![("a".to_owned(), 6), ("c".to_owned(), 1)]);
        let expected = [("a", 3), ("b", 6), ("c", 1)].map(|(name, count)| (name.to_owned(), count));
        assert_eq!(found, BTreeMap::from(expected));
    }

    #[test]
    fn the_end_is_heard_at_once() {
        let end = End::default();
        assert!(!end.comes_within(Duration::ZERO));
        end.tell();
        assert!(end.comes_within(Duration::from_hours(1)));
    }
}
