//! Values as JSON text, byte for byte as Kafka Connect's `JsonConverter` writes them (CONNECT-SPEC 1.4).

use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;

use super::DecimalFormat;
use super::coerce::decimal_scale;
use crate::data_error::DataError;
use crate::java_text;
use crate::schema::{Logical, Schema, SchemaKind};
use crate::value::{Decimal, Struct, Value, ValueMap};

/// JSON text under construction.
#[derive(Debug)]
pub(super) struct Writer {
    out: String,
    decimal_format: DecimalFormat,
    null_to_default: bool,
}

impl Writer {
    pub(super) fn new(decimal_format: DecimalFormat, null_to_default: bool) -> Self {
        Self {
            out: String::with_capacity(256),
            decimal_format,
            null_to_default,
        }
    }

    pub(super) fn into_bytes(self) -> Vec<u8> {
        self.out.into_bytes()
    }

    /// Text that is JSON already.
    pub(super) fn raw(&mut self, json: &str) {
        self.out.push_str(json);
    }

    /// A quoted string; characters beyond the Basic Multilingual Plane as two escapes.
    pub(super) fn text(&mut self, text: &str) {
        self.out.push('"');
        for character in text.chars() {
            match character {
                '"' => self.out.push_str("\\\""),
                '\\' => self.out.push_str("\\\\"),
                '\u{8}' => self.out.push_str("\\b"),
                '\t' => self.out.push_str("\\t"),
                '\n' => self.out.push_str("\\n"),
                '\u{c}' => self.out.push_str("\\f"),
                '\r' => self.out.push_str("\\r"),
                '\0'..='\u{1f}' | '\u{10000}'.. => self.escape(character),
                plain => self.out.push(plain),
            }
        }
        self.out.push('"');
    }

    /// A value; `schema` says what a null and a logical type mean.
    pub(super) fn value(
        &mut self,
        schema: Option<&Schema>,
        value: &Value,
    ) -> Result<(), DataError> {
        match value {
            Value::Null => return self.null(schema),
            Value::Bool(value) => self.raw(if *value { "true" } else { "false" }),
            Value::I8(value) => self.integer(i64::from(*value)),
            Value::I16(value) => self.integer(i64::from(*value)),
            Value::I32(value) => self.integer(i64::from(*value)),
            Value::I64(value) => self.integer(*value),
            Value::F32(value) => self.float(value.is_finite(), |out| java_text::float(*value, out)),
            Value::F64(value) => {
                self.float(value.is_finite(), |out| java_text::double(*value, out));
            }
            Value::Str(text) => self.text(text),
            Value::Bytes(bytes) => self.base64(bytes),
            Value::List(elements) => return self.list(schema, elements),
            Value::Map(map) => return self.map(schema, map),
            Value::Struct(value) => return self.structure(value),
            Value::Date(_) | Value::Time(_) | Value::Timestamp(_) | Value::Decimal(_) => {
                return self.logical(schema, value);
            }
        }
        Ok(())
    }

    fn escape(&mut self, character: char) {
        for unit in character.encode_utf16(&mut [0; 2]) {
            // Writing to a String cannot fail.
            if write!(self.out, "\\u{unit:04X}").is_err() {
                return;
            }
        }
    }

    fn integer(&mut self, value: i64) {
        self.raw(&value.to_string());
    }

    fn float(&mut self, finite: bool, write: impl FnOnce(&mut String)) {
        self.raw(if finite { "" } else { "\"" });
        write(&mut self.out);
        self.raw(if finite { "" } else { "\"" });
    }

    fn base64(&mut self, bytes: &[u8]) {
        self.out.push('"');
        BASE64.encode_string(bytes, &mut self.out);
        self.out.push('"');
    }

    fn null(&mut self, schema: Option<&Schema>) -> Result<(), DataError> {
        let Some(schema) = schema else {
            self.raw("null");
            return Ok(());
        };
        match &schema.default {
            Some(default) if self.null_to_default => self.value(Some(schema), default),
            _ if schema.optional => {
                self.raw("null");
                Ok(())
            }
            _ => Err(DataError::new(
                "null for a field that is required and has no default",
            )),
        }
    }

    fn list(&mut self, schema: Option<&Schema>, elements: &[Value]) -> Result<(), DataError> {
        let element = match schema.map(|schema| &schema.kind) {
            Some(SchemaKind::Array(element)) => Some(&**element),
            _ => None,
        };
        self.raw("[");
        for (index, value) in elements.iter().enumerate() {
            self.raw(if index == 0 { "" } else { "," });
            self.value(element, value)?;
        }
        self.raw("]");
        Ok(())
    }

    fn map(&mut self, schema: Option<&Schema>, map: &ValueMap) -> Result<(), DataError> {
        let (key, value) = match schema.map(|schema| &schema.kind) {
            Some(SchemaKind::Map(key, value)) => (Some(&**key), Some(&**value)),
            _ => (None, None),
        };
        let as_object = match key {
            Some(key) => key.kind == SchemaKind::String && !key.optional,
            None => map.iter().all(|(key, _)| matches!(key, Value::Str(_))),
        };
        self.raw(if as_object { "{" } else { "[" });
        for (index, (own_key, own_value)) in map.iter().enumerate() {
            self.raw(if index == 0 { "" } else { "," });
            self.raw(if as_object { "" } else { "[" });
            self.value(key, own_key)?;
            self.raw(if as_object { ":" } else { "," });
            self.value(value, own_value)?;
            self.raw(if as_object { "" } else { "]" });
        }
        self.raw(if as_object { "}" } else { "]" });
        Ok(())
    }

    fn structure(&mut self, value: &Struct) -> Result<(), DataError> {
        self.raw("{");
        for (index, (field, value)) in value.schema.fields().iter().zip(&value.values).enumerate() {
            self.raw(if index == 0 { "" } else { "," });
            self.text(&field.name);
            self.raw(":");
            let written = self.value(Some(&field.schema), value);
            written.map_err(|error| error.within(format_args!("field `{}`", field.name)))?;
        }
        self.raw("}");
        Ok(())
    }

    /// Dates and decimals have no schemaless form.
    fn logical(&mut self, schema: Option<&Schema>, value: &Value) -> Result<(), DataError> {
        let logical = schema.and_then(Schema::logical);
        match (logical, value) {
            (Some(Logical::Date), Value::Date(days)) => self.integer(i64::from(*days)),
            (Some(Logical::Time), Value::Time(millis)) => self.integer(i64::from(*millis)),
            (Some(Logical::Timestamp), Value::Timestamp(millis)) => self.integer(*millis),
            (Some(Logical::Decimal), Value::Decimal(decimal)) => {
                return self.decimal(schema, decimal);
            }
            _ => {
                return Err(DataError::new(format!(
                    "{} without a schema has no JSON form",
                    value.kind()
                )));
            }
        }
        Ok(())
    }

    fn decimal(&mut self, schema: Option<&Schema>, decimal: &Decimal) -> Result<(), DataError> {
        match self.decimal_format {
            DecimalFormat::Numeric => self.raw(&java_text::decimal(decimal)),
            DecimalFormat::Base64 => {
                let scale = schema.map_or(Ok(decimal.scale), decimal_scale)?;
                if scale != decimal.scale {
                    return Err(DataError::new(format!(
                        "a decimal of scale {} does not fit a schema of scale {scale}",
                        decimal.scale
                    )));
                }
                self.base64(&decimal.unscaled.to_signed_bytes_be());
            }
        }
        Ok(())
    }
}
