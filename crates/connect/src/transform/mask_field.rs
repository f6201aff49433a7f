//! `MaskField`: fields become the zero of their type, or a configured text or number (CONNECT-SPEC 2.3).

use std::sync::Arc;

use super::fields::put;
use super::{Part, no_fields};
use crate::data_error::DataError;
use crate::java_number;
use crate::options::Options;
use crate::record::ConnectRecord;
use crate::schema::Schema;
use crate::schema_cache::SchemaCache;
use crate::value::{Decimal, Value, ValueMap};

const PURPOSE: &str = "mask fields";

#[derive(Debug)]
pub(super) struct MaskField {
    fields: Vec<Arc<str>>,
    replacement: Option<Arc<str>>,
    null_to_default: bool,
    places: SchemaCache<Arc<Schema>, Arc<[usize]>>,
}

impl MaskField {
    pub(super) fn compile(options: &mut Options<'_, '_>) -> Option<Self> {
        let fields = options.required_list("fields")?;
        let replacement = options.raw("replacement").map(str::trim);
        if replacement == Some("") {
            options.refuse("replacement", "is empty", Some("leave it out".to_owned()));
            return None;
        }
        Some(Self {
            fields: fields.into_iter().map(Arc::from).collect(),
            replacement: replacement.map(Arc::from),
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
        match value {
            Value::Map(map) if schema.is_none() => {
                for name in &self.fields {
                    match map.get_mut(name) {
                        Some(own) => *own = self.masked(own)?,
                        None => {
                            map.insert(name.clone(), Value::Null);
                        }
                    }
                }
                Ok(())
            }
            Value::Struct(own) => {
                let places = self
                    .places
                    .of(&own.schema, || Ok(self.places(&own.schema)))?;
                for (index, field) in own.schema.fields().iter().enumerate() {
                    let Some(value) = own.values.get_mut(index) else {
                        break;
                    };
                    *value = put(std::mem::take(value), field, self.null_to_default)?;
                    if places.contains(&index) {
                        *value = self.masked(value)?;
                    }
                }
                Ok(())
            }
            other => Err(no_fields(other, schema.as_ref(), PURPOSE)),
        }
    }

    fn places(&self, own: &Schema) -> Arc<[usize]> {
        let index = |name: &Arc<str>| own.field_index(name);
        self.fields.iter().filter_map(index).collect()
    }

    fn masked(&self, value: &Value) -> Result<Value, DataError> {
        let masked = match &self.replacement {
            None => zero(value),
            Some(text) => replaced(value, text)?,
        };
        masked.ok_or_else(|| {
            let custom = match self.replacement {
                Some(_) => " with custom replacement",
                None => "",
            };
            DataError::new(format!("cannot mask {}{custom}", value.kind()))
        })
    }
}

fn zero(value: &Value) -> Option<Value> {
    Some(match value {
        Value::Null => Value::Null,
        Value::Bool(_) => Value::Bool(false),
        Value::I8(_) => Value::I8(0),
        Value::I16(_) => Value::I16(0),
        Value::I32(_) => Value::I32(0),
        Value::I64(_) => Value::I64(0),
        Value::F32(_) => Value::F32(0.0),
        Value::F64(_) => Value::F64(0.0),
        Value::Str(_) => Value::text(""),
        Value::List(_) => Value::List(Vec::new()),
        Value::Map(_) => Value::Map(ValueMap::new()),
        Value::Date(_) => Value::Date(0),
        Value::Time(_) => Value::Time(0),
        Value::Timestamp(_) => Value::Timestamp(0),
        // The scale of the field's schema is not kept, as in the original.
        Value::Decimal(_) => Value::Decimal(Box::new(Decimal {
            unscaled: 0.into(),
            scale: 0,
        })),
        Value::Bytes(_) | Value::Struct(_) => return None,
    })
}

/// The replacement as the value's type; `None` for types that have none.
fn replaced(value: &Value, text: &Arc<str>) -> Result<Option<Value>, DataError> {
    let decimal = || java_number::decimal(text);
    let integer = || decimal().map(|decimal| java_number::wrapping_i64(&decimal));
    #[expect(clippy::cast_possible_truncation, reason = "wraps, as the original")]
    let replaced = match value {
        Value::Null => Some(Value::Null),
        Value::I8(_) => integer().map(|own| Value::I8(own as i8)),
        Value::I16(_) => integer().map(|own| Value::I16(own as i16)),
        Value::I32(_) => integer().map(|own| Value::I32(own as i32)),
        Value::I64(_) => integer().map(Value::I64),
        Value::F32(_) => decimal().map(|own| Value::F32(java_number::to_f32(&own))),
        Value::F64(_) => decimal().map(|own| Value::F64(java_number::to_f64(&own))),
        Value::Decimal(_) => decimal().map(|own| Value::Decimal(Box::new(own))),
        Value::Str(_) => Some(Value::Str(text.clone())),
        _ => return Ok(None),
    };
    let unable = || DataError::new(format!("unable to convert `{text}` to {}", value.kind()));
    replaced.ok_or_else(unable).map(Some)
}
