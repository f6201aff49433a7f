//! `ValueToKey`: fields of the value become the key (CONNECT-SPEC 2.3).

use std::sync::Arc;

use super::fields::{put, with_fields};
use super::no_fields;
use crate::data_error::DataError;
use crate::options::Options;
use crate::record::ConnectRecord;
use crate::schema::{Field, Schema, SchemaKind};
use crate::schema_cache::SchemaCache;
use crate::value::{Struct, Value, ValueMap};

/// The key's schema, and which field of the value each of its fields comes from.
type Layout = (Arc<Schema>, Arc<[usize]>);

#[derive(Debug)]
pub(super) struct ValueToKey {
    fields: Vec<Arc<str>>,
    null_to_default: bool,
    layouts: SchemaCache<Arc<Schema>, Layout>,
}

impl ValueToKey {
    pub(super) fn compile(options: &mut Options<'_, '_>) -> Option<Self> {
        let fields = options.required_list("fields")?;
        Some(Self {
            fields: fields.into_iter().map(Arc::from).collect(),
            null_to_default: options.boolean("replace.null.with.default", true),
            layouts: SchemaCache::default(),
        })
    }

    pub(super) fn apply(&self, record: &mut ConnectRecord<'_>) -> Result<(), DataError> {
        match &record.value {
            Value::Map(map) if record.value_schema.is_none() => {
                let entry = |name: &Arc<str>| {
                    let value = map.get(name).cloned().unwrap_or_default();
                    (name.clone(), value)
                };
                let key: ValueMap = self.fields.iter().map(entry).collect();
                record.key = Value::Map(key);
                record.key_schema = None;
                Ok(())
            }
            Value::Struct(own) => {
                let (schema, sources) =
                    self.layouts.of(&own.schema, || self.layout(&own.schema))?;
                let take = |(source, field): (&usize, &Field)| {
                    let value = own.values.get(*source).cloned().unwrap_or_default();
                    put(value, field, self.null_to_default)
                };
                let values = sources.iter().zip(schema.fields()).map(take);
                record.key = Value::Struct(Struct {
                    schema: schema.clone(),
                    values: values.collect::<Result<_, _>>()?,
                });
                record.key_schema = Some(schema);
                Ok(())
            }
            other => Err(no_fields(
                other,
                record.value_schema.as_ref(),
                "copying fields from value to key",
            )),
        }
    }

    fn layout(&self, own: &Schema) -> Result<Layout, DataError> {
        let (mut fields, mut sources) = (Vec::new(), Vec::new());
        for name in &self.fields {
            let index = own.field_index(name);
            let Some((index, field)) =
                index.and_then(|index| Some((index, own.fields().get(index)?)))
            else {
                return Err(DataError::new(format!("field does not exist: {name}")));
            };
            sources.push(index);
            fields.push(field.clone());
        }
        let schema = with_fields(
            &Schema::new(SchemaKind::Struct(Vec::new())),
            Vec::new(),
            &fields,
        )?;
        Ok((Arc::new(schema), sources.into()))
    }
}
