//! Converters: the bytes of a record's key or value to and from values.
//!
//! Takes raw bytes from the plan; gives it a value with its schema, or says what is wrong with the bytes.

use std::sync::Arc;

use bytes::Bytes;

use crate::config::{ConnectorConfig, Problem};
use crate::data_error::DataError;
use crate::options::Options;
use crate::schema::{Schema, SchemaKind};
use crate::value::Value;

pub(crate) mod delimited;
pub(crate) mod header;
mod header_converter;
mod header_token;
pub(crate) mod json;

mod primitive;
pub(crate) mod string;

pub use delimited::DelimitedConverter;
pub use header_converter::HeaderConverter;
pub use json::{DecimalFormat, JsonConverter};
pub use primitive::Primitive;

/// The converters there are.
#[derive(Debug)]
pub enum Converter {
    /// `org.apache.kafka.connect.json.JsonConverter`
    Json(JsonConverter),
    /// `org.apache.kafka.connect.storage.StringConverter`
    String,
    /// `org.apache.kafka.connect.converters.ByteArrayConverter`
    ByteArray,
    /// `org.apache.kafka.connect.converters.IntegerConverter` and its like: one number, big-endian, or a boolean.
    Primitive(Primitive),
    /// `messina.DelimitedConverter`
    Delimited(DelimitedConverter),
}

const JSON: &str = "org.apache.kafka.connect.json.JsonConverter";
const STRING: &str = "org.apache.kafka.connect.storage.StringConverter";
const BYTE_ARRAY: &str = "org.apache.kafka.connect.converters.ByteArrayConverter";
const DELIMITED: &str = "messina.DelimitedConverter";
const PRIMITIVES: [(&str, Primitive); 6] = [
    (
        "org.apache.kafka.connect.converters.ShortConverter",
        Primitive::Short,
    ),
    (
        "org.apache.kafka.connect.converters.IntegerConverter",
        Primitive::Integer,
    ),
    (
        "org.apache.kafka.connect.converters.LongConverter",
        Primitive::Long,
    ),
    (
        "org.apache.kafka.connect.converters.FloatConverter",
        Primitive::Float,
    ),
    (
        "org.apache.kafka.connect.converters.DoubleConverter",
        Primitive::Double,
    ),
    (
        "org.apache.kafka.connect.converters.BooleanConverter",
        Primitive::Boolean,
    ),
];

impl Converter {
    /// Full names of all converters.
    pub const CLASSES: [&'static str; 10] = [
        JSON,
        STRING,
        BYTE_ARRAY,
        DELIMITED,
        PRIMITIVES[0].0,
        PRIMITIVES[1].0,
        PRIMITIVES[2].0,
        PRIMITIVES[3].0,
        PRIMITIVES[4].0,
        PRIMITIVES[5].0,
    ];

    /// The converter `class` with the options below its prefix; what is wrong goes into `options`.
    pub(crate) fn compile(class: &str, options: &mut Options<'_, '_>) -> Option<Self> {
        let full = Self::CLASSES.into_iter().find(|full| {
            let simple = full.rsplit('.').next().unwrap_or(full);
            let short = |name: &'static str| name.strip_suffix("Converter");
            [*full, simple].contains(&class) || [short(full), short(simple)].contains(&Some(class))
        });
        match full {
            Some(JSON) => Some(Self::Json(json(options))),
            Some(STRING) => {
                string::check(options);
                Some(Self::String)
            }
            Some(BYTE_ARRAY) => Some(Self::ByteArray),
            Some(DELIMITED) => DelimitedConverter::compile(options).map(Self::Delimited),
            Some(other) => {
                let primitive = PRIMITIVES.into_iter().find(|(class, _)| *class == other);
                primitive.map(|(_, primitive)| Self::Primitive(primitive))
            }
            None if class.starts_with("io.confluent.connect.") => {
                options.refuse_self(
                    format!("`{class}` needs a Schema Registry, which is not available yet"),
                    format!("available are {}", Self::CLASSES.join(", ")),
                );
                None
            }
            None => {
                options.refuse_self(
                    format!("unknown converter `{class}`"),
                    format!("available are {}", Self::CLASSES.join(", ")),
                );
                None
            }
        }
    }

    /// The converter the option `own` of `config` names, with the options below it, or what is wrong with them.
    pub fn from_config(config: &ConnectorConfig, own: &str) -> Result<Self, Vec<Problem>> {
        let mut problems = Vec::new();
        let mut options = Options::new(config, own, format!("{own}."), &mut problems);
        let class = config.text(own).unwrap_or_default();
        let converter = Self::compile(class, &mut options);
        converter.filter(|_| problems.is_empty()).ok_or(problems)
    }

    /// The full class name, for dead letters.
    pub const fn class_name(&self) -> &'static str {
        match self {
            Self::Json(_) => JSON,
            Self::String => STRING,
            Self::ByteArray => BYTE_ARRAY,
            Self::Primitive(primitive) => primitive.class_name(),
            Self::Delimited(_) => DELIMITED,
        }
    }

    /// Whether reading succeeds whatever the bytes are, so that it can be left out where nobody looks.
    pub const fn reads_anything(&self) -> bool {
        matches!(self, Self::String | Self::ByteArray)
    }

    /// Bytes to a value and its schema.
    pub fn read(&self, bytes: Option<&Bytes>) -> Result<(Option<Arc<Schema>>, Value), DataError> {
        let Some(bytes) = bytes else {
            return Ok((self.null_schema(), Value::Null));
        };
        match self {
            Self::Json(json) => json.read(bytes),
            Self::String => {
                let text = Value::text(&String::from_utf8_lossy(bytes));
                Ok((self.null_schema(), text))
            }
            Self::ByteArray => Ok((self.null_schema(), Value::Bytes(bytes.clone()))),
            Self::Primitive(primitive) => Ok((self.null_schema(), primitive.read(bytes)?)),
            Self::Delimited(delimited) => delimited.read(bytes),
        }
    }

    /// The schema of every value of a converter that has only one; Kafka's null has none otherwise.
    fn null_schema(&self) -> Option<Arc<Schema>> {
        match self {
            Self::Json(_) | Self::Delimited(_) => None,
            Self::String => Some(primitive::schema(SchemaKind::String)),
            Self::ByteArray => Some(primitive::schema(SchemaKind::Bytes)),
            Self::Primitive(primitive) => Some(primitive.schema()),
        }
    }

    /// A value to bytes; `None` is a tombstone.
    pub fn write(
        &self,
        schema: Option<&Schema>,
        value: &Value,
    ) -> Result<Option<Vec<u8>>, DataError> {
        match (self, value) {
            (Self::Json(json), _) => json.write(schema, value),
            (Self::ByteArray, Value::Null) => primitive::null(schema, &SchemaKind::Bytes),
            (Self::Primitive(Primitive::Boolean), Value::Null) => {
                primitive::null(schema, &SchemaKind::Boolean)
            }
            (_, Value::Null) => Ok(None),
            (Self::String, _) => Ok(Some(string::write(value).into_bytes())),
            (Self::ByteArray, Value::Bytes(bytes)) => Ok(Some(bytes.to_vec())),
            (Self::ByteArray, other) => Err(DataError::new(format!(
                "ByteArrayConverter writes bytes, not {}",
                other.kind()
            ))),
            (Self::Primitive(primitive), _) => primitive.write(value).map(Some),
            (Self::Delimited(delimited), _) => delimited.write(value).map(Some),
        }
    }
}

fn json(options: &mut Options<'_, '_>) -> JsonConverter {
    let mut converter = JsonConverter::new(options.boolean("schemas.enable", true));
    converter.null_to_default = options.boolean("replace.null.with.default", true);
    match options
        .text("decimal.format")
        .map(str::to_ascii_uppercase)
        .as_deref()
    {
        None | Some("BASE64") => {}
        Some("NUMERIC") => converter.decimal_format = DecimalFormat::Numeric,
        Some(other) => options.refuse(
            "decimal.format",
            format!("`{other}` is neither BASE64 nor NUMERIC"),
            None,
        ),
    }
    converter
}

/// The type a person names in an option: Connect's, JSON's and SQL's words.
pub(crate) fn scalar_type(name: &str) -> Option<SchemaKind> {
    Some(match name.to_ascii_lowercase().as_str() {
        "int8" | "tinyint" => SchemaKind::Int8,
        "int16" | "smallint" => SchemaKind::Int16,
        "int32" | "int" | "integer" => SchemaKind::Int32,
        "int64" | "bigint" | "long" => SchemaKind::Int64,
        "float32" | "float" => SchemaKind::Float32,
        "float64" | "double" => SchemaKind::Float64,
        "boolean" | "bool" => SchemaKind::Boolean,
        "string" | "text" | "varchar" => SchemaKind::String,
        _ => return None,
    })
}

/// What [`scalar_type`] knows, for messages.
pub(crate) const SCALAR_TYPES: &str =
    "int8, int16, int32, int64, float32, float64, boolean, string";

/// Text as a value of a scalar type, strictly: no blanks but around, no fraction in integers.
pub(crate) fn scalar_from_text(kind: &SchemaKind, text: &str) -> Result<Value, DataError> {
    let trimmed = text.trim();
    let value = match kind {
        SchemaKind::Int8 => trimmed.parse().ok().map(Value::I8),
        SchemaKind::Int16 => trimmed.parse().ok().map(Value::I16),
        SchemaKind::Int32 => trimmed.parse().ok().map(Value::I32),
        SchemaKind::Int64 => trimmed.parse().ok().map(Value::I64),
        SchemaKind::Float32 => trimmed.parse().ok().map(Value::F32),
        SchemaKind::Float64 => trimmed.parse().ok().map(Value::F64),
        SchemaKind::Boolean if trimmed.eq_ignore_ascii_case("true") => Some(Value::Bool(true)),
        SchemaKind::Boolean if trimmed.eq_ignore_ascii_case("false") => Some(Value::Bool(false)),
        SchemaKind::String => Some(Value::text(text)),
        _ => None,
    };
    value.ok_or_else(|| {
        let shown: String = trimmed.chars().take(40).collect();
        DataError::new(format!(
            "`{}` is not {}",
            shown.escape_debug(),
            json::type_name(kind)
        ))
    })
}
