//! The cluster's topics as far as this process writes to them.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use parking_lot::RwLock;

/// A topic of the cluster.
#[derive(Debug)]
pub(super) struct KafkaTopic {
    pub(super) name: String,
    partitions: i32,
    /// Whether it keeps the gateway's own state, which becomes durable with the records it is of.
    pub(super) is_state: bool,
    /// Whether what is known here is not so any more.
    stale: AtomicBool,
}

/// A partition of a topic of the cluster.
#[derive(Clone)]
pub struct KafkaPartition {
    pub(super) topic: Arc<KafkaTopic>,
    pub(super) index: i32,
}

impl KafkaPartition {
    /// Whether the cluster has said that the topic is gone, or has more partitions by now.
    pub fn is_stale(&self) -> bool {
        self.topic.stale.load(Ordering::Acquire)
    }
}

impl fmt::Debug for KafkaPartition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.topic.name, self.index)
    }
}

/// What is known of topics. Nothing is known of one that was never asked for, or is gone.
#[derive(Debug, Default)]
pub(super) struct Catalog {
    topics: RwLock<HashMap<String, Arc<KafkaTopic>>>,
}

impl Catalog {
    /// A topic has so many partitions.
    pub(super) fn add(&self, name: &str, partitions: i32, is_state: bool) -> Vec<KafkaPartition> {
        let topic = Arc::new(KafkaTopic {
            name: name.to_owned(),
            partitions,
            is_state,
            stale: AtomicBool::new(false),
        });
        let all = all_of(&topic);
        self.topics.write().insert(name.to_owned(), topic);
        all
    }

    /// The partitions of a topic; none if nothing is known of it.
    pub(super) fn partitions(&self, name: &str) -> Vec<KafkaPartition> {
        let topics = self.topics.read();
        topics.get(name).map(all_of).unwrap_or_default()
    }

    /// The cluster has said that a topic, or a partition of it, is not there: it is asked for anew.
    pub(super) fn forget(&self, name: &str) {
        if let Some(topic) = self.topics.write().remove(name) {
            topic.stale.store(true, Ordering::Release);
        }
    }

    /// The cluster has said how many partitions a topic has: if they are more than were known, gives how many those
    /// were. A topic with the gateway's own state stays as it is.
    pub(super) fn grow(&self, name: &str, partitions: i32) -> Option<i32> {
        let before = self.topics.read().get(name).map(Arc::clone)?;
        if before.is_state || partitions <= before.partitions {
            return None;
        }
        self.add(name, partitions, false);
        before.stale.store(true, Ordering::Release);
        Some(before.partitions)
    }

    /// How many are known.
    pub(super) fn len(&self) -> usize {
        self.topics.read().len()
    }
}

fn all_of(topic: &Arc<KafkaTopic>) -> Vec<KafkaPartition> {
    let partition = |index| KafkaPartition {
        topic: Arc::clone(topic),
        index,
    };
    (0..topic.partitions).map(partition).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn partitions_of_a_topic_that_is_gone_say_so_and_it_is_asked_for_anew() {
        let catalog = Catalog::default();
        assert!(catalog.partitions("t").is_empty());
        let held = catalog.add("t", 3, false);
        assert_eq!(catalog.partitions("t").len(), 3);
        assert_eq!(format!("{:?}", held[2]), "t-2");
        assert!(!held[0].is_stale());
        catalog.forget("t");
        assert!(held[0].is_stale());
        assert!(catalog.partitions("t").is_empty());
        assert!(!catalog.add("t", 4, false)[3].is_stale());
        assert_eq!(catalog.len(), 1);
    }

    #[test]
    fn a_topic_that_has_grown_is_asked_for_anew_and_one_of_state_does_not_grow() {
        let catalog = Catalog::default();
        let held = catalog.add("t", 3, false);
        assert_eq!(catalog.grow("t", 3), None);
        assert!(!held[0].is_stale());
        assert_eq!(catalog.grow("t", 5), Some(3));
        assert!(held[0].is_stale());
        let grown = catalog.partitions("t");
        assert!(grown.len() == 5 && !grown[0].is_stale());
        assert_eq!(catalog.grow("nobody's", 2), None);
        catalog.add("state", 1, true);
        assert_eq!(catalog.grow("state", 2), None);
    }
}
