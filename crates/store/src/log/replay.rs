//! The part of recovery that writes: leftovers go, frames become segments again, a new generation begins.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;

use super::batch::BatchHeader;
use super::checkpoint::{Checkpoint, Mark, TopicState};
use super::error::OpenError;
use super::options::LogOptions;
use super::segment::Segment;
use super::survey::{FoundPartition, FoundSegment, Survey};
use super::wal::{self, Wal};
use crate::disk::{Disk, DiskError};

/// A log that has come back.
pub(super) struct Recovered {
    pub(super) checkpoint: Checkpoint,
    pub(super) wal: Wal,
    /// A write-ahead file that may be overwritten.
    pub(super) spare: Option<u64>,
    /// For each topic of the checkpoint each partition's segments.
    pub(super) segments: Vec<Vec<Vec<Arc<Segment>>>>,
}

/// Step 6: makes the log what the survey says it is.
pub(super) fn replay(
    dir: &Path,
    options: &LogOptions,
    survey: Survey,
) -> Result<Recovered, OpenError> {
    let disk = options.disk.as_ref();
    let mut tails = BTreeMap::new();
    for (key, found) in survey.partitions {
        tails.insert(key, Tail::of(disk, found)?);
    }
    for entry in &survey.entries {
        if let Some(tail) = tails.get_mut(&(entry.topic, entry.partition)) {
            tail.append(options, &entry.batch)?;
        }
    }
    let mut checkpoint = survey.checkpoint;
    let mut segments = Vec::new();
    for topic in &mut checkpoint.topics {
        segments.push(settle(disk, topic, &mut tails)?);
    }
    let (wal, spare) = next_generation(dir, options, &mut checkpoint, survey.sequence)?;
    Ok(Recovered {
        checkpoint,
        wal,
        spare,
        segments,
    })
}

/// Syncs what replay has written to a topic, and says so in its marks.
fn settle(
    disk: &dyn Disk,
    topic: &mut TopicState,
    tails: &mut BTreeMap<(u32, i32), Tail>,
) -> Result<Vec<Vec<Arc<Segment>>>, DiskError> {
    let mut all = Vec::new();
    for (index, mark) in (0..).zip(&mut topic.marks) {
        let Some(tail) = tails.remove(&(topic.id, index)) else {
            continue;
        };
        *mark = tail.settle(disk, mark.start)?;
        all.push(tail.segments);
    }
    Ok(all)
}

/// Begins a new generation, so that no frame of the past can be taken for one of the future.
fn next_generation(
    dir: &Path,
    options: &LogOptions,
    checkpoint: &mut Checkpoint,
    sequence: u64,
) -> Result<(Wal, Option<u64>), DiskError> {
    let disk = options.disk.as_ref();
    let mut files: Vec<u64> = disk
        .list(dir)?
        .iter()
        .filter_map(|name| wal::generation_of(name))
        .collect();
    files.sort_unstable();
    let generation = files
        .last()
        .copied()
        .unwrap_or(0)
        .max(checkpoint.generation)
        + 1;
    let unneeded = files
        .first()
        .copied()
        .filter(|file| *file < checkpoint.generation);
    files.retain(|file| Some(*file) != unneeded);
    let salt = checkpoint.salt;
    let wal = Wal::begin(
        &options.disk,
        dir,
        options.wal_bytes,
        salt,
        (generation, sequence),
        unneeded,
    )?;
    (
        checkpoint.generation,
        checkpoint.position,
        checkpoint.sequence,
    ) = (generation, 0, sequence);
    checkpoint.write(disk, dir)?;
    let spare = files.pop();
    for file in files {
        disk.remove(&dir.join(wal::file_name(file)))?;
    }
    Ok((wal, spare))
}

/// The end of a partition while frames are replayed into it.
pub(super) struct Tail {
    pub(super) dir: PathBuf,
    pub(super) next: i64,
    segments: Vec<Arc<Segment>>,
    dirty: Vec<Arc<Segment>>,
}

impl Tail {
    /// A partition with nothing in it, whose first offset will be `next`.
    pub(super) fn empty(dir: PathBuf, next: i64) -> Self {
        Self {
            dir,
            next,
            segments: Vec::new(),
            dirty: Vec::new(),
        }
    }

    /// Syncs what was written, and says what is durable now.
    pub(super) fn settle(&self, disk: &dyn Disk, start: i64) -> Result<Mark, DiskError> {
        for segment in &self.dirty {
            segment.file.sync()?;
        }
        if !self.dirty.is_empty() {
            disk.sync_dir(&self.dir)?;
        }
        let last = self.segments.last();
        let (base, len) = (
            last.map_or(self.next, |last| last.base),
            last.map_or(0, |last| last.len()),
        );
        Ok(Mark {
            start,
            next: self.next,
            base,
            len,
        })
    }

    fn of(disk: &dyn Disk, found: FoundPartition) -> Result<Self, DiskError> {
        disk.create_dir(&found.dir)?;
        for leftover in &found.leftovers {
            disk.remove(leftover)?;
        }
        let mut tail = Self {
            dir: found.dir,
            next: found.mark.next,
            segments: Vec::new(),
            dirty: Vec::new(),
        };
        for FoundSegment { base, path, scan } in found.segments {
            let file = disk.open(&path)?;
            let len = scan.len;
            let cut = file.len()? > len;
            if cut {
                file.set_len(len)?;
            }
            let segment = Arc::new(Segment::scanned(path, base, file, scan));
            if cut {
                tail.dirty.push(Arc::clone(&segment));
            }
            tail.segments.push(segment);
        }
        Ok(tail)
    }

    pub(super) fn append(&mut self, options: &LogOptions, batch: &Bytes) -> Result<(), DiskError> {
        let Some(header) = BatchHeader::parse(batch) else {
            return Ok(());
        };
        let size = batch.len() as u64;
        let fits = |segment: &&Arc<Segment>| {
            segment.len() == 0 || segment.len() + size <= options.segment_bytes
        };
        let segment = if let Some(segment) = self.segments.last().filter(fits) {
            Arc::clone(segment)
        } else {
            let segment = Segment::create(options.disk.as_ref(), &self.dir, self.next)?;
            self.segments.push(Arc::clone(&segment));
            segment
        };
        segment.file.write_at(batch, segment.len())?;
        segment.publish(header.base, size, header.max_timestamp);
        self.next = header.next;
        if self
            .dirty
            .last()
            .is_none_or(|last| !Arc::ptr_eq(last, &segment))
        {
            self.dirty.push(segment);
        }
        Ok(())
    }
}
