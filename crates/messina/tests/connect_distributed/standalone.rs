//! `messina connect-standalone` on the Kafka that its worker's file names.

use serde_json::{Value, json};

use super::place::{Place, until};
use super::worker::{Worker, properties};

#[test]
fn connect_standalone_reads_the_kafka_its_file_names_and_its_offsets_are_kafkas() {
    let Some(place) = Place::new("standalone") else {
        return;
    };
    place.create_topic(&place.topic("readings"), 2, "delete");
    let file = place.path().join("sink.json");
    let connector = json!({ "name": place.topic("meters"), "config": place.connector(1) });
    std::fs::write(&file, connector.to_string()).unwrap();
    let mut command = Worker::standalone(&place, &properties(&place), &file);
    let worker = Worker::run(&place, "standalone", &mut command);
    assert_ne!(worker.get("/")["kafka_cluster_id"], "embedded");
    place.produce(0..100, 1.0);
    until("all rows are there", || place.rows() == 100);
    let path = place.connector_path("meters", "/offsets");
    let total = || -> i64 {
        let offsets = worker.get(&path)["offsets"].as_array().unwrap().clone();
        let offset = |own: &Value| own["offset"]["kafka_offset"].as_i64().unwrap();
        offsets.iter().map(offset).sum()
    };
    until("everything is committed", || total() == 100);
    let stop = place.connector_path("meters", "/stop");
    assert_eq!(worker.ask("PUT", &stop, None).0, 204);
    until("its offsets can be reset", || {
        worker.ask("DELETE", &path, None).0 == 200
    });
    assert_eq!(worker.get(&path), json!({ "offsets": [] }));
    worker.stop();
}
