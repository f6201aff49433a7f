//! CQL's values as people and programs read them: JSON that says the same as the embedded table's answers.

use messina_connect::row::CqlValue as Bound;
use messina_store::table::plain_text;
use num_bigint::BigInt;
use scylla::value::CqlValue;
use serde_json::{Number, Value};

/// A value of an answer; what JSON has no type for is text, as the embedded table shows it. Times are milliseconds.
pub(super) fn shown(value: Option<CqlValue>) -> Value {
    let Some(value) = value else {
        return Value::Null;
    };
    match value {
        CqlValue::Empty => Value::Null,
        CqlValue::Boolean(value) => Value::Bool(value),
        CqlValue::TinyInt(number) => number.into(),
        CqlValue::SmallInt(number) => number.into(),
        CqlValue::Int(number) => number.into(),
        CqlValue::BigInt(number) => number.into(),
        CqlValue::Counter(counter) => counter.0.into(),
        CqlValue::Timestamp(millis) => millis.0.into(),
        // Widened as it is, 0.1 would be 0.10000000149011612.
        CqlValue::Float(number) => floating(number.to_string().parse().unwrap_or(f64::NAN), || {
            number.to_string()
        }),
        CqlValue::Double(number) => floating(number, || number.to_string()),
        CqlValue::Ascii(text) | CqlValue::Text(text) => Value::String(text),
        CqlValue::Uuid(uuid) => uuid.to_string().into(),
        CqlValue::Timeuuid(uuid) => uuid.to_string().into(),
        CqlValue::Inet(address) => address.to_string().into(),
        CqlValue::Blob(bytes) => plain_text(&Bound::Blob(bytes.into())).into(),
        // Unsigned, with 1970-01-01 in the middle of the range.
        CqlValue::Date(date) => {
            plain_text(&Bound::Date((date.0 ^ 0x8000_0000).cast_signed())).into()
        }
        CqlValue::Time(time) => plain_text(&Bound::Time(time.0)).into(),
        CqlValue::Duration(own) => {
            plain_text(&Bound::Duration(own.months, own.days, own.nanoseconds)).into()
        }
        CqlValue::Varint(number) => {
            let number = BigInt::from_signed_bytes_be(number.as_signed_bytes_be_slice());
            number.to_string().into()
        }
        CqlValue::Decimal(number) => {
            let (unscaled, scale) = number.as_signed_be_bytes_slice_and_exponent();
            let unscaled = BigInt::from_signed_bytes_be(unscaled);
            plain_text(&Bound::Decimal(unscaled, scale)).into()
        }
        CqlValue::List(values) | CqlValue::Set(values) | CqlValue::Vector(values) => {
            values.into_iter().map(|own| shown(Some(own))).collect()
        }
        CqlValue::Tuple(values) => values.into_iter().map(shown).collect(),
        CqlValue::Map(entries) => map(entries),
        CqlValue::UserDefinedType { fields, .. } => {
            let fields = fields.into_iter();
            Value::Object(fields.map(|(name, own)| (name, shown(own))).collect())
        }
        // A kind that the driver learns of later.
        other => format!("{other:?}").into(),
    }
}

/// A number, or the text of what is none.
fn floating(number: f64, text: impl FnOnce() -> String) -> Value {
    Number::from_f64(number).map_or_else(|| Value::String(text()), Value::Number)
}

/// An object where every key is text, else an array of pairs.
fn map(entries: Vec<(CqlValue, CqlValue)>) -> Value {
    let is_text = |key: &CqlValue| matches!(key, CqlValue::Text(_) | CqlValue::Ascii(_));
    let all_text = entries.iter().all(|(key, _)| is_text(key));
    let pairs = entries
        .into_iter()
        .map(|(key, value)| (shown(Some(key)), shown(Some(value))));
    if !all_text {
        return pairs
            .map(|(key, value)| Value::Array(vec![key, value]))
            .collect();
    }
    let named = pairs.filter_map(|(key, value)| match key {
        Value::String(key) => Some((key, value)),
        _ => None,
    });
    Value::Object(named.collect())
}

#[cfg(test)]
mod tests {
    use scylla::value::{CqlDate, CqlDecimal, CqlDuration, CqlTime, CqlVarint};
    use serde_json::json;

    use super::*;

    #[test]
    fn what_json_has_no_type_for_is_text_and_collections_are_json() {
        for (value, json) in [
            (CqlValue::Float(0.1), json!(0.1)),
            (CqlValue::Double(f64::NAN), json!("NaN")),
            (CqlValue::Date(CqlDate(1 << 31)), json!("1970-01-01")),
            (CqlValue::Date(CqlDate((1 << 31) - 1)), json!("1969-12-31")),
            (CqlValue::Time(CqlTime(1)), json!("00:00:00.000000001")),
            (
                CqlValue::Duration(CqlDuration {
                    months: 1,
                    days: 2,
                    nanoseconds: 3,
                }),
                json!("1mo2d3ns"),
            ),
            (
                CqlValue::Varint(CqlVarint::from_signed_bytes_be(vec![0xff])),
                json!("-1"),
            ),
            (
                CqlValue::Decimal(CqlDecimal::from_signed_be_bytes_and_exponent(vec![110], 2)),
                json!("1.10"),
            ),
            (CqlValue::Blob(vec![0, 255]), json!("0x00ff")),
            (
                CqlValue::Map(vec![(CqlValue::Int(1), CqlValue::Boolean(true))]),
                json!([[1, true]]),
            ),
            (
                CqlValue::Map(vec![(CqlValue::Text("a".into()), CqlValue::Int(1))]),
                json!({"a": 1}),
            ),
            (
                CqlValue::UserDefinedType {
                    keyspace: "k".into(),
                    name: "u".into(),
                    fields: vec![("x".into(), Some(CqlValue::Int(1))), ("y".into(), None)],
                },
                json!({"x": 1, "y": null}),
            ),
            (
                CqlValue::Tuple(vec![None, Some(CqlValue::Ascii("b".into()))]),
                json!([null, "b"]),
            ),
        ] {
            assert_eq!(shown(Some(value)), json);
        }
        assert_eq!(shown(None), Value::Null);
    }
}
