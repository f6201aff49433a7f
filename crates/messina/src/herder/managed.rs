//! One connector: what is wanted of it, and what runs of it.

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
    /// Whether it has a task: not before it first runs, and not while it is stopped.
    pub(super) has_task: bool,
    /// Ready to run, or why it cannot.
    pub(super) prepared: Result<Arc<Connector>, String>,
    pub(super) running: Option<Run>,
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
        let task = || TaskId {
            connector: name.to_owned(),
            task: 0,
        };
        ConnectorInfo {
            name: name.to_owned(),
            config: self.properties.clone(),
            tasks: self.has_task.then(task).into_iter().collect(),
            kind: "sink",
        }
    }

    /// The options of its task, if it has one.
    pub(super) fn task_properties(&self) -> Option<Properties> {
        self.has_task
            .then(|| records::task_properties(&self.properties))
    }

    pub(super) fn status(&self, name: &str, worker: &str) -> ConnectorStatus {
        let standing = |(state, trace)| Standing {
            state,
            worker_id: worker.to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            trace,
        };
        let task = |(state, trace)| TaskStatus {
            id: 0,
            standing: standing((state, trace)),
        };
        ConnectorStatus {
            name: name.to_owned(),
            connector: standing(self.own_state()),
            tasks: self.task_state().map(task).into_iter().collect(),
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

    fn task_state(&self) -> Option<(State, Option<String>)> {
        let connector = self.prepared.as_ref().ok()?;
        if !self.has_task {
            return None;
        }
        let state = match (connector.status().state(), self.target) {
            (TaskState::Failed { trace }, _) => return Some((State::Failed, Some(trace))),
            (_, Target::Paused | Target::Stopped) => State::Paused,
            // Kafka Connect does not tell waiting for a table from working.
            (TaskState::Running | TaskState::Retrying { .. }, Target::Started) => State::Running,
            (TaskState::Unassigned | TaskState::Paused | TaskState::Stopped, Target::Started) => {
                State::Unassigned
            }
        };
        Some((state, None))
    }
}
