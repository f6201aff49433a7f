//! `messina connect-standalone` with files in the shape of the originals, unchanged, and with wrong ones.
#![expect(clippy::unwrap_used, reason = "a test may fail loudly")]

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

use serde_json::{Value, json};

fn original(name: &str) -> PathBuf {
    let here = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    here.join("src/config/testdata").join(name)
}

fn standalone(dir: &Path, files: &[&Path]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_messina"));
    command
        .arg("connect-standalone")
        .arg("--embedded")
        .args(files);
    command.arg("--data").arg(dir.join("data"));
    for setting in ["gateway.listen", "admin.listen", "rest.listen"] {
        command.args(["--set", &format!("{setting}=127.0.0.1:0")]);
    }
    command.current_dir(dir).env("NO_COLOR", "1");
    command
}

/// Runs it to its end; it must not start.
fn refused(dir: &Path, files: &[&Path]) -> String {
    let Output { status, stderr, .. } = standalone(dir, files).output().unwrap();
    let said = String::from_utf8(stderr).unwrap();
    assert_eq!(status.code(), Some(3), "{said}");
    said.replace(&dir.display().to_string(), "DIR")
}

struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

fn get(url: &str) -> Value {
    let mut answer = ureq::get(url).call().unwrap();
    serde_json::from_str(&answer.body_mut().read_to_string().unwrap()).unwrap()
}

fn post(url: &str, body: &Value) -> Value {
    let mut answer = ureq::post(url).send_json(body).unwrap();
    serde_json::from_str(&answer.body_mut().read_to_string().unwrap()).unwrap()
}

#[test]
fn the_demos_connector_file_without_a_cluster_writes_to_the_embedded_tables_and_is_listed() {
    let dir = tempfile::tempdir().unwrap();
    let worker = original("connect-standalone.properties");
    let text = std::fs::read_to_string(original("cassandra-sink.properties")).unwrap();
    let cluster = |line: &&str| line.contains("contact.points") || line.contains(".port");
    let lines: Vec<&str> = text.lines().filter(|line| !cluster(line)).collect();
    let sink = dir.path().join("cassandra-sink.properties");
    std::fs::write(&sink, lines.join("\n")).unwrap();
    let mut command = standalone(dir.path(), &[&worker, &sink]);
    let child = command.stdout(Stdio::piped()).stderr(Stdio::null());
    let mut running = Running(child.spawn().unwrap());
    let mut lines = BufReader::new(running.0.stdout.take().unwrap()).lines();
    let mut address = |word: &str| {
        let mut lines = lines.by_ref().map_while(Result::ok);
        let line = lines.find(|line| line.starts_with(word)).unwrap();
        let url = line.split_whitespace().last().unwrap().to_owned();
        url.split('/').take(3).collect::<Vec<_>>().join("/")
    };
    let (admin, rest) = (address("admin API"), address("connect"));
    assert_eq!(
        get(&format!("{rest}/connectors")),
        json!(["cassandra-sink"])
    );
    let config = get(&format!("{rest}/connectors/cassandra-sink/config"));
    assert_eq!(config["connect.cassandra.key.space"], "demo");
    let value = json!({ "event_id": 99999, "ts": 1_700_000_000_000_i64, "idx": 0, "reading": 2.5 });
    let produce = json!({ "topic": "temperature", "records": [{ "value": value.to_string() }] });
    post(&format!("{admin}/api/produce"), &produce);
    let query = json!({ "sql": "SELECT event_id, reading FROM temperature" });
    for _ in 0..400 {
        if post(&format!("{admin}/api/query"), &query)["rows"] == json!([[99999, 2.5]]) {
            return;
        }
        std::thread::sleep(Duration::from_millis(25));
    }
    panic!(
        "no row: {}",
        get(&format!("{rest}/connectors/cassandra-sink/status"))
    );
}

#[test]
fn the_demos_worker_file_is_read_and_its_avro_converter_refused_with_the_reason() {
    let dir = tempfile::tempdir().unwrap();
    let (worker, sink) = (
        original("connect-avro-distributed.properties"),
        original("cassandra-sink.properties"),
    );
    let said = refused(dir.path(), &[&worker, &sink]);
    let reason = "`io.confluent.connect.avro.AvroConverter` needs a Schema Registry, which is not available yet";
    assert!(said.contains(reason), "{said}");
}

#[test]
fn wrong_files_are_shown_line_by_line_all_at_once() {
    let dir = tempfile::tempdir().unwrap();
    let worker = dir.path().join("worker.properties");
    let sink = dir.path().join("sink.properties");
    let other = dir.path().join("other.json");
    std::fs::write(
        &worker,
        "key.converter=String\nvalue.converter=Json\nlisteners=ftp://:8083\n",
    )
    .unwrap();
    std::fs::write(&sink, "name=a\ntopics=t\nerrors.tolerance=some\nconnect.cassandra.kcql=INSERT INTO none SELECT * FROM t\n").unwrap();
    std::fs::write(&other, "{\"config\": {}}").unwrap();
    let said = refused(dir.path(), &[&worker, &sink, &other]);
    for expected in [
        "worker.properties:3:11",
        "3 | listeners=ftp://:8083",
        "is neither http nor https",
        "sink.properties:3:18",
        "`some` is neither `none` nor `all`",
        "sink.properties:4:",
        "none",
        "other.json` has no `name`",
    ] {
        assert!(said.contains(expected), "{expected} is not in {said}");
    }
}

#[test]
fn passwords_that_are_asked_for_and_named_nowhere_are_refused_with_what_to_write() {
    let dir = tempfile::tempdir().unwrap();
    let worker = dir.path().join("worker.properties");
    let text = "key.converter=String\nvalue.converter=Json\nrest.extension.classes=BasicAuthSecurityRestExtension\n";
    std::fs::write(&worker, text).unwrap();
    let mut command = standalone(dir.path(), &[&worker]);
    let Output { status, stderr, .. } = command.env_remove("KAFKA_OPTS").output().unwrap();
    let said = String::from_utf8(stderr).unwrap();
    assert_eq!(status.code(), Some(3), "{said}");
    let help = "have KAFKA_OPTS say -Djava.security.auth.login.config=FILE, and the file `KafkaConnect { \
                org.apache.kafka.connect.rest.basic.auth.extension.PropertyFileLoginModule required \
                file=\"/etc/users.properties\"; };`";
    assert!(said.contains(help), "{said}");
}

#[test]
fn a_file_of_passwords_that_is_empty_is_found_out_before_anything_is_touched() {
    let dir = tempfile::tempdir().unwrap();
    let [worker, users, jaas] = ["worker", "users", "jaas"].map(|file| dir.path().join(file));
    let text = "key.converter=String\nvalue.converter=Json\nrest.extension.classes=BasicAuthSecurityRestExtension\n";
    std::fs::write(&worker, text).unwrap();
    std::fs::write(&users, "# nobody\n").unwrap();
    let named = format!(
        "KafkaConnect {{ org.apache.kafka.connect.rest.basic.auth.extension.PropertyFileLoginModule required \
         file=\"{}\"; }};",
        users.display()
    );
    std::fs::write(&jaas, named).unwrap();
    let option = format!("-Djava.security.auth.login.config={}", jaas.display());
    let mut command = standalone(dir.path(), &[&worker]);
    let output = command.env("KAFKA_OPTS", option).output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("there is no user in"), "{said}");
    assert!(!dir.path().join("data").exists(), "{said}");
    assert_eq!(String::from_utf8(output.stdout).unwrap(), "");
}

#[test]
fn a_connector_in_json_with_a_secret_in_a_file_is_taken() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("secrets.properties"), "topic=temperature\n").unwrap();
    let worker = dir.path().join("worker.properties");
    let text = "key.converter=String\nvalue.converter=Json\nvalue.converter.schemas.enable=false\nconfig.providers=f\n\
                config.providers.f.class=org.apache.kafka.common.config.provider.FileConfigProvider\n";
    std::fs::write(&worker, text).unwrap();
    let sink = dir.path().join("sink.json");
    let variable = format!("${{f:{}/secrets.properties:topic}}", dir.path().display());
    let config = json!({ "topics": variable, "connect.cassandra.kcql": "INSERT INTO temperature SELECT * FROM temperature" });
    std::fs::write(&sink, json!({ "name": "j", "config": config }).to_string()).unwrap();
    let mut command = standalone(dir.path(), &[&worker, &sink]);
    let child = command.stdout(Stdio::piped()).stderr(Stdio::null());
    let mut running = Running(child.spawn().unwrap());
    let lines = BufReader::new(running.0.stdout.take().unwrap()).lines();
    let mut lines = lines.map_while(Result::ok);
    let line = lines.find(|line| line.starts_with("connect")).unwrap();
    let connectors = line.split_whitespace().last().unwrap();
    assert_eq!(get(&format!("{connectors}/j/config"))["topics"], variable);
    let status = get(&format!("{connectors}/j/status"));
    assert_eq!(status["connector"]["state"], "RUNNING");
}
