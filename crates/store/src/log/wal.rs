//! The write-ahead log's writer: appends frames to a preallocated file, and moves to the other file when it is full.
//!
//! Two files take turns. A file is zero-filled ahead of use the first time ([`filling`](super::filling)), so that a
//! commit's sync has no new length to record; later it is renamed and overwritten. The generation in each frame tells
//! old from new.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::filling::Filling;
use super::frame;
use crate::disk::{Disk, DiskError, DiskFile};

/// Markers lie on pages of their own; two of them always fit behind the last frame.
pub(super) const PAGE_BYTES: usize = 4096;
const PAGE: u64 = PAGE_BYTES as u64;
const RESERVE: u64 = 4 * PAGE;

/// Name of the file of a generation.
pub(super) fn file_name(generation: u64) -> String {
    format!("wal-{generation:020}")
}

/// The generation a file's name says; `None` for other files.
pub(super) fn generation_of(name: &str) -> Option<u64> {
    name.strip_prefix("wal-")?.parse().ok()
}

#[derive(Debug)]
pub(super) struct Wal {
    disk: Arc<dyn Disk>,
    dir: PathBuf,
    file: Arc<dyn DiskFile>,
    capacity: u64,
    salt: u32,
    pub(super) generation: u64,
    /// Where the next frame goes.
    pub(super) position: u64,
    /// The next frame's sequence.
    pub(super) sequence: u64,
    synced: u64,
    filling: Arc<Filling>,
    /// Whether the last durable frame lacks a later one that vouches for it.
    unvouched: bool,
}

impl Wal {
    /// Makes the file of a new generation, from the file of an old one if there is one to spare, durably.
    pub(super) fn begin(
        disk: &Arc<dyn Disk>,
        dir: &Path,
        capacity: u64,
        salt: u32,
        (generation, sequence): (u64, u64),
        spare: Option<u64>,
    ) -> Result<Self, DiskError> {
        let path = dir.join(file_name(generation));
        let file: Arc<dyn DiskFile> = match spare {
            Some(old) => {
                match disk.rename(&dir.join(file_name(old)), &path) {
                    // An attempt before this one got as far as the rename.
                    Err(error) if error.is_missing() => {}
                    renamed => renamed?,
                }
                disk.open(&path)?.into()
            }
            None => disk.create(&path)?.into(),
        };
        disk.sync_dir(dir)?;
        let filling = Arc::new(Filling::of(Arc::clone(&file), capacity)?);
        let synced = sequence.saturating_sub(1);
        let (disk, dir) = (Arc::clone(disk), dir.to_owned());
        Ok(Self {
            disk,
            dir,
            file,
            capacity,
            salt,
            generation,
            position: 0,
            sequence,
            synced,
            filling,
            unvouched: false,
        })
    }

    /// The largest frame a file of `capacity` takes.
    pub(super) fn largest_frame(capacity: u64) -> u64 {
        capacity.saturating_sub(RESERVE)
    }

    pub(super) fn has_room(&self, frame_len: usize) -> bool {
        self.position + frame_len as u64 + RESERVE <= self.capacity
    }

    /// Finishes a begun frame and writes it. After an error nothing has happened, and the next frame goes to
    /// the same place.
    pub(super) fn write(&mut self, frame: &mut Vec<u8>, entries: u32) -> Result<(), DiskError> {
        frame::finish(
            frame,
            self.salt,
            entries,
            self.sequence,
            self.synced,
            self.generation,
        );
        self.filling
            .reach(self.position + frame.len() as u64 + PAGE)?;
        self.file.write_at(frame, self.position)?;
        self.position += frame.len() as u64;
        self.sequence += 1;
        Ok(())
    }

    /// Makes every frame so far durable. After an error the log must not be used any more.
    pub(super) fn sync(&mut self) -> Result<(), DiskError> {
        self.file.sync()?;
        if self.filling.has_failed() {
            let path = self.dir.join(file_name(self.generation));
            let source = std::io::Error::other("a sync of its other part failed");
            return Err(DiskError::new("sync", &path, source));
        }
        self.synced = self.sequence.saturating_sub(1);
        self.unvouched = true;
        Ok(())
    }

    /// What the keeper should fill, if it should now.
    pub(super) fn wants_filling(&self) -> Option<Arc<Filling>> {
        let wants = self.filling.wants_more(self.position);
        wants.then(|| Arc::clone(&self.filling))
    }

    /// Whether the log has fallen idle without a marker.
    pub(super) fn wants_marker(&self) -> bool {
        self.unvouched && self.has_room(0)
    }

    /// Writes an idle marker: the last frame is now known to have been durable.
    pub(super) fn mark_idle(&mut self) -> Result<(), DiskError> {
        let mut marker = Vec::new();
        frame::begin(&mut marker);
        self.write_on_next_page(&mut marker)?;
        self.sync()?;
        self.unvouched = false;
        Ok(())
    }

    /// Says in the file that the log goes on in `generation`, durably.
    pub(super) fn mark_end(&mut self, generation: u64) -> Result<(), DiskError> {
        let mut marker = Vec::new();
        frame::begin(&mut marker);
        marker.extend_from_slice(&generation.to_le_bytes());
        self.write_on_next_page(&mut marker)?;
        self.sync()
    }

    /// Goes on in the next generation, whose file is the spare one if there is one.
    pub(super) fn switch(&mut self, spare: Option<u64>) -> Result<(), DiskError> {
        let generation = self.generation + 1;
        let at = (generation, self.sequence + 1);
        let next = Self::begin(&self.disk, &self.dir, self.capacity, self.salt, at, spare)?;
        self.mark_end(generation)?;
        self.filling.close();
        *self = next;
        Ok(())
    }

    fn write_on_next_page(&mut self, marker: &mut Vec<u8>) -> Result<(), DiskError> {
        let before = self.position;
        self.position = before.next_multiple_of(PAGE);
        let written = self.write(marker, 0);
        if written.is_err() {
            self.position = before;
        }
        written
    }
}
