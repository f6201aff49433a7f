//! How connectors and their tasks are, in Kafka Connect's words.

use serde::{Deserialize, Serialize};

use super::properties::Properties;

/// What somebody wants of a connector.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Target {
    /// To work.
    #[default]
    Started,
    /// To keep its task and do nothing.
    Paused,
    /// To have no task, so that its offsets may be changed.
    Stopped,
}

impl Target {
    /// The word in the topic of configurations.
    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::Started => "STARTED",
            Self::Paused => "PAUSED",
            Self::Stopped => "STOPPED",
        }
    }

    /// What workers before Kafka 3.5 are told: they know no `STOPPED`.
    pub(super) const fn old_word(self) -> &'static str {
        match self {
            Self::Started => "STARTED",
            Self::Paused | Self::Stopped => "PAUSED",
        }
    }

    pub(super) fn of_word(word: &str) -> Option<Self> {
        let all = [Self::Started, Self::Paused, Self::Stopped];
        all.into_iter().find(|target| target.word() == word)
    }
}

/// How a connector or a task is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
#[expect(missing_docs, reason = "the variants are Kafka Connect's own words")]
pub enum State {
    Unassigned,
    Running,
    Paused,
    Stopped,
    Failed,
    Restarting,
}

/// `GET /connectors/{name}`
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ConnectorInfo {
    /// Its name.
    pub name: String,
    /// Its options, as given.
    pub config: Properties,
    /// Its tasks.
    pub tasks: Vec<TaskId>,
    /// `sink`
    #[serde(rename = "type")]
    pub kind: &'static str,
}

/// A task's name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TaskId {
    /// The connector.
    pub connector: String,
    /// The task's number.
    pub task: usize,
}

/// The state of a connector or task, where it is known.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Standing {
    /// How it is.
    pub state: State,
    /// Which worker has it.
    pub worker_id: String,
    /// Which version of it runs.
    pub version: String,
    /// Why it failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trace: Option<String>,
}

/// The state of a task.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TaskStatus {
    /// Its number.
    pub id: usize,
    /// How it is.
    #[serde(flatten)]
    pub standing: Standing,
}

/// `GET /connectors/{name}/status`
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ConnectorStatus {
    /// Its name.
    pub name: String,
    /// How it is.
    pub connector: Standing,
    /// How its tasks are.
    pub tasks: Vec<TaskStatus>,
    /// `sink`
    #[serde(rename = "type")]
    pub kind: &'static str,
}
