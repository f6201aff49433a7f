use super::*;
use crate::converter::JsonConverter;

/// `json` bound to a column of type `cql`: the value, or the error's text.
fn bound(json: &str, cql: &str) -> Result<CqlValue, String> {
    let (_, value) = JsonConverter::new(false).read(json.as_bytes()).unwrap();
    let fields = vec![
        ("lat".to_owned(), CqlType::Double),
        ("Lon".to_owned(), CqlType::Double),
    ];
    let cql = CqlType::parse_with(cql, &|name| (name == "place").then(|| fields.clone())).unwrap();
    bind(&value, &cql).map_err(|error| error.message)
}

fn text(text: &str) -> CqlValue {
    CqlValue::Text(Arc::from(text))
}

#[test]
#[expect(clippy::too_many_lines, reason = "a table: one line a rule")]
fn values_bind_as_the_servers_json_insert_does() {
    for (json, cql, expected) in [
        (r#""x""#, "text", text("x")),
        (r#""x""#, "ascii", text("x")),
        ("12", "tinyint", CqlValue::Tinyint(12)),
        ("-129", "smallint", CqlValue::Smallint(-129)),
        ("12.0", "int", CqlValue::Int(12)),
        ("1.3e8", "int", CqlValue::Int(130_000_000)),
        (r#""42""#, "bigint", CqlValue::Bigint(42)),
        (
            r#""123456789012345678901""#,
            "varint",
            CqlValue::Varint("123456789012345678901".parse().unwrap()),
        ),
        ("1", "float", CqlValue::Float(1.0)),
        (r#""2.5""#, "double", CqlValue::Double(2.5)),
        ("2.5", "double", CqlValue::Double(2.5)),
        ("1.5", "decimal", CqlValue::Decimal(15.into(), 1)),
        (r#""1.50""#, "decimal", CqlValue::Decimal(150.into(), 2)),
        (r#""-1e3""#, "decimal", CqlValue::Decimal((-1).into(), -3)),
        ("true", "boolean", CqlValue::Boolean(true)),
        (r#"" FALSE ""#, "boolean", CqlValue::Boolean(false)),
        (
            "1700000000000",
            "timestamp",
            CqlValue::Timestamp(1_700_000_000_000),
        ),
        (
            "1700000000",
            "timestamp",
            CqlValue::Timestamp(1_700_000_000),
        ),
        (
            r#""1970-01-02""#,
            "timestamp",
            CqlValue::Timestamp(86_400_000),
        ),
        (
            r#""1970-01-01T01:02""#,
            "timestamp",
            CqlValue::Timestamp(3_720_000),
        ),
        (
            r#""1970-01-01 00:00:01.5Z""#,
            "timestamp",
            CqlValue::Timestamp(1_500),
        ),
        (
            r#""1970-01-01T02:00:00+0200""#,
            "timestamp",
            CqlValue::Timestamp(0),
        ),
        (
            r#""1970-01-01T00:00:00.000-01:30""#,
            "timestamp",
            CqlValue::Timestamp(5_400_000),
        ),
        (
            r#""1970-01-01T01:00+01""#,
            "timestamp",
            CqlValue::Timestamp(0),
        ),
        (r#""1969-12-31""#, "date", CqlValue::Date(-1)),
        (r#""2147483649""#, "date", CqlValue::Date(1)),
        (
            r#""01:02:03.000000004""#,
            "time",
            CqlValue::Time(3_723_000_000_004),
        ),
        (
            r#""1mo2d3h""#,
            "duration",
            CqlValue::Duration(1, 2, 10_800_000_000_000),
        ),
        (
            r#""-P1Y2DT3S""#,
            "duration",
            CqlValue::Duration(-12, -2, -3_000_000_000),
        ),
        (
            r#""0xCAfe""#,
            "blob",
            CqlValue::Blob(Bytes::from_static(&[0xca, 0xfe])),
        ),
        (r#""0x""#, "blob", CqlValue::Blob(Bytes::new())),
        (r#""::1""#, "inet", CqlValue::Inet("::1".parse().unwrap())),
        (
            "[1,2]",
            "list<int>",
            CqlValue::List(vec![CqlValue::Int(1), CqlValue::Int(2)]),
        ),
        (
            r#"["a","a"]"#,
            "set<text>",
            CqlValue::Set(vec![text("a"), text("a")]),
        ),
        (
            "[1.5,2]",
            "vector<float, 2>",
            CqlValue::List(vec![CqlValue::Float(1.5), CqlValue::Float(2.0)]),
        ),
        (
            "[1]",
            "tuple<int, text>",
            CqlValue::Tuple(vec![CqlValue::Int(1), CqlValue::Null]),
        ),
        (
            r#"{"1":"a"}"#,
            "map<int, text>",
            CqlValue::Map(vec![(CqlValue::Int(1), text("a"))]),
        ),
        (
            r#"{"[1]":true}"#,
            "map<frozen<list<int>>, boolean>",
            CqlValue::Map(vec![(
                CqlValue::List(vec![CqlValue::Int(1)]),
                CqlValue::Boolean(true),
            )]),
        ),
        (
            r#"{"Lon":1}"#,
            "place",
            CqlValue::Udt(vec![CqlValue::Null, CqlValue::Double(1.0)]),
        ),
        (
            r#"{"LAT":1}"#,
            "place",
            CqlValue::Udt(vec![CqlValue::Double(1.0), CqlValue::Null]),
        ),
        (
            r#""[1]""#,
            "list<int>",
            CqlValue::List(vec![CqlValue::Int(1)]),
        ),
        (r#""1000""#, "time", CqlValue::Time(1000)),
        ("1e3", "decimal", CqlValue::Decimal(10_000.into(), 1)),
        ("null", "list<int>", CqlValue::Null),
    ] {
        assert_eq!(bound(json, cql), Ok(expected), "{json} as {cql}");
    }
    let uuid = "5f3dbdb0-0b5c-11ef-9d2a-0242ac120002";
    let expected = CqlValue::Uuid(uuid.parse().unwrap());
    assert_eq!(
        bound(&format!("\"{uuid}\""), "timeuuid"),
        Ok(expected.clone())
    );
    assert_eq!(bound(&format!("\"{uuid}\""), "uuid"), Ok(expected));
}

#[test]
fn values_that_do_not_fit_are_refused_with_type_and_value() {
    for (json, cql, words) in [
        ("1", "text", "`text` takes a string, found the integer 1"),
        ("true", "text", "found the boolean true"),
        ("{}", "text", "found a map"),
        (r#""é""#, "ascii", "only ASCII"),
        ("300", "tinyint", "300 is out of range for `tinyint`"),
        ("1.5", "int", "found the number 1.5"),
        ("1e30", "bigint", "takes an integer"),
        (r#""""#, "int", "takes an integer"),
        ("true", "int", "takes an integer"),
        ("1.0", "varint", "takes an integer"),
        (r#""1.0""#, "varint", "takes an integer"),
        (r#""x""#, "double", "takes a number"),
        (r#""1.x""#, "decimal", "takes a number"),
        ("1", "boolean", "takes true or false"),
        (r#""yes""#, "boolean", "takes true or false"),
        ("1.5", "timestamp", "whole milliseconds"),
        (
            r#""2024-13-01""#,
            "timestamp",
            "found the string `2024-13-01`",
        ),
        (r#""1970-01-01Tx""#, "timestamp", "whole milliseconds"),
        ("1", "date", "takes a string such as"),
        (r#""2024-02-30""#, "date", "takes a string such as"),
        ("1", "time", "takes a string such as"),
        (r#""24:00:00""#, "time", "takes a string such as"),
        (r#""1x""#, "duration", "found `1x`"),
        (r#""""#, "duration", "`duration` takes"),
        (r#""yv4=""#, "blob", "`0x`"),
        (r#""0xabc""#, "blob", "`0x`"),
        (r#""nope""#, "uuid", "a UUID"),
        (
            r#""f47ac10b-58cc-4372-a567-0e02b2c3d479""#,
            "timeuuid",
            "version 1",
        ),
        (r#""300.1.1.1""#, "inet", "an address"),
        (
            "[1,null]",
            "list<int>",
            "element 1: `list<int>` takes no null elements",
        ),
        ("[1,\"x\"]", "list<int>", "element 1: `int` takes"),
        ("1", "list<int>", "an array"),
        (r#""1""#, "list<int>", "an array"),
        (r#""\"[1]\"""#, "list<int>", "an array or an object"),
        ("[1]", "vector<float, 2>", "takes 2 elements, found 1"),
        ("[1,2]", "tuple<int>", "at most 1 elements"),
        (r#"{"a":null}"#, "map<text, int>", "no null values"),
        (r#"{"a":1}"#, "map<int, int>", "a map's key: `int` takes"),
        (r#"{"lon":1}"#, "place", "has no field `lon`"),
        (r#"{"\"LAT\"":1}"#, "place", "has no field"),
        (r#"" 42""#, "int", "takes an integer"),
        (r#""2024-5-1""#, "date", "takes a string such as"),
        (r#""f47ac10b58cc4372a5670e02b2c3d479""#, "uuid", "a UUID"),
        ("1", "counter", "only updated"),
    ] {
        let error = bound(json, cql).unwrap_err();
        assert!(error.contains(words), "{json} as {cql}: {error}");
    }
}

#[test]
fn typed_values_bind_to_columns_of_their_meaning() {
    assert_eq!(bind(&Value::Date(3), &CqlType::Date), Ok(CqlValue::Date(3)));
    assert_eq!(
        bind(&Value::Time(3), &CqlType::Time),
        Ok(CqlValue::Time(3_000_000))
    );
    assert_eq!(
        bind(&Value::Timestamp(3), &CqlType::Timestamp),
        Ok(CqlValue::Timestamp(3))
    );
    let bytes = Bytes::from_static(b"x");
    assert_eq!(
        bind(&Value::Bytes(bytes.clone()), &CqlType::Blob),
        Ok(CqlValue::Blob(bytes))
    );
}

#[test]
fn typed_values_bind_to_text_and_numbers_as_the_classic_sinks_json_has_them() {
    let bytes = Value::Bytes(Bytes::from_static(&[0xca, 0xfe]));
    assert_eq!(bind(&bytes, &CqlType::Text), Ok(text("yv4=")));
    let date = Value::Date(19_846);
    assert_eq!(
        bind(&date, &CqlType::Text),
        Ok(text("2024-05-3T00:00:00.000Z"))
    );
    let time = Value::Time(45_296_789);
    assert_eq!(bind(&time, &CqlType::Text), Ok(text("12:34:56.789+0000")));
    let stamp = Value::Timestamp(1_700_000_000_123);
    assert_eq!(
        bind(&stamp, &CqlType::Bigint),
        Ok(CqlValue::Bigint(1_700_000_000_123))
    );
    assert_eq!(
        bind(&stamp, &CqlType::Double),
        Ok(CqlValue::Double(1_700_000_000_123.0))
    );
    assert!(bind(&stamp, &CqlType::Int).is_err(), "out of range");
}
