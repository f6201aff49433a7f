//! SELECTs on connections that can do nothing else.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::Bytes;
use rusqlite::hooks::{AuthAction, AuthContext, Authorization};
use rusqlite::limits::Limit;
use rusqlite::types::ValueRef;
use rusqlite::{Connection, OpenFlags};

use super::error::QueryError;
use super::file::override_clock;
use super::options::{NowMillis, QueryLimits};

/// A result column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueryColumn {
    /// Its name or alias.
    pub name: String,
    /// The declared type where the column comes from a table unchanged: `TIMESTAMP` is milliseconds since 1970.
    pub declared_type: Option<String>,
}

/// A value of a result.
#[derive(Debug, Clone, PartialEq)]
pub enum QueryValue {
    /// No value.
    Null,
    /// An integer; booleans are 0 and 1.
    Integer(i64),
    /// A floating point number.
    Real(f64),
    /// Text.
    Text(String),
    /// Bytes.
    Blob(Bytes),
}

/// What a query found.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct QueryResult {
    /// The columns in order.
    pub columns: Vec<QueryColumn>,
    /// The rows, one value for each column.
    pub rows: Vec<Vec<QueryValue>>,
    /// True if a limit cut the rows off.
    pub truncated: bool,
}

/// Virtual machine steps between two looks at the stop flag: well under a millisecond.
const STEPS_BETWEEN_LOOKS: i32 = 2_000;

/// Largest text, blob or row a query may build.
const MAX_VALUE_BYTES: i32 = 16 * 1024 * 1024;

/// A connection that can only read.
pub(super) struct Reader {
    connection: Connection,
    stop: Arc<AtomicBool>,
}

impl Reader {
    pub(super) fn open(path: &Path, now: &NowMillis) -> rusqlite::Result<Self> {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let mut connection = Connection::open_with_flags(path, flags)?;
        connection.busy_timeout(std::time::Duration::from_secs(2))?;
        connection.execute_batch(
            "PRAGMA query_only = ON; PRAGMA cache_size = -4096; PRAGMA trusted_schema = OFF;",
        )?;
        override_clock(&connection, now)?;
        connection.set_limit(Limit::SQLITE_LIMIT_LENGTH, MAX_VALUE_BYTES)?;
        connection.set_limit(Limit::SQLITE_LIMIT_ATTACHED, 0)?;
        connection.set_limit(Limit::SQLITE_LIMIT_WORKER_THREADS, 0)?;
        let stop = Arc::new(AtomicBool::new(false));
        let seen = Arc::clone(&stop);
        connection.progress_handler(
            STEPS_BETWEEN_LOOKS,
            Some(move || seen.load(Ordering::Relaxed)),
        )?;
        connection.authorizer(Some(authorize))?;
        Ok(Self { connection, stop })
    }

    /// The flag that stops the running query when set.
    pub(super) fn stop_flag(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.stop)
    }

    /// Runs one SELECT. The stop flag must have been cleared by who set it.
    pub(super) fn run(&self, sql: &str, limits: &QueryLimits) -> Result<QueryResult, QueryError> {
        let mut statement = self
            .connection
            .prepare(sql)
            .map_err(QueryError::from_sqlite)?;
        if statement.column_count() == 0 {
            return Err(QueryError::Statement {
                message: "a SELECT is needed".to_owned(),
            });
        }
        let columns = statement
            .columns()
            .map(|column| QueryColumn {
                name: column.name().to_owned(),
                declared_type: column.decl_type().map(str::to_owned),
            })
            .collect::<Vec<_>>();
        let mut result = QueryResult {
            columns,
            ..QueryResult::default()
        };
        let mut bytes_left = limits.max_bytes;
        let mut rows = statement.query([]).map_err(QueryError::from_sqlite)?;
        while let Some(row) = rows.next().map_err(QueryError::from_sqlite)? {
            if result.rows.len() == limits.max_rows {
                result.truncated = true;
                break;
            }
            let mut values = Vec::with_capacity(result.columns.len());
            for index in 0..result.columns.len() {
                values.push(value(row.get_ref(index).map_err(QueryError::from_sqlite)?));
            }
            let size: usize = values.iter().map(size_of_value).sum();
            let Some(left) = bytes_left.checked_sub(size) else {
                result.truncated = true;
                break;
            };
            bytes_left = left;
            result.rows.push(values);
        }
        Ok(result)
    }
}

/// SQLite's own check of the whole file: what is wrong, nothing if all is well.
pub(super) fn quick_check(path: &Path) -> Result<Vec<String>, QueryError> {
    let found = || -> rusqlite::Result<Vec<String>> {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(path, flags)?;
        let mut statement = connection.prepare("PRAGMA quick_check(100)")?;
        statement
            .query_map([], |row| row.get::<_, String>(0))?
            .collect()
    };
    let lines = found().map_err(|source| QueryError::Failed { source })?;
    Ok(lines.into_iter().filter(|line| line != "ok").collect())
}

/// Lets a SELECT read, and nothing else.
fn authorize(context: AuthContext<'_>) -> Authorization {
    match context.action {
        AuthAction::Select | AuthAction::Read { .. } | AuthAction::Recursive => {
            Authorization::Allow
        }
        AuthAction::Function { function_name } if function_name != "load_extension" => {
            Authorization::Allow
        }
        _ => Authorization::Deny,
    }
}

fn value(value: ValueRef<'_>) -> QueryValue {
    match value {
        ValueRef::Null => QueryValue::Null,
        ValueRef::Integer(integer) => QueryValue::Integer(integer),
        ValueRef::Real(real) => QueryValue::Real(real),
        ValueRef::Text(text) => QueryValue::Text(String::from_utf8_lossy(text).into_owned()),
        ValueRef::Blob(blob) => QueryValue::Blob(Bytes::copy_from_slice(blob)),
    }
}

fn size_of_value(value: &QueryValue) -> usize {
    size_of::<QueryValue>()
        + match value {
            QueryValue::Text(text) => text.len(),
            QueryValue::Blob(blob) => blob.len(),
            QueryValue::Null | QueryValue::Integer(_) | QueryValue::Real(_) => 0,
        }
}
