//! Records that fail, at every stage, in the sinks that map columns: dead letters of the same bytes where all is
//! tolerated, a task that stops there and holds its offset where nothing is.

use serde_json::{Value, json};

use crate::errors::{context, same};
use crate::place::Place;
use crate::worker::Worker;

/// A sink that maps columns, and its options for the table `q`.
#[derive(Clone, Copy)]
enum Sink {
    Scylla,
    DataStax,
    Lenses,
}

impl Sink {
    fn options(self, place: &Place) -> Value {
        let keyspace = &place.keyspace;
        match self {
            Self::Scylla => json!({
                "connector.class": "io.connect.scylladb.ScyllaDbSinkConnector",
                "scylladb.contact.points": place.host,
                "scylladb.port": place.port,
                "scylladb.keyspace": keyspace,
                "scylladb.keyspace.create.enabled": "false",
                "scylladb.consistency.level": "ONE",
            }),
            Self::DataStax => {
                let mapping = format!("topic.q.{keyspace}.q.mapping");
                json!({
                    "connector.class": "com.datastax.oss.kafka.sink.CassandraSinkConnector",
                    "contactPoints": place.host,
                    "port": place.port,
                    "loadBalancing.localDc": "datacenter1",
                    mapping: "id=key.id, v=value.v, u=value.u",
                })
            }
            Self::Lenses => json!({
                "connector.class": "io.lenses.streamreactor.connect.cassandra.CassandraSinkConnector",
                "connect.cassandra.contact.points": place.host,
                "connect.cassandra.port": place.port,
                "connect.cassandra.kcql": format!("INSERT INTO {keyspace}.q SELECT _key.id AS id, v, u FROM q"),
            }),
        }
    }

    fn config(self, place: &Place, changed: &[(&str, &str)]) -> Value {
        let mut config = self.options(place);
        let stages = [
            ("topics", "q"),
            ("key.converter", "Json"),
            ("key.converter.schemas.enable", "false"),
            ("value.converter", "Json"),
            ("value.converter.schemas.enable", "false"),
            (
                "header.converter",
                "org.apache.kafka.connect.converters.BooleanConverter",
            ),
            ("transforms", "cast"),
            (
                "transforms.cast.type",
                "org.apache.kafka.connect.transforms.Cast$Value",
            ),
            ("transforms.cast.spec", "v:int32"),
            ("connect.cassandra.errant.report", "true"),
            ("errors.deadletterqueue.topic.name", "dead"),
        ];
        for (option, value) in stages.iter().chain(changed) {
            config[*option] = json!(value);
        }
        config
    }
}

/// A record that fails in each stage, and the stage.
fn poison() -> [(&'static str, Value); 5] {
    let key = json!({ "id": 7 }).to_string();
    let good = json!({ "v": 7, "u": 7 }).to_string();
    // What is not there, and what nobody has a column for.
    let lacking = json!({ "v": 1, "x": 1 }).to_string();
    let headers = json!([["h", { "base64": "AQ==" }]]);
    [
        (
            "KEY_CONVERTER",
            json!({ "key": "{", "value": good, "headers": headers }),
        ),
        (
            "VALUE_CONVERTER",
            json!({ "key": key, "value": { "base64": "/wB7" }, "headers": headers }),
        ),
        (
            "HEADER_CONVERTER",
            json!({ "key": key, "value": good, "headers": [["h", { "base64": "AAE=" }]] }),
        ),
        (
            "TRANSFORMATION",
            json!({ "key": key, "value": json!({ "v": "x" }).to_string(), "headers": headers }),
        ),
        (
            "TASK_PUT",
            json!({ "key": key, "value": lacking, "headers": headers }),
        ),
    ]
}

async fn stages(name: &str) -> Option<(Place, tempfile::TempDir, Worker, Vec<Value>)> {
    let place = Place::new(name).await?;
    place
        .run("CREATE TABLE KS.q (id int PRIMARY KEY, v int, u int)")
        .await;
    let dir = tempfile::tempdir().unwrap();
    let worker = Worker::up(dir.path());
    let good = |id: i32| {
        let (key, value) = (json!({ "id": id }), json!({ "v": id, "u": id }));
        json!({ "key": key.to_string(), "value": value.to_string(), "headers": [["h", { "base64": "AA==" }]] })
    };
    let mut records = vec![good(100)];
    for (index, (_, record)) in (101..).zip(poison()) {
        records.extend([record, good(index)]);
    }
    worker.produce("q", &Value::Array(records));
    let consumed = worker.records("q");
    assert_eq!(consumed.len(), 11);
    Some((place, dir, worker, consumed))
}

async fn check_rows(place: &Place) {
    let rows = place
        .until("SELECT JSON id, v, u FROM KS.q", |rows| rows.len() == 6)
        .await;
    for row in rows {
        assert_eq!((&row["v"], &row["u"]), (&row["id"], &row["id"]));
    }
}

async fn all_is_tolerated(name: &str, sink: Sink) {
    let Some((place, _dir, worker, consumed)) = stages(name).await else {
        return;
    };
    worker.make("all", &sink.config(&place, &[("errors.tolerance", "all")]));
    let books = worker
        .until_sink("all", |sink| sink["lag"] == 0 && sink["written"] == 6)
        .await;
    assert_eq!(books["dead_lettered"], 5);
    check_rows(&place).await;
    let letters = worker.records("dead");
    assert_eq!(letters.len(), 5);
    for (index, ((stage, _), letter)) in poison().iter().zip(&letters).enumerate() {
        let offset = 2 * index + 1;
        same(letter, &consumed[offset]);
        assert_eq!(context(letter, "stage"), stage);
        assert_eq!(context(letter, "offset"), &json!(offset.to_string()));
    }
}

async fn nothing_is_tolerated(name: &str, sink: Sink) {
    let Some((place, _dir, worker, consumed)) = stages(name).await else {
        return;
    };
    worker.make("none", &sink.config(&place, &[]));
    for (index, (stage, _)) in poison().iter().enumerate() {
        let offset = 2 * index + 1;
        let at = format!("record {offset} of `q`-0");
        worker.until_trace("none", &at).await;
        same(worker.records("dead").last().unwrap(), &consumed[offset]);
        let offsets = worker.ask("GET", "/connectors/none/offsets", None).1;
        assert_eq!(
            offsets["offsets"][0]["offset"]["kafka_offset"], offset,
            "{stage}: no offset passes a failure"
        );
        // A person steps over it, and the task goes on with the next.
        worker.go_on_at("none", "q", offset + 1);
    }
    check_rows(&place).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn poison_of_every_stage_is_kept_by_scyllas_sink_where_all_is_tolerated() {
    all_is_tolerated("poison_scylla_all", Sink::Scylla).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn poison_of_every_stage_stops_scyllas_sink_where_nothing_is_tolerated() {
    nothing_is_tolerated("poison_scylla_none", Sink::Scylla).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn poison_of_every_stage_is_kept_by_data_staxs_sink_where_all_is_tolerated() {
    all_is_tolerated("poison_datastax_all", Sink::DataStax).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn poison_of_every_stage_stops_data_staxs_sink_where_nothing_is_tolerated() {
    nothing_is_tolerated("poison_datastax_none", Sink::DataStax).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn poison_of_every_stage_is_kept_by_lenses_newer_sink_where_all_is_tolerated() {
    all_is_tolerated("poison_lenses_all", Sink::Lenses).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn poison_of_every_stage_stops_lenses_newer_sink_where_nothing_is_tolerated() {
    nothing_is_tolerated("poison_lenses_none", Sink::Lenses).await;
}
