//! What can go wrong with the embedded table, by what the caller does about it.

use std::path::PathBuf;
use std::time::Duration;

use rusqlite::ErrorCode;

/// The file cannot be used as a table store.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The file system or SQLite refused.
    #[error("cannot open the table file `{path}`", path = path.display())]
    Open {
        /// The file.
        path: PathBuf,
        /// SQLite's reason.
        source: rusqlite::Error,
    },
    /// The content is damaged, or is no SQLite database.
    #[error("the table file `{path}` is damaged or is no table file; move it away, or restore it from a backup", path = path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// SQLite's reason.
        source: rusqlite::Error,
    },
    /// A SQLite database of another program.
    #[error("`{path}` is a SQLite database of another program; name another file", path = path.display())]
    Foreign {
        /// The file.
        path: PathBuf,
    },
    /// Written by a newer Messina.
    #[error("the table file `{path}` has format {found}, this program knows formats up to {known}; use a newer one", path = path.display())]
    Newer {
        /// The file.
        path: PathBuf,
        /// The format found.
        found: i32,
        /// The newest format known.
        known: i32,
    },
    /// The writing thread could not be started.
    #[error("cannot start the thread that writes the table file `{path}`", path = path.display())]
    Thread {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        source: std::io::Error,
    },
}

/// A table cannot be declared.
#[derive(Debug, thiserror::Error)]
pub enum DeclareError {
    /// The declaration itself cannot be stored.
    #[error("table `{table}` cannot be declared: {problem}")]
    Unsuitable {
        /// The table.
        table: String,
        /// What stands against it.
        problem: String,
    },
    /// A table of this name exists and is another one.
    #[error("table `{table}` exists and does not fit its declaration: {}", differences.join("; "))]
    Differs {
        /// The table.
        table: String,
        /// Every difference found.
        differences: Vec<String>,
    },
    /// SQLite failed.
    #[error("cannot declare table `{table}`")]
    Failed {
        /// The table.
        table: String,
        /// SQLite's reason.
        source: rusqlite::Error,
    },
    /// The store is closed, or its writing thread is gone.
    #[error("the table store is closed")]
    Closed,
}

/// A batch was not written. Nothing of it is in the table.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// One row can never be written; the others could be.
    #[error("row {index} of the batch cannot be written to table `{table}`: {problem}")]
    Row {
        /// The table.
        table: String,
        /// The row's index within the batch.
        index: usize,
        /// What is wrong with it.
        problem: String,
    },
    /// The same batch may succeed later: the disk is full or failing, or another program holds the file.
    #[error("table `{table}` cannot be written now")]
    Unavailable {
        /// The table.
        table: String,
        /// SQLite's reason.
        source: rusqlite::Error,
    },
    /// No retry helps: the file is damaged or read-only.
    #[error("table `{table}` cannot be written")]
    Broken {
        /// The table.
        table: String,
        /// SQLite's reason.
        source: rusqlite::Error,
    },
    /// The store is closed, or its writing thread is gone.
    #[error("the table store is closed")]
    Closed,
}

impl WriteError {
    /// Sorts SQLite's failure by what the caller can do; `row` is the row that was being written.
    pub(super) fn from_sqlite(table: &str, row: Option<usize>, source: rusqlite::Error) -> Self {
        let table = table.to_owned();
        match (source.sqlite_error_code(), row) {
            (
                Some(ErrorCode::TooBig | ErrorCode::TypeMismatch | ErrorCode::ConstraintViolation),
                Some(index),
            ) => Self::Row {
                table,
                index,
                problem: source.to_string(),
            },
            (
                Some(
                    ErrorCode::DiskFull
                    | ErrorCode::SystemIoFailure
                    | ErrorCode::DatabaseBusy
                    | ErrorCode::DatabaseLocked
                    | ErrorCode::OutOfMemory
                    | ErrorCode::CannotOpen
                    | ErrorCode::OperationInterrupted
                    | ErrorCode::FileLockingProtocolFailed
                    | ErrorCode::SchemaChanged,
                ),
                _,
            ) => Self::Unavailable { table, source },
            _ => Self::Broken { table, source },
        }
    }
}

/// A query gave no result.
#[derive(Debug, thiserror::Error)]
pub enum QueryError {
    /// The statement is wrong, or is not a SELECT.
    #[error("{message}")]
    Statement {
        /// What SQLite says about it.
        message: String,
    },
    /// The time limit passed.
    #[error("the query took longer than {} s and was stopped; narrow it, or raise its time limit", timeout.as_secs_f64())]
    TimedOut {
        /// The limit.
        timeout: Duration,
    },
    /// The file could not be read.
    #[error("cannot read the table file")]
    Failed {
        /// SQLite's reason.
        source: rusqlite::Error,
    },
    /// The store is closed.
    #[error("the table store is closed")]
    Closed,
}

impl QueryError {
    /// Sorts SQLite's failure: the statement's fault or the file's.
    pub(super) fn from_sqlite(source: rusqlite::Error) -> Self {
        match source.sqlite_error_code() {
            Some(
                ErrorCode::SystemIoFailure
                | ErrorCode::DatabaseCorrupt
                | ErrorCode::NotADatabase
                | ErrorCode::CannotOpen
                | ErrorCode::DatabaseBusy
                | ErrorCode::DatabaseLocked
                | ErrorCode::OutOfMemory
                | ErrorCode::DiskFull,
            ) => Self::Failed { source },
            _ => Self::Statement {
                message: statement_message(&source),
            },
        }
    }
}

/// The text an operator should read: SQLite's own, with ours where its says too little.
fn statement_message(error: &rusqlite::Error) -> String {
    match error {
        rusqlite::Error::MultipleStatement => "one statement at a time".to_owned(),
        rusqlite::Error::SqlInputError {
            msg, sql, offset, ..
        } => {
            let at = usize::try_from(*offset)
                .ok()
                .and_then(|offset| sql.get(offset..));
            match at {
                Some(rest) if !rest.is_empty() => {
                    let shown: String = rest.chars().take(40).collect();
                    format!("{msg}, at `{shown}`")
                }
                _ => msg.clone(),
            }
        }
        other if other.sqlite_error_code() == Some(ErrorCode::AuthorizationForStatementDenied) => {
            "only SELECT is allowed here: the table is written by sinks alone".to_owned()
        }
        other => other.to_string(),
    }
}
