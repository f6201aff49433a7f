//! `messina.Explode`: a list, or text of separated elements, becomes one record per element.
//!
//! Options: `field` (required); `separator` for text, without which the field must be a list;
//! `element.field` = the element's name (default: as `field`); `element.type`; `index.field` = a field for
//! the element's index from 0; `max.rows` = the most elements a record may have (default 10000).
//! The other fields are repeated in every record. Blanks around elements, and empty elements at the end,
//! are dropped; an empty or null field is no record at all.

use std::sync::Arc;

use super::fields::with_fields;
use super::{MAX_ROWS, Part, no_fields};
use crate::bind::bind;
use crate::converter::{SCALAR_TYPES, scalar_from_text, scalar_type};
use crate::cql_type::CqlType;
use crate::data_error::DataError;
use crate::options::Options;
use crate::record::ConnectRecord;
use crate::row::CqlValue;
use crate::schema::{Field, Schema, SchemaKind};
use crate::schema_cache::SchemaCache;
use crate::value::{Struct, Value, ValueMap};

#[derive(Debug)]
pub(super) struct Explode {
    field: String,
    separator: Option<String>,
    element_field: Arc<str>,
    element_type: Option<SchemaKind>,
    index_field: Option<Arc<str>>,
    max_rows: usize,
    schemas: SchemaCache<Arc<Schema>>,
}

impl Explode {
    pub(super) fn compile(options: &mut Options<'_, '_>) -> Option<Self> {
        let field = options.required("field")?.to_owned();
        let element_type = match options.text("element.type") {
            None => None,
            Some(name) => {
                let kind = scalar_type(name);
                if kind.is_none() {
                    let help = Some(format!("available are {SCALAR_TYPES}"));
                    options.refuse("element.type", format!("unknown type `{name}`"), help);
                }
                Some(kind?)
            }
        };
        // Elements are trimmed, so blanks around the separator do not matter unless there is nothing else.
        let separator = options
            .raw("separator")
            .filter(|separator| !separator.is_empty());
        let separator = separator.map(|raw| {
            if raw.trim().is_empty() {
                raw
            } else {
                raw.trim()
            }
        });
        Some(Self {
            element_field: Arc::from(options.text("element.field").unwrap_or(&field)),
            field,
            separator: separator.map(str::to_owned),
            element_type,
            index_field: options.text("index.field").map(Arc::from),
            max_rows: options.count("max.rows", MAX_ROWS),
            schemas: SchemaCache::default(),
        })
    }

    pub(super) fn apply<'a>(
        &self,
        mut record: ConnectRecord<'a>,
        part: Part,
        out: &mut Vec<ConnectRecord<'a>>,
    ) -> Result<(), DataError> {
        let (schema, value) = part.of(&mut record);
        match std::mem::take(value) {
            Value::Null => {
                out.push(record);
                Ok(())
            }
            Value::Map(map) => self.map(&record, map, part, out),
            Value::Struct(value) => self.structure(&record, value, part, out),
            other => Err(no_fields(&other, schema.as_ref(), "explosion")),
        }
    }

    fn map<'a>(
        &self,
        record: &ConnectRecord<'a>,
        mut map: ValueMap,
        part: Part,
        out: &mut Vec<ConnectRecord<'a>>,
    ) -> Result<(), DataError> {
        let Some(elements) = map.remove(&self.field) else {
            return Err(self.missing());
        };
        let elements = self.elements(elements)?;
        out.reserve(elements.len());
        for (index, element) in elements.into_iter().enumerate() {
            let mut row = ValueMap::with_capacity(map.len() + 2);
            row.extend_distinct(&map);
            row.insert(self.element_field.clone(), element);
            if let Some(name) = &self.index_field {
                row.insert(name.clone(), index_value(index));
            }
            push(record, part, None, Value::Map(row), out);
        }
        Ok(())
    }

    fn structure<'a>(
        &self,
        record: &ConnectRecord<'a>,
        mut value: Struct,
        part: Part,
        out: &mut Vec<ConnectRecord<'a>>,
    ) -> Result<(), DataError> {
        let Some(at) = value.schema.field_index(&self.field) else {
            return Err(self.missing());
        };
        let schema = self.schemas.get_or_make(
            |known| Arc::ptr_eq(known, &value.schema),
            || {
                Ok((
                    value.schema.clone(),
                    Arc::new(self.exploded(&value.schema, at)?),
                ))
            },
        )?;
        let elements = self.elements(value.values.remove(at))?;
        out.reserve(elements.len());
        for (index, element) in elements.into_iter().enumerate() {
            let mut values = Vec::with_capacity(value.values.len() + 3);
            values.extend(value.values.iter().cloned());
            values.push(element);
            if self.index_field.is_some() {
                values.push(index_value(index));
            }
            let row = Value::Struct(Struct {
                schema: schema.clone(),
                values,
            });
            push(record, part, Some(&schema), row, out);
        }
        Ok(())
    }

    /// The other fields, then the element, then its index.
    fn exploded(&self, own: &Schema, at: usize) -> Result<Schema, DataError> {
        let mut fields = own.fields().to_vec();
        let exploded = fields.remove(at);
        let element = match (&self.element_type, &exploded.schema.kind) {
            (Some(kind), _) => Arc::new(Schema::new(kind.clone()).optional()),
            (None, SchemaKind::Array(element)) => element.clone(),
            (None, _) => Arc::new(Schema::new(SchemaKind::String).optional()),
        };
        let mut more = vec![Field {
            name: self.element_field.clone(),
            schema: element,
        }];
        let index = Arc::new(Schema::new(SchemaKind::Int32));
        more.extend(self.index_field.iter().map(|name| Field {
            name: name.clone(),
            schema: index.clone(),
        }));
        with_fields(own, fields, &more)
    }

    fn elements(&self, value: Value) -> Result<Vec<Value>, DataError> {
        let elements = match (value, &self.separator) {
            (Value::Null, _) => Vec::new(),
            (Value::List(elements), _) => self.typed(elements)?,
            (Value::Str(text), Some(separator)) => self.split(&text, separator)?,
            (Value::Str(_), None) => {
                return Err(DataError::new(format!(
                    "field `{}` is text, and no separator is configured",
                    self.field
                )));
            }
            (other, _) => {
                let found = other.kind();
                return Err(DataError::new(format!(
                    "field `{}` is {found}, not a list or text",
                    self.field
                )));
            }
        };
        match elements.len() {
            rows if rows > self.max_rows => Err(self.too_many()),
            _ => Ok(elements),
        }
    }

    fn split(&self, text: &str, separator: &str) -> Result<Vec<Value>, DataError> {
        let mut text = text.trim();
        while let Some(shorter) = text.strip_suffix(separator) {
            text = shorter.trim_end();
        }
        if text.is_empty() {
            return Ok(Vec::new());
        }
        let kind = self.element_type.as_ref().unwrap_or(&SchemaKind::String);
        let element = |(index, element): (usize, &str)| {
            if index >= self.max_rows {
                return Err(self.too_many());
            }
            scalar_from_text(kind, element.trim()).map_err(|error| self.at(index, error))
        };
        text.split(separator).enumerate().map(element).collect()
    }

    /// A list's elements converted to the configured type, by the rules of columns: nothing wraps or rounds.
    fn typed(&self, elements: Vec<Value>) -> Result<Vec<Value>, DataError> {
        let Some(kind) = &self.element_type else {
            return Ok(elements);
        };
        let convert = |(index, element): (usize, Value)| {
            typed_element(&element, kind).map_err(|error| self.at(index, error))
        };
        elements.into_iter().enumerate().map(convert).collect()
    }

    fn at(&self, index: usize, error: DataError) -> DataError {
        error.within(format_args!("element {index} of field `{}`", self.field))
    }

    fn missing(&self) -> DataError {
        DataError::new(format!("there is no field `{}` to explode", self.field))
    }

    fn too_many(&self) -> DataError {
        DataError::new(format!(
            "field `{}` has more than {} elements",
            self.field, self.max_rows
        ))
    }
}

fn typed_element(element: &Value, kind: &SchemaKind) -> Result<Value, DataError> {
    let column = match kind {
        SchemaKind::Int8 => CqlType::Tinyint,
        SchemaKind::Int16 => CqlType::Smallint,
        SchemaKind::Int32 => CqlType::Int,
        SchemaKind::Int64 => CqlType::Bigint,
        SchemaKind::Float32 => CqlType::Float,
        SchemaKind::Float64 => CqlType::Double,
        SchemaKind::Boolean => CqlType::Boolean,
        _ => CqlType::Text,
    };
    Ok(match bind(element, &column)? {
        CqlValue::Tinyint(value) => Value::I8(value),
        CqlValue::Smallint(value) => Value::I16(value),
        CqlValue::Int(value) => Value::I32(value),
        CqlValue::Bigint(value) => Value::I64(value),
        CqlValue::Float(value) => Value::F32(value),
        CqlValue::Double(value) => Value::F64(value),
        CqlValue::Boolean(value) => Value::Bool(value),
        CqlValue::Text(value) => Value::Str(value),
        _ => Value::Null,
    })
}

fn index_value(index: usize) -> Value {
    i32::try_from(index).map_or(Value::Null, Value::I32)
}

/// A copy of `record` with another part.
fn push<'a>(
    record: &ConnectRecord<'a>,
    part: Part,
    schema: Option<&Arc<Schema>>,
    value: Value,
    out: &mut Vec<ConnectRecord<'a>>,
) {
    let mut row = record.clone();
    let (own_schema, own_value) = part.of(&mut row);
    *own_schema = schema.cloned();
    *own_value = value;
    out.push(row);
}
