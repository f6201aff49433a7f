//! All connectors as the REST API and the admin API ask for them: those of this process alone, or of several workers.

use std::collections::BTreeSet;
use std::sync::Arc;

use messina_connect::config::Problem;

use super::error::HerderError;
use super::keeping::Herder;
use super::offsets::PartitionOffset;
use super::properties::Properties;
use super::shared::{For, SharedHerder, Whereabouts};
use super::state::{ConnectorInfo, ConnectorStatus, Target, TaskStatus};
use crate::config::OverridePolicy;
use crate::sink::SinkStatus;
use crate::sink::dead_letter::{DEAD_LETTER_OPTION, dead_letter_topics};

/// Who looks after the connectors.
#[derive(Debug, Clone)]
pub enum Connectors {
    /// This process alone.
    Alone(Arc<Herder>),
    /// It and others.
    Shared(Arc<SharedHerder>),
}

/// Asks whichever it is.
macro_rules! ask {
    ($own:expr, $herder:ident => $call:expr) => {
        match $own {
            Connectors::Alone($herder) => $call,
            Connectors::Shared($herder) => $call,
        }
    };
}

impl Connectors {
    /// Where a request is to go.
    pub async fn whereabouts(&self, asked: For<'_>) -> Result<Whereabouts, HerderError> {
        match self {
            Self::Alone(_) => Ok(Whereabouts::Here),
            Self::Shared(herder) => herder.whereabouts(asked).await,
        }
    }

    /// What the cluster calls itself that has the log.
    pub fn cluster(&self) -> &str {
        match self {
            Self::Alone(herder) => herder.cluster(),
            Self::Shared(herder) => herder.cluster(),
        }
    }

    /// The names of all connectors, sorted.
    pub fn names(&self) -> Vec<String> {
        ask!(self, herder => herder.names())
    }

    /// A connector's options and tasks.
    pub fn info(&self, name: &str) -> Result<ConnectorInfo, HerderError> {
        ask!(self, herder => herder.info(name))
    }

    /// The options of a connector's tasks.
    pub fn tasks(&self, name: &str) -> Result<Vec<Properties>, HerderError> {
        match self {
            Self::Alone(herder) => herder.tasks(name),
            Self::Shared(herder) => herder.tasks(name),
        }
    }

    /// How a connector and its tasks are.
    pub fn status(&self, name: &str) -> Result<ConnectorStatus, HerderError> {
        ask!(self, herder => herder.status(name))
    }

    /// How one task is.
    pub fn task_status(&self, name: &str, task: usize) -> Result<TaskStatus, HerderError> {
        ask!(self, herder => herder.task_status(name, task))
    }

    /// The topics a connector has read from.
    pub fn topics(&self, name: &str) -> Vec<String> {
        ask!(self, herder => herder.topics(name))
    }

    /// The topics in which connectors keep records that fail.
    pub fn dead_letter_topics(&self) -> BTreeSet<String> {
        let names = self.names().into_iter();
        let infos: Vec<_> = names.filter_map(|name| self.info(&name).ok()).collect();
        let topics = infos.iter().map(|own| own.config.get(DEAD_LETTER_OPTION));
        dead_letter_topics(topics.map(|option| option.map(String::as_str)))
    }

    /// Forgets which topics a connector has read from.
    pub async fn reset_topics(&self, name: &str) {
        match self {
            Self::Alone(herder) => herder.reset_topics(name),
            Self::Shared(herder) => herder.reset_topics(name).await,
        }
    }

    /// What the tasks of this process say of themselves.
    pub fn sinks(&self) -> Vec<Arc<SinkStatus>> {
        ask!(self, herder => herder.sinks())
    }

    /// What cannot be started in this process, and why.
    pub fn unprepared(&self) -> Vec<(String, String)> {
        ask!(self, herder => herder.unprepared())
    }

    /// Compiles options a request gives, without keeping anything.
    pub fn check(&self, name: &str, properties: &Properties) -> Vec<Problem> {
        ask!(self, herder => herder.check(name, properties))
    }

    /// Makes a connector. Its tasks come a moment later, so what is given has none yet.
    pub async fn create(
        &self,
        name: &str,
        properties: Properties,
        target: Target,
    ) -> Result<ConnectorInfo, HerderError> {
        ask!(self, herder => herder.create(name, properties, target).await)
    }

    /// Makes a connector or changes its options; the second says whether it was made.
    pub async fn put(
        &self,
        name: &str,
        properties: Properties,
    ) -> Result<(ConnectorInfo, bool), HerderError> {
        ask!(self, herder => herder.put(name, properties).await)
    }

    /// Changes some of a connector's options; none as a value takes an option away. `check` may refuse the result.
    pub async fn patch<E: From<HerderError>>(
        &self,
        name: &str,
        patch: Vec<(String, Option<String>)>,
        check: impl FnOnce(&Properties) -> Result<(), E>,
    ) -> Result<ConnectorInfo, E> {
        ask!(self, herder => herder.patch(name, patch, check).await)
    }

    /// Whether requests may change a connector, or delete it: not one of the configuration.
    pub fn may_change(&self, name: &str) -> Result<(), HerderError> {
        match self {
            Self::Alone(herder) => herder.may_change(name),
            Self::Shared(herder) => herder.info(name).map(drop),
        }
    }

    /// Ends a connector and forgets it; its offsets stay.
    pub async fn delete(&self, name: &str) -> Result<(), HerderError> {
        ask!(self, herder => herder.delete(name).await)
    }

    /// Pauses, stops or resumes a connector.
    pub async fn set_target(&self, name: &str, target: Target) -> Result<(), HerderError> {
        ask!(self, herder => herder.set_target(name, target).await)
    }

    /// Starts a connector again, with its tasks if asked, or only what has failed. Gives its status as of then.
    pub async fn restart(
        &self,
        name: &str,
        tasks: bool,
        only_failed: bool,
    ) -> Result<ConnectorStatus, HerderError> {
        ask!(self, herder => herder.restart(name, tasks, only_failed).await)
    }

    /// Starts a task again.
    pub async fn restart_task(&self, name: &str, task: usize) -> Result<(), HerderError> {
        match self {
            Self::Alone(herder) => herder.restart_task(name, task).await,
            Self::Shared(herder) => herder.restart_task(name, task),
        }
    }

    /// Has all other workers change a logger's level, if there are any.
    pub async fn set_level(&self, logger: &str, level: &str) -> Result<(), HerderError> {
        match self {
            Self::Alone(_) => Ok(()),
            Self::Shared(herder) => herder.set_level(logger, level).await,
        }
    }

    /// Which of their clients' settings connectors may have of their own.
    pub fn overrides(&self) -> OverridePolicy {
        ask!(self, herder => herder.overrides())
    }

    /// Committed offsets, by topic and partition.
    pub async fn offsets(&self, name: &str) -> Result<Vec<PartitionOffset>, HerderError> {
        ask!(self, herder => herder.offsets(name).await)
    }

    /// Moves a stopped connector to other offsets.
    pub async fn alter_offsets(
        &self,
        name: &str,
        offsets: Vec<PartitionOffset>,
    ) -> Result<(), HerderError> {
        ask!(self, herder => herder.alter_offsets(name, offsets).await)
    }

    /// Lets a stopped connector begin anew.
    pub async fn reset_offsets(&self, name: &str) -> Result<(), HerderError> {
        ask!(self, herder => herder.reset_offsets(name).await)
    }
}
