//! What the topics of configurations and statuses say, record by record, in Kafka Connect's own format.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::super::properties::{MAX_TASKS, Properties};
use super::super::records;
use super::super::state::{
    ConnectorInfo, ConnectorStatus, Standing, State, Target, TaskId, TaskStatus,
};

/// A connector as its records describe it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Known {
    /// Its options; none if only a state or tasks are left of it.
    pub(super) properties: Option<Properties>,
    /// What is wanted of it.
    pub(super) target: Target,
    /// Its tasks' options, of the last set that is whole.
    pub(super) tasks: Vec<Properties>,
    /// Its last set of tasks is not whole: a writer was cut off, or compaction took records away.
    pub(super) inconsistent: bool,
    /// Tasks that were written and are not committed yet.
    written: BTreeMap<usize, Properties>,
}

/// A wish that a connector starts again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct RestartWish {
    pub(super) connector: String,
    pub(super) tasks: bool,
    pub(super) only_failed: bool,
}

/// What a record asks of the workers that read it when it comes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Wish {
    /// That a connector starts again.
    Restart(RestartWish),
    /// That a logger has a level, in all workers.
    Level {
        /// The logger.
        logger: String,
        /// The level's name.
        level: String,
    },
}

/// Everything that was read.
#[derive(Debug, Default)]
pub(super) struct View {
    connectors: BTreeMap<String, Known>,
    statuses: BTreeMap<String, Value>,
}

impl View {
    /// Takes a record of the topic of configurations; gives the wish it is, if it is one.
    pub(super) fn configuration(&mut self, key: &str, value: Option<&Value>) -> Option<Wish> {
        if let Some(name) = key.strip_prefix("connector-") {
            self.connector(name, value);
        } else if let Some(name) = key.strip_prefix("target-state-") {
            let word = |field| {
                value
                    .and_then(|value| value.get(field))
                    .and_then(Value::as_str)
            };
            let target = word("state.v2").or_else(|| word("state"));
            let target = target.and_then(Target::of_word).unwrap_or_default();
            // Of a connector that was deleted nothing is kept.
            if value.is_some() || self.connectors.contains_key(name) {
                self.known(name).target = target;
            }
        } else if let Some(task) = key.strip_prefix("task-") {
            self.task(task, value);
        } else if let Some(name) = key.strip_prefix("commit-") {
            self.commit(name, value);
        } else if let Some(name) = key.strip_prefix("restart-connector-") {
            let is = |field| value?.get(field)?.as_bool();
            return Some(Wish::Restart(RestartWish {
                connector: name.to_owned(),
                tasks: is("include-tasks")?,
                only_failed: is("only-failed")?,
            }));
        } else if let Some(logger) = key.strip_prefix("logger-cluster-") {
            let level = value?.get("level")?.as_str()?;
            return Some(Wish::Level {
                logger: logger.to_owned(),
                level: level.to_owned(),
            });
        }
        None
    }

    fn known(&mut self, name: &str) -> &mut Known {
        self.connectors.entry(name.to_owned()).or_default()
    }

    fn connector(&mut self, name: &str, value: Option<&Value>) {
        if let Some(properties) = value.and_then(records::properties) {
            self.known(name).properties = Some(properties);
        } else {
            self.connectors.remove(name);
        }
    }

    fn task(&mut self, task: &str, value: Option<&Value>) {
        let Some((name, number)) = task.rsplit_once('-') else {
            return;
        };
        let number = number.parse().ok().filter(|number| *number < MAX_TASKS);
        let properties = value.and_then(records::properties);
        if let (Some(number), Some(properties)) = (number, properties) {
            self.known(name).written.insert(number, properties);
        }
    }

    /// From now on the tasks written before are the connector's, if they are as many as is said.
    fn commit(&mut self, name: &str, value: Option<&Value>) {
        let count = value.and_then(|value| value.get("tasks")?.as_u64());
        let Some(count) = count.and_then(|count| usize::try_from(count).ok()) else {
            return;
        };
        let known = self.known(name);
        let mut written = std::mem::take(&mut known.written);
        let set = (0..count.min(MAX_TASKS)).map_while(|number| written.remove(&number));
        let set: Vec<Properties> = set.collect();
        known.inconsistent = set.len() != count;
        if !known.inconsistent {
            known.tasks = set;
        }
    }

    /// Takes a record of the topic of statuses.
    pub(super) fn status(&mut self, key: &str, value: Option<Value>) {
        match value {
            Some(value) => self.statuses.insert(key.to_owned(), value),
            None => self.statuses.remove(key),
        };
    }

    /// The connectors there are, by name.
    pub(super) fn connectors(&self) -> impl Iterator<Item = (&str, &Properties, &Known)> {
        self.connectors.iter().filter_map(|(name, known)| {
            let properties = known.properties.as_ref()?;
            Some((name.as_str(), properties, known))
        })
    }

    /// A connector there is.
    pub(super) fn connector_of(&self, name: &str) -> Option<(&Properties, &Known)> {
        let known = self.connectors.get(name)?;
        Some((known.properties.as_ref()?, known))
    }

    pub(super) fn info(&self, name: &str) -> Option<ConnectorInfo> {
        let (properties, known) = self.connector_of(name)?;
        let task = |task| TaskId {
            connector: name.to_owned(),
            task,
        };
        Some(ConnectorInfo {
            name: name.to_owned(),
            config: properties.clone(),
            tasks: (0..known.tasks.len()).map(task).collect(),
            kind: "sink",
        })
    }

    /// How a connector and its tasks are, if anybody has said so.
    pub(super) fn connector_status(&self, name: &str) -> Option<ConnectorStatus> {
        let (_, known) = self.connector_of(name)?;
        let task = |id| {
            let standing = self.standing(&task_key(name, id))?;
            Some(TaskStatus { id, standing })
        };
        Some(ConnectorStatus {
            name: name.to_owned(),
            connector: self.standing(&connector_key(name))?,
            tasks: (0..known.tasks.len()).filter_map(task).collect(),
            kind: "sink",
        })
    }

    /// What was last said under a key.
    pub(super) fn standing(&self, key: &str) -> Option<Standing> {
        let value = self.statuses.get(key)?;
        let text = |field: &str| value.get(field).and_then(Value::as_str).map(str::to_owned);
        let state: State = serde_json::from_value(value.get("state")?.clone()).ok()?;
        Some(Standing {
            state,
            worker_id: text("worker_id").unwrap_or_default(),
            version: text("version").unwrap_or_default(),
            trace: text("trace"),
        })
    }

    /// The topics a connector has read from.
    pub(super) fn topics(&self, name: &str) -> BTreeSet<String> {
        let of_connector = format!(":connector-{name}");
        let topic = |key: &String| {
            let topic = key.strip_prefix("status-topic-")?;
            topic.strip_suffix(of_connector.as_str()).map(str::to_owned)
        };
        self.statuses.keys().filter_map(topic).collect()
    }

    /// The keys under which something is said of a connector.
    pub(super) fn status_keys(&self, name: &str) -> Vec<String> {
        let tasks = format!("status-task-{name}-");
        let of_connector = format!(":connector-{name}");
        let is_own = |key: &&String| {
            let task = key.strip_prefix(tasks.as_str());
            let task = task.is_some_and(|rest| rest.bytes().all(|byte| byte.is_ascii_digit()));
            let topic = key.starts_with("status-topic-") && key.ends_with(&of_connector);
            task || topic || **key == connector_key(name)
        };
        self.statuses.keys().filter(is_own).cloned().collect()
    }
}

pub(super) fn connector_key(name: &str) -> String {
    format!("status-connector-{name}")
}

pub(super) fn task_key(name: &str, task: usize) -> String {
    format!("status-task-{name}-{task}")
}

pub(super) fn topic_key(topic: &str, name: &str) -> String {
    format!("status-topic-{topic}:connector-{name}")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn options(word: &str) -> Value {
        json!({ "properties": { "topics": word } })
    }

    fn read(view: &mut View, records: &[(&str, Option<Value>)]) {
        for (key, value) in records {
            assert_eq!(view.configuration(key, value.as_ref()), None);
        }
    }

    /// What a Java worker wrote while requests were recorded, cut after some lines.
    fn recorded(lines: usize) -> View {
        let text = include_str!("../../../../../testdata/connect-rest/config-topic.txt");
        let mut view = View::default();
        for line in text.lines().take(lines) {
            let (key, value) = line.split_once('\t').unwrap();
            let value: Option<Value> = serde_json::from_str(value).ok();
            view.configuration(key, value.as_ref());
        }
        view
    }

    #[test]
    fn a_java_workers_topic_is_read_record_by_record() {
        let at = |lines: usize| recorded(lines).connectors["a"].clone();
        assert_eq!(recorded(2).connector_of("a"), None);
        assert_eq!((at(4).tasks.len(), at(4).inconsistent), (0, false));
        // Written and not committed yet.
        assert_eq!((at(5).tasks.len(), at(6).tasks.len()), (0, 1));
        assert_eq!(at(6).tasks[0]["task.class"], "messina.TableSinkTask");
        assert_eq!(at(14).target, Target::Paused);
        assert_eq!((at(18).tasks.len(), at(18).target), (0, Target::Stopped));
        assert_eq!((at(21).tasks.len(), at(21).target), (1, Target::Started));
        let all = recorded(33);
        let names: Vec<&str> = all.connectors().map(|(name, ..)| name).collect();
        assert_eq!(names, ["a"]);
    }

    #[test]
    fn tasks_count_only_as_a_whole_set() {
        let mut view = View::default();
        let task = |number: usize| format!("task-my-meters-{number}");
        let commit = |tasks: u64| ("commit-my-meters", Some(json!({ "tasks": tasks })));
        read(
            &mut view,
            &[
                ("connector-my-meters", Some(options("a"))),
                (&task(0), Some(options("a"))),
                (&task(1), Some(options("a"))),
                commit(2),
            ],
        );
        let count = |view: &View| {
            let (_, known) = view.connector_of("my-meters").unwrap();
            (known.tasks.len(), known.inconsistent)
        };
        assert_eq!(count(&view), (2, false));
        // Compaction kept one of two: the old set stands, and somebody has to write it anew.
        read(&mut view, &[(&task(1), Some(options("b"))), commit(2)]);
        assert_eq!(count(&view), (2, true));
        read(&mut view, &[commit(0)]);
        assert_eq!(count(&view), (0, false));
        // A number no connector can have, and what is no record of ours.
        read(
            &mut view,
            &[(&task(MAX_TASKS), Some(options("b"))), commit(u64::MAX)],
        );
        assert_eq!(count(&view), (0, true));
        read(
            &mut view,
            &[
                ("session-key", Some(json!({}))),
                ("task-", None),
                ("", None),
            ],
        );
        read(&mut view, &[("connector-my-meters", None)]);
        assert_eq!(view.connector_of("my-meters"), None);
    }

    #[test]
    fn wishes_are_told_and_statuses_kept() {
        let mut view = View::default();
        let wish = json!({ "include-tasks": true, "only-failed": false });
        let told = view.configuration("restart-connector-a-b", Some(&wish));
        let expected = RestartWish {
            connector: "a-b".to_owned(),
            tasks: true,
            only_failed: false,
        };
        assert_eq!(told, Some(Wish::Restart(expected)));
        let level = json!({ "level": "DEBUG" });
        let told = view.configuration("logger-cluster-org.example", Some(&level));
        let expected = Wish::Level {
            logger: "org.example".to_owned(),
            level: "DEBUG".to_owned(),
        };
        assert_eq!(told, Some(expected));
        assert_eq!(view.configuration("logger-cluster-org.example", None), None);
        read(&mut view, &[("connector-a", Some(options("t")))]);
        read(
            &mut view,
            &[
                ("task-a-0", Some(options("t"))),
                ("commit-a", Some(json!({"tasks": 1}))),
            ],
        );
        assert_eq!(view.connector_status("a"), None);
        let standing = |state: &str| json!({ "state": state, "trace": null, "worker_id": "h:1", "generation": 3 });
        view.status("status-connector-a", Some(standing("RUNNING")));
        view.status("status-task-a-0", Some(standing("FAILED")));
        view.status("status-task-a-1", Some(standing("RUNNING")));
        view.status("status-topic-t:connector-a", Some(json!({ "topic": {} })));
        view.status("status-task-a-b-0", Some(standing("RUNNING")));
        let status = view.connector_status("a").unwrap();
        assert_eq!(
            (status.connector.state, status.connector.worker_id.as_str()),
            (State::Running, "h:1")
        );
        assert_eq!(
            (status.tasks.len(), status.tasks[0].standing.state),
            (1, State::Failed)
        );
        assert_eq!(view.topics("a").into_iter().collect::<Vec<_>>(), ["t"]);
        assert_eq!(view.status_keys("a").len(), 4);
        view.status("status-connector-a", Some(standing("DESTROYED")));
        assert_eq!(view.connector_status("a"), None);
        view.status("status-connector-a", None);
        assert_eq!(view.status_keys("a").len(), 3);
    }
}
