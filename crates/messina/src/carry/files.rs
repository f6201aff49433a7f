//! The installation as files, for where Kafka and CQL cannot be reached from here.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use messina_store::disk::RealDisk;
use messina_store::log::check::{self, CheckReport};
use messina_store::table::{DumpedTable, TableDump, system_now_millis};

use super::installation::below;
use super::journal;
use super::{CarryError, CarryReport, Installation, Progress, TableBooks, TopicBooks};
use crate::config::Config;

/// The log's lock is of whoever has it open.
const LOCK: &str = "lock";

/// Copies an installation's log and tables into a folder that `import` takes, or `up`. Files that are there already,
/// and as they should be, are left. Blocks.
pub fn copy_files(
    config: &Config,
    to: &Path,
    progress: &mut Progress,
    report: &mut CarryReport,
) -> Result<(), CarryError> {
    let installation = Installation::open(config)?;
    let tables = installation.tables.clone();
    let (log_dir, has_log) = (installation.log_dir.clone(), installation.log.is_some());
    // Closed in order, it is all in its files.
    installation.close();
    create(to)?;
    copy(&config.data.join(journal::FILE), &to.join(journal::FILE))?;
    if has_log {
        copy_log(&log_dir, &to.join("log"), progress)?;
        let (here, there) = (
            check::check(&log_dir, &RealDisk)?,
            check::check(&to.join("log"), &RealDisk)?,
        );
        compare_logs(&here, &there, report);
    }
    if let Some(tables) = tables {
        let copied = to.join("tables.db");
        copy_tables(&tables, &copied, progress)?;
        compare_tables(&all_tables(&tables)?, &all_tables(&copied)?, report);
    }
    Ok(())
}

fn copy_log(from: &Path, to: &Path, progress: &mut Progress) -> Result<(), CarryError> {
    let files = files_of(from)?;
    let sizes = files.iter().filter_map(|file| fs::metadata(file).ok());
    progress.begin("log", "bytes", sizes.map(|size| size.len()).sum(), 0);
    for file in files {
        let target = to.join(below(&file, from));
        if let Some(folder) = target.parent() {
            create(folder)?;
        }
        progress.step(copy(&file, &target)?);
    }
    progress.end();
    Ok(())
}

/// Every file below a folder, but the lock.
fn files_of(folder: &Path) -> Result<Vec<PathBuf>, CarryError> {
    let failed = |source| CarryError::File {
        action: "read",
        path: folder.to_owned(),
        source,
    };
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        if path.is_dir() {
            files.extend(files_of(&path)?);
        } else if path.file_name().is_none_or(|name| name != LOCK) {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

fn create(folder: &Path) -> Result<(), CarryError> {
    fs::create_dir_all(folder).map_err(|source| CarryError::File {
        action: "create",
        path: folder.to_owned(),
        source,
    })
}

/// Copies a file, unless a copy of it is there: as long, and of the same time. Gives its length.
fn copy(from: &Path, to: &Path) -> Result<u64, CarryError> {
    let copy = || -> io::Result<u64> {
        let is = fs::metadata(from)?;
        let time: SystemTime = is.modified()?;
        let there = fs::metadata(to).ok();
        let same = there.is_some_and(|there| {
            there.len() == is.len() && there.modified().is_ok_and(|other| other == time)
        });
        if same {
            return Ok(is.len());
        }
        let mut name = to.as_os_str().to_owned();
        name.push(".part");
        let part = PathBuf::from(name);
        let length = fs::copy(from, &part)?;
        let file = fs::File::options().write(true).open(&part)?;
        file.set_modified(time)?;
        file.sync_all()?;
        fs::rename(&part, to)?;
        Ok(length)
    };
    copy().map_err(|source| CarryError::File {
        action: "copy",
        path: from.to_owned(),
        source,
    })
}

/// SQLite's own copy: also what is still in its write-ahead log is in it.
fn copy_tables(from: &Path, to: &Path, progress: &mut Progress) -> Result<(), CarryError> {
    let failed = |source| CarryError::File {
        action: "write",
        path: to.to_owned(),
        source,
    };
    let part = to.with_extension("db.part");
    if let Err(source) = fs::remove_file(&part)
        && source.kind() != io::ErrorKind::NotFound
    {
        return Err(failed(source));
    }
    progress.begin("tables", "files", 1, 0);
    TableDump::open(from, system_now_millis())?.copy_to(&part)?;
    let sync = || fs::File::open(&part)?.sync_all();
    sync().map_err(failed)?;
    fs::rename(&part, to).map_err(failed)?;
    progress.step(1);
    progress.end();
    Ok(())
}

fn all_tables(path: &Path) -> Result<Vec<DumpedTable>, CarryError> {
    Ok(TableDump::open(path, system_now_millis())?.tables()?)
}

fn compare_logs(here: &CheckReport, there: &CheckReport, report: &mut CarryReport) {
    let records = |next: i64, start: i64| u64::try_from(next - start).unwrap_or(0);
    for own in &here.partitions {
        let mut others = there.partitions.iter();
        let other =
            others.find(|other| (&other.topic, other.partition) == (&own.topic, own.partition));
        let carried = other.map_or(0, |other| records(other.next, other.start));
        report.topics.push(TopicBooks {
            topic: format!("{}[{}]", own.topic, own.partition),
            records: records(own.next, own.start),
            carried,
            now: carried,
            groups: Vec::new(),
        });
    }
    if !there.damage.is_empty() {
        report
            .remarks
            .push("the copy of the log is damaged: remove it and try again".to_owned());
    }
}

fn compare_tables(here: &[DumpedTable], there: &[DumpedTable], report: &mut CarryReport) {
    for own in here {
        let other = there
            .iter()
            .find(|other| other.schema.name == own.schema.name);
        let written = other.map_or(0, |other| other.rows + other.expired);
        report.tables.push(TableBooks {
            table: own.schema.name.clone(),
            rows: own.rows + own.expired,
            written,
            now: written,
            expired: 0,
            refused: 0,
        });
    }
}
