//! `messina connect-standalone` on the Kafka that its worker's file names.

use serde_json::{Value, json};

use super::place::{Place, until};
use super::worker::{Worker, properties};

#[test]
fn connect_standalone_reads_the_kafka_its_file_names_with_as_many_tasks_as_are_asked_for() {
    let Some(place) = Place::new("standalone") else {
        return;
    };
    place.create_topic(&place.topic("readings"), 2, "delete");
    let file = place.path().join("sink.json");
    let name = place.topic("meters");
    let connector = json!({ "name": name, "config": place.connector(2) });
    std::fs::write(&file, connector.to_string()).unwrap();
    let mut command = Worker::standalone(&place, &properties(&place), &file);
    let worker = Worker::run(&place, "standalone", &mut command);
    assert_ne!(worker.get("/")["kafka_cluster_id"], "embedded");
    let both_run = || worker.states(&name) == "RUNNING RUNNING,RUNNING";
    until("both tasks run", both_run);
    place.produce(0..100, 1.0);
    until("all rows are there", || place.rows() == 100);
    let offsets = place.connector_path("meters", "/offsets");
    let total = || -> i64 {
        let offsets = worker.get(&offsets)["offsets"].as_array().unwrap().clone();
        let offset = |own: &Value| own["offset"]["kafka_offset"].as_i64().unwrap();
        offsets.iter().map(offset).sum()
    };
    until("everything is committed", || total() == 100);
    tasks_of_a_request(&place, &worker);
    let stop = place.connector_path("meters", "/stop");
    assert_eq!(worker.ask("PUT", &stop, None).0, 204);
    assert_eq!(worker.states(&name), "STOPPED ");
    until("its offsets can be reset", || {
        worker.ask("DELETE", &offsets, None).0 == 200
    });
    assert_eq!(worker.get(&offsets), json!({ "offsets": [] }));
    let resume = place.connector_path("meters", "/resume");
    assert_eq!(worker.ask("PUT", &resume, None).0, 202);
    until("both tasks run again", both_run);
    worker.stop();
}

/// A connector made by a request has as many tasks as it asks for, each for itself, and others when it is changed.
fn tasks_of_a_request(place: &Place, worker: &Worker) {
    let name = place.topic("others");
    let path = |rest: &str| place.connector_path("others", rest);
    assert_eq!(
        worker
            .ask("PUT", &path("/config"), Some(&place.connector(3)))
            .0,
        201
    );
    until("three tasks run", || {
        worker.states(&name) == "RUNNING RUNNING,RUNNING,RUNNING"
    });
    let tasks = worker.get(&path("/tasks")).as_array().unwrap().len();
    assert_eq!(tasks, 3);
    let restart = path("/tasks/2/restart");
    assert_eq!(worker.ask("POST", &restart, None).0, 204);
    assert_eq!(worker.ask("POST", &path("/tasks/3/restart"), None).0, 404);
    assert_eq!(
        worker
            .ask("PUT", &path("/config"), Some(&place.connector(1)))
            .0,
        200
    );
    until("one task runs", || {
        worker.states(&name) == "RUNNING RUNNING"
    });
    let mut config = place.connector(1);
    config["tasks.max"] = json!("1001");
    let (status, said) = worker.ask("PUT", &path("/config"), Some(&config));
    assert_eq!(status, 400, "{said}");
    assert_eq!(worker.ask("DELETE", &path(""), None).0, 204);
    assert_eq!(worker.ask("GET", &path("/status"), None).0, 404);
}
