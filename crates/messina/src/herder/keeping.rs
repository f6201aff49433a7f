//! The herder itself: what it starts with, and how a connector's task is started and ended.

use std::collections::BTreeMap;
use std::sync::Arc;

use messina_connect::config::{ConnectorConfig, Problem};
use messina_store::log::Log;
use parking_lot::Mutex;
use tokio_util::sync::CancellationToken;

use super::error::HerderError;
use super::factory::Factory;
use super::managed::{Managed, Origin, Run};
use super::properties::{Properties, connector_config, properties_of};
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
                has_task: durable.tasks > 0,
                prepared,
                running: None,
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
        let managed = Managed {
            origin: Origin::Configuration,
            properties: properties_of(config),
            target,
            has_task: target != Target::Stopped,
            prepared: Ok(self.prepare(config)?),
            running: None,
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

    /// Compiles a connector.
    pub(super) fn prepare(&self, config: &ConnectorConfig) -> Result<Arc<Connector>, HerderError> {
        let made = self.parts.factory.connector(config);
        made.map(Arc::new).map_err(HerderError::Invalid)
    }

    /// Compiles options a request gives, without keeping anything.
    pub fn check(&self, name: &str, properties: &Properties) -> Vec<Problem> {
        let config = connector_config(name, properties);
        self.parts.factory.check(&config).err().unwrap_or_default()
    }

    /// Starts a connector's task if it is to run and does not. It gets its task now if it had none.
    pub(super) async fn start(self: &Arc<Self>, name: &str) -> Result<(), HerderError> {
        let Some((connector, first)) = self.to_start(name) else {
            self.tell(name).await;
            return Ok(());
        };
        if let Some(properties) = first {
            let changes = records::tasks(name, &properties, 1);
            self.configs.write(changes).await?;
        }
        let run = Run {
            stop: self.parts.stop.child_token(),
            ended: CancellationToken::new(),
        };
        let (stop, ended) = (run.stop.clone(), run.ended.clone().drop_guard());
        if let Some(managed) = self.connectors.lock().get_mut(name) {
            managed.has_task = true;
            managed.running = Some(run);
        }
        let (herder, name) = (Arc::downgrade(self), name.to_owned());
        connector.status().starting();
        self.parts.tasks.spawn("sink", async move {
            if let Some(herder) = herder.upgrade() {
                herder.tell(&name).await;
            }
            connector.run(stop).await;
            drop(ended);
            if let Some(herder) = herder.upgrade() {
                herder.tell(&name).await;
            }
        });
        Ok(())
    }

    /// What is to be started, and its options if it is to get its first task.
    fn to_start(&self, name: &str) -> Option<(Arc<Connector>, Option<Properties>)> {
        let connectors = self.connectors.lock();
        let managed = connectors.get(name)?;
        if managed.target != Target::Started || managed.running.is_some() {
            return None;
        }
        let stored = managed.origin == Origin::Request && !managed.has_task;
        let connector = managed.prepared.as_ref().ok().map(Arc::clone)?;
        Some((connector, stored.then(|| managed.properties.clone())))
    }

    /// Ends a connector's task in order, if it runs.
    pub(super) async fn end(&self, name: &str) {
        let run = {
            let mut connectors = self.connectors.lock();
            connectors.get_mut(name).and_then(|own| own.running.take())
        };
        if let Some(run) = run {
            run.end().await;
        }
    }

    /// Writes down how a connector is, for other tools; what is started again is decided by what is wanted of it.
    pub(super) async fn tell(&self, name: &str) {
        let status = {
            let connectors = self.connectors.lock();
            let managed = connectors.get(name);
            managed.map(|own| own.status(name, &self.parts.worker_id))
        };
        if let Some(status) = status {
            self.write_status(records::status(&status)).await;
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
        let prepared = connectors
            .values()
            .filter_map(|own| own.prepared.as_ref().ok());
        prepared.map(|connector| connector.status()).collect()
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
