//! Plans of `DataStax`'s engine, under its own options and under Lenses' KCQL.
use super::mapped_tests::{DATA_STAX, LENSES, Made, apply, keyspace_of, plan, text, values};
use super::tests::table;
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

const COUNTERS: [(&str, &str); 3] = [("id", "int"), ("n", "counter"), ("m", "counter")];

#[test]
fn counters_are_added_to_and_what_at_least_once_means_for_them_is_said() {
    let tables = keyspace_of("c", &COUNTERS, 1);
    let of = |mapping: &str, more: &[(&str, &str)]| {
        let mapping = [("topic.t.ks.c.mapping", mapping)];
        plan(&DATA_STAX, &[&mapping[..], more].concat(), &tables)
    };
    let own = of("id=key, n=value.n", &[]).unwrap();
    let Made::Rows(rows) = apply(&own, "t", Some("7"), Some(r#"{"n":"3"}"#)) else {
        panic!("no row");
    };
    assert_eq!(*own.effect_of(rows[0].0), Effect::Count);
    assert_eq!(
        rows[0].1.values,
        [CqlValue::Int(7), CqlValue::Bigint(3), CqlValue::Unset]
    );
    let said = |warning: &Problem| warning.message.contains("is counted again");
    assert!(own.warnings().iter().any(said), "{:?}", own.warnings());
    let half = apply(&own, "t", Some("7"), Some(r#"{"n":1.5}"#));
    assert!(
        matches!(&half, Made::Refused(why) if why.contains("column `n`")),
        "{half:?}"
    );
    for (mapping, more, words) in [
        (
            "id=key, __ttl=value.x, n=value.n",
            &[][..],
            "neither shelf life",
        ),
        (
            "id=key, n=value.n",
            &[("topic.t.ks.c.ttl", "5")],
            "no shelf life",
        ),
        ("id=key", &[], "no counter of table `c` is mapped"),
    ] {
        let said = of(mapping, more).unwrap_err();
        assert!(said.contains(words), "{words} is not in {said}");
    }
}

/// A plan whose query has those variables.
fn queried(changed: &[(&str, &str)], variables: &[(&str, &str)]) -> Result<Plan, String> {
    let tables = keyspace_of("t", &[("id", "int"), ("v", "double")], 1);
    let config = ConnectorConfig::of("test", &[&DATA_STAX[..], changed].concat());
    let mut own = (*table("topic.t.ks.t.query", variables, 1, 0)).clone();
    own.partition_key = (0..variables.len()).collect();
    let keyspace = Keyspace {
        name: "ks",
        tables: &tables,
        deletes: None,
        queries: &[Arc::new(own)],
    };
    Plan::compile_on(&config, &keyspace).map_err(|problems| {
        let texts: Vec<String> = problems.iter().map(ToString::to_string).collect();
        texts.join("\n")
    })
}

const QUERY: [(&str, &str); 3] = [
    ("topic.t.ks.t.mapping", "id=key, v=value.v, more=value.w"),
    (
        "topic.t.ks.t.query",
        "UPDATE ks.t USING TTL 9 SET v = :v WHERE id = :id",
    ),
    ("topic.t.ks.t.deletesEnabled", "false"),
];

#[test]
fn a_query_of_its_own_gets_the_mappings_values_as_its_variables() {
    let outline = Plan::outline(&ConnectorConfig::of(
        "test",
        &[&DATA_STAX[..], &QUERY].concat(),
    ))
    .unwrap();
    assert_eq!(outline.queries.len(), 1);
    assert_eq!(outline.queries[0].name, QUERY[1].0);
    let own = queried(&QUERY, &[("v", "double"), ("id", "int")]).unwrap();
    assert_eq!(own.warnings().len(), 1, "`more` is not written");
    let Made::Rows(rows) = apply(&own, "t", Some("7"), Some(r#"{"v":"2.5","w":1}"#)) else {
        panic!("no row");
    };
    assert_eq!(rows[0].1.values, [CqlValue::Double(2.5), CqlValue::Int(7)]);
    // A null leaves the variable unset, whichever it is: what that means the statement knows.
    let row = values(apply(&own, "t", Some("7"), None));
    assert_eq!(row, [CqlValue::Unset, CqlValue::Int(7)]);
    let unmapped = queried(&QUERY, &[("v", "double"), ("id", "int"), ("x", "int")]);
    let said = unmapped.unwrap_err();
    assert!(said.contains("variable `:x` of the query"), "{said}");
    let adds = [
        QUERY[0],
        QUERY[2],
        (
            "topic.t.ks.t.query",
            "UPDATE ks.c SET v = v + :v WHERE id = :id",
        ),
    ];
    let config = ConnectorConfig::of("test", &[&DATA_STAX[..], &adds].concat());
    let warnings = Plan::outline(&config).unwrap().warnings;
    let said = |warning: &Problem| warning.message.contains("is counted again");
    assert!(warnings.iter().any(said), "{warnings:?}");
}

#[test]
fn lenses_kcql_brings_a_query_as_a_property() {
    let kcql = "INSERT INTO ks.t SELECT _key AS id, v FROM t PROPERTIES('query'='DELETE FROM ks.t WHERE id = :id','deletesEnabled'='false')";
    let config = [&LENSES[..], &[("connect.cassandra.kcql", kcql)]].concat();
    let outline = Plan::outline(&ConnectorConfig::of("test", &config)).unwrap();
    assert_eq!(outline.queries[0].name, "query of ks.t for t");
    assert_eq!(outline.queries[0].text, "DELETE FROM ks.t WHERE id = :id");
    let refused = kcql.replace(",'deletesEnabled'='false'", "");
    let config = [&LENSES[..], &[("connect.cassandra.kcql", refused.as_str())]].concat();
    let problems = Plan::outline(&ConnectorConfig::of("test", &config)).unwrap_err();
    assert!(problems[0].message.contains("cannot delete as well"));
}

#[test]
fn formats_of_times_are_a_topics_and_what_is_wrong_with_them_stands_at_its_place() {
    let columns = [("id", "int"), ("at", "timestamp"), ("day", "date")];
    let tables = keyspace_of("t", &columns, 1);
    let mapping = ("topic.t.ks.t.mapping", "id=key, at=value.at, day=value.day");
    let own = plan(
        &DATA_STAX,
        &[
            mapping,
            ("topic.t.codec.timestamp", "dd.MM.yyyy HH:mm"),
            ("topic.t.codec.timeZone", "Europe/Berlin"),
            ("topic.t.codec.date", "dd.MM.yyyy"),
        ],
        &tables,
    )
    .unwrap();
    let json = r#"{"at":"01.07.2024 12:00","day":"02.01.1970"}"#;
    let row = values(apply(&own, "t", Some("7"), Some(json)));
    assert_eq!(
        row[1..],
        [CqlValue::Timestamp(1_719_828_000_000), CqlValue::Date(1)]
    );
    let refused = apply(
        &own,
        "t",
        Some("7"),
        Some(r#"{"at":"2024-07-01","day":null}"#),
    );
    assert!(
        matches!(&refused, Made::Refused(why) if why.contains("is no timestamp as `codec.timestamp` wants it")),
        "{refused:?}"
    );
    for (option, text, words) in [
        ("topic.t.codec.locale", "de_DE", "leave it at en_US"),
        ("topic.t.codec.timeZone", "Mars", "no time zone"),
        ("topic.t.codec.timestamp", "HH:mm", "does not say year"),
        ("topic.t.codec.date", "ISO_WEEK_DATE", "predefined"),
        ("topic.t.codec.time", "yyyy-MM-dd", "does not say the hour"),
        ("topic.t.codec.unit", "FORTNIGHTS", "no unit of time"),
    ] {
        let said = plan(&DATA_STAX, &[mapping, (option, text)], &tables).unwrap_err();
        assert!(said.contains(option) && said.contains(words), "{said}");
    }
    let mut config = ConnectorConfig::of("test", &[&DATA_STAX[..], &[mapping]].concat());
    let position = crate::config::Position {
        file: "f".into(),
        line: 3,
        column: 20,
    };
    config.set(
        "topic.t.codec.timestamp",
        crate::config::Property {
            value: "yyyy-MM-dd qq".to_owned(),
            position: Some(position),
        },
    );
    let problems = Plan::outline(&config).unwrap_err();
    let position = problems[0].position.as_ref().unwrap();
    assert_eq!(
        (position.line, position.column),
        (3, 31),
        "the letters `qq`"
    );
    let kcql = "INSERT INTO ks.t SELECT _key AS id, at FROM t\n PROPERTIES('codec.date'='dd.MM.yyyy','codec.timestamp'='yyyy-MM-dd qq')";
    let config = [&LENSES[..], &[("connect.cassandra.kcql", kcql)]].concat();
    let problems = Plan::outline(&ConnectorConfig::of("test", &config)).unwrap_err();
    assert!(
        problems[0]
            .message
            .contains("property `codec.timestamp`: `qq`"),
        "{problems:?}"
    );
}

/// What a record becomes by a connector whose cluster was not asked.
fn sketch(
    options: &[(&str, &str)],
    topic: &str,
    key: &str,
    value: Option<&str>,
) -> Result<Vec<Sketch>, String> {
    let sketcher = Sketcher::new(&ConnectorConfig::of("test", options)).unwrap();
    let bytes = |text: &str| bytes::Bytes::copy_from_slice(text.as_bytes());
    let (key, value) = (bytes(key), value.map(bytes));
    let record = SinkRecord {
        topic,
        partition: 0,
        offset: 0,
        timestamp: Some(1),
        key: Some(&key),
        value: value.as_ref(),
        headers: &[],
    };
    sketcher.apply(&record).map_err(|error| error.message)
}

fn fields(sketch: &Sketch) -> Vec<String> {
    let fields = sketch.fields.iter();
    fields
        .map(|(name, json)| format!("{name}={json}"))
        .collect()
}

#[test]
fn a_sketch_shows_the_classic_sinks_json_where_the_cluster_was_not_asked() {
    let classic = [
        (
            "connector.class",
            "io.lenses.streamreactor.connect.cassandra.sink.CassandraSinkConnector",
        ),
        ("topics", "t"),
        ("connect.cassandra.contact.points", "10.0.0.1"),
        ("connect.cassandra.key.space", "ks"),
        (
            "connect.cassandra.kcql",
            "INSERT INTO a SELECT id, p.x AS x FROM t TTL=9;INSERT INTO b SELECT * FROM t",
        ),
        ("value.converter.schemas.enable", "false"),
    ];
    let value = r#"{"id":1,"p":{"x":"it's"}}"#;
    let both = sketch(&classic, "t", "k", Some(value)).unwrap();
    assert_eq!(fields(&both[0]), ["id=1", "x=\"it's\""]);
    assert_eq!(
        (
            both[0].table.as_str(),
            both[0].keyspace.as_deref(),
            both[0].ttl_seconds,
            both[0].write_timestamp
        ),
        ("a", Some("ks"), Some(9), 1_000)
    );
    assert_eq!(both[0].act, Act::InsertJson { unset: false });
    assert_eq!(fields(&both[1]), ["id=1", r#"p={"x":"it's"}"#]);
    let deleted = sketch(&classic, "t", "k", None).unwrap_err();
    assert_eq!(deleted, "Sink is missing delete statement.");
}

#[test]
fn a_sketch_shows_names_and_values_where_the_cluster_was_not_asked() {
    let mapping = [(
        "topic.t.ks.t.mapping",
        "id=key, v=value.v, __ttl=value.keep",
    )];
    let row = sketch(
        &[&DATA_STAX[..], &mapping].concat(),
        "t",
        "7",
        Some(r#"{"v":[1,null],"keep":5}"#),
    )
    .unwrap();
    assert_eq!(fields(&row[0]), ["id=\"7\"", "v=[1,null]"]);
    assert_eq!((row[0].act, row[0].ttl_seconds), (Act::Insert, Some(5)));
    let gone = sketch(&[&DATA_STAX[..], &mapping].concat(), "t", "7", None).unwrap();
    assert_eq!(
        (fields(&gone[0]), gone[0].act),
        (vec!["id=\"7\"".to_owned()], Act::Delete)
    );
    let lacking = sketch(&[&DATA_STAX[..], &mapping].concat(), "t", "7", Some("{}")).unwrap_err();
    assert!(lacking.contains("no field `v`"), "{lacking}");
    let scylla = mapped_tests::SCYLLA;
    let of = mapped_tests::envelope;
    let (key, value) = (of(&[("id", "int64", "1")]), of(&[("t", "double", "2.5")]));
    let row = sketch(&scylla, "site.readings", &key, Some(&value)).unwrap();
    assert_eq!(
        (fields(&row[0]), row[0].table.as_str()),
        (vec!["t=2.5".to_owned(), "id=1".to_owned()], "site_readings")
    );
    let kcql = [(
        "connect.cassandra.kcql",
        "INSERT INTO ks.t SELECT _key AS id, v FROM t PROPERTIES('query'='UPDATE ks.t SET v = :v WHERE id = :id','deletesEnabled'='false')",
    )];
    let run = sketch(&[&LENSES[..], &kcql].concat(), "t", "7", Some(r#"{"v":2}"#)).unwrap();
    assert_eq!(
        (fields(&run[0]), run[0].act),
        (vec!["id=\"7\"".to_owned(), "v=2".to_owned()], Act::Run)
    );
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
