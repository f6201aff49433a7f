//! Plans of `DataStax`'s engine where it does not insert: counters, and queries of the connector's own; its formats of times.
use super::mapped_tests::{DATA_STAX, LENSES, Made, apply, keyspace_of, plan, values};
use super::tests::table;
use super::*;
use crate::row::CqlValue;

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
    assert_eq!(outline.queries[0].name, "query of statement 1, ks.t for t");
    assert_eq!(outline.queries[0].text, "DELETE FROM ks.t WHERE id = :id");
    let refused = kcql.replace(",'deletesEnabled'='false'", "");
    let config = [&LENSES[..], &[("connect.cassandra.kcql", refused.as_str())]].concat();
    let problems = Plan::outline(&ConnectorConfig::of("test", &config)).unwrap_err();
    assert!(problems[0].message.contains("cannot delete as well"));
}

#[test]
fn two_queries_for_one_topic_and_table_are_each_their_own() {
    let kcql = "INSERT INTO ks.t SELECT _key AS id, v FROM t PROPERTIES('query'='UPDATE ks.t SET v = :v WHERE id = :id','deletesEnabled'='false');\
                INSERT INTO ks.t SELECT _key AS id FROM t PROPERTIES('query'='DELETE FROM ks.t WHERE id = :id','deletesEnabled'='false')";
    let config = [&LENSES[..], &[("connect.cassandra.kcql", kcql)]].concat();
    let config = ConnectorConfig::of("test", &config);
    let queries = Plan::outline(&config).unwrap().queries;
    assert!(queries[0].text.starts_with("UPDATE") && queries[1].text.starts_with("DELETE"));
    let columns: [&[(&str, &str)]; 2] = [&[("v", "double"), ("id", "int")], &[("id", "int")]];
    let variables: Vec<_> = queries
        .iter()
        .zip(columns)
        .map(|(query, columns)| table(&query.name, columns, columns.len(), 0))
        .collect();
    let tables = keyspace_of("t", &[("id", "int"), ("v", "double")], 1);
    let compiled = |queries: &[Arc<TableSchema>]| {
        let keyspace = Keyspace {
            name: "ks",
            tables: &tables,
            deletes: None,
            queries,
        };
        Plan::compile_on(&config, &keyspace)
    };
    let own = compiled(&variables).unwrap();
    let Made::Rows(rows) = apply(&own, "t", Some("7"), Some(r#"{"v":2.5}"#)) else {
        panic!("no rows");
    };
    let values: Vec<_> = rows.into_iter().map(|(_, row)| row.values).collect();
    let id = CqlValue::Int(7);
    assert_eq!(values, [vec![CqlValue::Double(2.5), id.clone()], vec![id]]);
    assert_eq!(own.tables(), variables);
    // One that nobody has prepared is not left out in silence.
    let problems = compiled(&variables[..1]).unwrap_err();
    let message = &problems[0].message;
    assert!(
        problems.len() == 1 && message.contains("query of statement 2"),
        "{problems:?}"
    );
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
}

#[test]
fn a_letter_that_is_not_read_is_shown_where_it_stands() {
    let mapping = ("topic.t.ks.t.mapping", "id=key, at=value.at");
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
