//! One statement's end of the plan: projected values straight into columns by index.

use std::sync::Arc;

use crate::bind::{bind, invalid, unquoted};
use crate::data_error::{DataError, Exception};
use crate::kcql::{OutputName, Projection, RecordParts, Source};
use crate::record::{ConnectHeader, ConnectRecord};
use crate::row::{CqlValue, Row};
use crate::table_schema::TableSchema;
use crate::value::{Value, ValueMap};

/// A statement compiled against its table.
#[derive(Debug)]
pub(super) struct Target {
    /// Index of the table in the plan.
    pub(super) table_index: usize,
    pub(super) table: Arc<TableSchema>,
    pub(super) projection: Projection,
    /// The column of each of the projection's names.
    pub(super) slots: Vec<usize>,
    pub(super) ttl_seconds: Option<u32>,
    /// What a column gets that the record says nothing about.
    pub(super) absent: CqlValue,
}

/// Why a row was not made: the exception's class and the message.
pub(super) type Refusal = (&'static str, String);

impl Target {
    /// The row `record` becomes; `value` is its value, parsed where it was text.
    pub(super) fn row(&self, record: &ConnectRecord<'_>, value: &Value) -> Result<Row, Refusal> {
        let headers = if self.projection.reads(Source::Header) {
            headers(record)
        } else {
            Value::Null
        };
        let parts = RecordParts {
            key: &record.key,
            value,
            headers: &headers,
        };
        let mut values = vec![self.absent.clone(); self.table.columns.len()];
        let mut failed = None;
        let projected = self.projection.project(parts, |name, value| {
            if failed.is_none()
                && let Err(error) = self.put(&name, &value, &mut values)
            {
                failed = Some(error);
            }
        });
        projected.map_err(|error| (error.exception_class(), error.to_string()))?;
        self.fill_bucket(&mut values);
        failed
            .map_or(Ok(()), Err)
            .and_then(|()| self.check_key(&values))
            .map_err(refusal)?;
        Ok(Row {
            values,
            write_timestamp: write_timestamp(record),
            ttl_seconds: self.ttl_seconds,
        })
    }

    fn put(
        &self,
        name: &OutputName<'_>,
        value: &Value,
        values: &mut [CqlValue],
    ) -> Result<(), DataError> {
        let index = match name {
            OutputName::Slot(slot) => self.slots.get(*slot).copied(),
            OutputName::Dynamic(name) => column(&self.table, name),
        };
        let found =
            index.and_then(|index| Some((self.table.columns.get(index)?, values.get_mut(index)?)));
        let Some((column, slot)) = found else {
            return Err(self.unknown(name));
        };
        *slot = bind(value, &column.cql_type).map_err(|error| {
            error.within(format_args!(
                "column `{}` of table `{}`",
                column.name, self.table.name
            ))
        })?;
        Ok(())
    }

    /// Computes the time bucket; without its timestamp the key's check says what is missing.
    fn fill_bucket(&self, values: &mut [CqlValue]) {
        let Some(bucket) = self.table.time_bucket else {
            return;
        };
        let start = match values.get(bucket.of) {
            Some(CqlValue::Timestamp(time)) => CqlValue::Timestamp(bucket.start(*time)),
            _ => CqlValue::Unset,
        };
        if let Some(slot) = values.get_mut(bucket.column) {
            *slot = start;
        }
    }

    fn unknown(&self, name: &OutputName<'_>) -> DataError {
        let name = match name {
            OutputName::Dynamic(name) => name,
            OutputName::Slot(slot) => self.projection.names().get(*slot).map_or("", |name| name),
        };
        invalid(format!(
            "JSON values map contains unrecognized column: {name} (table `{}`)",
            self.table.name
        ))
    }

    fn check_key(&self, values: &[CqlValue]) -> Result<(), DataError> {
        for index in self.table.key_columns() {
            if matches!(
                values.get(index),
                None | Some(CqlValue::Null | CqlValue::Unset)
            ) {
                let column = self
                    .table
                    .columns
                    .get(index)
                    .map_or("", |column| &column.name);
                return Err(invalid(format!(
                    "the record has no value for key column `{column}` of table `{}`",
                    self.table.name
                )));
            }
        }
        Ok(())
    }
}

pub(super) fn refusal(error: DataError) -> Refusal {
    (error.exception.class(), error.message)
}

/// The column a member's name means: lower-cased, unless it is in double quotes.
pub(super) fn column(table: &TableSchema, name: &str) -> Option<usize> {
    let exact = unquoted(name);
    let is_quoted = exact.len() < name.len();
    table.columns.iter().position(|column| {
        let own = column.name.as_str();
        if is_quoted {
            return own == exact;
        }
        own.len() == name.len()
            && own
                .bytes()
                .zip(name.bytes())
                .all(|(own, given)| own == given.to_ascii_lowercase())
    })
}

/// What KCQL selects fields from: maps and structs as they are, text and bytes as the JSON they hold. Integers beyond
/// 64 bits stay what they are if `whole`: the classic sink hands the text on as it is then, and else wraps them.
pub(super) fn root(value: &Value, whole: bool) -> Result<Option<Value>, DataError> {
    let bytes = match value {
        Value::Map(_) | Value::Struct(_) => return Ok(None),
        Value::Str(text) => text.as_bytes(),
        Value::Bytes(bytes) => bytes,
        other => {
            return Err(DataError::of(
                Exception::Connect,
                format!("{} is not handled as a record's value", other.kind()),
            ));
        }
    };
    crate::converter::json::Parser::new(bytes)
        .and_then(|parser| {
            let mut parser = parser.exact(whole);
            parser.root(crate::converter::json::Parser::value)
        })
        .map(Some)
}

/// The headers' values by name; of equal names the last counts.
pub(super) fn headers(record: &ConnectRecord<'_>) -> Value {
    let entry = |header: &ConnectHeader| (Value::Str(header.name.clone()), header.value.clone());
    let headers = record.headers.iter().flatten();
    Value::Map(ValueMap::from_entries(headers.map(entry).collect()))
}

/// Record time in microseconds, told apart within a millisecond by the offset; without a time, the offset.
pub(super) fn write_timestamp(record: &ConnectRecord<'_>) -> i64 {
    let offset = record.source.offset;
    match record.source.timestamp {
        Some(millis) => millis
            .saturating_mul(1000)
            .saturating_add(offset.rem_euclid(1000)),
        None => offset,
    }
}
