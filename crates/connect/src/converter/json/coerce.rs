//! Reading JSON by a schema: lenient and silent where the original is (CONNECT-SPEC 1.4, 2.5.6).

use std::borrow::Cow;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use bytes::Bytes;
use num_bigint::BigInt;

use super::number::Number;
use super::parser::{Parser, Token};
use crate::data_error::DataError;
use crate::schema::{Field, Logical, Schema, SchemaKind};
use crate::value::{Decimal, Struct, Value, ValueMap};

/// Where a value stands: a struct refuses a null that its schema does not allow, the top level does not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Top,
    InStruct,
}

/// Reads values by their schemas.
#[derive(Debug, Clone, Copy)]
pub(super) struct Reader {
    /// Option `replace.null.with.default`.
    pub(super) null_to_default: bool,
}

impl Reader {
    /// The next value, read by `schema`.
    pub(super) fn read(
        self,
        parser: &mut Parser<'_>,
        schema: &Arc<Schema>,
    ) -> Result<Value, DataError> {
        self.value(parser, schema, Place::Top)
    }

    /// What a missing or null value of `schema` reads as.
    pub(super) fn null(self, schema: &Schema) -> Result<Value, DataError> {
        match &schema.default {
            Some(default) if self.null_to_default => Ok(default.clone()),
            _ if schema.optional => Ok(Value::Null),
            _ => Err(DataError::new(format!(
                "invalid null value for required {} field",
                type_name(&schema.kind)
            ))),
        }
    }

    fn value(
        self,
        parser: &mut Parser<'_>,
        schema: &Arc<Schema>,
        place: Place,
    ) -> Result<Value, DataError> {
        let token = parser.token()?;
        if matches!(token, Token::Null) {
            return self.null(schema);
        }
        if let Some(logical) = schema.logical() {
            let value = logical_value(logical, schema, &token);
            parser.skip_rest(&token)?;
            return value;
        }
        let value = match &schema.kind {
            SchemaKind::Array(element) => return self.array(parser, &token, element, place),
            SchemaKind::Map(key, value) => return self.map(parser, &token, key, value, place),
            SchemaKind::Struct(_) => return self.structure(parser, &token, schema),
            scalar => scalar_value(scalar, &token)?,
        };
        parser.skip_rest(&token)?;
        if value.is_null() && place == Place::InStruct && !schema.optional {
            return Err(DataError::new("invalid null value for a required field"));
        }
        Ok(value)
    }

    fn array(
        self,
        parser: &mut Parser<'_>,
        token: &Token<'_>,
        element: &Arc<Schema>,
        place: Place,
    ) -> Result<Value, DataError> {
        let mut elements = Vec::new();
        let mut first = true;
        match token {
            Token::Array => {
                while parser.element(std::mem::take(&mut first))? {
                    elements.push(self.value(parser, element, place)?);
                }
            }
            // The original iterates over whatever node there is: an object's values, nothing in a scalar.
            Token::Object => {
                while parser.member(std::mem::take(&mut first))?.is_some() {
                    elements.push(self.value(parser, element, place)?);
                }
            }
            _ => {}
        }
        Ok(Value::List(elements))
    }

    fn map(
        self,
        parser: &mut Parser<'_>,
        token: &Token<'_>,
        key: &Arc<Schema>,
        value: &Arc<Schema>,
        place: Place,
    ) -> Result<Value, DataError> {
        let mut entries = Vec::new();
        if key.kind == SchemaKind::String {
            if !matches!(token, Token::Object) {
                let found = token_name(token);
                return Err(DataError::new(format!(
                    "maps with string keys are JSON objects, but found {found}"
                )));
            }
            while let Some(name) = parser.member(entries.is_empty())? {
                entries.push((
                    Value::Str(Arc::from(name)),
                    self.value(parser, value, place)?,
                ));
            }
            return Ok(Value::Map(ValueMap::from_entries(entries)));
        }
        if !matches!(token, Token::Array) {
            let found = token_name(token);
            return Err(DataError::new(format!(
                "maps with other keys are JSON arrays of pairs, but found {found}"
            )));
        }
        while parser.element(entries.is_empty())? {
            entries.push(self.pair(parser, key, value, place)?);
        }
        Ok(Value::Map(ValueMap::from_entries(entries)))
    }

    fn pair(
        self,
        parser: &mut Parser<'_>,
        key: &Arc<Schema>,
        value: &Arc<Schema>,
        place: Place,
    ) -> Result<(Value, Value), DataError> {
        let wrong = || DataError::new("a map's entry is an array of a key and a value");
        if !matches!(parser.token()?, Token::Array) || !parser.element(true)? {
            return Err(wrong());
        }
        let key = self.value(parser, key, place)?;
        if !parser.element(false)? {
            return Err(wrong());
        }
        let value = self.value(parser, value, place)?;
        if parser.element(false)? {
            Err(wrong())
        } else {
            Ok((key, value))
        }
    }

    fn structure(
        self,
        parser: &mut Parser<'_>,
        token: &Token<'_>,
        schema: &Arc<Schema>,
    ) -> Result<Value, DataError> {
        if !matches!(token, Token::Object) {
            let found = token_name(token);
            return Err(DataError::new(format!(
                "structs are JSON objects, but found {found}"
            )));
        }
        let fields = schema.fields();
        let mut values: Vec<Option<Value>> = vec![None; fields.len()];
        let (mut first, mut expected) = (true, 0);
        while let Some(name) = parser.member(std::mem::take(&mut first))? {
            // Members mostly come in the schema's order.
            let guess = fields
                .get(expected)
                .filter(|field| *field.name == *name)
                .map(|_| expected);
            let Some(index) = guess.or_else(|| schema.field_index(&name)) else {
                parser.skip()?;
                continue;
            };
            expected = index + 1;
            if let (Some(field), Some(slot)) = (fields.get(index), values.get_mut(index)) {
                let value = self.value(parser, &field.schema, Place::InStruct);
                *slot = Some(value.map_err(|error| in_field(error, &field.name))?);
            }
        }
        let missing = |(value, field): (Option<Value>, &Field)| match value {
            Some(value) => Ok(value),
            None => self
                .null(&field.schema)
                .map_err(|error| in_field(error, &field.name)),
        };
        let values = values
            .into_iter()
            .zip(fields)
            .map(missing)
            .collect::<Result<_, _>>()?;
        Ok(Value::Struct(Struct {
            schema: schema.clone(),
            values,
        }))
    }
}

fn in_field(error: DataError, name: &str) -> DataError {
    error.within(format_args!("field `{name}`"))
}

/// Numbers, booleans, strings and bytes: what does not fit becomes zero, false or null without a word.
fn scalar_value(kind: &SchemaKind, token: &Token<'_>) -> Result<Value, DataError> {
    let number = match token {
        Token::Number(number) => Some(*number),
        _ => None,
    };
    let integer = number.map_or(0, Number::wrapping_i64);
    #[expect(
        clippy::cast_possible_truncation,
        reason = "integers out of range wrap, as in the original"
    )]
    Ok(match kind {
        SchemaKind::Int8 => Value::I8(integer as i8),
        SchemaKind::Int16 => Value::I16(integer as i16),
        SchemaKind::Int32 => Value::I32(integer as i32),
        SchemaKind::Int64 => Value::I64(integer),
        SchemaKind::Float32 => Value::F32(number.map_or(0.0, Number::as_f32)),
        SchemaKind::Float64 => Value::F64(number.map_or(0.0, Number::as_f64)),
        SchemaKind::Boolean => Value::Bool(matches!(token, Token::Bool(true))),
        SchemaKind::String => text(token).map_or(Value::Null, Value::text),
        SchemaKind::Bytes => match text(token) {
            Some(text) => Value::Bytes(bytes(text)?),
            None => Value::Null,
        },
        SchemaKind::Array(_) | SchemaKind::Map(..) | SchemaKind::Struct(_) => Value::Null,
    })
}

fn text<'a>(token: &'a Token<'_>) -> Option<&'a str> {
    match token {
        Token::Text(text) => Some(text),
        _ => None,
    }
}

fn bytes(text: &str) -> Result<Bytes, DataError> {
    let decoded = BASE64
        .decode(text)
        .map_err(|error| DataError::new(format!("bytes are not base64: {error}")))?;
    Ok(Bytes::from(decoded))
}

fn logical_value(logical: Logical, schema: &Schema, token: &Token<'_>) -> Result<Value, DataError> {
    let integer = match token {
        Token::Number(number) if number.integral => number.text.parse::<i64>().ok(),
        _ => None,
    };
    let small = integer.and_then(|integer| i32::try_from(integer).ok());
    let wrong = || {
        DataError::new(format!(
            "a {logical:?} is {}, but found {}",
            representation(logical),
            token_name(token)
        ))
    };
    match logical {
        Logical::Date => small.map(Value::Date).ok_or_else(wrong),
        Logical::Time => match small {
            Some(time) if !(0..=86_400_000).contains(&time) => Err(DataError::new(
                "a Time is between 0 and 86400000 milliseconds",
            )),
            Some(time) => Ok(Value::Time(time)),
            None => Err(wrong()),
        },
        Logical::Timestamp => match token {
            Token::Number(number) if number.integral => Ok(Value::Timestamp(number.wrapping_i64())),
            _ => Err(wrong()),
        },
        Logical::Decimal => match token {
            Token::Number(number) => number.decimal().map(boxed).ok_or_else(wrong),
            Token::Text(text) => {
                let unscaled = BigInt::from_signed_bytes_be(&bytes(text)?);
                Ok(boxed(Decimal {
                    unscaled,
                    scale: decimal_scale(schema)?,
                }))
            }
            _ => Err(wrong()),
        },
    }
}

fn boxed(decimal: Decimal) -> Value {
    Value::Decimal(Box::new(decimal))
}

/// The `scale` parameter of a Decimal's schema.
pub(super) fn decimal_scale(schema: &Schema) -> Result<i32, DataError> {
    let scale = schema
        .parameter("scale")
        .and_then(|scale| scale.parse().ok());
    scale.ok_or_else(|| {
        DataError::new("the schema of a Decimal needs the integer parameter `scale`")
    })
}

const fn representation(logical: Logical) -> &'static str {
    match logical {
        Logical::Date | Logical::Time => "a 32-bit integer",
        Logical::Timestamp => "an integer",
        Logical::Decimal => "a number or base64 text",
    }
}

fn token_name(token: &Token<'_>) -> Cow<'static, str> {
    Cow::Borrowed(match token {
        Token::Null => "null",
        Token::Bool(_) => "a boolean",
        Token::Number(number) => return Cow::Owned(format!("the number {}", number.text)),
        Token::Text(_) => "a string",
        Token::Object => "an object",
        Token::Array => "an array",
    })
}

/// The type's name in a schema document.
pub(crate) const fn type_name(kind: &SchemaKind) -> &'static str {
    match kind {
        SchemaKind::Int8 => "int8",
        SchemaKind::Int16 => "int16",
        SchemaKind::Int32 => "int32",
        SchemaKind::Int64 => "int64",
        SchemaKind::Float32 => "float",
        SchemaKind::Float64 => "double",
        SchemaKind::Boolean => "boolean",
        SchemaKind::String => "string",
        SchemaKind::Bytes => "bytes",
        SchemaKind::Array(_) => "array",
        SchemaKind::Map(..) => "map",
        SchemaKind::Struct(_) => "struct",
    }
}
