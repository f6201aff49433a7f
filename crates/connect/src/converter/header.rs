//! `SimpleHeaderConverter`: a header's text becomes the value it looks like (CONNECT-SPEC 1.6, 2.5.7).
//!
//! What looks like a list or a map but is none stays text. A list or map whose elements have no type in common has
//! no schema here, where the original has one without element type.

use std::fmt::Write as _;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;

use super::header_token::Tokens;
use super::string;
use crate::java_date::DateFormat;
use crate::java_number;
use crate::java_text::trim;
use crate::schema::{Logical, Schema, SchemaKind};
use crate::value::{Value, ValueMap};

/// How deep lists and maps may nest; deeper ones stay text.
const MAX_DEPTH: usize = 100;

type Typed = (Option<Arc<Schema>>, Value);

/// The value `text` looks like.
pub(crate) fn parse(text: &str) -> Typed {
    if trim(text).is_empty() {
        return typed(SchemaKind::String, Value::text(text));
    }
    let mut tokens = Tokens::new(text);
    literal(&mut tokens, false)
        .or_else(|| container(&mut tokens, 0).ok().flatten())
        .unwrap_or_else(|| scalar(&mut tokens).unwrap_or_else(|| plain(text)))
}

fn typed(kind: SchemaKind, value: Value) -> Typed {
    (Some(Arc::new(Schema::new(kind))), value)
}

fn plain(text: &str) -> Typed {
    typed(SchemaKind::String, Value::text(text))
}

/// `null`, `true` or `false`, which must be all there is unless something is around it.
fn literal(tokens: &mut Tokens<'_>, embedded: bool) -> Option<Typed> {
    let start = tokens.mark();
    for (word, value) in [
        ("null", Value::Null),
        ("true", Value::Bool(true)),
        ("false", Value::Bool(false)),
    ] {
        if tokens.take(word) && (embedded || !tokens.has_next()) {
            return Some(match value {
                Value::Null => (None, Value::Null),
                value => typed(SchemaKind::Boolean, value),
            });
        }
        tokens.rewind(start);
    }
    None
}

/// What cannot be read as part of a list or a map.
#[derive(Debug)]
struct NotEmbedded;

fn embedded(tokens: &mut Tokens<'_>, depth: usize) -> Result<Typed, NotEmbedded> {
    if !tokens.has_next() {
        return Ok((None, Value::Null));
    }
    if tokens.take("\"") {
        let mut content = String::new();
        while tokens.has_next() && !tokens.take("\"") {
            content.push_str(&tokens.next());
        }
        return Ok(temporal(&content).unwrap_or_else(|| plain(&content)));
    }
    if let Some(literal) = literal(tokens, true) {
        return Ok(literal);
    }
    if let Some(container) = container(tokens, depth)? {
        return Ok(container);
    }
    scalar(tokens).ok_or(NotEmbedded)
}

/// A list or a map; `None`, and nothing taken, where there is none.
fn container(tokens: &mut Tokens<'_>, depth: usize) -> Result<Option<Typed>, NotEmbedded> {
    let start = tokens.mark();
    if depth > MAX_DEPTH {
        return Err(NotEmbedded);
    }
    let read = if tokens.take("[") {
        list(tokens, depth + 1)
    } else if tokens.take("{") {
        map(tokens, depth + 1)
    } else {
        return Ok(None);
    };
    if read.is_err() {
        tokens.rewind(start);
    }
    Ok(read.ok())
}

fn list(tokens: &mut Tokens<'_>, depth: usize) -> Result<Typed, NotEmbedded> {
    let (mut elements, mut common) = (Vec::new(), None::<Arc<Schema>>);
    while tokens.has_next() {
        if tokens.take("]") {
            let Some(element) = common else {
                return Ok((None, Value::List(elements)));
            };
            let aligned = elements.into_iter().map(|value| aligned(value, &element));
            let elements = aligned.collect::<Result<_, _>>()?;
            return Ok(typed(SchemaKind::Array(element), Value::List(elements)));
        }
        if tokens.take(",") {
            return Err(NotEmbedded);
        }
        let (schema, value) = embedded(tokens, depth)?;
        common = common_schema(common, schema, &value);
        elements.push(value);
        let here = tokens.mark();
        if tokens.take("]") {
            tokens.rewind(here);
        } else if !tokens.take(",") {
            return Err(NotEmbedded);
        }
    }
    Err(NotEmbedded)
}

fn map(tokens: &mut Tokens<'_>, depth: usize) -> Result<Typed, NotEmbedded> {
    let mut entries = Vec::new();
    let (mut keys, mut values) = (None::<Arc<Schema>>, None::<Arc<Schema>>);
    while tokens.has_next() {
        if tokens.take("}") {
            let (Some(keys), Some(values)) = (keys, values) else {
                return Ok((None, Value::Map(ValueMap::from_entries(entries))));
            };
            let aligned = entries
                .into_iter()
                .map(|(key, value)| Ok((aligned(key, &keys)?, aligned(value, &values)?)));
            let entries = aligned.collect::<Result<_, NotEmbedded>>()?;
            let map = Value::Map(ValueMap::from_entries(entries));
            return Ok(typed(SchemaKind::Map(keys, values), map));
        }
        if tokens.take(",") {
            return Err(NotEmbedded);
        }
        let (key_schema, key) = embedded(tokens, depth)?;
        if key.is_null() || !tokens.take(":") {
            return Err(NotEmbedded);
        }
        let (value_schema, value) = embedded(tokens, depth)?;
        tokens.take(",");
        keys = common_schema(keys, key_schema, &key);
        values = common_schema(values, value_schema, &value);
        entries.push((key, value));
    }
    Err(NotEmbedded)
}

/// Blanks, a time or a number; `None` for anything else.
fn scalar(tokens: &mut Tokens<'_>) -> Option<Typed> {
    let token = tokens.next();
    let trimmed = trim(&token);
    if trimmed.is_empty() {
        return Some(plain(&token));
    }
    let first = trimmed.chars().next()?;
    let digit = java_number::integer(first.encode_utf8(&mut [0; 4])).is_some();
    if digit {
        // Colons part a time into five tokens.
        let here = tokens.mark();
        let more = tokens
            .next_four()
            .and_then(|more| temporal(&format!("{trimmed}{more}")));
        if more.is_some() {
            return more;
        }
        tokens.rewind(here);
        if let Some(time) = temporal(trimmed) {
            return Some(time);
        }
    }
    (digit || first == '+' || first == '-')
        .then(|| number(trimmed))
        .flatten()
}

/// A date, a time or both in ISO 8601, in UTC where the original takes its process's zone.
fn temporal(text: &str) -> Option<Typed> {
    let text = text.replace("\\:", ":");
    let (pattern, logical) = match text.encode_utf16().count() {
        10 => ("yyyy-MM-dd", Logical::Date),
        13 => ("HH:mm:ss.SSS'Z'", Logical::Time),
        24 => ("yyyy-MM-dd'T'HH:mm:ss.SSS'Z'", Logical::Timestamp),
        _ => return None,
    };
    let millis = DateFormat::compile(pattern).ok()?.parse(&text, 0)?;
    let value = match logical {
        Logical::Date => {
            let days = i32::try_from(millis / crate::java_date::MILLIS_PER_DAY);
            days.map_or(Value::Timestamp(millis), Value::Date)
        }
        Logical::Time => i32::try_from(millis).map_or(Value::Timestamp(millis), Value::Time),
        _ => Value::Timestamp(millis),
    };
    Some((Some(Arc::new(Schema::logical_type(logical))), value))
}

/// The smallest type that holds a number.
fn number(text: &str) -> Option<Typed> {
    let decimal = java_number::decimal(text)?;
    if let Some(integer) = java_number::exact_i64(&decimal) {
        if let Ok(small) = i8::try_from(integer) {
            return Some(typed(SchemaKind::Int8, Value::I8(small)));
        }
        if let Ok(small) = i16::try_from(integer) {
            return Some(typed(SchemaKind::Int16, Value::I16(small)));
        }
        return Some(match i32::try_from(integer) {
            Ok(small) => typed(SchemaKind::Int32, Value::I32(small)),
            Err(_) => typed(SchemaKind::Int64, Value::I64(integer)),
        });
    }
    let (float, double) = (java_number::to_f32(&decimal), java_number::to_f64(&decimal));
    if float.is_finite() && decimal.scale != 0 {
        return Some(typed(SchemaKind::Float32, Value::F32(float)));
    }
    if double.is_finite() && decimal.scale != 0 {
        return Some(typed(SchemaKind::Float64, Value::F64(double)));
    }
    let mut schema = Schema::logical_type(Logical::Decimal);
    schema.parameters = vec![("scale".into(), decimal.scale.to_string().into())];
    Some((Some(Arc::new(schema)), Value::Decimal(Box::new(decimal))))
}

/// Place of a number's type among those that widen into each other.
fn rank(kind: &SchemaKind) -> Option<usize> {
    let order = [
        SchemaKind::Int8,
        SchemaKind::Int16,
        SchemaKind::Int32,
        SchemaKind::Int64,
        SchemaKind::Float32,
        SchemaKind::Float64,
    ];
    order.iter().position(|own| own == kind)
}

/// The type of elements so far and of one more; none where they have none in common, and the next one decides.
fn common_schema(
    before: Option<Arc<Schema>>,
    schema: Option<Arc<Schema>>,
    value: &Value,
) -> Option<Arc<Schema>> {
    if value.is_null() {
        return before;
    }
    let (Some(before), Some(schema)) = (before.clone(), schema.clone()) else {
        return before.is_none().then_some(schema).flatten();
    };
    match (rank(&before.kind), rank(&schema.kind)) {
        (Some(old), Some(new)) => Some(if new >= old { schema } else { before }),
        _ if before == schema => Some(before),
        _ if std::mem::discriminant(&before.kind) == std::mem::discriminant(&schema.kind) => {
            Some(schema)
        }
        _ => None,
    }
}

/// An element as its list's type.
fn aligned(value: Value, schema: &Schema) -> Result<Value, NotEmbedded> {
    #[expect(clippy::cast_possible_truncation, reason = "wraps, as the original")]
    let number = |value: &Value| -> Option<Value> {
        let decimal = match value {
            Value::Str(text) => java_number::decimal(text)?,
            Value::I8(_)
            | Value::I16(_)
            | Value::I32(_)
            | Value::I64(_)
            | Value::F32(_)
            | Value::F64(_) => java_number::decimal(&string::write(value))?,
            _ => return None,
        };
        let long = java_number::wrapping_i64(&decimal);
        Some(match schema.kind {
            _ if schema.logical() == Some(Logical::Date) => Value::Date(long as i32),
            _ if schema.logical() == Some(Logical::Time) => Value::Time(long as i32),
            _ if schema.logical() == Some(Logical::Timestamp) => Value::Timestamp(long),
            SchemaKind::Int8 => Value::I8(long as i8),
            SchemaKind::Int16 => Value::I16(long as i16),
            SchemaKind::Int32 => Value::I32(long as i32),
            SchemaKind::Int64 => Value::I64(long),
            SchemaKind::Float32 => Value::F32(java_number::to_f32(&decimal)),
            _ => Value::F64(java_number::to_f64(&decimal)),
        })
    };
    match (&schema.kind, &value) {
        (_, Value::Null) => Err(NotEmbedded),
        (_, Value::Date(_) | Value::Time(_) | Value::Timestamp(_) | Value::Decimal(_))
            if schema.logical().is_some() =>
        {
            Ok(value)
        }
        (kind, _) if rank(kind).is_some() => number(&value).ok_or(NotEmbedded),
        (SchemaKind::String, Value::Str(_))
        | (SchemaKind::Boolean, Value::Bool(_))
        | (SchemaKind::Array(_), Value::List(_))
        | (SchemaKind::Map(..), Value::Map(_)) => Ok(value),
        (SchemaKind::String, _) => write(&value)
            .map(|text| Value::text(&text))
            .ok_or(NotEmbedded),
        _ => Err(NotEmbedded),
    }
}

/// The text of a value; none for null.
pub(crate) fn write(value: &Value) -> Option<String> {
    if value.is_null() {
        return None;
    }
    let mut out = String::new();
    append(value, false, &mut out);
    Some(out)
}

fn append(value: &Value, embedded: bool, out: &mut String) {
    let quote = if embedded { "\"" } else { "" };
    match value {
        Value::Str(text) if embedded => {
            let escaped = text.replace('\\', "\\\\").replace('"', "\\\"");
            out.extend(["\"", &escaped, "\""]);
        }
        Value::Bytes(bytes) => out.extend([quote, &BASE64.encode(bytes), quote]),
        Value::List(elements) => {
            out.push('[');
            for (index, element) in elements.iter().enumerate() {
                out.push_str(if index == 0 { "" } else { "," });
                append(element, true, out);
            }
            out.push(']');
        }
        Value::Map(map) => entries(map.iter().map(|(key, value)| (key, value)), out),
        Value::Struct(own) => {
            let names: Vec<_> = own
                .iter()
                .map(|(name, _)| Value::Str(name.clone()))
                .collect();
            let fields = own.schema.fields().iter().zip(&own.values);
            let values = fields.map(|(field, value)| match &field.schema.default {
                Some(default) if value.is_null() => default,
                _ => value,
            });
            entries(names.iter().zip(values), out);
        }
        Value::Date(days) => {
            let millis = i64::from(*days) * crate::java_date::MILLIS_PER_DAY;
            out.push_str(&crate::transform::date_text(millis));
        }
        Value::Time(millis) => out.push_str(&crate::transform::date_text(i64::from(*millis))),
        Value::Timestamp(millis) => out.push_str(&crate::transform::date_text(*millis)),
        // Writing to a String cannot fail.
        scalar => write!(out, "{}", string::write(scalar)).unwrap_or_default(),
    }
}

fn entries<'v>(entries: impl Iterator<Item = (&'v Value, &'v Value)>, out: &mut String) {
    out.push('{');
    for (index, (key, value)) in entries.enumerate() {
        out.push_str(if index == 0 { "" } else { "," });
        append(key, true, out);
        out.push(':');
        append(value, true, out);
    }
    out.push('}');
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_nest_too_deep_and_a_number_too_long_stay_text() {
        for text in [
            "[".repeat(100_000),
            "[".repeat(200) + &"]".repeat(200),
            "9".repeat(100_000),
        ] {
            assert_eq!(parse(&text), plain(&text));
        }
    }

    proptest! {
        #[test]
        fn any_text_is_some_value_that_can_be_written(
            text in r#"([\[\]{},:" \\\\\u{e9}]|1|-2.5|1e9|true|null|abc|2024-01-01|10:20:30.456Z){0,12}"#,
        ) {
            let (_, value) = parse(&text);
            prop_assert!(write(&value).is_some() || value.is_null());
        }

        #[test]
        fn any_text_is_a_time_of_a_pattern_or_none(
            text in "[-+:.TZ 0-9a-z]{0,30}",
            pattern in "([yMdHhkKmsSaEDzZ]{1,4}|[-: ./]|'T'){0,8}",
        ) {
            if let Ok(format) = DateFormat::compile(&pattern)
                && let Some(millis) = format.parse(&text, 0)
            {
                prop_assert!(format.format(millis).len() < 1_000);
            }
        }
    }
}
