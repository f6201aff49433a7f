use bytes::Bytes;

use super::*;
use crate::config::{Position, Property};
use crate::cql_type::CqlType;
use crate::record::RecordHeader;
use crate::row::CqlValue;
use crate::table_schema::{ClusteringOrder, TableColumn};

pub(crate) fn table(
    name: &str,
    columns: &[(&str, &str)],
    partition: usize,
    clustering: usize,
) -> Arc<TableSchema> {
    let column = |(name, cql): &(&str, &str)| TableColumn {
        name: (*name).to_owned(),
        cql_type: CqlType::parse(cql).unwrap(),
    };
    Arc::new(TableSchema {
        keyspace: None,
        name: name.to_owned(),
        columns: columns.iter().map(column).collect(),
        partition_key: (0..partition).collect(),
        clustering_key: (partition..partition + clustering)
            .map(|index| (index, ClusteringOrder::Ascending))
            .collect(),
        default_ttl: None,
        time_bucket: None,
    })
}

fn tables(name: &str) -> Option<Arc<TableSchema>> {
    match name {
        "temperature" => {
            let columns = [
                ("event_id", "bigint"),
                ("ts", "timestamp"),
                ("idx", "int"),
                ("reading", "double"),
            ];
            Some(table(name, &columns, 1, 2))
        }
        "readings" => {
            let columns = [
                ("topic", "text"),
                ("field", "text"),
                ("ts", "timestamp"),
                ("seq", "bigint"),
                ("number", "double"),
                ("text", "text"),
            ];
            Some(table(name, &columns, 2, 2))
        }
        "iot" => {
            let columns = [
                ("id", "bigint"),
                ("ts", "timestamp"),
                ("temp", "double"),
                ("Loc", "text"),
            ];
            Some(table(name, &columns, 1, 0))
        }
        _ => None,
    }
}

const TEMPERATURE: [(&str, &str); 14] = [
    ("topics", "temperature"),
    (
        "connect.cassandra.kcql",
        "INSERT INTO temperature SELECT * FROM temperature TTL=60",
    ),
    ("value.converter", "messina.Delimited"),
    ("value.converter.delimiter", ","),
    ("value.converter.columns", "event_id:int64,readings:string"),
    ("transforms", "explode,time"),
    ("transforms.explode.type", "messina.Explode$Value"),
    ("transforms.explode.field", "readings"),
    ("transforms.explode.separator", "# "),
    ("transforms.explode.element.field", "reading"),
    ("transforms.explode.element.type", "double"),
    ("transforms.explode.index.field", "idx"),
    ("transforms.time.type", "InsertField$Value"),
    ("transforms.time.timestamp.field", "ts"),
];

const READINGS: [(&str, &str); 6] = [
    ("topics", "readings"),
    (
        "connect.cassandra.kcql",
        "INSERT INTO readings SELECT * FROM readings",
    ),
    ("value.converter", "Json"),
    ("value.converter.schemas.enable", "false"),
    ("transforms", "readings"),
    ("transforms.readings.type", "messina.Readings$Value"),
];

const IOT: [(&str, &str); 3] = [
    ("topics", "iot"),
    (
        "connect.cassandra.kcql",
        "INSERT INTO iot SELECT * FROM iot",
    ),
    ("value.converter.schemas.enable", "false"),
];

fn compile(options: &[(&str, &str)]) -> Result<Plan, Vec<Problem>> {
    Plan::compile(&ConnectorConfig::of("test", options), &tables)
}

/// Options with some of them set otherwise.
fn with<'a>(
    base: &[(&'a str, &'a str)],
    changed: &[(&'a str, &'a str)],
) -> Vec<(&'a str, &'a str)> {
    [base, changed].concat()
}

fn apply(plan: &Plan, topic: &str, value: Option<&str>, out: &mut Vec<(usize, Row)>) -> Outcome {
    let value = value.map(|value| Bytes::copy_from_slice(value.as_bytes()));
    let headers = [RecordHeader {
        name: Bytes::from_static(b"mqtt.topic"),
        value: Some(Bytes::from_static(b"site/7/meter")),
    }];
    let record = SinkRecord {
        topic,
        partition: 3,
        offset: 12_345,
        timestamp: Some(1_700_000_000_000),
        key: None,
        value: value.as_ref(),
        headers: &headers,
    };
    plan.apply(&record, out)
}

fn rows(plan: &Plan, topic: &str, value: &str) -> Vec<Vec<CqlValue>> {
    let mut out = Vec::new();
    let outcome = apply(plan, topic, Some(value), &mut out);
    assert_eq!(
        outcome,
        if out.is_empty() {
            Outcome::Filtered
        } else {
            Outcome::Written(out.len())
        }
    );
    out.into_iter().map(|(_, row)| row.values).collect()
}

fn error(plan: &Plan, topic: &str, value: Option<&str>) -> RecordError {
    let mut out = vec![(
        7,
        Row {
            values: Vec::new(),
            write_timestamp: 0,
            ttl_seconds: None,
        },
    )];
    let outcome = apply(plan, topic, value, &mut out);
    assert_eq!(out.len(), 1, "a rejected record leaves no row");
    match outcome {
        Outcome::Rejected(error) => *error,
        other => panic!("not rejected: {other:?}"),
    }
}

pub(crate) fn demo_payload() -> String {
    let readings: Vec<String> = (0..210)
        .map(|index| format!("{}.{:02}", 2 + index / 100, index % 100))
        .collect();
    format!("99999,{}# ", readings.join("# "))
}

#[test]
fn the_demo_payload_becomes_210_rows() {
    let plan = compile(&TEMPERATURE).unwrap();
    assert_eq!(plan.topics().names(), ["temperature"]);
    let mut out = Vec::new();
    assert_eq!(
        apply(&plan, "temperature", Some(&demo_payload()), &mut out),
        Outcome::Written(210)
    );
    let (table, last) = out.last().unwrap();
    assert_eq!(plan.tables()[*table].name, "temperature");
    let expected = [
        CqlValue::Bigint(99_999),
        CqlValue::Timestamp(1_700_000_000_000),
        CqlValue::Int(209),
        CqlValue::Double(4.09),
    ];
    assert_eq!(last.values, expected);
    assert_eq!(last.ttl_seconds, Some(60));
    assert_eq!(last.write_timestamp, 1_700_000_000_000_345);
}

#[test]
fn a_wrong_reading_in_the_demo_payload_rejects_the_whole_record() {
    let plan = compile(&TEMPERATURE).unwrap();
    let explode = error(&plan, "temperature", Some("7,2.1# x# 2.3"));
    assert_eq!(explode.stage, Stage::Transformation);
    assert_eq!(explode.class_name, "messina.Explode$Value");
    assert_eq!(
        explode.message,
        "element 1 of field `readings`: `x` is not double"
    );
    let rejected = error(&plan, "temperature", Some("hello"));
    assert_eq!(rejected.stage, Stage::ValueConverter);
    assert_eq!(
        rejected.exception_class,
        "org.apache.kafka.connect.errors.DataException"
    );
}

#[test]
fn every_leaf_of_a_json_object_becomes_a_reading() {
    let plan = compile(&READINGS).unwrap();
    let rows = rows(
        &plan,
        "readings",
        r#"{"t":21.5,"ok":true,"in":{"rh":40,"note":"dry"},"l":[1,null]}"#,
    );
    let row = |field: &str, number: Option<f64>, text: Option<&str>| {
        vec![
            CqlValue::Text("site/7/meter".into()),
            CqlValue::Text(field.into()),
            CqlValue::Timestamp(1_700_000_000_000),
            CqlValue::Bigint(12_345),
            number.map_or(CqlValue::Unset, CqlValue::Double),
            text.map_or(CqlValue::Unset, |text| CqlValue::Text(text.into())),
        ]
    };
    let expected = [
        row("t", Some(21.5), None),
        row("ok", Some(1.0), Some("true")),
        row("in.rh", Some(40.0), None),
        row("in.note", None, Some("dry")),
        row("l.0", Some(1.0), None),
    ];
    assert_eq!(rows, expected);
}

#[test]
fn a_plain_number_is_a_reading_and_nothing_is_none() {
    let plan = compile(&READINGS).unwrap();
    assert_eq!(
        rows(&plan, "readings", "21.5")[0][1],
        CqlValue::Text("value".into())
    );
    for empty in ["", "{}", "null", "[]", r#"{"a":null}"#] {
        assert_eq!(
            rows(&plan, "readings", empty),
            Vec::<Vec<CqlValue>>::new(),
            "{empty}"
        );
    }
    assert_eq!(
        error(&plan, "readings", Some("21,5")).stage,
        Stage::ValueConverter
    );
    assert_eq!(
        error(&plan, "readings", Some("hello")).stage,
        Stage::ValueConverter
    );
}

#[test]
fn members_become_columns_and_missing_ones_stay_unset() {
    let plan = compile(&IOT).unwrap();
    let expected = [
        CqlValue::Bigint(7),
        CqlValue::Unset,
        CqlValue::Double(2.0),
        CqlValue::Text("here".into()),
    ];
    assert_eq!(
        rows(&plan, "iot", r#"{"ID":7,"temp":2,"\"Loc\"":"here"}"#),
        [expected]
    );
    let classic = compile(&with(
        &IOT,
        &[(
            "connector.class",
            "io.lenses.streamreactor.connect.cassandra.sink.CassandraSinkConnector",
        )],
    ));
    assert_eq!(
        rows(&classic.unwrap(), "iot", r#"{"id":7}"#)[0][1],
        CqlValue::Null
    );
    for converter in [
        "String",
        "org.apache.kafka.connect.converters.ByteArrayConverter",
    ] {
        let plan = compile(&with(&IOT, &[("value.converter", converter)])).unwrap();
        assert_eq!(rows(&plan, "iot", r#"{"id":7}"#)[0][0], CqlValue::Bigint(7));
    }
}

#[test]
fn selected_fields_go_to_their_columns() {
    let plan = compile(&with(
        &IOT,
        &[(
            "connect.cassandra.kcql",
            "INSERT INTO iot SELECT deviceId AS id, when AS ts, s.t AS temp FROM iot",
        )],
    ))
    .unwrap();
    let expected = [
        CqlValue::Bigint(7),
        CqlValue::Timestamp(5),
        CqlValue::Double(1.5),
        CqlValue::Unset,
    ];
    assert_eq!(
        rows(
            &plan,
            "iot",
            r#"{"s":{"t":1.5},"deviceId":7,"when":5,"more":true}"#
        ),
        [expected]
    );
}

#[test]
fn an_envelope_binds_by_its_schema() {
    let plan = compile(&with(
        &IOT,
        &[
            ("value.converter", "JsonConverter"),
            ("value.converter.schemas.enable", "true"),
        ],
    ))
    .unwrap();
    let envelope = |payload: &str| {
        format!(
            r#"{{"schema":{{"type":"struct","fields":[{{"type":"int64","field":"id"}},
               {{"type":"int64","name":"org.apache.kafka.connect.data.Timestamp","version":1,"field":"ts"}},
               {{"type":"float","optional":true,"default":1.5,"field":"temp"}}]}},"payload":{payload}}}"#
        )
    };
    let expected = [
        CqlValue::Bigint(7),
        CqlValue::Timestamp(5),
        CqlValue::Double(1.5),
        CqlValue::Unset,
    ];
    assert_eq!(
        rows(&plan, "iot", &envelope(r#"{"ts":5,"id":7}"#)),
        [expected]
    );
    assert_eq!(
        error(&plan, "iot", Some(&envelope(r#"{"ts":5}"#))).message,
        "field `id`: invalid null value for required int64 field"
    );
}

#[test]
fn records_that_do_not_fit_the_table_are_rejected() {
    let plan = compile(&IOT).unwrap();
    for (value, words) in [
        (r#"{"id":7,"x":1}"#, "unrecognized column: x (table `iot`)"),
        (r#"{"temp":1}"#, "no value for key column `id`"),
        (r#"{"id":null}"#, "no value for key column `id`"),
        (
            r#"{"id":"a"}"#,
            "column `id` of table `iot`: `bigint` takes an integer",
        ),
        ("null", "missing delete statement"),
        ("7", "is not handled"),
        ("[1]", "is not handled"),
    ] {
        let error = error(&plan, "iot", Some(value));
        assert_eq!(error.stage, Stage::TaskPut);
        assert!(error.message.contains(words), "{value}: {}", error.message);
    }
    assert!(
        error(&plan, "other", Some(r#"{"id":1}"#))
            .message
            .contains("no KCQL statement")
    );
    assert!(
        error(&plan, "iot", None)
            .message
            .contains("missing delete statement")
    );
}

#[test]
fn one_topic_may_feed_two_tables() {
    let plan = compile(&with(
        &IOT,
        &[(
            "connect.cassandra.kcql",
            "INSERT INTO iot SELECT * FROM iot; INSERT INTO readings SELECT Loc AS topic, f AS field, ts, id AS seq FROM iot",
        )],
    ));
    let plan = plan.unwrap();
    let mut out = Vec::new();
    let value = r#"{"id":7,"ts":5}"#;
    let outcome = apply(&plan, "iot", Some(value), &mut out);
    assert!(matches!(outcome, Outcome::Rejected(_)), "{outcome:?}");
    assert!(out.is_empty(), "the first table's row is taken back");
    assert_eq!(plan.tables().len(), 2);
}

#[test]
#[expect(clippy::too_many_lines, reason = "a table: one line a problem")]
fn all_problems_are_reported_at_once() {
    let problems = compile(&[
        (
            "connector.class",
            "io.confluent.connect.jdbc.JdbcSinkConnector",
        ),
        ("topics", "a"),
        ("value.converter", "io.confluent.connect.avro.AvroConverter"),
        ("key.converter", "Json"),
        ("key.converter.schemas.enable", "yes"),
        ("transforms", "x,y,z,x"),
        ("transforms.x.type", "com.acme.Magic$Value"),
        ("transforms.y.type", "messina.Explode$Value"),
        ("transforms.y.predicate", "nope"),
        ("transforms.y.element.type", "decimal"),
        (
            "connect.cassandra.kcql",
            "INSERT INTO nowhere SELECT * FROM b",
        ),
        ("errors.tolerance", "ALL"),
        ("errors.deadletterqueue.topic.name", "a"),
        ("tasks.max", "0"),
        ("connect.cassandra.error.policy", "hope"),
        ("connect.cassandra.delete.enabled", "true"),
    ])
    .unwrap_err();
    let found: Vec<_> = problems
        .iter()
        .map(|problem| problem.option.as_str())
        .collect();
    for option in [
        "connector.class",
        "value.converter",
        "key.converter.schemas.enable",
        "transforms",
        "transforms.x.type",
        "transforms.y.field",
        "transforms.y.predicate",
        "transforms.z.type",
        "connect.cassandra.kcql",
        "errors.tolerance",
        "errors.deadletterqueue.topic.name",
        "tasks.max",
        "connect.cassandra.error.policy",
        "connect.cassandra.delete.enabled",
    ] {
        assert!(found.contains(&option), "{option} is not among {found:?}");
    }
    let help = problems
        .iter()
        .filter_map(|problem| problem.help.as_deref())
        .collect::<Vec<_>>()
        .join("\n");
    for available in [
        "messina.DelimitedConverter",
        "messina.Readings$Key|$Value",
        "messina.TableSink",
    ] {
        assert!(
            help.contains(available),
            "{available} is not offered in {help}"
        );
    }
    let kcql: Vec<_> = problems
        .iter()
        .filter(|problem| problem.option.contains("kcql"))
        .collect();
    assert_eq!(
        kcql.len(),
        3,
        "unknown table, topic not listed, topic without statement: {kcql:?}"
    );
}

#[test]
fn problems_in_kcql_point_into_the_text() {
    let mut config = ConnectorConfig::of("test", &IOT);
    let position = Some(Position {
        file: "a.toml".into(),
        line: 4,
        column: 10,
    });
    let value =
        "INSERT INTO iot SELECT id, wrong FROM iot;\nINSERT INTO gone SELECT * FROM iot".to_owned();
    config.set("connect.cassandra.kcql", Property { value, position });
    let problems = Plan::compile(&config, &tables).unwrap_err();
    let shown: Vec<_> = problems.iter().map(ToString::to_string).collect();
    assert!(
        shown[0].starts_with(
            "a.toml:4:37: `connect.cassandra.kcql`: table `iot` has no column `wrong`"
        ),
        "{shown:?}"
    );
    assert!(
        shown[1].starts_with("a.toml:5:13: `connect.cassandra.kcql`: there is no table `gone`"),
        "{shown:?}"
    );
}

#[test]
fn a_key_column_that_is_not_selected_is_a_problem_of_the_configuration() {
    let kcql = (
        "connect.cassandra.kcql",
        "INSERT INTO iot SELECT temp FROM iot",
    );
    let problems = compile(&with(&IOT, &[kcql])).unwrap_err();
    assert!(
        problems[0]
            .message
            .contains("key column `id` of table `iot` is not selected")
    );
}

#[test]
fn transforms_that_put_values_into_each_other_without_end_are_refused() {
    let nested = |count: usize| {
        let mut config = ConnectorConfig::of("test", &IOT);
        let names: Vec<String> = (0..count).map(|index| format!("t{index}")).collect();
        config.set("transforms", Property::from(names.join(",").as_str()));
        for name in names {
            for (option, value) in [("type", "HoistField$Value"), ("field", "id")] {
                let option = format!("transforms.{name}.{option}");
                config.set(option, Property::from(value));
            }
        }
        Plan::compile(&config, &tables)
    };
    assert!(nested(256).is_ok());
    let problems = nested(257).unwrap_err();
    assert!(
        problems.len() == 1 && problems[0].message.contains("257 transforms"),
        "{problems:?}"
    );
}

#[test]
fn predicates_decide_whether_a_transform_runs() {
    let base = with(
        &IOT,
        &[
            ("transforms", "id"),
            (
                "transforms.id.type",
                "org.apache.kafka.connect.transforms.InsertField$Value",
            ),
            ("transforms.id.offset.field", "id"),
            ("transforms.id.predicate", "mine"),
            ("predicates", "mine"),
            ("predicates.mine.type", "TopicNameMatches"),
        ],
    );
    for (pattern, negate, runs) in [
        ("io.", "false", true),
        ("io", "false", false),
        ("io.", "true", false),
        ("x|y", "true", true),
    ] {
        let plan = compile(&with(
            &base,
            &[
                ("predicates.mine.pattern", pattern),
                ("transforms.id.negate", negate),
            ],
        ));
        let rows = rows(&plan.unwrap(), "iot", r#"{"id":1}"#);
        assert_eq!(
            rows[0][0],
            CqlValue::Bigint(if runs { 12_345 } else { 1 }),
            "{pattern} {negate}"
        );
    }
}

mod properties {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn no_bytes_make_a_plan_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            feed(&bytes);
        }

        #[test]
        fn nothing_like_json_makes_a_plan_panic(text in r#"([\[\]{}:,"0-9eE.\-+ tfn\\u]|true|null|"[a-z]*"|schema|payload){0,40}"#) {
            feed(text.as_bytes());
        }

        #[test]
        fn nothing_like_the_demo_makes_a_plan_panic(text in r#"[0-9a-z,#". -]{0,60}"#) {
            feed(text.as_bytes());
        }
    }

    fn feed(bytes: &[u8]) {
        let value = Bytes::copy_from_slice(bytes);
        let envelope = with(
            &IOT,
            &[
                ("value.converter", "Json"),
                ("value.converter.schemas.enable", "true"),
            ],
        );
        for options in [&TEMPERATURE[..], &READINGS, &IOT, &envelope] {
            let plan = compile(options).unwrap();
            let topic = plan.topics().names()[0].clone();
            let record = SinkRecord {
                topic: &topic,
                partition: 0,
                offset: 0,
                timestamp: None,
                key: Some(&value),
                value: Some(&value),
                headers: &[],
            };
            plan.apply(&record, &mut Vec::new());
        }
    }
}

#[test]
fn a_time_bucket_is_computed_whatever_the_record_says_of_it() {
    use crate::table_schema::TimeBucket;
    let columns = [
        ("id", "bigint"),
        ("day", "timestamp"),
        ("ts", "timestamp"),
        ("temp", "double"),
    ];
    let mut bucketed = (*table("iot", &columns, 2, 1)).clone();
    bucketed.time_bucket = Some(TimeBucket {
        column: 1,
        of: 2,
        millis: 86_400_000,
    });
    let bucketed = Arc::new(bucketed);
    let find = |_: &str| Some(Arc::clone(&bucketed));
    for kcql in [
        "INSERT INTO iot SELECT * FROM iot",
        "INSERT INTO iot SELECT id, ts, temp FROM iot",
    ] {
        let options = with(&IOT, &[("connect.cassandra.kcql", kcql)]);
        let plan = Plan::compile(&ConnectorConfig::of("test", &options), &find).unwrap();
        let value = r#"{"id":7,"ts":1700000000123,"day":1,"temp":2}"#;
        let day = CqlValue::Timestamp(1_699_920_000_000);
        assert_eq!(rows(&plan, "iot", value)[0][1], day, "{kcql}");
        let error = error(&plan, "iot", Some(r#"{"id":7}"#));
        assert!(error.message.contains("key column"), "{}", error.message);
    }
}
