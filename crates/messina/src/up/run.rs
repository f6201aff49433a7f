//! From a checked configuration to a running program, and from a signal to its end.

use std::error::Error as _;
use std::sync::Arc;
use std::time::Duration;

use messina_store::log::Log;
use messina_store::table::{QueryLimits, TableStore};
use tokio::net::TcpListener;

use super::connectors::{Around, connectors, factory, worker_id};
use super::error::UpError;
use super::process::{Reloads, Signals, allow_many_connections};
use super::role::Role;
use super::sockets::{Ready, Sockets};
use super::stores::{Stores, topic_defaults};
use crate::access::Access;
use crate::config::{Config, RestConfig, RestListener};
use crate::console;
use crate::console::guard::Hosts;
use crate::console::log_view::LogView;
use crate::console::status::Sources;
use crate::gateway::accept::accept;
use crate::gateway::produce::Topics;
use crate::gateway::route::Routes;
use crate::gateway::server::{Gateway, Parts};
use crate::herder::Connectors;
use crate::listener::{Below, Listening, tls_client};
use crate::record_log::LogWriter;
use crate::record_log::kafka::browse::KafkaBrowser;
use crate::rest::{self, Api, Login};
use crate::runtime::clock::{Clock, SystemClock};
use crate::runtime::shutdown::Shutdown;
use crate::runtime::tasks::Tasks;
use crate::sink::dead_letter::dead_letter_topics_of;
use crate::table::cql::CqlReader;
use crate::telemetry::health::Health;
use crate::telemetry::metrics::Metrics;

/// How long connections may take to finish what they have begun, once the program is told to stop.
const INTAKE_PATIENCE: Duration = Duration::from_secs(4);
/// How long sinks may take for the batches they are writing.
const SINK_PATIENCE: Duration = Duration::from_secs(4);

/// Runs everything the role has until SIGTERM or SIGINT. `on_ready` is called once, when clients may connect.
pub fn run(config: Config, role: Role, on_ready: impl FnOnce(&Ready)) -> Result<(), UpError> {
    if role != Role::All && config.kafka.is_none() {
        return Err(UpError::NeedsKafka {
            command: role.command(),
        });
    }
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(UpError::Runtime)?;
    let result = runtime.block_on(run_until_stopped(config, role, on_ready));
    // What still runs is either done with, or told to stop at once.
    runtime.shutdown_background();
    result
}

async fn run_until_stopped(
    config: Config,
    role: Role,
    on_ready: impl FnOnce(&Ready),
) -> Result<(), UpError> {
    let mut signals = Signals::new().map_err(UpError::Runtime)?;
    let mut reloads = Reloads::new().map_err(UpError::Runtime)?;
    allow_many_connections();
    let running = Running::start(config, role).await?;
    on_ready(&running.ready);
    let first = loop {
        tokio::select! {
            first = signals.next() => break first,
            () = reloads.next() => running.reload().await,
        }
    };
    tracing::info!(
        signal = first,
        "stopping: what was accepted is finished; another signal stops at once"
    );
    tokio::select! {
        () = running.stop() => Ok(()),
        _ = signals.next() => Err(UpError::StoppedAtOnce),
    }
}

/// Everything that runs.
struct Running {
    ready: Ready,
    log: Log,
    tables: TableStore,
    gateway: Option<Arc<Gateway>>,
    below: Vec<Arc<Below>>,
    shutdown: Shutdown,
    connections: Tasks,
    sinks: Tasks,
}

impl Running {
    async fn start(config: Config, role: Role) -> Result<Self, UpError> {
        // Ports first: a port in use is found out before any file is touched.
        let sockets = Sockets::open(&config, role)?;
        let login = if role.has_sinks() {
            login(&config.rest)?
        } else {
            None
        };
        let stores = Stores::open(&config, role).await?;
        let ready = sockets.ready(&config);
        let shared = Shared::default();
        let tasks = || Tasks::new(Arc::clone(&shared.health));
        let (connections, sinks) = (tasks(), tasks());
        // The tables first: what is wrong with them is found out before a client is let in.
        let prepared = if role.has_sinks() {
            Some(factory(&config, &stores.tables, &stores.record_log).await?)
        } else {
            None
        };
        let gateway = match &stores.writer {
            Some(log) => Some(shared.gateway(&config, log).await?),
            None => None,
        };
        let herder = match prepared {
            Some(factory) => {
                let around = Around {
                    tasks: sinks.clone(),
                    stop: shared.shutdown.sinks().clone(),
                    clock: Arc::clone(&shared.clock),
                    worker_id: worker_id(&ready, &config),
                };
                Some(connectors(&config, &stores.log, factory, around).await?)
            }
            None => None,
        };
        let rest = sockets.rest.iter().map(|(_, own)| own);
        let below = sockets.mqtt.iter().chain(rest);
        let below = below.map(|own| Arc::clone(&own.below)).collect();
        if let Some(gateway) = &gateway {
            serve_mqtt(gateway, sockets.mqtt, &config, &connections);
        }
        if let Some(listener) = sockets.admin {
            let sources =
                shared.sources(&config, role, &stores, (gateway.as_ref(), herder.as_ref()));
            let stop = shared.shutdown.clone();
            connections.spawn("admin", serve_admin(listener, Arc::new(sources), stop));
        }
        if let Some(herder) = herder {
            let api = |own: &RestListener| {
                let api = Api::new(herder.clone(), &config.rest, own, &shared.clock);
                api.for_users(login.clone())
            };
            shared.serve_rest(sockets.rest, api, &connections);
        }
        Ok(Self {
            ready,
            log: stores.log,
            tables: stores.tables,
            gateway,
            below,
            shutdown: shared.shutdown,
            connections,
            sinks,
        })
    }

    /// Reads files again that say who may connect, and what with. Wrong ones change nothing.
    async fn reload(&self) {
        if let Some(gateway) = &self.gateway {
            gateway.reload().await;
        }
        for below in &self.below {
            let below = Arc::clone(below);
            match tokio::task::spawn_blocking(move || below.reload()).await {
                Ok(Ok(())) => {}
                Ok(Err(error)) => {
                    let cause = error.source().map(ToString::to_string);
                    tracing::error!(%error, cause, "a file of a listener is wrong; what was read before stays");
                }
                Err(error) => {
                    tracing::error!(%error, "reading a listener's files again has failed");
                }
            }
        }
    }

    /// Stops in the order a reading takes: what was accepted becomes durable, what is being written is committed.
    async fn stop(self) {
        self.shutdown.stop_intake();
        if let Some(gateway) = &self.gateway {
            gateway.sessions.stop();
        }
        if tokio::time::timeout(INTAKE_PATIENCE, self.connections.all_ended())
            .await
            .is_err()
        {
            let left = self.connections.running();
            tracing::warn!(
                left,
                "some connections did not end in time; what they were not answered for stays unacknowledged"
            );
        }
        self.shutdown.stop_sinks();
        if tokio::time::timeout(SINK_PATIENCE, self.sinks.all_ended())
            .await
            .is_err()
        {
            let left = self.sinks.running();
            tracing::warn!(
                left,
                "some sinks did not end in time; the next start writes their last batches again"
            );
        }
        if let Some(gateway) = &self.gateway
            && tokio::time::timeout(SINK_PATIENCE, gateway.log.close())
                .await
                .is_err()
        {
            tracing::warn!("Kafka did not answer in time; what it was sent stays unacknowledged");
        }
        let log = self.log;
        match tokio::task::spawn_blocking(move || log.close()).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => {
                tracing::warn!(%error, "the log was not closed in order; the next start recovers it");
            }
            Err(error) => tracing::error!(%error, "closing the log panicked"),
        }
        self.tables.close().await;
        tracing::info!("stopped");
    }
}

/// Who may ask the REST API, if not everybody. Its files are tried now: what is wrong with them is found out before
/// anything is touched, and not when the first request is sent on.
fn login(config: &RestConfig) -> Result<Option<Arc<Login>>, UpError> {
    if let Some(peers) = &config.peers {
        tls_client::client(peers)?;
    }
    let login = config.users.as_deref().map(Login::open).transpose()?;
    Ok(login.map(Arc::new))
}

/// Lets clients in, and looks after their sessions.
fn serve_mqtt(gateway: &Arc<Gateway>, mqtt: Vec<Listening>, config: &Config, connections: &Tasks) {
    for listener in mqtt {
        let accepting = accept(Arc::clone(gateway), listener, connections.clone());
        connections.spawn("gateway", accepting);
    }
    connections.spawn("gateway", Arc::clone(gateway).expire_sessions());
    connections.spawn("gateway", Arc::clone(gateway).announce());
    connections.spawn("gateway", Arc::clone(gateway).listen_to_others());
    if let Some(interval) = config.gateway.sys_interval {
        connections.spawn("gateway", Arc::clone(gateway).publish_sys(interval));
    }
}

/// What everything looks at.
struct Shared {
    clock: Arc<dyn Clock>,
    health: Arc<Health>,
    metrics: Arc<Metrics>,
    shutdown: Shutdown,
}

impl Default for Shared {
    fn default() -> Self {
        Self {
            clock: Arc::new(SystemClock),
            health: Arc::default(),
            metrics: Arc::default(),
            shutdown: Shutdown::default(),
        }
    }
}

impl Shared {
    async fn gateway(&self, config: &Config, log: &LogWriter) -> Result<Arc<Gateway>, UpError> {
        let unmatched = config.gateway.unmatched;
        let routes = Routes::new(&config.routes, unmatched, &self.metrics)?;
        let log = log.clone();
        let defaults = topic_defaults(config);
        let gateway = Gateway::restore(Parts {
            config: config.gateway.clone(),
            topics: Topics::new(log.clone(), defaults, config.log.max_topics),
            log,
            routes: Arc::new(routes),
            metrics: Arc::clone(&self.metrics),
            access: Access::open(config.access.clone(), Arc::clone(&self.clock))?,
            clock: Arc::clone(&self.clock),
            shutdown: self.shutdown.clone(),
        });
        Ok(gateway.await?)
    }

    /// Answers requests about connectors, at every listener what is answered there.
    fn serve_rest(
        &self,
        listeners: Vec<(RestListener, Listening)>,
        api: impl Fn(&RestListener) -> Api,
        connections: &Tasks,
    ) {
        for (own, listening) in listeners {
            let stop = self.shutdown.intake().clone();
            let serving = rest::serve(listening, api(&own), connections.clone(), stop);
            connections.spawn("rest", serving);
        }
    }

    fn sources(
        &self,
        config: &Config,
        role: Role,
        stores: &Stores,
        (gateway, herder): (Option<&Arc<Gateway>>, Option<&Connectors>),
    ) -> Sources {
        let view = match &config.kafka {
            Some(kafka) => LogView::Kafka(KafkaBrowser::new(Arc::new(kafka.clone()))),
            None => LogView::Embedded(stores.log.clone(), topic_defaults(config)),
        };
        Sources {
            role,
            log: stores.log.clone(),
            view,
            dead_letter_topics: dead_letter_topics_of(&config.sinks),
            record_log: Arc::clone(&stores.record_log),
            tables: stores.tables.clone(),
            gateway: gateway.map(Arc::clone),
            herder: herder.cloned(),
            health: Arc::clone(&self.health),
            metrics: Arc::clone(&self.metrics),
            query_limits: QueryLimits {
                max_rows: config.table.query_max_rows,
                timeout: config.table.query_timeout,
                ..QueryLimits::default()
            },
            hosts: Hosts {
                listen: config.admin.listen,
                names: config.admin.hosts.clone(),
            },
            data: config.data.display().to_string(),
            log_dir: config.log.dir.clone(),
            table_path: config.table.path.clone(),
            cql: config.cql.as_ref().map(CqlReader::new),
            ready: self.clock.now(),
            clock: Arc::clone(&self.clock),
        }
    }
}

async fn serve_admin(listener: TcpListener, sources: Arc<Sources>, shutdown: Shutdown) {
    let stop = async move { shutdown.intake_stopped().await };
    let served = axum::serve(listener, console::http::router(sources))
        .with_graceful_shutdown(stop)
        .await;
    if let Err(error) = served {
        tracing::error!(%error, "the admin API has ended");
    }
}
