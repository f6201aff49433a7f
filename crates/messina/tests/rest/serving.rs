//! Where and whom the API answers, what it refuses to read, and the levels of loggers.

use serde_json::json;

use super::worker::{Answer, TABLES, Worker};

#[test]
fn loggers_are_where_the_worker_says_and_topics_are_told_where_they_are_tracked() {
    let dir = tempfile::tempdir().unwrap();
    let lines = "listeners=http://127.0.0.1:0\nadmin.listeners=http://127.0.0.1:0\ntopic.tracking.allow.reset=false\n";
    let mut worker = Worker::standalone(dir.path(), TABLES, lines);
    let loggers = worker.address("loggers");
    let message = |answer: &Answer| answer.body.as_ref().unwrap()["message"].clone();
    let status = |worker: &Worker, path: &str| worker.ask("GET", path, None).status;
    assert_eq!(status(&worker, "/admin/loggers"), 404);
    assert_eq!(status(&worker, "/connectors/x/topics"), 200);
    let reset = worker.ask("PUT", "/connectors/x/topics/reset", None);
    assert_eq!(reset.status, 403);
    assert_eq!(message(&reset), "Topic tracking reset is disabled.");
    worker.rest = loggers;
    assert_eq!(status(&worker, "/admin/loggers"), 200);
    assert_eq!(status(&worker, "/connectors"), 404);
    assert_eq!(status(&worker, "/"), 404);
    worker.stop();
    let lines = "admin.listeners=\ntopic.tracking.enable=false\n";
    let worker = Worker::standalone(dir.path(), TABLES, lines);
    assert_eq!(status(&worker, "/admin/loggers"), 404);
    let topics = worker.ask("GET", "/connectors/x/topics", None);
    assert_eq!(
        (topics.status, message(&topics)),
        (403, json!("Topic tracking is disabled."))
    );
}

#[test]
fn passwords_are_asked_for_as_kafka_connects_own_extension_does() {
    let dir = tempfile::tempdir().unwrap();
    let users = dir.path().join("users.properties");
    std::fs::write(&users, "ann=s3cret\n").unwrap();
    let jaas = format!(
        "KafkaConnect {{ org.apache.kafka.connect.rest.basic.auth.extension.PropertyFileLoginModule required \
         file=\"{}\"; }};",
        users.display()
    );
    std::fs::write(dir.path().join("jaas"), jaas).unwrap();
    let lines = "rest.extension.classes=org.apache.kafka.connect.rest.basic.auth.extension.BasicAuthSecurityRestExtension\n";
    let worker = Worker::standalone(dir.path(), TABLES, lines);
    let asked = |authorization: &[(&str, &str)]| {
        let answer = worker.ask_with("GET", "/connectors", None, authorization);
        (answer.status, answer.body.unwrap())
    };
    let refused = json!({ "error_code": 401, "message": "User cannot access the resource." });
    assert_eq!(asked(&[]), (401, refused.clone()));
    // ann:wrong
    assert_eq!(
        asked(&[("Authorization", "Basic YW5uOndyb25n")]),
        (401, refused)
    );
    // ann:s3cret
    let let_in = asked(&[("Authorization", "Basic YW5uOnMzY3JldA==")]);
    assert_eq!(let_in, (200, json!([])));
}

#[test]
fn what_is_too_large_too_foreign_or_too_slow_is_refused() {
    use std::io::{Read, Write};
    let dir = tempfile::tempdir().unwrap();
    let worker = Worker::start(dir.path(), TABLES);
    let huge = json!({ "name": "a", "config": { "x": "y".repeat(2 << 20) } });
    assert_eq!(worker.ask("POST", "/connectors", Some(&huge)).status, 413);
    let foreign = worker.ask_with(
        "GET",
        "/connectors",
        None,
        &[("Origin", "http://evil.example")],
    );
    assert_eq!(foreign.status, 403);
    let rebound = worker.ask_with("GET", "/connectors", None, &[("Host", "evil.example")]);
    assert_eq!(rebound.status, 403);
    let mut socket =
        std::net::TcpStream::connect(worker.rest.trim_start_matches("http://")).unwrap();
    socket
        .write_all(b"GET / HTTP/1.1\r\nHost: localhost\r\nX: ")
        .unwrap();
    let filler = vec![b'x'; 1 << 20];
    // It may close while we still write.
    drop(socket.write_all(&filler));
    let mut answer = Vec::new();
    drop(socket.read_to_end(&mut answer));
    let answer = String::from_utf8_lossy(&answer);
    assert!(
        answer.is_empty() || answer.starts_with("HTTP/1.1 431"),
        "{answer}"
    );
    assert_eq!(worker.ask("GET", "/connectors", None).status, 200);
}

#[test]
fn a_level_that_is_set_is_told() {
    let dir = tempfile::tempdir().unwrap();
    let worker = Worker::start(dir.path(), TABLES);
    let root = worker.ask("GET", "/admin/loggers", None).body.unwrap();
    assert_eq!(
        root,
        json!({ "root": { "level": "INFO", "last_modified": null } })
    );
    let path = "/admin/loggers/messina.sink";
    let set = worker.ask("PUT", path, Some(&json!({ "level": "debug" })));
    assert_eq!((set.status, set.body), (200, Some(json!(["messina.sink"]))));
    let level = worker.ask("GET", path, None).body.unwrap();
    assert_eq!(level["level"], "DEBUG");
    assert!(level["last_modified"].is_i64());
    assert_eq!(
        worker
            .ask("PUT", path, Some(&json!({ "level": "LOUD" })))
            .status,
        404
    );
    assert_eq!(worker.ask("PUT", path, Some(&json!({}))).status, 400);
    assert_eq!(worker.ask("GET", "/admin/loggers/none", None).status, 404);
    let cluster = worker.ask(
        "PUT",
        &format!("{path}?scope=cluster"),
        Some(&json!({ "level": "INFO" })),
    );
    assert_eq!(cluster.status, 204);
}
