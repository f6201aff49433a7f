//! What recovery finds on disk before it changes anything.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::checkpoint::{Checkpoint, Mark};
use super::error::Damage;
use super::frame::Entry;
use super::segment::Scan;

/// Everything found, nothing changed.
pub(super) struct Survey {
    pub(super) checkpoint: Checkpoint,
    pub(super) partitions: BTreeMap<(u32, i32), FoundPartition>,
    /// Batches to replay, in order.
    pub(super) entries: Vec<Entry>,
    /// Sequence of the next frame.
    pub(super) sequence: u64,
    /// Frames that were read.
    pub(super) frames: u64,
    pub(super) damage: Vec<Damage>,
}

/// A partition's files.
pub(super) struct FoundPartition {
    pub(super) dir: PathBuf,
    pub(super) mark: Mark,
    pub(super) segments: Vec<FoundSegment>,
    /// Files the checkpoint does not know.
    pub(super) leftovers: Vec<PathBuf>,
}

pub(super) struct FoundSegment {
    pub(super) base: i64,
    pub(super) path: PathBuf,
    pub(super) scan: Scan,
}

impl Survey {
    pub(super) fn new(checkpoint: Checkpoint) -> Self {
        let sequence = checkpoint.sequence;
        Self {
            checkpoint,
            partitions: BTreeMap::new(),
            entries: Vec::new(),
            sequence,
            frames: 0,
            damage: Vec::new(),
        }
    }

    /// Damage that leaves nothing to be read.
    pub(super) fn of_damage(damage: Damage) -> Self {
        let mut survey = Self::new(Checkpoint::default());
        survey.damage.push(damage);
        survey
    }
}
