//! Rows into the file: one transaction for a group of batches, its rows in the order of their keys.

use messina_connect::row::{CqlValue, Row};
use rusqlite::types::{ToSqlOutput, Value};
use rusqlite::{CachedStatement, Connection};

use super::bind::{bound, compare};
use super::error::WriteError;
use super::handle::TableHandle;
use super::queue::WriteJob;
use super::statement::{UnsetMask, upsert};

/// One transaction with all rows of `jobs`, each table's rows in the order of its key.
pub(super) fn write_group(
    connection: &mut Connection,
    jobs: &[WriteJob],
    now: i64,
) -> Result<(), WriteError> {
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
