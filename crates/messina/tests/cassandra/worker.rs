//! The program as a user starts it, asked over its APIs.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use messina_e2e::admin::agent;
use serde_json::{Value, json};

use crate::place::Place;

/// A running program; dropped, it is killed.
pub(crate) struct Worker {
    child: Child,
    rest: String,
    admin: String,
    dir: PathBuf,
}

impl Drop for Worker {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

impl Worker {
    /// `messina up` without tables and sinks of its own.
    pub(crate) fn up(dir: &Path) -> Self {
        Self::up_with(dir, "")
    }

    /// The same with some more configuration.
    pub(crate) fn up_with(dir: &Path, more: &str) -> Self {
        let config = dir.join("messina.toml");
        let text = format!("sink = []\nroute = []\ntable = []\n{more}");
        std::fs::write(&config, text).unwrap();
        let config = config.display().to_string();
        Self::start(dir, &["up", "--config", &config])
    }

    pub(crate) fn start(dir: &Path, arguments: &[&str]) -> Self {
        let log = std::fs::File::options()
            .create(true)
            .append(true)
            .open(dir.join("log"))
            .unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_messina"));
        command.args(arguments).arg("--data").arg(dir.join("data"));
        for setting in ["gateway.listen", "admin.listen", "rest.listen"] {
            command.args(["--set", &format!("{setting}=127.0.0.1:0")]);
        }
        command.current_dir(dir).env("NO_COLOR", "1");
        let mut child = command.stdout(Stdio::piped()).stderr(log).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut address = |word: &str| {
            let mut lines = lines.by_ref().map_while(Result::ok);
            let Some(line) = lines.find(|line| line.starts_with(word)) else {
                let log = std::fs::read_to_string(dir.join("log")).unwrap();
                panic!("it did not start: {log}");
            };
            let url = line.split_whitespace().last().unwrap().to_owned();
            url.split('/').take(3).collect::<Vec<_>>().join("/")
        };
        let (admin, rest) = (address("admin API"), address("connect"));
        Self {
            child,
            rest,
            admin,
            dir: dir.to_owned(),
        }
    }

    /// SIGKILL.
    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// What it has logged so far.
    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(self.dir.join("log")).unwrap()
    }

    /// Asks; gives status and body. A path is one of Connect's REST API.
    pub(crate) fn ask(&self, method: &str, url: &str, body: Option<&Value>) -> (u16, Value) {
        if url.starts_with('/') {
            return ask(method, &format!("{}{url}", self.rest), body);
        }
        ask(method, url, body)
    }

    /// Makes a connector; it must be taken.
    pub(crate) fn make(&self, name: &str, config: &Value) {
        let body = json!({ "name": name, "config": config });
        let (status, answer) = self.ask("POST", "/connectors", Some(&body));
        assert_eq!(status, 201, "{answer}");
    }

    /// Changes a connector's options; they must be taken.
    pub(crate) fn change(&self, name: &str, config: &Value) {
        let url = format!("/connectors/{name}/config");
        let (status, answer) = self.ask("PUT", &url, Some(config));
        assert_eq!(status, 200, "{answer}");
    }

    /// Restarts a connector and its task.
    pub(crate) fn restart(&self, name: &str) {
        let url = format!("/connectors/{name}/restart?includeTasks=true");
        let (status, answer) = self.ask("POST", &url, None);
        assert!((200..300).contains(&status), "{answer}");
    }

    /// Has a connector go on at an offset of a topic's first partition.
    pub(crate) fn go_on_at(&self, name: &str, topic: &str, offset: usize) {
        let there = json!({ "offsets": [{
            "partition": { "kafka_topic": topic, "kafka_partition": 0 }, "offset": { "kafka_offset": offset }
        }] });
        for (method, path, body) in [
            ("PUT", "stop", None),
            ("PATCH", "offsets", Some(&there)),
            ("PUT", "resume", None),
        ] {
            let (status, answer) = self.ask(method, &format!("/connectors/{name}/{path}"), body);
            assert!((200..300).contains(&status), "{path}: {answer}");
        }
    }

    /// Puts records into a topic: objects of `value`, and `key` and `headers` if wanted.
    pub(crate) fn produce(&self, topic: &str, records: &Value) {
        let url = format!("{}/api/topics", self.admin);
        let (status, answer) = self.ask("POST", &url, Some(&json!({ "name": topic })));
        assert!(status < 300 || status == 409, "{answer}");
        let url = format!("{}/api/produce", self.admin);
        let body = json!({ "topic": topic, "records": records });
        let (status, answer) = self.ask("POST", &url, Some(&body));
        assert_eq!(status, 200, "{answer}");
    }

    /// Records of a topic's only partition, from the admin API.
    pub(crate) fn records(&self, topic: &str) -> Vec<Value> {
        let url = format!(
            "{}/api/consume?topic={topic}&partition=0&offset=0",
            self.admin
        );
        let (status, answer) = self.ask("GET", &url, None);
        if status == 404 {
            return Vec::new();
        }
        assert_eq!(status, 200, "{answer}");
        answer["records"].as_array().cloned().unwrap_or_default()
    }

    /// A connector's books and state in the admin API.
    pub(crate) fn sink(&self, name: &str) -> Value {
        let (_, status) = self.ask("GET", &format!("{}/api/status", self.admin), None);
        let sinks = status["sinks"].as_array().unwrap();
        let found = sinks.iter().find(|sink| sink["name"] == name);
        found
            .unwrap_or_else(|| panic!("no sink `{name}` in {status}"))
            .clone()
    }

    pub(crate) fn health(&self) -> Value {
        self.ask("GET", &format!("{}/health", self.admin), None).1
    }

    /// Waits until a connector is as wanted in the admin API.
    pub(crate) async fn until_sink(&self, name: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        let mut found = Value::Null;
        for _ in 0..1_200 {
            found = self.sink(name);
            if wanted(&found) {
                return found;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("`{name}` is {found}; {}", self.log());
    }

    /// Waits until a connector's task is `FAILED`; gives its trace.
    pub(crate) async fn until_failed(&self, name: &str) -> String {
        self.until_trace(name, "").await
    }

    /// Waits until a connector's task is `FAILED` with certain words; gives its trace.
    pub(crate) async fn until_trace(&self, name: &str, words: &str) -> String {
        let mut found = Value::Null;
        for _ in 0..1_200 {
            let url = format!("/connectors/{name}/status");
            found = self.ask("GET", &url, None).1;
            let trace = found["tasks"][0]["trace"].as_str().unwrap_or_default();
            if found["tasks"][0]["state"] == "FAILED" && trace.contains(words) {
                return trace.to_owned();
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("`{name}` does not fail so: {found}");
    }
}

/// The options of a classic sink into a place, with some added.
pub(crate) fn classic(place: &Place, changed: &[(&str, &str)]) -> Value {
    let mut config = json!({
        "connector.class": "io.lenses.streamreactor.connect.cassandra.sink.CassandraSinkConnector",
        "connect.cassandra.contact.points": place.host,
        "connect.cassandra.port": place.port,
        "connect.cassandra.key.space": place.keyspace,
        "value.converter": "Json",
        "value.converter.schemas.enable": "false",
    });
    for (option, value) in changed {
        config[*option] = json!(value);
    }
    config
}

fn ask(method: &str, url: &str, body: Option<&Value>) -> (u16, Value) {
    let agent = agent();
    let request = ureq::http::Request::builder()
        .method(method)
        .uri(url)
        .header("Content-Type", "application/json");
    let mut answered = match body {
        Some(body) => agent.run(request.body(body.to_string()).unwrap()).unwrap(),
        None => agent.run(request.body(()).unwrap()).unwrap(),
    };
    let text = answered.body_mut().read_to_string().unwrap();
    let status = answered.status().as_u16();
    (
        status,
        serde_json::from_str(&text).unwrap_or(Value::String(text)),
    )
}
