//! The tasks this worker runs, and what it has said of them.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::super::managed::Run;
use super::super::properties::Properties;
use super::super::state::State;
use crate::sink::{Connector, TaskState};

/// A connector's name and a task's number.
pub(super) type TaskKey = (String, usize);

/// What is to run here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Wanted {
    /// The connector's options.
    pub(super) properties: Properties,
    /// It keeps its place and does nothing.
    pub(super) paused: bool,
}

/// A task that is here.
#[derive(Debug)]
pub(super) struct RunningTask {
    pub(super) wanted: Wanted,
    pub(super) body: Body,
    /// The state that was last written down.
    pub(super) told: Option<Told>,
    /// Topics that were written down as read from.
    pub(super) told_topics: BTreeSet<String>,
}

/// A state, and why it is so.
pub(super) type Told = (State, Option<String>);

#[derive(Debug)]
pub(super) enum Body {
    /// Paused.
    Resting,
    /// It could not be made; the text says why.
    Failed(String),
    /// It was started, and may have ended.
    Made(Arc<Connector>, Run),
}

impl RunningTask {
    /// How it is, in Kafka Connect's words: waiting for a table is running.
    pub(super) fn state(&self) -> Told {
        match &self.body {
            Body::Resting => (State::Paused, None),
            Body::Failed(trace) => (State::Failed, Some(trace.clone())),
            Body::Made(connector, _) => match connector.status().state() {
                TaskState::Failed { trace } => (State::Failed, Some(trace)),
                TaskState::Running | TaskState::Retrying { .. } => (State::Running, None),
                TaskState::Unassigned | TaskState::Paused | TaskState::Stopped => {
                    (State::Unassigned, None)
                }
            },
        }
    }

    /// Topics it has read from.
    pub(super) fn topics(&self) -> Vec<String> {
        match &self.body {
            Body::Made(connector, _) => connector.status().topics(),
            Body::Resting | Body::Failed(_) => Vec::new(),
        }
    }
}

/// A connector whose first slot is here: this worker says how it is.
#[derive(Debug, Default)]
pub(super) struct OwnConnector {
    /// The options it was judged by.
    pub(super) properties: Properties,
    /// Why it cannot be, if it cannot.
    pub(super) wrong: Option<String>,
    pub(super) told: Option<Told>,
}
