//! What the log's users, its committer and its keeper share.

use std::any::Any;
use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::SyncSender;
use std::time::Duration;

use parking_lot::{Condvar, Mutex};
use tokio::sync::{Notify, Semaphore};

use super::append::Append;
use super::checkpoint::{Checkpoint, Mark};
use super::error::{AppendError, LogHealth};
use super::filling::Filling;
use super::offset_commit::OffsetCommit;
use super::options::{LogOptions, TopicConfig};
use super::partition::{Partition, PartitionHandle};
use super::segment::Segment;

pub(super) struct Shared {
    pub(super) dir: PathBuf,
    pub(super) options: LogOptions,
    pub(super) room: Arc<Semaphore>,
    pub(super) queue: Queue,
    pub(super) keeper: KeeperInbox,
    pub(super) catalog: Mutex<Catalog>,
    /// The last durable checkpoint; held while a new one is written.
    pub(super) durable: Mutex<Checkpoint>,
    /// Held while a topic is created or deleted, from beginning to end.
    pub(super) changing: Mutex<()>,
    /// Held while files are removed or replaced by name: a deleted topic's successor has the same names.
    pub(super) tending: Mutex<()>,
    pub(super) groups: Mutex<BTreeMap<String, GroupBook>>,
    pub(super) health: Health,
    /// The directory's lock, held for as long as anyone uses the log.
    pub(super) _lock: Box<dyn Any + Send + Sync>,
}

impl Shared {
    /// Poisons the log if the thread that holds this panics, so that nobody waits for it for ever.
    pub(super) fn guard(self: &Arc<Self>, thread: &'static str) -> PanicGuard {
        PanicGuard {
            shared: Arc::clone(self),
            thread,
        }
    }
}

pub(super) struct PanicGuard {
    shared: Arc<Shared>,
    thread: &'static str,
}

impl Drop for PanicGuard {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            return;
        }
        let why: Arc<str> = format!("its {} thread panicked", self.thread).into();
        self.shared.health.poison(Arc::clone(&why));
        self.shared.keeper.changed.notify_all();
        if self.thread == "committer" {
            for item in self.shared.queue.end(Ending::Gone) {
                if let Item::Append(append) = item {
                    append.refuse(AppendError::Failed(Arc::clone(&why)));
                }
            }
        }
    }
}

/// The topics that exist.
#[derive(Default)]
pub(super) struct Catalog {
    pub(super) topics: BTreeMap<String, Topic>,
    pub(super) next_slot: usize,
}

#[derive(Clone)]
pub(super) struct Topic {
    pub(super) id: u32,
    pub(super) config: Arc<TopicConfig>,
    pub(super) partitions: Vec<PartitionHandle>,
}

impl Catalog {
    /// Adds a topic; `segments` has each partition's segments and mark.
    pub(super) fn add(
        &mut self,
        dir: &std::path::Path,
        (name, id): (&str, u32),
        config: &TopicConfig,
        segments: Vec<(Vec<Arc<Segment>>, Mark)>,
    ) {
        let (topic, config): (Arc<str>, _) = (name.into(), Arc::new(config.clone()));
        let mut partitions = Vec::with_capacity(segments.len());
        for (index, (segments, mark)) in (0..).zip(segments) {
            partitions.push(PartitionHandle(Arc::new(Partition {
                topic: Arc::clone(&topic),
                topic_id: id,
                index,
                config: Arc::clone(&config),
                dir: dir.join(format!("{name}-{index}")),
                slot: self.next_slot,
                start: mark.start.into(),
                end: mark.next.into(),
                deleted: false.into(),
                advanced: Notify::new(),
                segments: parking_lot::RwLock::new(segments),
            })));
            self.next_slot += 1;
        }
        self.topics.insert(
            name.to_owned(),
            Topic {
                id,
                config,
                partitions,
            },
        );
    }
}

/// A group's offsets by topic id and partition, each with the offset of the record that says so.
pub(super) type GroupBook = HashMap<(u32, i32), (i64, OffsetCommit)>;

/// How the log is, and whether it may still be used.
pub(super) struct Health {
    state: Mutex<LogHealth>,
    failed: AtomicBool,
    pub(super) changed: Notify,
}

impl Health {
    pub(super) fn new() -> Self {
        Self {
            state: Mutex::new(LogHealth::Good),
            failed: false.into(),
            changed: Notify::new(),
        }
    }

    pub(super) fn get(&self) -> LogHealth {
        self.state.lock().clone()
    }

    /// Why the log takes nothing any more, if that is so.
    pub(super) fn failure(&self) -> Option<AppendError> {
        if !self.failed.load(Ordering::Acquire) {
            return None;
        }
        match &*self.state.lock() {
            LogHealth::Failed(why) => Some(AppendError::Failed(Arc::clone(why))),
            LogHealth::Good | LogHealth::Full(_) => None,
        }
    }

    /// The disk failed: for ever, whatever comes later.
    pub(super) fn poison(&self, why: Arc<str>) {
        let mut state = self.state.lock();
        if !matches!(&*state, LogHealth::Failed(_)) {
            tracing::error!(reason = %why, "the log has failed and accepts nothing until it is opened again");
            *state = LogHealth::Failed(why);
            self.failed.store(true, Ordering::Release);
            drop(state);
            self.changed.notify_waiters();
        }
    }

    /// The disk is full, or no longer.
    pub(super) fn set_full(&self, full: Option<Arc<str>>) {
        let mut state = self.state.lock();
        let next = match (&*state, full) {
            (LogHealth::Good, Some(why)) => {
                tracing::warn!(reason = %why, "the disk is full, the log refuses appends until space returns");
                LogHealth::Full(why)
            }
            (LogHealth::Full(_), None) => {
                tracing::info!("space has returned, the log accepts appends");
                LogHealth::Good
            }
            _ => return,
        };
        *state = next;
        drop(state);
        self.changed.notify_waiters();
    }
}

/// What the committer is asked to do.
pub(super) enum Item {
    Append(Append),
    /// Answer once everything before this has been committed or refused.
    Barrier(SyncSender<()>),
    /// Hand the keeper a checkpoint of everything so far; who is told when it is durable.
    Checkpoint(Option<SyncSender<Result<(), AppendError>>>),
}

/// How the queue ended, if it did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ending {
    Open,
    /// Answer what is queued, then stop.
    Stop,
    /// The committer is gone.
    Gone,
}

pub(super) enum Taken {
    Items,
    Idle,
    End,
}

/// The committer's queue. Its length is bounded by the permits that appends carry.
pub(super) struct Queue {
    state: Mutex<QueueState>,
    filled: Condvar,
}

struct QueueState {
    items: Vec<Item>,
    ending: Ending,
    waiting: bool,
}

impl Queue {
    pub(super) fn new() -> Self {
        let state = QueueState {
            items: Vec::new(),
            ending: Ending::Open,
            waiting: false,
        };
        Self {
            state: Mutex::new(state),
            filled: Condvar::new(),
        }
    }

    /// Queues items in order; gives them back if the log is closed.
    pub(super) fn push(&self, items: impl IntoIterator<Item = Item>) -> Vec<Item> {
        let mut state = self.state.lock();
        if state.ending != Ending::Open {
            drop(state);
            return items.into_iter().collect();
        }
        state.items.extend(items);
        let wake = state.waiting && !state.items.is_empty();
        drop(state);
        if wake {
            self.filled.notify_one();
        }
        Vec::new()
    }

    /// Moves everything queued into `into`, which is empty; waits for something, or for `idle`.
    pub(super) fn take(&self, into: &mut Vec<Item>, idle: Option<Duration>) -> Taken {
        let mut state = self.state.lock();
        while state.items.is_empty() {
            if state.ending != Ending::Open {
                return Taken::End;
            }
            state.waiting = true;
            let timed_out = if let Some(idle) = idle {
                self.filled.wait_for(&mut state, idle).timed_out()
            } else {
                self.filled.wait(&mut state);
                false
            };
            state.waiting = false;
            if timed_out && state.items.is_empty() && state.ending == Ending::Open {
                return Taken::Idle;
            }
        }
        std::mem::swap(&mut state.items, into);
        Taken::Items
    }

    /// Takes nothing more.
    pub(super) fn end(&self, ending: Ending) -> Vec<Item> {
        let mut state = self.state.lock();
        state.ending = ending;
        let left = if ending == Ending::Gone {
            std::mem::take(&mut state.items)
        } else {
            Vec::new()
        };
        drop(state);
        self.filled.notify_one();
        left
    }
}

/// A checkpoint to be made: what must be synced first, and what may then be said.
pub(super) struct Job {
    pub(super) generation: u64,
    pub(super) position: u64,
    pub(super) sequence: u64,
    pub(super) marks: Vec<(Arc<Partition>, Mark)>,
    pub(super) dirty: Vec<Arc<Segment>>,
    /// Partitions with new files in their directories.
    pub(super) grown: Vec<Arc<Partition>>,
    pub(super) done: Vec<SyncSender<Result<(), AppendError>>>,
}

/// Where the committer leaves checkpoints for the keeper, and hears of them.
pub(super) struct KeeperInbox {
    pub(super) state: Mutex<InboxState>,
    pub(super) changed: Condvar,
}

pub(super) struct InboxState {
    pub(super) pending: Option<Job>,
    /// What is to be zero-filled while nothing else is to be done.
    pub(super) filling: Option<Arc<Filling>>,
    /// Replay begins in this generation or later: older files are spare.
    pub(super) durable_generation: u64,
    /// Why the last attempt at a checkpoint did not succeed, if it was for lack of space.
    pub(super) full: Option<Arc<str>>,
    pub(super) stop: bool,
}

impl KeeperInbox {
    pub(super) fn new(durable_generation: u64) -> Self {
        let state = InboxState {
            pending: None,
            filling: None,
            durable_generation,
            full: None,
            stop: false,
        };
        Self {
            state: Mutex::new(state),
            changed: Condvar::new(),
        }
    }

    /// Leaves a job; one that is still waiting becomes part of it.
    pub(super) fn submit(&self, job: Job) {
        let mut state = self.state.lock();
        state.pending = Some(match state.pending.take() {
            Some(earlier) => earlier.followed_by(job),
            None => job,
        });
        drop(state);
        self.changed.notify_all();
    }

    /// Asks for zeros ahead of the committer.
    pub(super) fn ask_to_fill(&self, filling: Arc<Filling>) {
        self.state.lock().filling = Some(filling);
        self.changed.notify_all();
    }

    pub(super) fn stop(&self) {
        self.state.lock().stop = true;
        self.changed.notify_all();
    }
}

impl Job {
    /// One job that does both.
    pub(super) fn followed_by(mut self, later: Self) -> Self {
        self.generation = later.generation;
        self.position = later.position;
        self.sequence = later.sequence;
        self.marks.extend(later.marks);
        self.dirty.extend(later.dirty);
        self.grown.extend(later.grown);
        self.done.extend(later.done);
        self
    }
}
