//! A partition as readers and writers hold it.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};

use parking_lot::Mutex;
use tokio::sync::Notify;

use super::record::StoredRecord;

pub(super) struct Partition {
    pub(super) topic: Arc<str>,
    pub(super) index: i32,
    pub(super) start: AtomicI64,
    pub(super) end: AtomicI64,
    pub(super) deleted: AtomicBool,
    pub(super) advanced: Notify,
    pub(super) records: Mutex<Vec<StoredRecord>>,
}

/// A partition of a topic: cheap to clone, and the way to name a partition on the hot path.
#[derive(Clone)]
pub struct PartitionHandle(pub(super) Arc<Partition>);

impl PartitionHandle {
    /// The topic's name.
    pub fn topic(&self) -> &str {
        &self.0.topic
    }

    /// The partition's number within its topic.
    pub fn index(&self) -> i32 {
        self.0.index
    }

    /// Offset of the oldest record that is kept.
    pub fn start_offset(&self) -> i64 {
        self.0.start.load(Ordering::Acquire)
    }

    /// The durable high watermark: the offset the next record will get. Everything below it is durable.
    pub fn end_offset(&self) -> i64 {
        self.0.end.load(Ordering::Acquire)
    }

    /// Whether the topic was deleted since this handle was made.
    pub fn is_deleted(&self) -> bool {
        self.0.deleted.load(Ordering::Acquire)
    }

    /// Waits until the record at `offset` is durable, or the topic is deleted.
    pub async fn wait_beyond(&self, offset: i64) {
        loop {
            let advanced = self.0.advanced.notified();
            tokio::pin!(advanced);
            advanced.as_mut().enable();
            if self.end_offset() > offset || self.is_deleted() {
                return;
            }
            advanced.await;
        }
    }
}

impl fmt::Debug for PartitionHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.0.topic, self.0.index)
    }
}
