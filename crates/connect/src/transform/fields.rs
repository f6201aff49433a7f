//! Adding fields to a map or a struct, whichever the part is.

use std::sync::Arc;

use super::no_fields;
use crate::data_error::{DataError, Exception};
use crate::schema::{Field, Schema, SchemaKind};
use crate::schema_cache::SchemaCache;
use crate::value::{Struct, Value};

/// Fields a transform appends, known when it is compiled; their values come with each record.
#[derive(Debug)]
pub(super) struct Appended {
    fields: Vec<Field>,
    /// Whether nulls of the other fields become their defaults.
    null_to_default: bool,
    schemas: SchemaCache<Arc<Schema>>,
}

impl Appended {
    pub(super) fn new(fields: Vec<Field>, null_to_default: bool) -> Self {
        Self {
            fields,
            null_to_default,
            schemas: SchemaCache::default(),
        }
    }

    /// Appends `values`, one for each field. A map lacks the fields whose value is null and overwrites those
    /// it has; a struct gets a new schema.
    pub(super) fn append(
        &self,
        schema: &mut Option<Arc<Schema>>,
        value: &mut Value,
        values: impl Iterator<Item = Value>,
        purpose: &str,
    ) -> Result<(), DataError> {
        match value {
            Value::Map(map) if schema.is_none() => {
                for (field, value) in self
                    .fields
                    .iter()
                    .zip(values)
                    .filter(|(_, value)| !value.is_null())
                {
                    map.insert(field.name.clone(), value);
                }
                Ok(())
            }
            Value::Struct(own) => {
                let extended = self.extended(&own.schema)?;
                let mut all = Vec::with_capacity(own.values.len() + self.fields.len());
                for (value, field) in own.values.drain(..).zip(extended.fields()) {
                    all.push(put(value, field, self.null_to_default)?);
                }
                all.extend(values);
                *schema = Some(extended.clone());
                *value = Value::Struct(Struct {
                    schema: extended,
                    values: all,
                });
                Ok(())
            }
            _ => Err(no_fields(value, schema.as_ref(), purpose)),
        }
    }

    fn extended(&self, own: &Arc<Schema>) -> Result<Arc<Schema>, DataError> {
        self.schemas.of(own, || {
            Ok(Arc::new(with_fields(
                own,
                own.fields().to_vec(),
                &self.fields,
            )?))
        })
    }
}

/// A struct schema of `fields` and `more`, with the name, version, doc and parameters of `own`; its optionality
/// and default are lost, as in the original.
pub(super) fn with_fields(
    own: &Schema,
    mut fields: Vec<Field>,
    more: &[Field],
) -> Result<Schema, DataError> {
    for field in more {
        if fields.iter().any(|known| known.name == field.name) {
            let message = format!(
                "cannot create field because of field name duplication {}",
                field.name
            );
            return Err(DataError::of(Exception::SchemaBuilder, message));
        }
        if field.name.is_empty() {
            let message = "a field of a struct needs a name";
            return Err(DataError::of(Exception::SchemaBuilder, message));
        }
        fields.push(field.clone());
    }
    Ok(Schema {
        kind: SchemaKind::Struct(fields),
        optional: false,
        default: None,
        name: own.name.clone(),
        version: own.version,
        doc: own.doc.clone(),
        parameters: own.parameters.clone(),
    })
}

/// A field's value, or its default where it is null and the option `replace.null.with.default` is true.
pub(super) fn or_default(value: Value, schema: &Schema, replace: bool) -> Value {
    match &schema.default {
        Some(default) if replace && value.is_null() => default.clone(),
        _ => value,
    }
}

/// A value read by [`or_default`] and put into a field: a required one takes no null, even where it has a default.
pub(super) fn put(value: Value, field: &Field, replace: bool) -> Result<Value, DataError> {
    let value = or_default(value, &field.schema, replace);
    if value.is_null() && !field.schema.optional {
        let name = &field.name;
        return Err(DataError::new(format!(
            "null for the required field `{name}`"
        )));
    }
    Ok(value)
}
