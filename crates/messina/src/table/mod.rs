//! Tables rows are written to, behind one trait: the embedded table, ScyllaDB and Cassandra.
//! Takes rows from the sink task, a batch at a time.
//! Gives "durable", or an error that says what to do about it.

mod error;

mod embedded;

pub use embedded::EmbeddedTable;
pub use error::{RefusedRow, TableError, Verdict};

pub mod cql;

use std::fmt::Debug;
use std::pin::Pin;
use std::sync::Arc;

use messina_connect::row::Row;
use messina_connect::table_schema::TableSchema;
use tokio::time::Instant;

/// A future in a box: one allocation for each batch lets both forms stand behind one trait object.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// One table, declared and ready to be written.
pub trait Table: Send + Sync + Debug {
    /// The table's shape; rows have one value for each of its columns.
    fn schema(&self) -> &Arc<TableSchema>;

    /// Upserts rows; done when they are durable. Writing the same rows again changes nothing.
    ///
    /// After an error some of them may have been written.
    fn write(&self, rows: Arc<Vec<Row>>) -> BoxFuture<'_, Result<(), TableError>>;

    /// Looks whether the table, at `since` or later, still is as it was when it was opened: [`TableError::Changed`]
    /// where others have changed it. A table that is ours alone always is.
    fn check(&self, _since: Instant) -> BoxFuture<'_, Result<(), TableError>> {
        Box::pin(async { Ok(()) })
    }
}
