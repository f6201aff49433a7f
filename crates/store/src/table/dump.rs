//! A table file read from outside, row by row with all that is kept of a row: for who carries it somewhere else.

use std::ops::ControlFlow;
use std::path::Path;

use bytes::Bytes;
use messina_connect::cql_type::CqlType;
use messina_connect::table_schema::{ClusteringOrder, TableColumn, TableSchema};
use rusqlite::types::{Value, ValueRef};
use rusqlite::{Connection, OpenFlags, Row};

use super::column::quoted;
use super::declare::{Role, StoredColumn, stored_columns, stored_keys};
use super::error::OpenError;
use super::file::refused;
use super::options::NowMillis;
use super::query::QueryValue;
use super::statement::rows_table;

/// A table file that is only read. Whoever writes to it meanwhile is not disturbed.
pub struct TableDump {
    connection: Connection,
    now: NowMillis,
}

/// A table of the file, as the file remembers it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DumpedTable {
    /// Its columns and keys; shelf life is of each row, and no longer known of the table.
    pub schema: TableSchema,
    /// Rows in it whose shelf life has not ended.
    pub rows: u64,
    /// Rows in it whose shelf life has ended, and which nobody has removed yet.
    pub expired: u64,
}

/// A row of the file.
#[derive(Debug, Clone, PartialEq)]
pub struct DumpedRow {
    /// One value for each column.
    pub values: Vec<QueryValue>,
    /// When its shelf life ends, ms since 1970; `None` never.
    pub expires: Option<i64>,
    /// Its write timestamp, microseconds since 1970.
    pub written: i64,
}

/// The file cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum DumpError {
    /// It is not a table file of ours.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// SQLite says no.
    #[error("cannot read table `{table}`")]
    Read {
        /// The table.
        table: String,
        /// SQLite's reason.
        source: rusqlite::Error,
    },
    /// A column has a type that this program does not know.
    #[error(
        "column `{column}` of table `{table}` has the type `{found}`, which this program does not know"
    )]
    Type {
        /// The table.
        table: String,
        /// The column.
        column: String,
        /// The type.
        found: String,
    },
}

impl TableDump {
    /// Opens a file for reading.
    pub fn open(path: &Path, now: NowMillis) -> Result<Self, DumpError> {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let opened = Connection::open_with_flags(path, flags).and_then(|connection| {
            connection.busy_timeout(std::time::Duration::from_secs(5))?;
            // What is not a database says so at the first look into it.
            connection.query_row("SELECT count(*) FROM \"__messina_columns\"", [], |_| Ok(()))?;
            Ok(connection)
        });
        let connection = opened.map_err(|error| refused(path, error))?;
        Ok(Self { connection, now })
    }

    /// Every table, by name.
    pub fn tables(&self) -> Result<Vec<DumpedTable>, DumpError> {
        let keys = stored_keys(&self.connection).map_err(|source| failed("", source))?;
        let names = keys.into_iter().map(|(name, _)| name);
        names.map(|name| self.table(name)).collect()
    }

    fn table(&self, name: String) -> Result<DumpedTable, DumpError> {
        let columns =
            stored_columns(&self.connection, &name).map_err(|source| failed(&name, source))?;
        let count = format!(
            "SELECT count(*), count(*) FILTER (WHERE \"__expires\" <= ?1) FROM {}",
            rows_table(&name)
        );
        let both = |row: &Row<'_>| Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?));
        let counted = self.connection.query_row(&count, [(self.now)()], both);
        let (all, expired) = counted.map_err(|source| failed(&name, source))?;
        Ok(DumpedTable {
            schema: schema(name, columns)?,
            rows: u64::try_from(all - expired).unwrap_or_default(),
            expired: u64::try_from(expired).unwrap_or_default(),
        })
    }

    /// Gives every row of a table to `take`, in the order of the primary key, until it has enough; expired ones too.
    /// `after` is the key of the last row that was taken before.
    pub fn rows(
        &self,
        table: &TableSchema,
        after: Option<&[QueryValue]>,
        take: &mut dyn FnMut(DumpedRow) -> ControlFlow<()>,
    ) -> Result<(), DumpError> {
        let failed = |source| failed(&table.name, source);
        let names: Vec<String> = table
            .columns
            .iter()
            .map(|column| quoted(&column.name))
            .collect();
        let condition = if after.is_some() {
            format!("WHERE {}", behind(table))
        } else {
            String::new()
        };
        let select = format!(
            "SELECT {}, \"__expires\", \"__written\" FROM {} {condition} ORDER BY {}",
            names.join(", "),
            rows_table(&table.name),
            order(table),
        );
        let mut statement = self.connection.prepare(&select).map_err(failed)?;
        let key = after.unwrap_or_default().iter().map(stored);
        let mut rows = statement
            .query(rusqlite::params_from_iter(key))
            .map_err(failed)?;
        while let Some(row) = rows.next().map_err(failed)? {
            let row = dumped(row, names.len()).map_err(failed)?;
            if take(row).is_break() {
                break;
            }
        }
        Ok(())
    }

    /// Writes a copy of the whole file to a path where nothing is.
    pub fn copy_to(&self, path: &Path) -> Result<(), DumpError> {
        let path = path.to_string_lossy();
        let copied = self.connection.execute("VACUUM INTO ?1", [&*path]);
        copied.map(drop).map_err(|source| failed("", source))
    }
}

fn failed(table: &str, source: rusqlite::Error) -> DumpError {
    DumpError::Read {
        table: table.to_owned(),
        source,
    }
}

fn schema(name: String, stored: Vec<StoredColumn>) -> Result<TableSchema, DumpError> {
    let mut table = TableSchema {
        keyspace: None,
        name,
        columns: Vec::with_capacity(stored.len()),
        partition_key: Vec::new(),
        clustering_key: Vec::new(),
        default_ttl: None,
        time_bucket: None,
    };
    for (index, column) in stored.into_iter().enumerate() {
        let Ok(cql_type) = CqlType::parse(&column.cql_type) else {
            return Err(DumpError::Type {
                table: table.name,
                column: column.name,
                found: column.cql_type,
            });
        };
        match column.role {
            Role::Partition => table.partition_key.push(index),
            Role::Ascending => table
                .clustering_key
                .push((index, ClusteringOrder::Ascending)),
            Role::Descending => table
                .clustering_key
                .push((index, ClusteringOrder::Descending)),
            Role::Regular => {}
        }
        table.columns.push(TableColumn {
            name: column.name,
            cql_type,
        });
    }
    Ok(table)
}

/// The key's columns in order, each with whether it descends.
fn key(table: &TableSchema) -> impl DoubleEndedIterator<Item = (String, bool)> {
    let partition = table.partition_key.iter().map(|index| (*index, false));
    let clustering = table.clustering_key.iter();
    let clustering =
        clustering.map(|(index, order)| (*index, *order == ClusteringOrder::Descending));
    let all: Vec<(usize, bool)> = partition.chain(clustering).collect();
    let named = all.into_iter().filter_map(|(index, descends)| {
        let column = table.columns.get(index)?;
        Some((quoted(&column.name), descends))
    });
    named.collect::<Vec<_>>().into_iter()
}

fn order(table: &TableSchema) -> String {
    let words = key(table).map(|(name, descends)| {
        if descends {
            format!("{name} DESC")
        } else {
            name
        }
    });
    words.collect::<Vec<_>>().join(", ")
}

/// Whether a row stands behind the key that is bound. Its first column is also asked for alone, so that the primary
/// key is sought and not read through.
fn behind(table: &TableSchema) -> String {
    let mut condition = String::new();
    let count = key(table).count();
    for (index, (name, descends)) in key(table).rev().enumerate() {
        let number = count - index;
        let sign = if descends { '<' } else { '>' };
        condition = if condition.is_empty() {
            format!("{name} {sign} ?{number}")
        } else {
            format!("({name} {sign} ?{number} OR ({name} = ?{number} AND {condition}))")
        };
    }
    let first = key(table)
        .next()
        .map(|(name, _)| format!("{name} >= ?1 AND "));
    format!("{}{condition}", first.unwrap_or_default())
}

fn dumped(row: &Row<'_>, columns: usize) -> rusqlite::Result<DumpedRow> {
    let mut values = Vec::with_capacity(columns);
    for index in 0..columns {
        values.push(match row.get_ref(index)? {
            ValueRef::Null => QueryValue::Null,
            ValueRef::Integer(number) => QueryValue::Integer(number),
            ValueRef::Real(number) => QueryValue::Real(number),
            ValueRef::Text(text) => QueryValue::Text(String::from_utf8_lossy(text).into_owned()),
            ValueRef::Blob(bytes) => QueryValue::Blob(Bytes::copy_from_slice(bytes)),
        });
    }
    Ok(DumpedRow {
        values,
        expires: row.get(columns)?,
        written: row.get(columns + 1)?,
    })
}

fn stored(value: &QueryValue) -> Value {
    match value {
        QueryValue::Null => Value::Null,
        QueryValue::Integer(number) => Value::Integer(*number),
        QueryValue::Real(number) => Value::Real(*number),
        QueryValue::Text(text) => Value::Text(text.clone()),
        QueryValue::Blob(bytes) => Value::Blob(bytes.to_vec()),
    }
}
