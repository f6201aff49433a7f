//! A running program, and how it is asked.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Lines};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::Duration;

use messina_e2e::admin::agent;
use serde_json::{Value, json};

pub(crate) const TABLES: &str = r#"
sink = []
route = [{ filter = "meter/#", topic = "meters" }]
table = [{ name = "readings", columns = { id = "bigint" }, partition_key = ["id"] }]
"#;

/// A running `messina up`; dropped, it is killed.
pub(crate) struct Worker {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
    dir: PathBuf,
    pub(crate) rest: String,
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
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) location: Option<String>,
    pub(crate) body: Option<Value>,
}

impl Worker {
    pub(crate) fn start(dir: &Path, config: &str) -> Self {
        Self::start_as(dir, config, &["up"])
    }

    /// `messina connect-standalone` on the embedded log, its file with these lines besides.
    pub(crate) fn standalone(dir: &Path, config: &str, lines: &str) -> Self {
        let file = dir.join("worker.properties");
        let converters =
            "key.converter=String\nvalue.converter=Json\nvalue.converter.schemas.enable=false\n";
        std::fs::write(&file, format!("{converters}{lines}")).unwrap();
        let file = file.to_str().unwrap();
        Self::start_as(dir, config, &["connect-standalone", file, "--embedded"])
    }

    pub(crate) fn start_as(dir: &Path, config: &str, command: &[&str]) -> Self {
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
    pub(crate) fn address(&mut self, word: &str) -> String {
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
    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// SIGTERM, and the orderly end of it.
    pub(crate) fn stop(mut self) {
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

    pub(crate) fn ask(&self, method: &str, path: &str, body: Option<&Value>) -> Answer {
        self.ask_with(method, path, body, &[("Content-Type", "application/json")])
    }

    pub(crate) fn ask_with(
        &self,
        method: &str,
        path: &str,
        body: Option<&Value>,
        headers: &[(&str, &str)],
    ) -> Answer {
        let agent = agent();
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

    pub(crate) fn admin(&self, path: &str, body: &Value) -> Value {
        let sent = ureq::post(format!("{}{path}", self.admin)).send_json(body);
        serde_json::from_str(&sent.unwrap().body_mut().read_to_string().unwrap()).unwrap()
    }

    pub(crate) fn topic(&self) {
        self.admin(
            "/api/topics",
            &json!({ "name": "rest-readings", "partitions": 1 }),
        );
    }

    pub(crate) fn produce(&self, ids: std::ops::Range<i32>) {
        let record = |id: i32| json!({ "value": format!("{{\"id\":{id}}}") });
        let records: Vec<Value> = ids.map(record).collect();
        self.admin(
            "/api/produce",
            &json!({ "topic": "rest-readings", "records": records }),
        );
    }

    pub(crate) fn rows(&self) -> i64 {
        let answer = self.admin(
            "/api/query",
            &json!({ "sql": "SELECT count(*) FROM readings" }),
        );
        answer["rows"][0][0].as_i64().unwrap()
    }

    /// What the topic of statuses holds: the last value of each key, if it was not taken back.
    pub(crate) fn statuses(&self) -> BTreeMap<String, Value> {
        let path = "/api/consume?topic=__messina_connect_status&partition=0&offset=0&wait=0";
        let mut read = ureq::get(format!("{}{path}", self.admin)).call().unwrap();
        let page: Value = read.body_mut().read_json().unwrap();
        assert_eq!(page["next"], page["end"], "all of it in one answer");
        let mut statuses = BTreeMap::new();
        for record in page["records"].as_array().unwrap() {
            let key = record["key"].as_str().unwrap().to_owned();
            match record["value"].as_str() {
                Some(value) => statuses.insert(key, serde_json::from_str(value).unwrap()),
                None => statuses.remove(&key),
            };
        }
        statuses
    }

    pub(crate) fn states(&self, name: &str) -> String {
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
pub(crate) fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    for _ in 0..600 {
        if is_so() {
            return;
        }
        std::thread::sleep(Duration::from_millis(25));
    }
    panic!("it did not come to that: {what}");
}

pub(crate) fn sink() -> Value {
    json!({
        "connector.class": "messina.TableSink",
        "tasks.max": "1",
        "topics": "rest-readings",
        "connect.cassandra.kcql": "INSERT INTO readings SELECT * FROM rest-readings",
    })
}
