//! Kafka's transforms and header converters in a connector's plan: from its options to a row.

#![expect(clippy::unwrap_used, reason = "tests")]

use std::sync::Arc;

use bytes::Bytes;
use messina_connect::config::ConnectorConfig;
use messina_connect::cql_type::CqlType;
use messina_connect::plan::{Outcome, Plan, Stage};
use messina_connect::record::{RecordHeader, SinkRecord};
use messina_connect::row::CqlValue;
use messina_connect::table_schema::{TableColumn, TableSchema};

const PACKAGE: &str = "org.apache.kafka.connect.transforms";

fn table() -> Arc<TableSchema> {
    let column = |(name, cql): (&str, &str)| TableColumn {
        name: name.to_owned(),
        cql_type: CqlType::parse(cql).unwrap(),
    };
    let columns = [("id", "bigint"), ("ts", "timestamp"), ("temp", "double")];
    Arc::new(TableSchema {
        keyspace: None,
        name: "iot".to_owned(),
        columns: columns.into_iter().map(column).collect(),
        partition_key: vec![0],
        clustering_key: Vec::new(),
        default_ttl: None,
        time_bucket: None,
    })
}

fn applied(options: &[(&str, &str)], value: &str) -> (Outcome, Vec<Vec<CqlValue>>) {
    let base = [
        ("topics", "iot"),
        ("value.converter.schemas.enable", "false"),
        ("value.converter", "Json"),
        (
            "connect.cassandra.kcql",
            "INSERT INTO iot SELECT * FROM iot",
        ),
    ];
    let config = ConnectorConfig::of("test", &[&base, options].concat());
    let plan = Plan::compile(&config, &|_| Some(table())).unwrap();
    let value = Bytes::from(value.to_owned());
    let headers = [RecordHeader {
        name: Bytes::from_static(b"n"),
        value: Some(Bytes::from_static(b"12")),
    }];
    let record = SinkRecord {
        topic: "iot",
        partition: 0,
        offset: 1,
        timestamp: Some(1_700_000_000_000),
        key: None,
        value: Some(&value),
        headers: &headers,
    };
    let mut out = Vec::new();
    let outcome = plan.apply(&record, &mut out);
    (
        outcome,
        out.into_iter().map(|(_, row)| row.values).collect(),
    )
}

#[test]
fn a_chain_renames_casts_and_converts_times() {
    let class = |name: &str| format!("{PACKAGE}.{name}$Value");
    let (rename, cast, time) = (
        class("ReplaceField"),
        class("Cast"),
        class("TimestampConverter"),
    );
    let options = [
        ("transforms", "rename,cast,time"),
        ("transforms.rename.type", &*rename),
        ("transforms.rename.renames", "device:id,when:ts,t:temp"),
        ("transforms.cast.type", &cast),
        ("transforms.cast.spec", "id:int64,temp:float64"),
        ("transforms.time.type", &time),
        ("transforms.time.field", "ts"),
        ("transforms.time.target.type", "Timestamp"),
        ("transforms.time.format", "yyyy-MM-dd HH:mm:ss"),
    ];
    let (_, rows) = applied(
        &options,
        r#"{"device":"7","when":"2024-01-02 03:04:05","t":"21.5"}"#,
    );
    let expected = [
        CqlValue::Bigint(7),
        CqlValue::Timestamp(1_704_164_645_000),
        CqlValue::Double(21.5),
    ];
    assert_eq!(rows, [expected]);
    let (outcome, _) = applied(
        &options,
        r#"{"device":"x","when":"2024-01-02 03:04:05","t":"21.5"}"#,
    );
    let Outcome::Rejected(error) = outcome else {
        unreachable!("`x` is no number: {outcome:?}");
    };
    assert_eq!(
        (error.stage, &*error.class_name),
        (Stage::Transformation, &*cast)
    );
}

#[test]
fn a_filter_behind_a_predicate_drops_what_it_holds_for() {
    let filter = format!("{PACKAGE}.Filter");
    let mut options = vec![
        ("transforms", "f"),
        ("transforms.f.type", &*filter),
        ("transforms.f.predicate", "h"),
        ("predicates", "h"),
        ("predicates.h.type", "HasHeaderKey"),
        ("predicates.h.name", "n"),
    ];
    assert_eq!(applied(&options, r#"{"id":1}"#).0, Outcome::Filtered);
    options.push(("transforms.f.negate", "true"));
    assert_eq!(applied(&options, r#"{"id":1}"#).0, Outcome::Written(1));
}

#[test]
fn a_header_is_the_number_it_looks_like() {
    let kcql = (
        "connect.cassandra.kcql",
        "INSERT INTO iot SELECT id, _header.n AS temp FROM iot",
    );
    let (_, rows) = applied(&[kcql], r#"{"id":1}"#);
    assert_eq!(rows[0][2], CqlValue::Double(12.0));
    let (outcome, _) = applied(
        &[kcql, ("header.converter", "LongConverter")],
        r#"{"id":1}"#,
    );
    let Outcome::Rejected(error) = outcome else {
        unreachable!("two bytes are no long: {outcome:?}");
    };
    assert_eq!(error.stage, Stage::HeaderConverter);
}
