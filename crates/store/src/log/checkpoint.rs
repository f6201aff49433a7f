//! The checkpoint: which topics there are, how much of each partition's segments is durable, and where in the
//! write-ahead log replay begins.
//!
//! Two files with the same bytes, `checkpoint` and `checkpoint-copy`; the copy is for `repair`. Each is written
//! beside its place, synced, renamed over the old one, and the directory synced. Little-endian:
//!
//! | at | bytes | field |
//! |---|---|---|
//! | 0 | 8 | magic `MSNCKPT1`: name and version |
//! | 8 | 4 | length of the body |
//! | 12 | 4 | CRC-32C of the body |
//! | 16 | | body |
//!
//! Body: salt (4), generation (8), position (8), sequence of the first frame there (8), next topic id (4), number
//! of topics (4), then each topic: id (4), name length (2), name, cleanup (1: 0 delete, 1 compact), retention in ms
//! (8, -1 none), retention bytes (8, -1 none), partitions (4), then each partition: start offset (8), next offset
//! (8), base offset of its last segment (8), durable bytes of that segment (8).

use std::path::Path;
use std::time::Duration;

use super::batch::array;
use super::options::{Cleanup, TopicConfig};
use crate::disk::{Disk, DiskError};

/// Name of the checkpoint within the log's directory.
pub(super) const NAME: &str = "checkpoint";
/// Name of its twin.
pub(super) const COPY: &str = "checkpoint-copy";
const MAGIC: [u8; 8] = *b"MSNCKPT1";

/// How much of a partition is durable in its segments.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Mark {
    /// Oldest offset kept.
    pub(super) start: i64,
    /// Offset after the last one in the segments.
    pub(super) next: i64,
    /// Base offset of the last segment.
    pub(super) base: i64,
    /// Durable bytes of the last segment; all earlier segments are durable to their end.
    pub(super) len: u64,
}

/// A topic in the checkpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct TopicState {
    pub(super) id: u32,
    pub(super) name: String,
    pub(super) config: TopicConfig,
    /// One for each partition.
    pub(super) marks: Vec<Mark>,
}

/// A checkpoint's contents.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Checkpoint {
    pub(super) salt: u32,
    pub(super) generation: u64,
    pub(super) position: u64,
    pub(super) sequence: u64,
    pub(super) next_topic: u32,
    pub(super) topics: Vec<TopicState>,
}

impl Checkpoint {
    /// The topic with that id.
    pub(super) fn topic_mut(&mut self, id: u32) -> Option<&mut TopicState> {
        self.topics.iter_mut().find(|topic| topic.id == id)
    }

    /// Makes this the checkpoint of the log in `dir`, durably, then its twin.
    pub(super) fn write(&self, disk: &dyn Disk, dir: &Path) -> Result<(), DiskError> {
        let bytes = self.encode();
        replace_file(disk, dir, NAME, &bytes)?;
        match replace_file(disk, dir, COPY, &bytes) {
            // What counts has been written: an error now would make the caller believe that it has not.
            Err(error) if error.is_full() => Ok(()),
            written => written,
        }
    }

    fn encode(&self) -> Vec<u8> {
        let mut body = Vec::new();
        body.extend_from_slice(&self.salt.to_le_bytes());
        body.extend_from_slice(&self.generation.to_le_bytes());
        body.extend_from_slice(&self.position.to_le_bytes());
        body.extend_from_slice(&self.sequence.to_le_bytes());
        body.extend_from_slice(&self.next_topic.to_le_bytes());
        body.extend_from_slice(
            &u32::try_from(self.topics.len())
                .unwrap_or(u32::MAX)
                .to_le_bytes(),
        );
        for topic in &self.topics {
            topic.encode(&mut body);
        }
        let mut bytes = MAGIC.to_vec();
        bytes.extend_from_slice(&u32::try_from(body.len()).unwrap_or(u32::MAX).to_le_bytes());
        bytes.extend_from_slice(&crc32c::crc32c(&body).to_le_bytes());
        bytes.extend_from_slice(&body);
        bytes
    }

    /// Reads a checkpoint's bytes; `None` if they are not what was written.
    pub(super) fn decode(bytes: &[u8]) -> Option<Self> {
        (array::<8>(bytes, 0)? == MAGIC).then_some(())?;
        let body = bytes.get(16..)?;
        let length = u32::from_le_bytes(array(bytes, 8)?) as usize;
        let sound =
            body.len() == length && crc32c::crc32c(body) == u32::from_le_bytes(array(bytes, 12)?);
        sound.then_some(())?;
        let mut fields = Fields(body);
        let mut checkpoint = Self {
            salt: fields.u32()?,
            generation: fields.u64()?,
            position: fields.u64()?,
            sequence: fields.u64()?,
            next_topic: fields.u32()?,
            topics: Vec::new(),
        };
        for _ in 0..fields.u32()? {
            checkpoint.topics.push(TopicState::decode(&mut fields)?);
        }
        Some(checkpoint)
    }
}

/// Writes a file beside its place and moves it there, durably: it is the old one or the new one, never a mixture.
fn replace_file(disk: &dyn Disk, dir: &Path, name: &str, bytes: &[u8]) -> Result<(), DiskError> {
    let (beside, place) = (dir.join(format!("{name}.tmp")), dir.join(name));
    let file = disk.create(&beside)?;
    file.write_at(bytes, 0)?;
    file.sync()?;
    disk.rename(&beside, &place)?;
    disk.sync_dir(dir)
}

impl TopicState {
    fn encode(&self, body: &mut Vec<u8>) {
        body.extend_from_slice(&self.id.to_le_bytes());
        body.extend_from_slice(
            &u16::try_from(self.name.len())
                .unwrap_or(u16::MAX)
                .to_le_bytes(),
        );
        body.extend_from_slice(self.name.as_bytes());
        body.push(u8::from(self.config.cleanup == Cleanup::Compact));
        let retention = self.config.retention.map_or(-1, |keep| {
            i64::try_from(keep.as_millis()).unwrap_or(i64::MAX)
        });
        let bytes = self
            .config
            .retention_bytes
            .map_or(-1, |keep| i64::try_from(keep).unwrap_or(i64::MAX));
        body.extend_from_slice(&retention.to_le_bytes());
        body.extend_from_slice(&bytes.to_le_bytes());
        body.extend_from_slice(
            &u32::try_from(self.marks.len())
                .unwrap_or(u32::MAX)
                .to_le_bytes(),
        );
        for mark in &self.marks {
            body.extend_from_slice(&mark.start.to_le_bytes());
            body.extend_from_slice(&mark.next.to_le_bytes());
            body.extend_from_slice(&mark.base.to_le_bytes());
            body.extend_from_slice(&mark.len.to_le_bytes());
        }
    }

    fn decode(fields: &mut Fields<'_>) -> Option<Self> {
        let id = fields.u32()?;
        let name_len = usize::from(u16::from_le_bytes(fields.take()?));
        let name = String::from_utf8(fields.bytes(name_len)?.to_vec()).ok()?;
        let cleanup = if fields.take::<1>()? == [1] {
            Cleanup::Compact
        } else {
            Cleanup::Delete
        };
        let retention = u64::try_from(fields.i64()?).ok().map(Duration::from_millis);
        let retention_bytes = u64::try_from(fields.i64()?).ok();
        let partitions = fields.u32()?;
        let config = TopicConfig {
            partitions: partitions.try_into().ok()?,
            retention,
            retention_bytes,
            cleanup,
        };
        let mut marks = Vec::new();
        for _ in 0..partitions {
            marks.push(Mark {
                start: fields.i64()?,
                next: fields.i64()?,
                base: fields.i64()?,
                len: fields.u64()?,
            });
        }
        Some(Self {
            id,
            name,
            config,
            marks,
        })
    }
}

struct Fields<'a>(&'a [u8]);

impl<'a> Fields<'a> {
    fn bytes(&mut self, len: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(len)?;
        self.0 = rest;
        Some(taken)
    }

    fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        self.bytes(N)?.try_into().ok()
    }

    fn u32(&mut self) -> Option<u32> {
        self.take().map(u32::from_le_bytes)
    }

    fn u64(&mut self) -> Option<u64> {
        self.take().map(u64::from_le_bytes)
    }

    fn i64(&mut self) -> Option<i64> {
        self.take().map(i64::from_le_bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_checkpoint_comes_back_and_no_flipped_bit_passes() {
        let config = TopicConfig {
            retention: Some(Duration::from_secs(9)),
            ..TopicConfig::default()
        };
        let mark = Mark {
            start: 1,
            next: 9,
            base: 4,
            len: 700,
        };
        let topic = TopicState {
            id: 3,
            name: "meters".into(),
            config,
            marks: vec![mark],
        };
        let checkpoint = Checkpoint {
            salt: 5,
            generation: 2,
            position: 64,
            sequence: 11,
            next_topic: 4,
            topics: vec![topic],
        };
        let bytes = checkpoint.encode();
        assert_eq!(Checkpoint::decode(&bytes), Some(checkpoint));
        for bit in 0..bytes.len() * 8 {
            let mut flipped = bytes.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(Checkpoint::decode(&flipped), None, "bit {bit}");
        }
    }
}
