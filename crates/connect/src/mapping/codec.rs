//! How a mapped value becomes a column: as ScyllaDB's sink converts it, or by `DataStax`'s codecs, which lose nothing.

use std::sync::Arc;

use base64::Engine as _;
use bytes::Bytes;

use super::formats::Formats;
use crate::bind::{bind, invalid};
use crate::converter::JsonConverter;
use crate::converter::json::Parser;
use crate::cql_type::CqlType;
use crate::data_error::DataError;
use crate::java_number;
use crate::java_text;
use crate::row::CqlValue;
use crate::value::Value;

/// A unit of time as options name it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TimeUnit {
    Nanoseconds,
    Microseconds,
    Milliseconds,
    Seconds,
    Minutes,
    Hours,
    Days,
}

impl TimeUnit {
    /// Java's name of it, in any case.
    pub(crate) fn named(name: &str) -> Option<Self> {
        Some(match name.to_ascii_uppercase().as_str() {
            "NANOSECONDS" => Self::Nanoseconds,
            "MICROSECONDS" => Self::Microseconds,
            "MILLISECONDS" => Self::Milliseconds,
            "SECONDS" => Self::Seconds,
            "MINUTES" => Self::Minutes,
            "HOURS" => Self::Hours,
            "DAYS" => Self::Days,
            _ => return None,
        })
    }

    fn nanos(self) -> i128 {
        match self {
            Self::Nanoseconds => 1,
            Self::Microseconds => 1_000,
            Self::Milliseconds => 1_000_000,
            Self::Seconds => 1_000_000_000,
            Self::Minutes => 60_000_000_000,
            Self::Hours => 3_600_000_000_000,
            Self::Days => 86_400_000_000_000,
        }
    }

    /// So many of these in another unit, rounded towards the past; `None` beyond 64 bits.
    pub(crate) fn convert(self, count: i64, to: Self) -> Option<i64> {
        i64::try_from((i128::from(count) * self.nanos()).div_euclid(to.nanos())).ok()
    }
}

/// The rules of conversion.
#[derive(Debug, Clone)]
pub(crate) enum Codec {
    /// Those of [`bind`].
    Server,
    /// `DataStax`'s, with the formats of times.
    Strict(Arc<Formats>),
}

impl Codec {
    /// A value as a column of that type.
    pub(crate) fn convert(&self, value: &Value, cql_type: &CqlType) -> Result<CqlValue, DataError> {
        match self {
            Self::Server => bind(value, cql_type),
            Self::Strict(formats) => strict(value, cql_type, formats),
        }
    }
}

fn strict(value: &Value, cql_type: &CqlType, formats: &Formats) -> Result<CqlValue, DataError> {
    let is_text = matches!(cql_type, CqlType::Text | CqlType::Ascii);
    match value {
        Value::Str(text) if text.is_empty() && !is_text => return Ok(CqlValue::Null),
        _ if is_text => return text(value, cql_type),
        _ => {}
    }
    match cql_type {
        CqlType::Boolean => boolean(value),
        CqlType::Tinyint
        | CqlType::Smallint
        | CqlType::Int
        | CqlType::Bigint
        | CqlType::Varint
        | CqlType::Decimal
        | CqlType::Double => bind(&numeric(value), cql_type),
        CqlType::Float => float(value),
        CqlType::Timestamp => formats.timestamp(value),
        CqlType::Date => formats.date(value),
        CqlType::Time => formats.time(value),
        CqlType::Blob => blob(value),
        CqlType::List(_)
        | CqlType::Set(_)
        | CqlType::Map(..)
        | CqlType::Tuple(_)
        | CqlType::Vector(..)
        | CqlType::Udt(..) => collection(value, cql_type, formats),
        _ => bind(value, cql_type),
    }
}

/// Texts as they are, everything else as it is written in JSON.
fn text(value: &Value, cql_type: &CqlType) -> Result<CqlValue, DataError> {
    match value {
        Value::Null | Value::Str(_) | Value::Date(_) | Value::Time(_) => bind(value, cql_type),
        Value::Bytes(bytes) => match std::str::from_utf8(bytes) {
            Ok(text) => Ok(CqlValue::Text(Arc::from(text))),
            Err(_not_text) => bind(value, cql_type),
        },
        other => {
            let written = JsonConverter::new(false)
                .write(None, other)?
                .unwrap_or_default();
            Ok(CqlValue::Text(Arc::from(String::from_utf8_lossy(&written))))
        }
    }
}

fn boolean(value: &Value) -> Result<CqlValue, DataError> {
    const WORDS: [(&str, &str); 5] = [
        ("1", "0"),
        ("Y", "N"),
        ("T", "F"),
        ("YES", "NO"),
        ("TRUE", "FALSE"),
    ];
    let word = match value {
        Value::Str(text) => text.trim().to_ascii_uppercase(),
        Value::I8(_) | Value::I16(_) | Value::I32(_) | Value::I64(_) => {
            match bind(value, &CqlType::Bigint) {
                Ok(CqlValue::Bigint(number)) => number.to_string(),
                _ => String::new(),
            }
        }
        _ => return bind(value, &CqlType::Boolean),
    };
    let found = WORDS.iter().find_map(|(yes, no)| {
        (word == *yes)
            .then_some(true)
            .or((word == *no).then_some(false))
    });
    found.map(CqlValue::Boolean).ok_or_else(|| {
        invalid(format!(
            "`boolean` takes one of 1, Y, T, yes, true, 0, N, F, no, false, found `{word}`"
        ))
    })
}

/// A text as the number it is written as; anything else as it is.
fn numeric(value: &Value) -> Value {
    match value {
        Value::Str(text) => match java_number::decimal(text.trim()) {
            Some(decimal) => Value::Decimal(Box::new(decimal)),
            None => value.clone(),
        },
        Value::Bool(own) => Value::I8(i8::from(*own)),
        other => other.clone(),
    }
}

/// A double narrows only where a float means the same digits.
fn float(value: &Value) -> Result<CqlValue, DataError> {
    let narrow = bind(&numeric(value), &CqlType::Float)?;
    if let (Value::F64(wide), CqlValue::Float(narrow)) = (value, &narrow) {
        let (mut wide_text, mut narrow_text) = (String::new(), String::new());
        java_text::double(*wide, &mut wide_text);
        java_text::float(*narrow, &mut narrow_text);
        let same = wide_text == narrow_text || f64::from(*narrow).to_bits() == wide.to_bits();
        if !same {
            return Err(invalid(format!("{wide} would lose digits as a `float`")));
        }
    }
    Ok(narrow)
}

fn blob(value: &Value) -> Result<CqlValue, DataError> {
    if let Value::Str(text) = value
        && !text.starts_with("0x")
    {
        let decoded = base64::engine::general_purpose::STANDARD.decode(text.as_bytes());
        return match decoded {
            Ok(bytes) => Ok(CqlValue::Blob(Bytes::from(bytes))),
            Err(_not_base64) => Err(invalid(
                "`blob` takes `0x` with hexadecimal digits, or base64",
            )),
        };
    }
    bind(value, &CqlType::Blob)
}

fn collection(value: &Value, cql_type: &CqlType, formats: &Formats) -> Result<CqlValue, DataError> {
    let parsed = match value {
        Value::Str(text) => Some(Parser::of(text).root(Parser::value)?),
        _ => None,
    };
    let value = parsed.as_ref().unwrap_or(value);
    match (value, cql_type) {
        (Value::Null, _) => Ok(CqlValue::Null),
        (Value::List(values), CqlType::List(element)) => {
            elements(values, element, formats).map(CqlValue::List)
        }
        (Value::List(values), CqlType::Set(element)) => {
            elements(values, element, formats).map(CqlValue::Set)
        }
        (Value::List(values), CqlType::Vector(element, count)) => {
            exactly(values.len(), usize::from(*count), cql_type)?;
            elements(values, element, formats).map(CqlValue::List)
        }
        (Value::List(values), CqlType::Tuple(types)) => {
            exactly(values.len(), types.len(), cql_type)?;
            let parts = values
                .iter()
                .zip(types)
                .map(|(value, own)| strict(value, own, formats));
            parts.collect::<Result<_, _>>().map(CqlValue::Tuple)
        }
        (Value::List(values), CqlType::Udt(_, fields)) => {
            exactly(values.len(), fields.len(), cql_type)?;
            let parts = values
                .iter()
                .zip(fields)
                .map(|(value, (_, own))| strict(value, own, formats));
            parts.collect::<Result<_, _>>().map(CqlValue::Udt)
        }
        (Value::Map(_) | Value::Struct(_), CqlType::Udt(_, fields)) => {
            exactly(members(value), fields.len(), cql_type)?;
            let field = |(name, own): &(String, CqlType)| match super::source::member(value, name) {
                Some(value) => strict(value, own, formats),
                None => Err(invalid(format!(
                    "the record has no `{name}` for `{cql_type}`"
                ))),
            };
            fields
                .iter()
                .map(field)
                .collect::<Result<_, _>>()
                .map(CqlValue::Udt)
        }
        (Value::Map(map), CqlType::Map(key, element)) => {
            let entry = |(own_key, own): &(Value, Value)| {
                Ok((
                    strict(own_key, key, formats)?,
                    strict(own, element, formats)?,
                ))
            };
            map.iter()
                .map(entry)
                .collect::<Result<_, _>>()
                .map(CqlValue::Map)
        }
        _ => bind(value, cql_type),
    }
}

fn elements(
    values: &[Value],
    element: &CqlType,
    formats: &Formats,
) -> Result<Vec<CqlValue>, DataError> {
    values
        .iter()
        .map(|value| strict(value, element, formats))
        .collect()
}

fn members(value: &Value) -> usize {
    match value {
        Value::Map(map) => map.len(),
        Value::Struct(own) => own.values.len(),
        _ => 0,
    }
}

fn exactly(found: usize, wanted: usize, cql_type: &CqlType) -> Result<(), DataError> {
    if found == wanted {
        return Ok(());
    }
    Err(invalid(format!(
        "`{cql_type}` takes exactly {wanted} values, found {found}"
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn converted(json: &str, cql: &str) -> Result<CqlValue, String> {
        let (_, value) = JsonConverter::new(false).read(json.as_bytes()).unwrap();
        let place = vec![
            ("a".to_owned(), CqlType::Int),
            ("b".to_owned(), CqlType::Text),
        ];
        let cql =
            CqlType::parse_with(cql, &|name| (name == "place").then(|| place.clone())).unwrap();
        let given = |name: &str| (name == "unit").then_some("SECONDS");
        let formats = Formats::read(given, &mut |wrong| panic!("{}", wrong.message));
        let codec = Codec::Strict(Arc::new(formats));
        codec.convert(&value, &cql).map_err(|error| error.message)
    }

    #[test]
    fn codecs_convert_what_loses_nothing_and_refuse_the_rest() {
        let text = |text: &str| CqlValue::Text(text.into());
        for (json, cql, expected) in [
            ("1", "text", text("1")),
            (r#"{"a":[1,"x"]}"#, "text", text(r#"{"a":[1,"x"]}"#)),
            (r#""""#, "text", text("")),
            (r#""""#, "int", CqlValue::Null),
            (r#""12.0""#, "int", CqlValue::Int(12)),
            (r#"" 1e2 ""#, "bigint", CqlValue::Bigint(100)),
            (r#""yes""#, "boolean", CqlValue::Boolean(true)),
            ("0", "boolean", CqlValue::Boolean(false)),
            (
                "1700000000",
                "timestamp",
                CqlValue::Timestamp(1_700_000_000_000),
            ),
            (
                r#""2024-05-01T00:00:00Z""#,
                "timestamp",
                CqlValue::Timestamp(1_714_521_600_000),
            ),
            (
                r#""yv4=""#,
                "blob",
                CqlValue::Blob(Bytes::from_static(&[0xca, 0xfe])),
            ),
            (
                r#""0xcafe""#,
                "blob",
                CqlValue::Blob(Bytes::from_static(&[0xca, 0xfe])),
            ),
            ("0.1", "float", CqlValue::Float(0.1)),
            (
                r#"{"b":1,"a":"2"}"#,
                "place",
                CqlValue::Udt(vec![CqlValue::Int(2), text("1")]),
            ),
            (
                r#"[2,"x"]"#,
                "place",
                CqlValue::Udt(vec![CqlValue::Int(2), text("x")]),
            ),
            (
                r#""[1,\"2\"]""#,
                "list<int>",
                CqlValue::List(vec![CqlValue::Int(1), CqlValue::Int(2)]),
            ),
        ] {
            assert_eq!(converted(json, cql), Ok(expected), "{json} as {cql}");
        }
        for (json, cql, words) in [
            ("1.5", "int", "takes an integer"),
            ("300", "tinyint", "out of range"),
            ("0.12345678901234", "float", "would lose digits"),
            (r#""maybe""#, "boolean", "found `MAYBE`"),
            (r#"{"a":1}"#, "place", "exactly 2 values, found 1"),
            (r#"{"a":1,"c":2}"#, "place", "no `b`"),
            (r#""not base64!""#, "blob", "base64"),
            ("[1]", "tuple<int, text>", "exactly 2"),
        ] {
            let error = converted(json, cql).unwrap_err();
            assert!(error.contains(words), "{json} as {cql}: {error}");
        }
        assert_eq!(
            TimeUnit::Milliseconds.convert(1_500, TimeUnit::Seconds),
            Some(1)
        );
        assert_eq!(
            TimeUnit::Days.convert(i64::MAX, TimeUnit::Nanoseconds),
            None
        );
    }

    type Options = &'static [(&'static str, &'static str)];

    /// Options, a text, a type, and what the text is there.
    const TIMES: &[(Options, &str, &str, Option<CqlValue>)] = &[
        (
            &[("timeZone", "Europe/Berlin")],
            "2024-07-01 12:00",
            "timestamp",
            Some(CqlValue::Timestamp(1_719_828_000_000)),
        ),
        (
            &[("timeZone", "Europe/Berlin")],
            "2024-07-01T12:00Z",
            "timestamp",
            Some(CqlValue::Timestamp(1_719_835_200_000)),
        ),
        (
            &[("timeZone", "+02:00")],
            "2024-07-01",
            "timestamp",
            Some(CqlValue::Timestamp(1_719_784_800_000)),
        ),
        (
            &[("timestamp", "dd/MM/yyyy HH:mm")],
            "01/07/2024 12:00",
            "timestamp",
            Some(CqlValue::Timestamp(1_719_835_200_000)),
        ),
        (
            &[("timestamp", "dd/MM/yyyy HH:mm")],
            "2024-07-01 12:00",
            "timestamp",
            None,
        ),
        // Digits that are no date count units, whatever the pattern.
        (
            &[("timestamp", "dd/MM/yyyy HH:mm"), ("unit", "SECONDS")],
            "1719835200",
            "timestamp",
            Some(CqlValue::Timestamp(1_719_835_200_000)),
        ),
        (
            &[("timestamp", "UNITS_SINCE_EPOCH"), ("unit", "DAYS")],
            "2",
            "timestamp",
            Some(CqlValue::Timestamp(172_800_000)),
        ),
        (
            &[("timestamp", "UNITS_SINCE_EPOCH")],
            "2024-07-01",
            "timestamp",
            None,
        ),
        (
            &[],
            "2024-02-29 23:59",
            "timestamp",
            Some(CqlValue::Timestamp(1_709_251_140_000)),
        ),
        // What is no day and no hour is none in CQL's format, and resolved where a pattern is given.
        (&[], "2024-02-31", "timestamp", None),
        (&[], "2024-02-28T24:00", "timestamp", None),
        (
            &[("timestamp", "ISO_LOCAL_DATE_TIME")],
            "2024-02-31T00:00",
            "timestamp",
            Some(CqlValue::Timestamp(1_709_164_800_000)),
        ),
        (
            &[("timestamp", "yyyy-MM-dd HH:mm")],
            "2024-02-28 24:00",
            "timestamp",
            Some(CqlValue::Timestamp(1_709_164_800_000)),
        ),
        (
            &[("unit", "SECONDS")],
            "1719835200",
            "timestamp",
            Some(CqlValue::Timestamp(1_719_835_200_000)),
        ),
        (
            &[("date", "dd.MM.yyyy")],
            "02.01.1970",
            "date",
            Some(CqlValue::Date(1)),
        ),
        (&[("date", "dd.MM.yyyy")], "1970-01-02", "date", None),
        (
            &[("date", "ISO_LOCAL_DATE")],
            "1970-01-02",
            "date",
            Some(CqlValue::Date(1)),
        ),
        (
            &[("time", "h:mm a")],
            "1:00 PM",
            "time",
            Some(CqlValue::Time(46_800_000_000_000)),
        ),
        (
            &[("time", "HH:mm:ss.SSS")],
            "23:59:59.007",
            "time",
            Some(CqlValue::Time(86_399_007_000_000)),
        ),
        (
            &[("date", "uuuu-MM-dd")],
            "0001-01-01",
            "date",
            Some(CqlValue::Date(-719_162)),
        ),
        (&[("time", "HHmmss")], "13:00:00", "time", None),
    ];

    #[test]
    fn times_are_read_as_the_options_say() {
        for (options, text, cql, expected) in TIMES {
            let given = |name: &str| {
                options
                    .iter()
                    .find(|(own, _)| *own == name)
                    .map(|(_, text)| *text)
            };
            let formats = Formats::read(given, &mut |wrong| panic!("{}", wrong.message));
            let codec = Codec::Strict(Arc::new(formats));
            let converted = codec.convert(&Value::text(text), &CqlType::parse(cql).unwrap());
            assert_eq!(converted.ok(), *expected, "{text} with {options:?}");
        }
    }
}
