//! The table file itself: whose it is, which format it has, and how SQLite is told to treat it.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rusqlite::Connection;
use rusqlite::functions::FunctionFlags;

use super::declare::CREATE_COLUMNS;
use super::error::OpenError;
use super::options::{NowMillis, TableOptions};

/// "MSNA", in the file's header.
const APPLICATION_ID: i32 = 0x4d53_4e41;

/// The format this program writes.
const FORMAT: i32 = 1;

/// Opens or creates the file for writing, and refuses one that is not ours or that we do not know.
pub(super) fn open_connection(
    path: &Path,
    options: &TableOptions,
) -> Result<Connection, OpenError> {
    let connection = Connection::open(path).map_err(|error| refused(path, error))?;
    match identify(&connection).map_err(|error| refused(path, error))? {
        Identity::Empty | Identity::Ours(FORMAT) => {}
        Identity::Ours(found) => {
            return Err(OpenError::Newer {
                path: path.to_owned(),
                found,
                known: FORMAT,
            });
        }
        Identity::Foreign => {
            return Err(OpenError::Foreign {
                path: path.to_owned(),
            });
        }
    }
    prepare_file(&connection, options).map_err(|error| refused(path, error))?;
    Ok(connection)
}

/// Tells a damaged file from one that cannot be opened.
pub(super) fn refused(path: &Path, source: rusqlite::Error) -> OpenError {
    let path = path.to_owned();
    match source.sqlite_error_code() {
        Some(rusqlite::ErrorCode::NotADatabase | rusqlite::ErrorCode::DatabaseCorrupt) => {
            OpenError::Damaged { path, source }
        }
        _ => OpenError::Open { path, source },
    }
}

/// Lets `unixepoch()`, which the views ask for the time, read our clock.
pub(super) fn override_clock(connection: &Connection, now: &NowMillis) -> rusqlite::Result<()> {
    let now = Arc::clone(now);
    // "Deterministic" makes SQLite call it once for each run of a statement.
    let flags = FunctionFlags::SQLITE_UTF8
        | FunctionFlags::SQLITE_DETERMINISTIC
        | FunctionFlags::SQLITE_INNOCUOUS;
    connection.create_scalar_function("unixepoch", 0, flags, move |_| Ok(now().div_euclid(1_000)))
}

enum Identity {
    Empty,
    Ours(i32),
    Foreign,
}

fn identify(connection: &Connection) -> rusqlite::Result<Identity> {
    connection.busy_timeout(Duration::from_secs(5))?;
    let application: i32 = connection.query_row("PRAGMA application_id", [], |row| row.get(0))?;
    if application == APPLICATION_ID {
        return connection
            .query_row("PRAGMA user_version", [], |row| row.get(0))
            .map(Identity::Ours);
    }
    let objects: i64 =
        connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    Ok(if objects == 0 && application == 0 {
        Identity::Empty
    } else {
        Identity::Foreign
    })
}

fn prepare_file(connection: &Connection, options: &TableOptions) -> rusqlite::Result<()> {
    // auto_vacuum must be set before the first page is written.
    connection.execute_batch(&format!(
        "PRAGMA auto_vacuum = INCREMENTAL;
         PRAGMA journal_mode = WAL;
         PRAGMA synchronous = FULL;
         PRAGMA wal_autocheckpoint = 16000;
         PRAGMA journal_size_limit = 67108864;
         PRAGMA cache_size = -{};
         BEGIN IMMEDIATE;
         PRAGMA application_id = {APPLICATION_ID};
         PRAGMA user_version = {FORMAT};
         {CREATE_COLUMNS};
         COMMIT;",
        options.cache_kib
    ))?;
    if let Some(bytes) = options.max_bytes {
        let page_size: i64 = connection.query_row("PRAGMA page_size", [], |row| row.get(0))?;
        let pages = i64::try_from(bytes).unwrap_or(i64::MAX) / page_size.max(1);
        connection.query_row(&format!("PRAGMA max_page_count = {pages}"), [], |_| Ok(()))?;
    }
    connection.set_prepared_statement_cache_capacity(64);
    override_clock(connection, &options.now)
}
