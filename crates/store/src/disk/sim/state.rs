//! What a simulated disk remembers: files with what of them is synced, and directories likewise.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use super::Fault;

const SECTOR: usize = 512;

#[derive(Debug, Default)]
pub(super) struct State {
    pub(super) files: Vec<Inode>,
    pub(super) current: Names,
    pub(super) durable: Names,
    /// Directory changes that are not durable, in order.
    pub(super) changes: Vec<Change>,
    pub(super) operations: u64,
    pub(super) fault: Option<(u64, Fault)>,
    pub(super) dead: bool,
    pub(super) capacity: Option<u64>,
    pub(super) locked: bool,
}

#[derive(Debug, Default, Clone)]
pub(super) struct Names {
    pub(super) files: BTreeMap<PathBuf, usize>,
    pub(super) dirs: BTreeSet<PathBuf>,
}

#[derive(Debug, Default, Clone)]
pub(super) struct Inode {
    pub(super) current: Vec<u8>,
    pub(super) synced: Vec<u8>,
    pub(super) pending: Vec<Edit>,
}

#[derive(Debug, Clone)]
pub(super) enum Edit {
    Write(usize, Vec<u8>),
    SetLen(usize),
}

#[derive(Debug, Clone)]
pub(super) enum Change {
    Add(PathBuf, usize),
    AddDir(PathBuf),
    Remove(PathBuf),
    Rename(PathBuf, PathBuf),
}

impl Names {
    pub(super) fn apply(&mut self, change: &Change) {
        match change {
            Change::Add(path, inode) => drop(self.files.insert(path.clone(), *inode)),
            Change::AddDir(path) => drop(self.dirs.insert(path.clone())),
            Change::Remove(path) => {
                self.files.remove(path);
                self.dirs.remove(path);
            }
            Change::Rename(from, to) => {
                if let Some(inode) = self.files.remove(from) {
                    self.files.insert(to.clone(), inode);
                } else {
                    self.move_dir(from, to);
                }
            }
        }
    }

    pub(super) fn move_dir(&mut self, from: &Path, to: &Path) {
        let moved = |path: PathBuf| {
            path.strip_prefix(from)
                .map_or(path.clone(), |rest| to.join(rest))
        };
        let (files, dirs) = (
            std::mem::take(&mut self.files),
            std::mem::take(&mut self.dirs),
        );
        self.files = files
            .into_iter()
            .map(|(path, inode)| (moved(path), inode))
            .collect();
        // `join` with nothing leaves a slash behind, which paths compare without.
        self.dirs = dirs.into_iter().map(moved).collect();
    }

    /// A file whose directory is lost is lost.
    pub(super) fn drop_orphans(&mut self) {
        let dirs = &self.dirs;
        self.files
            .retain(|path, _| path.parent().is_some_and(|dir| dirs.contains(dir)));
    }
}

impl Change {
    pub(super) fn parent(&self) -> Option<&Path> {
        match self {
            Self::Add(path, _)
            | Self::AddDir(path)
            | Self::Remove(path)
            | Self::Rename(_, path) => path.parent(),
        }
    }
}

impl Inode {
    pub(super) fn edit(bytes: &mut Vec<u8>, edit: &Edit) {
        match edit {
            Edit::SetLen(len) => bytes.resize(*len, 0),
            Edit::Write(position, written) => {
                let end = position + written.len();
                if bytes.len() < end {
                    bytes.resize(end, 0);
                }
                if let Some(place) = bytes.get_mut(*position..end) {
                    place.copy_from_slice(written);
                }
            }
        }
    }

    pub(super) fn change(&mut self, edit: Edit) {
        Self::edit(&mut self.current, &edit);
        self.pending.push(edit);
    }

    pub(super) fn sync(&mut self) {
        for edit in self.pending.drain(..) {
            Self::edit(&mut self.synced, &edit);
        }
    }

    pub(super) fn keep_some(&mut self, random: &mut Random) {
        let mut bytes = self.synced.clone();
        for edit in &self.pending {
            match (edit, random.below(3)) {
                (_, 0) => {}
                (Edit::Write(position, written), 1) => {
                    for (at, sector) in (0..).step_by(SECTOR).zip(written.chunks(SECTOR)) {
                        if random.below(2) == 0 {
                            Self::edit(&mut bytes, &Edit::Write(position + at, sector.to_vec()));
                        }
                    }
                }
                (edit, _) => Self::edit(&mut bytes, edit),
            }
        }
        self.current = bytes;
    }
}

impl State {
    pub(super) fn used(&self) -> u64 {
        let len = |inode: &usize| {
            self.files
                .get(*inode)
                .map_or(0, |file| file.current.len() as u64)
        };
        self.current.files.values().map(len).sum()
    }

    pub(super) fn alive(&self) -> io::Result<()> {
        if self.dead {
            Err(io::Error::other("the power is off"))
        } else {
            Ok(())
        }
    }

    /// Counts an operation that changes something, and fails it if it is the chosen one.
    pub(super) fn step(&mut self) -> io::Result<()> {
        self.alive()?;
        let number = self.operations;
        self.operations += 1;
        match self.fault {
            Some((at, Fault::PowerCut)) if at == number => {
                self.dead = true;
                self.alive()
            }
            Some((at, Fault::Error(kind))) if at == number => Err(kind.into()),
            _ => Ok(()),
        }
    }

    pub(super) fn change(&mut self, change: Change) {
        self.current.apply(&change);
        self.changes.push(change);
    }

    pub(super) fn inode(&mut self, inode: usize) -> io::Result<&mut Inode> {
        self.files
            .get_mut(inode)
            .ok_or_else(|| ErrorKind::NotFound.into())
    }

    pub(super) fn create(&mut self, path: &Path) -> io::Result<usize> {
        self.step()?;
        if !path
            .parent()
            .is_some_and(|dir| self.current.dirs.contains(dir))
        {
            return Err(ErrorKind::NotFound.into());
        }
        if let Some(inode) = self.current.files.get(path).copied() {
            self.inode(inode)?.change(Edit::SetLen(0));
            return Ok(inode);
        }
        self.files.push(Inode::default());
        let inode = self.files.len() - 1;
        self.change(Change::Add(path.to_owned(), inode));
        Ok(inode)
    }

    pub(super) fn write(&mut self, inode: usize, bytes: &[u8], position: u64) -> io::Result<()> {
        let failed = self.step();
        let position = usize::try_from(position).map_err(io::Error::other)?;
        let grown =
            (position + bytes.len()).saturating_sub(self.inode(inode)?.current.len()) as u64;
        let full = self
            .capacity
            .is_some_and(|capacity| grown > 0 && self.used() + grown > capacity);
        let failed = if full {
            failed.and(Err(ErrorKind::StorageFull.into()))
        } else {
            failed
        };
        // A write that fails has written something.
        let written = if failed.is_ok() {
            bytes
        } else {
            bytes.get(..bytes.len() / 2).unwrap_or_default()
        };
        if !full {
            self.inode(inode)?
                .change(Edit::Write(position, written.to_vec()));
        }
        failed
    }

    pub(super) fn sync(&mut self, inode: usize) -> io::Result<()> {
        let failed = self.step();
        let dead = self.dead;
        let file = self.inode(inode)?;
        match &failed {
            Ok(()) => file.sync(),
            Err(_) if dead => {}
            Err(_) => file.pending.clear(),
        }
        failed
    }

    pub(super) fn remove_dir(&mut self, dir: &Path) -> io::Result<()> {
        self.step()?;
        if !self.current.dirs.contains(dir) {
            return Err(ErrorKind::NotFound.into());
        }
        let inside: Vec<_> = self
            .current
            .files
            .keys()
            .filter(|path| path.starts_with(dir))
            .cloned()
            .collect();
        for path in inside {
            self.change(Change::Remove(path));
        }
        self.change(Change::Remove(dir.to_owned()));
        Ok(())
    }

    pub(super) fn sync_dir(&mut self, dir: &Path) -> io::Result<()> {
        self.step()?;
        if !self.current.dirs.contains(dir) {
            return Err(ErrorKind::NotFound.into());
        }
        for change in std::mem::take(&mut self.changes) {
            if change.parent() == Some(dir) {
                self.durable.apply(&change);
            } else {
                self.changes.push(change);
            }
        }
        Ok(())
    }
}

/// `SplitMix64`: the same numbers for the same seed, everywhere.
#[derive(Debug)]
pub(super) struct Random(pub(super) u64);

impl Random {
    pub(super) fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((mixed ^ (mixed >> 31)) % limit.max(1) as u64).unwrap_or_default()
    }
}
