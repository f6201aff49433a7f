//! The embedded log, opened on files that something has changed.
//!
//! It may refuse them, but what it gives out is what was written, and a single small damage never makes it
//! forget more than a torn tail could explain.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use anyhow::{Context as _, Result};
use bytes::Bytes;
use messina_store::log::{Log, LogOptions, NewRecord, OffsetCommit, TopicConfig};
use tempfile::TempDir;

use super::Target;

/// Changes to a log's files: first which image, then patches of file, position (2 bytes), kind and data.
pub(super) const RECOVERY: Target = Target {
    name: "log_recovery",
    seeds: &[
        b"",
        b"\x00\x01\x00\x40\x01\xff",
        b"\x00\x01\x01\x40\x04zzzz",
        b"\x01\x02\x00\x10\x82",
        b"\x01\x00\x00\x08\x02ab\x03\x00\x20\xc0",
    ],
    run: recovery,
};

/// Records in each of the topic's partitions.
const RECORDS: usize = 12;

const TOPIC: &str = "meters";

/// The files of a log: as they are while it runs, and after it was closed.
struct Images([Vec<(PathBuf, Vec<u8>)>; 2]);

static IMAGES: LazyLock<Images> =
    LazyLock::new(|| images().unwrap_or_else(|error| panic!("no log to start from: {error:#}")));

fn options() -> LogOptions {
    LogOptions {
        wal_bytes: 64 << 10,
        segment_bytes: 4 << 10,
        ..LogOptions::default()
    }
}

fn value(partition: i32, offset: usize) -> String {
    format!("{partition}-{offset}-{}", "x".repeat(offset))
}

/// A directory in memory where there is such a thing: a real disk's syncs take all the time there is.
fn scratch() -> Result<TempDir> {
    Ok(tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir())?)
}

fn images() -> Result<Images> {
    let dir = scratch()?;
    let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    let log = Log::open(dir.path(), options())?;
    runtime.block_on(fill(&log))?;
    let running = files(dir.path(), dir.path())?;
    log.close()?;
    Ok(Images([running, files(dir.path(), dir.path())?]))
}

/// One record an append, so that each is a frame of its own.
async fn fill(log: &Log) -> Result<()> {
    let config = TopicConfig {
        partitions: 2,
        ..TopicConfig::default()
    };
    log.create_topic(TOPIC, config).await?;
    let handles = log.partitions(TOPIC);
    for offset in 0..RECORDS {
        for handle in &handles {
            let record = NewRecord {
                key: Some(Bytes::from_static(b"key")),
                value: Some(Bytes::from(value(handle.index(), offset))),
                headers: Vec::new(),
                timestamp: 1_700_000_000_000,
            };
            log.append_wait(vec![(handle.clone(), record)]).await?;
        }
        if offset == RECORDS / 2 {
            let handle = handles.first().context("a partition")?.clone();
            let commit = OffsetCommit {
                offset: 1,
                metadata: "{}".to_owned(),
            };
            log.commit_offsets("group", &[(handle, commit)]).await?;
        }
    }
    Ok(())
}

fn files(root: &Path, dir: &Path) -> Result<Vec<(PathBuf, Vec<u8>)>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(dir)? {
        let path = entry?.path();
        if path.is_dir() {
            found.extend(files(root, &path)?);
        } else {
            found.push((path.strip_prefix(root)?.to_owned(), fs::read(&path)?));
        }
    }
    found.sort();
    Ok(found)
}

fn recovery(bytes: &[u8]) {
    let (image, patches) = bytes.split_first().unwrap_or((&0, &[]));
    let image = IMAGES.0.get(usize::from(image & 1));
    let mut files = image.cloned().unwrap_or_default();
    let damage = patch(&mut files, patches);
    if let Err(error) = open(&files, damage) {
        panic!("the files cannot be laid out: {error:#}");
    }
}

/// What the patches did.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Damage {
    None,
    /// A few neighbouring bytes of one file.
    Small,
    /// More than that.
    Large,
}

fn patch(files: &mut Vec<(PathBuf, Vec<u8>)>, mut patches: &[u8]) -> Damage {
    let mut damage = Damage::None;
    while let [file, high, low, kind, rest @ ..] = patches {
        let index = usize::from(*file) % files.len().max(1);
        let Some((_, bytes)) = files.get_mut(index) else {
            break;
        };
        // Write-ahead files are mostly zeros: aim at what is written, and a little beyond.
        let used = bytes.iter().rposition(|byte| *byte != 0).unwrap_or(0) + 64;
        let position =
            usize::from(u16::from_be_bytes([*high, *low])) % used.min(bytes.len()).max(1);
        let taken = match kind {
            0..0x80 => {
                let count = usize::from(kind % 16).min(rest.len());
                for (own, new) in bytes.iter_mut().skip(position).zip(rest.iter().take(count)) {
                    *own = *new;
                }
                damage = if damage == Damage::None {
                    Damage::Small
                } else {
                    Damage::Large
                };
                count
            }
            0x80..0xC0 => {
                bytes.truncate(position);
                damage = Damage::Large;
                0
            }
            _ => {
                files.remove(index);
                damage = Damage::Large;
                0
            }
        };
        patches = rest.get(taken..).unwrap_or_default();
    }
    damage
}

fn open(files: &[(PathBuf, Vec<u8>)], damage: Damage) -> Result<()> {
    let dir = scratch()?;
    for (name, bytes) in files {
        let path = dir.path().join(name);
        fs::create_dir_all(path.parent().context("a file lies in a directory")?)?;
        fs::write(path, bytes)?;
    }
    match Log::open(dir.path(), options()) {
        Ok(log) => {
            let found = read_back(&log);
            // Two frames: a damage may lie across the border of the last two.
            if damage != Damage::Large {
                let allowed = if damage == Damage::None { 0 } else { 2 };
                assert!(
                    found + allowed >= 2 * RECORDS,
                    "{found} records are left, and nothing said"
                );
            }
            log.close()?;
        }
        Err(error) => {
            assert!(damage != Damage::None, "whole files are refused: {error}");
            assert!(!error.to_string().is_empty(), "refused without a reason");
        }
    }
    Ok(())
}

/// Counts what can be read, or is at least known to be unreadable; checks that it is what was written.
fn read_back(log: &Log) -> usize {
    let mut found = 0;
    for handle in log.partitions(TOPIC) {
        let mut offset = handle.start_offset();
        while offset < handle.end_offset() {
            let Ok(records) = log.read(&handle, offset, 1 << 20) else {
                found += RECORDS;
                break;
            };
            let Some(last) = records.last() else { break };
            offset = last.offset + 1;
            found += records.len();
            for record in &records {
                let expected =
                    usize::try_from(record.offset).map(|offset| value(handle.index(), offset));
                let text = record.value.as_deref().unwrap_or_default();
                assert_eq!(
                    Ok(text),
                    expected.as_deref().map(str::as_bytes),
                    "another record at offset {}",
                    record.offset
                );
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_files_open_with_every_record() {
        recovery(b"\x00");
        recovery(b"\x01");
    }
}
