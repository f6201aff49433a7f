//! The queue between the store's handles and the thread that writes.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use messina_connect::row::Row;
use messina_connect::table_schema::TableSchema;
use parking_lot::{Condvar, Mutex};
use tokio::sync::{OwnedSemaphorePermit, oneshot};

use super::error::{DeclareError, WriteError};
use super::handle::TableHandle;
use super::purge::PurgeReport;

/// A batch in the queue.
pub(super) struct WriteJob {
    pub(super) table: TableHandle,
    pub(super) rows: Arc<Vec<Row>>,
    pub(super) reply: oneshot::Sender<Result<(), WriteError>>,
    /// The batch's share of the queue; given back when the job is done.
    pub(super) _share: OwnedSemaphorePermit,
}

/// What the thread can be asked for besides writing.
pub(super) enum Request {
    Declare {
        schema: Arc<TableSchema>,
        reply: oneshot::Sender<Result<(), DeclareError>>,
    },
    Purge {
        reply: oneshot::Sender<Result<PurgeReport, WriteError>>,
    },
    Close {
        reply: Option<oneshot::Sender<()>>,
    },
}

pub(super) enum Job {
    Write(WriteJob),
    Request(Request),
}

/// The queue between the store's handles and the thread. Its length is limited by the shares of its jobs.
#[derive(Default)]
pub(super) struct Queue {
    state: Mutex<QueueState>,
    arrived: Condvar,
}

#[derive(Default)]
struct QueueState {
    jobs: VecDeque<Job>,
    closed: bool,
}

/// What the thread takes at once: batches for one transaction, then at most one request.
#[derive(Default)]
pub(super) struct Taken {
    pub(super) writes: Vec<WriteJob>,
    pub(super) request: Option<Request>,
}

impl Queue {
    /// Puts a job at the end; gives it back if the thread takes no more.
    pub(super) fn push(&self, job: Job) -> Result<(), Box<Job>> {
        let mut state = self.state.lock();
        if state.closed {
            return Err(Box::new(job));
        }
        state.jobs.push_back(job);
        drop(state);
        self.arrived.notify_one();
        Ok(())
    }

    /// What is queued by now, or comes within `wait`: about `group_rows` rows of it.
    pub(super) fn take(&self, group_rows: usize, wait: Duration) -> Taken {
        let mut state = self.state.lock();
        if state.jobs.is_empty() {
            self.arrived.wait_for(&mut state, wait);
        }
        let mut taken = Taken::default();
        let mut rows = 0;
        while rows < group_rows {
            match state.jobs.pop_front() {
                Some(Job::Write(write)) => {
                    rows += write.rows.len();
                    taken.writes.push(write);
                }
                Some(Job::Request(request)) => {
                    taken.request = Some(request);
                    break;
                }
                None => break,
            }
        }
        taken
    }

    /// From now on nothing is accepted; what is queued is dropped, and its senders see a closed store.
    pub(super) fn close(&self) {
        let mut state = self.state.lock();
        state.closed = true;
        state.jobs.clear();
    }
}
