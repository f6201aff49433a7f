//! Zeros in write-ahead files ahead of their use.
//!
//! A commit's sync is quick where the file has its length and its blocks already. A file that is used for the first
//! time has neither: its syncs wait for the file system's journal, and so does every write meanwhile. So a new file's
//! first part is filled when it is made ([`Filling::begin`]). Once the log is in use the keeper fills the file that
//! comes next ([`Preparation`]), and when that is ready and the first part is used up, the committer goes on there.
//! Where the committer is faster it fills for itself what its next frame needs.
//!
//! What must hold: zeros never lie over frames. The committer writes them behind its last frame, the keeper only to a
//! file that nobody else writes, and never after [`Preparation::take`]. And a sync that fails says so to one of those
//! who have opened the file together: the keeper opens it for itself.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use parking_lot::Mutex;

use crate::disk::{Disk, DiskError, DiskFile};

/// The part of a new file that is filled when it is made: of 64 MiB it lasts two seconds at 10,000 publishes of 128
/// bytes a second, in which the keeper has filled the next file many times over.
const FIRST_PART: u64 = 16;
/// The part of a file that must be in use before the next is prepared: a log that is idle costs no more.
const PART_IN_USE: u64 = 64;
/// What is written at a time. Whoever takes the file from the keeper waits for one.
const STEP_BYTES: usize = 128 << 10;
const STEP: u64 = STEP_BYTES as u64;
/// What the keeper syncs at a time: little enough for commits to find their way between, and each has the journal
/// written.
const SYNC: u64 = 4 << 20;
static ZEROS: [u8; STEP_BYTES] = [0; STEP_BYTES];

/// How far the file is filled that the committer writes.
#[derive(Debug)]
pub(super) struct Filling {
    capacity: u64,
    filled: u64,
}

impl Filling {
    /// Of a file that is about to be used, filled up to its length; a short one gets its first part, durably.
    pub(super) fn begin(file: &dyn DiskFile, capacity: u64) -> Result<Self, DiskError> {
        let mut filled = file.len()?.min(capacity);
        let first = capacity / FIRST_PART;
        if filled < first {
            while filled < first {
                filled += write_zeros(file, filled, first)?;
            }
            file.sync()?;
        }
        Ok(Self { capacity, filled })
    }

    /// Whether the file is filled up to `end`.
    pub(super) fn reaches(&self, end: u64) -> bool {
        end <= self.filled
    }

    /// Whether the file is in use, of which so much is used.
    pub(super) fn is_in_use(&self, used: u64) -> bool {
        used >= self.capacity / PART_IN_USE
    }

    /// Fills the file up to `end`, if it is not.
    pub(super) fn reach(&mut self, file: &dyn DiskFile, end: u64) -> Result<(), DiskError> {
        while self.filled < end {
            self.filled += write_zeros(file, self.filled, self.capacity.max(end))?;
        }
        Ok(())
    }
}

/// The file that comes next, which the keeper fills.
#[derive(Debug)]
pub(super) struct Preparation {
    disk: Arc<dyn Disk>,
    path: PathBuf,
    capacity: u64,
    /// Held while zeros are written.
    inside: Mutex<Inside>,
    ready: AtomicBool,
}

#[derive(Debug, Default)]
struct Inside {
    file: Option<Arc<dyn DiskFile>>,
    filled: u64,
    unsynced: u64,
    taken: bool,
}

impl Preparation {
    /// Of the file at `path`, which is made if it is not there.
    pub(super) fn new(disk: Arc<dyn Disk>, path: PathBuf, capacity: u64) -> Self {
        Self {
            disk,
            path,
            capacity,
            inside: Mutex::default(),
            ready: AtomicBool::new(false),
        }
    }

    /// Whether the file is filled to its end, durably.
    pub(super) fn is_ready(&self) -> bool {
        self.ready.load(Ordering::Acquire)
    }

    /// For the committer, which is about to use the file: the keeper writes nothing to it any more. Whether the keeper
    /// has opened it.
    pub(super) fn take(&self) -> bool {
        let mut inside = self.inside.lock();
        inside.taken = true;
        inside.file.take().is_some()
    }

    /// For the keeper: one step. Whether there is more to do.
    pub(super) fn step(&self) -> Result<bool, DiskError> {
        let mut inside = self.inside.lock();
        if inside.taken || self.is_ready() {
            return Ok(false);
        }
        let file = self.open(&mut inside)?;
        if inside.filled < self.capacity {
            let written = write_zeros(&*file, inside.filled, self.capacity)?;
            inside.filled += written;
            inside.unsynced += written;
        }
        let is_full = inside.filled >= self.capacity;
        if !is_full && inside.unsynced < SYNC {
            return Ok(true);
        }
        inside.unsynced = 0;
        drop(inside);
        file.sync()?;
        self.ready.store(is_full, Ordering::Release);
        Ok(!is_full)
    }

    fn open(&self, inside: &mut Inside) -> Result<Arc<dyn DiskFile>, DiskError> {
        if let Some(file) = &inside.file {
            return Ok(Arc::clone(file));
        }
        let file: Arc<dyn DiskFile> = match self.disk.open(&self.path) {
            Err(error) if error.is_missing() => self.disk.create(&self.path)?.into(),
            opened => opened?.into(),
        };
        inside.filled = file.len()?.min(self.capacity);
        inside.file = Some(Arc::clone(&file));
        Ok(file)
    }
}

/// One step's zeros from `from` on, at most up to `limit`; gives how many.
fn write_zeros(file: &dyn DiskFile, from: u64, limit: u64) -> Result<u64, DiskError> {
    let len = limit.saturating_sub(from).min(STEP);
    let zeros = usize::try_from(len).ok().and_then(|len| ZEROS.get(..len));
    file.write_at(zeros.unwrap_or_default(), from)?;
    Ok(len)
}

#[cfg(test)]
mod tests {
    use std::io::ErrorKind;
    use std::path::Path;

    use super::*;
    use crate::disk::{Fault, SimDisk};

    const CAPACITY: u64 = 3 * SYNC;

    fn disk() -> SimDisk {
        let disk = SimDisk::new();
        disk.create_dir(Path::new("/log")).unwrap();
        disk
    }

    fn preparation(disk: &SimDisk) -> Preparation {
        Preparation::new(Arc::new(disk.clone()), "/log/next".into(), CAPACITY)
    }

    fn len(disk: &SimDisk) -> u64 {
        disk.open(Path::new("/log/next")).unwrap().len().unwrap()
    }

    #[test]
    fn a_new_file_gets_its_first_part_and_the_committer_what_it_needs_beyond() {
        let disk = disk();
        let file = disk.create(Path::new("/log/wal")).unwrap();
        let mut filling = Filling::begin(&*file, CAPACITY).unwrap();
        let first = CAPACITY / FIRST_PART;
        assert_eq!(file.len().unwrap(), first);
        assert!(filling.reaches(first) && !filling.reaches(first + 1));
        filling.reach(&*file, first + 1).unwrap();
        assert_eq!(file.len().unwrap(), first + STEP);
        filling.reach(&*file, CAPACITY - 1).unwrap();
        assert_eq!(file.len().unwrap(), CAPACITY, "and not beyond its end");
        assert!(!filling.is_in_use(0) && filling.is_in_use(CAPACITY));
        let operations = disk.operations();
        assert!(Filling::begin(&*file, CAPACITY).unwrap().reaches(CAPACITY));
        assert_eq!(disk.operations(), operations, "it is filled already");
    }

    #[test]
    fn the_next_file_is_ready_once_it_is_filled_to_its_end() {
        let disk = disk();
        let next = preparation(&disk);
        assert!(!next.is_ready());
        while next.step().unwrap() {
            assert!(!next.is_ready());
        }
        assert!(next.is_ready() && len(&disk) == CAPACITY);
        // One that was filled before is, without a byte written.
        let again = preparation(&disk);
        assert!(!again.step().unwrap() && again.is_ready());
        assert_eq!(len(&disk), CAPACITY);
    }

    #[test]
    fn a_file_that_was_taken_is_not_touched() {
        let disk = disk();
        let next = preparation(&disk);
        assert!(next.step().unwrap() && next.take());
        assert!(!next.step().unwrap() && !next.is_ready());
        assert_eq!(len(&disk), STEP);
        assert!(!preparation(&disk).take(), "the keeper has not come to it");
    }

    #[test]
    fn a_file_is_not_ready_whose_sync_has_failed() {
        let disk = disk();
        let next = preparation(&disk);
        let mut steps = 0;
        while len_or_none(&disk) < CAPACITY - STEP {
            assert!(next.step().unwrap());
            steps += 1;
        }
        assert_eq!(steps, CAPACITY / STEP - 1);
        disk.fail_at(disk.operations() + 1, Fault::Error(ErrorKind::Other));
        assert!(next.step().is_err() && !next.is_ready());
    }

    fn len_or_none(disk: &SimDisk) -> u64 {
        let file = disk.open(Path::new("/log/next"));
        file.map_or(0, |file| file.len().unwrap())
    }
}
