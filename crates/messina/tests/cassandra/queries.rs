//! `DataStax`'s engine where it does not insert: counters, and statements of the connector's own.

use messina_e2e::between::{Between, Refusal, Request};
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

#[tokio::test(flavor = "multi_thread")]
async fn rows_that_counted_beside_a_refused_one_do_not_count_again_where_the_cluster_then_is_away()
{
    let Some(mut place) = Place::new("adding").await else {
        return;
    };
    place
        .run("CREATE TABLE KS.seen (id text PRIMARY KEY, n counter)")
        .await;
    let between = Between::before(&format!("{}:{}", place.host, place.port));
    place.port = between.address.port().to_string();
    let dir = tempfile::tempdir().unwrap();
    let worker = Worker::up(dir.path());
    let own = [
        ("topic.t.KS.seen.mapping", "id=value.id, n=value.n"),
        (
            "topic.t.KS.seen.query",
            "UPDATE KS.seen SET n = n + :n WHERE id = :id",
        ),
        ("topic.t.KS.seen.deletesEnabled", "false"),
    ];
    worker.make("adding", &data_stax(&place, &own));
    let counted = |id: &str, n: i64| record("k", &json!({ "id": id, "n": n }));
    worker.produce("t", &json!([counted("a", 1)]));
    worker
        .until_sink("adding", |sink| sink["written"] == 1)
        .await;
    // Whether a row is to blame, or its statement, the cluster does not say before it has prepared that again.
    between.refuse(&[(Request::Prepare, Refusal::Overloaded)]);
    let records = ["a", "", "b", "a"].map(|id| counted(id, 1));
    worker.produce("t", &json!(records));
    let held = worker
        .until_sink("adding", |sink| {
            sink["state"] == "RETRYING" && sink["rows"] == 4
        })
        .await;
    assert_eq!(held["written"], 1);
    between.refuse(&[]);
    let books = worker.until_sink("adding", |sink| sink["lag"] == 0).await;
    assert_eq!(
        (&books["written"], &books["dead_lettered"], &books["rows"]),
        (&json!(4), &json!(1), &json!(4))
    );
    let found = place
        .until("SELECT JSON id, n FROM KS.seen", |rows| rows.len() == 2)
        .await;
    let count = |id: &str| &found.iter().find(|row| row["id"] == id).unwrap()["n"];
    assert_eq!(
        (count("a"), count("b")),
        (&json!(3), &json!(1)),
        "{found:?}"
    );
}
