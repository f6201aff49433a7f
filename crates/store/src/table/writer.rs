//! The one thread that writes the file: everything queued becomes one transaction.

use std::sync::Arc;
use std::time::Duration;

use messina_connect::table_schema::TableSchema;
use rusqlite::Connection;
use tokio::sync::oneshot;

use super::declare::{declare, stored_keys};
use super::error::{DeclareError, WriteError};
use super::options::TableOptions;
use super::purge::{PurgeReport, delete_expired, shrink_a_little, shrink_wholly};
use super::queue::{Queue, Request, WriteJob};
use super::transaction::write_group;

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
