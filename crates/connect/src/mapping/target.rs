//! A table and what of a record goes into it: rows, deletions, and tables that must change first.

use std::borrow::Cow;
use std::sync::Arc;

use super::change::TableChange;
use super::codec::{Codec, TimeUnit};
use super::source::{FieldSource, Part, Parts};
use crate::bind::bind;
use crate::cql_type::CqlType;
use crate::data_error::{DataError, Exception};
use crate::record::ConnectRecord;
use crate::row::{CqlValue, Row};
use crate::table_schema::{TableColumn, TableSchema};
use crate::value::Value;

/// Whose rules hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Style {
    /// ScyllaDB's sink: keys are objects, fields are columns by name unless mapped.
    Scylla,
    /// `DataStax`'s engine: what is mapped, and nothing else.
    DataStax,
}

/// The rules for one table.
#[derive(Debug, Clone)]
pub(crate) struct Rules {
    pub(crate) style: Style,
    pub(crate) codec: Codec,
    /// Whether null leaves a column as it is.
    pub(crate) null_to_unset: bool,
    /// Whether a record without a value deletes its row.
    pub(crate) deletes: bool,
    /// Whether tables may be created and get columns.
    pub(crate) manages: bool,
    pub(crate) ttl_seconds: Option<u32>,
    /// What `__ttl` counts.
    pub(crate) ttl_unit: TimeUnit,
    /// What `__timestamp` counts.
    pub(crate) timestamp_unit: TimeUnit,
}

/// Where a mapped value goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Dest {
    /// Into a column, by name until the table is there.
    Column(String),
    /// It is the row's shelf life.
    Ttl,
    /// It is the row's write timestamp.
    Timestamp,
}

/// What goes where.
#[derive(Debug, Clone)]
pub(crate) enum Fields {
    /// The value's fields into the columns of their names.
    ByName,
    /// As mapped.
    Mapped(Vec<(Dest, FieldSource)>),
}

/// What a target's values become.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Rows of its table.
    Rows,
    /// What is added to its table's counters.
    Counters,
    /// The variables of a statement of the connector's own, which stands in the place of the table.
    Query,
}

/// A table as a target of records.
#[derive(Debug)]
pub(crate) struct MappedTarget {
    pub(crate) kind: Kind,
    /// Keyspace and name of the table, also where it is not there yet.
    pub(crate) keyspace: String,
    pub(crate) name: String,
    /// Its index in the plan, and the table, where it is there.
    pub(crate) table: Option<(usize, Arc<TableSchema>)>,
    /// Index in the plan of what deletes its rows by their keys.
    pub(crate) delete_index: Option<usize>,
    pub(crate) fields: Fields,
    pub(crate) rules: Rules,
}

/// Why a record was not written.
#[derive(Debug)]
pub(crate) enum Stop {
    /// It cannot be.
    Refused(DataError),
    /// Its table must change first.
    First(Box<TableChange>),
}

impl From<DataError> for Stop {
    fn from(error: DataError) -> Self {
        Self::Refused(error)
    }
}

impl MappedTarget {
    /// The row of a record, or the deletion of one, with the index of its table in the plan.
    pub(crate) fn row(
        &self,
        record: &ConnectRecord<'_>,
        write_timestamp: i64,
    ) -> Result<(usize, Row), Stop> {
        let parts = match self.rules.style {
            Style::Scylla => Parts::plain(record),
            Style::DataStax => Parts::parsed(record),
        };
        if self.rules.style == Style::Scylla {
            self.check_parts(record)?;
        }
        let Some((index, table)) = &self.table else {
            return Err(self.missing(record));
        };
        if self.deletes(table, record, &parts) {
            return self.deletion(table, &parts, write_timestamp);
        }
        let mut row = Row {
            values: vec![CqlValue::Unset; table.columns.len()],
            write_timestamp,
            ttl_seconds: self.rules.ttl_seconds,
        };
        match &self.fields {
            Fields::ByName => self.by_name(table, record, &mut row)?,
            Fields::Mapped(fields) => self.mapped(table, fields, &parts, &mut row)?,
        }
        if self.kind == Kind::Query {
            // What its key is the statement alone knows.
            return Ok((*index, row));
        }
        let is_absent = |value: &CqlValue| matches!(value, CqlValue::Null | CqlValue::Unset);
        for at in table.key_columns() {
            if row.values.get(at).is_none_or(is_absent) {
                let column = table.columns.get(at).map_or("", |column| &column.name);
                let message = format!(
                    "the record has no value for key column `{column}` of table `{}`",
                    self.name
                );
                return Err(DataError::of(Exception::InvalidQuery, message).into());
            }
        }
        Ok((*index, row))
    }

    /// ScyllaDB's sink wants keys and values with fields.
    pub(super) fn check_parts(&self, record: &ConnectRecord<'_>) -> Result<(), DataError> {
        if !matches!(record.key, Value::Struct(_) | Value::Map(_)) {
            let kind = record.key.kind();
            let message = format!(
                "the record's key is {kind}, and must be a struct or a map; transform it with ValueToKey before"
            );
            return Err(DataError::new(message));
        }
        match &record.value {
            Value::Null if self.rules.deletes => Ok(()),
            Value::Null => Err(DataError::new(
                "the record has no value, and deletes are disabled",
            )),
            Value::Struct(_) | Value::Map(_) => Ok(()),
            other => Err(DataError::new(format!(
                "the record's value is {}, and must be a struct or a map",
                other.kind()
            ))),
        }
    }

    fn by_name(
        &self,
        table: &Arc<TableSchema>,
        record: &ConnectRecord<'_>,
        row: &mut Row,
    ) -> Result<(), Stop> {
        let mut put = |name: &str, value: &Value, only_if_unset: bool| {
            let Some(at) = column(table, name) else {
                return Err(self.lacks(table, name, record));
            };
            let (Some(slot), Some(column)) = (row.values.get_mut(at), table.columns.get(at)) else {
                return Ok(());
            };
            if !only_if_unset || *slot == CqlValue::Unset {
                *slot = self.convert(value, column)?;
            }
            Ok(())
        };
        for_each_field(&record.value, |name, value| put(name, value, false))?;
        // What the value says of the key counts; what it leaves out, the key itself says.
        for_each_field(&record.key, |name, value| match column(table, name) {
            Some(_) => put(name, value, true),
            None => Ok(()),
        })
    }

    fn mapped(
        &self,
        table: &Arc<TableSchema>,
        fields: &[(Dest, FieldSource)],
        parts: &Parts<'_>,
        row: &mut Row,
    ) -> Result<(), Stop> {
        for (dest, source) in fields {
            let Some(value) = self.found(source, parts)? else {
                continue;
            };
            match dest {
                Dest::Column(name) => {
                    let Some(at) = column(table, name) else {
                        return Err(self.lacks(table, name, parts.record));
                    };
                    if let (Some(slot), Some(column)) =
                        (row.values.get_mut(at), table.columns.get(at))
                    {
                        *slot = self.convert(&value, column)?;
                    }
                }
                Dest::Ttl => row.ttl_seconds = self.ttl(&value)?.or(row.ttl_seconds),
                Dest::Timestamp => row.write_timestamp = self.time(&value)?,
            }
        }
        Ok(())
    }

    /// A source's value; none where its whole part is null, or the field may be missing.
    pub(super) fn found<'p>(
        &self,
        source: &FieldSource,
        parts: &'p Parts<'_>,
    ) -> Result<Option<Cow<'p, Value>>, DataError> {
        let found = parts.get(source);
        if found.is_some() || parts.is_null(source.part) || self.skips(source, parts) {
            return Ok(found);
        }
        let path = source.steps.join(".");
        Err(DataError::new(format!(
            "the record has no field `{path}` that the mapping names"
        )))
    }

    /// A schemaless record of ScyllaDB's sink may lack fields.
    fn skips(&self, source: &FieldSource, parts: &Parts<'_>) -> bool {
        let whole = match source.part {
            Part::Key => &parts.key,
            Part::Value => &parts.value,
            Part::Header | Part::Now => return self.rules.style == Style::Scylla,
        };
        self.rules.style == Style::Scylla && matches!(**whole, Value::Map(_))
    }

    fn convert(&self, value: &Value, column: &TableColumn) -> Result<CqlValue, DataError> {
        // What is added to a counter is a number like any other.
        let cql_type = match (self.kind, &column.cql_type) {
            (Kind::Counters | Kind::Query, CqlType::Counter) => &CqlType::Bigint,
            (_, own) => own,
        };
        let converted = self.rules.codec.convert(value, cql_type);
        let converted = converted.map_err(|error| {
            error.within(format_args!(
                "column `{}` of table `{}`",
                column.name, self.name
            ))
        })?;
        Ok(match converted {
            CqlValue::Null if self.rules.null_to_unset => CqlValue::Unset,
            other => other,
        })
    }

    pub(super) fn ttl(&self, value: &Value) -> Result<Option<u32>, DataError> {
        let count = whole_number(value, "__ttl")?;
        let seconds = self.rules.ttl_unit.convert(count, TimeUnit::Seconds);
        Ok(seconds.and_then(|seconds| u32::try_from(seconds).ok()))
    }

    pub(super) fn time(&self, value: &Value) -> Result<i64, DataError> {
        let micros = match value {
            Value::Timestamp(millis) => {
                TimeUnit::Milliseconds.convert(*millis, TimeUnit::Microseconds)
            }
            other => {
                let count = whole_number(other, "__timestamp")?;
                self.rules
                    .timestamp_unit
                    .convert(count, TimeUnit::Microseconds)
            }
        };
        micros.ok_or_else(|| DataError::new("`__timestamp` is out of range"))
    }
}

fn whole_number(value: &Value, name: &str) -> Result<i64, DataError> {
    match bind(value, &CqlType::Bigint) {
        Ok(CqlValue::Bigint(number)) => Ok(number),
        _ => Err(DataError::new(format!(
            "`{name}` must be a whole number, found {}",
            value.kind()
        ))),
    }
}

/// The column of that name as it is, else in lower case.
pub(super) fn column(table: &TableSchema, name: &str) -> Option<usize> {
    table
        .column(name)
        .or_else(|| table.column(&name.to_ascii_lowercase()))
}

pub(super) fn for_each_field(
    value: &Value,
    mut each: impl FnMut(&str, &Value) -> Result<(), Stop>,
) -> Result<(), Stop> {
    match value {
        Value::Struct(own) => own.iter().try_for_each(|(name, value)| each(name, value)),
        Value::Map(map) => map.iter().try_for_each(|(key, value)| match key {
            Value::Str(name) => each(name, value),
            _ => Ok(()),
        }),
        _ => Ok(()),
    }
}
