//! How a value becomes a column of a CQL type: what ScyllaDB does with the members of `INSERT ... JSON`
//! (CONNECT-SPEC 3.6), without the JSON.
//!
//! Takes a value from the projection; gives the plan a value of exactly the column's type, or says why not.
//! Beyond the server's rules, typed values no JSON could carry bind where their meaning is the column's:
//! bytes to `blob`, the logical types to `decimal`, `date`, `time` and `timestamp`.

use std::sync::Arc;

use bytes::Bytes;

use crate::converter::json::Parser;
use crate::cql_type::CqlType;
use crate::data_error::{DataError, Exception};
use crate::row::CqlValue;
use crate::value::Value;

mod number;
#[cfg(test)]
mod tests;
mod time;

pub(crate) use time::{date_value, time_value};

/// Binds `value` to a column of type `cql_type`. Null is [`CqlValue::Null`].
pub fn bind(value: &Value, cql_type: &CqlType) -> Result<CqlValue, DataError> {
    if value.is_null() {
        return match cql_type {
            CqlType::Counter => Err(counter()),
            _ => Ok(CqlValue::Null),
        };
    }
    if let (Value::Str(text), true) = (value, cql_type.holds_values()) {
        // A text may hold the JSON of what the column wants.
        let parsed = Parser::of(text).root(Parser::value);
        return match parsed {
            Ok(Value::Str(_)) | Err(_) => Err(mismatch(value, cql_type, "an array or an object")),
            Ok(parsed) => bind(&parsed, cql_type),
        };
    }
    match cql_type {
        CqlType::Ascii => match value {
            Value::Str(text) if text.is_ascii() => Ok(CqlValue::Text(text.clone())),
            Value::Str(_) => Err(invalid("`ascii` takes only ASCII characters")),
            _ => written(value, cql_type),
        },
        CqlType::Text => match value {
            Value::Str(text) => Ok(CqlValue::Text(text.clone())),
            _ => written(value, cql_type),
        },
        CqlType::Boolean => boolean(value),
        CqlType::Tinyint => number::integer(value, cql_type).map(CqlValue::Tinyint),
        CqlType::Smallint => number::integer(value, cql_type).map(CqlValue::Smallint),
        CqlType::Int => number::integer(value, cql_type).map(CqlValue::Int),
        CqlType::Bigint => number::integer(value, cql_type).map(CqlValue::Bigint),
        CqlType::Varint => number::varint(value),
        CqlType::Float => number::float(value, cql_type).map(CqlValue::Float),
        CqlType::Double => number::float(value, cql_type).map(CqlValue::Double),
        CqlType::Decimal => number::decimal(value),
        CqlType::Timestamp => time::timestamp(value),
        CqlType::Date => time::date(value),
        CqlType::Time => time::time(value),
        CqlType::Duration => time::duration(value),
        CqlType::Blob => blob(value),
        CqlType::Inet => parsed(value, cql_type, "an address as a string", |text| {
            text.parse().ok().map(CqlValue::Inet)
        }),
        CqlType::Uuid => parsed(value, cql_type, "a UUID as a string", |text| {
            uuid(text).map(CqlValue::Uuid)
        }),
        CqlType::Timeuuid => parsed(value, cql_type, "a version 1 UUID as a string", |text| {
            let uuid = uuid(text)?;
            (uuid.get_version_num() == 1).then_some(CqlValue::Uuid(uuid))
        }),
        CqlType::List(element) => elements(value, cql_type, element).map(CqlValue::List),
        CqlType::Set(element) => elements(value, cql_type, element).map(CqlValue::Set),
        CqlType::Vector(element, count) => vector(value, cql_type, element, *count),
        CqlType::Tuple(types) => tuple(value, cql_type, types),
        CqlType::Map(key, element) => map(value, cql_type, key, element),
        CqlType::Udt(_, fields) => udt(value, cql_type, fields),
        CqlType::Counter => Err(counter()),
    }
}

/// The server's answer to a row that does not fit its table.
pub(crate) fn invalid(message: impl Into<String>) -> DataError {
    DataError::of(Exception::InvalidQuery, message)
}

/// `value` is not what a column of `cql_type` takes.
fn mismatch(value: &Value, cql_type: &CqlType, wanted: &str) -> DataError {
    invalid(format!(
        "`{cql_type}` takes {wanted}, found {}",
        shown(value)
    ))
}

/// What a value is and, where that helps, what it says.
fn shown(value: &Value) -> String {
    match value {
        Value::Str(text) => {
            let head: String = text.chars().take(40).collect();
            format!("the string `{}`", head.escape_debug())
        }
        Value::Bool(value) => format!("the boolean {value}"),
        Value::I64(value) => format!("the integer {value}"),
        Value::F64(value) => format!("the number {value}"),
        other => other.kind().to_owned(),
    }
}

/// Typed values that the classic sink writes into its JSON as text: bytes in base64, a date and a time in full.
fn written(value: &Value, cql_type: &CqlType) -> Result<CqlValue, DataError> {
    use base64::Engine as _;
    let text = match value {
        Value::Bytes(bytes) => Some(base64::engine::general_purpose::STANDARD.encode(bytes)),
        Value::Date(days) => time::date_in_full(*days),
        Value::Time(millis) => time::time_in_full(*millis),
        _ => None,
    };
    let text = text.ok_or_else(|| mismatch(value, cql_type, "a string"))?;
    Ok(CqlValue::Text(Arc::from(text)))
}

fn counter() -> DataError {
    invalid("a counter cannot be inserted, only updated")
}

fn parsed(
    value: &Value,
    cql_type: &CqlType,
    wanted: &str,
    parse: impl FnOnce(&str) -> Option<CqlValue>,
) -> Result<CqlValue, DataError> {
    value
        .as_str()
        .and_then(parse)
        .ok_or_else(|| mismatch(value, cql_type, wanted))
}

/// With its hyphens and nothing around it, as servers want it.
fn uuid(text: &str) -> Option<uuid::Uuid> {
    const HYPHENATED: usize = 36;
    (text.len() == HYPHENATED)
        .then(|| uuid::Uuid::try_parse(text).ok())
        .flatten()
}

fn boolean(value: &Value) -> Result<CqlValue, DataError> {
    match value {
        Value::Bool(value) => Ok(CqlValue::Boolean(*value)),
        _ => parsed(value, &CqlType::Boolean, "true or false", |text| {
            let text = text.trim();
            let is_true = text.eq_ignore_ascii_case("true");
            (is_true || text.eq_ignore_ascii_case("false")).then_some(CqlValue::Boolean(is_true))
        }),
    }
}

fn blob(value: &Value) -> Result<CqlValue, DataError> {
    if let Value::Bytes(bytes) = value {
        return Ok(CqlValue::Blob(bytes.clone()));
    }
    parsed(
        value,
        &CqlType::Blob,
        "a string of `0x` and pairs of hexadecimal digits",
        |text| {
            let digits = text.strip_prefix("0x")?.as_bytes();
            let pairs = digits.chunks(2).map(|pair| match pair {
                [high, low] => Some((hex(*high)? << 4) | hex(*low)?),
                _ => None,
            });
            pairs
                .collect::<Option<Vec<u8>>>()
                .map(|bytes| CqlValue::Blob(Bytes::from(bytes)))
        },
    )
}

fn hex(digit: u8) -> Option<u8> {
    u8::try_from(char::from(digit).to_digit(16)?).ok()
}

fn elements(
    value: &Value,
    cql_type: &CqlType,
    element: &CqlType,
) -> Result<Vec<CqlValue>, DataError> {
    let Value::List(values) = value else {
        return Err(mismatch(value, cql_type, "an array"));
    };
    let bound = |(index, value): (usize, &Value)| {
        if value.is_null() {
            return Err(invalid(format!(
                "element {index}: `{cql_type}` takes no null elements"
            )));
        }
        bind(value, element).map_err(|error| error.within(format_args!("element {index}")))
    };
    values.iter().enumerate().map(bound).collect()
}

fn vector(
    value: &Value,
    cql_type: &CqlType,
    element: &CqlType,
    count: u16,
) -> Result<CqlValue, DataError> {
    let bound = elements(value, cql_type, element)?;
    if bound.len() != usize::from(count) {
        return Err(invalid(format!(
            "`{cql_type}` takes {count} elements, found {}",
            bound.len()
        )));
    }
    Ok(CqlValue::List(bound))
}

fn tuple(value: &Value, cql_type: &CqlType, types: &[CqlType]) -> Result<CqlValue, DataError> {
    let Value::List(values) = value else {
        return Err(mismatch(value, cql_type, "an array"));
    };
    if values.len() > types.len() {
        return Err(invalid(format!(
            "`{cql_type}` takes at most {} elements, found {}",
            types.len(),
            values.len()
        )));
    }
    let bound = |(index, element): (usize, &CqlType)| match values.get(index) {
        Some(value) => {
            bind(value, element).map_err(|error| error.within(format_args!("element {index}")))
        }
        None => Ok(CqlValue::Null),
    };
    types
        .iter()
        .enumerate()
        .map(bound)
        .collect::<Result<_, _>>()
        .map(CqlValue::Tuple)
}

fn map(
    value: &Value,
    cql_type: &CqlType,
    key: &CqlType,
    element: &CqlType,
) -> Result<CqlValue, DataError> {
    let entry = |own_key: &Value, own_value: &Value| {
        if own_value.is_null() {
            return Err(invalid(format!("`{cql_type}` takes no null values")));
        }
        Ok((map_key(own_key, key)?, bind(own_value, element)?))
    };
    let bound: Result<Vec<_>, _> = match value {
        Value::Map(map) => map.iter().map(|(key, value)| entry(key, value)).collect(),
        Value::Struct(value) => value
            .iter()
            .map(|(name, value)| entry(&Value::Str(name.clone()), value))
            .collect(),
        _ => return Err(mismatch(value, cql_type, "an object")),
    };
    bound.map(CqlValue::Map)
}

/// An object's keys are strings: of native types as their text, of others as JSON text.
fn map_key(key: &Value, cql_type: &CqlType) -> Result<CqlValue, DataError> {
    let bound = match (key, cql_type) {
        (Value::Null, _) => Err(invalid("a map's key cannot be null")),
        (Value::Str(text), _) if cql_type.holds_values() => Parser::of(text)
            .value()
            .and_then(|value| bind(&value, cql_type)),
        _ => bind(key, cql_type),
    };
    bound.map_err(|error| error.within("a map's key"))
}

fn udt(
    value: &Value,
    cql_type: &CqlType,
    fields: &[(String, CqlType)],
) -> Result<CqlValue, DataError> {
    let members: Vec<(&Arc<str>, &Value)> = match value {
        Value::Struct(value) => value.iter().collect(),
        Value::Map(map) => {
            let mut members = Vec::with_capacity(map.len());
            for (key, value) in map {
                match key {
                    Value::Str(name) => members.push((name, value)),
                    _ => return Err(mismatch(key, cql_type, "members with string names")),
                }
            }
            members
        }
        _ => return Err(mismatch(value, cql_type, "an object")),
    };
    let mut bound = vec![CqlValue::Null; fields.len()];
    for (name, value) in members {
        let index = field(fields, name);
        let field = index.and_then(|index| fields.get(index).zip(bound.get_mut(index)));
        let Some(((_, field_type), slot)) = field else {
            return Err(invalid(format!("`{cql_type}` has no field `{name}`")));
        };
        *slot = bind(value, field_type)
            .map_err(|error| error.within(format_args!("field `{name}`")))?;
    }
    Ok(CqlValue::Udt(bound))
}

/// The field of that name as it is, else without its quotes, else in lower case: ScyllaDB asks for the name as stored,
/// Cassandra for one as CQL would read it.
fn field(fields: &[(String, CqlType)], name: &str) -> Option<usize> {
    let called = |wanted: &str| fields.iter().position(|(own, _)| own == wanted);
    let exact = called(unquoted(name));
    exact.or_else(|| {
        let folded = || called(&name.to_ascii_lowercase());
        (unquoted(name).len() == name.len()).then(folded).flatten()
    })
}

/// A name without the double quotes that keep its case.
pub(crate) fn unquoted(name: &str) -> &str {
    name.strip_prefix('"')
        .and_then(|name| name.strip_suffix('"'))
        .unwrap_or(name)
}
