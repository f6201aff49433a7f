//! The part of recovery that reads the write-ahead files, and decides whether a frame that is not there was ever durable.

use std::path::{Path, PathBuf};

use bytes::Bytes;

use super::error::Damage;
use super::frame::{self, FrameHeader};
use super::segment::read_all;
use super::survey::Survey;
use super::wal;
use crate::disk::{Disk, DiskError};

/// How a write-ahead file ended.
enum FileEnd {
    /// No frame after this position.
    Tail(usize),
    /// The log says that it goes on in the next file.
    GoesOn,
    /// Frames are missing at this position.
    Damaged(usize, String),
}

enum Search {
    /// The expected frame, a marker on a later page.
    Marker(usize),
    /// A frame that shows that the missing one was durable.
    Vouched(FrameHeader),
    Nothing,
}

impl Survey {
    /// Step 2: collects the entries of every frame after the checkpoint.
    pub(super) fn read_frames(&mut self, dir: &Path, disk: &dyn Disk) -> Result<(), DiskError> {
        let mut generation = self.checkpoint.generation;
        let mut position = usize::try_from(self.checkpoint.position).unwrap_or(usize::MAX);
        let mut must_exist = true;
        let mut tail: Option<(PathBuf, usize)> = None;
        loop {
            let path = dir.join(wal::file_name(generation));
            let bytes = match disk.open(&path) {
                Err(error) if error.is_missing() => {
                    if must_exist {
                        let missing = format!(
                            "the file is missing, and with it every frame from {} on",
                            self.sequence
                        );
                        self.damage.push(Damage {
                            file: path,
                            position: 0,
                            missing,
                        });
                    }
                    return Ok(());
                }
                opened => read_all(&*opened?)?,
            };
            match self.read_file(&bytes, position, generation) {
                FileEnd::GoesOn => (must_exist, tail) = (true, None),
                FileEnd::Tail(end) => {
                    // The first file without a frame cannot hide what an earlier one has lost.
                    (must_exist, tail) = (false, tail.filter(|_| end == 0).or(Some((path, end))));
                }
                FileEnd::Damaged(at, missing) => {
                    let (file, at) = tail.filter(|_| at == 0).unwrap_or((path, at));
                    self.damage.push(Damage {
                        file,
                        position: at as u64,
                        missing,
                    });
                    return Ok(());
                }
            }
            (generation, position) = (generation + 1, 0);
        }
    }

    fn read_file(&mut self, bytes: &Bytes, mut position: usize, generation: u64) -> FileEnd {
        loop {
            let Some(header) = self.expected_frame(bytes, position, generation) else {
                match self.search(bytes, position, generation) {
                    Search::Marker(at) => {
                        position = at;
                        continue;
                    }
                    Search::Nothing => return FileEnd::Tail(position),
                    Search::Vouched(found) => return FileEnd::Damaged(position, self.lost(&found)),
                }
            };
            let payload =
                position + frame::HEADER..position + frame::HEADER + header.length as usize;
            let Some(entries) = frame::entries(bytes, payload, header.entries) else {
                let what = if header.is_marker() {
                    None
                } else {
                    Some("its entries do not add up")
                };
                if let Some(what) = what {
                    return FileEnd::Damaged(
                        position,
                        format!("frame {} is sound but {what}", header.sequence),
                    );
                }
                self.sequence += 1;
                return FileEnd::GoesOn;
            };
            self.entries.extend(entries);
            self.sequence += 1;
            self.frames += 1;
            position += header.size();
        }
    }

    fn expected_frame(
        &self,
        bytes: &Bytes,
        position: usize,
        generation: u64,
    ) -> Option<FrameHeader> {
        let header = frame::proven(bytes.get(position..)?, self.checkpoint.salt)?;
        (header.generation == generation && header.sequence == self.sequence).then_some(header)
    }

    /// There is no expected frame at `position`: looks for a later one, which decides what that means.
    fn search(&self, bytes: &Bytes, position: usize, generation: u64) -> Search {
        for at in (position.saturating_add(8)..bytes.len()).step_by(8) {
            let Some(found) = bytes
                .get(at..)
                .and_then(|bytes| frame::proven(bytes, self.checkpoint.salt))
            else {
                continue;
            };
            if found.generation != generation || found.sequence < self.sequence {
                continue;
            }
            if found.sequence == self.sequence
                && found.is_marker()
                && at.is_multiple_of(wal::PAGE_BYTES)
            {
                return Search::Marker(at);
            }
            // A later frame that does not vouch was never acknowledged either.
            if found.sequence == self.sequence || found.synced >= self.sequence {
                return Search::Vouched(found);
            }
        }
        Search::Nothing
    }

    fn lost(&self, found: &FrameHeader) -> String {
        let last = found.synced.max(self.sequence);
        format!(
            "frame {} is missing or not what was written, but frame {} says that frames up to {last} were durable; \
             acknowledged records are lost",
            self.sequence, found.sequence
        )
    }
}
