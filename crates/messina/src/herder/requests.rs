//! What can be asked of the herder.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::error::HerderError;
use super::keeping::Herder;
use super::managed::{Managed, Origin};
use super::properties::{Properties, connector_config};
use super::records;
use super::state::{ConnectorInfo, ConnectorStatus, State, Target, TaskStatus};
use crate::config::OverridePolicy;

impl Herder {
    /// What the cluster calls itself that has the log.
    pub fn cluster(&self) -> &str {
        &self.parts.cluster
    }

    /// Which of their clients' settings connectors may have of their own.
    pub fn overrides(&self) -> OverridePolicy {
        self.parts.factory.overrides.clone()
    }

    /// The names of all connectors, sorted.
    pub fn names(&self) -> Vec<String> {
        self.connectors.lock().keys().cloned().collect()
    }

    /// A connector's options and tasks.
    pub fn info(&self, name: &str) -> Result<ConnectorInfo, HerderError> {
        self.look(name, |own| own.info(name))
    }

    /// The options of a connector's tasks.
    pub fn tasks(&self, name: &str) -> Result<Vec<Properties>, HerderError> {
        self.look(name, Managed::task_properties)
    }

    /// How a connector and its tasks are.
    pub fn status(&self, name: &str) -> Result<ConnectorStatus, HerderError> {
        let unknown = || HerderError::Unknown(format!("No status found for connector {name}"));
        let status = |own: &Managed| own.status(name, &self.parts.worker_id);
        self.look(name, status).map_err(|_other| unknown())
    }

    /// How one task is.
    pub fn task_status(&self, name: &str, task: usize) -> Result<TaskStatus, HerderError> {
        let unknown = || HerderError::Unknown(format!("No status found for task {name}-{task}"));
        let status = self.status(name).map_err(|_other| unknown())?;
        let mut tasks = status.tasks.into_iter();
        tasks.find(|own| own.id == task).ok_or_else(unknown)
    }

    /// The topics a connector has read from since it was started or asked to forget them.
    pub fn topics(&self, name: &str) -> Vec<String> {
        let connectors = self.connectors.lock();
        let tasks = connectors.get(name).into_iter();
        let tasks = tasks.flat_map(Managed::connectors);
        let topics = tasks.flat_map(|task| task.status().topics());
        topics.collect::<BTreeSet<_>>().into_iter().collect()
    }

    /// Forgets which topics a connector has read from.
    pub fn reset_topics(&self, name: &str) {
        let connectors = self.connectors.lock();
        let tasks = connectors.get(name).into_iter();
        for task in tasks.flat_map(Managed::connectors) {
            task.status().forget_topics();
        }
    }

    pub(super) fn look<T>(
        &self,
        name: &str,
        at: impl FnOnce(&Managed) -> T,
    ) -> Result<T, HerderError> {
        let connectors = self.connectors.lock();
        let found = connectors.get(name).map(at);
        found.ok_or_else(|| HerderError::Unknown(format!("Connector {name} not found")))
    }

    /// Makes a connector. Its task comes a moment later, so what is given has none yet.
    pub async fn create(
        self: &Arc<Self>,
        name: &str,
        properties: Properties,
        target: Target,
    ) -> Result<ConnectorInfo, HerderError> {
        let _changing = self.changing.lock().await;
        if self.connectors.lock().contains_key(name) {
            return Err(HerderError::Exists(name.to_owned()));
        }
        self.make(name, properties, target).await
    }

    /// Makes a connector or changes its options; the second says whether it was made.
    pub async fn put(
        self: &Arc<Self>,
        name: &str,
        properties: Properties,
    ) -> Result<(ConnectorInfo, bool), HerderError> {
        let _changing = self.changing.lock().await;
        if self.connectors.lock().contains_key(name) {
            let info = self.change(name, properties).await?;
            return Ok((info, false));
        }
        let info = self.make(name, properties, Target::Started).await?;
        Ok((info, true))
    }

    /// Changes some of a connector's options; none as a value takes an option away. `check` may refuse the result.
    pub async fn patch<E: From<HerderError>>(
        self: &Arc<Self>,
        name: &str,
        patch: Vec<(String, Option<String>)>,
        check: impl FnOnce(&Properties) -> Result<(), E>,
    ) -> Result<ConnectorInfo, E> {
        let _changing = self.changing.lock().await;
        self.may_change(name)?;
        let mut properties = self.look(name, |own| own.properties.clone())?;
        for (option, value) in patch {
            match value {
                Some(value) => properties.insert(option, value),
                None => properties.remove(&option),
            };
        }
        check(&properties)?;
        Ok(self.change(name, properties).await?)
    }

    async fn make(
        self: &Arc<Self>,
        name: &str,
        properties: Properties,
        target: Target,
    ) -> Result<ConnectorInfo, HerderError> {
        let limit = self.parts.max_connectors;
        if self.connectors.lock().len() >= limit {
            return Err(HerderError::Full(limit));
        }
        let prepared = self.prepare(&connector_config(name, &properties))?;
        let mut changes = vec![records::connector(name, &properties)];
        changes.push(records::target(name, target));
        self.configs.write(changes).await?;
        let managed = Managed {
            origin: Origin::Request,
            properties,
            target,
            tasks: 0,
            prepared: Ok(prepared),
            running: BTreeMap::new(),
        };
        let info = managed.info(name);
        self.begin(name, managed).await?;
        tracing::info!(connector = name, ?target, "a connector was made");
        Ok(info)
    }

    /// Replaces a connector's options: what they were is finished first.
    async fn change(
        self: &Arc<Self>,
        name: &str,
        properties: Properties,
    ) -> Result<ConnectorInfo, HerderError> {
        self.may_change(name)?;
        let prepared = self.prepare(&connector_config(name, &properties))?;
        let mut changes = vec![records::connector(name, &properties)];
        let (before, mut tasks) = self.look(name, |own| (own.tasks, own.tasks))?;
        if tasks > 0 {
            tasks = prepared.len();
            changes.extend(records::tasks(name, &properties, tasks));
        }
        self.configs.write(changes).await?;
        self.end(name, |_| true).await;
        if let Some(managed) = self.connectors.lock().get_mut(name) {
            managed.properties = properties;
            managed.prepared = Ok(prepared);
            managed.tasks = tasks;
        }
        if tasks < before {
            let gone = records::no_task_status(name, tasks..before);
            self.write_status(gone).await;
        }
        self.start(name).await?;
        tracing::info!(connector = name, "a connector was changed");
        self.info(name)
    }

    /// Whether requests may change a connector, or delete it: not one of the configuration.
    pub fn may_change(&self, name: &str) -> Result<(), HerderError> {
        match self.look(name, |own| own.origin)? {
            Origin::Request => Ok(()),
            Origin::Configuration => Err(HerderError::Configured(name.to_owned())),
        }
    }

    /// Ends a connector and forgets it; its offsets stay.
    pub async fn delete(&self, name: &str) -> Result<(), HerderError> {
        let _changing = self.changing.lock().await;
        self.may_change(name)?;
        let tasks = self.look(name, |own| own.tasks.max(own.connectors().len()))?;
        self.configs.write(records::deleted(name, tasks)).await?;
        self.end(name, |_| true).await;
        self.connectors.lock().remove(name);
        self.write_status(records::no_status(name, tasks)).await;
        tracing::info!(connector = name, "a connector was deleted");
        Ok(())
    }

    /// Pauses, stops or resumes a connector; done when that is durable and done.
    pub async fn set_target(
        self: &Arc<Self>,
        name: &str,
        target: Target,
    ) -> Result<(), HerderError> {
        let _changing = self.changing.lock().await;
        let unknown = || HerderError::Unknown(format!("Unknown connector {name}"));
        let look = self.look(name, |own| {
            let tasks = own.tasks.max(own.connectors().len());
            (own.origin, own.properties.clone(), tasks)
        });
        let (origin, properties, before) = look.map_err(|_other| unknown())?;
        let mut changes = vec![records::target(name, target)];
        if target == Target::Stopped && origin == Origin::Request {
            changes.extend(records::tasks(name, &properties, 0));
        }
        self.configs.write(changes).await?;
        if let Some(managed) = self.connectors.lock().get_mut(name) {
            managed.target = target;
            if target == Target::Stopped {
                managed.tasks = 0;
            }
        }
        if target != Target::Started {
            self.end(name, |_| true).await;
            for task in self.look(name, |own| own.connectors().to_vec())? {
                task.status().resting(target == Target::Paused);
            }
        }
        if target == Target::Stopped {
            let gone = records::no_task_status(name, 0..before);
            self.write_status(gone).await;
        }
        self.start(name).await
    }

    /// Starts a connector again, with its tasks if asked, or only what has failed. Gives its status as of then.
    pub async fn restart(
        self: &Arc<Self>,
        name: &str,
        tasks: bool,
        only_failed: bool,
    ) -> Result<ConnectorStatus, HerderError> {
        let _changing = self.changing.lock().await;
        let unknown = || HerderError::Unknown(format!("Unknown connector: {name}"));
        let mut status = self.status(name).map_err(|_other| unknown())?;
        let due = |state| !only_failed || state == State::Failed;
        let own_due = due(status.connector.state);
        if own_due {
            status.connector.state = State::Restarting;
            status.connector.trace = None;
        }
        let mut again = BTreeSet::new();
        for task in &mut status.tasks {
            if tasks && due(task.standing.state) {
                task.standing.state = State::Restarting;
                task.standing.trace = None;
                again.insert(task.id);
            }
        }
        if own_due && self.look(name, |own| own.prepared.is_err())? {
            self.prepare_again(name)?;
        }
        self.end(name, |task| again.contains(&task)).await;
        self.start(name).await?;
        Ok(status)
    }

    /// Starts a task again.
    pub async fn restart_task(
        self: &Arc<Self>,
        name: &str,
        task: usize,
    ) -> Result<(), HerderError> {
        let _changing = self.changing.lock().await;
        let unknown = |what: String| HerderError::Unknown(what);
        let tasks = self.look(name, |own| own.tasks);
        let tasks = tasks.map_err(|_other| unknown(format!("Unknown connector: {name}")))?;
        if task >= tasks {
            return Err(unknown(format!("Unknown task: {name}-{task}")));
        }
        self.end(name, |own| own == task).await;
        self.start(name).await
    }

    /// A connector that could not be compiled may now: a variable resolves, a table is there.
    fn prepare_again(&self, name: &str) -> Result<(), HerderError> {
        let config = self.look(name, |own| connector_config(name, &own.properties))?;
        let prepared = self.prepare(&config).map_err(|error| error.to_string());
        if let Some(managed) = self.connectors.lock().get_mut(name) {
            managed.prepared = prepared;
        }
        Ok(())
    }
}
