//! The store's handle: what the sink, the tools and the console hold.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;

use messina_connect::table_schema::TableSchema;
use parking_lot::{Mutex, RwLock};
use tokio::sync::{Semaphore, oneshot};

use super::error::{DeclareError, OpenError, QueryError, WriteError};
use super::file::{open_connection, refused};
use super::handle::{TableHandle, WriteBatch};
use super::options::{QueryLimits, TableOptions};
use super::purge::PurgeReport;
use super::query::{QueryResult, Reader, quick_check};
use super::queue::{Job, Queue, Request, WriteJob};
use super::writer::Writer;

/// The embedded tables of one file. Cloning is cheap; the last clone's end closes the file.
#[derive(Clone)]
pub struct TableStore {
    shared: Arc<Shared>,
}

struct Shared {
    path: PathBuf,
    options: TableOptions,
    queue: Arc<Queue>,
    shares: Arc<Semaphore>,
    tables: RwLock<Vec<TableHandle>>,
    readers: Mutex<Vec<Reader>>,
    reading: Semaphore,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl TableStore {
    /// Opens or creates the file and starts the thread that writes it.
    pub fn open(path: &Path, options: TableOptions) -> Result<Self, OpenError> {
        let connection = open_connection(path, &options)?;
        let queue = Arc::new(Queue::default());
        let writer = Writer::new(connection, Arc::clone(&queue), options.clone())
            .map_err(|error| refused(path, error))?;
        let thread = std::thread::Builder::new()
            .name("messina-table".to_owned())
            .spawn(move || writer.run())
            .map_err(|source| OpenError::Thread {
                path: path.to_owned(),
                source,
            })?;
        let shared = Shared {
            path: path.to_owned(),
            shares: Arc::new(Semaphore::new(options.queue_rows as usize)),
            reading: Semaphore::new(options.readers as usize),
            queue,
            options,
            tables: RwLock::default(),
            readers: Mutex::default(),
            thread: Mutex::new(Some(thread)),
        };
        Ok(Self {
            shared: Arc::new(shared),
        })
    }

    /// Makes the file hold this table: creates it, checks that it fits, or adds the columns it does not have yet.
    pub async fn declare(&self, schema: &TableSchema) -> Result<TableHandle, DeclareError> {
        let schema = Arc::new(schema.clone());
        let (reply, answer) = oneshot::channel();
        self.request(Request::Declare {
            schema: Arc::clone(&schema),
            reply,
        })
        .map_err(|_closed| DeclareError::Closed)?;
        answer.await.map_err(|_gone| DeclareError::Closed)??;
        let handle = TableHandle::new(&schema);
        let mut tables = self.shared.tables.write();
        tables.retain(|known| known.name() != handle.name());
        tables.push(handle.clone());
        Ok(handle)
    }

    /// The tables declared since the store was opened.
    pub fn tables(&self) -> Vec<TableHandle> {
        self.shared.tables.read().clone()
    }

    /// Writes a batch, all or nothing; returns when it is durable. Waits while the queue is full.
    pub async fn write(&self, batch: WriteBatch) -> Result<(), WriteError> {
        for (index, row) in batch.rows.iter().enumerate() {
            if let Some(problem) = batch.table.problem(row) {
                return Err(WriteError::Row {
                    table: batch.table.name().to_owned(),
                    index,
                    problem,
                });
            }
        }
        let share = u32::try_from(batch.rows.len())
            .unwrap_or(u32::MAX)
            .min(self.shared.options.queue_rows);
        let share = Arc::clone(&self.shared.shares)
            .acquire_many_owned(share)
            .await;
        let share = share.map_err(|_closed| WriteError::Closed)?;
        let (reply, answer) = oneshot::channel();
        let job = WriteJob {
            table: batch.table,
            rows: batch.rows,
            reply,
            _share: share,
        };
        self.shared
            .queue
            .push(Job::Write(job))
            .map_err(|_refused| WriteError::Closed)?;
        answer.await.map_err(|_gone| WriteError::Closed)?
    }

    /// Runs one SELECT while writing goes on. Expired rows are not seen.
    pub async fn query(&self, sql: &str, limits: QueryLimits) -> Result<QueryResult, QueryError> {
        let _turn = self
            .shared
            .reading
            .acquire()
            .await
            .map_err(|_closed| QueryError::Closed)?;
        let pooled = self.shared.readers.lock().pop();
        let reader = match pooled {
            Some(reader) => reader,
            None => Reader::open(&self.shared.path, &self.shared.options.now)
                .map_err(|source| QueryError::Failed { source })?,
        };
        let stop = reader.stop_flag();
        stop.store(false, Ordering::Relaxed);
        // A caller that goes away stops its query.
        let stops = StopsOnDrop(Arc::clone(&stop));
        let sql = sql.to_owned();
        let mut work = tokio::task::spawn_blocking(move || {
            let result = reader.run(&sql, &limits);
            (reader, result)
        });
        let mut timed_out = false;
        let done = tokio::select! {
            done = &mut work => done,
            () = tokio::time::sleep(limits.timeout) => {
                timed_out = true;
                stop.store(true, Ordering::Relaxed);
                work.await
            }
        };
        let (reader, result) = done.map_err(|_panicked| QueryError::Closed)?;
        drop(stops);
        self.shared.readers.lock().push(reader);
        match result {
            Err(_) if timed_out => Err(QueryError::TimedOut {
                timeout: limits.timeout,
            }),
            result => result,
        }
    }

    /// Deletes all expired rows now and gives their space back to the file system.
    pub async fn purge(&self) -> Result<PurgeReport, WriteError> {
        let (reply, answer) = oneshot::channel();
        self.request(Request::Purge { reply })
            .map_err(|_closed| WriteError::Closed)?;
        answer.await.map_err(|_gone| WriteError::Closed)?
    }

    /// SQLite's own check of the whole file: what is wrong, nothing if all is well. Reads the whole file.
    pub async fn quick_check(&self) -> Result<Vec<String>, QueryError> {
        let path = self.shared.path.clone();
        let work = tokio::task::spawn_blocking(move || quick_check(&path));
        work.await.map_err(|_panicked| QueryError::Closed)?
    }

    /// Writes what is queued, moves the write-ahead file into the table file, and closes it for all clones.
    pub async fn close(self) {
        let (reply, answer) = oneshot::channel();
        if self.request(Request::Close { reply: Some(reply) }).is_ok() {
            // No answer means that the thread is gone already: then there is nothing left to wait for.
            drop(answer.await);
        }
        self.shared.readers.lock().clear();
    }

    fn request(&self, request: Request) -> Result<(), Box<Job>> {
        self.shared.queue.push(Job::Request(request))
    }
}

impl std::fmt::Debug for TableStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TableStore")
            .field("path", &self.shared.path)
            .finish_non_exhaustive()
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        // A closed queue gives the request back: the thread has ended or is about to.
        drop(
            self.queue
                .push(Job::Request(Request::Close { reply: None })),
        );
        if let Some(thread) = self.thread.lock().take()
            && thread.join().is_err()
        {
            tracing::error!(path = %self.path.display(), "The thread that writes the table file panicked");
        }
    }
}

struct StopsOnDrop(Arc<AtomicBool>);

impl Drop for StopsOnDrop {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}
