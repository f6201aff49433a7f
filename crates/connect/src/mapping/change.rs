//! What a table lacks before a record can be written: found from the record's schemas.

use std::sync::Arc;

use crate::cql_type::CqlType;
use crate::data_error::DataError;
use crate::schema::{Logical, Schema, SchemaKind};
use crate::table_schema::{TableColumn, TableSchema};

/// A change a table needs first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TableChange {
    /// It must be created.
    Create(TableSchema),
    /// It must get columns.
    Add {
        /// The table as it is.
        table: Arc<TableSchema>,
        /// The columns.
        columns: Vec<TableColumn>,
    },
}

/// The CQL type of values of a schema; a struct has none.
pub(super) fn cql_type(schema: &Schema) -> Result<CqlType, DataError> {
    if let Some(logical) = schema.logical() {
        return Ok(match logical {
            Logical::Decimal => CqlType::Decimal,
            Logical::Date => CqlType::Date,
            Logical::Time => CqlType::Time,
            Logical::Timestamp => CqlType::Timestamp,
        });
    }
    let boxed = |inner: &Schema| cql_type(inner).map(Box::new);
    Ok(match &schema.kind {
        SchemaKind::Int8 => CqlType::Tinyint,
        SchemaKind::Int16 => CqlType::Smallint,
        SchemaKind::Int32 => CqlType::Int,
        SchemaKind::Int64 => CqlType::Bigint,
        SchemaKind::Float32 => CqlType::Float,
        SchemaKind::Float64 => CqlType::Double,
        SchemaKind::Boolean => CqlType::Boolean,
        SchemaKind::String => CqlType::Text,
        SchemaKind::Bytes => CqlType::Blob,
        SchemaKind::Array(element) => CqlType::List(boxed(element)?),
        SchemaKind::Map(key, value) => CqlType::Map(boxed(key)?, boxed(value)?),
        SchemaKind::Struct(_) => {
            return Err(DataError::new(
                "a struct cannot become a column of a table that is created",
            ));
        }
    })
}
