//! Compaction: the closed segments of a compacted partition become one, with the latest record of each key.
//!
//! The new file's batches tile the same offsets as the old files' (Kafka's batches may cover offsets whose
//! records are gone), so contiguity still shows damage. It is written beside, synced and renamed over the first
//! old file; the other old files are then covered by it, which is how recovery knows leftovers of a crash.

use std::collections::HashMap;
use std::sync::Arc;

use bytes::Bytes;

use super::batch::{self, BatchBuilder};
use super::checkpoint::Mark;
use super::partition::Partition;
use super::record::StoredRecord;
use super::segment::{self, Segment};
use super::shared::Shared;
use crate::disk::{DiskError, DiskFile};

/// A rewritten batch is about this large.
const BATCH: usize = 256 << 10;

/// Compacts the partition's closed segments if more than half of them is worth dropping.
pub(super) fn compact(
    shared: &Shared,
    partition: &Partition,
    mark: &Mark,
) -> Result<(), DiskError> {
    let segments = partition.segments.read().clone();
    let closed: Vec<_> = segments
        .iter()
        .filter(|segment| segment.base < mark.base)
        .cloned()
        .collect();
    let (Some(first), true) = (closed.first(), closed.len() > 1) else {
        return Ok(());
    };
    let later: u64 = closed.iter().skip(1).map(|segment| segment.len()).sum();
    if later < first.len() {
        return Ok(());
    }
    let latest = latest_offsets(&segments)?;
    let compacted = rewrite(shared, partition, &closed, &latest)?;
    let mut current = partition.segments.write();
    current.splice(..closed.len(), [compacted]);
    drop(current);
    for segment in closed.iter().skip(1) {
        shared.options.disk.remove(&segment.path)?;
    }
    Ok(())
}

/// For each key the offset of its latest record, and whether that one has a value.
fn latest_offsets(segments: &[Arc<Segment>]) -> Result<HashMap<Bytes, i64>, DiskError> {
    let mut latest = HashMap::new();
    for segment in segments {
        for_each_record(segment, |record| {
            if let Some(key) = &record.key {
                latest.insert(Bytes::copy_from_slice(key), record.offset);
            }
        })?;
    }
    Ok(latest)
}

fn for_each_record(
    segment: &Segment,
    mut visit: impl FnMut(&StoredRecord),
) -> Result<i64, DiskError> {
    let mut records = Vec::new();
    let scan = segment::scan(
        segment.file.as_ref(),
        segment.base,
        segment.len(),
        |bytes| {
            records.clear();
            if batch::decode(bytes, 0, &mut records).is_some() {
                records.iter().for_each(&mut visit);
            }
        },
    )?;
    match scan.problem {
        Some(problem) => Err(DiskError::new(
            "compact",
            &segment.path,
            std::io::Error::other(problem),
        )),
        None => Ok(scan.next),
    }
}

fn rewrite(
    shared: &Shared,
    partition: &Partition,
    closed: &[Arc<Segment>],
    latest: &HashMap<Bytes, i64>,
) -> Result<Arc<Segment>, DiskError> {
    let disk = shared.options.disk.as_ref();
    let base = closed.first().map_or(0, |segment| segment.base);
    let place = partition.dir.join(segment::file_name(base));
    let beside = place.with_extension("compacting");
    let mut tiles = Tiles {
        file: disk.create(&beside)?,
        position: 0,
        next: base,
        batch: BatchBuilder::default(),
    };
    let (mut end, mut failed) = (base, None);
    for segment in closed {
        end = for_each_record(segment, |record| {
            // A null value is needed only as long as an older record of its key exists, and none does in here:
            // the first closed segment is the oldest there is.
            let alive = record.value.is_some()
                && record.key.as_ref().and_then(|key| latest.get(key)) == Some(&record.offset);
            if alive && failed.is_none() {
                failed = tiles.push(record).err();
            }
        })?;
        if let Some(error) = failed {
            return Err(error);
        }
    }
    tiles.flush(end)?;
    tiles.file.sync()?;
    let scan = segment::scan(tiles.file.as_ref(), base, tiles.position, |_| {})?;
    if scan.problem.is_some() || scan.next != end {
        return Err(DiskError::new(
            "check",
            &beside,
            std::io::Error::other("what was written is not what is read"),
        ));
    }
    disk.rename(&beside, &place)?;
    disk.sync_dir(&partition.dir)?;
    Ok(Arc::new(Segment::scanned(place, base, tiles.file, scan)))
}

struct Tiles {
    file: Box<dyn DiskFile>,
    position: u64,
    next: i64,
    batch: BatchBuilder,
}

impl Tiles {
    fn push(&mut self, record: &StoredRecord) -> Result<(), DiskError> {
        let delta = match i32::try_from(record.offset - self.next) {
            Ok(delta) if self.batch.bytes().len() < BATCH => delta,
            _ => {
                self.flush(record.offset)?;
                0
            }
        };
        let StoredRecord {
            timestamp,
            key,
            value,
            headers,
            ..
        } = record;
        self.batch
            .push(delta, *timestamp, key.as_ref(), value.as_ref(), headers);
        Ok(())
    }

    /// Writes what there is as batches that cover everything below `end`.
    fn flush(&mut self, end: i64) -> Result<(), DiskError> {
        while self.next < end {
            if self.batch.is_empty() {
                self.batch.set_empty(i64::MIN);
            }
            let last = i32::try_from(end - self.next - 1).unwrap_or(i32::MAX);
            self.batch.finish(self.next, last);
            self.file.write_at(self.batch.bytes(), self.position)?;
            self.position += self.batch.bytes().len() as u64;
            self.next += i64::from(last) + 1;
            self.batch.clear();
        }
        Ok(())
    }
}
