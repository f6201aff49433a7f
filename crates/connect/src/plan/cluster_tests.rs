//! Plans over a cluster's tables: outlines, deletes, the sink's own error policy, topics by expression.
use bytes::Bytes;

use super::tests::table;
use super::*;
use crate::row::CqlValue;

const CLASSIC: [(&str, &str); 6] = [
    (
        "connector.class",
        "com.datamountaineer.streamreactor.connect.cassandra.sink.CassandraSinkConnector",
    ),
    ("topics", "iot"),
    ("connect.cassandra.contact.points", "10.0.0.1"),
    ("connect.cassandra.key.space", "demo"),
    (
        "connect.cassandra.kcql",
        "INSERT INTO Iot SELECT * FROM iot",
    ),
    ("value.converter.schemas.enable", "false"),
];

fn config(changed: &[(&str, &str)]) -> ConnectorConfig {
    ConnectorConfig::of("test", &[&CLASSIC[..], changed].concat())
}

fn plan(changed: &[(&str, &str)], variables: &[(&str, &str)]) -> Result<Plan, String> {
    let tables = [table("iot", &[("id", "bigint"), ("temp", "double")], 1, 0)];
    let keyspace = Keyspace {
        name: "demo",
        tables: &tables,
        deletes: (!variables.is_empty()).then(|| table("delete", variables, 0, 0)),
        queries: &[],
    };
    let plan = Plan::compile_on(&config(changed), &keyspace);
    plan.map_err(|problems| {
        let texts: Vec<String> = problems.iter().map(ToString::to_string).collect();
        texts.join("\n")
    })
}

fn apply(
    plan: &Plan,
    key: Option<&str>,
    value: Option<&str>,
) -> Result<Vec<(usize, Vec<CqlValue>)>, String> {
    let bytes = |text: Option<&str>| text.map(|text| Bytes::copy_from_slice(text.as_bytes()));
    let (key, value) = (bytes(key), bytes(value));
    let record = SinkRecord {
        topic: "iot",
        partition: 0,
        offset: 7,
        timestamp: Some(5),
        key: key.as_ref(),
        value: value.as_ref(),
        headers: &[],
    };
    let mut out = Vec::new();
    match plan.apply(&record, &mut out) {
        Outcome::Rejected(error) => Err(error.message),
        _ => Ok(out
            .into_iter()
            .map(|(index, row)| (index, row.values))
            .collect()),
    }
}

#[test]
fn an_outline_tells_the_cluster_without_asking_it() {
    let outline = Plan::outline(&config(&[
        ("connect.cassandra.delete.enabled", "true"),
        (
            "connect.cassandra.delete.statement",
            "DELETE FROM iot WHERE id = ?",
        ),
        ("connect.cassandra.import.mode", "incremental"),
    ]));
    let outline = outline.unwrap();
    assert_eq!(outline.cluster.unwrap().contact_points, ["10.0.0.1"]);
    assert_eq!(outline.keyspaces, ["demo"]);
    assert_eq!(
        outline.delete_statement.as_deref(),
        Some("DELETE FROM iot WHERE id = ?")
    );
    assert_eq!(outline.warnings.len(), 1);
    let wrong = Plan::outline(&config(&[
        ("connect.cassandra.key.space", ""),
        ("connect.cassandra.kcql", "INSERT INTO a SELECT FROM iot"),
        ("connect.cassandra.delete.enabled", "true"),
        ("connect.cassandra.max.retries", "-2"),
    ]));
    let options: Vec<String> = wrong
        .unwrap_err()
        .into_iter()
        .map(|problem| problem.option)
        .collect();
    for option in ["key.space", "kcql", "delete.statement", "max.retries"] {
        let option = format!("connect.cassandra.{option}");
        assert!(
            options.contains(&option),
            "{option} is not among {options:?}"
        );
    }
}

#[test]
fn a_table_the_keyspace_lacks_is_named_with_those_it_has() {
    let wrong = plan(
        &[(
            "connect.cassandra.kcql",
            "INSERT INTO brightness SELECT * FROM iot",
        )],
        &[],
    );
    let said = wrong.unwrap_err();
    assert!(
        said.contains("keyspace `demo` has no table `brightness`"),
        "{said}"
    );
    assert!(said.contains("there are iot"), "{said}");
    let found = plan(&[], &[]).unwrap();
    let rows = apply(&found, None, Some(r#"{"ID":1,"temp":2.5}"#)).unwrap();
    assert_eq!(
        rows,
        [(0, vec![CqlValue::Bigint(1), CqlValue::Double(2.5)])]
    );
}

const DELETES: [(&str, &str); 2] = [
    ("connect.cassandra.delete.enabled", "true"),
    (
        "connect.cassandra.delete.statement",
        "DELETE FROM iot WHERE id = ?",
    ),
];

fn deleting(
    changed: &[(&'static str, &'static str)],
    variables: &[(&str, &str)],
) -> Result<Plan, String> {
    plan(&[&DELETES[..], changed].concat(), variables)
}

#[test]
fn a_record_without_a_value_runs_the_delete_statement_with_its_key() {
    let long = [(
        "key.converter",
        "org.apache.kafka.connect.converters.LongConverter",
    )];
    let by_long = deleting(&long, &[("id", "bigint")]).unwrap();
    let key = "\0\0\0\0\0\0\0\u{7}";
    assert_eq!(
        apply(&by_long, Some(key), None),
        Ok(vec![(1, vec![CqlValue::Bigint(7)])])
    );
    assert_eq!(
        apply(&by_long, None, None),
        Err("Missing key schema.".to_owned())
    );

    let json = [("connect.cassandra.delete.struct_flds", "$.place.id,kind")];
    let by_text = deleting(&json, &[("id", "bigint"), ("kind", "text")]).unwrap();
    let values = vec![CqlValue::Bigint(7), CqlValue::Text("a".into())];
    assert_eq!(
        apply(&by_text, Some(r#"{"place":{"id":7},"kind":"a"}"#), None),
        Ok(vec![(1, values)])
    );
    let missing = apply(&by_text, Some(r#"{"place":{}}"#), None).unwrap_err();
    assert!(missing.contains("no field `$.place.id`"), "{missing}");
    let null = apply(&by_text, Some(r#"{"place":{"id":null}}"#), None).unwrap_err();
    assert!(null.contains("is null"), "{null}");

    let fields = [
        ("connect.cassandra.delete.struct_flds", "id"),
        ("key.converter", "Json"),
    ];
    let by_struct = deleting(&fields, &[("id", "bigint")]).unwrap();
    let schema = r#"{"type":"struct","fields":[{"field":"id","type":"int64"}]}"#;
    let key = format!(r#"{{"schema":{schema},"payload":{{"id":9}}}}"#);
    assert_eq!(
        apply(&by_struct, Some(&key), None),
        Ok(vec![(1, vec![CqlValue::Bigint(9)])])
    );
}

#[test]
fn deletes_without_schema_statement_or_as_many_fields_as_variables_are_refused() {
    let schemaless = [
        ("key.converter", "Json"),
        ("key.converter.schemas.enable", "false"),
    ];
    let schemaless = deleting(&schemaless, &[("id", "bigint")]).unwrap();
    assert_eq!(
        apply(&schemaless, Some(r#"{"id":1}"#), None),
        Err("Missing key schema.".to_owned())
    );
    let without = plan(&[], &[]).unwrap();
    assert_eq!(
        apply(&without, Some("1"), None),
        Err("Sink is missing delete statement.".to_owned())
    );
    let uneven = deleting(
        &[("connect.cassandra.delete.struct_flds", "a,b")],
        &[("id", "bigint")],
    );
    assert!(
        uneven
            .unwrap_err()
            .contains("has 1 variables, and the key gives 2 values")
    );
    let odd = deleting(
        &[("connect.cassandra.delete.struct_flds", "a..b")],
        &[("id", "bigint")],
    );
    assert!(odd.unwrap_err().contains("`a..b` is not a path"));
}

#[test]
fn what_the_sink_itself_refuses_is_its_policys_business() {
    let policy = |changed: &[(&str, &str)]| plan(changed, &[]).unwrap().errors().clone();
    let all = ("errors.tolerance", "all");
    let put = Stage::TaskPut;
    let default = policy(&[all]);
    assert_eq!(default.put, PutPolicy::Throw);
    assert!(!default.tolerates(put) && !default.reports(put));
    assert!(default.tolerates(Stage::ValueConverter) && default.reports(Stage::ValueConverter));
    let reporting = policy(&[all, ("connect.cassandra.errant.report", "true")]);
    assert!(reporting.tolerates(put) && reporting.reports(put));
    let noop = policy(&[("connect.cassandra.error.policy", "noop")]);
    assert!(noop.tolerates(put) && noop.reports(put) && !noop.tolerates(Stage::Transformation));
    assert!(
        noop.reports(Stage::Transformation),
        "also where nothing is tolerated"
    );
    let retry = policy(&[
        all,
        ("connect.cassandra.error.policy", "RETRY"),
        ("connect.cassandra.max.retries", "3"),
        ("connect.cassandra.retry.interval", "10"),
    ]);
    let interval = std::time::Duration::from_millis(10);
    assert_eq!(
        retry.put,
        PutPolicy::Retry {
            retries: Some(3),
            interval
        }
    );
    let endless = [
        ("connect.cassandra.error.policy", "RETRY"),
        ("connect.cassandra.max.retries", "-1"),
    ];
    assert!(matches!(
        policy(&endless).put,
        PutPolicy::Retry { retries: None, .. }
    ));
    let own = ConnectorConfig::of(
        "own",
        &[
            all,
            ("topics", "a"),
            ("connect.cassandra.kcql", "INSERT INTO a SELECT * FROM a"),
        ],
    );
    let own = Plan::compile(&own, &|_| Some(table("a", &[("id", "int")], 1, 0))).unwrap();
    assert_eq!(own.errors().put, PutPolicy::Tolerance);
    assert_eq!(policy(&[("errors.log.enable", "true")]).log, Some(false));
}

#[test]
fn topics_by_expression_are_matched_whole_and_checked_against_kcql_and_dead_letters() {
    let of = |changed: &[(&str, &str)]| plan(&[&[("topics", "")], changed].concat(), &[]);
    let matching = of(&[("topics.regex", "i.t")]).unwrap();
    assert!(matching.topics().takes("iot") && !matching.topics().takes("biot"));
    assert_eq!(matching.topics().subscription(), ["^(i.t)$"]);
    for (changed, words) in [
        (
            vec![("topics.regex", "x.*")],
            "topic `iot` does not match `topics.regex`",
        ),
        (
            vec![("topics.regex", "i[")],
            "not a usable regular expression",
        ),
        (
            vec![
                ("topics.regex", "iot|dead"),
                ("errors.deadletterqueue.topic.name", "dead"),
            ],
            "`dead` matches `topics.regex`",
        ),
        (
            vec![("topics.regex", "iot"), ("topics", "iot")],
            "are both set",
        ),
    ] {
        let said = of(&changed).unwrap_err();
        assert!(said.contains(words), "{said}");
    }
}

#[test]
fn integers_beyond_64_bits_in_a_text_are_kept_where_the_text_is_handed_on_whole() {
    let row = |kcql: &str| {
        let tables = [table("t", &[("id", "varint")], 1, 0)];
        let keyspace = Keyspace {
            name: "demo",
            tables: &tables,
            deletes: None,
            queries: &[],
        };
        let changed = [
            ("connect.cassandra.kcql", kcql),
            ("value.converter", "String"),
        ];
        let plan = Plan::compile_on(&config(&changed), &keyspace).unwrap();
        apply(&plan, None, Some(r#"{"id":12345678901234567890}"#)).unwrap()[0].1[0].clone()
    };
    let whole = row("INSERT INTO t SELECT * FROM iot");
    assert_eq!(
        whole,
        CqlValue::Varint("12345678901234567890".parse().unwrap())
    );
    let picked = row("INSERT INTO t SELECT id FROM iot");
    assert_eq!(
        picked,
        CqlValue::Varint((-6_101_065_172_474_983_726_i64).into())
    );
}
