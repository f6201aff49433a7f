//! The one thread that writes the file: everything queued becomes one transaction.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use messina_connect::row::{CqlValue, Row};
use messina_connect::table_schema::TableSchema;
use parking_lot::{Condvar, Mutex};
use rusqlite::types::{ToSqlOutput, Value};
use rusqlite::{CachedStatement, Connection};
use tokio::sync::{OwnedSemaphorePermit, oneshot};

use super::bind::{bound, compare};
use super::declare::{declare, stored_keys};
use super::error::{DeclareError, WriteError};
use super::options::TableOptions;
use super::purge::{PurgeReport, delete_expired, shrink_a_little, shrink_wholly};
use super::statement::{UnsetMask, upsert};
use super::store::TableHandle;

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
struct Taken {
    writes: Vec<WriteJob>,
    request: Option<Request>,
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

    fn take(&self, group_rows: usize, wait: Duration) -> Taken {
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
    fn close(&self) {
        let mut state = self.state.lock();
        state.closed = true;
        state.jobs.clear();
    }
}

/// The thread's own state.
pub(super) struct Writer {
    connection: Connection,
    queue: Arc<Queue>,
    options: TableOptions,
    /// Tables with the delete statement of their purge.
    purges: Vec<(String, String)>,
    /// Wall-clock milliseconds of the next purge.
    purge_at: i64,
    /// Whether the last purge left expired rows, so that the next follows as soon as nothing waits to be written.
    purge_again: bool,
}

/// Closes the queue when the thread ends, also by a panic: nobody may wait for an answer that cannot come.
struct ClosesQueue(Arc<Queue>);

impl Drop for ClosesQueue {
    fn drop(&mut self) {
        self.0.close();
    }
}

impl Writer {
    pub(super) fn new(
        connection: Connection,
        queue: Arc<Queue>,
        options: TableOptions,
    ) -> rusqlite::Result<Self> {
        let mut writer = Self {
            connection,
            queue,
            options,
            purges: Vec::new(),
            purge_at: 0,
            purge_again: false,
        };
        writer.load_purges()?;
        Ok(writer)
    }

    /// Works until asked to close. What was queued before the request is written first.
    pub(super) fn run(mut self) {
        let _closes = ClosesQueue(Arc::clone(&self.queue));
        loop {
            let wait = if self.purge_again {
                Duration::ZERO
            } else {
                self.options.purge_interval
            };
            let taken = self.queue.take(self.options.group_rows, wait);
            if !taken.writes.is_empty() {
                self.write(taken.writes);
            }
            match taken.request {
                Some(Request::Close { reply }) => {
                    self.queue.close();
                    self.checkpoint();
                    drop(self);
                    if let Some(reply) = reply {
                        answer(reply, ());
                    }
                    return;
                }
                Some(Request::Declare { schema, reply }) => answer(reply, self.declare(&schema)),
                Some(Request::Purge { reply }) => answer(reply, self.purge_wholly()),
                None => {}
            }
            self.purge_if_due();
        }
    }

    fn declare(&mut self, schema: &TableSchema) -> Result<(), DeclareError> {
        declare(&mut self.connection, schema)?;
        self.load_purges().map_err(|source| DeclareError::Failed {
            table: schema.name.clone(),
            source,
        })
    }

    fn load_purges(&mut self) -> rusqlite::Result<()> {
        let tables = stored_keys(&self.connection)?;
        let with_statement = |(table, keys): (String, Vec<String>)| {
            let sql = delete_expired(&table, &keys);
            (table, sql)
        };
        self.purges = tables.into_iter().map(with_statement).collect();
        Ok(())
    }

    /// Writes all jobs in one transaction. If that fails, each in its own, so that each hears its own result.
    fn write(&mut self, jobs: Vec<WriteJob>) {
        let now = (self.options.now)();
        if write_group(&mut self.connection, &jobs, now).is_ok() {
            for job in jobs {
                answer(job.reply, Ok(()));
            }
            return;
        }
        for job in jobs {
            let alone = write_group(&mut self.connection, std::slice::from_ref(&job), now);
            answer(job.reply, alone);
        }
    }

    /// One step of purging, if it is time; a step that was not enough is followed by another soon.
    fn purge_if_due(&mut self) {
        let now = (self.options.now)();
        let interval = i64::try_from(self.options.purge_interval.as_millis()).unwrap_or(i64::MAX);
        // A clock set back must not put off purging for long.
        if now < self.purge_at && self.purge_at - now <= interval {
            return;
        }
        let step = i64::from(self.options.purge_rows);
        let mut more = false;
        for (table, sql) in &self.purges {
            match purge_step(&self.connection, sql, now, step) {
                Ok(deleted) => more |= deleted >= self.options.purge_rows as usize,
                Err(error) => {
                    tracing::warn!(table, %error, "Cannot purge expired rows; they stay hidden and are tried again");
                }
            }
        }
        match shrink_a_little(&self.connection) {
            Ok(pages) => more |= pages > 0,
            Err(error) => {
                tracing::warn!(%error, "Cannot give free pages of the table file back; it is tried again");
            }
        }
        self.purge_again = more;
        self.purge_at = if more {
            now
        } else {
            now.saturating_add(interval)
        };
    }

    /// Deletes everything expired and gives all free space back.
    fn purge_wholly(&mut self) -> Result<PurgeReport, WriteError> {
        let now = (self.options.now)();
        let step = i64::from(self.options.purge_rows);
        let mut report = PurgeReport::default();
        for (table, sql) in &self.purges {
            loop {
                let deleted = purge_step(&self.connection, sql, now, step)
                    .map_err(|source| WriteError::from_sqlite(table, None, source))?;
                report.rows += deleted as u64;
                if deleted == 0 {
                    break;
                }
            }
        }
        report.pages = shrink_wholly(&self.connection)
            .map_err(|source| WriteError::from_sqlite("", None, source))?;
        self.checkpoint();
        Ok(report)
    }

    /// Moves the write-ahead file into the table file. A reader may hold it up; then it stays for the next time.
    fn checkpoint(&self) {
        let moved = self
            .connection
            .query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()));
        if let Err(error) = moved {
            tracing::warn!(%error, "Cannot move the table's write-ahead file into the table file; its rows are safe in it");
        }
    }
}

/// The asker may have gone away, which is no failure of the work.
fn answer<T>(reply: oneshot::Sender<T>, result: T) {
    drop(reply.send(result));
}

fn purge_step(connection: &Connection, sql: &str, now: i64, limit: i64) -> rusqlite::Result<usize> {
    connection.prepare_cached(sql)?.execute([now, limit])
}

/// One transaction with all rows of `jobs`, each table's rows in the order of its key.
fn write_group(connection: &mut Connection, jobs: &[WriteJob], now: i64) -> Result<(), WriteError> {
    let table = jobs.first().map_or("", |job| job.table.name());
    let unavailable = |source| WriteError::from_sqlite(table, None, source);
    let transaction = connection
        .transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)
        .map_err(unavailable)?;
    for (table, mut rows) in rows_by_table(jobs) {
        rows.sort_by(|(_, left), (_, right)| {
            let by_column =
                |column: &usize| match (left.values.get(*column), right.values.get(*column)) {
                    (Some(left), Some(right)) => compare(left, right),
                    _ => std::cmp::Ordering::Equal,
                };
            table
                .key_columns()
                .iter()
                .map(by_column)
                .find(|order| order.is_ne())
                .unwrap_or(std::cmp::Ordering::Equal)
        });
        write_rows(&transaction, table, &rows, now)?;
    }
    transaction.commit().map_err(unavailable)
}

type IndexedRow<'a> = (usize, &'a Row);

/// Each table's rows, with the index of each within its own batch.
fn rows_by_table(jobs: &[WriteJob]) -> Vec<(&TableHandle, Vec<IndexedRow<'_>>)> {
    let mut tables: Vec<(&TableHandle, Vec<IndexedRow<'_>>)> = Vec::new();
    for job in jobs {
        let rows = job.rows.iter().enumerate();
        match tables
            .iter_mut()
            .find(|(table, _)| table.is_same(&job.table))
        {
            Some((_, known)) => known.extend(rows),
            None => tables.push((&job.table, rows.collect())),
        }
    }
    tables
}

fn write_rows(
    connection: &Connection,
    table: &TableHandle,
    rows: &[IndexedRow<'_>],
    now: i64,
) -> Result<(), WriteError> {
    let name = table.name();
    let mut prepared: Option<(UnsetMask, CachedStatement<'_>)> = None;
    for (index, row) in rows {
        let unset = unset_mask(row);
        let statement = match &mut prepared {
            Some((mask, statement)) if *mask == unset => statement,
            other => {
                let sql = upsert(table.schema(), unset);
                let statement = connection
                    .prepare_cached(&sql)
                    .map_err(|source| WriteError::from_sqlite(name, None, source))?;
                &mut other.insert((unset, statement)).1
            }
        };
        write_row(statement, table, row, unset, now)
            .map_err(|source| WriteError::from_sqlite(name, Some(*index), source))?;
    }
    Ok(())
}

fn unset_mask(row: &Row) -> UnsetMask {
    let unset = |(index, value): (usize, &CqlValue)| {
        UnsetMask::from(matches!(value, CqlValue::Unset)) << index
    };
    row.values
        .iter()
        .enumerate()
        .map(unset)
        .fold(0, |mask, bit| mask | bit)
}

fn write_row(
    statement: &mut CachedStatement<'_>,
    table: &TableHandle,
    row: &Row,
    unset: UnsetMask,
    now: i64,
) -> rusqlite::Result<()> {
    let mut parameter = 1;
    for value in row
        .values
        .iter()
        .filter(|value| !matches!(value, CqlValue::Unset))
    {
        statement.raw_bind_parameter(parameter, bound(value))?;
        parameter += 1;
    }
    let expires = match row
        .ttl_seconds
        .map(u64::from)
        .or(table.default_ttl_seconds())
    {
        None | Some(0) => Value::Null,
        Some(ttl) => Value::Integer(expiry(now, ttl)),
    };
    statement.raw_bind_parameter(parameter, ToSqlOutput::Owned(expires))?;
    statement.raw_bind_parameter(parameter + 1, row.write_timestamp)?;
    if unset != 0 {
        statement.raw_bind_parameter(parameter + 2, now)?;
    }
    statement.raw_execute()?;
    Ok(())
}

/// Milliseconds, although shelf lives are seconds: rows written later then always expire later, and the expiry
/// index grows at its end instead of touching a page for each row.
fn expiry(now: i64, ttl_seconds: u64) -> i64 {
    let ttl = i64::try_from(ttl_seconds).unwrap_or(i64::MAX);
    now.saturating_add(ttl.saturating_mul(1_000))
}
