//! `Flatten`: nested maps and structs become fields whose names join the steps (CONNECT-SPEC 2.3).

use std::sync::Arc;

use super::fields::{or_default, with_fields};
use super::{Part, no_fields};
use crate::data_error::DataError;
use crate::options::Options;
use crate::record::ConnectRecord;
use crate::schema::{Field, Schema, SchemaKind};
use crate::schema_cache::SchemaCache;
use crate::value::{Struct, Value, ValueMap};

/// How deep a map may nest: JSON text cannot be deeper, and recursion needs an end.
const MAX_DEPTH: usize = 1_000;

#[derive(Debug)]
pub(super) struct Flatten {
    delimiter: String,
    schemas: SchemaCache<Arc<Schema>>,
}

impl Flatten {
    pub(super) fn compile(options: &Options<'_, '_>) -> Self {
        Self {
            delimiter: options.raw("delimiter").map_or(".", str::trim).to_owned(),
            schemas: SchemaCache::default(),
        }
    }

    pub(super) fn apply(
        &self,
        record: &mut ConnectRecord<'_>,
        part: Part,
    ) -> Result<(), DataError> {
        let (schema, value) = part.of(record);
        match std::mem::take(value) {
            Value::Null => {}
            Value::Map(map) if schema.is_none() => {
                let mut entries = Vec::new();
                self.map(map, "", MAX_DEPTH, &mut entries)?;
                *value = Value::Map(ValueMap::from_entries(entries));
            }
            Value::Struct(own) => {
                let flat = self.schemas.of(&own.schema, || self.schema(&own.schema))?;
                let mut values = Vec::with_capacity(flat.fields().len());
                leaves(own, &mut values);
                *schema = Some(flat.clone());
                *value = Value::Struct(Struct {
                    schema: flat,
                    values,
                });
            }
            other => return Err(no_fields(&other, schema.as_ref(), "flattening")),
        }
        Ok(())
    }

    fn join(&self, prefix: &str, name: &str) -> String {
        if prefix.is_empty() {
            return name.to_owned();
        }
        format!("{prefix}{}{name}", self.delimiter)
    }

    fn map(
        &self,
        map: ValueMap,
        prefix: &str,
        depth: usize,
        out: &mut Vec<(Value, Value)>,
    ) -> Result<(), DataError> {
        for (key, value) in map {
            let Value::Str(key) = key else {
                let kind = key.kind();
                return Err(DataError::new(format!(
                    "{kind} is no name of a field, below `{prefix}`"
                )));
            };
            let name = self.join(prefix, &key);
            match value {
                Value::Map(_) if depth == 0 => {
                    return Err(DataError::new(format!("maps nest deeper than {MAX_DEPTH}")));
                }
                Value::Map(inner) => self.map(inner, &name, depth - 1, out)?,
                Value::Struct(_) => {
                    return Err(DataError::new(format!(
                        "`{name}` is a struct without schema"
                    )));
                }
                Value::Date(_) | Value::Time(_) | Value::Timestamp(_) | Value::Decimal(_) => {
                    let kind = value.kind();
                    return Err(DataError::new(format!(
                        "Flatten does not support {kind} without schema, in field `{name}`"
                    )));
                }
                leaf => out.push((Value::Str(name.into()), leaf)),
            }
        }
        Ok(())
    }

    fn schema(&self, own: &Schema) -> Result<Arc<Schema>, DataError> {
        let mut fields = Vec::new();
        self.fields(own, "", own.optional, &mut fields)?;
        Ok(Arc::new(with_fields(own, Vec::new(), &fields)?))
    }

    fn fields(
        &self,
        own: &Schema,
        prefix: &str,
        optional: bool,
        out: &mut Vec<Field>,
    ) -> Result<(), DataError> {
        for field in own.fields() {
            let name = self.join(prefix, &field.name);
            let optional = optional || field.schema.optional;
            match &field.schema.kind {
                SchemaKind::Map(..) => {
                    return Err(DataError::new(format!(
                        "Flatten does not support maps with schema, in field `{name}`"
                    )));
                }
                SchemaKind::Struct(_) => self.fields(&field.schema, &name, optional, out)?,
                _ => out.push(Field {
                    name: name.into(),
                    schema: Arc::new(Schema {
                        optional,
                        ..(*field.schema).clone()
                    }),
                }),
            }
        }
        Ok(())
    }
}

/// The values in the order of the flat schema's fields; of an absent struct all are null.
fn leaves(own: Struct, out: &mut Vec<Value>) {
    for (field, value) in own.schema.fields().iter().zip(own.values) {
        match (&field.schema.kind, value) {
            (SchemaKind::Struct(_), Value::Struct(inner)) => leaves(inner, out),
            (SchemaKind::Struct(_), _) => {
                out.extend((0..count(&field.schema)).map(|_| Value::Null));
            }
            (_, value) => out.push(or_default(value, &field.schema, true)),
        }
    }
}

fn count(schema: &Schema) -> usize {
    let leaves = |field: &Field| match field.schema.kind {
        SchemaKind::Struct(_) => count(&field.schema),
        _ => 1,
    };
    schema.fields().iter().map(leaves).sum()
}
