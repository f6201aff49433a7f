//! A segment: a file of batches that tile the offsets from its name on, and a sparse index of it in memory.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use bytes::{Bytes, BytesMut};
use parking_lot::RwLock;

use super::batch::{self, BatchHeader};
use crate::disk::{Disk, DiskError, DiskFile};

/// Bytes of a segment between two entries of its index.
const INDEX_GAP: u32 = 4096;
const CHUNK: usize = 1 << 20;

/// Where a batch begins, for look-ups by offset and by time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct IndexEntry {
    pub(super) offset: i64,
    pub(super) position: u64,
    /// The latest timestamp of all batches before this one.
    pub(super) max_timestamp_before: i64,
}

#[derive(Debug)]
pub(super) struct Segment {
    pub(super) base: i64,
    pub(super) path: PathBuf,
    pub(super) file: Box<dyn DiskFile>,
    /// Bytes that readers may see: all durable.
    len: AtomicU64,
    max_timestamp: AtomicI64,
    index: RwLock<Vec<IndexEntry>>,
}

/// Name of the segment that begins at `base`.
pub(super) fn file_name(base: i64) -> String {
    format!("{base:020}.log")
}

/// The base offset a segment's name says; `None` for other files.
pub(super) fn base_of(name: &str) -> Option<i64> {
    let digits = name
        .strip_suffix(".log")
        .filter(|digits| digits.len() == 20)?;
    digits.parse().ok()
}

impl Segment {
    /// Creates an empty segment.
    pub(super) fn create(disk: &dyn Disk, dir: &Path, base: i64) -> Result<Arc<Self>, DiskError> {
        let path = dir.join(file_name(base));
        let file = disk.create(&path)?;
        Ok(Arc::new(Self::scanned(path, base, file, Scan::new(base))))
    }

    /// A segment whose file has been scanned.
    pub(super) fn scanned(path: PathBuf, base: i64, file: Box<dyn DiskFile>, scan: Scan) -> Self {
        Self {
            base,
            path,
            file,
            len: scan.len.into(),
            max_timestamp: scan.max_timestamp.into(),
            index: RwLock::new(scan.index),
        }
    }

    pub(super) fn len(&self) -> u64 {
        self.len.load(Ordering::Acquire)
    }

    pub(super) fn max_timestamp(&self) -> i64 {
        self.max_timestamp.load(Ordering::Acquire)
    }

    /// Shows readers a batch that has become durable at the end of what they see.
    pub(super) fn publish(&self, offset: i64, size: u64, max_timestamp: i64) {
        let position = self.len();
        let before = self.max_timestamp();
        let due = self
            .index
            .read()
            .last()
            .is_none_or(|entry| position - entry.position >= u64::from(INDEX_GAP));
        if due {
            self.index.write().push(IndexEntry {
                offset,
                position,
                max_timestamp_before: before,
            });
        }
        self.max_timestamp
            .store(before.max(max_timestamp), Ordering::Release);
        self.len.store(position + size, Ordering::Release);
    }

    /// A position at or before the batch that holds `offset`.
    pub(super) fn position_of(&self, offset: i64) -> u64 {
        let index = self.index.read();
        let after = index.partition_point(|entry| entry.offset <= offset);
        after
            .checked_sub(1)
            .and_then(|at| index.get(at))
            .map_or(0, |entry| entry.position)
    }

    /// An offset at or before the first record with this timestamp or a later one.
    pub(super) fn offset_before_time(&self, timestamp: i64) -> i64 {
        let index = self.index.read();
        let after = index.partition_point(|entry| entry.max_timestamp_before < timestamp);
        after
            .checked_sub(1)
            .and_then(|at| index.get(at))
            .map_or(self.base, |entry| entry.offset)
    }
}

/// What going through a segment's batches found.
#[derive(Debug, Clone)]
pub(super) struct Scan {
    /// The offset after the last sound batch.
    pub(super) next: i64,
    /// Bytes of sound batches.
    pub(super) len: u64,
    pub(super) max_timestamp: i64,
    pub(super) index: Vec<IndexEntry>,
    /// What is wrong with the batch at `len`, if the limit was not reached.
    pub(super) problem: Option<String>,
}

impl Scan {
    pub(super) fn new(base: i64) -> Self {
        Self {
            next: base,
            len: 0,
            max_timestamp: i64::MIN,
            index: Vec::new(),
            problem: None,
        }
    }

    fn take(&mut self, header: &BatchHeader) {
        if self
            .index
            .last()
            .is_none_or(|entry| self.len - entry.position >= u64::from(INDEX_GAP))
        {
            let max_timestamp_before = self.max_timestamp;
            self.index.push(IndexEntry {
                offset: header.base,
                position: self.len,
                max_timestamp_before,
            });
        }
        self.max_timestamp = self.max_timestamp.max(header.max_timestamp);
        self.next = header.next;
        self.len += header.size as u64;
    }
}

/// Goes through the batches of the first `limit` bytes of a segment, proving each, until one is not sound.
pub(super) fn scan(
    file: &dyn DiskFile,
    base: i64,
    limit: u64,
    mut visit: impl FnMut(&Bytes),
) -> Result<Scan, DiskError> {
    let mut found = Scan::new(base);
    let mut chunk = Bytes::new();
    while found.len < limit {
        let rest = limit - found.len;
        let header = match BatchHeader::parse(&chunk) {
            Some(header) if header.size <= chunk.len() => header,
            header => {
                let wanted = header.map_or(0, |header| header.size).max(CHUNK);
                chunk = read_up_to(
                    file,
                    found.len,
                    wanted.min(usize::try_from(rest).unwrap_or(usize::MAX)),
                )?;
                match BatchHeader::parse(&chunk) {
                    // A batch larger than a chunk: its length is believed only as far as the file goes.
                    Some(header)
                        if header.size > chunk.len()
                            && header.size as u64 <= rest
                            && wanted < header.size =>
                    {
                        chunk = read_up_to(file, found.len, header.size)?;
                        header
                    }
                    Some(header) => header,
                    None => {
                        found.problem =
                            Some(format!("there is no batch, expected offset {}", found.next));
                        break;
                    }
                }
            }
        };
        if let Some(problem) = problem_with(&chunk, &header, found.next) {
            found.problem = Some(problem);
            break;
        }
        let batch = chunk.split_to(header.size);
        found.take(&header);
        visit(&batch);
    }
    Ok(found)
}

fn problem_with(chunk: &Bytes, header: &BatchHeader, next: i64) -> Option<String> {
    if header.size > chunk.len() {
        Some(format!("the batch at offset {next} is cut off"))
    } else if BatchHeader::proven(chunk).is_none() {
        Some(format!(
            "the checksum of the batch at offset {next} is wrong"
        ))
    } else if header.base != next {
        Some(format!(
            "the batch begins at offset {}, expected offset {next}",
            header.base
        ))
    } else {
        None
    }
}

/// Reads up to `len` bytes.
pub(super) fn read_up_to(
    file: &dyn DiskFile,
    position: u64,
    len: usize,
) -> Result<Bytes, DiskError> {
    let mut buffer = BytesMut::zeroed(len);
    let read = file.read_at(&mut buffer, position)?;
    buffer.truncate(read);
    Ok(buffer.freeze())
}

/// A file's bytes.
pub(super) fn read_all(file: &dyn DiskFile) -> Result<Bytes, DiskError> {
    let len = usize::try_from(file.len()?).unwrap_or(usize::MAX);
    read_up_to(file, 0, len)
}

/// Reads records from `offset` on into `records`, whole batches, until about `max_bytes` were read.
/// `Err` carries the position and what is wrong there.
pub(super) fn read_records(
    segment: &Segment,
    offset: i64,
    max_bytes: usize,
    records: &mut Vec<super::record::StoredRecord>,
) -> Result<Option<(u64, String)>, DiskError> {
    let mut position = segment.position_of(offset);
    let len = segment.len();
    let mut chunk = Bytes::new();
    let mut budget = max_bytes;
    while position < len {
        let rest = usize::try_from(len - position).unwrap_or(usize::MAX);
        let size = BatchHeader::parse(&chunk).map_or(0, |header| header.size);
        if size == 0 || size > chunk.len() {
            if budget == 0 && !records.is_empty() {
                break;
            }
            let wanted = budget
                .saturating_add(INDEX_GAP as usize)
                .max(size)
                .min(rest);
            chunk = read_up_to(segment.file.as_ref(), position, wanted)?;
            let size = BatchHeader::parse(&chunk).map_or(0, |header| header.size);
            if size > chunk.len() && size <= rest {
                chunk = read_up_to(segment.file.as_ref(), position, size)?;
            }
        }
        let Some(header) = BatchHeader::proven(&chunk) else {
            return Ok(Some((position, "there is no sound batch".to_owned())));
        };
        let batch = chunk.split_to(header.size);
        position += header.size as u64;
        if header.next <= offset {
            continue;
        }
        if batch::decode(&batch, offset, records).is_none() {
            return Ok(Some((position, "a batch cannot be decoded".to_owned())));
        }
        budget = budget.saturating_sub(header.size);
        if budget == 0 && !records.is_empty() {
            break;
        }
    }
    Ok(None)
}
