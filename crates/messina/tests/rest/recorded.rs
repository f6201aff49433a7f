//! What a real worker was recorded to answer, and where ours answers otherwise on purpose.

use std::path::PathBuf;
use std::time::Duration;

use serde_json::Value;

use super::worker::{Answer, TABLES, Worker, until};

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
