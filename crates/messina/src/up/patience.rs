//! Patience with the process before us: one that was just killed holds its ports and its data for a moment yet.

use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::thread;
use std::time::Duration;

use messina_store::log::{Log, LogOptions, OpenError};
use rustix::fs::{major, minor};

/// How often it is tried again, and how long is waited between: two seconds in all.
const TRIES: u32 = 40;
const PAUSE: Duration = Duration::from_millis(50);

/// Opens the log, and waits for a process that is about to let go of it. Blocks.
pub(super) fn open_log(dir: &Path, options: &LogOptions) -> Result<Log, OpenError> {
    try_again(
        || Log::open(dir, options.clone()),
        |error| matches!(error, OpenError::InUse { .. }),
    )
}

/// Does `attempt` until it fails for another reason than `passes`, or patience ends. Blocks.
pub(super) fn try_again<T, E>(
    mut attempt: impl FnMut() -> Result<T, E>,
    passes: impl Fn(&E) -> bool,
) -> Result<T, E> {
    for _ in 0..TRIES {
        match attempt() {
            Err(error) if passes(&error) => thread::sleep(PAUSE),
            other => return other,
        }
    }
    attempt()
}

/// The process that has the log in `dir` open, where the system tells.
pub(super) fn holder(dir: &Path) -> Option<u32> {
    let lock = std::fs::metadata(dir.join("lock")).ok()?;
    let locks: io::Result<String> = std::fs::read_to_string("/proc/locks");
    holder_in(&locks.ok()?, lock.dev(), lock.ino())
}

/// Finds a file in `/proc/locks`: `1: FLOCK  ADVISORY  WRITE 4321 08:01:131073 0 EOF`.
fn holder_in(locks: &str, device: u64, inode: u64) -> Option<u32> {
    let file = format!("{:02x}:{:02x}:{inode}", major(device), minor(device));
    locks.lines().find_map(|line| {
        let mut words = line.split_ascii_whitespace().skip(1);
        let kind = words.next()?;
        let process = words.nth(2)?;
        let same = kind == "FLOCK" && words.next()? == file;
        same.then(|| process.parse().ok())?
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_that_is_let_go_of_in_time_is_opened() {
        let dir = tempfile::tempdir().unwrap();
        let first = Log::open(dir.path(), LogOptions::default()).unwrap();
        let mut first = Some(first);
        let mut attempts = 0;
        let opened = try_again(
            || {
                attempts += 1;
                if attempts == 3 {
                    first.take().unwrap().close().unwrap();
                }
                Log::open(dir.path(), LogOptions::default())
            },
            |error| matches!(error, OpenError::InUse { .. }),
        );
        assert!(opened.is_ok());
        assert_eq!(attempts, 3);
    }

    #[test]
    fn a_log_that_stays_in_use_is_refused_and_its_process_named() {
        let dir = tempfile::tempdir().unwrap();
        let _first = Log::open(dir.path(), LogOptions::default()).unwrap();
        let refused = open_log(dir.path(), &LogOptions::default());
        assert!(matches!(refused, Err(OpenError::InUse { .. })));
        // Some file systems give files another device here than there: then nobody is named.
        assert!(holder(dir.path()).is_none_or(|process| process == std::process::id()));
    }

    #[test]
    fn the_holder_of_a_lock_is_read_from_the_systems_list() {
        let locks = "1: POSIX  ADVISORY  WRITE 77 08:01:9 0 EOF\n\
                     2: -> FLOCK  ADVISORY  WRITE 78 08:01:9 0 EOF\n\
                     3: FLOCK  ADVISORY  WRITE 4321 08:01:9 0 EOF\n";
        let device = rustix::fs::makedev(8, 1);
        assert_eq!(holder_in(locks, device, 9), Some(4321));
        assert_eq!(holder_in(locks, device, 10), None);
    }
}
