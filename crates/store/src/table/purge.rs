//! Expired rows leave the file in small pieces, and the file shrinks behind them.

use rusqlite::Connection;

use super::column::quoted;
use super::statement::rows_table;

/// What a purge did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct PurgeReport {
    /// Expired rows deleted.
    pub rows: u64,
    /// Pages given back to the file system.
    pub pages: u64,
}

/// Pages given back in one step.
const VACUUM_PAGES: i64 = 2_000;

/// Free pages below this many stay in the file for the next rows.
const KEPT_FREE_PAGES: i64 = 256;

/// The statement that deletes up to `?2` rows of `table` expired at `?1` (milliseconds), found through the expiry
/// index.
pub(super) fn delete_expired(table: &str, keys: &[String]) -> String {
    let rows = rows_table(table);
    let keys: Vec<String> = keys.iter().map(|key| quoted(key)).collect();
    let keys = keys.join(", ");
    format!(
        "DELETE FROM {rows} WHERE ({keys}) IN (SELECT {keys} FROM {rows} INDEXED BY {} \
         WHERE \"__expires\" IS NOT NULL AND \"__expires\" <= ?1 ORDER BY \"__expires\" LIMIT ?2)",
        quoted(&format!("__expiry_{table}"))
    )
}

/// Gives free pages back if they are worth it, at most one step of them: a tenth of the file, and more than a few.
///
/// Pages that new rows would take again at once are better kept: moving them costs as much as writing them.
pub(super) fn shrink_a_little(connection: &Connection) -> rusqlite::Result<u64> {
    let free = pragma(connection, "freelist_count")?;
    if free <= KEPT_FREE_PAGES || free * 10 < pragma(connection, "page_count")? {
        return Ok(0);
    }
    vacuum(connection, VACUUM_PAGES)
}

/// Gives all free pages back.
pub(super) fn shrink_wholly(connection: &Connection) -> rusqlite::Result<u64> {
    let mut pages = 0;
    loop {
        let step = vacuum(connection, VACUUM_PAGES)?;
        pages += step;
        if step == 0 {
            return Ok(pages);
        }
    }
}

fn vacuum(connection: &Connection, pages: i64) -> rusqlite::Result<u64> {
    let before = pragma(connection, "freelist_count")?;
    // The pragma works one page a row: it must be read to its end.
    let mut statement = connection.prepare(&format!("PRAGMA incremental_vacuum({pages})"))?;
    let mut rows = statement.query([])?;
    while rows.next()?.is_some() {}
    let after = pragma(connection, "freelist_count")?;
    Ok(u64::try_from(before - after).unwrap_or(0))
}

fn pragma(connection: &Connection, name: &str) -> rusqlite::Result<i64> {
    connection.query_row(&format!("PRAGMA {name}"), [], |row| row.get(0))
}
