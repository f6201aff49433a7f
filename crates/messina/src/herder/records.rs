//! Kafka Connect's own records of connectors: keys and values of its topic of configurations, and of its topic of
//! statuses. A Java worker that is given them starts the same connectors.

use std::collections::BTreeMap;
use std::ops::Range;

use serde_json::{Value, json};

use super::properties::Properties;
use super::state::{ConnectorStatus, Standing, Target, TaskStatus};
use super::state_topic::Change;

/// The topic of configurations.
pub(super) const CONFIGS: &str = "__messina_connect_configs";
/// The topic of statuses.
pub(super) const STATUSES: &str = "__messina_connect_status";

/// What the topic of configurations says of one connector.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Stored {
    /// Its options; a `[[sink]]` has none here.
    pub(super) properties: Option<Properties>,
    /// What is wanted of it.
    pub(super) target: Option<Target>,
    /// Its tasks.
    pub(super) tasks: u64,
}

/// Reads the topic of configurations.
pub(super) fn stored(records: &BTreeMap<String, Value>) -> BTreeMap<String, Stored> {
    let mut all: BTreeMap<String, Stored> = BTreeMap::new();
    for (key, value) in records {
        if let Some(name) = key.strip_prefix("connector-") {
            all.entry(name.to_owned()).or_default().properties = properties(value);
        } else if let Some(name) = key.strip_prefix("target-state-") {
            let word = |field| value.get(field).and_then(Value::as_str);
            let target = word("state.v2").or_else(|| word("state"));
            all.entry(name.to_owned()).or_default().target = target.and_then(Target::of_word);
        } else if let Some(name) = key.strip_prefix("commit-") {
            let tasks = value.get("tasks").and_then(Value::as_u64);
            all.entry(name.to_owned()).or_default().tasks = tasks.unwrap_or(0);
        }
    }
    all
}

pub(super) fn properties(value: &Value) -> Option<Properties> {
    let text = |value: &Value| match value {
        Value::String(text) => Some(text.clone()),
        Value::Null => None,
        other => Some(other.to_string()),
    };
    let options = value.get("properties")?.as_object()?.iter();
    let options = options.filter_map(|(option, value)| Some((option.clone(), text(value)?)));
    Some(options.collect())
}

/// The options of a connector.
pub(super) fn connector(name: &str, properties: &Properties) -> Change {
    let value = json!({ "properties": properties });
    (format!("connector-{name}"), Some(value))
}

/// What is wanted of a connector.
pub(super) fn target(name: &str, target: Target) -> Change {
    let value = json!({ "state": target.old_word(), "state.v2": target.word() });
    (format!("target-state-{name}"), Some(value))
}

/// The tasks of a connector, and that these are all.
pub(super) fn tasks(name: &str, properties: &Properties, count: usize) -> Vec<Change> {
    let task = |number: usize| {
        let value = json!({ "properties": task_properties(properties) });
        (format!("task-{name}-{number}"), Some(value))
    };
    let mut changes: Vec<Change> = (0..count).map(task).collect();
    let count = json!({ "tasks": count });
    changes.push((format!("commit-{name}"), Some(count)));
    changes
}

/// A task's options: its connector's, and its class.
pub(super) fn task_properties(properties: &Properties) -> Properties {
    let mut own = properties.clone();
    own.insert("task.class".to_owned(), "messina.TableSinkTask".to_owned());
    own
}

/// A wish that a connector starts again.
pub(super) fn restart(name: &str, tasks: bool, only_failed: bool) -> Change {
    let value = json!({ "include-tasks": tasks, "only-failed": only_failed });
    (format!("restart-connector-{name}"), Some(value))
}

/// The level of a logger in all workers.
pub(super) fn level(logger: &str, level: &str) -> Change {
    (
        format!("logger-cluster-{logger}"),
        Some(json!({ "level": level })),
    )
}

/// Takes everything back that was said of a connector and its tasks.
pub(super) fn deleted(name: &str, tasks: usize) -> Vec<Change> {
    let keys = [
        format!("connector-{name}"),
        format!("target-state-{name}"),
        format!("commit-{name}"),
    ];
    let tasks = (0..tasks).map(|task| format!("task-{name}-{task}"));
    keys.into_iter()
        .chain(tasks)
        .map(|key| (key, None))
        .collect()
}

/// How a connector and its tasks are.
pub(super) fn status(status: &ConnectorStatus) -> Vec<Change> {
    let name = &status.name;
    let own = (
        format!("status-connector-{name}"),
        Some(standing(&status.connector)),
    );
    let tasks = status.tasks.iter().map(|task| task_status(name, task));
    std::iter::once(own).chain(tasks).collect()
}

/// How one task of a connector is.
pub(super) fn task_status(name: &str, task: &TaskStatus) -> Change {
    let standing = standing(&task.standing);
    (format!("status-task-{name}-{}", task.id), Some(standing))
}

/// How a connector or a task is. The generation is the first: a Java worker's word of a later one wins.
pub(super) fn standing(standing: &Standing) -> Value {
    json!({
        "state": standing.state,
        "trace": standing.trace,
        "worker_id": standing.worker_id,
        "generation": 1,
        "version": standing.version,
    })
}

/// Nothing is known of a connector any more.
pub(super) fn no_status(name: &str, tasks: usize) -> Vec<Change> {
    let own = (format!("status-connector-{name}"), None);
    let mut changes = no_task_status(name, 0..tasks);
    changes.push(own);
    changes
}

/// Nothing is known of these tasks any more.
pub(super) fn no_task_status(name: &str, tasks: Range<usize>) -> Vec<Change> {
    let of_task = |task| (format!("status-task-{name}-{task}"), None);
    tasks.map(of_task).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_back_and_a_newer_workers_word_wins() {
        let options = Properties::from([("topics".to_owned(), "a".to_owned())]);
        let mut records = BTreeMap::new();
        let mut changes = vec![connector("x", &options), target("x", Target::Stopped)];
        changes.extend(tasks("x", &options, 1));
        changes.extend(tasks("x", &options, 0));
        changes.push(target("file", Target::Paused));
        for (key, value) in changes {
            records.insert(key, value.unwrap());
        }
        assert_eq!(records["target-state-x"]["state"], "PAUSED");
        assert_eq!(
            records["task-x-0"]["properties"]["task.class"],
            "messina.TableSinkTask"
        );
        let read = stored(&records);
        let x = Stored {
            properties: Some(options),
            target: Some(Target::Stopped),
            tasks: 0,
        };
        assert_eq!(read["x"], x);
        assert_eq!(read["file"].target, Some(Target::Paused));
        assert_eq!(read["file"].properties, None);
    }

    /// What a Java worker wrote while requests were recorded, cut after some lines.
    fn recorded(lines: usize) -> BTreeMap<String, Stored> {
        let text = include_str!("../../../../testdata/connect-rest/config-topic.txt");
        let mut records = BTreeMap::new();
        for line in text.lines().take(lines) {
            let (key, value) = line.split_once('\t').unwrap();
            if value.is_empty() {
                records.remove(key);
            } else {
                records.insert(key.to_owned(), serde_json::from_str(value).unwrap());
            }
        }
        stored(&records)
    }

    #[test]
    fn a_java_workers_topic_is_read_at_every_cut() {
        let at = |lines: usize| recorded(lines)["a"].clone();
        assert_eq!((at(4).tasks, at(4).target), (0, None));
        assert_eq!(at(9).properties.unwrap()["errors.tolerance"], "all");
        assert_eq!(at(14).target, Some(Target::Paused));
        assert_eq!((at(18).tasks, at(18).target), (0, Some(Target::Stopped)));
        assert_eq!((at(24).tasks, at(24).target), (1, Some(Target::Started)));
        // Deleted: what is left of it makes no connector.
        assert_eq!(recorded(33)["b"].properties, None);
        let made = |name: &str, stored: &Stored| (name == "a") == stored.properties.is_some();
        assert!(recorded(33).iter().all(|(name, stored)| made(name, stored)));
    }

    #[test]
    fn a_java_workers_records_of_before_3_5_are_read() {
        let records = BTreeMap::from([
            (
                "connector-a".to_owned(),
                json!({"properties": {"topics": "t", "tasks.max": 1}}),
            ),
            ("target-state-a".to_owned(), json!({"state": "PAUSED"})),
            ("commit-a".to_owned(), json!({"tasks": 2})),
            ("session-key".to_owned(), json!({"key": "x"})),
        ]);
        let read = stored(&records);
        assert_eq!(read["a"].target, Some(Target::Paused));
        assert_eq!(read["a"].properties.as_ref().unwrap()["tasks.max"], "1");
        assert_eq!(read.len(), 1);
    }
}
