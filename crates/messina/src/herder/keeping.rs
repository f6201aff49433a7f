//! The herder itself: what it starts with, and how a connector's task is started and ended.

use std::collections::BTreeMap;
use std::sync::{Arc, Weak};

use futures_util::future::{join, join_all};
use messina_connect::config::{ConnectorConfig, Problem};
use messina_store::log::Log;
use parking_lot::Mutex;
use tokio_util::sync::CancellationToken;

use super::error::HerderError;
use super::factory::Factory;
use super::managed::{Managed, Origin, Run};
use super::properties::{MAX_TASKS, Properties, connector_config, properties_of, tasks_of};
use super::records::{self, Stored};
use super::state::Target;
use super::state_topic::{Change, StateTopic};
use crate::record_log::kafka::KafkaGroups;
use crate::runtime::clock::Clock;
use crate::runtime::tasks::Tasks;
use crate::sink::{Connector, SinkStatus};

/// What a herder is made of.
#[derive(Debug)]
pub struct Parts {
    /// The log: connectors' records and offsets are in it.
    pub log: Log,
    /// Makes connectors.
    pub factory: Factory,
    /// Runs their tasks.
    pub tasks: Tasks,
    /// Ends all tasks.
    pub stop: CancellationToken,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// What this worker is called in a status: where its REST API is.
    pub worker_id: String,
    /// Connectors at most.
    pub max_connectors: usize,
    /// Where the offsets are if the log is Kafka; else they are in `log`.
    pub groups: Option<KafkaGroups>,
    /// What the cluster calls itself that has the log.
    pub cluster: String,
}

/// Looks after all connectors.
#[derive(Debug)]
pub struct Herder {
    pub(super) parts: Parts,
    pub(super) configs: StateTopic,
    statuses: StateTopic,
    /// Held while something is changed: one change at a time.
    pub(super) changing: tokio::sync::Mutex<()>,
    /// Held from looking how something is until that is written down: what is written later is newer.
    telling: tokio::sync::Mutex<()>,
    pub(super) connectors: Mutex<BTreeMap<String, Managed>>,
}

impl Herder {
    /// Reads what is durable, and starts every connector that is to run: those of the configuration, and those
    /// requests have made. One that cannot be started is `FAILED`, and says why.
    pub async fn open(
        parts: Parts,
        configured: &[ConnectorConfig],
    ) -> Result<Arc<Self>, HerderError> {
        let (configs, read) = StateTopic::open(&parts.log, records::CONFIGS, &parts.clock).await?;
        let (statuses, _) = StateTopic::open(&parts.log, records::STATUSES, &parts.clock).await?;
        let herder = Arc::new(Self {
            parts,
            configs,
            statuses,
            changing: tokio::sync::Mutex::default(),
            telling: tokio::sync::Mutex::default(),
            connectors: Mutex::default(),
        });
        let mut stored = records::stored(&read);
        for config in configured {
            let durable = stored.remove(&config.name).unwrap_or_default();
            herder.configured(config, &durable).await?;
        }
        for (name, durable) in stored {
            let Some(properties) = durable.properties else {
                continue;
            };
            let config = connector_config(&name, &properties);
            let prepared = herder.prepare(&config).map_err(|error| error.to_string());
            let managed = Managed {
                origin: Origin::Request,
                properties,
                target: durable.target.unwrap_or_default(),
                tasks: usize::try_from(durable.tasks).map_or(MAX_TASKS, |own| own.min(MAX_TASKS)),
                prepared,
                running: BTreeMap::new(),
            };
            herder.begin(&name, managed).await?;
        }
        Ok(herder)
    }

    /// A connector of the configuration: a wrong one ends the start, as its author is looking.
    async fn configured(
        self: &Arc<Self>,
        config: &ConnectorConfig,
        durable: &Stored,
    ) -> Result<(), HerderError> {
        let name = &config.name;
        if durable.properties.is_some() {
            tracing::warn!(
                connector = name,
                "a connector of the configuration hides one that was made by a request"
            );
        }
        let target = durable.target.unwrap_or_default();
        let prepared = self.prepare(config)?;
        let managed = Managed {
            origin: Origin::Configuration,
            properties: properties_of(config),
            target,
            tasks: match target {
                Target::Started | Target::Paused => prepared.len(),
                Target::Stopped => 0,
            },
            prepared: Ok(prepared),
            running: BTreeMap::new(),
        };
        self.begin(name, managed).await
    }

    /// Takes a connector up, and starts it if it is to run.
    pub(super) async fn begin(
        self: &Arc<Self>,
        name: &str,
        managed: Managed,
    ) -> Result<(), HerderError> {
        if let Err(trace) = &managed.prepared {
            tracing::error!(connector = name, trace, "a connector cannot be started");
        }
        self.connectors.lock().insert(name.to_owned(), managed);
        self.start(name).await
    }

    /// Compiles a connector, as each of the tasks it is to have.
    pub(super) fn prepare(
        &self,
        config: &ConnectorConfig,
    ) -> Result<Vec<Arc<Connector>>, HerderError> {
        let asked = tasks_of(config.text("tasks.max"))?;
        // Partitions of the embedded log are this process's in any case: one task reads them all.
        let count = if self.parts.groups.is_some() {
            asked
        } else {
            1
        };
        let made = self.parts.factory.connector(config);
        let made = made.map_err(HerderError::Invalid)?;
        Ok((0..count)
            .map(|task| Arc::new(made.as_task(task)))
            .collect())
    }

    /// Compiles options a request gives, without keeping anything.
    pub fn check(&self, name: &str, properties: &Properties) -> Vec<Problem> {
        let config = connector_config(name, properties);
        self.parts.factory.check(&config).err().unwrap_or_default()
    }

    /// Starts the tasks of a connector that are to run and do not. It gets its tasks now if it had none.
    pub(super) async fn start(self: &Arc<Self>, name: &str) -> Result<(), HerderError> {
        let due = self.to_start(name);
        if !due.is_empty() {
            self.provide_tasks(name).await?;
        }
        for (task, connector) in due {
            self.run(name, task, connector);
        }
        self.tell(name).await;
        Ok(())
    }

    /// Writes down the tasks of a connector if it is to have others than it had.
    async fn provide_tasks(&self, name: &str) -> Result<(), HerderError> {
        let (count, other) = self.look(name, |managed| {
            let count = managed.connectors().len();
            let stored = managed.origin == Origin::Request && managed.tasks != count;
            let other = stored.then(|| records::tasks(name, &managed.properties, count));
            (count, other)
        })?;
        if let Some(changes) = other {
            self.configs.write(changes).await?;
        }
        if let Some(managed) = self.connectors.lock().get_mut(name) {
            managed.tasks = count;
        }
        Ok(())
    }

    /// Runs a task until it ends, and tells of both.
    fn run(self: &Arc<Self>, name: &str, task: usize, connector: Arc<Connector>) {
        let run = Run {
            stop: self.parts.stop.child_token(),
            ended: CancellationToken::new(),
        };
        let (stop, ended) = (run.stop.clone(), run.ended.clone().drop_guard());
        if let Some(managed) = self.connectors.lock().get_mut(name) {
            managed.running.insert(task, run);
        }
        let (herder, name) = (Arc::downgrade(self), name.to_owned());
        connector.status().starting();
        self.parts.tasks.spawn("sink", async move {
            // Told of as soon as it runs, which it says of itself first.
            join(connector.run(stop), tell_of(&herder, &name, task)).await;
            tell_of(&herder, &name, task).await;
            // Only now: whoever waits for its end may take back what was told of it.
            drop(ended);
        });
    }

    /// The tasks that are to be started.
    fn to_start(&self, name: &str) -> Vec<(usize, Arc<Connector>)> {
        let connectors = self.connectors.lock();
        let managed = connectors.get(name);
        let managed = managed.filter(|own| own.target == Target::Started);
        let Some(managed) = managed else {
            return Vec::new();
        };
        let all = managed.connectors().iter().cloned().enumerate();
        let due = all.filter(|(task, _)| !managed.running.contains_key(task));
        due.collect()
    }

    /// Ends those of a connector's tasks that run and are meant, in order.
    pub(super) async fn end(&self, name: &str, meant: impl Fn(usize) -> bool) {
        let ending: Vec<Run> = {
            let mut connectors = self.connectors.lock();
            let running = connectors.get_mut(name).map(|own| &mut own.running);
            let ending = running.map(|own| own.extract_if(.., |task, _| meant(*task)));
            ending.into_iter().flatten().map(|(_, run)| run).collect()
        };
        join_all(ending.into_iter().map(Run::end)).await;
    }

    /// Writes down how a connector is, for other tools; what is started again is decided by what is wanted of it.
    pub(super) async fn tell(&self, name: &str) {
        let _telling = self.telling.lock().await;
        if let Ok(status) = self.status(name) {
            self.write_status(records::status(&status)).await;
        }
    }

    /// Writes down how a task is, if there still is such a task.
    async fn tell_task(&self, name: &str, task: usize) {
        let _telling = self.telling.lock().await;
        if let Ok(status) = self.task_status(name, task) {
            let change = records::task_status(name, &status);
            self.write_status(vec![change]).await;
        }
    }

    pub(super) async fn write_status(&self, changes: Vec<Change>) {
        if let Err(error) = self.statuses.write(changes).await {
            tracing::warn!(%error, "the state of a connector could not be written down");
        }
    }

    /// What every connector's task says of itself.
    pub fn sinks(&self) -> Vec<Arc<SinkStatus>> {
        let connectors = self.connectors.lock();
        let all = connectors.values().flat_map(Managed::connectors);
        all.map(|connector| connector.status()).collect()
    }

    /// The connectors that cannot be started, and why.
    pub fn unprepared(&self) -> Vec<(String, String)> {
        let connectors = self.connectors.lock();
        let failed = |(name, own): (&String, &Managed)| {
            let trace = own.prepared.as_ref().err()?;
            Some((name.clone(), trace.clone()))
        };
        connectors.iter().filter_map(failed).collect()
    }
}

async fn tell_of(herder: &Weak<Herder>, name: &str, task: usize) {
    if let Some(herder) = herder.upgrade() {
        herder.tell_task(name, task).await;
    }
}
