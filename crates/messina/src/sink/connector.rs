//! A connector: a compiled plan, its tables, and the task that runs it.

use std::sync::Arc;
use std::time::Duration;

use messina_connect::mapping::TableChange;
use messina_connect::plan::Plan;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::delivery::Delivery;
use super::error::SinkError;
use super::opening::{OpenError, Opened, Opening};
use super::retry::{Backoff, Patience};
use super::status::{SinkStatus, TaskState};
use super::task::Task;
use crate::record_log::RecordLog;
use crate::table::{BoxFuture, Table, TableError};
use crate::telemetry::causes::with_causes;

/// How a sink's task works.
#[derive(Debug, Clone, Copy)]
pub struct SinkOptions {
    /// Which of its connector's tasks it is.
    pub task: usize,
    /// Rows of a batch at most; the task finds out how many the table takes well. A record's rows stay together.
    pub max_batch_rows: usize,
    /// Records of a batch at most.
    pub max_batch_records: usize,
    /// Bytes of records that are fetched and not in a batch yet.
    pub fetch_bytes: usize,
    /// Least time from the start of a batch to the start of the next, unless that one is full.
    pub linger: Duration,
    /// Batches under way at once: one being written, the next decoded and queued.
    pub batches_in_flight: usize,
    /// Longest time between a row being durable and its offset being committed.
    pub commit_interval: Duration,
    /// Wait before the first repeated try.
    pub first_retry: Duration,
    /// Longest wait between two tries.
    pub longest_retry: Duration,
}

impl Default for SinkOptions {
    fn default() -> Self {
        Self {
            task: 0,
            max_batch_rows: 10_000,
            max_batch_records: 5_000,
            fetch_bytes: 2 << 20,
            // Twenty small commits a second instead of a thousand: each costs a page for every device in it, and the
            // disk is shared with acknowledgements. The first record after a pause does not wait.
            linger: Duration::from_millis(50),
            batches_in_flight: 2,
            // What a crash may make us write again, against one more commit in the log.
            commit_interval: Duration::from_millis(250),
            first_retry: Duration::from_millis(100),
            longest_retry: Duration::from_secs(10),
        }
    }
}

impl SinkOptions {
    /// For tables in a cluster: rows are written one by one there, many under way at once. What does not fit among
    /// those only takes memory.
    #[must_use]
    pub fn for_cluster(self) -> Self {
        Self {
            max_batch_rows: self.max_batch_rows.min(2_000),
            max_batch_records: self.max_batch_records.min(2_000),
            fetch_bytes: self.fetch_bytes.min(1 << 20),
            ..self
        }
    }
}

/// A connector, ready to run.
#[derive(Debug)]
pub struct Connector {
    name: String,
    group: String,
    work: Work,
    log: Arc<dyn RecordLog>,
    options: SinkOptions,
    status: Arc<SinkStatus>,
}

/// The group a connector is after its name, as in Kafka Connect.
pub fn group_of(name: &str) -> String {
    format!("connect-{name}")
}

/// What a task works with.
#[derive(Debug, Clone)]
enum Work {
    /// It is there.
    Ready(Ready),
    /// It is opened anew whenever the task begins.
    Opening(Arc<Opening>),
}

/// A plan and its tables.
#[derive(Debug, Clone)]
struct Ready {
    plan: Arc<Plan>,
    tables: Arc<[Arc<dyn Table>]>,
}

impl Ready {
    fn new(Opened { plan, tables }: Opened) -> Self {
        assert_eq!(
            plan.tables().len(),
            tables.len(),
            "a table for each of the plan's"
        );
        Self {
            plan: Arc::new(plan),
            tables: tables.into(),
        }
    }
}

impl Connector {
    /// A connector over its tables: one for each of [`Plan::tables`], in that order.
    ///
    /// # Panics
    ///
    /// If there are more or fewer tables than the plan has.
    pub fn new(
        plan: Plan,
        tables: Vec<Arc<dyn Table>>,
        log: Arc<dyn RecordLog>,
        options: SinkOptions,
    ) -> Self {
        let name = plan.name().to_owned();
        Self::of(
            &name,
            Work::Ready(Ready::new(Opened { plan, tables })),
            log,
            options,
        )
    }

    /// A connector whose tables are in a cluster: they are opened when its task begins, as often as it takes.
    pub fn opening(
        name: &str,
        opening: Opening,
        log: Arc<dyn RecordLog>,
        options: SinkOptions,
    ) -> Self {
        Self::of(name, Work::Opening(Arc::new(opening)), log, options)
    }

    /// One of the connector's tasks: it shares what was compiled, and has a status of its own.
    #[must_use]
    pub fn as_task(&self, task: usize) -> Self {
        let (work, log) = (self.work.clone(), Arc::clone(&self.log));
        let of_task = Self::of(
            &self.name,
            work,
            log,
            SinkOptions {
                task,
                ..self.options
            },
        );
        of_task.in_group(self.group.clone())
    }

    fn of(name: &str, work: Work, log: Arc<dyn RecordLog>, options: SinkOptions) -> Self {
        let status = Arc::new(SinkStatus::new(name.to_owned(), Arc::clone(&log)));
        Self {
            name: name.to_owned(),
            group: group_of(name),
            work,
            log,
            options,
            status,
        }
    }

    /// The same with offsets committed for another group than the one after its name.
    #[must_use]
    pub fn in_group(mut self, group: String) -> Self {
        self.group = group;
        self
    }

    /// The connector's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The consumer group whose offsets it commits.
    pub fn group(&self) -> &str {
        &self.group
    }

    /// What it says about itself, while it runs and after.
    pub fn status(&self) -> Arc<SinkStatus> {
        Arc::clone(&self.status)
    }

    /// Runs until `stop` is cancelled, then finishes what is in flight; or until the task fails, which leaves
    /// [`TaskState::Failed`] in the status. May be called again after it has ended.
    pub async fn run(&self, stop: CancellationToken) {
        let ended = EndsInSight {
            status: &self.status,
            done: false,
        };
        self.status.set_state(TaskState::Running);
        ended.with(self.work(stop).await);
    }

    async fn work(&self, stop: CancellationToken) -> Result<(), SinkError> {
        let opening = match &self.work {
            Work::Ready(ready) => return self.run_task(ready.clone(), stop).await,
            Work::Opening(opening) => opening,
        };
        let mut last: Option<TableChange> = None;
        let mut reopened = None;
        loop {
            let opened = self.open(opening, &stop).await?;
            let Some(opened) = opened else { return Ok(()) };
            let change = match self.run_task(Ready::new(opened), stop.clone()).await {
                Err(SinkError::TableFirst(change)) => change,
                Err(SinkError::Table(error @ TableError::Changed { .. })) => {
                    let (connector, reason) = (self.name(), with_causes(&error));
                    tracing::info!(connector, %reason, "a table of the sink has changed and is read anew");
                    self.breathe(&mut reopened).await;
                    continue;
                }
                ended => return ended,
            };
            if last.as_ref() == Some(&*change) {
                let name = table_of(&change).to_owned();
                return Err(SinkError::Open(OpenError::Unchanged(name)));
            }
            tracing::info!(
                connector = self.name,
                table = table_of(&change),
                "a table is created or changed for the sink"
            );
            let attempt = || opening.change((*change).clone());
            if self.as_often_as_it_takes(attempt, &stop).await?.is_none() {
                return Ok(());
            }
            last = Some(*change);
        }
    }

    /// Waits a little where tables were opened anew a moment ago: they may be in the middle of a change.
    async fn breathe(&self, reopened: &mut Option<Instant>) {
        let soon = |at: &Instant| at.elapsed() < self.options.longest_retry;
        if reopened.as_ref().is_some_and(soon) {
            tokio::time::sleep(self.options.first_retry).await;
        }
        *reopened = Some(Instant::now());
    }

    async fn run_task(&self, ready: Ready, stop: CancellationToken) -> Result<(), SinkError> {
        let consumer = self
            .log
            .subscribe(&self.group, ready.plan.topics().subscription());
        let delivery = Delivery {
            plan: ready.plan,
            tables: ready.tables,
            log: Arc::clone(&self.log),
            status: Arc::clone(&self.status),
            options: self.options,
            stop,
        };
        Task::new(Arc::new(delivery), consumer).run().await
    }

    /// Opens what the task needs. `None` if it was asked to stop first.
    async fn open(
        &self,
        opening: &Opening,
        stop: &CancellationToken,
    ) -> Result<Option<Opened>, SinkError> {
        let opened = self.as_often_as_it_takes(|| opening.open(), stop).await?;
        self.status.set_state(TaskState::Running);
        Ok(opened)
    }

    /// Asks the cluster; while it is away, again and again, and for a while also where it does not let us in. `None` if
    /// the task was asked to stop first.
    async fn as_often_as_it_takes<T>(
        &self,
        attempt: impl Fn() -> BoxFuture<'static, Result<T, OpenError>>,
        stop: &CancellationToken,
    ) -> Result<Option<T>, SinkError> {
        let mut backoff = Backoff::new(self.options.first_retry, self.options.longest_retry);
        let mut patience = Patience::default();
        loop {
            let answer = tokio::select! {
                biased;
                () = stop.cancelled() => return Ok(None),
                answer = attempt() => answer,
            };
            let error = match answer {
                Ok(answer) => return Ok(Some(answer)),
                Err(error) if patience.bears(&error, Instant::now()) => error,
                Err(error) => return Err(SinkError::Open(error)),
            };
            let (reason, wait) = (with_causes(&error), backoff.wait());
            tracing::warn!(connector = self.name, %reason, ?wait, "the sink waits for its cluster");
            self.status.retrying(reason);
            tokio::select! {
                () = tokio::time::sleep(wait) => {}
                () = stop.cancelled() => return Ok(None),
            }
        }
    }
}

fn table_of(change: &TableChange) -> &str {
    match change {
        TableChange::Create(table) => &table.name,
        TableChange::Add { table, .. } => &table.name,
    }
}

/// Makes sure that the status tells how the task ended, also if it panicked.
struct EndsInSight<'a> {
    status: &'a SinkStatus,
    done: bool,
}

impl EndsInSight<'_> {
    fn with(mut self, result: Result<(), SinkError>) {
        self.done = true;
        match result {
            Ok(()) => self.status.set_state(TaskState::Stopped),
            Err(error) => {
                let trace = with_causes(&error);
                tracing::error!(connector = self.status.name(), %trace, "the sink has failed");
                self.status.set_state(TaskState::Failed { trace });
            }
        }
    }
}

impl Drop for EndsInSight<'_> {
    fn drop(&mut self) {
        if !self.done {
            let state = if std::thread::panicking() {
                TaskState::Failed {
                    trace: SinkError::Panicked.to_string(),
                }
            } else {
                TaskState::Stopped
            };
            self.status.set_state(state);
        }
    }
}
