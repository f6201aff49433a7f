//! `messina log check` and `messina log repair`.
//!
//! Check reads everything recovery would read and says what it found. Repair writes a new log beside the damaged
//! one, with every record that can still be proven at its old offset; offsets that are lost are covered by empty
//! batches, so consumers pass over them, and are listed. Then the two directories change places: nothing of the
//! damaged log is deleted.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt;
use std::path::{Path, PathBuf};

use bytes::Bytes;

use super::batch::{BatchBuilder, BatchHeader};
use super::checkpoint::{self, Checkpoint, Mark};
use super::error::{Damage, OpenError};
use super::frame;
use super::options::LogOptions;
use super::recovery;
use super::replay::Tail;
use super::segment;
use super::wal::{self, Wal};
use crate::disk::{Disk, DiskError};

/// What `check` found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CheckReport {
    /// Each partition, by topic and number.
    pub partitions: Vec<CheckedPartition>,
    /// Commit groups in the write-ahead log that a start would replay.
    pub frames: u64,
    /// What is wrong. Empty: the log opens with everything that was acknowledged.
    pub damage: Vec<Damage>,
}

/// A partition as `check` found it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckedPartition {
    /// The topic.
    pub topic: String,
    /// The partition.
    pub partition: i32,
    /// Oldest offset kept.
    pub start: i64,
    /// Offset after the last one in the segments; the write-ahead log may go on from here.
    pub next: i64,
    /// Number of segments.
    pub segments: usize,
    /// Their sound bytes.
    pub bytes: u64,
}

/// What `repair` did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RepairReport {
    /// What was wrong. Empty: nothing was, and nothing was done.
    pub damage: Vec<Damage>,
    /// Offsets that are lost. Records after the last one that is left may be lost as well: their number is not known.
    pub lost: Vec<LostRange>,
    /// Where the damaged log is now.
    pub set_aside: Option<PathBuf>,
}

/// Offsets of a partition whose records are lost.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LostRange {
    /// The topic.
    pub topic: String,
    /// The partition.
    pub partition: i32,
    /// First lost offset.
    pub from: i64,
    /// The offset after the last lost one.
    pub to: i64,
}

impl fmt::Display for LostRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "`{}`-{}: offsets {} to {}",
            self.topic,
            self.partition,
            self.from,
            self.to - 1
        )
    }
}

/// Reads the whole log in `dir` and changes nothing. The log must not be open.
pub fn check(dir: &Path, disk: &dyn Disk) -> Result<CheckReport, OpenError> {
    let _lock = disk
        .lock(&dir.join("lock"))?
        .ok_or_else(|| OpenError::InUse {
            dir: dir.to_owned(),
        })?;
    let Some(survey) = recovery::survey(dir, disk)? else {
        return Ok(CheckReport::default());
    };
    let name = |id| {
        survey
            .checkpoint
            .topics
            .iter()
            .find(|topic| topic.id == id)
            .map(|topic| topic.name.clone())
    };
    let mut report = CheckReport {
        frames: survey.frames,
        damage: survey.damage,
        ..CheckReport::default()
    };
    for ((topic, partition), found) in &survey.partitions {
        report.partitions.push(CheckedPartition {
            topic: name(*topic).unwrap_or_default(),
            partition: *partition,
            start: found.mark.start,
            next: found.mark.next,
            segments: found.segments.len(),
            bytes: found.segments.iter().map(|segment| segment.scan.len).sum(),
        });
    }
    report
        .partitions
        .sort_by(|a, b| (&a.topic, a.partition).cmp(&(&b.topic, b.partition)));
    Ok(report)
}

/// Puts a log that opens in the place of a damaged one. The log must not be open; it needs as much space again.
pub fn repair(dir: &Path, options: &LogOptions) -> Result<RepairReport, OpenError> {
    let disk = options.disk.as_ref();
    let _lock = disk
        .lock(&dir.join("lock"))?
        .ok_or_else(|| OpenError::InUse {
            dir: dir.to_owned(),
        })?;
    let damage = recovery::survey(dir, disk)?
        .map(|survey| survey.damage)
        .unwrap_or_default();
    if damage.is_empty() {
        return Ok(RepairReport::default());
    }
    let Some(checkpoint) = any_checkpoint(dir, disk)? else {
        // Without the names of the topics and the salt nothing can be told from noise.
        return Err(OpenError::Damaged {
            dir: dir.to_owned(),
            damage,
        });
    };
    let (beside, aside) = (with_suffix(dir, ".repaired"), with_suffix(dir, ".damaged"));
    match disk.remove_dir(&beside) {
        Err(error) if error.is_missing() => {}
        removed => removed?,
    }
    disk.create_dir(&beside)?;
    let lost = rebuild(dir, &beside, options, checkpoint)?;
    disk.rename(dir, &aside)?;
    disk.rename(&beside, dir)?;
    if let Some(parent) = dir.parent().filter(|parent| !parent.as_os_str().is_empty()) {
        match disk.sync_dir(parent) {
            Err(error) if error.is_missing() => {}
            synced => synced?,
        }
    }
    Ok(RepairReport {
        damage,
        lost,
        set_aside: Some(aside),
    })
}

fn with_suffix(dir: &Path, suffix: &str) -> PathBuf {
    let mut name: OsString = dir.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

fn any_checkpoint(dir: &Path, disk: &dyn Disk) -> Result<Option<Checkpoint>, DiskError> {
    for name in [checkpoint::NAME, checkpoint::COPY] {
        let bytes = match disk.open(&dir.join(name)) {
            Err(error) if error.is_missing() => continue,
            opened => segment::read_all(&*opened?)?,
        };
        if let Some(checkpoint) = Checkpoint::decode(&bytes) {
            return Ok(Some(checkpoint));
        }
    }
    Ok(None)
}

/// Batches of one partition from the write-ahead files, by base offset.
type Batches = BTreeMap<i64, Bytes>;

/// What the write-ahead files still hold.
#[derive(Default)]
struct Frames {
    batches: BTreeMap<(u32, i32), Batches>,
    /// The highest that was seen.
    sequence: u64,
    generation: u64,
}

fn rebuild(
    from: &Path,
    to: &Path,
    options: &LogOptions,
    mut checkpoint: Checkpoint,
) -> Result<Vec<LostRange>, DiskError> {
    let disk = options.disk.as_ref();
    let Frames {
        mut batches,
        sequence,
        generation,
    } = salvage_frames(from, disk, checkpoint.salt)?;
    let mut lost = Vec::new();
    for topic in &mut checkpoint.topics {
        for (index, mark) in (0..).zip(&mut topic.marks) {
            let name = format!("{}-{index}", topic.name);
            let batches = batches.remove(&(topic.id, index)).unwrap_or_default();
            let mut salvage = Salvage {
                tail: Tail::empty(to.join(&name), mark.start),
                batches,
                lost: Vec::new(),
            };
            salvage.run(&from.join(&name), options, mark)?;
            *mark = salvage.tail.settle(disk, mark.start)?;
            let range = |(from, to)| LostRange {
                topic: topic.name.clone(),
                partition: index,
                from,
                to,
            };
            lost.extend(salvage.lost.into_iter().map(range));
        }
    }
    checkpoint.generation = generation.max(checkpoint.generation) + 1;
    checkpoint.position = 0;
    checkpoint.sequence = sequence.max(checkpoint.sequence) + 1;
    let at = (checkpoint.generation, checkpoint.sequence);
    drop(Wal::begin(
        &options.disk,
        to,
        options.wal_bytes,
        checkpoint.salt,
        at,
        None,
    )?);
    checkpoint.write(disk, to)?;
    Ok(lost)
}

/// Every batch of every sound frame, with the highest sequence and generation seen.
fn salvage_frames(dir: &Path, disk: &dyn Disk, salt: u32) -> Result<Frames, DiskError> {
    let mut found = Frames::default();
    let names = disk.list(dir)?;
    let mut files: Vec<u64> = names
        .iter()
        .filter_map(|name| wal::generation_of(name))
        .collect();
    files.sort_unstable();
    for file in files {
        found.generation = found.generation.max(file);
        let bytes = segment::read_all(&*disk.open(&dir.join(wal::file_name(file)))?)?;
        let mut at = 0;
        while at < bytes.len() {
            let Some(header) = bytes.get(at..).and_then(|bytes| frame::proven(bytes, salt)) else {
                at += 8;
                continue;
            };
            let payload = at + frame::HEADER..at + frame::HEADER + header.length as usize;
            found.sequence = found.sequence.max(header.sequence);
            for entry in frame::entries(&bytes, payload, header.entries).unwrap_or_default() {
                if let Some(header) = BatchHeader::proven(&entry.batch) {
                    let batches = found
                        .batches
                        .entry((entry.topic, entry.partition))
                        .or_default();
                    batches.insert(header.base, entry.batch);
                }
            }
            at += header.size();
        }
    }
    Ok(found)
}

/// One partition on its way into the new log.
struct Salvage {
    tail: Tail,
    batches: Batches,
    lost: Vec<(i64, i64)>,
}

impl Salvage {
    fn run(&mut self, from: &Path, options: &LogOptions, mark: &Mark) -> Result<(), DiskError> {
        let disk = options.disk.as_ref();
        disk.create_dir(&self.tail.dir)?;
        let names = match disk.list(from) {
            Err(error) if error.is_missing() => Vec::new(),
            listed => listed?,
        };
        for name in names.iter().filter(|name| segment::base_of(name).is_some()) {
            let bytes = segment::read_all(&*disk.open(&from.join(name))?)?;
            let mut at = 0;
            while at < bytes.len() {
                let Some(header) = bytes.get(at..).and_then(BatchHeader::proven) else {
                    at += 1;
                    continue;
                };
                if header.base >= self.tail.next {
                    self.fill(options, header.base)?;
                    self.tail
                        .append(options, &bytes.slice(at..at + header.size))?;
                }
                at += header.size;
            }
        }
        let end = self
            .batches
            .last_key_value()
            .map_or(mark.next, |(base, _)| mark.next.max(*base));
        self.fill(options, end)?;
        while let Some(batch) = self.batches.remove(&self.tail.next) {
            self.tail.append(options, &batch)?;
        }
        Ok(())
    }

    /// Goes on to offset `until` with batches of the write-ahead files where there are some, and empty ones where not.
    fn fill(&mut self, options: &LogOptions, until: i64) -> Result<(), DiskError> {
        while self.tail.next < until {
            let next = self.tail.next;
            let sound = self.batches.remove(&next).filter(|batch| {
                BatchHeader::parse(batch).is_some_and(|header| header.next <= until)
            });
            if let Some(batch) = sound {
                self.tail.append(options, &batch)?;
                continue;
            }
            let to = self
                .batches
                .range(next + 1..until)
                .next()
                .map_or(until, |(base, _)| *base);
            self.lost.push((next, to));
            let mut empty = BatchBuilder::default();
            empty.set_empty(i64::MIN);
            while self.tail.next < to {
                let last = i32::try_from(to - self.tail.next - 1).unwrap_or(i32::MAX);
                empty.finish(self.tail.next, last);
                self.tail
                    .append(options, &Bytes::copy_from_slice(empty.bytes()))?;
            }
        }
        Ok(())
    }
}
