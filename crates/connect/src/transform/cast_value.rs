//! One value as another type, as Java narrows numbers and reads text (CONNECT-SPEC 2.3, Cast).

use std::sync::{Arc, LazyLock};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;

use crate::data_error::DataError;
use crate::java_date::{DateFormat, MILLIS_PER_DAY};
use crate::java_number;
use crate::java_text;
use crate::schema::{Logical, Schema, SchemaKind};
use crate::value::Value;

static TIME: LazyLock<DateFormat> = LazyLock::new(|| DateFormat::known("HH:mm:ss.SSS'Z'"));
static DATE: LazyLock<DateFormat> = LazyLock::new(|| DateFormat::known("yyyy-MM-dd"));
static TIMESTAMP: LazyLock<DateFormat> =
    LazyLock::new(|| DateFormat::known("yyyy-MM-dd'T'HH:mm:ss.SSS'Z'"));

/// `value`, whose schema is `schema`, as `kind`; null stays null. Dates and decimals need a schema.
pub(super) fn cast(
    schema: Option<&Schema>,
    value: Value,
    kind: &SchemaKind,
) -> Result<Value, DataError> {
    if value.is_null() {
        return Ok(value);
    }
    let unfit = |value: &Value| {
        let target = crate::converter::json::type_name(kind);
        DataError::new(format!("{} cannot be cast to {target}", value.kind()))
    };
    let logical = matches!(
        value,
        Value::Date(_) | Value::Time(_) | Value::Timestamp(_) | Value::Decimal(_)
    );
    if logical && schema.is_none() {
        return Err(unfit(&value));
    }
    let range = |value: &Value| {
        let target = crate::converter::json::type_name(kind);
        let shown: String = value
            .as_str()
            .unwrap_or_default()
            .chars()
            .take(40)
            .collect();
        DataError::new(format!("`{shown}` is out of range for {target}"))
    };
    #[expect(
        clippy::cast_possible_truncation,
        reason = "Java's narrowing of an int or a long"
    )]
    Ok(match kind {
        SchemaKind::String => return text(schema, &value).ok_or_else(|| unfit(&value)),
        SchemaKind::Boolean => match &value {
            Value::Str(text) => Value::Bool(text.eq_ignore_ascii_case("true")),
            other => Value::Bool(long(other).ok_or_else(|| unfit(other))? != 0),
        },
        SchemaKind::Float32 => match &value {
            Value::Str(text) => Value::F32(java_number::float(text).ok_or_else(|| range(&value))?),
            other => Value::F32(float(other).ok_or_else(|| unfit(other))?),
        },
        SchemaKind::Float64 => match &value {
            Value::Str(text) => Value::F64(java_number::double(text).ok_or_else(|| range(&value))?),
            other => Value::F64(double(other).ok_or_else(|| unfit(other))?),
        },
        _ => {
            if let Value::Str(text) = &value {
                let number = java_number::integer(text);
                return number
                    .and_then(|number| fitting(number, kind))
                    .ok_or_else(|| range(&value));
            }
            let long = long(&value).ok_or_else(|| unfit(&value))?;
            // Floating point saturates to an int before it is narrowed further.
            let int = match &value {
                Value::F32(own) => *own as i32,
                Value::F64(own) => *own as i32,
                _ => long as i32,
            };
            match kind {
                SchemaKind::Int8 => Value::I8(int as i8),
                SchemaKind::Int16 => Value::I16(int as i16),
                SchemaKind::Int32 => Value::I32(int),
                _ => Value::I64(long),
            }
        }
    })
}

fn fitting(number: i64, kind: &SchemaKind) -> Option<Value> {
    match kind {
        SchemaKind::Int8 => i8::try_from(number).ok().map(Value::I8),
        SchemaKind::Int16 => i16::try_from(number).ok().map(Value::I16),
        SchemaKind::Int32 => i32::try_from(number).ok().map(Value::I32),
        _ => Some(Value::I64(number)),
    }
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "saturates, as Java's longValue"
)]
fn long(value: &Value) -> Option<i64> {
    Some(match value {
        Value::Bool(value) => i64::from(*value),
        Value::I8(value) => i64::from(*value),
        Value::I16(value) => i64::from(*value),
        Value::I32(value) | Value::Date(value) | Value::Time(value) => i64::from(*value),
        Value::I64(value) | Value::Timestamp(value) => *value,
        Value::F32(value) => *value as i64,
        Value::F64(value) => *value as i64,
        Value::Decimal(decimal) => java_number::wrapping_i64(decimal),
        _ => return None,
    })
}

#[expect(clippy::cast_precision_loss, reason = "rounds, as Java's doubleValue")]
fn double(value: &Value) -> Option<f64> {
    Some(match value {
        Value::F32(value) => f64::from(*value),
        Value::F64(value) => *value,
        Value::Decimal(decimal) => java_number::to_f64(decimal),
        other => long(other)? as f64,
    })
}

#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    reason = "rounds, as Java's floatValue"
)]
fn float(value: &Value) -> Option<f32> {
    Some(match value {
        Value::F32(value) => *value,
        Value::F64(value) => *value as f32,
        Value::Decimal(decimal) => java_number::to_f32(decimal),
        other => long(other)? as f32,
    })
}

fn text(schema: Option<&Schema>, value: &Value) -> Option<Value> {
    let millis = match value {
        Value::Date(days) => Some(i64::from(*days) * MILLIS_PER_DAY),
        Value::Time(millis) => Some(i64::from(*millis)),
        Value::Timestamp(millis) => Some(*millis),
        _ => None,
    };
    if let Some(millis) = millis {
        return Some(Value::text(&date_text(millis)));
    }
    if schema
        .and_then(Schema::logical)
        .is_some_and(|own| own != Logical::Decimal)
    {
        return None;
    }
    Some(match value {
        Value::Str(_) => value.clone(),
        Value::Bytes(bytes) => Value::Str(Arc::from(BASE64.encode(bytes))),
        Value::Decimal(decimal) => Value::text(&java_text::decimal(decimal)),
        Value::List(_) | Value::Map(_) | Value::Struct(_) => return None,
        scalar => Value::text(&crate::converter::string::write(scalar)),
    })
}

/// A time before the second day, a date, or both: by the number of milliseconds, as the original. UTC, where the
/// original takes its process's zone.
pub(crate) fn date_text(millis: i64) -> String {
    let format = if millis < MILLIS_PER_DAY {
        &TIME
    } else if millis % MILLIS_PER_DAY == 0 {
        &DATE
    } else {
        &TIMESTAMP
    };
    format.format(millis)
}
