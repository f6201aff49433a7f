//! The writing end of a partition: its batch in the making and the segment it goes to. Only the committer has it.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::batch::BatchBuilder;
use super::checkpoint::Mark;
use super::options::Cleanup;
use super::partition::Partition;
use super::segment::Segment;
use super::shared::{Job, Shared};
use crate::disk::DiskError;

/// A compacted partition closes its segments early, because only closed ones can be compacted.
const COMPACTED_SEGMENT: u64 = 8 << 20;

pub(super) struct Writer {
    pub(super) partition: Arc<Partition>,
    segment: Option<Arc<Segment>>,
    len: u64,
    pub(super) next: i64,
    pub(super) batch: BatchBuilder,
    /// A refused group may have left bytes behind `len`.
    pub(super) overhang: bool,
    dirty: Vec<Arc<Segment>>,
    grown: bool,
    changed: bool,
    /// When the segment was begun, ms.
    since: i64,
}

impl Writer {
    pub(super) fn new(partition: &Arc<Partition>, now: i64) -> Self {
        let segment = partition.segments.read().last().cloned();
        Self {
            partition: Arc::clone(partition),
            len: segment.as_ref().map_or(0, |segment| segment.len()),
            segment,
            next: partition.end.load(Ordering::Acquire),
            batch: BatchBuilder::default(),
            overhang: false,
            dirty: Vec::new(),
            grown: false,
            changed: false,
            since: now,
        }
    }

    /// Writes the finished batch behind the segment's published bytes.
    pub(super) fn write_segment(&mut self, shared: &Shared) -> Result<(), DiskError> {
        let mut limit = shared.options.segment_bytes;
        if self.partition.config.cleanup == Cleanup::Compact {
            limit = limit.min(COMPACTED_SEGMENT);
        }
        let size = self.batch.bytes().len() as u64;
        let segment = match &self.segment {
            Some(segment) if self.len == 0 || self.len + size <= limit => Arc::clone(segment),
            _ => self.roll(shared)?,
        };
        segment.file.write_at(self.batch.bytes(), self.len)?;
        if self
            .dirty
            .last()
            .is_none_or(|last| !Arc::ptr_eq(last, &segment))
        {
            self.dirty.push(segment);
        }
        Ok(())
    }

    /// Closes the segment and begins the next.
    fn roll(&mut self, shared: &Shared) -> Result<Arc<Segment>, DiskError> {
        self.trim()?;
        let segment =
            Segment::create(shared.options.disk.as_ref(), &self.partition.dir, self.next)?;
        self.partition.segments.write().push(Arc::clone(&segment));
        self.segment = Some(Arc::clone(&segment));
        (self.len, self.overhang, self.grown) = (0, false, true);
        self.since = (shared.options.now)();
        Ok(segment)
    }

    /// Lets the next batch begin a segment if this one has been open for long enough that keeping all of it
    /// would stretch the retention noticeably.
    pub(super) fn close_old_segment(&mut self, now: i64) {
        let Some(retention) = self.partition.config.retention else {
            return;
        };
        let age = u128::try_from(now.saturating_sub(self.since)).unwrap_or_default();
        if self.len > 0 && age > retention.as_millis() / 8 && self.trim().is_ok() {
            self.segment = None;
        }
    }

    /// Cuts off what a refused group has left behind the segment's end: a closed segment is sound to its end.
    fn trim(&mut self) -> Result<(), DiskError> {
        if let Some(segment) = &self.segment
            && self.overhang
        {
            segment.file.set_len(self.len)?;
            self.dirty.push(Arc::clone(segment));
            self.overhang = false;
        }
        Ok(())
    }

    pub(super) fn publish(&mut self) {
        let size = self.batch.bytes().len() as u64;
        if let Some(segment) = &self.segment {
            segment.publish(self.next, size, self.batch.max_timestamp());
        }
        self.len += size;
        self.next += i64::from(self.batch.count());
        self.changed = true;
        self.batch.clear();
        self.partition.end.store(self.next, Ordering::Release);
        self.partition.advanced.notify_waiters();
    }

    pub(super) fn hand_over(&mut self, job: &mut Job) {
        if self.changed {
            let start = self.partition.start.load(Ordering::Acquire);
            let base = self
                .partition
                .segments
                .read()
                .last()
                .map_or(0, |segment| segment.base);
            let mark = Mark {
                start,
                next: self.next,
                base,
                len: self.len,
            };
            job.marks.push((Arc::clone(&self.partition), mark));
            self.changed = false;
        }
        job.dirty.append(&mut self.dirty);
        if std::mem::take(&mut self.grown) {
            job.grown.push(Arc::clone(&self.partition));
        }
    }
}
