//! `DataStax`'s engine where it does not insert: counters, and statements of the connector's own.

use serde_json::{Value, json};

use crate::place::Place;
use crate::worker::Worker;

fn data_stax(place: &Place, changed: &[(&str, &str)]) -> Value {
    let mut config = json!({
        "connector.class": "com.datastax.oss.kafka.sink.CassandraSinkConnector",
        "topics": "t",
        "contactPoints": place.host,
        "port": place.port,
        "loadBalancing.localDc": "datacenter1",
        "value.converter": "String",
        "ignoreErrors": "All",
    });
    for (option, value) in changed {
        let option = option.replace("KS", &place.keyspace);
        config[option] = json!(value.replace("KS", &place.keyspace));
    }
    config
}

fn record(key: &str, value: &Value) -> Value {
    json!({ "key": key, "value": value.to_string() })
}

#[tokio::test(flavor = "multi_thread")]
async fn counters_are_counted_up_by_every_record_and_deleted_by_one_without_a_value() {
    let Some(place) = Place::new("counters").await else {
        return;
    };
    place
        .run("CREATE TABLE KS.seen (id text, kind text, n counter, m counter, PRIMARY KEY (id, kind))")
        .await;
    let dir = tempfile::tempdir().unwrap();
    let worker = Worker::up(dir.path());
    let mapping = (
        "topic.t.KS.seen.mapping",
        "id=key, kind=header.kind, n=value.n, m=value.m",
    );
    worker.make("count", &data_stax(&place, &[mapping]));
    let headers = json!([["kind", "in"]]);
    let with = |mut record: Value| {
        record["headers"] = headers.clone();
        record
    };
    let mut records: Vec<Value> = (1..=100)
        .map(|n| with(record("a", &json!({ "n": n, "m": null }))))
        .collect();
    records.push(with(record("b", &json!({ "n": "-7", "m": 1 }))));
    // Half a step is none, and so is no step at all.
    records.push(with(record("b", &json!({ "n": 0.5, "m": 1 }))));
    worker.produce("t", &Value::Array(records));
    let books = worker
        .until_sink("count", |sink| sink["lag"] == 0 && sink["written"] == 101)
        .await;
    assert_eq!(books["dead_lettered"], 1);
    let found = place
        .rows("SELECT JSON n, m FROM KS.seen WHERE id = 'a'")
        .await;
    assert_eq!(found, [json!({ "n": 5050, "m": null })]);
    let found = place
        .rows("SELECT JSON n, m FROM KS.seen WHERE id = 'b'")
        .await;
    assert_eq!(found, [json!({ "n": -7, "m": 1 })]);
    assert!(
        worker.log().contains("is counted again"),
        "what at least once means for counters is said"
    );
    worker.produce("t", &json!([with(json!({ "key": "b" }))]));
    place
        .until("SELECT JSON id FROM KS.seen WHERE id = 'b'", |rows| {
            rows.is_empty()
        })
        .await;
    assert_eq!(place.rows("SELECT JSON id FROM KS.seen").await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_query_of_its_own_writes_with_the_mappings_values() {
    let Some(place) = Place::new("queries").await else {
        return;
    };
    place
        .run("CREATE TABLE KS.t (id int PRIMARY KEY, v double, tags list<text>)")
        .await;
    let dir = tempfile::tempdir().unwrap();
    let worker = Worker::up(dir.path());
    let query = "UPDATE KS.t USING TTL 500 SET v = :v, tags = tags + :tag WHERE id = :id";
    let own = [
        ("topic.t.KS.t.mapping", "id=key, v=value.v, tag=value.tags"),
        ("topic.t.KS.t.query", query),
        ("topic.t.KS.t.deletesEnabled", "false"),
    ];
    worker.make("own", &data_stax(&place, &own));
    let tag = |tag: &str| record("7", &json!({ "v": 1.5, "tags": [tag] }));
    // Rows of one partition go in their order: the list is in it.
    let tags: Vec<String> = (0..20).map(|n| format!("t{n}")).collect();
    let records: Vec<Value> = tags.iter().map(|own| tag(own)).collect();
    worker.produce("t", &Value::Array(records));
    worker.produce("t", &json!([record("7", &json!({ "v": "x", "tags": [] }))]));
    let books = worker
        .until_sink("own", |sink| sink["lag"] == 0 && sink["written"] == 20)
        .await;
    assert_eq!(books["dead_lettered"], 1, "`x` is no number");
    let found = place
        .rows("SELECT JSON v, tags, ttl(v) AS ttl FROM KS.t WHERE id = 7")
        .await;
    assert_eq!(
        (&found[0]["v"], &found[0]["tags"]),
        (&json!(1.5), &json!(tags))
    );
    assert!(
        found[0]["ttl"]
            .as_i64()
            .is_some_and(|ttl| (1..=500).contains(&ttl)),
        "{found:?}"
    );
    // With deletes, and with a variable nobody maps, it is refused before anything is written.
    let body = json!({ "name": "both", "config": data_stax(&place, &own[..2]) });
    let (status, answer) = worker.ask("POST", "/connectors", Some(&body));
    assert_eq!(status, 400, "{answer}");
    assert!(
        answer.to_string().contains("set `deletesEnabled` to false"),
        "{answer}"
    );
    let unmapped = [
        ("topic.t.KS.t.mapping", "id=key, v=value.v"),
        own[1],
        own[2],
    ];
    worker.change("own", &data_stax(&place, &unmapped));
    worker
        .until_trace("own", "variable `:tag` of the query is not mapped")
        .await;
    // One the cluster cannot read fails the task with its words.
    let wrong = [
        own[0],
        (
            "topic.t.KS.t.query",
            "UPDATE KS.t SET w = :v WHERE id = :id",
        ),
        own[2],
    ];
    worker.change("own", &data_stax(&place, &wrong));
    worker.until_trace("own", "Undefined column name w").await;
}
