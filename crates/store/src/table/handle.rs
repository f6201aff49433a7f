//! What the store's callers hold in their hands: a declared table, and rows for it.

use std::sync::Arc;
use std::time::Duration;

use messina_connect::row::{CqlValue, Row};
use messina_connect::table_schema::TableSchema;

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
    pub(super) fn new(schema: &Arc<TableSchema>) -> Self {
        // A shelf life below a second is a second: 0 would mean for ever.
        let seconds = |ttl: Duration| ttl.as_secs() + u64::from(ttl.subsec_nanos() > 0);
        let table = DeclaredTable {
            schema: Arc::clone(schema),
            key_columns: schema.key_columns().collect(),
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
    pub(super) fn problem(&self, row: &Row) -> Option<String> {
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
