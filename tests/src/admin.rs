//! The admin API, asked as an operator's script would.

use std::net::SocketAddr;
use std::time::Duration;

use serde_json::{Value, json};
use ureq::Agent;

/// What gives every answer as it comes, refusals too, and knows requests of any method.
pub fn agent() -> Agent {
    Agent::config_builder()
        .http_status_as_error(false)
        .allow_non_standard_methods(true)
        .timeout_global(Some(Duration::from_mins(2)))
        .build()
        .new_agent()
}

/// A client of one process's admin API.
#[derive(Debug, Clone)]
pub struct Admin {
    base: String,
    agent: Agent,
}

/// A record as `/api/consume` shows it.
#[derive(Debug, Clone)]
pub struct Consumed {
    /// Its position.
    pub offset: u64,
    /// Its key, where it is text.
    pub key: String,
    /// Its value, where it is text.
    pub value: String,
    /// All of it.
    pub json: Value,
}

impl Admin {
    /// The API at `address`.
    pub fn new(address: SocketAddr) -> Self {
        let config = Agent::config_builder().timeout_global(Some(Duration::from_secs(30)));
        let agent = config.http_status_as_error(false).build().new_agent();
        Self {
            base: format!("http://{address}"),
            agent,
        }
    }

    /// Whether `/health` answers that all is well.
    pub fn is_healthy(&self) -> bool {
        self.agent
            .get(format!("{}/health", self.base))
            .call()
            .is_ok_and(|answer| answer.status() == 200)
    }

    /// Whether `/health` answers at all.
    pub fn answers(&self) -> bool {
        self.agent
            .get(format!("{}/health", self.base))
            .call()
            .is_ok()
    }

    /// The text at `path`.
    pub fn text(&self, path: &str) -> String {
        let answer = self.agent.get(format!("{}{path}", self.base)).call();
        let mut answer = answer.unwrap_or_else(|error| panic!("GET {path}: {error}"));
        let text = answer.body_mut().read_to_string().unwrap();
        assert_eq!(answer.status(), 200, "GET {path}: {text}");
        text
    }

    /// The JSON at `path`.
    pub fn get(&self, path: &str) -> Value {
        let text = self.text(path);
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("GET {path}: {error} in {text}"))
    }

    /// What `path` answers to a POST of `body`.
    pub fn post(&self, path: &str, body: &Value) -> Value {
        let answer = self
            .agent
            .post(format!("{}{path}", self.base))
            .send_json(body);
        let mut answer = answer.unwrap_or_else(|error| panic!("POST {path}: {error}"));
        let text = answer.body_mut().read_to_string().unwrap();
        assert!(
            answer.status().is_success(),
            "POST {path}: {} {text}",
            answer.status()
        );
        serde_json::from_str(&text).unwrap_or(Value::Null)
    }

    /// The rows a SELECT gives, each an array of values.
    pub fn query(&self, sql: &str) -> Vec<Vec<Value>> {
        let answer = self.post("/api/query", &json!({ "sql": sql }));
        let rows = answer["rows"]
            .as_array()
            .unwrap_or_else(|| panic!("no rows in {answer}"));
        rows.iter()
            .map(|row| row.as_array().expect("a row is an array").clone())
            .collect()
    }

    /// The one number a SELECT gives; 0 where the table does not exist yet.
    pub fn count(&self, sql: &str) -> u64 {
        self.query(sql)
            .first()
            .and_then(|row| row.first())
            .and_then(Value::as_u64)
            .unwrap_or_default()
    }

    /// Every record of a topic, from the first.
    pub fn consume_all(&self, topic: &str) -> Vec<Consumed> {
        let mut records: Vec<Consumed> = Vec::new();
        let mut next = 0;
        loop {
            let path =
                format!("/api/consume?topic={topic}&partition=0&offset={next}&max=5000&wait=0");
            let answer = self.get(&path);
            let batch = answer["records"]
                .as_array()
                .unwrap_or_else(|| panic!("no records in {answer}"));
            records.extend(batch.iter().map(consumed));
            next = answer["next"].as_u64().expect("where to go on");
            if batch.is_empty() || answer["end"].as_u64() == Some(next) {
                return records;
            }
        }
    }

    /// The books and the rest of `/api/status`.
    pub fn status(&self) -> Value {
        self.get("/api/status")
    }
}

fn consumed(json: &Value) -> Consumed {
    let text = |name: &str| json[name].as_str().unwrap_or_default().to_owned();
    Consumed {
        offset: json["offset"].as_u64().expect("a record has an offset"),
        key: text("key"),
        value: text("value"),
        json: json.clone(),
    }
}
