//! Records that delete rows, and the keys they delete them by.

use super::source::{FieldSource, Part, Parts, member};
use super::target::{Dest, Fields, MappedTarget, Stop, Style, column};
use crate::data_error::DataError;
use crate::record::ConnectRecord;
use crate::row::Row;
use crate::table_schema::TableSchema;

impl MappedTarget {
    /// Whether a record deletes its row: in ScyllaDB's sink one without a value, in `DataStax`'s one that brings
    /// nothing for the columns behind the key.
    pub(super) fn deletes(
        &self,
        table: &TableSchema,
        record: &ConnectRecord<'_>,
        parts: &Parts<'_>,
    ) -> bool {
        if self.rules.style == Style::Scylla {
            return record.value.is_null();
        }
        let Fields::Mapped(fields) = &self.fields else {
            return false;
        };
        if !self.rules.deletes {
            return false;
        }
        let is_key = |dest: &Dest| match dest {
            Dest::Column(name) => {
                column(table, name).is_some_and(|at| table.key_columns().any(|key| key == at))
            }
            Dest::Ttl | Dest::Timestamp => false,
        };
        let mut others = fields.iter().filter(|(dest, _)| !is_key(dest)).peekable();
        // A table that is all key has no row that says nothing.
        others.peek().is_some()
            && others.all(|(_, source)| {
                let found = || parts.get(source);
                source.part == Part::Now || found().is_none_or(|value| value.is_null())
            })
    }

    /// The values of the key's columns, for the statement that deletes by them.
    pub(super) fn deletion(
        &self,
        table: &TableSchema,
        parts: &Parts<'_>,
        write_timestamp: i64,
    ) -> Result<(usize, Row), Stop> {
        let Some(index) = self.delete_index else {
            return Err(
                DataError::new(format!("rows of table `{}` are not deleted", self.name)).into(),
            );
        };
        let mut values = Vec::new();
        for at in table.key_columns() {
            let Some(own) = table.columns.get(at) else {
                continue;
            };
            let mapped = match &self.fields {
                Fields::ByName => None,
                Fields::Mapped(fields) => {
                    let to_it = |(dest, _): &&(Dest, FieldSource)| matches!(dest, Dest::Column(name) if column(table, name) == Some(at));
                    fields
                        .iter()
                        .find(to_it)
                        .and_then(|(_, source)| parts.get(source))
                }
            };
            let by_name = || member(&parts.key, &own.name);
            let value = match &mapped {
                Some(value) if !value.is_null() => Some(&**value),
                _ => by_name(),
            };
            let value = value.filter(|value| !value.is_null()).ok_or_else(|| {
                DataError::new(format!(
                    "the record's key has no `{}`, by which its row would be deleted",
                    own.name
                ))
            })?;
            values.push(self.rules.codec.convert(value, &own.cql_type)?);
        }
        Ok((
            index,
            Row {
                values,
                write_timestamp,
                ttl_seconds: None,
            },
        ))
    }
}
