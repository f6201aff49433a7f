//! Records that cannot be written: the sink's own error policy, tolerance, dead letters, restarts.

use serde_json::{Value, json};

use crate::place::Place;
use crate::worker::{Worker, classic};

/// A table of numbers, and records of which the second is none.
async fn numbers(name: &str) -> Option<(Place, tempfile::TempDir, Worker)> {
    let place = Place::new(name).await?;
    place
        .run("CREATE TABLE KS.t (id int PRIMARY KEY, v int)")
        .await;
    let dir = tempfile::tempdir().unwrap();
    let worker = Worker::up(dir.path());
    worker.produce(
        "p",
        &json!([value(1, "1"), value(2, "\"two\""), value(3, "3")]),
    );
    Some((place, dir, worker))
}

fn value(id: i32, v: &str) -> Value {
    json!({ "key": format!("k{id}"), "value": format!("{{ \"id\": {id}, \"v\": {v} }}"), "headers": [["h", "x"]] })
}

const KCQL: (&str, &str) = ("connect.cassandra.kcql", "INSERT INTO t SELECT * FROM p");
const TOPICS: (&str, &str) = ("topics", "p");

async fn ids(place: &Place, count: usize) -> Vec<i64> {
    let rows = place
        .until("SELECT JSON id FROM KS.t", |rows| rows.len() == count)
        .await;
    let mut ids: Vec<i64> = rows.iter().map(|row| row["id"].as_i64().unwrap()).collect();
    ids.sort_unstable();
    ids
}

#[tokio::test(flavor = "multi_thread")]
async fn throw_fails_the_task_at_the_record_whatever_is_tolerated() {
    let Some((place, _dir, worker)) = numbers("throw").await else {
        return;
    };
    worker.make(
        "throw",
        &classic(&place, &[TOPICS, KCQL, ("errors.tolerance", "all")]),
    );
    let trace = worker.until_failed("throw").await;
    assert!(
        trace.contains("record 1 of `p`-0") && trace.contains("connect.cassandra.errant.report"),
        "{trace}"
    );
    assert_eq!(ids(&place, 1).await, [1]);
    assert_eq!(worker.records("messina.dead-letters"), Vec::<Value>::new());
    // As its words advise: the record is kept, and the task goes on behind it.
    let kept = [
        TOPICS,
        KCQL,
        ("errors.tolerance", "all"),
        ("connect.cassandra.errant.report", "true"),
    ];
    worker.change("throw", &classic(&place, &kept));
    assert_eq!(ids(&place, 2).await, [1, 3]);
    let books = worker.until_sink("throw", |sink| sink["lag"] == 0).await;
    assert_eq!(
        (&books["written"], &books["dead_lettered"]),
        (&json!(2), &json!(1))
    );
    assert_eq!(worker.records("messina.dead-letters").len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn noop_goes_on_and_keeps_what_it_passes() {
    let Some((place, _dir, worker)) = numbers("noop").await else {
        return;
    };
    let noop = [
        TOPICS,
        KCQL,
        ("connect.cassandra.error.policy", "NOOP"),
        ("errors.log.enable", "true"),
    ];
    worker.make("noop", &classic(&place, &noop));
    assert_eq!(ids(&place, 2).await, [1, 3]);
    let books = worker.until_sink("noop", |sink| sink["lag"] == 0).await;
    assert_eq!(
        (&books["written"], &books["dead_lettered"]),
        (&json!(2), &json!(1))
    );
    let letters = worker.records("messina.dead-letters");
    assert_eq!(letters.len(), 1);
    assert_eq!(
        (&letters[0]["key"], &letters[0]["value"]),
        (&value(2, "\"two\"")["key"], &value(2, "\"two\"")["value"])
    );
    let log = worker.log();
    let line = log
        .lines()
        .find(|line| line.contains("a record has failed"))
        .unwrap();
    assert!(
        line.contains("offset=1") && !line.contains("two }"),
        "{line}"
    );
    // What another stage refuses is not the sink's policy's business.
    worker.produce("p", &json!([{ "value": "no JSON" }]));
    let trace = worker.until_failed("noop").await;
    assert!(trace.contains("record 3 of `p`-0"), "{trace}");
}

#[tokio::test(flavor = "multi_thread")]
async fn retry_tries_as_often_as_it_says_and_then_fails() {
    let Some((place, _dir, worker)) = numbers("retry").await else {
        return;
    };
    // The table loses its column: what was a good row is refused by the cluster until it is there again.
    let retry = [
        TOPICS,
        ("connect.cassandra.kcql", "INSERT INTO t SELECT id FROM p"),
        ("connect.cassandra.error.policy", "RETRY"),
        ("connect.cassandra.max.retries", "3"),
        ("connect.cassandra.retry.interval", "20"),
    ];
    worker.make("retry", &classic(&place, &retry));
    assert_eq!(ids(&place, 3).await, [1, 2, 3]);
    // A key too long for the cluster is the row's fault, tried three times all the same.
    place.run("DROP TABLE KS.t").await;
    place
        .run("CREATE TABLE KS.t (id text PRIMARY KEY, v int)")
        .await;
    worker.restart("retry");
    let long = "x".repeat(70_000);
    worker.produce(
        "p",
        &json!([{ "value": json!({ "id": long }).to_string() }]),
    );
    let trace = worker.until_failed("retry").await;
    assert!(trace.contains("record 3 of `p`-0"), "{trace}");
    let tries = worker
        .log()
        .matches("the sink holds its offsets and tries again")
        .count();
    assert_eq!(tries, 3);
}

/// The bytes, headers and place of a dead letter against those of the record it was.
pub(crate) fn same(letter: &Value, record: &Value) {
    for part in ["key", "value", "timestamp"] {
        assert_eq!(letter[part], record[part], "{part}");
    }
    let own = record["headers"].as_array().unwrap().len();
    let headers = letter["headers"].as_array().unwrap();
    assert_eq!(
        &headers[..own],
        record["headers"].as_array().unwrap().as_slice()
    );
}

pub(crate) fn context<'l>(letter: &'l Value, name: &str) -> &'l Value {
    let wanted = format!("__connect.errors.{name}");
    let headers = letter["headers"].as_array().unwrap();
    let found = headers.iter().find(|header| header[0] == wanted.as_str());
    &found.unwrap_or_else(|| panic!("no {name} in {letter}"))[1]
}

/// A record that fails in each stage, and the stage.
fn poison() -> Vec<(&'static str, Value)> {
    let good = json!({ "id": 7, "v": 7 }).to_string();
    let integer = json!({ "base64": "AAAAAQ==" });
    vec![
        (
            "KEY_CONVERTER",
            json!({ "key": "no integer", "value": good, "headers": [["h", "1"]] }),
        ),
        (
            "VALUE_CONVERTER",
            json!({ "key": integer, "value": { "base64": "/wB7" }, "headers": [["h", "1"]] }),
        ),
        (
            "HEADER_CONVERTER",
            json!({ "key": integer, "value": good, "headers": [["h", { "base64": "AAE=" }]] }),
        ),
        (
            "TRANSFORMATION",
            json!({ "key": integer, "value": json!({ "id": "x" }).to_string(), "headers": [["h", "1"]] }),
        ),
        (
            "TASK_PUT",
            json!({ "key": integer, "value": json!({ "id": 8, "v": 1, "w": 2 }).to_string(), "headers": [["h", "1"]] }),
        ),
    ]
}

const STAGES: [(&str, &str); 9] = [
    ("topics", "q"),
    (
        "connect.cassandra.kcql",
        "INSERT INTO t SELECT *, _header.h AS h FROM q",
    ),
    ("key.converter", "Integer"),
    (
        "header.converter",
        "org.apache.kafka.connect.converters.BooleanConverter",
    ),
    ("transforms", "cast"),
    (
        "transforms.cast.type",
        "org.apache.kafka.connect.transforms.Cast$Value",
    ),
    ("transforms.cast.spec", "id:int32"),
    ("connect.cassandra.errant.report", "true"),
    ("errors.deadletterqueue.topic.name", "dead"),
];

async fn stages(name: &str) -> Option<(Place, tempfile::TempDir, Worker, Vec<Value>)> {
    let place = Place::new(name).await?;
    place
        .run("CREATE TABLE KS.t (id int PRIMARY KEY, v int, h boolean)")
        .await;
    let dir = tempfile::tempdir().unwrap();
    let worker = Worker::up(dir.path());
    let good = |id: i32| {
        let value = json!({ "id": id, "v": id }).to_string();
        json!({ "key": { "base64": "AAAAAQ==" }, "value": value, "headers": [["h", { "base64": "AQ==" }]] })
    };
    let mut records = vec![good(100)];
    for (index, (_, mut record)) in (1..).zip(poison()) {
        if record["headers"][0][1] == "1" {
            record["headers"][0][1] = json!({ "base64": "AQ==" });
        }
        records.extend([record, good(100 + index)]);
    }
    worker.produce("q", &Value::Array(records));
    let consumed = worker.records("q");
    assert_eq!(consumed.len(), 11);
    Some((place, dir, worker, consumed))
}

#[tokio::test(flavor = "multi_thread")]
async fn poison_of_every_stage_is_a_dead_letter_of_the_same_bytes_where_all_is_tolerated() {
    let Some((place, _dir, worker, consumed)) = stages("poison_all").await else {
        return;
    };
    let all = [&STAGES[..], &[("errors.tolerance", "all")]].concat();
    worker.make("all", &classic(&place, &all));
    let books = worker
        .until_sink("all", |sink| {
            sink["lag"] == 0 && sink["in_flight"] == 0 && sink["written"] != 0
        })
        .await;
    assert_eq!(
        (&books["written"], &books["dead_lettered"]),
        (&json!(6), &json!(5))
    );
    assert_eq!(ids(&place, 6).await, [100, 101, 102, 103, 104, 105]);
    let letters = worker.records("dead");
    assert_eq!(letters.len(), 5);
    for (index, ((stage, _), letter)) in poison().iter().zip(&letters).enumerate() {
        let offset = 2 * index + 1;
        same(letter, &consumed[offset]);
        assert_eq!(context(letter, "stage"), stage);
        assert_eq!(context(letter, "offset"), &json!(offset.to_string()));
        assert_eq!(context(letter, "topic"), "q");
        assert_eq!(context(letter, "connector.name"), "all");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn poison_of_every_stage_stops_the_task_there_where_nothing_is_tolerated_also_over_kill_9() {
    let Some((place, dir, mut worker, consumed)) = stages("poison_none").await else {
        return;
    };
    let config = classic(
        &place,
        &[
            &STAGES[..],
            &[("errors.deadletterqueue.context.headers.enable", "false")],
        ]
        .concat(),
    );
    worker.make("none", &config);
    for (index, (stage, _)) in poison().iter().enumerate() {
        let offset = 2 * index + 1;
        let at = format!("record {offset} of `q`-0");
        let trace = worker.until_failed("none").await;
        assert!(trace.contains(&at), "{stage}: {trace}");
        let letters = worker.records("dead");
        let letter = letters.last().unwrap();
        same(letter, &consumed[offset]);
        assert_eq!(
            letter["headers"], consumed[offset]["headers"],
            "no context was wanted"
        );
        let url = "/connectors/none/offsets".to_owned();
        let offsets = worker.ask("GET", &url, None).1;
        let committed = &offsets["offsets"][0]["offset"]["kafka_offset"];
        assert_eq!(
            committed,
            &json!(offset),
            "{stage}: no offset passes a failure"
        );
        if index == 2 {
            worker.kill();
            worker = Worker::up(dir.path());
            let trace = worker.until_failed("none").await;
            assert!(trace.contains(&at), "after kill -9: {trace}");
        }
        // A person steps over it, and the task goes on with the next.
        worker.go_on_at("none", "q", offset + 1);
    }
    assert_eq!(ids(&place, 6).await, [100, 101, 102, 103, 104, 105]);
}
