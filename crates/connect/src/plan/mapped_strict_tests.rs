//! Plans of `DataStax`'s engine, under its own options and under Lenses' KCQL.
use super::mapped_tests::{DATA_STAX, LENSES, Made, apply, keyspace_of, plan, text, values};
use super::*;
use crate::row::CqlValue;

#[test]
fn data_staxs_engine_writes_what_is_mapped_and_deletes_where_there_is_no_value() {
    let columns = [
        ("id", "int"),
        ("Temp", "double"),
        ("raw", "text"),
        ("at", "timeuuid"),
        ("seen", "timestamp"),
    ];
    let tables = keyspace_of("t", &columns, 1);
    let mapping = "id=key, \"Temp\"=value.a.temp, raw=value, at=now(), seen=value.s";
    let option = ("topic.t.ks.t.mapping", mapping);
    let unit = ("topic.t.codec.unit", "SECONDS");
    let own = plan(
        &DATA_STAX,
        &[
            option,
            unit,
            ("topic.t.ks.t.ttl", "2"),
            ("topic.t.ks.t.ttlTimeUnit", "MINUTES"),
        ],
        &tables,
    )
    .unwrap();
    let json = r#"{"a":{"temp":2.5},"s":1700000000}"#;
    let Made::Rows(rows) = apply(&own, "t", Some("7"), Some(json)) else {
        panic!("no row");
    };
    let row = &rows[0].1;
    assert_eq!(
        row.values[..3],
        [CqlValue::Int(7), CqlValue::Double(2.5), text(json)]
    );
    assert_eq!(row.values[4], CqlValue::Timestamp(1_700_000_000_000));
    let CqlValue::Uuid(at) = row.values[3] else {
        panic!("no UUID");
    };
    assert_eq!(
        (
            at.get_version_num(),
            at.get_timestamp().unwrap().to_unix().0
        ),
        (1, 1_700_000_000)
    );
    assert_eq!(row.ttl_seconds, Some(120));
    assert_eq!(own.consistency_of(rows[0].0), Some("LOCAL_ONE"));
    let missing = apply(&own, "t", Some("7"), Some(r#"{"a":{}}"#));
    assert!(
        matches!(&missing, Made::Refused(why) if why.contains("no field `a.temp`")),
        "{missing:?}"
    );
    let Made::Rows(rows) = apply(&own, "t", Some("7"), None) else {
        panic!("no deletion");
    };
    assert_eq!(rows[0].1.values, [CqlValue::Int(7)]);
    assert!(matches!(own.effect_of(rows[0].0), Effect::Delete(_)));
}

#[test]
fn data_staxs_engine_deletes_where_all_that_is_mapped_is_null_unless_told_otherwise() {
    let columns = [("id", "int"), ("Temp", "double"), ("raw", "text")];
    let tables = keyspace_of("t", &columns, 1);
    let all = "id=key,raw=value.r,\"Temp\"=value.t";
    let nulls = plan(
        &DATA_STAX,
        &[
            ("topic.t.ks.t.mapping", all),
            ("topic.t.ks.t.nullToUnset", "false"),
        ],
        &tables,
    )
    .unwrap();
    let nothing = r#"{"r":null,"t":null}"#;
    assert_eq!(
        values(apply(&nulls, "t", Some("7"), Some(nothing))),
        [CqlValue::Int(7)],
        "a deletion"
    );
    // A row of which others may have written the rest is not deleted, as in the original.
    let some = ("topic.t.ks.t.mapping", "id=key,raw=value.r");
    let wanted = ("topic.t.ks.t.deletesEnabled", "true");
    let some = plan(&DATA_STAX, &[some, wanted], &tables).unwrap();
    let row = values(apply(&some, "t", Some("7"), None));
    assert_eq!(
        row,
        [CqlValue::Int(7), CqlValue::Unset, CqlValue::Unset],
        "no deletion"
    );
    let warned = |warning: &Problem| warning.message.contains("column `Temp` is not mapped");
    assert!(some.warnings().iter().any(warned), "{:?}", some.warnings());
    // A header that says something is something to write.
    let header = (
        "topic.t.ks.t.mapping",
        "id=key,raw=header.kind,\"Temp\"=value.t",
    );
    let header = plan(&DATA_STAX, &[header], &tables).unwrap();
    let row = values(apply(&header, "t", Some("7"), None));
    assert_eq!(row, [CqlValue::Int(7), CqlValue::Unset, text("outdoor")]);
    let kept = [
        ("topic.t.ks.t.mapping", "id=key,raw=value.r"),
        ("topic.t.ks.t.deletesEnabled", "false"),
    ];
    let kept = plan(&DATA_STAX, &kept, &tables).unwrap();
    let row = values(apply(&kept, "t", Some("7"), Some(r#"{"r":null}"#)));
    assert_eq!(
        row[..3],
        [CqlValue::Int(7), CqlValue::Unset, CqlValue::Unset]
    );
}

#[test]
fn wrong_mappings_are_shown_where_they_stand_with_what_is_there() {
    let tables = keyspace_of("t", &[("id", "int"), ("v", "double")], 1);
    for (changed, words) in [
        (
            vec![("topic.t.ks.t.mapping", "id=key, w=value.x")],
            "table `t` has no column `w`; its columns are id, v",
        ),
        (
            vec![("topic.t.ks.t.mapping", "v=value.x")],
            "key column `id` of table `t` is not mapped",
        ),
        (
            vec![("topic.t.ks.u.mapping", "id=key")],
            "keyspace `ks` has no table `u`",
        ),
        (
            vec![("topic.t.ks.t.mapping", "id=keys")],
            "`keys` is no source",
        ),
        (
            vec![
                ("topic.t.ks.t.mapping", "id=key"),
                ("topic.t.ks.t.ttlTimeUnit", "FORTNIGHTS"),
            ],
            "no unit of time",
        ),
        (
            vec![
                ("topic.t.ks.t.mapping", "id=key"),
                ("topic.t.ks.t.query", "INSERT .."),
            ],
            "set `deletesEnabled` to false",
        ),
        (
            vec![("topic.t.ks.t.mapping", "id=key"), ("ignoreErrors", "Some")],
            "available are NONE",
        ),
        (vec![], "topic `t` has no mapping"),
    ] {
        let said = plan(&DATA_STAX, &changed, &tables).unwrap_err();
        assert!(said.contains(words), "{words} is not in {said}");
    }
    let property = crate::config::Property {
        value: "id=key,\n  w = value.x".to_owned(),
        position: Some(crate::config::Position {
            file: "f".into(),
            line: 3,
            column: 10,
        }),
    };
    let mut config = ConnectorConfig::of("test", &DATA_STAX);
    config.set("topic.t.ks.t.mapping", property);
    let keyspace = Keyspace {
        name: "ks",
        tables: &tables,
        deletes: None,
        queries: &[],
    };
    let problems = Plan::compile_on(&config, &keyspace).unwrap_err();
    let position = problems[0].position.as_ref().unwrap();
    assert_eq!((position.line, position.column), (4, 3));
}

#[test]
fn lenses_newer_sink_maps_by_kcql_and_star_means_the_tables_columns() {
    let tables = keyspace_of(
        "t",
        &[("id", "int"), ("v", "double"), ("at", "timeuuid")],
        1,
    );
    let of = |kcql: &str| plan(&LENSES, &[("connect.cassandra.kcql", kcql)], &tables);
    let picked = of("INSERT INTO ks.t SELECT _key AS id, a.b AS v, `now()` AS at FROM t PROPERTIES('ttl'='60','ttlTimeUnit'='MINUTES','deletesEnabled'='false')").unwrap();
    let Made::Rows(rows) = apply(&picked, "t", Some("7"), Some(r#"{"a":{"b":1.5}}"#)) else {
        panic!("no row");
    };
    assert_eq!(
        rows[0].1.values[..2],
        [CqlValue::Int(7), CqlValue::Double(1.5)]
    );
    assert_eq!(rows[0].1.ttl_seconds, Some(3600));
    let all = of("INSERT INTO ks.t SELECT *, `now()` AS at FROM t").unwrap();
    let row = values(apply(&all, "t", None, Some(r#"{"id":8,"v":"2.5"}"#)));
    assert_eq!(row[..2], [CqlValue::Int(8), CqlValue::Double(2.5)]);
    for (kcql, words) in [
        ("INSERT INTO t SELECT id FROM t", "names no keyspace"),
        (
            "INSERT INTO ks.t SELECT id, x AS w FROM t",
            "has no column `w`",
        ),
        ("INSERT INTO ks.t SELECT v FROM t", "key column `id`"),
        (
            "INSERT INTO ks.t SELECT id FROM t PROPERTIES('colour'='red')",
            "property `colour`",
        ),
    ] {
        let said = of(kcql).unwrap_err();
        assert!(said.contains(words), "{words} is not in {said}");
    }
    let outline = Plan::outline(&ConnectorConfig::of(
        "test",
        &[
            &LENSES[..],
            &[(
                "connect.cassandra.kcql",
                "INSERT INTO ks.t SELECT id FROM t",
            )],
        ]
        .concat(),
    ));
    assert_eq!(outline.unwrap().keyspaces, ["ks"]);
}

#[test]
fn clauses_without_effect_are_warned_of_where_they_stand() {
    let warned = |base: &[(&str, &str)], kcql: &str| {
        let config = [base, &[("connect.cassandra.kcql", kcql)]].concat();
        let outline = Plan::outline(&ConnectorConfig::of("test", &config)).unwrap();
        let messages = outline.warnings.into_iter().map(|warning| warning.message);
        messages.collect::<Vec<_>>()
    };
    let newer = warned(
        &LENSES,
        "INSERT INTO ks.t SELECT id FROM t IGNORE v WITHSTRUCTURE TTL=5 PROPERTIES('nullToUnset'='true')",
    );
    assert_eq!(newer.len(), 2, "{newer:?}");
    assert!(
        newer[0].contains("WITHSTRUCTURE has no effect"),
        "{newer:?}"
    );
    assert!(newer[1].contains("IGNORE has no effect"), "{newer:?}");
    let classic = [
        (
            "connector.class",
            "io.lenses.streamreactor.connect.cassandra.sink.CassandraSinkConnector",
        ),
        ("topics", "t"),
        ("connect.cassandra.port", "9042"),
        ("connect.cassandra.key.space", "ks"),
    ];
    let older = warned(
        &classic,
        "INSERT INTO t SELECT * FROM t IGNORE v WITHSTRUCTURE",
    );
    assert_eq!(older.len(), 1, "{older:?}");
    assert!(older[0].contains("IGNORE has no effect"), "{older:?}");
}
