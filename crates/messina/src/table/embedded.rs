//! The embedded form: a table of the SQLite file.

use std::sync::Arc;

use messina_connect::row::Row;
use messina_connect::table_schema::TableSchema;
use messina_store::table::{DeclareError, TableHandle, TableStore, WriteBatch, WriteError};

use super::{BoxFuture, Table, TableError};

/// A declared table of a [`TableStore`].
#[derive(Debug, Clone)]
pub struct EmbeddedTable {
    store: TableStore,
    handle: TableHandle,
}

impl EmbeddedTable {
    /// Declares `schema` and gives the table, ready to be written.
    pub async fn declare(store: &TableStore, schema: &TableSchema) -> Result<Self, DeclareError> {
        let handle = store.declare(schema).await?;
        Ok(Self {
            store: store.clone(),
            handle,
        })
    }
}

impl Table for EmbeddedTable {
    fn schema(&self) -> &Arc<TableSchema> {
        self.handle.schema()
    }

    fn write(&self, rows: Arc<Vec<Row>>) -> BoxFuture<'_, Result<(), TableError>> {
        let batch = WriteBatch {
            table: self.handle.clone(),
            rows,
        };
        Box::pin(async move {
            let written = self.store.write(batch).await;
            written.map_err(|error| table_error(self.handle.name(), error))
        })
    }
}

fn table_error(table: &str, error: WriteError) -> TableError {
    let table = table.to_owned();
    match error {
        WriteError::Row { index, problem, .. } => TableError::Refused {
            table,
            row: Some(index),
            problem,
        },
        WriteError::Unavailable { source, .. } => TableError::Unavailable {
            table,
            source: source.into(),
        },
        WriteError::Broken { source, .. } => TableError::Unusable {
            table,
            source: source.into(),
        },
        WriteError::Closed => TableError::Unusable {
            table,
            source: WriteError::Closed.into(),
        },
    }
}
