//! Sketches: what records become where the cluster was not asked.
use super::mapped_tests::{DATA_STAX, LENSES, SCYLLA, envelope};
use super::*;

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
    let scylla = SCYLLA;
    let of = envelope;
    let (key, value) = (of(&[("id", "int64", "1")]), of(&[("t", "double", "2.5")]));
    let row = sketch(&scylla, "site.readings", &key, Some(&value)).unwrap();
    assert_eq!(
        (fields(&row[0]), row[0].table.as_str()),
        (vec!["t=2.5".to_owned(), "id=1".to_owned()], "site_readings")
    );
    let decimal = r#"{"schema":{"type":"struct","fields":[{"field":"d","type":"bytes",
        "name":"org.apache.kafka.connect.data.Decimal","parameters":{"scale":"2"}}]},"payload":{"d":"MDk="}}"#;
    let row = sketch(&scylla, "site.readings", &key, Some(decimal)).unwrap();
    assert_eq!(fields(&row[0])[0], "d=\"123.45\"");
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
