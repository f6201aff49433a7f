//! Tables that are altered while connectors write to them: no restart is needed, and nothing is lost.

use messina_e2e::between::Between;
use serde_json::{Value, json};

use crate::place::Place;
use crate::worker::{Worker, classic};

const KCQL: (&str, &str) = ("connect.cassandra.kcql", "INSERT INTO t SELECT * FROM a");
const TOPICS: (&str, &str) = ("topics", "a");
/// The strictest there is: the task fails at the first record that cannot be written.
const STRICT: [(&str, &str); 2] = [TOPICS, KCQL];
/// Records that cannot be written are dead letters.
const TOLERANT: [(&str, &str); 4] = [
    TOPICS,
    KCQL,
    ("errors.tolerance", "all"),
    ("connect.cassandra.errant.report", "true"),
];

fn records(values: &[Value]) -> Value {
    let record = |value: &Value| json!({ "value": value.to_string() });
    Value::Array(values.iter().map(record).collect())
}

async fn written(worker: &Worker, count: u64) -> Value {
    worker
        .until_sink("altered", |sink| {
            sink["written"] == count && sink["lag"] == 0
        })
        .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_column_or_a_field_of_a_type_that_is_added_is_written_without_a_restart() {
    let Some(place) = Place::new("altered_added").await else {
        return;
    };
    place.run("CREATE TYPE KS.spot (x int)").await;
    place
        .run("CREATE TABLE KS.t (id int PRIMARY KEY, v int, at frozen<spot>)")
        .await;
    let dir = tempfile::tempdir().unwrap();
    let worker = Worker::up(dir.path());
    worker.make("altered", &classic(&place, &STRICT));
    worker.produce(
        "a",
        &records(&[json!({ "id": 1, "v": 1, "at": { "x": 1 } })]),
    );
    written(&worker, 1).await;
    place.run("ALTER TABLE KS.t ADD w text").await;
    worker.produce("a", &records(&[json!({ "id": 2, "v": 2, "w": "new" })]));
    written(&worker, 2).await;
    place.run("ALTER TYPE KS.spot ADD y int").await;
    worker.produce(
        "a",
        &records(&[json!({ "id": 3, "at": { "x": 3, "y": 4 } })]),
    );
    let books = written(&worker, 3).await;
    assert_eq!(books["dead_lettered"], 0);
    let found = place
        .rows("SELECT JSON id, w, at FROM KS.t WHERE id IN (2, 3)")
        .await;
    assert_eq!(
        found,
        [
            json!({ "id": 2, "w": "new", "at": null }),
            json!({ "id": 3, "w": null, "at": { "x": 3, "y": 4 } })
        ]
    );
    // What the table has not all the same is the record's fault, as ever.
    worker.produce("a", &records(&[json!({ "id": 4, "z": 1 })]));
    let trace = worker.until_failed("altered").await;
    assert!(
        trace.contains("record 3 of `a`-0") && trace.contains("unrecognized column: z"),
        "{trace}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn records_that_are_refused_have_the_schema_asked_for_and_the_tables_read_only_where_it_changed()
 {
    let Some(mut place) = Place::new("altered_not").await else {
        return;
    };
    place
        .run("CREATE TABLE KS.t (id int PRIMARY KEY, v int)")
        .await;
    place.run("CREATE TABLE KS.u (id int PRIMARY KEY)").await;
    let between = Between::before(&format!("{}:{}", place.host, place.port));
    place.port = between.address.port().to_string();
    let dir = tempfile::tempdir().unwrap();
    let worker = Worker::up(dir.path());
    let kcql = (
        "connect.cassandra.kcql",
        "INSERT INTO t SELECT * FROM a;INSERT INTO u SELECT id FROM a",
    );
    worker.make(
        "altered",
        &classic(&place, &[&TOLERANT[..], &[kcql]].concat()),
    );
    let refused = async |count: u64| {
        worker.produce("a", &records(&[json!({ "id": 1, "w": 1 })]));
        worker
            .until_sink("altered", |sink| sink["dead_lettered"] == count)
            .await;
    };
    worker.produce("a", &records(&[json!({ "id": 1, "v": 1 })]));
    written(&worker, 1).await;
    refused(1).await;
    let read = || between.asked("FROM system_schema.columns WHERE keyspace_name = ? AND");
    let asked = || between.asked("SELECT schema_version FROM system.local");
    let (read_before, asked_before) = (read(), asked());
    assert!(read_before >= 2, "a look at each table");
    let begin = tokio::time::Instant::now();
    for count in 2..=20 {
        refused(count).await;
    }
    let tenths = usize::try_from(begin.elapsed().as_millis() / 100).unwrap();
    // Other tests change the schema too, but not before every one of these records.
    let read = read() - read_before;
    assert!(read < 2 * 19, "tables were read {read} times");
    let asked = asked() - asked_before;
    assert!(
        (19..=tenths + 2).contains(&asked),
        "{asked} times in {tenths} tenths of a second"
    );
    place.run("ALTER TABLE KS.t ADD w int").await;
    worker.produce("a", &records(&[json!({ "id": 2, "w": 2 })]));
    written(&worker, 2).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn records_for_a_column_that_is_dropped_are_refused_and_all_others_written() {
    let Some(place) = Place::new("altered_dropped").await else {
        return;
    };
    place
        .run("CREATE TABLE KS.t (id int PRIMARY KEY, v int, w text)")
        .await;
    let dir = tempfile::tempdir().unwrap();
    let worker = Worker::up(dir.path());
    worker.make("altered", &classic(&place, &TOLERANT));
    let wide = |id: i32| json!({ "id": id, "v": id, "w": "w" });
    let narrow = |id: i32| json!({ "id": id, "v": id });
    worker.produce("a", &records(&[wide(1), narrow(2)]));
    written(&worker, 2).await;
    place.run("ALTER TABLE KS.t DROP w").await;
    worker.produce("a", &records(&[narrow(3), wide(4), narrow(5)]));
    let books = written(&worker, 4).await;
    assert_eq!(books["dead_lettered"], 1);
    let mut ids: Vec<i64> = place
        .rows("SELECT JSON id FROM KS.t")
        .await
        .iter()
        .map(|row| row["id"].as_i64().unwrap())
        .collect();
    ids.sort_unstable();
    assert_eq!(ids, [1, 2, 3, 5]);
    let letters = worker.records("messina.dead-letters");
    assert_eq!(letters[0]["value"], wide(4).to_string());
    // It comes back: what was kept can be written again, and new records at once.
    place.run("ALTER TABLE KS.t ADD w text").await;
    worker.produce("a", &records(&[wide(6)]));
    let books = written(&worker, 5).await;
    assert_eq!(books["dead_lettered"], 1);
    // A statement that names a column that is gone stops, and holds its offset.
    let named = [
        TOPICS,
        (
            "connect.cassandra.kcql",
            "INSERT INTO t SELECT id, w FROM a",
        ),
    ];
    worker.change("altered", &classic(&place, &named));
    worker.produce("a", &records(&[wide(7)]));
    written(&worker, 6).await;
    place.run("ALTER TABLE KS.t DROP w").await;
    worker.produce("a", &records(&[wide(8)]));
    let trace = worker.until_failed("altered").await;
    assert!(
        trace.contains("table `t` has no column `w`; its columns are id, v"),
        "{trace}"
    );
    place.run("ALTER TABLE KS.t ADD w text").await;
    worker.restart("altered");
    written(&worker, 7).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_column_whose_type_is_another_gets_values_of_that_type() {
    let Some(place) = Place::new("altered_type").await else {
        return;
    };
    place
        .run("CREATE TABLE KS.t (id int PRIMARY KEY, v int)")
        .await;
    let dir = tempfile::tempdir().unwrap();
    let worker = Worker::up(dir.path());
    worker.make("altered", &classic(&place, &TOLERANT));
    // Its four bytes are a text too, `ABCD`, and the statement's text, so its id, stays the same.
    let number = |id: i32| json!({ "id": id, "v": 0x4142_4344 });
    worker.produce("a", &records(&[number(1)]));
    written(&worker, 1).await;
    place.run("DROP TABLE KS.t").await;
    place
        .run("CREATE TABLE KS.t (id int PRIMARY KEY, v text)")
        .await;
    // The schema is looked at no more than once a second.
    tokio::time::sleep(std::time::Duration::from_secs(1)).await;
    worker.produce(
        "a",
        &records(&[number(2), json!({ "id": 3, "v": "words" })]),
    );
    let books = written(&worker, 2).await;
    assert_eq!(books["dead_lettered"], 1);
    let found = place.rows("SELECT JSON * FROM KS.t").await;
    assert_eq!(found, [json!({ "id": 3, "v": "words" })]);
}
