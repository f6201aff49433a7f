//! Recovery: what the log is, told by how it comes back.
//!
//! 1. The checkpoint says which topics exist, how much of each partition's segments is durable, and where in the
//!    write-ahead log replay begins. Without a checkpoint there must not be anything else.
//! 2. The frames from there on are read, generation by generation. Each must have the sequence after the one
//!    before. Where no such frame is, the log ends, unless a later frame of the same generation, or of the
//!    next, says that the missing one had been durable: then records that were acknowledged are lost.
//! 3. Each partition's segments are read up to what the checkpoint vouches for. Their batches must be sound and
//!    tile the offsets from the start offset to the next offset.
//! 4. The frames' batches must go on where the segments end.
//! 5. Nothing has been written so far, and if anything was wrong nothing will be: the log refuses to open.
//! 6. Files the checkpoint does not know are leftovers and go; segments are cut to their durable bytes; the frames'
//!    batches are appended; all is synced. A new generation begins, and a new checkpoint says so.

use std::collections::BTreeMap;
use std::hash::{BuildHasher, RandomState};
use std::path::{Path, PathBuf};

use super::batch::BatchHeader;
use super::checkpoint::{self, Checkpoint, Mark};
use super::error::{Damage, OpenError};
use super::frame;
use super::options::LogOptions;
use super::replay::{self, Recovered};
use super::segment::{self, read_all};
use super::survey::{FoundPartition, FoundSegment, Survey};
use super::wal::{self, Wal};
use crate::disk::{Disk, DiskError};

/// Opens the log's files in `dir`.
pub(super) fn recover(dir: &Path, options: &LogOptions) -> Result<Recovered, OpenError> {
    let Some(survey) = survey(dir, options.disk.as_ref())? else {
        return first_start(dir, options);
    };
    if !survey.damage.is_empty() {
        return Err(OpenError::Damaged {
            dir: dir.to_owned(),
            damage: survey.damage,
        });
    }
    replay::replay(dir, options, survey)
}

/// Reads everything and changes nothing. `None`: there is no log yet.
pub(super) fn survey(dir: &Path, disk: &dyn Disk) -> Result<Option<Survey>, DiskError> {
    let path = dir.join(checkpoint::NAME);
    let checkpoint = match disk.open(&path) {
        Err(error) if error.is_missing() => return survey_without_checkpoint(dir, disk),
        opened => Checkpoint::decode(&read_all(&*opened?)?),
    };
    let Some(checkpoint) = checkpoint else {
        let missing =
            "the checkpoint is not what was written: which records are durable is unknown"
                .to_owned();
        return Ok(Some(Survey::of_damage(Damage {
            file: path,
            position: 0,
            missing,
        })));
    };
    let mut survey = Survey::new(checkpoint);
    survey.read_frames(dir, disk)?;
    for topic in survey.checkpoint.topics.clone() {
        for (index, mark) in (0..).zip(&topic.marks) {
            let place = dir.join(format!("{}-{index}", topic.name));
            let found = survey_partition(disk, place, *mark, &mut survey.damage)?;
            survey.partitions.insert((topic.id, index), found);
        }
    }
    survey.check_entries_continue_segments();
    Ok(Some(survey))
}

/// A directory without a checkpoint is a log not yet begun, or one whose checkpoint is lost.
fn survey_without_checkpoint(dir: &Path, disk: &dyn Disk) -> Result<Option<Survey>, DiskError> {
    for name in disk.list(dir)? {
        let of_partition = name
            .rsplit_once('-')
            .is_some_and(|(_, index)| index.parse::<i32>().is_ok());
        let has_data = if wal::generation_of(&name).is_some() {
            segment::read_up_to(&*disk.open(&dir.join(&name))?, 0, frame::HEADER)?
                .iter()
                .any(|byte| *byte != 0)
        } else {
            of_partition || name == checkpoint::COPY
        };
        if has_data {
            let missing = format!(
                "there is no checkpoint, but there is `{name}`: which records are durable is unknown"
            );
            return Ok(Some(Survey::of_damage(Damage {
                file: dir.join(checkpoint::NAME),
                position: 0,
                missing,
            })));
        }
    }
    Ok(None)
}

fn first_start(dir: &Path, options: &LogOptions) -> Result<Recovered, OpenError> {
    let salt = (RandomState::new().hash_one(dir) >> 32) as u32;
    let wal = Wal::begin(&options.disk, dir, options.wal_bytes, salt, (1, 1), None)?;
    let checkpoint = Checkpoint {
        salt,
        generation: 1,
        position: 0,
        sequence: 1,
        next_topic: 1,
        topics: Vec::new(),
    };
    checkpoint.write(options.disk.as_ref(), dir)?;
    Ok(Recovered {
        checkpoint,
        wal,
        spare: None,
        segments: Vec::new(),
    })
}

impl Survey {
    /// Step 4.
    fn check_entries_continue_segments(&mut self) {
        let mut next: BTreeMap<_, _> = self
            .partitions
            .iter()
            .map(|(key, found)| (*key, found.mark.next))
            .collect();
        for entry in &self.entries {
            // A topic the checkpoint does not know was deleted after the frame was written.
            let Some(next) = next.get_mut(&(entry.topic, entry.partition)) else {
                continue;
            };
            let problem = match BatchHeader::proven(&entry.batch) {
                Some(header) if header.base == *next => {
                    *next = header.next;
                    continue;
                }
                Some(header) => format!(
                    "a frame goes on at offset {}, expected offset {next}",
                    header.base
                ),
                None => format!("a frame's batch at offset {next} is not sound"),
            };
            let found = self.partitions.get(&(entry.topic, entry.partition));
            let file = found.map_or_else(PathBuf::new, |found| found.dir.clone());
            self.damage.push(Damage {
                file,
                position: 0,
                missing: problem,
            });
            return;
        }
    }
}

/// Step 3: a partition's segments, as far as the checkpoint vouches for them.
fn survey_partition(
    disk: &dyn Disk,
    dir: PathBuf,
    mark: Mark,
    damage: &mut Vec<Damage>,
) -> Result<FoundPartition, DiskError> {
    let names = match disk.list(&dir) {
        Err(error) if error.is_missing() => Vec::new(),
        listed => listed?,
    };
    let mut found = FoundPartition {
        dir,
        mark,
        segments: Vec::new(),
        leftovers: Vec::new(),
    };
    let mut bases = Vec::new();
    for name in &names {
        match segment::base_of(name) {
            Some(base) if base < mark.base || (base == mark.base && mark.len > 0) => {
                bases.push(base);
            }
            _ => found.leftovers.push(found.dir.join(name)),
        }
    }
    // Segments that end before the start offset have outlived their retention.
    let first = bases
        .iter()
        .rposition(|base| *base <= mark.start)
        .unwrap_or(0);
    // `None` once something is wrong: what follows from it is not reported again.
    let mut next = Some(mark.start);
    for (at, base) in bases.into_iter().enumerate() {
        let path = found.dir.join(segment::file_name(base));
        let covered = !found.segments.is_empty() && next.is_some_and(|next| base < next);
        if at < first || covered {
            found.leftovers.push(path);
            continue;
        }
        if let Some(next) = next.filter(|next| base > *next) {
            let missing =
                format!("offsets {next} to {base} are missing: there is no segment for them");
            damage.push(Damage {
                file: path.clone(),
                position: 0,
                missing,
            });
        }
        let before = damage.len();
        let segment = survey_segment(disk, path, base, &mark, damage)?;
        next = (damage.len() == before).then_some(segment.scan.next);
        found.segments.push(segment);
    }
    if let Some(next) = next.filter(|next| *next != mark.next) {
        let missing = format!("offsets {next} to {} are missing", mark.next);
        damage.push(Damage {
            file: found.dir.clone(),
            position: 0,
            missing,
        });
    }
    Ok(found)
}

fn survey_segment(
    disk: &dyn Disk,
    path: PathBuf,
    base: i64,
    mark: &Mark,
    damage: &mut Vec<Damage>,
) -> Result<FoundSegment, DiskError> {
    let file = disk.open(&path)?;
    let len = file.len()?;
    let durable = if base == mark.base { mark.len } else { len };
    let scan = segment::scan(file.as_ref(), base, durable, |_| {})?;
    if let Some(problem) = &scan.problem {
        let missing = format!("{problem}; records from offset {} on are lost", scan.next);
        damage.push(Damage {
            file: path.clone(),
            position: scan.len,
            missing,
        });
    } else if scan.len != durable {
        let missing = format!(
            "{durable} bytes were durable, records from offset {} on are lost",
            scan.next
        );
        damage.push(Damage {
            file: path.clone(),
            position: scan.len,
            missing,
        });
    }
    Ok(FoundSegment { base, path, scan })
}
