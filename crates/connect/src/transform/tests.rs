use bytes::Bytes;

use super::*;
use crate::config::{ConnectorConfig, Problem};
use crate::converter::JsonConverter;
use crate::record::SinkRecord;

fn transform(class: &str, options: &[(&str, &str)]) -> Result<Transform, Vec<Problem>> {
    let mut problems = Vec::new();
    let config = ConnectorConfig::of("test", options);
    let compiled = Transform::compile(class, &mut Options::new(&config, "type", "", &mut problems));
    compiled.filter(|_| problems.is_empty()).ok_or(problems)
}

/// What `json`, an envelope if it has a schema, becomes: each record's value as JSON text.
fn applied(transform: &Transform, json: &str) -> Result<Vec<String>, String> {
    let converter = JsonConverter::new(json.contains("\"schema\""));
    let (value_schema, value) = converter.read(json.as_bytes()).unwrap();
    let key = Bytes::from_static(b"plant/line 2/motor");
    let source = SinkRecord {
        topic: "iot",
        partition: 3,
        offset: 42,
        timestamp: Some(1_000),
        key: Some(&key),
        value: None,
        headers: &[],
    };
    let record = ConnectRecord {
        source: &source,
        topic: "iot".into(),
        timestamp: source.timestamp,
        key_schema: None,
        key: Value::Null,
        value_schema,
        value,
        headers: None,
    };
    let mut out = Vec::new();
    transform
        .apply(record, &mut out)
        .map_err(|error| error.message)?;
    let writer = JsonConverter::new(false);
    let text = |record: ConnectRecord<'_>| {
        let written = writer
            .write(record.value_schema.as_deref(), &record.value)
            .unwrap();
        written.map_or("tombstone".to_owned(), |written| {
            String::from_utf8(written).unwrap()
        })
    };
    Ok(out.into_iter().map(text).collect())
}

const STRUCT: &str = r#"{"schema":{"type":"struct","fields":[{"type":"int8","field":"a"},
    {"type":"array","items":{"type":"int32"},"field":"l"}]},"payload":{"a":1,"l":[5,6]}}"#;

#[test]
fn insert_field_adds_facts_about_the_record() {
    let all = [
        ("topic.field", "t!"),
        ("partition.field", "p"),
        ("offset.field", "o?"),
        ("timestamp.field", "ts"),
        ("static.field", "s"),
        ("static.value", "x"),
    ];
    let insert = transform("InsertField$Value", &all).unwrap();
    let facts = r#""t":"iot","p":3,"o":42,"ts":1000,"s":"x"}"#;
    assert_eq!(
        applied(&insert, r#"{"a":1}"#),
        Ok(vec![format!(r#"{{"a":1,{facts}"#)])
    );
    assert_eq!(
        applied(&insert, STRUCT),
        Ok(vec![format!(r#"{{"a":1,"l":[5,6],{facts}"#)])
    );
    assert_eq!(applied(&insert, "null"), Ok(vec!["tombstone".to_owned()]));
    assert!(
        applied(&insert, "[1]")
            .unwrap_err()
            .contains("only Map objects supported in absence of schema")
    );
    let clash = transform("InsertField$Value", &[("offset.field", "a")]).unwrap();
    assert_eq!(
        applied(&clash, r#"{"a":1}"#),
        Ok(vec![r#"{"a":42}"#.to_owned()])
    );
    assert!(
        applied(&clash, STRUCT)
            .unwrap_err()
            .contains("field name duplication a")
    );
}

#[test]
fn explode_repeats_the_other_fields_for_every_element() {
    let explode = |options: &[(&str, &str)]| {
        transform(
            "messina.Explode$Value",
            &[&[("field", "l")], options].concat(),
        )
        .unwrap()
    };
    let indexed = explode(&[("element.field", "e"), ("index.field", "i")]);
    let expected = [r#"{"a":1,"e":5,"i":0}"#, r#"{"a":1,"e":6,"i":1}"#]
        .map(str::to_owned)
        .to_vec();
    assert_eq!(
        applied(&indexed, r#"{"a":1,"l":[5,6]}"#),
        Ok(expected.clone())
    );
    assert_eq!(applied(&indexed, STRUCT), Ok(expected));
    for empty in [r#"{"l":[]}"#, r#"{"l":null}"#] {
        assert_eq!(applied(&indexed, empty), Ok(vec![]));
    }
    assert_eq!(applied(&indexed, "null"), Ok(vec!["tombstone".to_owned()]));
    for (wrong, words) in [
        (r#"{"a":1}"#, "no field `l`"),
        (r#"{"l":1}"#, "is an integer, not a list"),
        (r#"{"l":"1,2"}"#, "no separator is configured"),
        ("[1]", "only Map objects"),
    ] {
        assert!(
            applied(&indexed, wrong).unwrap_err().contains(words),
            "{wrong}"
        );
    }
}

#[test]
fn explode_splits_text_and_forgives_blanks_and_a_trailing_separator() {
    let explode = |separator| {
        let options = [
            ("field", "l"),
            ("separator", separator),
            ("element.type", "double"),
            ("max.rows", "3"),
        ];
        transform("Explode", &options).unwrap()
    };
    let expected = [r#"{"l":2.1}"#, r#"{"l":2.2}"#].map(str::to_owned).to_vec();
    for text in ["2.1# 2.2", "2.1# 2.2# ", "2.1#2.2#", " 2.1 #  2.2 # # "] {
        assert_eq!(
            applied(&explode("# "), &format!(r#"{{"l":"{text}"}}"#)),
            Ok(expected.clone()),
            "{text}"
        );
    }
    assert_eq!(applied(&explode(" "), r#"{"l":"2.1 2.2"}"#), Ok(expected));
    assert_eq!(applied(&explode("#"), r#"{"l":" # "}"#), Ok(vec![]));
    assert_eq!(
        applied(&explode("#"), r#"{"l":[1,"2"]}"#).unwrap(),
        [r#"{"l":1.0}"#, r#"{"l":2.0}"#]
    );
    for (text, words) in [
        ("1##2", "element 1 of field `l`: `` is not double"),
        ("1#x", "element 1 of field `l`: `x` is not double"),
        ("1#2#3#4", "more than 3 elements"),
    ] {
        let error = applied(&explode("#"), &format!(r#"{{"l":"{text}"}}"#)).unwrap_err();
        assert!(error.contains(words), "{text}: {error}");
    }
}

#[test]
fn levels_of_the_mqtt_topic_become_fields() {
    let topic = transform(
        "messina.TopicFields$Value",
        &[("levels", "site,_,kind,none"), ("topic.field", "t")],
    )
    .unwrap();
    assert_eq!(
        applied(&topic, r#"{"a":1}"#).unwrap(),
        [r#"{"a":1,"site":"plant","kind":"motor","t":"plant/line 2/motor"}"#]
    );
    assert_eq!(
        applied(&topic, STRUCT).unwrap(),
        [r#"{"a":1,"l":[5,6],"site":"plant","kind":"motor","none":null,"t":"plant/line 2/motor"}"#]
    );
}

#[test]
fn readings_are_limited_in_number() {
    let readings = transform("messina.Readings", &[("max.rows", "2")]).unwrap();
    assert_eq!(applied(&readings, "[1,2]").unwrap().len(), 2);
    assert!(
        applied(&readings, "[1,2,3]")
            .unwrap_err()
            .contains("more than 2 readings")
    );
}

#[test]
fn options_that_make_no_sense_are_refused() {
    for (class, options, words) in [
        (
            "InsertField$Value",
            &[][..],
            "no field insertion configured",
        ),
        ("InsertField", &[("topic.field", "t")], "unknown transform"),
        (
            "InsertField$Header",
            &[("topic.field", "t")],
            "unknown transform",
        ),
        (
            "InsertField$Value",
            &[("static.field", "t")],
            "no value specified",
        ),
        (
            "Explode",
            &[("field", "l"), ("element.type", "date")],
            "unknown type `date`",
        ),
        ("Explode", &[("field", "l"), ("max.rows", "0")], "positive"),
        ("TopicFields", &[("levels", "_,")], "no field for a level"),
        ("TopicFields", &[("levels", "a,a")], "named twice"),
        ("Nope$Value", &[], "unknown transform `Nope$Value`"),
    ] {
        let problems = transform(class, options).unwrap_err();
        assert!(problems[0].message.contains(words), "{class}: {problems:?}");
    }
}
