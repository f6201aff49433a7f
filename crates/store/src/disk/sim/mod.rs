//! A disk in memory for tests: it forgets what was not synced, fails on demand, fills up, and can be damaged.
//! Takes the operations of a log, and from a test what shall go wrong with which of them.
//! Gives the disk as it is found after a crash.

mod state;

use std::any::Any;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use parking_lot::Mutex;

use self::state::{Change, Edit, Random, State};
use super::{Disk, DiskError, DiskFile};

/// What happens to the chosen operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// The power goes: it and everything after it fails.
    PowerCut,
    /// It fails once with this error. A failed sync loses what it should have made durable, for ever, though
    /// it can still be read: that is what kernels do.
    Error(ErrorKind),
}

/// What of the unsynced data a crash keeps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CrashKeeps {
    /// Nothing.
    Synced,
    /// A random part: some writes, some of them torn, some directory changes. The number is the seed.
    Some(u64),
    /// All of it: the process was killed, the system lives.
    Everything,
}

/// A disk in memory. Clones are the same disk.
#[derive(Debug, Clone, Default)]
pub struct SimDisk(Arc<Mutex<State>>);

impl SimDisk {
    /// An empty disk.
    pub fn new() -> Self {
        Self::default()
    }

    /// How many operations that change something have been tried.
    pub fn operations(&self) -> u64 {
        self.0.lock().operations
    }

    /// Lets the operation with this number (see [`operations`](Self::operations)) fail.
    pub fn fail_at(&self, operation: u64, fault: Fault) {
        self.0.lock().fault = Some((operation, fault));
    }

    /// Limits the bytes in all files together, or lifts the limit.
    pub fn set_capacity(&self, bytes: Option<u64>) {
        self.0.lock().capacity = bytes;
    }

    /// Bytes in all files together.
    pub fn used(&self) -> u64 {
        self.0.lock().used()
    }

    /// The disk as it is found after a crash now.
    #[must_use]
    pub fn after_crash(&self, keeps: CrashKeeps) -> Self {
        let state = self.0.lock();
        let mut names = state.durable.clone();
        let mut random = match keeps {
            CrashKeeps::Some(seed) => Some(Random(seed)),
            CrashKeeps::Synced | CrashKeeps::Everything => None,
        };
        match (&mut random, keeps) {
            (_, CrashKeeps::Everything) => names = state.current.clone(),
            (Some(random), _) => {
                let kept = random.below(state.changes.len() + 1);
                state
                    .changes
                    .iter()
                    .take(kept)
                    .for_each(|change| names.apply(change));
            }
            (None, _) => {}
        }
        names.drop_orphans();
        let mut files = state.files.clone();
        for file in &mut files {
            match (&mut random, keeps) {
                (_, CrashKeeps::Everything) => {}
                (Some(random), _) => file.keep_some(random),
                (None, _) => file.current = file.synced.clone(),
            }
            file.pending.clear();
            file.synced.clone_from(&file.current);
        }
        let fresh = State {
            files,
            current: names.clone(),
            durable: names,
            ..State::default()
        };
        Self(Arc::new(Mutex::new(fresh)))
    }

    /// All files with their lengths, by path.
    pub fn files(&self) -> Vec<(PathBuf, usize)> {
        let state = self.0.lock();
        let len = |inode: &usize| state.files.get(*inode).map_or(0, |file| file.current.len());
        state
            .current
            .files
            .iter()
            .map(|(path, inode)| (path.clone(), len(inode)))
            .collect()
    }

    /// Changes a file's bytes behind everyone's back.
    pub fn damage(&self, path: &Path, damage: impl FnOnce(&mut Vec<u8>)) {
        let mut state = self.0.lock();
        let inode = state.current.files.get(path).copied();
        if let Some(file) = inode.and_then(|inode| state.files.get_mut(inode)) {
            damage(&mut file.current);
            file.synced.clone_from(&file.current);
        }
    }
}

impl Disk for SimDisk {
    fn open(&self, path: &Path) -> Result<Box<dyn DiskFile>, DiskError> {
        let state = self.0.lock();
        let found = state.alive().and_then(|()| {
            state
                .current
                .files
                .get(path)
                .copied()
                .ok_or_else(|| io::Error::from(ErrorKind::NotFound))
        });
        let inode = found.map_err(|source| DiskError::new("open", path, source))?;
        Ok(Box::new(SimFile {
            disk: self.clone(),
            inode,
            path: path.to_owned(),
        }))
    }

    fn create(&self, path: &Path) -> Result<Box<dyn DiskFile>, DiskError> {
        let inode = self
            .0
            .lock()
            .create(path)
            .map_err(|source| DiskError::new("create", path, source))?;
        Ok(Box::new(SimFile {
            disk: self.clone(),
            inode,
            path: path.to_owned(),
        }))
    }

    fn list(&self, dir: &Path) -> Result<Vec<String>, DiskError> {
        let state = self.0.lock();
        let failed = |source| DiskError::new("list", dir, source);
        state.alive().map_err(failed)?;
        if !state.current.dirs.contains(dir) {
            return Err(failed(ErrorKind::NotFound.into()));
        }
        let all = state.current.files.keys().chain(state.current.dirs.iter());
        let inside = all
            .filter(|path| path.parent() == Some(dir))
            .filter_map(|path| path.file_name());
        let mut names: Vec<String> = inside
            .map(|name| name.to_string_lossy().into_owned())
            .collect();
        names.sort_unstable();
        Ok(names)
    }

    fn create_dir(&self, dir: &Path) -> Result<(), DiskError> {
        let mut state = self.0.lock();
        if state.current.dirs.contains(dir) {
            return Ok(());
        }
        state
            .step()
            .map_err(|source| DiskError::new("create directory", dir, source))?;
        if state.durable.dirs.is_empty() {
            // The log's own directory: whoever created its parents has seen to it.
            state.current.dirs.insert(dir.to_owned());
            state.durable.dirs.insert(dir.to_owned());
        } else {
            state.change(Change::AddDir(dir.to_owned()));
        }
        Ok(())
    }

    fn remove(&self, path: &Path) -> Result<(), DiskError> {
        let mut state = self.0.lock();
        state
            .step()
            .map_err(|source| DiskError::new("remove", path, source))?;
        state.change(Change::Remove(path.to_owned()));
        Ok(())
    }

    fn remove_dir(&self, dir: &Path) -> Result<(), DiskError> {
        self.0
            .lock()
            .remove_dir(dir)
            .map_err(|source| DiskError::new("remove directory", dir, source))
    }

    fn rename(&self, from: &Path, to: &Path) -> Result<(), DiskError> {
        let mut state = self.0.lock();
        let there = state.current.files.contains_key(from) || state.current.dirs.contains(from);
        let found = state.step().and_then(|()| {
            there
                .then_some(())
                .ok_or_else(|| ErrorKind::NotFound.into())
        });
        found.map_err(|source| DiskError::new("rename", from, source))?;
        state.change(Change::Rename(from.to_owned(), to.to_owned()));
        Ok(())
    }

    fn sync_dir(&self, dir: &Path) -> Result<(), DiskError> {
        self.0
            .lock()
            .sync_dir(dir)
            .map_err(|source| DiskError::new("sync directory", dir, source))
    }

    fn lock(&self, path: &Path) -> Result<Option<Box<dyn Any + Send + Sync>>, DiskError> {
        let mut state = self.0.lock();
        state
            .alive()
            .map_err(|source| DiskError::new("lock", path, source))?;
        if std::mem::replace(&mut state.locked, true) {
            return Ok(None);
        }
        Ok(Some(Box::new(SimLock(self.clone()))))
    }
}

struct SimLock(SimDisk);

impl Drop for SimLock {
    fn drop(&mut self) {
        self.0.0.lock().locked = false;
    }
}

#[derive(Debug)]
struct SimFile {
    disk: SimDisk,
    inode: usize,
    path: PathBuf,
}

impl SimFile {
    fn with<T>(
        &self,
        operation: &'static str,
        run: impl FnOnce(&mut State, usize) -> io::Result<T>,
    ) -> Result<T, DiskError> {
        let mut state = self.disk.0.lock();
        let done = state.alive().and_then(|()| run(&mut state, self.inode));
        done.map_err(|source| DiskError::new(operation, &self.path, source))
    }
}

impl DiskFile for SimFile {
    fn read_at(&self, buffer: &mut [u8], position: u64) -> Result<usize, DiskError> {
        self.with("read", |state, inode| {
            let position = usize::try_from(position).map_err(io::Error::other)?;
            let rest = state
                .inode(inode)?
                .current
                .get(position..)
                .unwrap_or_default();
            let len = rest.len().min(buffer.len());
            for (to, from) in buffer.iter_mut().zip(rest) {
                *to = *from;
            }
            Ok(len)
        })
    }

    fn write_at(&self, bytes: &[u8], position: u64) -> Result<(), DiskError> {
        self.with("write", |state, inode| state.write(inode, bytes, position))
    }

    fn sync(&self) -> Result<(), DiskError> {
        self.with("sync", State::sync)
    }

    fn set_len(&self, len: u64) -> Result<(), DiskError> {
        self.with("set the length of", |state, inode| {
            state.step()?;
            let len = usize::try_from(len).map_err(io::Error::other)?;
            state.inode(inode)?.change(Edit::SetLen(len));
            Ok(())
        })
    }

    fn len(&self) -> Result<u64, DiskError> {
        self.with("look at", |state, inode| {
            Ok(state.inode(inode)?.current.len() as u64)
        })
    }
}
