//! What a writer hands to the committer, and how it learns what became of it.
//!
//! A connection submits a batch of [`Append`]s and keeps one [`AppendWaiter`]: however many of its appends
//! a commit makes durable, it is woken once.

use std::future::poll_fn;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use atomic_waker::AtomicWaker;
use parking_lot::Mutex;
use tokio::sync::OwnedSemaphorePermit;

use super::error::AppendError;
use super::partition::PartitionHandle;
use super::record::NewRecord;

/// Room in the queue of what is not yet durable; given back when the append it travels with is answered.
#[derive(Debug, Default)]
pub struct Permit(
    #[expect(dead_code, reason = "held for what dropping it gives back")]
    Option<OwnedSemaphorePermit>,
);

impl Permit {
    /// A permit for nothing, for an append whose bytes another permit of the same submission covers.
    pub const fn none() -> Self {
        Self(None)
    }

    /// A permit for as much of a log's queue as the semaphore's permit stands for.
    pub const fn of(permit: OwnedSemaphorePermit) -> Self {
        Self(Some(permit))
    }
}

/// Records that become durable together or not at all, in one frame of the log.
#[derive(Debug)]
pub struct Append {
    /// Records in order, each with the partition it goes to.
    pub records: Vec<(PartitionHandle, NewRecord)>,
    /// Room in the queue, from [`Log::reserve`](super::Log::reserve).
    pub permit: Permit,
    /// Who is told.
    pub waiter: Arc<AppendWaiter>,
    /// Given back in the [`Completion`].
    pub ticket: u64,
    /// Whether the completion carries the offsets; without it nothing is allocated for them.
    pub want_offsets: bool,
}

impl Append {
    /// Answers an append that the committer will not see.
    pub(super) fn refuse(self, error: AppendError) {
        if self.waiter.push(Completion {
            ticket: self.ticket,
            result: Err(error),
        }) {
            self.waiter.wake();
        }
    }
}

/// What became of an [`Append`].
#[derive(Debug)]
pub struct Completion {
    /// The append's ticket.
    pub ticket: u64,
    /// Durable, with the offsets if they were wanted; or refused, and then none of it will ever be read.
    pub result: Result<Option<Box<[i64]>>, AppendError>,
}

/// Collects completions for one writer; woken once per commit.
#[derive(Debug, Default)]
pub struct AppendWaiter {
    state: Mutex<WaiterState>,
    /// Something came since the writer was last woken.
    news: AtomicBool,
    writer: AtomicWaker,
}

#[derive(Debug, Default)]
struct WaiterState {
    completions: Vec<Completion>,
    listed: bool,
}

impl AppendWaiter {
    /// A waiter with nothing in it.
    pub fn new() -> Arc<Self> {
        Arc::default()
    }

    /// Moves every completion so far to the end of `into`, in the order the appends were made durable.
    pub fn drain(&self, into: &mut Vec<Completion>) {
        into.append(&mut self.state.lock().completions);
    }

    /// Waits until something came since the last time this was waited for. One task waits at a time.
    pub async fn notified(&self) {
        poll_fn(|cx| self.poll_notified(cx)).await;
    }

    /// [`notified`](Self::notified) for a task that waits for several things: nothing is kept between calls.
    pub fn poll_notified(&self, cx: &Context<'_>) -> Poll<()> {
        if self.news.swap(false, Ordering::AcqRel) {
            return Poll::Ready(());
        }
        self.writer.register(cx.waker());
        // What came between the look and the registration has woken nobody.
        if self.news.swap(false, Ordering::AcqRel) {
            return Poll::Ready(());
        }
        Poll::Pending
    }

    /// Adds a completion, which a log does; true if the waiter must be put on the list of those to wake.
    pub fn push(&self, completion: Completion) -> bool {
        let mut state = self.state.lock();
        state.completions.push(completion);
        !std::mem::replace(&mut state.listed, true)
    }

    /// Wakes the writer; called once per commit for each waiter on the list.
    pub fn wake(&self) {
        self.state.lock().listed = false;
        self.news.store(true, Ordering::Release);
        self.writer.wake();
    }
}
