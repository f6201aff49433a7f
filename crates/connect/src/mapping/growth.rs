//! Tables that must be created or get columns before a record can be written, as its schemas say.

use std::sync::Arc;

use super::change::{TableChange, cql_type};
use super::source::Part;
use super::target::{Dest, Fields, MappedTarget, Stop, column};
use crate::cql_type::CqlType;
use crate::data_error::{DataError, Exception};
use crate::record::ConnectRecord;
use crate::schema::{Schema, SchemaKind};
use crate::table_schema::{TableColumn, TableSchema};

impl MappedTarget {
    /// The table is not there: it is created if that is wanted and the record says how.
    pub(super) fn missing(&self, record: &ConnectRecord<'_>) -> Stop {
        match self.creation(record) {
            Ok(Some(schema)) => Stop::First(Box::new(TableChange::Create(schema))),
            Ok(None) => Stop::Refused(DataError::of(
                Exception::Connect,
                format!(
                    "keyspace `{}` has no table `{}`, and it is not created",
                    self.keyspace, self.name
                ),
            )),
            Err(error) => Stop::Refused(error),
        }
    }

    fn creation(&self, record: &ConnectRecord<'_>) -> Result<Option<TableSchema>, DataError> {
        let (Some(key), Some(value), true) =
            (&record.key_schema, &record.value_schema, self.rules.manages)
        else {
            return Ok(None);
        };
        let mut columns = self.wanted(key, value)?;
        let keys: Vec<String> = fields_of(key)
            .map(|(name, _)| self.column_of_key(name))
            .collect();
        columns.sort_by_key(|own| {
            keys.iter()
                .position(|key| *key == own.name)
                .unwrap_or(keys.len())
        });
        let count = columns
            .iter()
            .filter(|own| keys.contains(&own.name))
            .count();
        if count == 0 || count < keys.len() {
            let message = format!(
                "the key's fields ({}) are not all among the columns of table `{}`",
                keys.join(", "),
                self.name
            );
            return Err(DataError::new(message));
        }
        Ok(Some(TableSchema {
            keyspace: Some(self.keyspace.clone()),
            name: self.name.clone(),
            columns,
            partition_key: (0..count).collect(),
            clustering_key: Vec::new(),
            default_ttl: None,
            time_bucket: None,
        }))
    }

    /// The column a field of the key goes into.
    fn column_of_key(&self, field: &str) -> String {
        let Fields::Mapped(fields) = &self.fields else {
            return field.to_owned();
        };
        let found = fields.iter().find_map(|(dest, source)| match dest {
            Dest::Column(name)
                if source.part == Part::Key
                    && source.steps.first().is_some_and(|step| step == field) =>
            {
                Some(name.clone())
            }
            _ => None,
        });
        found.unwrap_or_else(|| field.to_owned())
    }

    /// The columns a record of those schemas goes into.
    fn wanted(&self, key: &Schema, value: &Schema) -> Result<Vec<TableColumn>, DataError> {
        let typed = |name: &str, schema: &Schema| {
            Ok(TableColumn {
                name: name.to_owned(),
                cql_type: cql_type(schema)
                    .map_err(|error| error.within(format_args!("field `{name}`")))?,
            })
        };
        match &self.fields {
            Fields::ByName => {
                let mut columns: Vec<TableColumn> = fields_of(value)
                    .map(|(name, schema)| typed(name, schema))
                    .collect::<Result<_, DataError>>()?;
                for (name, schema) in fields_of(key) {
                    if columns.iter().all(|own| own.name != name) {
                        columns.push(typed(name, schema)?);
                    }
                }
                Ok(columns)
            }
            Fields::Mapped(fields) => {
                let mut columns = Vec::new();
                for (dest, source) in fields {
                    let Dest::Column(name) = dest else { continue };
                    let of = if source.part == Part::Key { key } else { value };
                    let step = source.steps.first().map_or("", String::as_str);
                    let field = fields_of(of).find(|(own, _)| *own == step);
                    match (source.part, field) {
                        (Part::Header, _) => columns.push(TableColumn {
                            name: name.clone(),
                            cql_type: CqlType::Text,
                        }),
                        (_, Some((_, schema))) => columns.push(typed(name, schema)?),
                        (_, None) => {
                            return Err(DataError::new(format!(
                                "the record has no field `{step}` that the mapping names"
                            )));
                        }
                    }
                }
                Ok(columns)
            }
        }
    }

    /// A column the table lacks: it gets it if that is wanted and the record says how.
    pub(super) fn lacks(
        &self,
        table: &Arc<TableSchema>,
        name: &str,
        record: &ConnectRecord<'_>,
    ) -> Stop {
        let refused = || {
            Stop::Refused(DataError::new(format!(
                "table `{}` has no column `{name}`",
                self.name
            )))
        };
        let (Some(key), Some(value), true) =
            (&record.key_schema, &record.value_schema, self.rules.manages)
        else {
            return refused();
        };
        match self.wanted(key, value) {
            Err(error) => Stop::Refused(error),
            Ok(mut columns) => {
                columns.retain(|own| column(table, &own.name).is_none());
                if columns.is_empty() {
                    return refused();
                }
                Stop::First(Box::new(TableChange::Add {
                    table: Arc::clone(table),
                    columns,
                }))
            }
        }
    }
}

fn fields_of(schema: &Schema) -> impl Iterator<Item = (&str, &Schema)> {
    let fields = match &schema.kind {
        SchemaKind::Struct(fields) => fields.as_slice(),
        _ => &[],
    };
    fields.iter().map(|field| (&*field.name, &*field.schema))
}
