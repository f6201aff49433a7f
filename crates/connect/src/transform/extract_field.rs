//! `ExtractField`: a part becomes one of its fields (CONNECT-SPEC 2.3).

use std::sync::Arc;

use super::field_path::FieldPath;
use super::fields::or_default;
use super::{Part, no_fields};
use crate::data_error::{DataError, Exception};
use crate::options::Options;
use crate::record::ConnectRecord;
use crate::schema::{Schema, SchemaKind};
use crate::schema_cache::SchemaCache;
use crate::value::Value;

const PURPOSE: &str = "field extraction";

/// Index and schema of a field.
type Place = (usize, Arc<Schema>);

#[derive(Debug)]
pub(super) struct ExtractField {
    path: FieldPath,
    null_to_default: bool,
    places: SchemaCache<Arc<Schema>, Arc<[Place]>>,
}

impl ExtractField {
    pub(super) fn compile(options: &mut Options<'_, '_>) -> Option<Self> {
        Some(Self {
            path: FieldPath::compile(options)?,
            null_to_default: options.boolean("replace.null.with.default", true),
            places: SchemaCache::default(),
        })
    }

    pub(super) fn apply(
        &self,
        record: &mut ConnectRecord<'_>,
        part: Part,
    ) -> Result<(), DataError> {
        let (schema, value) = part.of(record);
        let Some(own) = schema.clone() else {
            *value = self.schemaless(std::mem::take(value))?;
            return Ok(());
        };
        if !matches!(value, Value::Null | Value::Struct(_)) {
            return Err(no_fields(value, schema.as_ref(), PURPOSE));
        }
        let places = self.places.of(&own, || self.places(&own))?;
        let mut current = std::mem::take(value);
        for (index, field) in places.iter() {
            current = match current {
                Value::Struct(mut own) => {
                    let taken = own.values.get_mut(*index).map(std::mem::take);
                    or_default(taken.unwrap_or_default(), field, self.null_to_default)
                }
                _ => Value::Null,
            };
        }
        *value = current;
        *schema = places.last().map(|(_, schema)| schema.clone());
        Ok(())
    }

    fn schemaless(&self, value: Value) -> Result<Value, DataError> {
        let mut current = value;
        for step in self.path.steps() {
            current = match current {
                Value::Null => return Ok(Value::Null),
                Value::Map(mut map) => map.get_mut(step).map(std::mem::take).unwrap_or_default(),
                other => return Err(no_fields(&other, None, PURPOSE)),
            };
        }
        Ok(current)
    }

    /// Index and schema of each step's field.
    fn places(&self, own: &Arc<Schema>) -> Result<Arc<[Place]>, DataError> {
        let mut places = Vec::new();
        let mut current = own;
        for step in self.path.steps() {
            if !matches!(current.kind, SchemaKind::Struct(_)) {
                return Err(DataError::new(
                    "cannot look up fields on a type that is no struct",
                ));
            }
            let index = current.field_index(step);
            let field = index.and_then(|index| Some((index, current.fields().get(index)?)));
            let Some((index, field)) = field else {
                let message = format!("unknown field: {step}");
                return Err(DataError::of(Exception::IllegalArgument, message));
            };
            places.push((index, field.schema.clone()));
            current = &field.schema;
        }
        Ok(places.into())
    }
}
