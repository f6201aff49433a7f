//! File operations of the log, all of them, behind one trait.
//! Takes paths and bytes from `log`.
//! Gives the real disk to programs and a simulated one, which crashes, fails and fills up on demand, to tests.

mod real;
mod sim;

use std::any::Any;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use thiserror::Error;

pub use real::RealDisk;
pub use sim::{CrashKeeps, Fault, SimDisk};

/// A disk operation that failed: which one, on which path, and why.
#[derive(Debug, Error)]
#[error("cannot {operation} `{path}`")]
pub struct DiskError {
    /// What was tried.
    pub operation: &'static str,
    /// On which path.
    pub path: PathBuf,
    /// What the system said.
    pub source: io::Error,
}

impl DiskError {
    pub(crate) fn new(operation: &'static str, path: &Path, source: io::Error) -> Self {
        Self {
            operation,
            path: path.to_owned(),
            source,
        }
    }

    /// Whether the disk (or a quota) is full, which passes when space returns. A sync that fails for lack of
    /// space is not among these: what it should have made durable may be gone.
    pub fn is_full(&self) -> bool {
        !self.operation.starts_with("sync")
            && matches!(
                self.source.kind(),
                io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded
            )
    }

    /// Whether the path does not exist.
    pub fn is_missing(&self) -> bool {
        self.source.kind() == io::ErrorKind::NotFound
    }

    /// One line with the cause in it, for places that keep text and not the error.
    pub fn line(&self) -> String {
        format!("{self}: {}", self.source)
    }
}

/// A disk.
pub trait Disk: fmt::Debug + Send + Sync {
    /// Opens a file that exists.
    fn open(&self, path: &Path) -> Result<Box<dyn DiskFile>, DiskError>;
    /// Creates a file, empty; one of that name is emptied.
    fn create(&self, path: &Path) -> Result<Box<dyn DiskFile>, DiskError>;
    /// Names in a directory, sorted.
    fn list(&self, dir: &Path) -> Result<Vec<String>, DiskError>;
    /// Creates a directory and its parents; one that exists is fine.
    fn create_dir(&self, dir: &Path) -> Result<(), DiskError>;
    /// Removes a file.
    fn remove(&self, path: &Path) -> Result<(), DiskError>;
    /// Removes a directory and what is in it.
    fn remove_dir(&self, dir: &Path) -> Result<(), DiskError>;
    /// Renames a file over another.
    fn rename(&self, from: &Path, to: &Path) -> Result<(), DiskError>;
    /// Makes creations, removals and renames in a directory durable.
    fn sync_dir(&self, dir: &Path) -> Result<(), DiskError>;
    /// Takes the lock file at `path`; `None` if another process has it. Held until the value is dropped.
    fn lock(&self, path: &Path) -> Result<Option<Box<dyn Any + Send + Sync>>, DiskError>;
}

/// An open file. Positions are explicit: threads share it.
pub trait DiskFile: fmt::Debug + Send + Sync {
    /// Reads at `position` until `buffer` is full or the file ends; says how many bytes that were.
    fn read_at(&self, buffer: &mut [u8], position: u64) -> Result<usize, DiskError>;
    /// Writes all of `bytes` at `position`.
    fn write_at(&self, bytes: &[u8], position: u64) -> Result<(), DiskError>;
    /// Makes the file's bytes and length durable (`fdatasync`).
    fn sync(&self) -> Result<(), DiskError>;
    /// Cuts or extends the file.
    fn set_len(&self, len: u64) -> Result<(), DiskError>;
    /// The file's length.
    fn len(&self) -> Result<u64, DiskError>;
    /// Whether the file has no bytes.
    fn is_empty(&self) -> Result<bool, DiskError> {
        Ok(self.len()? == 0)
    }
}
