//! `messina check --sample --connect`: what a record becomes in the cluster's own tables, without writing it; and nodes
//! that are reached by other addresses than they tell.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::json;

use crate::place::Place;
use crate::worker::Worker;

/// What `check` prints of a connector's file and a sample.
fn check(dir: &Path, options: &[(&str, &str)], sample: &str, connect: bool) -> String {
    check_with(dir, &[], options, sample, connect)
}

/// The same with other files besides.
fn check_with(
    dir: &Path,
    files: &[&str],
    options: &[(&str, &str)],
    sample: &str,
    connect: bool,
) -> String {
    let lines: Vec<String> = [&[("name", "c")], options]
        .concat()
        .iter()
        .map(|(option, value)| format!("{option}={value}\n"))
        .collect();
    std::fs::write(dir.join("c.properties"), lines.concat()).unwrap();
    std::fs::write(dir.join("sample.json"), sample).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_messina"));
    command
        .args(["check", "c.properties", "--sample", "sample.json"])
        .args(files)
        .current_dir(dir)
        .env("NO_COLOR", "1");
    if connect {
        command.arg("--connect");
    }
    let output = command.output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    text(&output.stdout) + &text(&output.stderr)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sample_is_shown_with_the_types_the_cluster_has_and_nothing_is_written() {
    let Some(place) = Place::new("sample").await else {
        return;
    };
    place
        .run("CREATE TABLE KS.t (id int PRIMARY KEY, v double, tags set<text>)")
        .await;
    place
        .run("CREATE TABLE KS.c (id int PRIMARY KEY, n counter)")
        .await;
    let dir = tempfile::tempdir().unwrap();
    let keyspace = place.keyspace.as_str();
    let (mapping, counters) = (
        format!("topic.t.{keyspace}.t.mapping"),
        format!("topic.t.{keyspace}.c.mapping"),
    );
    let base = [
        (
            "connector.class",
            "com.datastax.oss.kafka.sink.CassandraSinkConnector",
        ),
        ("topics", "t"),
        ("contactPoints", place.host.as_str()),
        ("port", place.port.as_str()),
        ("loadBalancing.localDc", "datacenter1"),
        ("value.converter", "String"),
        (mapping.as_str(), "id=key, v=value.v, tags=value.tags"),
        (counters.as_str(), "id=key, n=value.n"),
    ];
    let sample = r#"{"key": "7", "value": {"v": "2.5", "tags": ["a"], "n": 3}, "timestamp": 1}"#;
    let shown = check(dir.path(), &base, sample, true);
    for line in [
        "-- sink `c`, topic `t`".to_owned(),
        format!(
            "INSERT INTO {keyspace}.t (id, tags, v) VALUES (7, {{'a'}}, 2.5) USING TIMESTAMP 1000;"
        ),
        format!("UPDATE {keyspace}.c SET n = n + 3 WHERE id = 7;"),
    ] {
        assert!(
            shown.lines().any(|own| own == line),
            "{line} is not in {shown}"
        );
    }
    let deleted = check(dir.path(), &base, r#"{"key": "7", "value": null}"#, true);
    let line = format!("DELETE FROM {keyspace}.t WHERE id = 7;");
    assert!(deleted.contains(&line), "{deleted}");
    let wrong = check(
        dir.path(),
        &base,
        r#"{"key": "x", "value": {"v": 1, "tags": [], "n": 1}}"#,
        true,
    );
    assert!(
        wrong.contains("-- dead letter: TASK_PUT") && wrong.contains("column `id` of table `t`"),
        "{wrong}"
    );
    assert!(place.rows("SELECT JSON * FROM KS.t").await.is_empty());
    place.run("DROP TABLE KS.c").await;
    let missing = check(dir.path(), &base, sample, true);
    assert!(missing.contains("has no table `c`"), "{missing}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sample_is_shown_with_what_variables_stand_for_and_the_workers_converters() {
    let Some(place) = Place::new("sample_worker").await else {
        return;
    };
    place
        .run("CREATE TABLE KS.t (id int PRIMARY KEY, v double)")
        .await;
    let dir = tempfile::tempdir().unwrap();
    let worker = "key.converter=String\nvalue.converter=Json\nvalue.converter.schemas.enable=false\n\
                  bootstrap.servers=127.0.0.1:1\nconfig.providers=file\n\
                  config.providers.file.class=FileConfigProvider\n";
    std::fs::write(dir.path().join("worker.properties"), worker).unwrap();
    let mapping = format!("topic.t.{}.t.mapping", place.keyspace);
    let options = [
        (
            "connector.class",
            "com.datastax.oss.kafka.sink.CassandraSinkConnector",
        ),
        ("topics", "t"),
        ("contactPoints", "${file:cluster:host}"),
        ("port", place.port.as_str()),
        ("loadBalancing.localDc", "datacenter1"),
        (mapping.as_str(), "id=key, v=value.v"),
    ];
    let sample = r#"{"key": "7", "value": {"v": 2.5}, "timestamp": 1}"#;
    let shown = || check_with(dir.path(), &["worker.properties"], &options, sample, true);
    let unread = shown();
    assert!(
        unread.contains("error: sink `c`") && unread.contains("cannot read `cluster`"),
        "{unread}"
    );
    let cluster = format!("host={}\n", place.host);
    std::fs::write(dir.path().join("cluster"), cluster).unwrap();
    let row = format!(
        "INSERT INTO {}.t (id, v) VALUES (7, 2.5) USING TIMESTAMP 1000;",
        place.keyspace
    );
    let read = shown();
    assert!(read.lines().any(|line| line == row), "{row}: {read}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sample_of_scyllas_sink_shows_the_table_that_would_be_made() {
    let Some(place) = Place::new("sample_scylla").await else {
        return;
    };
    let dir = tempfile::tempdir().unwrap();
    let options = [
        (
            "connector.class",
            "io.connect.scylladb.ScyllaDbSinkConnector",
        ),
        ("topics", "site.readings"),
        ("scylladb.contact.points", place.host.as_str()),
        ("scylladb.port", place.port.as_str()),
        ("scylladb.keyspace", place.keyspace.as_str()),
        ("key.converter", "Json"),
        ("value.converter", "Json"),
    ];
    let of = |fields: serde_json::Value, payload: serde_json::Value| json!({ "schema": { "type": "struct", "fields": fields }, "payload": payload });
    let key = of(
        json!([{ "field": "id", "type": "int64" }]),
        json!({ "id": 1 }),
    );
    let value = of(
        json!([{ "field": "v", "type": "double" }]),
        json!({ "v": 2.5 }),
    );
    let sample = json!({ "key": key, "value": value }).to_string();
    let shown = check(dir.path(), &options, &sample, true);
    assert!(
        shown.contains("-- its table is created first")
            && shown.contains(&format!(
                "CREATE TABLE {}.site_readings (\n    id bigint,\n    v double,",
                place.keyspace
            )),
        "{shown}"
    );
    assert!(
        place
            .try_run("SELECT * FROM KS.site_readings")
            .await
            .is_err()
    );
    let sketched = check(dir.path(), &options, &sample, false);
    assert!(
        sketched.contains(&format!(
            "INSERT INTO {}.site_readings (v, id) VALUES (2.5, 1) USING TIMESTAMP 0;",
            place.keyspace
        )),
        "{sketched}"
    );
}

/// Passes connections on to the cluster; gives the port, and how many there were.
fn passing_on(to: String) -> (u16, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let count = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&count);
    let pump = |mut from: TcpStream, mut to: TcpStream| {
        std::thread::spawn(move || {
            let mut bytes = [0; 16 * 1024];
            while let Ok(read @ 1..) = from.read(&mut bytes) {
                if to.write_all(&bytes[..read]).is_err() {
                    break;
                }
            }
            drop(to.shutdown(Shutdown::Both));
        });
    };
    std::thread::spawn(move || {
        for client in listener.incoming().map_while(Result::ok) {
            counted.fetch_add(1, Ordering::SeqCst);
            let server = TcpStream::connect(&to).unwrap();
            pump(client.try_clone().unwrap(), server.try_clone().unwrap());
            pump(server, client);
        }
    });
    (port, count)
}

#[tokio::test(flavor = "multi_thread")]
async fn nodes_are_reached_by_the_addresses_a_map_gives_for_those_they_tell() {
    let Some(place) = Place::new("addresses").await else {
        return;
    };
    place
        .run("CREATE TABLE KS.t (id bigint PRIMARY KEY, v bigint)")
        .await;
    let own = format!("{}:{}", place.host, place.port);
    let (port, count) = passing_on(own.clone());
    let mut map = serde_json::Map::new();
    map.insert(own, json!(format!("127.0.0.1:{port}")));
    let dir = tempfile::tempdir().unwrap();
    let worker = Worker::up(dir.path());
    let config = json!({
        "connector.class": "io.connect.scylladb.ScyllaDbSinkConnector",
        "topics": "t",
        "scylladb.contact.points": serde_json::Value::Object(map).to_string(),
        "scylladb.keyspace": place.keyspace,
        "scylladb.keyspace.create.enabled": "false",
        "scylladb.consistency.level": "ONE",
        "key.converter": "Json", "key.converter.schemas.enable": "false",
        "value.converter": "Json", "value.converter.schemas.enable": "false",
    });
    worker.make("through", &config);
    worker.produce(
        "t",
        &json!([{ "key": "{\"id\": 1}", "value": "{\"v\": 1}" }]),
    );
    worker
        .until_sink("through", |sink| sink["written"] == 1)
        .await;
    // The first is the one that asks for the cluster's nodes; all others are to the address a node tells.
    assert!(count.load(Ordering::SeqCst) >= 2);
}
