//! Connectors that read and write: offsets that are moved, records that fail, variables that are resolved.

use serde_json::{Value, json};

use super::worker::{TABLES, Worker, sink, until};

#[test]
fn offsets_that_are_altered_are_read_again_from_there() {
    let dir = tempfile::tempdir().unwrap();
    let worker = Worker::start(dir.path(), TABLES);
    worker.topic();
    worker.produce(0..10);
    let body = json!({ "name": "a", "config": sink(), "initial_state": "STOPPED" });
    worker.ask("POST", "/connectors", Some(&body));
    let partition = json!({ "kafka_topic": "rest-readings", "kafka_partition": 0 });
    let at = |offset: Value| json!({ "offsets": [{ "partition": partition, "offset": offset }] });
    let altered = worker.ask(
        "PATCH",
        "/connectors/a/offsets",
        Some(&at(json!({ "kafka_offset": 7 }))),
    );
    assert_eq!(altered.status, 200);
    worker.ask("PUT", "/connectors/a/resume", None);
    until("the last three", || worker.rows() == 3);
    worker.ask("PUT", "/connectors/a/stop", None);
    assert_eq!(
        worker.ask("DELETE", "/connectors/a/offsets", None).status,
        200
    );
    worker.ask("PUT", "/connectors/a/resume", None);
    until("all ten", || worker.rows() == 10);
}

#[test]
fn the_topic_of_statuses_says_nothing_of_tasks_that_are_gone() {
    let dir = tempfile::tempdir().unwrap();
    let worker = Worker::start(dir.path(), TABLES);
    worker.topic();
    let said = |key: &str| worker.statuses().get(key).map(|own| own["state"].clone());
    for (connector, method, path) in [
        (Some("STOPPED"), "PUT", "/connectors/a/stop"),
        (Some("PAUSED"), "PUT", "/connectors/a/pause"),
        (None, "DELETE", "/connectors/a"),
    ] {
        worker.ask("PUT", "/connectors/a/config", Some(&sink()));
        worker.ask("PUT", "/connectors/a/resume", None);
        until("the task is told of", || {
            said("status-task-a-0") == Some(json!("RUNNING"))
        });
        let done = worker.ask(method, path, None);
        assert!(done.status < 300, "{done:?}");
        let task = (connector == Some("PAUSED")).then(|| json!("PAUSED"));
        assert_eq!(said("status-task-a-0"), task, "{path}");
        assert_eq!(
            said("status-connector-a"),
            connector.map(|state| json!(state)),
            "{path}"
        );
    }
}

#[test]
fn offsets_are_not_touched_where_the_group_that_has_them_cannot_be_told() {
    let dir = tempfile::tempdir().unwrap();
    let secrets = dir.path().join("secrets");
    std::fs::write(&secrets, "group=mine\n").unwrap();
    let config = format!("{TABLES}\n[rest]\nconfig_providers = [\"file\"]\n");
    let worker = Worker::start(dir.path(), &config);
    worker.topic();
    worker.produce(0..10);
    let mut options = sink();
    let group = format!("${{file:{}:group}}", secrets.display());
    options["consumer.override.group.id"] = json!(group);
    worker.ask("PUT", "/connectors/a/config", Some(&options));
    until("ten rows", || worker.rows() == 10);
    worker.ask("PUT", "/connectors/a/stop", None);
    std::fs::remove_file(&secrets).unwrap();
    let partition = json!({ "kafka_topic": "rest-readings", "kafka_partition": 0 });
    let offsets = json!({ "kafka_offset": 5 });
    let altered = json!({ "offsets": [{ "partition": partition, "offset": offsets }] });
    for (method, body) in [("GET", None), ("PATCH", Some(&altered)), ("DELETE", None)] {
        let refused = worker.ask(method, "/connectors/a/offsets", body);
        assert_eq!(refused.status, 400, "{method}: {refused:?}");
        let text = refused.body.unwrap().to_string();
        assert!(text.contains("consumer.override.group.id"), "{text}");
    }
    std::fs::write(&secrets, "group=mine\n").unwrap();
    let offset = || {
        let offsets = worker.ask("GET", "/connectors/a/offsets", None).body;
        offsets.unwrap()["offsets"][0]["offset"]["kafka_offset"].clone()
    };
    assert_eq!(offset(), 10);
    let reset = worker.ask("DELETE", "/connectors/a/offsets", None);
    assert_eq!(reset.status, 200, "{reset:?}");
    assert_eq!(offset(), json!(null));
}

#[test]
fn a_record_that_fails_the_task_is_told_and_a_restart_goes_on_from_there() {
    let dir = tempfile::tempdir().unwrap();
    let worker = Worker::start(dir.path(), TABLES);
    worker.topic();
    worker.produce(0..3);
    let record = json!({ "topic": "rest-readings", "records": [{ "value": "no JSON" }] });
    worker.admin("/api/produce", &record);
    worker.produce(3..6);
    worker.ask("PUT", "/connectors/a/config", Some(&sink()));
    until("the task failed", || worker.states("a") == "RUNNING FAILED");
    let status = worker
        .ask("GET", "/connectors/a/status", None)
        .body
        .unwrap();
    let trace = status["tasks"][0]["trace"].as_str().unwrap().to_owned();
    assert!(trace.contains("record 3 of `rest-readings`-0"), "{trace}");
    assert_eq!(worker.rows(), 3);
    let restarted = worker.ask(
        "POST",
        "/connectors/a/restart?includeTasks=true&onlyFailed=true",
        None,
    );
    assert_eq!(restarted.status, 202);
    assert_eq!(restarted.body.unwrap()["tasks"][0]["state"], "RESTARTING");
    until("it failed again", || worker.states("a") == "RUNNING FAILED");
    let mut tolerant = sink();
    tolerant["errors.tolerance"] = json!("all");
    worker.ask("PUT", "/connectors/a/config", Some(&tolerant));
    until("the others", || worker.rows() == 6);
}

#[test]
fn variables_are_resolved_for_the_sink_and_shown_unresolved() {
    let dir = tempfile::tempdir().unwrap();
    let config = format!("{TABLES}\n[rest]\nconfig_providers = [\"env\"]\n");
    let worker = Worker::start(dir.path(), &config);
    worker.topic();
    worker.produce(0..4);
    let mut options = sink();
    options["topics"] = json!("${env:REST_TEST_TOPIC}");
    let made = worker.ask("PUT", "/connectors/a/config", Some(&options));
    assert_eq!(made.status, 201, "{made:?}");
    assert_eq!(
        made.body.unwrap()["config"]["topics"],
        "${env:REST_TEST_TOPIC}"
    );
    until("four rows", || worker.rows() == 4);
    options["topics"] = json!("${env:REST_TEST_NONE}");
    let refused = worker.ask("PUT", "/connectors/b/config", Some(&options));
    assert_eq!(refused.status, 400);
    let text = refused.body.unwrap().to_string();
    assert!(
        text.contains("the environment has no `REST_TEST_NONE`"),
        "{text}"
    );
}
