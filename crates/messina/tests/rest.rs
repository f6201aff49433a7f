//! Kafka Connect's REST API, as a real worker was recorded to answer, replayed against ours over sockets; and what
//! connectors made by requests are after a restart and after `kill -9`.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may fail loudly, and says what differs"
)]

use std::io::{BufRead, BufReader, Lines};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::Duration;

use serde_json::{Value, json};

const TABLES: &str = r#"
sink = []
route = [{ filter = "meter/#", topic = "meters" }]
table = [{ name = "readings", columns = { id = "bigint" }, partition_key = ["id"] }]
"#;

/// A running `messina up`; dropped, it is killed.
struct Worker {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
    dir: PathBuf,
    rest: String,
    admin: String,
}

impl Drop for Worker {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// What a request was answered.
#[derive(Debug, PartialEq)]
struct Answer {
    status: u16,
    location: Option<String>,
    body: Option<Value>,
}

impl Worker {
    fn start(dir: &Path, config: &str) -> Self {
        Self::start_as(dir, config, &["up"])
    }

    /// `messina connect-standalone` on the embedded log, its file with these lines besides.
    fn standalone(dir: &Path, config: &str, lines: &str) -> Self {
        let file = dir.join("worker.properties");
        let converters =
            "key.converter=String\nvalue.converter=Json\nvalue.converter.schemas.enable=false\n";
        std::fs::write(&file, format!("{converters}{lines}")).unwrap();
        let file = file.to_str().unwrap();
        Self::start_as(dir, config, &["connect-standalone", file, "--embedded"])
    }

    fn start_as(dir: &Path, config: &str, command: &[&str]) -> Self {
        let file = dir.join("messina.toml");
        std::fs::write(&file, config).unwrap();
        let mut child = Command::new(env!("CARGO_BIN_EXE_messina"))
            .args(command)
            .arg("--config")
            .arg(&file)
            .arg("--data")
            .arg(dir.join("data"))
            .args(["--set", "gateway.listen=127.0.0.1:0"])
            .args(["--set", "admin.listen=127.0.0.1:0"])
            .args(["--set", "rest.listen=127.0.0.1:0"])
            .env("NO_COLOR", "1")
            .env("REST_TEST_TOPIC", "rest-readings")
            .env(
                "KAFKA_OPTS",
                format!(
                    "-Xmx1g -Djava.security.auth.login.config={}",
                    dir.join("jaas").display()
                ),
            )
            .stdout(Stdio::piped())
            .stderr(
                std::fs::File::options()
                    .create(true)
                    .append(true)
                    .open(dir.join("log"))
                    .unwrap(),
            )
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut worker = Self {
            child,
            lines,
            dir: dir.to_owned(),
            rest: String::new(),
            admin: String::new(),
        };
        worker.admin = worker.address("admin API");
        worker.rest = worker.address("connect");
        worker
    }

    /// The next address it says that begins so.
    fn address(&mut self, word: &str) -> String {
        let mut lines = self.lines.by_ref().map_while(Result::ok);
        let line = lines.find(|line| line.starts_with(word));
        let Some(line) = line else {
            panic!(
                "it did not start: {}",
                std::fs::read_to_string(self.dir.join("log")).unwrap()
            );
        };
        let url = line.split_whitespace().last().unwrap();
        url.split('/').take(3).collect::<Vec<_>>().join("/")
    }

    /// SIGKILL.
    fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// SIGTERM, and the orderly end of it.
    fn stop(mut self) {
        let pid = self.child.id().to_string();
        assert!(
            Command::new("kill")
                .args(["-TERM", &pid])
                .status()
                .unwrap()
                .success()
        );
        assert!(self.child.wait().unwrap().success());
    }

    fn ask(&self, method: &str, path: &str, body: Option<&Value>) -> Answer {
        self.ask_with(method, path, body, &[("Content-Type", "application/json")])
    }

    fn ask_with(
        &self,
        method: &str,
        path: &str,
        body: Option<&Value>,
        headers: &[(&str, &str)],
    ) -> Answer {
        let agent = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .allow_non_standard_methods(true)
            .timeout_global(Some(Duration::from_mins(1)))
            .build()
            .new_agent();
        let text = match body {
            Some(Value::String(text)) => text.clone(),
            Some(value) => value.to_string(),
            None => String::new(),
        };
        let mut request = ureq::http::Request::builder()
            .method(method)
            .uri(format!("{}{path}", self.rest));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let mut answered = match body {
            Some(_) => agent.run(request.body(text).unwrap()).unwrap(),
            None => agent.run(request.body(()).unwrap()).unwrap(),
        };
        let location = answered.headers().get("location");
        let location = location.map(|value| value.to_str().unwrap().to_owned());
        let text = answered.body_mut().read_to_string().unwrap();
        Answer {
            status: answered.status().as_u16(),
            location,
            body: (!text.is_empty())
                .then(|| serde_json::from_str(&text).unwrap_or(Value::String(text))),
        }
    }

    fn admin(&self, path: &str, body: &Value) -> Value {
        let sent = ureq::post(format!("{}{path}", self.admin)).send_json(body);
        serde_json::from_str(&sent.unwrap().body_mut().read_to_string().unwrap()).unwrap()
    }

    fn topic(&self) {
        self.admin(
            "/api/topics",
            &json!({ "name": "rest-readings", "partitions": 1 }),
        );
    }

    fn produce(&self, ids: std::ops::Range<i32>) {
        let record = |id: i32| json!({ "value": format!("{{\"id\":{id}}}") });
        let records: Vec<Value> = ids.map(record).collect();
        self.admin(
            "/api/produce",
            &json!({ "topic": "rest-readings", "records": records }),
        );
    }

    fn rows(&self) -> i64 {
        let answer = self.admin(
            "/api/query",
            &json!({ "sql": "SELECT count(*) FROM readings" }),
        );
        answer["rows"][0][0].as_i64().unwrap()
    }

    fn states(&self, name: &str) -> String {
        let status = self
            .ask("GET", &format!("/connectors/{name}/status"), None)
            .body
            .unwrap();
        let tasks = status["tasks"].as_array().unwrap().iter();
        let tasks: Vec<&str> = tasks.map(|task| task["state"].as_str().unwrap()).collect();
        format!(
            "{} {}",
            status["connector"]["state"].as_str().unwrap(),
            tasks.join(",")
        )
    }
}

/// Waits until something is so.
fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    for _ in 0..600 {
        if is_so() {
            return;
        }
        std::thread::sleep(Duration::from_millis(25));
    }
    panic!("it did not come to that: {what}");
}

fn sink() -> Value {
    json!({
        "connector.class": "messina.TableSink",
        "tasks.max": "1",
        "topics": "rest-readings",
        "connect.cassandra.kcql": "INSERT INTO readings SELECT * FROM rest-readings",
    })
}

// ------------------------------------------------------------------------------------------------ the recordings

/// Where Kafka Connect answers otherwise on purpose: which requests, by a word of the recorded answer or request, what
/// is expected instead, and why.
enum Difference {
    /// Only the status counts, which is this one.
    Status(u16),
    /// Nothing of the answer counts: the recorded one is accepted by us, or the other way round.
    Anything,
}

/// The deliberate differences. `docs/guide/from-kafka-connect.md` tells users of them.
fn difference(request: &Value, response: &Value) -> Option<(Difference, &'static str)> {
    let message = response["body"]["message"].as_str().unwrap_or_default();
    let path = request["path"].as_str().unwrap();
    let garbled = [
        "Unexpected end-of-input",
        "Cannot deserialize",
        "Cannot invoke",
        "Unrecognized field",
        "Cannot construct",
    ];
    if response["status"] == 500 && garbled.iter().any(|word| message.starts_with(word)) {
        return Some((
            Difference::Status(400),
            "a body that cannot be read is the client's fault, not a Java exception",
        ));
    }
    if response["status"] == 500 && message.contains("BadRequestException") {
        return Some((
            Difference::Status(400),
            "validation without a known class is refused as creation is, not wrapped in a 500",
        ));
    }
    if message.starts_with("Failed to modify offsets") {
        return Some((
            Difference::Status(400),
            "a negative offset is refused before it is tried",
        ));
    }
    if message.starts_with("Failed to find any class") {
        return Some((
            Difference::Status(400),
            "the list of classes at the end of the text is ours",
        ));
    }
    if message.contains("Null value can not be supplied") {
        return Some((
            Difference::Status(400),
            "an option that is null is refused by name",
        ));
    }
    if response["status"] == 500 && message.contains("Not a number of type") {
        let status = if path.ends_with("/validate") {
            200
        } else {
            400
        };
        return Some((
            Difference::Status(status),
            "a client's setting that is none of its type is an error of the option, not a Java exception",
        ));
    }
    if message.starts_with("invalid log level") {
        return Some((
            Difference::Status(404),
            "our text says which levels there are",
        ));
    }
    if path == "/connectors/x%2Fy" {
        return Some((
            Difference::Status(404),
            "a slash in a name works here; Jetty refuses the request",
        ));
    }
    if path == "/connectors/o/topics" && request["method"] == "GET" {
        return Some((
            Difference::Anything,
            "a reset happens at once here; Connect's worker writes the topic again",
        ));
    }
    None
}

/// What differs from run to run, or is different on purpose in every answer, replaced by a word or left out.
fn plain(value: &Value) -> Value {
    match value {
        Value::Object(members) => {
            let mut all = serde_json::Map::new();
            for (name, value) in members {
                let word = match name.as_str() {
                    "worker_id" | "trace" | "version" | "commit" | "kafka_cluster_id"
                    | "documentation" | "last_modified"
                        if !value.is_object() =>
                    {
                        Value::Null
                    }
                    // Ours has classes of its own beside Kafka's.
                    "recommended_values" => Value::Null,
                    "message" => in_any_order(value),
                    _ => plain(value),
                };
                all.insert(name.clone(), word);
            }
            Value::Object(all)
        }
        Value::Array(items) => {
            // Plugins' versions are not options of anybody's; ours has one version.
            let is_version = |item: &Value| {
                let name = item["definition"]["name"].as_str();
                name.is_some_and(|name| name.ends_with("plugin.version"))
            };
            let is_own = |item: &Value| {
                let class = item["class"].as_str().unwrap_or_default();
                let known = ["streamreactor", "ScyllaDb", "datastax"];
                let others = known.iter().any(|part| class.contains(part));
                others || class.starts_with("messina.") && class != "messina.TableSink"
            };
            let kept = items
                .iter()
                .filter(|item| !is_version(item) && !is_own(item));
            let mut kept: Vec<Value> = kept.map(plain).collect();
            kept.sort_by_cached_key(sort_key);
            Value::Array(kept)
        }
        other => other.clone(),
    }
}

/// Several errors of one request come in any order.
fn in_any_order(message: &Value) -> Value {
    let mut lines: Vec<&str> = message.as_str().unwrap_or_default().lines().collect();
    lines.sort_unstable();
    Value::String(lines.join("\n"))
}

/// Lists of options, plugins and groups have no order that anybody relies on.
fn sort_key(item: &Value) -> String {
    let name = item["definition"]["name"].as_str();
    let name = name.or_else(|| item["name"].as_str());
    name.map_or_else(|| item.to_string(), str::to_owned)
}

/// Waits until nothing of a connector is on its way from one state to another, as the recorder did before restarts.
fn settle(worker: &Worker, connector: &str) {
    let connector = connector.split("/tasks").next().unwrap();
    until("a settled connector", || {
        let status = worker.ask("GET", &format!("{connector}/status"), None);
        let body = status.body.unwrap_or_default().to_string();
        !body.contains("UNASSIGNED") && !body.contains("RESTARTING")
    });
}

/// Of options only clients' settings, where only those were recorded.
fn part(mut body: Value, file: &str) -> Value {
    if file.starts_with("overrides")
        && let Some(configs) = body.get_mut("configs").and_then(Value::as_array_mut)
    {
        configs.retain(|own| {
            own["value"]["name"]
                .as_str()
                .unwrap()
                .contains(".override.")
        });
    }
    body
}

/// Sends what was recorded and says what differs.
fn replay(worker: &Worker, file: &str) -> Vec<String> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../testdata/connect-rest");
    let text = std::fs::read_to_string(path.join(format!("{file}.jsonl"))).unwrap();
    let mut differences = Vec::new();
    for (number, line) in (1..).zip(text.lines()) {
        let case: Value = serde_json::from_str(line).unwrap();
        let (request, response) = (&case["request"], &case["response"]);
        let method = request["method"].as_str().unwrap();
        let path = request["path"].as_str().unwrap();
        let mut headers = vec![("Content-Type", "application/json")];
        if let Some(own) = request["headers"].as_object() {
            headers = own
                .iter()
                .map(|(name, value)| (name.as_str(), value.as_str().unwrap()))
                .collect();
        }
        if let Some((connector, _)) = path.split_once("/restart") {
            settle(worker, connector);
        }
        let ask = || worker.ask_with(method, path, request.get("body"), &headers);
        let deliberate = difference(request, response);
        let fits = |answer: &Answer| match &deliberate {
            Some((Difference::Status(status), _reason)) => answer.status == *status,
            Some((Difference::Anything, _reason)) => answer.status == 200,
            None => {
                let body = response.get("body").map(plain);
                let own = answer.body.clone().map(|body| part(body, file));
                response["status"] == answer.status
                    && answer.location.as_deref() == response["location"].as_str()
                    && own.as_ref().map(plain) == body
            }
        };
        let mut answer = ask();
        // What takes a moment there takes one here: states are looked at again.
        let mut patience = if method == "GET" && !fits(&answer) {
            80
        } else {
            0
        };
        while !fits(&answer) && patience > 0 {
            std::thread::sleep(Duration::from_millis(25));
            answer = ask();
            patience -= 1;
        }
        if !fits(&answer) {
            let (ours, theirs) = (
                answer.body.as_ref().map(plain),
                response.get("body").map(plain),
            );
            differences.push(format!(
                "{file}.jsonl:{number}: {method} {path} {}\n  theirs: {} {:?} {}\n  ours:   {} {:?} {}",
                request.get("body").map_or_else(String::new, ToString::to_string),
                response["status"], response["location"].as_str(), shown(theirs.as_ref(), ours.as_ref()),
                answer.status, answer.location, shown(ours.as_ref(), theirs.as_ref()),
            ));
        }
    }
    differences
}

/// A body; of a long list only what the other does not have.
fn shown(body: Option<&Value>, other: Option<&Value>) -> String {
    let Some(body) = body else {
        return "nothing".to_owned();
    };
    let list = |body: &Value| {
        body.as_array()
            .or_else(|| body["configs"].as_array())
            .cloned()
    };
    match (list(body), other.and_then(list)) {
        (Some(own), Some(other)) if own.len() > 3 => {
            let only: Vec<String> = own
                .iter()
                .filter(|item| !other.contains(item))
                .map(ToString::to_string)
                .collect();
            format!(
                "{} {} {}",
                body["error_count"],
                body["groups"],
                only.join("\n    ")
            )
        }
        _ => body.to_string(),
    }
}

#[test]
fn every_recorded_request_is_answered_as_kafka_connect_answers_it_or_is_a_listed_difference() {
    let dir = tempfile::tempdir().unwrap();
    let worker = Worker::start(dir.path(), TABLES);
    worker.topic();
    let mut differences = Vec::new();
    for file in ["root", "refusals", "life"] {
        differences.extend(replay(&worker, file));
    }
    worker.produce(0..5);
    for file in ["offsets", "plugins", "validation"] {
        differences.extend(replay(&worker, file));
    }
    for file in ["overrides", "wrong-overrides", "loggers"] {
        differences.extend(replay(&worker, file));
    }
    let all = differences.join("\n");
    assert!(all.is_empty(), "{} differences:\n{all}", differences.len());
}

#[test]
fn a_workers_policy_says_which_settings_of_its_clients_a_connector_may_have() {
    for policy in ["None", "Principal"] {
        let dir = tempfile::tempdir().unwrap();
        let line = format!("connector.client.config.override.policy={policy}\n");
        let worker = Worker::standalone(dir.path(), TABLES, &line);
        worker.topic();
        let file = format!("overrides-{}", policy.to_ascii_lowercase());
        let differences = replay(&worker, &file);
        let all = differences.join("\n");
        assert!(all.is_empty(), "{} differences:\n{all}", differences.len());
    }
}

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

// ------------------------------------------------------------------------------------------------ what stays

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
