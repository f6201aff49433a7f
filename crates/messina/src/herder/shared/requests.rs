//! What can be asked of a worker: looking is answered from what it has read, changing by the leader alone.

use std::sync::Arc;
use std::time::Duration;

use messina_connect::config::Problem;

use super::super::error::HerderError;
use super::super::properties::{Properties, connector_config, tasks_of as asked_tasks};
use super::super::records;
use super::super::state::{ConnectorInfo, ConnectorStatus, State, Target, TaskStatus};
use super::super::state_topic::Change;
use super::lead::{Pen, tasks_of};
use super::placement::slot;
use super::view::topic_key;
use super::worker::SharedHerder;
use crate::config::OverridePolicy;
use crate::sink::{SinkStatus, group_of};

/// How long a request waits for the group to settle before it is told to come again.
const UNTIL_SETTLED: Duration = Duration::from_secs(20);
const A_MOMENT: Duration = Duration::from_millis(100);

/// Who a request is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum For<'a> {
    /// The leader.
    Leader,
    /// The worker that has a task.
    Task(&'a str, usize),
}

/// Where that is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Whereabouts {
    /// This worker.
    Here,
    /// The REST API of another, `host:port`, with `https://` before it if it listens so.
    There(String),
}

impl SharedHerder {
    /// Where a request is to go. Waits for the group while it settles, and gives up in time.
    pub async fn whereabouts(&self, asked: For<'_>) -> Result<Whereabouts, HerderError> {
        let search = async {
            loop {
                if let Some(found) = self.find(asked).await? {
                    return Ok(found);
                }
                tokio::time::sleep(A_MOMENT).await;
            }
        };
        let found = tokio::time::timeout(UNTIL_SETTLED, search).await;
        found.unwrap_or(Err(HerderError::Stale))
    }

    async fn find(&self, asked: For<'_>) -> Result<Option<Whereabouts>, HerderError> {
        let task_slot = match asked {
            For::Leader => None,
            For::Task(name, task) => Some(slot(name, task, self.slots)),
        };
        let here = match task_slot {
            None => self.leads() && self.pen.lock().await.is_some(),
            Some(slot) => self.seat.lock().slots.contains(&slot),
        };
        if here {
            return Ok(Some(Whereabouts::Here));
        }
        let roster = self.tail.roster().await?;
        let found = task_slot.map_or_else(|| roster.leader(), |slot| roster.holder(slot));
        // If it is this one, it is about to find out.
        let other = found.filter(|worker| *worker != self.address());
        Ok(other.map(|worker| Whereabouts::There(worker.to_owned())))
    }

    /// Which of their clients' settings connectors may have of their own.
    pub fn overrides(&self) -> OverridePolicy {
        self.parts.factory.overrides.clone()
    }

    /// What the cluster calls itself.
    pub fn cluster(&self) -> &str {
        &self.parts.cluster
    }

    /// The names of all connectors, sorted.
    pub fn names(&self) -> Vec<String> {
        let names = |view: &super::view::View| {
            view.connectors()
                .map(|(name, ..)| name.to_owned())
                .collect()
        };
        self.tail.look(names)
    }

    /// A connector's options and tasks.
    pub fn info(&self, name: &str) -> Result<ConnectorInfo, HerderError> {
        self.tail
            .look(|view| view.info(name))
            .ok_or_else(|| not_found(name))
    }

    /// The options of a connector's tasks.
    pub fn tasks(&self, name: &str) -> Result<Vec<Properties>, HerderError> {
        let tasks = self
            .tail
            .look(|view| Some(view.connector_of(name)?.1.tasks.clone()));
        tasks.ok_or_else(|| not_found(name))
    }

    /// How a connector and its tasks are, as the workers have said.
    pub fn status(&self, name: &str) -> Result<ConnectorStatus, HerderError> {
        let status = self.tail.look(|view| view.connector_status(name));
        status.ok_or_else(|| HerderError::Unknown(format!("No status found for connector {name}")))
    }

    /// How one task is.
    pub fn task_status(&self, name: &str, task: usize) -> Result<TaskStatus, HerderError> {
        let unknown = || HerderError::Unknown(format!("No status found for task {name}-{task}"));
        let status = self.status(name).map_err(|_other| unknown())?;
        let mut tasks = status.tasks.into_iter();
        tasks.find(|own| own.id == task).ok_or_else(unknown)
    }

    /// The topics a connector has read from since it was asked to forget them.
    pub fn topics(&self, name: &str) -> Vec<String> {
        self.tail
            .look(|view| view.topics(name))
            .into_iter()
            .collect()
    }

    /// Forgets which topics a connector has read from.
    pub async fn reset_topics(&self, name: &str) {
        let topics = self.topics(name).into_iter();
        let forgotten = topics.map(|topic| (topic_key(&topic, name), None));
        self.statuses.write(forgotten.collect()).await;
    }

    /// What the tasks of this worker say of themselves.
    pub fn sinks(&self) -> Vec<Arc<SinkStatus>> {
        let running = self.running.lock();
        let status = |task: &super::running::RunningTask| match &task.body {
            super::running::Body::Made(connector, _) => Some(connector.status()),
            _ => None,
        };
        running.values().filter_map(status).collect()
    }

    /// The tasks of this worker that cannot be started, and why.
    pub fn unprepared(&self) -> Vec<(String, String)> {
        let running = self.running.lock();
        let failed = running
            .iter()
            .filter_map(|((name, _), task)| match &task.body {
                super::running::Body::Failed(trace) => Some((name.clone(), trace.clone())),
                _ => None,
            });
        failed.collect()
    }

    /// Compiles options a request gives, without keeping anything.
    pub fn check(&self, name: &str, properties: &Properties) -> Vec<Problem> {
        let config = connector_config(name, properties);
        let compiled = self.parts.factory.check(&config);
        compiled.err().unwrap_or_default()
    }

    /// Makes a connector. Its tasks come a moment later, so what is given has none yet.
    pub async fn create(
        &self,
        name: &str,
        properties: Properties,
        target: Target,
    ) -> Result<ConnectorInfo, HerderError> {
        let mut pen = self.pen().await?;
        if self.info(name).is_ok() {
            return Err(HerderError::Exists(name.to_owned()));
        }
        self.make(&mut pen, name, &properties, target).await
    }

    /// Makes a connector or changes its options; the second says whether it was made.
    pub async fn put(
        &self,
        name: &str,
        properties: Properties,
    ) -> Result<(ConnectorInfo, bool), HerderError> {
        let mut pen = self.pen().await?;
        if self.info(name).is_err() {
            let info = self
                .make(&mut pen, name, &properties, Target::Started)
                .await?;
            return Ok((info, true));
        }
        Ok((self.change(&mut pen, name, &properties).await?, false))
    }

    /// Changes some of a connector's options; none as a value takes an option away. `check` may refuse the result.
    pub async fn patch<E: From<HerderError>>(
        &self,
        name: &str,
        patch: Vec<(String, Option<String>)>,
        check: impl FnOnce(&Properties) -> Result<(), E>,
    ) -> Result<ConnectorInfo, E> {
        let mut pen = self.pen().await?;
        let mut properties = self.info(name)?.config;
        for (option, value) in patch {
            match value {
                Some(value) => properties.insert(option, value),
                None => properties.remove(&option),
            };
        }
        check(&properties)?;
        Ok(self.change(&mut pen, name, &properties).await?)
    }

    async fn make(
        &self,
        pen: &mut Pen<'_>,
        name: &str,
        properties: &Properties,
        target: Target,
    ) -> Result<ConnectorInfo, HerderError> {
        let limit = self.parts.max_connectors;
        if self.names().len() >= limit {
            return Err(HerderError::Full(limit));
        }
        self.must_compile(name, properties)?;
        // What is wanted of it stands first, so that nobody starts it meanwhile.
        let changes = vec![
            records::target(name, target),
            records::connector(name, properties),
        ];
        self.write(pen, changes).await?;
        tracing::info!(connector = name, ?target, "a connector was made");
        let mut info = self.info(name)?;
        info.tasks.clear();
        Ok(info)
    }

    async fn change(
        &self,
        pen: &mut Pen<'_>,
        name: &str,
        properties: &Properties,
    ) -> Result<ConnectorInfo, HerderError> {
        self.must_compile(name, properties)?;
        let mut changes = vec![records::connector(name, properties)];
        if !self.tasks(name)?.is_empty() {
            changes.extend(records::tasks(name, properties, tasks_of(properties)));
        }
        self.write(pen, changes).await?;
        tracing::info!(connector = name, "a connector was changed");
        self.info(name)
    }

    fn must_compile(&self, name: &str, properties: &Properties) -> Result<(), HerderError> {
        asked_tasks(properties.get("tasks.max").map(String::as_str))?;
        let workers = &self.parts.config.group;
        if group_of(name) == *workers {
            let text = format!(
                "Consumer group for sink connector named {name} conflicts with Connect worker group {workers}"
            );
            return Err(HerderError::Refused(text));
        }
        let problems = self.check(name, properties);
        if !problems.is_empty() {
            return Err(HerderError::Invalid(problems));
        }
        let group = self
            .parts
            .factory
            .group(&connector_config(name, properties));
        let (group, _) = group.map_err(HerderError::Invalid)?;
        if group == *workers {
            let text =
                format!("Consumer group {group} conflicts with Connect worker group {workers}");
            return Err(HerderError::Refused(text));
        }
        Ok(())
    }

    /// Deletes a connector; its offsets stay.
    pub async fn delete(&self, name: &str) -> Result<(), HerderError> {
        let mut pen = self.pen().await?;
        self.info(name)?;
        let keys = [format!("connector-{name}"), format!("target-state-{name}")];
        let changes: Vec<Change> = keys.into_iter().map(|key| (key, None)).collect();
        self.write(&mut pen, changes).await?;
        let keys = self.tail.look(|view| view.status_keys(name)).into_iter();
        self.statuses
            .write(keys.map(|key| (key, None)).collect())
            .await;
        tracing::info!(connector = name, "a connector was deleted");
        Ok(())
    }

    /// Pauses, stops or resumes a connector; done when every worker is going to know.
    pub async fn set_target(&self, name: &str, target: Target) -> Result<(), HerderError> {
        let mut pen = self.pen().await?;
        let unknown = || HerderError::Unknown(format!("Unknown connector {name}"));
        let properties = self.info(name).map_err(|_other| unknown())?.config;
        let mut changes = Vec::new();
        if target == Target::Stopped {
            changes.extend(records::tasks(name, &properties, 0));
        }
        changes.push(records::target(name, target));
        self.write(&mut pen, changes).await
    }

    /// Has a connector start again, with its tasks if asked, or only what has failed. Gives its status as of then.
    pub async fn restart(
        &self,
        name: &str,
        tasks: bool,
        only_failed: bool,
    ) -> Result<ConnectorStatus, HerderError> {
        let mut pen = self.pen().await?;
        let unknown = || HerderError::Unknown(format!("Unknown connector: {name}"));
        self.info(name).map_err(|_other| unknown())?;
        let mut status = self.status(name)?;
        let due = |state| !only_failed || state == State::Failed;
        if due(status.connector.state) {
            status.connector.state = State::Restarting;
            status.connector.trace = None;
        }
        for task in status
            .tasks
            .iter_mut()
            .filter(|task| tasks && due(task.standing.state))
        {
            task.standing.state = State::Restarting;
            task.standing.trace = None;
        }
        self.write(&mut pen, vec![records::restart(name, tasks, only_failed)])
            .await?;
        Ok(status)
    }

    /// Has every worker of the group change a logger's level.
    pub async fn set_level(&self, logger: &str, level: &str) -> Result<(), HerderError> {
        let level = level.to_ascii_uppercase();
        let change = records::level(logger, &level);
        Ok(self.statuses.write_configuration(change).await?)
    }

    /// Starts a task of this worker again.
    pub fn restart_task(&self, name: &str, task: usize) -> Result<(), HerderError> {
        let unknown = |what: String| HerderError::Unknown(what);
        let tasks = self.tasks(name);
        let tasks = tasks.map_err(|_other| unknown(format!("Unknown connector: {name}")))?;
        if task >= tasks.len() {
            return Err(unknown(format!("Unknown task: {name}-{task}")));
        }
        let is_here = self.start_again((name.to_owned(), task));
        is_here.then_some(()).ok_or(HerderError::Stale)
    }
}

fn not_found(name: &str) -> HerderError {
    HerderError::Unknown(format!("Connector {name} not found"))
}
