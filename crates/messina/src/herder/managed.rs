//! One connector: what is wanted of it, and what runs of it.

use std::collections::BTreeMap;
use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use super::properties::Properties;
use super::records;
use super::state::{ConnectorInfo, ConnectorStatus, Standing, State, Target, TaskId, TaskStatus};
use crate::sink::{Connector, TaskState};

/// Where a connector comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Origin {
    /// A `[[sink]]` of the configuration, or a file on the command line.
    Configuration,
    /// A request; its options are in the topic of configurations.
    Request,
}

/// A connector the herder looks after.
#[derive(Debug)]
pub(super) struct Managed {
    pub(super) origin: Origin,
    pub(super) properties: Properties,
    pub(super) target: Target,
    /// How many tasks it has: none before it first runs, and none while it is stopped.
    pub(super) tasks: usize,
    /// As each of its tasks, ready to run; or why it cannot.
    pub(super) prepared: Result<Vec<Arc<Connector>>, String>,
    /// The tasks that were started, by number.
    pub(super) running: BTreeMap<usize, Run>,
}

/// A task that was started.
#[derive(Debug, Clone)]
pub(super) struct Run {
    /// Cancelled to end it.
    pub(super) stop: CancellationToken,
    /// Cancelled when it has ended.
    pub(super) ended: CancellationToken,
}

impl Run {
    /// Lets it finish what it is writing, and waits for that.
    pub(super) async fn end(self) {
        self.stop.cancel();
        self.ended.cancelled().await;
    }
}

impl Managed {
    pub(super) fn info(&self, name: &str) -> ConnectorInfo {
        let task = |task| TaskId {
            connector: name.to_owned(),
            task,
        };
        ConnectorInfo {
            name: name.to_owned(),
            config: self.properties.clone(),
            tasks: (0..self.tasks).map(task).collect(),
            kind: "sink",
        }
    }

    /// The options of its tasks.
    pub(super) fn task_properties(&self) -> Vec<Properties> {
        vec![records::task_properties(&self.properties); self.tasks]
    }

    /// As each task that it has.
    pub(super) fn connectors(&self) -> &[Arc<Connector>] {
        self.prepared.as_deref().unwrap_or_default()
    }

    pub(super) fn status(&self, name: &str, worker: &str) -> ConnectorStatus {
        let standing = |(state, trace)| Standing {
            state,
            worker_id: worker.to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            trace,
        };
        let has = self.connectors().iter().take(self.tasks);
        let tasks = has.enumerate().map(|(id, task)| TaskStatus {
            id,
            standing: standing(self.task_state(task)),
        });
        ConnectorStatus {
            name: name.to_owned(),
            connector: standing(self.own_state()),
            tasks: tasks.collect(),
            kind: "sink",
        }
    }

    fn own_state(&self) -> (State, Option<String>) {
        if let Err(trace) = &self.prepared {
            return (State::Failed, Some(trace.clone()));
        }
        let state = match self.target {
            Target::Started => State::Running,
            Target::Paused => State::Paused,
            Target::Stopped => State::Stopped,
        };
        (state, None)
    }

    fn task_state(&self, task: &Connector) -> (State, Option<String>) {
        let state = match (task.status().state(), self.target) {
            (TaskState::Failed { trace }, _) => return (State::Failed, Some(trace)),
            (_, Target::Paused | Target::Stopped) => State::Paused,
            // Kafka Connect does not tell waiting for a table from working.
            (TaskState::Running | TaskState::Retrying { .. }, Target::Started) => State::Running,
            (TaskState::Unassigned | TaskState::Paused | TaskState::Stopped, Target::Started) => {
                State::Unassigned
            }
        };
        (state, None)
    }
}
