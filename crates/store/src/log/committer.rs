//! The committer: the one thread that writes records.
//!
//! It takes everything that is queued, encodes it into one batch per partition, writes the batches to their
//! segments (page cache) and all of them as ONE frame to the write-ahead log, syncs the latter, and tells
//! everyone. There is no linger: the next group forms while this one syncs.
//!
//! The segments are written before the frame, not after the sync, so that a full disk refuses the group while
//! nothing has happened yet. It is harmless: recovery cuts segments back to what the checkpoint vouches for and
//! replays the frames, and readers see nothing before it is published.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::SyncSender;
use std::time::Duration;

use super::append::{Append, AppendWaiter, Completion};
use super::error::AppendError;
use super::frame;
use super::record::NewRecord;
use super::shared::{Ending, Item, Job, Shared, Taken};
use super::wal::Wal;
use super::writer::Writer;
use crate::disk::DiskError;

/// Quiet for this long, and the last frame gets its marker.
const IDLE: Duration = Duration::from_millis(50);
/// What a record may cost beyond its own bytes: an entry and a batch of its own.
const RECORD_OVERHEAD: usize = frame::ENTRY + super::batch::HEADER;

pub(super) struct Committer {
    shared: Arc<Shared>,
    wal: Wal,
    /// By the partition's slot.
    writers: Vec<Option<Writer>>,
    /// Slots with records in this group, in order of first appearance.
    touched: Vec<usize>,
    group: Vec<Staged>,
    group_bytes: usize,
    frame: Vec<u8>,
    wake: Vec<Arc<AppendWaiter>>,
    /// Whether the old file still holds frames that no checkpoint covers is the keeper's to say; this is its
    /// generation.
    spare: Option<u64>,
}

struct Staged {
    append: Append,
    offsets: Option<Box<[i64]>>,
}

impl Committer {
    pub(super) fn new(shared: Arc<Shared>, wal: Wal, spare: Option<u64>) -> Self {
        Self {
            shared,
            wal,
            writers: Vec::new(),
            touched: Vec::new(),
            group: Vec::new(),
            group_bytes: 0,
            frame: Vec::new(),
            wake: Vec::new(),
            spare,
        }
    }

    /// Commits until the queue ends.
    pub(super) fn run(mut self) {
        let _guard = self.shared.guard("committer");
        let mut items = Vec::new();
        loop {
            let idle =
                (self.wal.wants_marker() && self.shared.health.failure().is_none()).then_some(IDLE);
            match self.shared.queue.take(&mut items, idle) {
                Taken::Items => self.take(&mut items),
                Taken::Idle => self.mark_idle(),
                Taken::End => break,
            }
        }
        drop(self.shared.queue.end(Ending::Gone));
    }

    fn take(&mut self, items: &mut Vec<Item>) {
        for item in items.drain(..) {
            match item {
                Item::Append(append) => self.stage(append),
                Item::Barrier(done) => {
                    self.commit();
                    // Who asked may have gone.
                    done.send(()).unwrap_or_default();
                }
                Item::Checkpoint(done) => {
                    self.commit();
                    self.checkpoint(done);
                }
            }
        }
        self.commit();
        items.shrink_to(1 << 14);
    }

    fn largest(&self) -> usize {
        usize::try_from(Wal::largest_frame(self.shared.options.wal_bytes)).unwrap_or(usize::MAX)
            - frame::HEADER
    }

    /// Adds an append to the group, or answers it if it cannot be.
    fn stage(&mut self, append: Append) {
        let bytes = append
            .records
            .iter()
            .map(|(_, record)| record.size_bound() + RECORD_OVERHEAD)
            .sum::<usize>();
        let limit = self.largest();
        let deleted = append
            .records
            .iter()
            .find(|(handle, _)| handle.is_deleted());
        let refusal = if let Some(failure) = self.shared.health.failure() {
            Some(failure)
        } else if let Some((handle, _)) = deleted {
            Some(AppendError::TopicDeleted(Arc::clone(&handle.0.topic)))
        } else {
            (bytes > limit).then_some(AppendError::TooLarge { bytes, limit })
        };
        if let Some(refusal) = refusal {
            // Answers keep the order of the appends.
            self.commit();
            self.complete(append, Err(refusal));
            self.wake_all();
            return;
        }
        if self.group_bytes + bytes > limit.min(self.shared.options.group_bytes) {
            self.commit();
        }
        self.group_bytes += bytes;
        let offsets = self.encode(&append);
        self.group.push(Staged { append, offsets });
    }

    fn encode(&mut self, append: &Append) -> Option<Box<[i64]>> {
        let mut offsets = append
            .want_offsets
            .then(|| Vec::with_capacity(append.records.len()));
        for (handle, record) in &append.records {
            let slot = handle.0.slot;
            if self.writers.len() <= slot {
                self.writers.resize_with(slot + 1, || None);
            }
            let Some(place) = self.writers.get_mut(slot) else {
                continue;
            };
            let writer =
                place.get_or_insert_with(|| Writer::new(&handle.0, (self.shared.options.now)()));
            if writer.batch.is_empty() {
                self.touched.push(slot);
            }
            let delta = writer.batch.count();
            let NewRecord {
                key,
                value,
                headers,
                timestamp,
            } = record;
            writer
                .batch
                .push(delta, *timestamp, key.as_ref(), value.as_ref(), headers);
            if let Some(offsets) = &mut offsets {
                offsets.push(writer.next + i64::from(delta));
            }
        }
        offsets.map(Vec::into_boxed_slice)
    }

    /// Makes the group durable and answers it.
    fn commit(&mut self) {
        if self.group.is_empty() {
            return;
        }
        // A checkpoint's failure may have come since the group was staged.
        let written = match self.shared.health.failure() {
            Some(failure) => Err(failure),
            None => self.write_group().map_err(|error| self.refusal(&error)),
        };
        match &written {
            Ok(()) => {
                self.shared.health.set_full(None);
                self.publish();
            }
            Err(_) => self.undo(),
        }
        let mut group = std::mem::take(&mut self.group);
        for Staged { append, offsets } in group.drain(..) {
            self.complete(append, written.clone().map(|()| offsets));
        }
        self.group = group;
        self.group_bytes = 0;
        self.touched.clear();
        self.wake_all();
    }

    fn write_group(&mut self) -> Result<(), DiskError> {
        frame::begin(&mut self.frame);
        for slot in &self.touched {
            let Some(Some(writer)) = self.writers.get_mut(*slot) else {
                continue;
            };
            writer.batch.finish(writer.next, writer.batch.count() - 1);
            frame::push_entry(
                &mut self.frame,
                writer.partition.topic_id,
                writer.partition.index,
                writer.batch.bytes(),
            );
        }
        if !self.wal.has_room(frame::padded(self.frame.len())) {
            self.switch()?;
        }
        for slot in &self.touched {
            let Some(Some(writer)) = self.writers.get_mut(*slot) else {
                continue;
            };
            writer.write_segment(&self.shared)?;
        }
        let entries = u32::try_from(self.touched.len()).unwrap_or(u32::MAX);
        self.wal.write(&mut self.frame, entries)?;
        self.wal.sync()?;
        if let Some(filling) = self.wal.wants_filling() {
            self.shared.keeper.ask_to_fill(filling);
        }
        self.frame.shrink_to(4 << 20);
        Ok(())
    }

    /// What to tell those whose group could not be written. Only a full disk is survived.
    fn refusal(&self, error: &DiskError) -> AppendError {
        let why: Arc<str> = error.line().into();
        if error.is_full() {
            self.shared.health.set_full(Some(Arc::clone(&why)));
            AppendError::Full(why)
        } else {
            self.shared.health.poison(Arc::clone(&why));
            self.shared.keeper.changed.notify_all();
            AppendError::Failed(why)
        }
    }

    fn publish(&mut self) {
        for slot in &self.touched {
            let Some(Some(writer)) = self.writers.get_mut(*slot) else {
                continue;
            };
            writer.publish();
        }
    }

    fn undo(&mut self) {
        for slot in &self.touched {
            let Some(Some(writer)) = self.writers.get_mut(*slot) else {
                continue;
            };
            writer.batch.clear();
            writer.overhang = true;
        }
    }

    fn complete(&mut self, append: Append, result: Result<Option<Box<[i64]>>, AppendError>) {
        let Append {
            permit,
            waiter,
            ticket,
            ..
        } = append;
        drop(permit);
        if waiter.push(Completion { ticket, result }) {
            self.wake.push(waiter);
        }
    }

    fn wake_all(&mut self) {
        for waiter in self.wake.drain(..) {
            waiter.wake();
        }
    }

    fn mark_idle(&mut self) {
        match self.wal.mark_idle() {
            Ok(()) => {}
            // The marker can wait; the next group will vouch for the last one.
            Err(error) if error.is_full() => {}
            Err(error) => drop(self.refusal(&error)),
        }
    }

    /// Goes on in the other file, once a checkpoint has made it spare.
    fn switch(&mut self) -> Result<(), DiskError> {
        let generation = self.wal.generation;
        if self.wait_for_checkpoint(generation) {
            self.wal.switch(self.spare)?;
            self.spare = Some(generation);
            self.submit(Vec::new());
            return Ok(());
        }
        let source = std::io::ErrorKind::StorageFull.into();
        Err(DiskError::new(
            "write a checkpoint of",
            &self.shared.dir,
            source,
        ))
    }

    /// Waits until replay begins at `generation` or later. False: there is no space for the checkpoint, or
    /// the log has failed.
    fn wait_for_checkpoint(&self, generation: u64) -> bool {
        let mut state = self.shared.keeper.state.lock();
        while state.durable_generation < generation {
            if state.full.is_some() || self.shared.health.failure().is_some() || state.stop {
                return false;
            }
            self.shared
                .keeper
                .changed
                .wait_for(&mut state, Duration::from_millis(200));
        }
        true
    }

    fn checkpoint(&mut self, done: Option<SyncSender<Result<(), AppendError>>>) {
        let now = (self.shared.options.now)();
        for writer in self.writers.iter_mut().flatten() {
            writer.close_old_segment(now);
        }
        self.submit(done.into_iter().collect());
    }

    /// Hands the keeper a checkpoint of everything that is durable now.
    fn submit(&mut self, done: Vec<SyncSender<Result<(), AppendError>>>) {
        let mut job = Job {
            generation: self.wal.generation,
            position: self.wal.position,
            sequence: self.wal.sequence,
            marks: Vec::new(),
            dirty: Vec::new(),
            grown: Vec::new(),
            done,
        };
        for writer in &mut self.writers {
            if writer
                .as_ref()
                .is_some_and(|writer| writer.partition.deleted.load(Ordering::Acquire))
            {
                *writer = None;
            }
            if let Some(writer) = writer {
                writer.hand_over(&mut job);
            }
        }
        self.shared.keeper.submit(job);
    }
}
