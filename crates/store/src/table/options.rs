//! What the embedded table may use: memory, queue, time.

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// A wall clock: milliseconds since 1970-01-01 UTC. Tests pass one they turn by hand.
pub type NowMillis = Arc<dyn Fn() -> i64 + Send + Sync>;

/// The system's wall clock.
pub fn system_now_millis() -> NowMillis {
    Arc::new(|| {
        #[expect(
            clippy::disallowed_methods,
            reason = "this is the clock that is passed to everyone else"
        )]
        let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH);
        // A clock set before 1970 reads as 1970: rows then live longer, which loses nothing.
        since_1970.map_or(0, |elapsed| {
            i64::try_from(elapsed.as_millis()).unwrap_or(i64::MAX)
        })
    })
}

/// Limits and the clock of a [`TableStore`](super::TableStore).
#[derive(Clone)]
pub struct TableOptions {
    /// Wall clock for shelf lives.
    pub now: NowMillis,
    /// Rows that may wait to be written; writers wait when it is full.
    pub queue_rows: u32,
    /// Rows of one transaction: more raise throughput, and the time a reader of the answer waits.
    pub group_rows: usize,
    /// How often expired rows are looked for.
    pub purge_interval: Duration,
    /// Rows deleted at once by a purge: the longest pause a purge puts between two writes.
    pub purge_rows: u32,
    /// Page cache of the writing connection, in KiB.
    pub cache_kib: u32,
    /// Connections that may read at the same time.
    pub readers: u32,
    /// The file may not grow beyond this many bytes; `None` leaves it to the disk.
    pub max_bytes: Option<u64>,
}

impl Default for TableOptions {
    fn default() -> Self {
        Self {
            now: system_now_millis(),
            // Two groups: one being written, one gathering.
            queue_rows: 40_000,
            // 10k-row transactions reach the best rate measured; 20k leaves room for two tasks at once.
            group_rows: 20_000,
            // Shelf lives have a granularity of a second.
            purge_interval: Duration::from_secs(1),
            // About 10 ms of deleting.
            purge_rows: 2_000,
            // Holds the inner pages of a table of some 100 million rows.
            cache_kib: 16 * 1024,
            readers: 4,
            max_bytes: None,
        }
    }
}

impl std::fmt::Debug for TableOptions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TableOptions")
            .field("queue_rows", &self.queue_rows)
            .field("group_rows", &self.group_rows)
            .field("purge_interval", &self.purge_interval)
            .field("purge_rows", &self.purge_rows)
            .field("cache_kib", &self.cache_kib)
            .field("readers", &self.readers)
            .field("max_bytes", &self.max_bytes)
            .finish_non_exhaustive()
    }
}

/// What one query may cost.
#[derive(Debug, Clone, Copy)]
pub struct QueryLimits {
    /// Rows returned; the result says when there were more.
    pub max_rows: usize,
    /// Bytes of text and blobs returned; the result says when there were more.
    pub max_bytes: usize,
    /// Time until the query is interrupted.
    pub timeout: Duration,
}

impl Default for QueryLimits {
    fn default() -> Self {
        Self {
            max_rows: 10_000,
            max_bytes: 16 * 1024 * 1024,
            timeout: Duration::from_secs(10),
        }
    }
}
