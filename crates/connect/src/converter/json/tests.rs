use super::*;
use crate::schema::SchemaKind;
use crate::value::{Decimal, Struct, ValueMap};

fn schemaless(text: &str) -> Result<Value, String> {
    JsonConverter::new(false)
        .read(text.as_bytes())
        .map(|(_, value)| value)
        .map_err(|error| error.message)
}

/// `payload` read by a schema document, through the envelope.
fn by_schema(schema: &str, payload: &str) -> Result<Value, String> {
    let envelope = format!(r#"{{"schema":{schema},"payload":{payload}}}"#);
    JsonConverter::new(true)
        .read(envelope.as_bytes())
        .map(|(_, value)| value)
        .map_err(|error| error.message)
}

/// `payload` as the only field, `f`, of a struct.
fn in_struct(schema: &str, payload: &str) -> Result<Value, String> {
    let field = schema.replacen('{', r#"{"field":"f","#, 1);
    let value = by_schema(
        &format!(r#"{{"type":"struct","fields":[{field}]}}"#),
        &format!(r#"{{"f":{payload}}}"#),
    )?;
    match value {
        Value::Struct(Struct { values, .. }) => Ok(values.into_iter().next().unwrap()),
        other => panic!("not a struct: {other:?}"),
    }
}

#[test]
fn plain_json_reads_as_the_original_reads_it() {
    let map = |entries: &[(&str, Value)]| {
        Value::Map(
            entries
                .iter()
                .map(|(name, value)| (Arc::from(*name), value.clone()))
                .collect(),
        )
    };
    for (text, expected) in [
        ("", Value::Null),
        ("  \n", Value::Null),
        ("null", Value::Null),
        ("true", Value::Bool(true)),
        ("1", Value::I64(1)),
        ("-9223372036854775808", Value::I64(i64::MIN)),
        (
            "12345678901234567890",
            Value::I64(-6_101_065_172_474_983_726),
        ),
        ("1.0", Value::F64(1.0)),
        ("1e3", Value::F64(1000.0)),
        ("1e400", Value::F64(f64::INFINITY)),
        ("007", Value::I64(7)),
        ("-007.50", Value::F64(-7.5)),
        ("\u{feff}1", Value::I64(1)),
        (r#""a\u00e9\ud83d\ude00\n\/""#, Value::text("aé😀\n/")),
        (r#""\ud83dx""#, Value::text("\u{fffd}x")),
        (
            "[1,[],\"x\"]",
            Value::List(vec![Value::I64(1), Value::List(vec![]), Value::text("x")]),
        ),
        (
            r#" { "a" : 1 , "b":{} } "#,
            map(&[("a", Value::I64(1)), ("b", map(&[]))]),
        ),
        (
            r#"{"a":1,"b":2,"a":3}"#,
            map(&[("a", Value::I64(3)), ("b", Value::I64(2))]),
        ),
        ("{} {}", map(&[])),
        ("{}x", map(&[])),
        ("1 2", Value::I64(1)),
        ("true]", Value::Bool(true)),
    ] {
        assert_eq!(schemaless(text), Ok(expected), "{text}");
    }
    let zero = schemaless("-0.0").unwrap();
    assert!(matches!(zero, Value::F64(zero) if zero.is_sign_positive()));
}

#[test]
fn broken_json_is_refused_with_its_place() {
    for (text, words) in [
        ("NaN", "expected a value at byte 0, found `N`"),
        ("{\"a\":", "expected a value at byte 5, found the end"),
        ("[1", "`,` or `]`"),
        ("[1,]", "expected a value"),
        ("{\"a\" 1}", "`:`"),
        ("{a:1}", "name in quotes"),
        ("{\"a\":1,}", "name in quotes"),
        ("1]", "white space or the end"),
        ("1x", "white space or the end"),
        ("5.", "a digit"),
        (".5", "a value"),
        ("+5", "a value"),
        ("-", "a digit"),
        ("1e", "a digit"),
        ("truex", "a value"),
        ("\"a", "the end of a string"),
        ("\"a\nb\"", "the end of a string"),
        (r#""\x""#, "an escape"),
        (r#""\u12g4""#, "hexadecimal"),
        (r#""\u12"#, "hexadecimal"),
    ] {
        let error = schemaless(text).unwrap_err();
        assert!(error.contains(words), "{text}: {error}");
    }
    let error = JsonConverter::new(false).read(b"\"\xff\"").unwrap_err();
    assert!(error.message.contains("not UTF-8 at byte 1"));
}

#[test]
fn deep_nesting_and_endless_numbers_are_refused() {
    assert!(
        schemaless(&"[".repeat(100_000))
            .unwrap_err()
            .contains("nested deeper")
    );
    assert!(
        schemaless(&"{\"a\":".repeat(100_000))
            .unwrap_err()
            .contains("nested deeper")
    );
    assert!(schemaless(&format!("{}{}", "[".repeat(128), "]".repeat(128))).is_ok());
    assert!(
        schemaless(&"9".repeat(1001))
            .unwrap_err()
            .contains("1001 characters")
    );
    let schema = r#"{"type":"array","items":"#.repeat(1000);
    assert!(by_schema(&schema, "1").is_err());
}

#[test]
fn many_members_with_repeated_names_keep_the_last() {
    let members: Vec<String> = (0..100)
        .map(|index| format!("\"k{}\":{index}", index % 40))
        .collect();
    let Ok(Value::Map(map)) = schemaless(&format!("{{{}}}", members.join(","))) else {
        panic!("not a map")
    };
    assert_eq!(map.len(), 40);
    assert_eq!(map.get("k0"), Some(&Value::I64(80)));
    assert_eq!(map.get("k39"), Some(&Value::I64(79)));
}

#[test]
fn an_envelope_is_exactly_schema_and_payload() {
    let converter = JsonConverter::new(true);
    assert_eq!(
        converter.read(br#"{"schema":null,"payload":null}"#),
        Ok((None, Value::Null))
    );
    assert_eq!(
        converter.read(br#"{"payload":[1],"schema":null}"#),
        Ok((None, Value::List(vec![Value::I64(1)])))
    );
    for text in [
        "",
        "null",
        "1",
        "[]",
        "{}",
        r#"{"schema":null}"#,
        r#"{"schema":null,"payload":1,"x":1}"#,
    ] {
        assert!(converter.read(text.as_bytes()).is_err(), "{text}");
    }
}

#[test]
fn numbers_are_coerced_without_a_word() {
    for (schema, payload, expected) in [
        (r#"{"type":"int8"}"#, "300", Value::I8(44)),
        (r#"{"type":"int16"}"#, "1.9", Value::I16(1)),
        (
            r#"{"type":"int32"}"#,
            "30000000000",
            Value::I32(-64_771_072),
        ),
        (r#"{"type":"int32"}"#, "3e10", Value::I32(-64_771_072)),
        (r#"{"type":"int32"}"#, "1e400", Value::I32(0)),
        (r#"{"type":"int64"}"#, "1e999999999", Value::I64(0)),
        (r#"{"type":"int64"}"#, "-1.5e1", Value::I64(-15)),
        (r#"{"type":"int64"}"#, "99e-1", Value::I64(9)),
        (r#"{"type":"int64"}"#, "1e-999999999", Value::I64(0)),
        (r#"{"type":"int64"}"#, "\"5\"", Value::I64(0)),
        (r#"{"type":"int64"}"#, "{\"a\":[1]}", Value::I64(0)),
        (r#"{"type":"float"}"#, "1", Value::F32(1.0)),
        (r#"{"type":"double"}"#, "1e400", Value::F64(f64::INFINITY)),
        (r#"{"type":"double"}"#, "true", Value::F64(0.0)),
        (r#"{"type":"boolean"}"#, "1", Value::Bool(false)),
        (r#"{"type":"boolean"}"#, "true", Value::Bool(true)),
        (r#"{"type":"string"}"#, "\"x\"", Value::text("x")),
        (
            r#"{"type":"bytes"}"#,
            "\"AQI=\"",
            Value::Bytes(bytes::Bytes::from_static(&[1, 2])),
        ),
        (r#"{"type":"string","optional":true}"#, "[1]", Value::Null),
        (r#"{"type":"int64","optional":true}"#, "null", Value::Null),
        (r#"{"type":"int64","default":3}"#, "null", Value::I64(3)),
        (
            r#"{"type":"array","items":{"type":"int32"}}"#,
            "[1,\"x\"]",
            Value::List(vec![Value::I32(1), Value::I32(0)]),
        ),
        (
            r#"{"type":"array","items":{"type":"int32"}}"#,
            "5",
            Value::List(vec![]),
        ),
        (
            r#"{"type":"array","items":{"type":"int32"}}"#,
            "{\"a\":1}",
            Value::List(vec![Value::I32(1)]),
        ),
        (
            r#"{"type":"map","keys":{"type":"int32"},"values":{"type":"string"}}"#,
            "[[1,\"a\"]]",
            Value::Map(ValueMap::from_entries(vec![(
                Value::I32(1),
                Value::text("a"),
            )])),
        ),
    ] {
        assert_eq!(
            by_schema(schema, payload),
            Ok(expected.clone()),
            "{schema} {payload}"
        );
        assert_eq!(
            in_struct(schema, payload),
            Ok(expected),
            "{schema} {payload}"
        );
    }
    // At the top a required text read from something else is null without error; in a struct it is not.
    assert_eq!(by_schema(r#"{"type":"string"}"#, "1"), Ok(Value::Null));
    assert!(in_struct(r#"{"type":"string"}"#, "1").is_err());
}

#[test]
fn logical_types_become_values_of_their_own() {
    let logical = |base: &str, name: &str, more: &str| {
        format!(
            r#"{{"type":"{base}","name":"org.apache.kafka.connect.data.{name}","version":1{more}}}"#
        )
    };
    let decimal = logical("bytes", "Decimal", r#","parameters":{"scale":"2"}"#);
    let kept = |unscaled: i32, scale| {
        Value::Decimal(Box::new(Decimal {
            unscaled: unscaled.into(),
            scale,
        }))
    };
    for (schema, payload, expected) in [
        (logical("int32", "Date", ""), "19000", Value::Date(19_000)),
        (
            logical("int32", "Time", ""),
            "86400000",
            Value::Time(86_400_000),
        ),
        (
            logical("int64", "Timestamp", ""),
            "1700000000000",
            Value::Timestamp(1_700_000_000_000),
        ),
        (decimal.clone(), "\"AJY=\"", kept(150, 2)),
        (decimal.clone(), "1.5", kept(15, 1)),
        (decimal.clone(), "-12e3", kept(-12, -3)),
    ] {
        assert_eq!(
            by_schema(&schema, payload),
            Ok(expected),
            "{schema} {payload}"
        );
    }
    for (schema, payload) in [
        (logical("int32", "Date", ""), "19000.0"),
        (logical("int32", "Date", ""), "30000000000"),
        (logical("int32", "Time", ""), "86400001"),
        (logical("int64", "Timestamp", ""), "\"2024-01-01\""),
        (decimal, "true"),
        (logical("bytes", "Decimal", ""), "\"AA==\""),
    ] {
        assert!(by_schema(&schema, payload).is_err(), "{schema} {payload}");
    }
}

#[test]
fn payloads_that_do_not_fit_say_which_field() {
    for (schema, payload, words) in [
        (r#"{"type":"int"}"#, "1", "unknown schema type `int`"),
        (r#"{"optional":true}"#, "1", "lacks its member `type`"),
        (r#"{"type":"array"}"#, "1", "lacks its member `items`"),
        (
            r#"{"type":"struct","fields":[{"type":"int8"}]}"#,
            "{}",
            "lacks its name",
        ),
        (
            r#"{"type":"int8","parameters":{"a":1}}"#,
            "1",
            "parameter `a`",
        ),
        (r#"{"type":"int8"}"#, "null", "required int8"),
        (r#"{"type":"bytes"}"#, "\"!\"", "not base64"),
        (
            r#"{"type":"struct","fields":[{"type":"int8","field":"a"}]}"#,
            "{}",
            "field `a`: invalid null",
        ),
        (
            r#"{"type":"struct","fields":[]}"#,
            "1",
            "structs are JSON objects, but found the number 1",
        ),
        (
            r#"{"type":"map","keys":{"type":"string"},"values":{"type":"int8"}}"#,
            "[]",
            "JSON objects, but found an array",
        ),
        (
            r#"{"type":"map","keys":{"type":"int8"},"values":{"type":"int8"}}"#,
            "{}",
            "arrays of pairs",
        ),
        (
            r#"{"type":"map","keys":{"type":"int8"},"values":{"type":"int8"}}"#,
            "[[1]]",
            "a key and a value",
        ),
    ] {
        let error = by_schema(schema, payload).unwrap_err();
        assert!(error.contains(words), "{schema} {payload}: {error}");
    }
}

#[test]
fn nulls_read_as_defaults_only_while_the_option_is_on() {
    let text = br#"{"schema":{"type":"int8","optional":true,"default":7},"payload":null}"#;
    let mut converter = JsonConverter::new(true);
    assert_eq!(converter.read(text).unwrap().1, Value::I8(7));
    converter.null_to_default = false;
    assert_eq!(converter.read(text).unwrap().1, Value::Null);
}

#[test]
fn envelopes_are_written_as_they_are_read() {
    for text in [
        r#"{"schema":null,"payload":{"a":[1,2.5,"x",null,true]}}"#,
        r#"{"schema":{"type":"double","optional":true},"payload":1.0E21}"#,
        r#"{"schema":{"type":"bytes","optional":false,"name":"org.apache.kafka.connect.data.Decimal","version":1,"parameters":{"scale":"2"}},"payload":"AJY="}"#,
        r#"{"schema":{"type":"struct","fields":[{"type":"int8","optional":false,"doc":"d","default":1,"field":"a"},{"type":"map","keys":{"type":"int32","optional":false},"values":{"type":"string","optional":true},"optional":true,"field":"m"}],"optional":false,"name":"n","version":3},"payload":{"a":1,"m":[[1,"x"],[2,null]]}}"#,
    ] {
        let converter = JsonConverter::new(true);
        let (schema, value) = converter.read(text.as_bytes()).unwrap();
        let written = converter.write(schema.as_deref(), &value).unwrap().unwrap();
        assert_eq!(String::from_utf8(written).unwrap(), text);
    }
}

#[test]
fn plain_values_are_written_as_java_writes_them() {
    let converter = JsonConverter::new(false);
    let write = |value: &Value| {
        converter
            .write(None, value)
            .map(|text| String::from_utf8(text.unwrap()).unwrap())
    };
    for (value, expected) in [
        (Value::F64(f64::NAN), "\"NaN\""),
        (Value::F32(f32::NEG_INFINITY), "\"-Infinity\""),
        (Value::F64(1e-7), "1.0E-7"),
        (
            Value::text("é😀\u{1}\"\\"),
            "\"é\\uD83D\\uDE00\\u0001\\\"\\\\\"",
        ),
        (Value::Bytes(bytes::Bytes::from_static(&[1, 2])), "\"AQI=\""),
        (
            Value::Map(ValueMap::from_entries(vec![(Value::I8(1), Value::Null)])),
            "[[1,null]]",
        ),
    ] {
        assert_eq!(write(&value).as_deref(), Ok(expected));
    }
    assert!(write(&Value::Date(1)).is_err());
    assert_eq!(converter.write(None, &Value::Null), Ok(None));
    let optional = Schema::new(SchemaKind::Int8).optional();
    assert_eq!(
        converter.write(Some(&optional), &Value::Null),
        Ok(Some(b"null".to_vec()))
    );
    assert!(
        converter
            .write(Some(&Schema::new(SchemaKind::Int8)), &Value::Null)
            .is_err()
    );
}

#[test]
fn decimals_are_numbers_if_asked_for() {
    let text = br#"{"schema":{"type":"bytes","name":"org.apache.kafka.connect.data.Decimal","parameters":{"scale":"2"}},"payload":1.5}"#;
    let mut converter = JsonConverter::new(true);
    let (schema, value) = converter.read(text).unwrap();
    assert!(
        converter
            .write(schema.as_deref(), &value)
            .unwrap_err()
            .message
            .contains("scale")
    );
    converter.decimal_format = DecimalFormat::Numeric;
    converter.schemas_enable = false;
    assert_eq!(
        converter.write(schema.as_deref(), &value),
        Ok(Some(b"1.5".to_vec()))
    );
}

#[test]
fn equal_schema_documents_share_one_schema() {
    let converter = JsonConverter::new(true);
    let read = |schema: &str| {
        converter
            .read(format!(r#"{{"schema":{schema},"payload":1}}"#).as_bytes())
            .unwrap()
            .0
            .unwrap()
    };
    for schema in [r#"{"type":"int8"}"#, r#"{"type":"int16"}"#] {
        assert!(Arc::ptr_eq(&read(schema), &read(schema)));
    }
}
