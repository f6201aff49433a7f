//! How a `CqlValue` is stored by SQLite, and how two of them are ordered.

use std::cmp::Ordering;

use messina_connect::row::CqlValue;
use rusqlite::types::{ToSqlOutput, Value, ValueRef};

use super::text;

/// The value as SQLite stores it; text and blobs are borrowed. `Unset` has no stored form and reads as null.
pub(super) fn bound(value: &CqlValue) -> ToSqlOutput<'_> {
    let integer = |number: i64| ToSqlOutput::Owned(Value::Integer(number));
    match value {
        CqlValue::Unset | CqlValue::Null => ToSqlOutput::Owned(Value::Null),
        CqlValue::Boolean(boolean) => integer(i64::from(*boolean)),
        CqlValue::Tinyint(number) => integer(i64::from(*number)),
        CqlValue::Smallint(number) => integer(i64::from(*number)),
        CqlValue::Int(number) => integer(i64::from(*number)),
        CqlValue::Bigint(number) | CqlValue::Timestamp(number) => integer(*number),
        CqlValue::Double(number) => real(*number),
        CqlValue::Float(number) => real(widened(*number)),
        CqlValue::Text(text) => ToSqlOutput::Borrowed(ValueRef::Text(text.as_bytes())),
        CqlValue::Blob(bytes) => ToSqlOutput::Borrowed(ValueRef::Blob(bytes)),
        CqlValue::Varint(_)
        | CqlValue::Decimal(..)
        | CqlValue::Date(_)
        | CqlValue::Time(_)
        | CqlValue::Uuid(_)
        | CqlValue::Inet(_)
        | CqlValue::Duration(..) => ToSqlOutput::Owned(Value::Text(text::plain(value))),
        CqlValue::List(_)
        | CqlValue::Set(_)
        | CqlValue::Map(_)
        | CqlValue::Tuple(_)
        | CqlValue::Udt(_) => ToSqlOutput::Owned(Value::Text(text::json(value))),
    }
}

fn real(number: f64) -> ToSqlOutput<'static> {
    if number.is_nan() {
        // SQLite turns a NaN into null, which would be another value.
        return ToSqlOutput::Borrowed(ValueRef::Text(b"NaN"));
    }
    ToSqlOutput::Owned(Value::Real(number))
}

/// The double whose shortest text is the float's: 4.32, not 4.320000171661377. Narrowing gives the float back.
fn widened(number: f32) -> f64 {
    number
        .to_string()
        .parse()
        .unwrap_or_else(|_| f64::from(number))
}

/// An order that puts equal keys together and neighbours of an index near each other.
///
/// It need not be SQLite's own order: rows are sorted only so that neighbouring writes hit the same pages.
pub(super) fn compare(left: &CqlValue, right: &CqlValue) -> Ordering {
    match (left, right) {
        (CqlValue::Boolean(left), CqlValue::Boolean(right)) => left.cmp(right),
        (CqlValue::Tinyint(left), CqlValue::Tinyint(right)) => left.cmp(right),
        (CqlValue::Smallint(left), CqlValue::Smallint(right)) => left.cmp(right),
        (CqlValue::Int(left), CqlValue::Int(right))
        | (CqlValue::Date(left), CqlValue::Date(right)) => left.cmp(right),
        (CqlValue::Bigint(left), CqlValue::Bigint(right))
        | (CqlValue::Timestamp(left), CqlValue::Timestamp(right))
        | (CqlValue::Time(left), CqlValue::Time(right)) => left.cmp(right),
        (CqlValue::Varint(left), CqlValue::Varint(right)) => left.cmp(right),
        (CqlValue::Double(left), CqlValue::Double(right)) => left.total_cmp(right),
        (CqlValue::Float(left), CqlValue::Float(right)) => left.total_cmp(right),
        (CqlValue::Text(left), CqlValue::Text(right)) => left.cmp(right),
        (CqlValue::Blob(left), CqlValue::Blob(right)) => left.cmp(right),
        (CqlValue::Uuid(left), CqlValue::Uuid(right)) => left.cmp(right),
        (CqlValue::Inet(left), CqlValue::Inet(right)) => left.cmp(right),
        // The rest, and any mixture: by kind, and equal within a kind, which keeps the order of arrival.
        _ => rank(left).cmp(&rank(right)),
    }
}

fn rank(value: &CqlValue) -> u8 {
    match value {
        CqlValue::Unset => 0,
        CqlValue::Null => 1,
        CqlValue::Boolean(_) => 2,
        CqlValue::Tinyint(_) => 3,
        CqlValue::Smallint(_) => 4,
        CqlValue::Int(_) => 5,
        CqlValue::Bigint(_) => 6,
        CqlValue::Varint(_) => 7,
        CqlValue::Float(_) => 8,
        CqlValue::Double(_) => 9,
        CqlValue::Decimal(..) => 10,
        CqlValue::Text(_) => 11,
        CqlValue::Blob(_) => 12,
        CqlValue::Timestamp(_) => 13,
        CqlValue::Date(_) => 14,
        CqlValue::Time(_) => 15,
        CqlValue::Uuid(_) => 16,
        CqlValue::Inet(_) => 17,
        CqlValue::Duration(..) => 18,
        CqlValue::List(_) => 19,
        CqlValue::Set(_) => 20,
        CqlValue::Map(_) => 21,
        CqlValue::Tuple(_) => 22,
        CqlValue::Udt(_) => 23,
    }
}
