//! The sinks that map columns: ScyllaDB's with its table management, `DataStax`'s, and Lenses' newer one.

use serde_json::{Value, json};

use crate::place::Place;
use crate::worker::Worker;

/// An object in an envelope with the schema of its fields.
fn envelope(fields: &[(&str, &str, Value)]) -> String {
    let schema = fields
        .iter()
        .map(|(name, kind, _)| json!({ "field": name, "type": kind }));
    let schema = json!({ "type": "struct", "fields": schema.collect::<Vec<_>>() });
    let payload: serde_json::Map<String, Value> = fields
        .iter()
        .map(|(name, _, value)| ((*name).to_owned(), value.clone()))
        .collect();
    json!({ "schema": schema, "payload": payload }).to_string()
}

fn scylla(place: &Place, changed: &[(&str, &str)]) -> Value {
    let mut config = json!({
        "connector.class": "io.connect.scylladb.ScyllaDbSinkConnector",
        "topics": "site.readings",
        "scylladb.contact.points": place.host,
        "scylladb.port": place.port,
        "scylladb.keyspace": place.keyspace,
        "scylladb.keyspace.replication.factor": "1",
        "scylladb.consistency.level": "ONE",
        "key.converter": "Json",
        "value.converter": "Json",
    });
    for (option, value) in changed {
        config[*option] = json!(value);
    }
    config
}

#[tokio::test(flavor = "multi_thread")]
async fn scyllas_sink_makes_keyspace_table_and_columns_and_deletes_by_key() {
    let Some(place) = Place::new("scylla").await else {
        return;
    };
    place.run("DROP KEYSPACE KS").await;
    let dir = tempfile::tempdir().unwrap();
    let worker = Worker::up(dir.path());
    worker.make(
        "scylla",
        &scylla(
            &place,
            &[(
                "scylladb.table.create.compression.algorithm",
                "LZ4Compressor",
            )],
        ),
    );
    let key = |id: i32| envelope(&[("id", "int64", json!(id))]);
    let value = |id: i32| envelope(&[("id", "int64", json!(id)), ("temp", "double", json!(2.5))]);
    let record = |id: i32| json!({ "key": key(id), "value": value(id) });
    worker.produce(
        "site.readings",
        &json!([record(1), record(2), { "key": key(1) }]),
    );
    worker
        .until_sink("scylla", |sink| sink["written"] == 3)
        .await;
    let found = place.rows("SELECT JSON * FROM KS.site_readings").await;
    assert_eq!(found, [json!({ "id": 2, "temp": 2.5 })]);
    // A field the table has no column for yet, and one of a logical type.
    let wider = envelope(&[
        ("id", "int64", json!(3)),
        ("unit", "string", json!("C")),
        ("tags", "string", json!("x")),
    ]);
    worker.produce(
        "site.readings",
        &json!([{ "key": key(3), "value": wider }, record(4)]),
    );
    worker
        .until_sink("scylla", |sink| sink["written"] == 5 && sink["lag"] == 0)
        .await;
    let found = place
        .rows("SELECT JSON id, temp, unit FROM KS.site_readings WHERE id = 3")
        .await;
    assert_eq!(found, [json!({ "id": 3, "temp": null, "unit": "C" })]);
    assert_eq!(
        place
            .rows("SELECT JSON id FROM KS.site_readings")
            .await
            .len(),
        3
    );
    // Keys without fields fail the task, or with LOG are kept and passed over.
    worker.produce("site.readings", &json!([{ "value": value(9) }, record(5)]));
    let trace = worker.until_failed("scylla").await;
    assert!(
        trace.contains("record 5 of `site.readings`-0") && trace.contains("ValueToKey"),
        "{trace}"
    );
    worker.change("scylla", &scylla(&place, &[("behavior.on.error", "log")]));
    let books = worker
        .until_sink("scylla", |sink| {
            sink["lag"] == 0 && sink["dead_lettered"] == 1
        })
        .await;
    assert_eq!(books["written"], 6);
}

#[tokio::test(flavor = "multi_thread")]
async fn scyllas_mapping_goes_into_a_table_that_is_there() {
    let Some(place) = Place::new("scylla_mapping").await else {
        return;
    };
    place.run("CREATE TABLE KS.site_readings (device bigint, day text, t double, PRIMARY KEY (device, day))").await;
    let dir = tempfile::tempdir().unwrap();
    let worker = Worker::up(dir.path());
    let mapping = format!(
        "topic.site_readings.{}.site_readings.mapping",
        place.keyspace
    );
    let mapping = (
        mapping.as_str(),
        "device=key.id, day=value.d, t=value.temp, __ttl=value.keep, __timestamp=value.at",
    );
    worker.make(
        "mapped",
        &scylla(
            &place,
            &[mapping, ("scylladb.table.manage.enabled", "false")],
        ),
    );
    let key = envelope(&[("id", "int64", json!(1))]);
    let fields = [
        ("d", "string", json!("mon")),
        ("temp", "double", json!(2.5)),
        ("keep", "int32", json!(500)),
        ("at", "int64", json!(77)),
    ];
    worker.produce(
        "site.readings",
        &json!([{ "key": key, "value": envelope(&fields) }]),
    );
    worker
        .until_sink("mapped", |sink| sink["written"] == 1)
        .await;
    let found = place
        .rows("SELECT JSON device, day, t, ttl(t) AS ttl, writetime(t) AS at FROM KS.site_readings")
        .await;
    assert_eq!(
        (
            &found[0]["device"],
            &found[0]["day"],
            &found[0]["t"],
            &found[0]["at"]
        ),
        (&json!(1), &json!("mon"), &json!(2.5), &json!(77))
    );
    assert!(
        found[0]["ttl"]
            .as_i64()
            .is_some_and(|ttl| (1..=500).contains(&ttl)),
        "{found:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn data_staxs_mappings_fan_out_convert_strictly_and_delete() {
    let Some(place) = Place::new("datastax").await else {
        return;
    };
    place.run("CREATE TABLE KS.by_id (id int PRIMARY KEY, v float, raw text, tags set<text>, at timeuuid)").await;
    place
        .run("CREATE TABLE KS.by_kind (kind text, id int, seen timestamp, PRIMARY KEY (kind, id))")
        .await;
    let dir = tempfile::tempdir().unwrap();
    let worker = Worker::up(dir.path());
    let by_id = format!("topic.t.{}.by_id.mapping", place.keyspace);
    let by_kind = format!("topic.t.{}.by_kind", place.keyspace);
    let config = |changed: &[(&str, &str)]| {
        let mut config = json!({
            "connector.class": "com.datastax.oss.kafka.sink.CassandraSinkConnector",
            "topics": "t",
            "contactPoints": place.host,
            "port": place.port,
            "loadBalancing.localDc": "datacenter1",
            "value.converter": "String",
            "topic.t.codec.unit": "SECONDS",
        });
        config[by_id.as_str()] = json!("id=key, v=value.v, raw=value, tags=value.tags, at=now()");
        config[format!("{by_kind}.mapping")] = json!("kind=header.kind, id=key, seen=value.s");
        config[format!("{by_kind}.deletesEnabled")] = json!("false");
        for (option, value) in changed {
            config[*option] = json!(value);
        }
        config
    };
    worker.make("fan", &config(&[]));
    let value = json!({ "v": "1.5", "tags": ["a"], "s": 1_700_000_000 }).to_string();
    let headers = json!([["kind", "meter"]]);
    worker.produce("t", &json!([{ "key": "7", "value": value, "headers": headers }, { "key": "8", "value": value, "headers": headers }]));
    worker.until_sink("fan", |sink| sink["written"] == 2).await;
    let found = place
        .rows("SELECT JSON id, v, raw, tags, toTimestamp(at) AS at FROM KS.by_id WHERE id = 7")
        .await;
    assert_eq!(
        (&found[0]["v"], &found[0]["raw"], &found[0]["tags"]),
        (&json!(1.5), &json!(value), &json!(["a"]))
    );
    assert!(found[0]["at"].is_string(), "{found:?}");
    let found = place
        .rows("SELECT JSON * FROM KS.by_kind WHERE kind = 'meter' AND id = 8")
        .await;
    assert_eq!(
        found,
        [json!({ "kind": "meter", "id": 8, "seen": "2023-11-14 22:13:20.000Z" })]
    );
    worker.produce("t", &json!([{ "key": "7", "headers": headers }]));
    worker.until_sink("fan", |sink| sink["written"] == 3).await;
    assert_eq!(
        place.rows("SELECT JSON id FROM KS.by_id").await,
        [json!({ "id": 8 })]
    );
    assert_eq!(place.rows("SELECT JSON id FROM KS.by_kind").await.len(), 2);
    strictness(&worker, &headers, config(&[("ignoreErrors", "All")])).await;
    // A mapping onto a column that is not there fails the task by name.
    worker.change("fan", &config(&[(&by_id, "id=key, w=value.v")]));
    let trace = worker.until_failed("fan").await;
    assert!(
        trace.contains("table `by_id` has no column `w`; its columns are id, at, raw, tags, v"),
        "{trace}"
    );
}

/// What would lose digits is refused, and with `All` kept and passed over.
async fn strictness(worker: &Worker, headers: &Value, tolerant: Value) {
    let lossy = json!({ "v": 0.123_456_789_012, "tags": [], "s": 1 }).to_string();
    worker.produce(
        "t",
        &json!([{ "key": "9", "value": lossy, "headers": headers }]),
    );
    let trace = worker.until_failed("fan").await;
    assert!(trace.contains("would lose digits"), "{trace}");
    worker.change("fan", &tolerant);
    worker
        .until_sink("fan", |sink| sink["dead_lettered"] == 1 && sink["lag"] == 0)
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn lenses_newer_sink_writes_by_kcql() {
    let Some(place) = Place::new("lenses").await else {
        return;
    };
    place
        .run("CREATE TABLE KS.t (id int PRIMARY KEY, v double, note text)")
        .await;
    let dir = tempfile::tempdir().unwrap();
    let worker = Worker::up(dir.path());
    let kcql = format!(
        "INSERT INTO {}.t SELECT *, _key AS id FROM t PROPERTIES('ttl'='500')",
        place.keyspace
    );
    let config = json!({
        "connector.class": "io.lenses.streamreactor.connect.cassandra.CassandraSinkConnector",
        "topics": "t",
        "connect.cassandra.contact.points": place.host,
        "connect.cassandra.port": place.port,
        "connect.cassandra.kcql": kcql,
        "value.converter": "Json",
        "value.converter.schemas.enable": "false",
    });
    worker.make("lenses", &config);
    worker.produce(
        "t",
        &json!([{ "key": "7", "value": json!({ "v": 2.5, "note": "x" }).to_string() }]),
    );
    worker
        .until_sink("lenses", |sink| sink["written"] == 1)
        .await;
    let found = place
        .rows("SELECT JSON id, v, note, ttl(v) AS ttl FROM KS.t")
        .await;
    assert_eq!(
        (&found[0]["id"], &found[0]["v"], &found[0]["note"]),
        (&json!(7), &json!(2.5), &json!("x"))
    );
    assert!(
        found[0]["ttl"]
            .as_i64()
            .is_some_and(|ttl| (1..=500).contains(&ttl)),
        "{found:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn options_are_listed_for_every_class() {
    let dir = tempfile::tempdir().unwrap();
    let worker = Worker::up(dir.path());
    for (class, option) in [
        (
            "io.lenses.streamreactor.connect.cassandra.CassandraSinkConnector",
            "connect.cassandra.ignore.errors.mode",
        ),
        (
            "io.connect.scylladb.ScyllaDbSinkConnector",
            "scylladb.table.manage.enabled",
        ),
        (
            "com.datastax.oss.kafka.sink.CassandraSinkConnector",
            "maxConcurrentRequests",
        ),
    ] {
        let config = json!({ "name": "x", "connector.class": class, "topics": "t" });
        let (status, answer) = worker.ask(
            "PUT",
            &format!("/connector-plugins/{class}/config/validate"),
            Some(&config),
        );
        assert_eq!(status, 200, "{answer}");
        let configs = answer["configs"].as_array().unwrap();
        assert!(
            configs
                .iter()
                .any(|own| own["definition"]["name"] == option),
            "{option} of {class}"
        );
        let (status, listed) =
            worker.ask("GET", &format!("/connector-plugins/{class}/config"), None);
        assert_eq!(status, 200);
        assert!(
            listed
                .as_array()
                .unwrap()
                .iter()
                .any(|own| own["name"] == option),
            "{option} of {class}"
        );
    }
}
