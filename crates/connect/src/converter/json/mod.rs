//! `org.apache.kafka.connect.json.JsonConverter`: JSON text with and without the schema envelope.
//!
//! Takes a record's bytes from the plan; gives it a value and, with `schemas.enable`, the value's schema.
//! Every rule is CONNECT-SPEC 1.4 with its corrections 2.5.6.

use std::sync::Arc;

use crate::data_error::DataError;
use crate::schema::Schema;
use crate::schema_cache::SchemaCache;
use crate::value::Value;

mod coerce;
mod number;
mod parser;
mod schema_text;
#[cfg(test)]
mod tests;
mod writer;

use coerce::Reader;
pub(crate) use coerce::type_name;
pub(crate) use parser::Parser;
use parser::{BYTE_ORDER_MARK, Token};
use writer::Writer;

/// How decimals are written: option `decimal.format`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum DecimalFormat {
    /// Base64 of the unscaled value's bytes.
    #[default]
    Base64,
    /// A plain JSON number.
    Numeric,
}

/// The converter with its options.
#[derive(Debug)]
pub struct JsonConverter {
    /// Option `schemas.enable`: whether records are envelopes.
    pub schemas_enable: bool,
    /// Option `decimal.format`.
    pub decimal_format: DecimalFormat,
    /// Option `replace.null.with.default`.
    pub null_to_default: bool,
    schemas: SchemaCache<Box<str>>,
}

impl JsonConverter {
    /// A converter with Kafka Connect's defaults but for `schemas.enable`.
    pub fn new(schemas_enable: bool) -> Self {
        Self {
            schemas_enable,
            decimal_format: DecimalFormat::default(),
            null_to_default: true,
            schemas: SchemaCache::default(),
        }
    }

    /// Bytes to a value.
    pub fn read(&self, bytes: &[u8]) -> Result<(Option<Arc<Schema>>, Value), DataError> {
        let mut parser = Parser::new(bytes)?;
        if self.schemas_enable {
            return parser.root(|parser| self.envelope(parser));
        }
        // Nothing is null, a byte order mark alone is not.
        if parser.is_at_end() && bytes != BYTE_ORDER_MARK.as_bytes() {
            return Ok((None, Value::Null));
        }
        Ok((None, parser.root(Parser::value)?))
    }

    /// A value to bytes; `None` is a true tombstone.
    pub fn write(
        &self,
        schema: Option<&Schema>,
        value: &Value,
    ) -> Result<Option<Vec<u8>>, DataError> {
        if schema.is_none() && value.is_null() {
            return Ok(None);
        }
        let mut writer = Writer::new(self.decimal_format, self.null_to_default);
        if self.schemas_enable {
            writer.raw("{\"schema\":");
            match schema {
                Some(schema) => schema_text::write(&mut writer, schema, None)?,
                None => writer.raw("null"),
            }
            writer.raw(",\"payload\":");
            writer.value(schema, value)?;
            writer.raw("}");
        } else {
            writer.value(schema, value)?;
        }
        Ok(Some(writer.into_bytes()))
    }

    /// An object of exactly `schema` and `payload`, in either order.
    fn envelope(&self, parser: &mut Parser<'_>) -> Result<(Option<Arc<Schema>>, Value), DataError> {
        let wrong = || {
            DataError::new(
                "with schemas.enable=true a record is a JSON object of exactly `schema` and `payload`; \
                 for plain JSON set schemas.enable=false",
            )
        };
        if !matches!(parser.token()?, Token::Object) {
            return Err(wrong());
        }
        let (mut schema, mut payload, mut first) = (None, None, true);
        while let Some(name) = parser.member(std::mem::take(&mut first))? {
            match &*name {
                "schema" => schema = Some(parser.skip()?),
                "payload" => payload = Some(parser.skip()?),
                _ => return Err(wrong()),
            }
        }
        let (Some(schema), Some(payload)) = (schema, payload) else {
            return Err(wrong());
        };
        let Some(schema) = self.schema(schema)? else {
            return Ok((None, Parser::of(payload).value()?));
        };
        let value = Reader {
            null_to_default: self.null_to_default,
        }
        .read(&mut Parser::of(payload), &schema)?;
        Ok((Some(schema), value))
    }

    fn schema(&self, text: &str) -> Result<Option<Arc<Schema>>, DataError> {
        if text == "null" {
            return Ok(None);
        }
        let parse = || {
            let schema = schema_text::parse(&mut Parser::of(text))?;
            schema.ok_or_else(|| DataError::new("a schema is a JSON object"))
        };
        self.schemas
            .get_or_make(|own| **own == *text, || Ok((Box::from(text), parse()?)))
            .map(Some)
    }
}
