//! What is there again after a stop and after `kill -9`.

use serde_json::json;

use super::worker::{TABLES, Worker, sink, until};

#[test]
fn connectors_made_by_requests_are_there_and_as_wanted_after_a_stop_and_after_kill_9() {
    let dir = tempfile::tempdir().unwrap();
    let mut worker = Worker::start(dir.path(), TABLES);
    worker.topic();
    for (name, state) in [
        ("runs", "RUNNING"),
        ("pauses", "RUNNING"),
        ("stops", "STOPPED"),
        ("goes", "RUNNING"),
    ] {
        let body = json!({ "name": name, "config": sink(), "initial_state": state });
        assert_eq!(worker.ask("POST", "/connectors", Some(&body)).status, 201);
    }
    assert_eq!(
        worker.ask("PUT", "/connectors/pauses/pause", None).status,
        202
    );
    assert_eq!(worker.ask("DELETE", "/connectors/goes", None).status, 204);
    worker.produce(0..10);
    until("ten rows", || worker.rows() == 10);
    let mut changed = sink();
    changed["errors.tolerance"] = json!("all");
    assert_eq!(
        worker
            .ask("PUT", "/connectors/runs/config", Some(&changed))
            .status,
        200
    );
    for kill in [true, false, true] {
        if kill {
            worker.kill();
        } else {
            worker.stop();
        }
        worker = Worker::start(dir.path(), TABLES);
        assert_eq!(
            worker.ask("GET", "/connectors", None).body,
            Some(json!(["pauses", "runs", "stops"]))
        );
        until("the states of before", || {
            worker.states("runs") == "RUNNING RUNNING"
        });
        assert_eq!(worker.states("pauses"), "PAUSED PAUSED");
        assert_eq!(worker.states("stops"), "STOPPED ");
        let config = worker
            .ask("GET", "/connectors/runs/config", None)
            .body
            .unwrap();
        assert_eq!(config["errors.tolerance"], "all");
    }
    worker.produce(10..20);
    until("twenty rows", || worker.rows() == 20);
}

#[test]
fn sinks_of_the_configuration_are_listed_and_paused_but_neither_changed_nor_deleted() {
    let dir = tempfile::tempdir().unwrap();
    let worker = Worker::start(dir.path(), "");
    let names = worker.ask("GET", "/connectors", None).body.unwrap();
    assert_eq!(names, json!(["brightness", "readings", "temperature"]));
    for (method, path, body) in [
        ("DELETE", "/connectors/readings", None),
        (
            "PATCH",
            "/connectors/readings/config",
            Some(json!({ "errors.tolerance": "all" })),
        ),
    ] {
        let refused = worker.ask(method, path, body.as_ref());
        assert_eq!(refused.status, 403);
        let message = refused.body.unwrap()["message"]
            .as_str()
            .unwrap()
            .to_owned();
        assert!(message.contains("[[sink]]"), "{message}");
    }
    assert_eq!(
        worker.ask("PUT", "/connectors/readings/pause", None).status,
        202
    );
    assert_eq!(worker.states("readings"), "PAUSED PAUSED");
    worker.kill();
    let worker = Worker::start(dir.path(), "");
    assert_eq!(worker.states("readings"), "PAUSED PAUSED");
    worker.ask("PUT", "/connectors/readings/resume", None);
    until("it runs", || worker.states("readings") == "RUNNING RUNNING");
}
