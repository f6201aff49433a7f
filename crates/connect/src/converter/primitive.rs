//! `ShortConverter`, `IntegerConverter`, ... : one number, big-endian, or a boolean (CONNECT-SPEC 1.5).

use std::sync::{Arc, LazyLock};

use super::json;
use crate::data_error::DataError;
use crate::schema::{Schema, SchemaKind};
use crate::value::Value;

/// What a converter of one number reads and writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the variants are the classes' names")]
pub enum Primitive {
    Short,
    Integer,
    Long,
    Float,
    Double,
    Boolean,
}

/// One optional schema of each kind, shared, so that what is made of it is made once.
static SCHEMAS: LazyLock<[Arc<Schema>; 8]> = LazyLock::new(|| {
    [
        SchemaKind::Int16,
        SchemaKind::Int32,
        SchemaKind::Int64,
        SchemaKind::Float32,
        SchemaKind::Float64,
        SchemaKind::Boolean,
        SchemaKind::String,
        SchemaKind::Bytes,
    ]
    .map(|kind| Arc::new(Schema::new(kind).optional()))
});

/// The optional schema of `kind`.
pub(super) fn schema(kind: SchemaKind) -> Arc<Schema> {
    let shared = SCHEMAS.iter().find(|schema| schema.kind == kind);
    shared.map_or_else(|| Arc::new(Schema::new(kind).optional()), Arc::clone)
}

/// A null written by a converter that looks at its schema, which must be of `kind` if there is one.
pub(super) fn null(
    schema: Option<&Schema>,
    kind: &SchemaKind,
) -> Result<Option<Vec<u8>>, DataError> {
    match schema {
        Some(schema) if schema.kind != *kind => {
            let (wanted, found) = (json::type_name(kind), json::type_name(&schema.kind));
            Err(DataError::new(format!(
                "a null of {found} is not one of {wanted}"
            )))
        }
        _ => Ok(None),
    }
}

impl Primitive {
    pub(super) const fn class_name(self) -> &'static str {
        match self {
            Self::Short => "org.apache.kafka.connect.converters.ShortConverter",
            Self::Integer => "org.apache.kafka.connect.converters.IntegerConverter",
            Self::Long => "org.apache.kafka.connect.converters.LongConverter",
            Self::Float => "org.apache.kafka.connect.converters.FloatConverter",
            Self::Double => "org.apache.kafka.connect.converters.DoubleConverter",
            Self::Boolean => "org.apache.kafka.connect.converters.BooleanConverter",
        }
    }

    pub(super) fn schema(self) -> Arc<Schema> {
        schema(match self {
            Self::Short => SchemaKind::Int16,
            Self::Integer => SchemaKind::Int32,
            Self::Long => SchemaKind::Int64,
            Self::Float => SchemaKind::Float32,
            Self::Double => SchemaKind::Float64,
            Self::Boolean => SchemaKind::Boolean,
        })
    }

    /// Exactly as many bytes as the type has.
    pub(super) fn read(self, bytes: &[u8]) -> Result<Value, DataError> {
        let value = match self {
            Self::Short => bytes
                .try_into()
                .ok()
                .map(|own| Value::I16(i16::from_be_bytes(own))),
            Self::Integer => bytes
                .try_into()
                .ok()
                .map(|own| Value::I32(i32::from_be_bytes(own))),
            Self::Long => bytes
                .try_into()
                .ok()
                .map(|own| Value::I64(i64::from_be_bytes(own))),
            Self::Float => bytes
                .try_into()
                .ok()
                .map(|own| Value::F32(f32::from_be_bytes(own))),
            Self::Double => bytes
                .try_into()
                .ok()
                .map(|own| Value::F64(f64::from_be_bytes(own))),
            Self::Boolean => match bytes {
                [0] => Some(Value::Bool(false)),
                [1] => Some(Value::Bool(true)),
                _ => None,
            },
        };
        value.ok_or_else(|| {
            let length = bytes.len();
            DataError::new(format!(
                "{length} bytes are not what {self:?}Converter reads"
            ))
        })
    }

    /// The exact type only.
    pub(super) fn write(self, value: &Value) -> Result<Vec<u8>, DataError> {
        Ok(match (self, value) {
            (Self::Short, Value::I16(value)) => value.to_be_bytes().to_vec(),
            (Self::Integer, Value::I32(value)) => value.to_be_bytes().to_vec(),
            (Self::Long, Value::I64(value)) => value.to_be_bytes().to_vec(),
            (Self::Float, Value::F32(value)) => value.to_be_bytes().to_vec(),
            (Self::Double, Value::F64(value)) if value.is_nan() => f64::NAN.to_be_bytes().to_vec(),
            (Self::Double, Value::F64(value)) => value.to_be_bytes().to_vec(),
            (Self::Boolean, Value::Bool(value)) => vec![u8::from(*value)],
            (_, other) => {
                let kind = other.kind();
                return Err(DataError::new(format!(
                    "{self:?}Converter does not write {kind}"
                )));
            }
        })
    }
}
