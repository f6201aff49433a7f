//! Zeros in a write-ahead file ahead of its use.
//!
//! A commit's sync is quick where the file has its length and its blocks already. A file that is used for the first
//! time has neither: the keeper fills it, in small steps, some way ahead of the committer. Where the committer is
//! faster it fills for itself what its next frame needs.
//!
//! What must hold: zeros are written only behind the end of the filled part, with that end locked, and frames only
//! before it; so none ever lies over the other. And a sync that fails says so to one of those who wait for it: the
//! committer, which could have been the other one, believes its own sync only when none of the keeper's is under way.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use parking_lot::Mutex;

use crate::disk::{DiskError, DiskFile};

/// How far the keeper is ahead: more than a second at 10,000 publishes of 128 bytes a second, and no more than an
/// idle log may cost.
const AHEAD: u64 = 4 << 20;
/// How much of that may be used before it is asked for more.
const SLACK: u64 = 1 << 20;
/// What is written and synced at a time, as a commit may have to wait for it.
const STEP_BYTES: usize = 128 << 10;
const STEP: u64 = STEP_BYTES as u64;
static ZEROS: [u8; STEP_BYTES] = [0; STEP_BYTES];

#[derive(Debug)]
pub(super) struct Filling {
    file: Arc<dyn DiskFile>,
    capacity: u64,
    /// The end of the filled part; whoever moves it holds the lock until the zeros are written.
    end: Mutex<u64>,
    /// The same, to be read without the lock.
    filled: AtomicU64,
    /// Where the committer goes on.
    used: AtomicU64,
    /// Whether the keeper has been asked, and has not yet had enough.
    asked: AtomicBool,
    /// Held while the keeper syncs; whether that has failed.
    failed: Mutex<bool>,
}

impl Filling {
    /// Of a file that is filled up to its length.
    pub(super) fn of(file: Arc<dyn DiskFile>, capacity: u64) -> Result<Self, DiskError> {
        let filled = file.len()?.min(capacity);
        Ok(Self {
            file,
            capacity,
            end: Mutex::new(filled),
            filled: filled.into(),
            used: 0.into(),
            asked: false.into(),
            failed: Mutex::new(false),
        })
    }

    /// For the committer, which is about to write up to `end`: fills what is not.
    pub(super) fn reach(&self, end: u64) -> Result<(), DiskError> {
        if end <= self.filled.load(Ordering::Acquire) {
            return Ok(());
        }
        let mut filled = self.end.lock();
        while *filled < end {
            self.write_step(&mut filled, self.capacity.max(end))?;
        }
        Ok(())
    }

    /// For the committer, which goes on at `used`: whether the keeper should be asked for more.
    pub(super) fn wants_more(&self, used: u64) -> bool {
        self.used.store(used, Ordering::Release);
        let wanted = (used + AHEAD - SLACK).min(self.capacity);
        self.filled.load(Ordering::Acquire) < wanted && !self.asked.swap(true, Ordering::AcqRel)
    }

    /// For the committer, whose sync has succeeded: waits for one of the keeper's, and says whether any has failed.
    pub(super) fn has_failed(&self) -> bool {
        *self.failed.lock()
    }

    /// For the keeper: one step, durably. Whether there is more to do.
    pub(super) fn step(&self) -> Result<bool, DiskError> {
        let used = self.used.load(Ordering::Acquire);
        let mut filled = self.end.lock();
        if *filled >= (used + AHEAD).min(self.capacity) {
            drop(filled);
            self.asked.store(false, Ordering::Release);
            return Ok(false);
        }
        let mut failed = self.failed.lock();
        self.write_step(&mut filled, self.capacity)?;
        drop(filled);
        let synced = self.file.sync();
        *failed = synced.is_err();
        synced.map(|()| true)
    }

    /// The file is about to be another generation's: nothing is filled any more.
    pub(super) fn close(&self) {
        *self.end.lock() = u64::MAX;
    }

    fn write_step(&self, filled: &mut u64, limit: u64) -> Result<(), DiskError> {
        let len = limit.saturating_sub(*filled).min(STEP);
        let zeros = usize::try_from(len).ok().and_then(|len| ZEROS.get(..len));
        self.file.write_at(zeros.unwrap_or_default(), *filled)?;
        *filled += len;
        self.filled.store(*filled, Ordering::Release);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::io::ErrorKind;
    use std::path::Path;

    use super::*;
    use crate::disk::{Disk as _, Fault, SimDisk};

    fn filling(disk: &SimDisk, capacity: u64) -> Filling {
        disk.create_dir(Path::new("/log")).unwrap();
        let file = disk.create(Path::new("/log/wal")).unwrap();
        Filling::of(file.into(), capacity).unwrap()
    }

    #[test]
    fn the_keeper_stays_ahead_of_the_committer_and_within_the_file() {
        let filling = filling(&SimDisk::new(), AHEAD + SLACK);
        filling.reach(100).unwrap();
        assert_eq!(filling.file.len().unwrap(), STEP);
        assert!(filling.wants_more(100) && !filling.wants_more(200));
        while filling.step().unwrap() {}
        assert!(filling.file.len().unwrap() >= 200 + AHEAD);
        assert!(!filling.wants_more(SLACK / 2), "enough is left");
        assert!(filling.wants_more(2 * SLACK));
        while filling.step().unwrap() {}
        assert_eq!(filling.file.len().unwrap(), AHEAD + SLACK);
        assert!(!filling.wants_more(AHEAD), "there is nothing left to fill");
    }

    #[test]
    fn a_file_that_was_given_away_is_not_touched() {
        let filling = filling(&SimDisk::new(), 1 << 20);
        filling.reach(100).unwrap();
        assert!(filling.wants_more(100));
        filling.close();
        assert!(!filling.step().unwrap());
        assert_eq!(filling.file.len().unwrap(), STEP);
    }

    #[test]
    fn a_sync_that_fails_is_told_to_the_committer_too() {
        let disk = SimDisk::new();
        let filling = filling(&disk, 1 << 20);
        assert!(filling.step().unwrap() && !filling.has_failed());
        disk.fail_at(disk.operations() + 1, Fault::Error(ErrorKind::Other));
        assert!(filling.step().is_err() && filling.has_failed());
    }
}
