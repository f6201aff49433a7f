//! How a log is opened, and how a topic is kept.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::disk::{Disk, RealDisk};

/// What becomes of old records of a topic.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Cleanup {
    /// Whole segments go once they are too old or the partition too big.
    #[default]
    Delete,
    /// The latest record of each key stays, a null value deletes the key.
    Compact,
}

/// How a topic is laid out and kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TopicConfig {
    /// Number of partitions, at least 1.
    pub partitions: i32,
    /// Records older than this may go; `None` keeps them whatever their age.
    pub retention: Option<Duration>,
    /// A partition larger than this loses its oldest segments; `None` sets no limit.
    pub retention_bytes: Option<u64>,
    /// Delete or compact.
    pub cleanup: Cleanup,
}

impl Default for TopicConfig {
    fn default() -> Self {
        Self {
            partitions: 1,
            retention: None,
            retention_bytes: None,
            cleanup: Cleanup::Delete,
        }
    }
}

/// A topic as [`Log::topics`](super::Log::topics) lists it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TopicInfo {
    /// The topic's name.
    pub name: String,
    /// Its configuration.
    pub config: TopicConfig,
    /// Created by Messina for itself (`__` in front).
    pub internal: bool,
}

/// Whether a topic of this name is Messina's own: sessions, offsets. Nobody's records go there but the log's and
/// the gateway's.
pub fn is_internal(topic: &str) -> bool {
    topic.starts_with("__")
}

/// Reads the wall clock: milliseconds since 1970-01-01 UTC.
pub type NowMillis = Arc<dyn Fn() -> i64 + Send + Sync>;

/// How a log is opened.
#[derive(Clone)]
pub struct LogOptions {
    /// The disk; [`RealDisk`] but in tests.
    pub disk: Arc<dyn Disk>,
    /// Size of one write-ahead file. 64 MiB: a few seconds of full load between checkpoints.
    pub wal_bytes: u64,
    /// Size at which a segment is closed and the next begun.
    pub segment_bytes: u64,
    /// Bytes that may be queued and not yet durable; beyond it [`Log::reserve`](super::Log::reserve) waits.
    pub queue_bytes: usize,
    /// Bytes after which a commit group is closed although more is queued.
    pub group_bytes: usize,
    /// How often retention and compaction look around.
    pub housekeeping: Duration,
    /// The wall clock, for retention.
    pub now: NowMillis,
}

impl Default for LogOptions {
    fn default() -> Self {
        Self {
            disk: Arc::new(RealDisk),
            wal_bytes: 64 << 20,
            segment_bytes: 128 << 20,
            queue_bytes: 32 << 20,
            group_bytes: 2 << 20,
            housekeeping: Duration::from_mins(1),
            now: Arc::new(wall_clock_millis),
        }
    }
}

impl fmt::Debug for LogOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LogOptions")
            .field("wal_bytes", &self.wal_bytes)
            .field("segment_bytes", &self.segment_bytes)
            .finish_non_exhaustive()
    }
}

fn wall_clock_millis() -> i64 {
    #[expect(
        clippy::disallowed_methods,
        reason = "the one place where the log's default clock reads the time"
    )]
    let now = SystemTime::now();
    let since = now.duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}
