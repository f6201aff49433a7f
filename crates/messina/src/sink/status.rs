//! What a sink says about itself, readable at any time while it runs.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::Mutex;

use super::books::{Books, Progress};
use crate::record_log::{RecordLog, SourcePartition};
use crate::telemetry::health::Light;
use crate::telemetry::status::SinkBooks;

/// How a sink's task is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TaskState {
    /// Not started yet.
    Unassigned,
    /// Working, or waiting for records: green.
    Running,
    /// The table or the log is away; offsets are held and it is tried again: amber.
    Retrying {
        /// What is away, and why.
        reason: String,
    },
    /// Ended by an error; a person must act: red.
    Failed {
        /// The error with its causes.
        trace: String,
    },
    /// Ended because it was asked to, until it is resumed.
    Paused,
    /// Ended because it was asked to.
    Stopped,
}

impl TaskState {
    /// Kafka Connect's word for it, and `RETRYING`, which Connect does not tell from `RUNNING`.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Unassigned => "UNASSIGNED",
            Self::Running => "RUNNING",
            Self::Retrying { .. } => "RETRYING",
            Self::Failed { .. } => "FAILED",
            Self::Paused => "PAUSED",
            Self::Stopped => "STOPPED",
        }
    }

    /// The light it shows in health, with the reason when it is not green.
    pub fn light(&self) -> (Light, Option<&str>) {
        match self {
            Self::Unassigned | Self::Running | Self::Paused | Self::Stopped => (Light::Green, None),
            Self::Retrying { reason } => (Light::Amber, Some(reason)),
            Self::Failed { trace } => (Light::Red, Some(trace)),
        }
    }
}

/// One partition in a [`SinkSnapshot`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartitionSnapshot {
    /// The partition.
    pub source: SourcePartition,
    /// What became of its records so far. `books.offset()` is the offset everything before which is done.
    pub books: Books,
    /// The offset committed last.
    pub committed: i64,
    /// The log's high watermark.
    pub end: i64,
    /// Records accepted by the log and not done yet: `end - books.offset()`.
    pub in_flight: u64,
}

/// A sink at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SinkSnapshot {
    /// The connector's name.
    pub name: String,
    /// How its task is.
    pub state: TaskState,
    /// Its partitions, by topic and number.
    pub partitions: Vec<PartitionSnapshot>,
    /// Rows made durable since the start of the process.
    pub rows_written: u64,
    /// Batches made durable since the start of the process.
    pub batches_written: u64,
    /// Tries repeated since the start of the process.
    pub retries: u64,
}

impl SinkSnapshot {
    /// The sum of a figure over all partitions.
    pub fn total(&self, figure: impl Fn(&PartitionSnapshot) -> u64) -> u64 {
        self.partitions.iter().map(figure).sum()
    }

    /// Takes in another task of the same connector: its partitions are others, and the worse state counts.
    pub fn join(&mut self, other: Self) {
        self.partitions.extend(other.partitions);
        self.partitions
            .sort_by(|left, right| left.source.cmp(&right.source));
        self.rows_written += other.rows_written;
        self.batches_written += other.batches_written;
        self.retries += other.retries;
        if other.state.light().0 > self.state.light().0 {
            self.state = other.state;
        }
    }
}

impl From<&SinkSnapshot> for SinkBooks {
    fn from(snapshot: &SinkSnapshot) -> Self {
        let written = snapshot.total(|partition| partition.books.written);
        let dead_lettered = snapshot.total(|partition| partition.books.dead_lettered);
        let filtered = snapshot.total(|partition| partition.books.filtered);
        // What lies between the offsets without being a record for a sink was never accepted from anybody.
        let records = |partition: &PartitionSnapshot| {
            let offsets = u64::try_from(partition.end - partition.books.start).unwrap_or(0);
            offsets.saturating_sub(partition.books.gaps)
        };
        Self {
            name: snapshot.name.clone(),
            state: snapshot.state.name().to_owned(),
            accepted: snapshot.total(records),
            written,
            dead_lettered,
            filtered,
            skipped: snapshot.total(|partition| partition.books.skipped),
            gaps: snapshot.total(|partition| partition.books.gaps),
            in_flight: snapshot.total(|partition| partition.in_flight),
            lag: snapshot
                .total(|partition| u64::try_from(partition.end - partition.committed).unwrap_or(0)),
            rows: snapshot.rows_written,
        }
    }
}

/// Shared between a sink's task and everyone who looks at it.
#[derive(Debug)]
pub struct SinkStatus {
    name: String,
    log: Arc<dyn RecordLog>,
    state: Mutex<TaskState>,
    partitions: Mutex<BTreeMap<SourcePartition, PartitionState>>,
    /// Topics that records came from.
    topics: Mutex<BTreeSet<Arc<str>>>,
    rows_written: AtomicU64,
    batches_written: AtomicU64,
    retries: AtomicU64,
}

#[derive(Debug, Clone, Copy)]
struct PartitionState {
    books: Books,
    committed: i64,
}

impl SinkStatus {
    pub(super) fn new(name: String, log: Arc<dyn RecordLog>) -> Self {
        Self {
            name,
            log,
            state: Mutex::new(TaskState::Unassigned),
            partitions: Mutex::default(),
            topics: Mutex::default(),
            rows_written: AtomicU64::new(0),
            batches_written: AtomicU64::new(0),
            retries: AtomicU64::new(0),
        }
    }

    /// The connector's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// How the task is.
    pub fn state(&self) -> TaskState {
        self.state.lock().clone()
    }

    /// Everything, at one moment.
    pub fn snapshot(&self) -> SinkSnapshot {
        let partitions = self.partitions.lock().clone();
        let snapshot = |(source, state): (SourcePartition, PartitionState)| {
            let done = state.books.offset();
            // The end was asked for after the books: it cannot lie before them but where the topic is gone.
            let end = self.log.end_offset(&source).unwrap_or(done).max(done);
            PartitionSnapshot {
                source,
                books: state.books,
                committed: state.committed,
                end,
                in_flight: u64::try_from(end - done).unwrap_or(0),
            }
        };
        SinkSnapshot {
            name: self.name.clone(),
            state: self.state(),
            partitions: partitions.into_iter().map(snapshot).collect(),
            rows_written: self.rows_written.load(Ordering::Relaxed),
            batches_written: self.batches_written.load(Ordering::Relaxed),
            retries: self.retries.load(Ordering::Relaxed),
        }
    }

    /// The topics records were read from since the start, or since [`Self::forget_topics`].
    pub fn topics(&self) -> Vec<String> {
        self.topics.lock().iter().map(ToString::to_string).collect()
    }

    /// Begins [`Self::topics`] anew.
    pub fn forget_topics(&self) {
        self.topics.lock().clear();
    }

    /// The task is about to be started, again perhaps: how it ended before counts no more.
    pub(crate) fn starting(&self) {
        self.set_state(TaskState::Unassigned);
    }

    /// The task has ended and rests: paused, or stopped. What it failed of stays to be seen.
    pub(crate) fn resting(&self, paused: bool) {
        let mut state = self.state.lock();
        if !matches!(*state, TaskState::Failed { .. }) {
            *state = if paused {
                TaskState::Paused
            } else {
                TaskState::Stopped
            };
        }
    }

    pub(super) fn set_state(&self, state: TaskState) {
        *self.state.lock() = state;
    }

    pub(super) fn retrying(&self, reason: String) {
        self.retries.fetch_add(1, Ordering::Relaxed);
        self.set_state(TaskState::Retrying { reason });
    }

    pub(super) fn wrote(&self, rows: usize) {
        if rows == 0 {
            return;
        }
        self.rows_written.fetch_add(rows as u64, Ordering::Relaxed);
        self.batches_written.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn assign(&self, source: SourcePartition, books: Books) {
        self.partitions.lock().insert(
            source,
            PartitionState {
                books,
                committed: books.offset(),
            },
        );
    }

    pub(super) fn revoke(&self, source: &SourcePartition) {
        self.partitions.lock().remove(source);
    }

    /// Adds progress; the books as they are now, if the partition is still ours.
    pub(super) fn book(&self, source: &SourcePartition, progress: &Progress) -> Option<Books> {
        let mut partitions = self.partitions.lock();
        let state = partitions.get_mut(source)?;
        state.books.add(progress);
        let mut topics = self.topics.lock();
        if !topics.contains(&source.topic) {
            topics.insert(Arc::clone(&source.topic));
        }
        Some(state.books)
    }

    /// Begins the books anew: the partition was replaced by another of the same name.
    pub(super) fn rebase(&self, source: &SourcePartition, offset: i64) -> Option<Books> {
        let mut partitions = self.partitions.lock();
        let state = partitions.get_mut(source)?;
        state.books.start += offset - state.books.offset();
        Some(state.books)
    }

    pub(super) fn committed(&self, source: &SourcePartition, offset: i64) {
        if let Some(state) = self.partitions.lock().get_mut(source) {
            state.committed = offset;
        }
    }
}
