//! Plans by column mappings: ScyllaDB's sink, `DataStax`'s, and Lenses' newer one.
use bytes::Bytes;

use super::tests::table;
use super::*;
use crate::mapping::TableChange;
use crate::record::RecordHeader;
use crate::row::CqlValue;

pub(super) const SCYLLA: [(&str, &str); 6] = [
    (
        "connector.class",
        "io.connect.scylladb.ScyllaDbSinkConnector",
    ),
    ("topics", "site.readings"),
    ("scylladb.keyspace", "ks"),
    ("scylladb.contact.points", "10.0.0.1"),
    ("key.converter", "Json"),
    ("value.converter", "Json"),
];

pub(super) const DATA_STAX: [(&str, &str); 5] = [
    (
        "connector.class",
        "com.datastax.oss.kafka.sink.CassandraSinkConnector",
    ),
    ("topics", "t"),
    ("contactPoints", "10.0.0.1"),
    ("loadBalancing.localDc", "dc1"),
    ("value.converter", "String"),
];

pub(super) const LENSES: [(&str, &str); 4] = [
    (
        "connector.class",
        "io.lenses.streamreactor.connect.cassandra.CassandraSinkConnector",
    ),
    ("topics", "t"),
    ("connect.cassandra.contact.points", "10.0.0.1"),
    ("value.converter", "String"),
];

pub(super) fn keyspace_of(
    name: &str,
    columns: &[(&str, &str)],
    keys: usize,
) -> Vec<Arc<TableSchema>> {
    let mut own = (*table(name, columns, 1, keys - 1)).clone();
    own.keyspace = Some("ks".to_owned());
    vec![Arc::new(own)]
}

pub(super) fn plan(
    base: &[(&str, &str)],
    changed: &[(&str, &str)],
    tables: &[Arc<TableSchema>],
) -> Result<Plan, String> {
    let config = ConnectorConfig::of("test", &[base, changed].concat());
    let keyspace = Keyspace {
        name: "ks",
        tables,
        deletes: None,
        queries: &[],
    };
    Plan::compile_on(&config, &keyspace).map_err(|problems| {
        let texts: Vec<String> = problems.iter().map(ToString::to_string).collect();
        texts.join("\n")
    })
}

#[derive(Debug, PartialEq)]
pub(super) enum Made {
    Rows(Vec<(usize, Row)>),
    First(TableChange),
    Refused(String),
}

pub(super) fn apply(plan: &Plan, topic: &str, key: Option<&str>, value: Option<&str>) -> Made {
    let bytes = |text: Option<&str>| text.map(|text| Bytes::copy_from_slice(text.as_bytes()));
    let (key, value) = (bytes(key), bytes(value));
    let headers = [RecordHeader {
        name: Bytes::from_static(b"kind"),
        value: Some(Bytes::from_static(b"outdoor")),
    }];
    let record = SinkRecord {
        topic,
        partition: 0,
        offset: 7,
        timestamp: Some(1_700_000_000_000),
        key: key.as_ref(),
        value: value.as_ref(),
        headers: &headers,
    };
    let mut out = Vec::new();
    match plan.apply(&record, &mut out) {
        Outcome::Rejected(error) => Made::Refused(error.message),
        Outcome::TableFirst(change) => Made::First(*change),
        Outcome::Written(_) | Outcome::Filtered => Made::Rows(out),
    }
}

pub(super) fn values(made: Made) -> Vec<CqlValue> {
    match made {
        Made::Rows(mut rows) => rows.remove(0).1.values,
        other => panic!("{other:?}"),
    }
}

/// An object in an envelope with the schema of its fields.
pub(super) fn envelope(fields: &[(&str, &str, &str)]) -> String {
    let schema: Vec<String> = fields
        .iter()
        .map(|(name, kind, _)| format!(r#"{{"field":"{name}","type":"{kind}"}}"#))
        .collect();
    let payload: Vec<String> = fields
        .iter()
        .map(|(name, _, value)| format!(r#""{name}":{value}"#))
        .collect();
    format!(
        r#"{{"schema":{{"type":"struct","fields":[{}]}},"payload":{{{}}}}}"#,
        schema.join(","),
        payload.join(",")
    )
}

pub(super) fn text(text: &str) -> CqlValue {
    CqlValue::Text(text.into())
}

#[test]
fn scyllas_sink_asks_for_a_table_of_the_records_schemas_and_for_columns_it_lacks() {
    let empty = plan(&SCYLLA, &[], &[]).unwrap();
    let key = envelope(&[("id", "int64", "1")]);
    let value = envelope(&[("temp", "double", "2.5"), ("id", "int64", "1")]);
    let Made::First(TableChange::Create(made)) =
        apply(&empty, "site.readings", Some(&key), Some(&value))
    else {
        panic!("no table is asked for");
    };
    assert_eq!(
        (made.name.as_str(), made.keyspace.as_deref()),
        ("site_readings", Some("ks"))
    );
    let names: Vec<String> = made
        .columns
        .iter()
        .map(|own| format!("{} {}", own.name, own.cql_type))
        .collect();
    assert_eq!(
        (names, made.partition_key),
        (
            vec!["id bigint".to_owned(), "temp double".to_owned()],
            vec![0]
        )
    );
    let tables = keyspace_of("site_readings", &[("id", "bigint"), ("temp", "double")], 1);
    let known = plan(&SCYLLA, &[("scylladb.ttl", "60")], &tables).unwrap();
    let Made::Rows(rows) = apply(&known, "site.readings", Some(&key), Some(&value)) else {
        panic!("no row");
    };
    assert_eq!(
        rows[0].1.values,
        [CqlValue::Bigint(1), CqlValue::Double(2.5)]
    );
    assert_eq!(
        (rows[0].1.ttl_seconds, rows[0].1.write_timestamp),
        (Some(60), 1_700_000_000_000_007)
    );
    let wider = envelope(&[("id", "int64", "1"), ("unit", "string", "\"C\"")]);
    let Made::First(TableChange::Add { columns, .. }) =
        apply(&known, "site.readings", Some(&key), Some(&wider))
    else {
        panic!("no column is asked for");
    };
    assert_eq!((columns.len(), columns[0].name.as_str()), (1, "unit"));
    let fixed = plan(
        &SCYLLA,
        &[("scylladb.table.manage.enabled", "false")],
        &tables,
    )
    .unwrap();
    let refused = apply(&fixed, "site.readings", Some(&key), Some(&wider));
    assert_eq!(
        refused,
        Made::Refused("table `site_readings` has no column `unit`".to_owned())
    );
}

#[test]
fn scyllas_sink_deletes_by_key_and_wants_keys_with_fields() {
    let tables = keyspace_of("site_readings", &[("id", "bigint"), ("temp", "double")], 1);
    let own = plan(&SCYLLA, &[], &tables).unwrap();
    let key = envelope(&[("id", "int64", "9")]);
    let Made::Rows(rows) = apply(&own, "site.readings", Some(&key), None) else {
        panic!("no deletion");
    };
    let (index, row) = &rows[0];
    assert_eq!(row.values, [CqlValue::Bigint(9)]);
    assert_eq!(
        own.effect_of(*index),
        &Effect::Delete(Arc::clone(&tables[0]))
    );
    assert_eq!(own.effect_of(own.tables().len()), &Effect::Write);
    let none = apply(
        &own,
        "site.readings",
        None,
        Some(&envelope(&[("id", "int64", "1")])),
    );
    assert!(
        matches!(&none, Made::Refused(why) if why.contains("must be a struct or a map")),
        "{none:?}"
    );
    let off = plan(&SCYLLA, &[("scylladb.deletes.enabled", "false")], &tables).unwrap();
    let refused = apply(&off, "site.readings", Some(&key), None);
    assert!(
        matches!(&refused, Made::Refused(why) if why.contains("deletes are disabled")),
        "{refused:?}"
    );
}

#[test]
fn scyllas_mapping_names_columns_shelf_life_and_time() {
    let columns = [
        ("device", "bigint"),
        ("t", "double"),
        ("kind", "text"),
        ("rest", "text"),
    ];
    let tables = keyspace_of("site_readings", &columns, 1);
    let mapping =
        "device=key.id, t=value.temp, kind=header.kind, __ttl=value.keep, __timestamp=value.at";
    let own = plan(
        &SCYLLA,
        &[("topic.site_readings.ks.site_readings.mapping", mapping)],
        &tables,
    )
    .unwrap();
    let key = envelope(&[("id", "int64", "1")]);
    let value = envelope(&[
        ("temp", "double", "2.5"),
        ("keep", "int32", "30"),
        ("at", "int64", "77"),
    ]);
    let Made::Rows(rows) = apply(&own, "site.readings", Some(&key), Some(&value)) else {
        panic!("no row");
    };
    let expected = [
        CqlValue::Bigint(1),
        CqlValue::Double(2.5),
        text("outdoor"),
        CqlValue::Unset,
    ];
    assert_eq!(rows[0].1.values, expected);
    assert_eq!(
        (rows[0].1.ttl_seconds, rows[0].1.write_timestamp),
        (Some(30), 77)
    );
    let dotted = plan(
        &SCYLLA,
        &[("topic.site.readings.ks.site_readings.mapping", mapping)],
        &tables,
    )
    .unwrap();
    let warned = dotted
        .warnings()
        .iter()
        .any(|warning| warning.message.contains("topic.site_readings"));
    assert!(warned, "{:?}", dotted.warnings());
}
