//! Rows to CQL, each with its write timestamp and what is left of its shelf life.

use std::fmt::Write as _;
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;

use messina_connect::row::Row;
use messina_connect::table_schema::TableSchema;
use messina_store::table::{DumpedRow, DumpedTable, QueryValue, TableDump, system_now_millis};
use tokio::runtime::Runtime;

use super::journal::{Journal, TableProgress};
use super::row_form::{Formed, RowForm};
use super::{CarryError, CarryReport, Installation, Progress, TableBooks};
use crate::config::{Config, CqlConfig, find_table};
use crate::runtime::clock::Clock;
use crate::table::cql::{CqlTable, TableClient};
use crate::table::{Table as _, TableError};

/// Rows between two looks at how far it is.
const PAGE: usize = 2_000;

/// Reasons that are told; the rest is counted.
const REASONS: usize = 10;

/// Carries every table's rows, and goes on where an earlier run was. Written twice a row is one row. Blocks.
pub fn carry_rows(
    installation: &mut Installation,
    (target, cql): (&Config, &CqlConfig),
    (runtime, clock): (&Runtime, &dyn Clock),
    progress: &mut Progress,
    report: &mut CarryReport,
) -> Result<(), CarryError> {
    let Some(path) = installation.tables.clone() else {
        return Ok(());
    };
    installation.journal.tables_are(stamp(&path));
    let dump = TableDump::open(&path, system_now_millis())?;
    let client = runtime.block_on(TableClient::connect(cql))?;
    for here in dump.tables()? {
        let there = table_there(&here.schema, target, cql);
        let keyspace = there.keyspace.as_deref().unwrap_or(&cql.keyspace);
        let name = format!("{keyspace}.{}", there.name);
        let table = runtime.block_on(CqlTable::open(&client, &there))?;
        let before = installation.journal.table(&name);
        let mut way = Way {
            form: RowForm::new(&here.schema, &there)?,
            done: before.clone(),
            journal: &mut installation.journal,
            name,
            table,
            runtime,
            clock,
            progress,
            remarks: &mut report.remarks,
        };
        let done = way.carry(&dump, &here)?;
        report.tables.push(TableBooks {
            table: way.name,
            rows: here.rows + here.expired,
            written: done.written,
            now: done.written - before.written,
            expired: done.expired,
            refused: done.refused,
        });
    }
    Ok(())
}

/// The table as the other configuration declares it, else as it is here.
fn table_there(here: &TableSchema, target: &Config, cql: &CqlConfig) -> Arc<TableSchema> {
    let declared = find_table(&target.tables, &here.name).filter(|own| own.keyspace.is_some());
    declared.unwrap_or_else(|| {
        Arc::new(TableSchema {
            keyspace: Some(cql.keyspace.clone()),
            ..here.clone()
        })
    })
}

/// What tells a table file from what it was before: sizes and times of it and of its write-ahead log.
fn stamp(path: &Path) -> String {
    let mut stamp = String::new();
    for suffix in ["", "-wal"] {
        let mut file = path.as_os_str().to_owned();
        file.push(suffix);
        if let Ok(metadata) = std::fs::metadata(file)
            && metadata.len() > 0
        {
            let time = metadata.modified().ok();
            let _written = write!(stamp, "{} {time:?};", metadata.len());
        }
    }
    stamp
}

/// The way of one table.
struct Way<'a> {
    form: RowForm<'a>,
    done: TableProgress,
    journal: &'a mut Journal,
    name: String,
    table: CqlTable,
    runtime: &'a Runtime,
    clock: &'a dyn Clock,
    progress: &'a mut Progress,
    remarks: &'a mut Vec<String>,
}

impl Way<'_> {
    fn carry(&mut self, dump: &TableDump, here: &DumpedTable) -> Result<TableProgress, CarryError> {
        let before = self.done.written + self.done.expired + self.done.refused;
        let all = here.rows + here.expired;
        self.progress.begin(&self.name, "rows", all, before);
        let after = self.done.after();
        let mut page = Vec::with_capacity(PAGE);
        let mut failure = None;
        dump.rows(&here.schema, after.as_deref(), &mut |row| {
            page.push(row);
            if page.len() < PAGE {
                return ControlFlow::Continue(());
            }
            match self.page(&std::mem::take(&mut page), &here.schema) {
                Ok(()) => ControlFlow::Continue(()),
                Err(error) => {
                    failure = Some(error);
                    ControlFlow::Break(())
                }
            }
        })?;
        if let Some(failure) = failure {
            return Err(failure);
        }
        self.page(&page, &here.schema)?;
        self.progress.end();
        Ok(self.done.clone())
    }

    fn page(&mut self, page: &[DumpedRow], here: &TableSchema) -> Result<(), CarryError> {
        let Some(last) = page.last() else {
            return Ok(());
        };
        let key = key_of(last, here);
        let now = self.clock.unix_millis();
        let mut rows = Vec::with_capacity(page.len());
        for row in page {
            match self.form.form(row, now) {
                Ok(Formed::Row(formed)) => rows.push(formed),
                Ok(Formed::Expired) => self.done.expired += 1,
                Err(reason) => self.refused(&reason),
            }
        }
        self.write(rows)?;
        self.done.is_after(&key);
        self.journal.remember(&self.name, self.done.clone())?;
        self.progress.step(u64::try_from(page.len()).unwrap_or(0));
        Ok(())
    }

    fn write(&mut self, mut rows: Vec<Row>) -> Result<(), CarryError> {
        while !rows.is_empty() {
            let count = u64::try_from(rows.len()).unwrap_or(0);
            let shared = Arc::new(rows);
            let written = self.runtime.block_on(self.table.write(Arc::clone(&shared)));
            match written {
                Ok(()) => {
                    self.done.written += count;
                    return Ok(());
                }
                Err(TableError::RowsRefused { rows: refused, .. }) => {
                    self.done.written +=
                        count.saturating_sub(u64::try_from(refused.len()).unwrap_or(0));
                    for row in refused {
                        self.refused(&row.problem);
                    }
                    return Ok(());
                }
                Err(TableError::Refused {
                    row: Some(index),
                    problem,
                    ..
                }) if index < shared.len() => {
                    self.refused(&problem);
                    rows = Arc::unwrap_or_clone(shared);
                    rows.remove(index);
                }
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    fn refused(&mut self, reason: &str) {
        self.done.refused += 1;
        if self.remarks.len() < REASONS {
            self.remarks
                .push(format!("table `{}` refuses a row: {reason}", self.name));
        }
    }
}

/// The values of a row's key, in key order.
fn key_of(row: &DumpedRow, table: &TableSchema) -> Vec<QueryValue> {
    let key = table.key_columns();
    key.filter_map(|index| row.values.get(index).cloned())
        .collect()
}
