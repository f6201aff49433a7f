//! A partition as readers and writers hold it.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};

use parking_lot::RwLock;
use tokio::sync::Notify;

use super::error::{Damage, ReadError};
use super::options::TopicConfig;
use super::record::StoredRecord;
use super::segment::{self, Segment};

pub(super) struct Partition {
    pub(super) topic: Arc<str>,
    pub(super) topic_id: u32,
    pub(super) index: i32,
    pub(super) config: Arc<TopicConfig>,
    pub(super) dir: PathBuf,
    /// Place of its writer in the committer; never used again by another partition.
    pub(super) slot: usize,
    pub(super) start: AtomicI64,
    pub(super) end: AtomicI64,
    pub(super) deleted: AtomicBool,
    pub(super) advanced: Notify,
    /// By base offset; the last one is written to.
    pub(super) segments: RwLock<Vec<Arc<Segment>>>,
}

impl Partition {
    fn out_of_range(&self, offset: i64, start: i64, end: i64) -> ReadError {
        ReadError::OutOfRange {
            topic: Arc::clone(&self.topic),
            partition: self.index,
            offset,
            start,
            end,
        }
    }

    /// The segment that holds `offset` and those after it.
    fn segments_from(&self, offset: i64) -> Vec<Arc<Segment>> {
        let segments = self.segments.read();
        let after = segments.partition_point(|segment| segment.base <= offset);
        segments
            .iter()
            .skip(after.saturating_sub(1))
            .cloned()
            .collect()
    }

    /// Durable records from `offset` on, whole batches.
    pub(super) fn read(
        &self,
        offset: i64,
        max_bytes: usize,
    ) -> Result<Vec<StoredRecord>, ReadError> {
        if self.deleted.load(Ordering::Acquire) {
            return Err(ReadError::TopicDeleted(Arc::clone(&self.topic)));
        }
        let end = self.end.load(Ordering::Acquire);
        let start = self.start.load(Ordering::Acquire);
        if offset < start || offset > end {
            return Err(self.out_of_range(offset, start, end));
        }
        let mut records = Vec::new();
        if offset == end {
            return Ok(records);
        }
        for segment in self.segments_from(offset) {
            let problem = segment::read_records(&segment, offset, max_bytes.max(1), &mut records)?;
            if let Some((position, missing)) = problem {
                return Err(ReadError::Damaged(Damage {
                    file: segment.path.clone(),
                    position,
                    missing,
                }));
            }
            if !records.is_empty() {
                break;
            }
        }
        Ok(records)
    }

    /// Offset of the first record at or after `timestamp`.
    pub(super) fn offset_for_time(&self, timestamp: i64) -> Result<i64, ReadError> {
        let start = self.start.load(Ordering::Acquire);
        let segments = self.segments.read().clone();
        let Some(segment) = segments
            .iter()
            .find(|segment| segment.max_timestamp() >= timestamp)
        else {
            return Ok(self.end.load(Ordering::Acquire));
        };
        let mut offset = segment.offset_before_time(timestamp).max(start);
        loop {
            let records = self.read(offset, 64 << 10)?;
            let Some(last) = records.last() else {
                return Ok(self.end.load(Ordering::Acquire));
            };
            if let Some(found) = records.iter().find(|record| record.timestamp >= timestamp) {
                return Ok(found.offset);
            }
            offset = last.offset + 1;
        }
    }
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
