//! The keeper: the thread that makes checkpoints, looks after retention and compaction, and fills write-ahead files.
//!
//! A checkpoint syncs what the committer has written to segments, then says so in the checkpoint file; only then
//! may the write-ahead file that held the same records be recycled, and only then may old segments go.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use super::checkpoint::{Checkpoint, Mark};
use super::compaction;
use super::error::AppendError;
use super::filling::Filling;
use super::options::Cleanup;
use super::partition::Partition;
use super::shared::{Item, Job, Shared};
use crate::disk::DiskError;

/// How long until a checkpoint that found no space is tried again.
const RETRY: Duration = Duration::from_millis(200);

pub(super) struct Keeper {
    shared: Arc<Shared>,
}

enum Next {
    Job(Box<Job>),
    Fill(Arc<Filling>),
    LookAround,
    Stop,
}

impl Keeper {
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        Self { shared }
    }

    /// Works until told to stop; a checkpoint that was asked for before is still made.
    pub(super) fn run(self) {
        let _guard = self.shared.guard("keeper");
        loop {
            match self.next() {
                Next::Job(job) => self.checkpoint(*job),
                Next::Fill(filling) => self.fill(filling),
                Next::LookAround => drop(self.shared.queue.push([Item::Checkpoint(None)])),
                Next::Stop => return,
            }
        }
    }

    fn next(&self) -> Next {
        let mut state = self.shared.keeper.state.lock();
        loop {
            if let Some(job) = state.pending.take() {
                return Next::Job(Box::new(job));
            }
            if state.stop {
                return Next::Stop;
            }
            if let Some(filling) = state.filling.take() {
                return Next::Fill(filling);
            }
            if self
                .shared
                .keeper
                .changed
                .wait_for(&mut state, self.shared.options.housekeeping)
                .timed_out()
                && state.pending.is_none()
                && state.filling.is_none()
            {
                return Next::LookAround;
            }
        }
    }

    /// One step: a checkpoint that is asked for meanwhile comes before the next.
    fn fill(&self, filling: Arc<Filling>) {
        if self.shared.health.failure().is_some() {
            return;
        }
        match filling.step() {
            Ok(true) => {
                let mut state = self.shared.keeper.state.lock();
                // One that was asked for meanwhile is of a later file.
                state.filling.get_or_insert(filling);
            }
            Ok(false) => {}
            // The committer finds that out for itself, and says so to those who append.
            Err(error) if error.is_full() => {}
            Err(error) => {
                self.shared.health.poison(error.line().into());
                self.shared.keeper.changed.notify_all();
            }
        }
    }

    fn checkpoint(&self, mut job: Job) {
        loop {
            match self.try_checkpoint(&job) {
                Ok(()) => {
                    self.finished(&job);
                    return answer(job, &Ok(()));
                }
                Err(error) if error.is_full() => {
                    match self.wait_for_space(job, error.line().into()) {
                        Some(again) => job = again,
                        None => return,
                    }
                }
                Err(error) => {
                    let why: Arc<str> = error.line().into();
                    self.shared.health.poison(Arc::clone(&why));
                    self.shared.keeper.changed.notify_all();
                    return answer(job, &Err(AppendError::Failed(why)));
                }
            }
        }
    }

    /// Waits, and gives back the job with what has joined it; `None` if the log stops meanwhile. Those who wait
    /// for the checkpoint are told now, but the job itself must stay: what it would sync, no other one will.
    fn wait_for_space(&self, mut job: Job, why: Arc<str>) -> Option<Job> {
        self.shared.health.set_full(Some(Arc::clone(&why)));
        for done in job.done.drain(..) {
            drop(done.send(Err(AppendError::Full(Arc::clone(&why)))));
        }
        let mut state = self.shared.keeper.state.lock();
        state.full = Some(why);
        self.shared.keeper.changed.notify_all();
        if state.stop {
            return None;
        }
        self.shared.keeper.changed.wait_for(&mut state, RETRY);
        Some(match state.pending.take() {
            Some(later) => job.followed_by(later),
            None => job,
        })
    }

    fn try_checkpoint(&self, job: &Job) -> Result<(), DiskError> {
        if self.shared.health.failure().is_some() {
            // What is in the segments may not be what was acknowledged: the last checkpoint stands.
            let source = std::io::Error::other("the log has failed");
            return Err(DiskError::new("sync", &self.shared.dir, source));
        }
        for segment in &job.dirty {
            segment.file.sync()?;
        }
        for partition in &job.grown {
            match self.shared.options.disk.sync_dir(&partition.dir) {
                Err(_) if partition.deleted.load(Ordering::Acquire) => {}
                synced => synced?,
            }
        }
        let mut durable = self.shared.durable.lock();
        let mut next = durable.clone();
        (next.generation, next.position, next.sequence) =
            (job.generation, job.position, job.sequence);
        for (partition, mark) in &job.marks {
            if let Some(place) = mark_mut(&mut next, partition) {
                // Retention is the keeper's: a start the committer read may be an older one.
                let start = place.start.max(mark.start);
                *place = Mark { start, ..*mark };
            }
        }
        for partition in self.partitions() {
            if let Some(mark) = mark_mut(&mut next, &partition) {
                mark.start = mark.start.max(self.oldest_kept(&partition, mark));
            }
        }
        next.write(self.shared.options.disk.as_ref(), &self.shared.dir)?;
        *durable = next;
        Ok(())
    }

    fn partitions(&self) -> Vec<Arc<Partition>> {
        let catalog = self.shared.catalog.lock();
        catalog
            .topics
            .values()
            .flat_map(|topic| topic.partitions.iter().map(|handle| Arc::clone(&handle.0)))
            .collect()
    }

    /// The start offset that retention asks for: closed segments that are too old or too many go whole.
    fn oldest_kept(&self, partition: &Partition, mark: &Mark) -> i64 {
        let config = &partition.config;
        if config.cleanup == Cleanup::Compact
            || (config.retention.is_none() && config.retention_bytes.is_none())
        {
            return mark.start;
        }
        let now = (self.shared.options.now)();
        let cut = config
            .retention
            .map(|keep| now.saturating_sub(i64::try_from(keep.as_millis()).unwrap_or(i64::MAX)));
        let segments = partition.segments.read();
        let mut bytes: u64 = segments.iter().map(|segment| segment.len()).sum();
        let mut start = mark.start;
        for (segment, after) in segments.iter().zip(segments.iter().skip(1)) {
            let too_old = cut.is_some_and(|cut| segment.max_timestamp() < cut);
            let too_many = config.retention_bytes.is_some_and(|keep| bytes > keep);
            if segment.base >= mark.base || !(too_old || too_many) {
                break;
            }
            bytes -= segment.len();
            start = after.base;
        }
        start
    }

    /// The checkpoint is durable: files may be recycled, and what it no longer names may go.
    fn finished(&self, job: &Job) {
        let mut state = self.shared.keeper.state.lock();
        state.durable_generation = job.generation;
        state.full = None;
        drop(state);
        self.shared.keeper.changed.notify_all();
        let durable = self.shared.durable.lock().clone();
        for partition in self.partitions() {
            let marks = durable
                .topics
                .iter()
                .find(|topic| topic.id == partition.topic_id)
                .map(|topic| &topic.marks);
            let mark = marks.and_then(|marks| marks.get(usize::try_from(partition.index).ok()?));
            let Some(mark) = mark else { continue };
            let _tending = self.shared.tending.lock();
            if partition.deleted.load(Ordering::Acquire) {
                continue;
            }
            self.drop_old_segments(&partition, mark.start);
            if partition.config.cleanup == Cleanup::Compact
                && let Err(error) = compaction::compact(&self.shared, &partition, mark)
                && !partition.deleted.load(Ordering::Acquire)
            {
                tracing::warn!(topic = %partition.topic, error = error.line(), "cannot compact a topic now");
            }
        }
    }

    fn drop_old_segments(&self, partition: &Partition, start: i64) {
        partition.start.fetch_max(start, Ordering::AcqRel);
        let mut segments = partition.segments.write();
        let keep = segments
            .partition_point(|segment| segment.base <= start)
            .saturating_sub(1);
        let dropped: Vec<_> = segments.drain(..keep).collect();
        drop(segments);
        for segment in dropped {
            if let Err(error) = self.shared.options.disk.remove(&segment.path) {
                tracing::warn!(
                    error = error.line(),
                    "cannot remove a segment that has outlived its retention"
                );
            }
        }
    }
}

fn answer(job: Job, result: &Result<(), AppendError>) {
    for done in job.done {
        drop(done.send(result.clone()));
    }
}

fn mark_mut<'a>(checkpoint: &'a mut Checkpoint, partition: &Partition) -> Option<&'a mut Mark> {
    checkpoint
        .topic_mut(partition.topic_id)?
        .marks
        .get_mut(usize::try_from(partition.index).ok()?)
}
