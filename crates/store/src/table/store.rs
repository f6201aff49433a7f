//! The store's handle: what the sink, the tools and the console hold.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use messina_connect::row::{CqlValue, Row};
use messina_connect::table_schema::TableSchema;
use parking_lot::{Mutex, RwLock};
use rusqlite::Connection;
use rusqlite::functions::FunctionFlags;
use tokio::sync::{Semaphore, oneshot};

use super::declare::CREATE_COLUMNS;
use super::error::{DeclareError, OpenError, QueryError, WriteError};
use super::options::{NowMillis, QueryLimits, TableOptions};
use super::purge::PurgeReport;
use super::query::{QueryResult, Reader, quick_check};
use super::writer::{Job, Queue, Request, WriteJob, Writer};

/// "MSNA", in the file's header.
const APPLICATION_ID: i32 = 0x4d53_4e41;

/// The format this program writes.
const FORMAT: i32 = 1;

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

/// A declared table. Cloning is cheap.
#[derive(Debug, Clone)]
pub struct TableHandle {
    table: Arc<DeclaredTable>,
}

#[derive(Debug)]
struct DeclaredTable {
    schema: Arc<TableSchema>,
    key_columns: Vec<usize>,
    default_ttl_seconds: Option<u64>,
}

/// Rows for one table. Cloning shares the rows, so that a batch can be tried again.
#[derive(Debug, Clone)]
pub struct WriteBatch {
    /// The table.
    pub table: TableHandle,
    /// The rows, written in this order where two have one key.
    pub rows: Arc<Vec<Row>>,
}

impl TableHandle {
    fn new(schema: &Arc<TableSchema>) -> Self {
        let clustering = schema.clustering_key.iter().map(|(column, _)| *column);
        // A shelf life below a second is a second: 0 would mean for ever.
        let seconds = |ttl: Duration| ttl.as_secs() + u64::from(ttl.subsec_nanos() > 0);
        let table = DeclaredTable {
            schema: Arc::clone(schema),
            key_columns: schema
                .partition_key
                .iter()
                .copied()
                .chain(clustering)
                .collect(),
            default_ttl_seconds: schema.default_ttl.map(seconds),
        };
        Self {
            table: Arc::new(table),
        }
    }

    /// The table as declared.
    pub fn schema(&self) -> &Arc<TableSchema> {
        &self.table.schema
    }

    /// The table's name.
    pub fn name(&self) -> &str {
        &self.table.schema.name
    }

    pub(super) fn key_columns(&self) -> &[usize] {
        &self.table.key_columns
    }

    pub(super) fn default_ttl_seconds(&self) -> Option<u64> {
        self.table.default_ttl_seconds
    }

    pub(super) fn is_same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.table, &other.table)
    }

    /// Why `row` can never be written, if so.
    fn problem(&self, row: &Row) -> Option<String> {
        let columns = &self.table.schema.columns;
        if row.values.len() != columns.len() {
            return Some(format!(
                "it has {} values, the table has {} columns",
                row.values.len(),
                columns.len()
            ));
        }
        let empty = |index: &&usize| {
            matches!(
                row.values.get(**index),
                None | Some(CqlValue::Null | CqlValue::Unset)
            )
        };
        let column = self.table.key_columns.iter().find(empty)?;
        let name = columns.get(*column).map_or("?", |column| &column.name);
        Some(format!("key column `{name}` has no value"))
    }
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

/// Lets `unixepoch()`, which the views ask for the time, read our clock.
pub(super) fn override_clock(connection: &Connection, now: &NowMillis) -> rusqlite::Result<()> {
    let now = Arc::clone(now);
    // "Deterministic" makes SQLite call it once for each run of a statement.
    let flags = FunctionFlags::SQLITE_UTF8
        | FunctionFlags::SQLITE_DETERMINISTIC
        | FunctionFlags::SQLITE_INNOCUOUS;
    connection.create_scalar_function("unixepoch", 0, flags, move |_| Ok(now().div_euclid(1_000)))
}

fn open_connection(path: &Path, options: &TableOptions) -> Result<Connection, OpenError> {
    let connection = Connection::open(path).map_err(|error| refused(path, error))?;
    match identify(&connection).map_err(|error| refused(path, error))? {
        Identity::Empty | Identity::Ours(FORMAT) => {}
        Identity::Ours(found) => {
            return Err(OpenError::Newer {
                path: path.to_owned(),
                found,
                known: FORMAT,
            });
        }
        Identity::Foreign => {
            return Err(OpenError::Foreign {
                path: path.to_owned(),
            });
        }
    }
    prepare_file(&connection, options).map_err(|error| refused(path, error))?;
    Ok(connection)
}

enum Identity {
    Empty,
    Ours(i32),
    Foreign,
}

fn identify(connection: &Connection) -> rusqlite::Result<Identity> {
    connection.busy_timeout(Duration::from_secs(5))?;
    let application: i32 = connection.query_row("PRAGMA application_id", [], |row| row.get(0))?;
    if application == APPLICATION_ID {
        return connection
            .query_row("PRAGMA user_version", [], |row| row.get(0))
            .map(Identity::Ours);
    }
    let objects: i64 =
        connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    Ok(if objects == 0 && application == 0 {
        Identity::Empty
    } else {
        Identity::Foreign
    })
}

fn prepare_file(connection: &Connection, options: &TableOptions) -> rusqlite::Result<()> {
    // auto_vacuum must be set before the first page is written.
    connection.execute_batch(&format!(
        "PRAGMA auto_vacuum = INCREMENTAL;
         PRAGMA journal_mode = WAL;
         PRAGMA synchronous = FULL;
         PRAGMA wal_autocheckpoint = 16000;
         PRAGMA journal_size_limit = 67108864;
         PRAGMA cache_size = -{};
         BEGIN IMMEDIATE;
         PRAGMA application_id = {APPLICATION_ID};
         PRAGMA user_version = {FORMAT};
         {CREATE_COLUMNS};
         COMMIT;",
        options.cache_kib
    ))?;
    if let Some(bytes) = options.max_bytes {
        let page_size: i64 = connection.query_row("PRAGMA page_size", [], |row| row.get(0))?;
        let pages = i64::try_from(bytes).unwrap_or(i64::MAX) / page_size.max(1);
        connection.query_row(&format!("PRAGMA max_page_count = {pages}"), [], |_| Ok(()))?;
    }
    connection.set_prepared_statement_cache_capacity(64);
    override_clock(connection, &options.now)
}

/// Tells a damaged file from one that cannot be opened.
fn refused(path: &Path, source: rusqlite::Error) -> OpenError {
    let path = path.to_owned();
    match source.sqlite_error_code() {
        Some(rusqlite::ErrorCode::NotADatabase | rusqlite::ErrorCode::DatabaseCorrupt) => {
            OpenError::Damaged { path, source }
        }
        _ => OpenError::Open { path, source },
    }
}
