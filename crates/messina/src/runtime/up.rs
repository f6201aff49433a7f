//! `messina up`: the whole chain in one process, started in the order a reading takes, stopped in the same.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use messina_connect::config::{ConnectorConfig, Problem};
use messina_connect::plan::Plan;
use messina_connect::table_schema::TableSchema;
use messina_store::log::{Cleanup, Log, LogOptions, TopicConfig, TopicError};
use messina_store::table::{DeclareError, QueryLimits, TableOptions, TableStore};
use tokio::net::TcpListener;
use tokio::signal::unix::{Signal, SignalKind, signal};

use super::clock::{Clock, SystemClock};
use super::shutdown::Shutdown;
use super::tasks::Tasks;
use crate::config::{CleanupPolicy, Config};
use crate::console;
use crate::console::status::Sources;
use crate::gateway::produce::Topics;
use crate::gateway::route::{RouteError, Routes};
use crate::gateway::server::{self, Gateway, Parts};
use crate::gateway::state::StateError;
use crate::listener::tcp::{self, ListenError};
use crate::record_log::{EmbeddedLog, RecordLog};
use crate::sink::{Connector, SinkOptions, SinkStatus};
use crate::table::{EmbeddedTable, Table};
use crate::telemetry::health::Health;
use crate::telemetry::metrics::Metrics;

/// How long connections may take to finish what they have begun, once the program is told to stop.
const INTAKE_PATIENCE: Duration = Duration::from_secs(4);
/// How long sinks may take for the batches they are writing.
const SINK_PATIENCE: Duration = Duration::from_secs(4);

/// Why `up` did not start, or ended other than by being asked to.
#[derive(Debug, thiserror::Error)]
pub enum UpError {
    /// The runtime or a signal handler could not be had.
    #[error("cannot start the runtime")]
    Runtime(#[source] io::Error),
    /// The log could not be opened.
    #[error(transparent)]
    Log(#[from] messina_store::log::OpenError),
    /// The table file could not be opened.
    #[error(transparent)]
    Tables(#[from] messina_store::table::OpenError),
    /// A table is not as declared.
    #[error(transparent)]
    Declare(#[from] DeclareError),
    /// A topic could not be created.
    #[error("cannot create topic `{topic}`")]
    Topic {
        /// The topic.
        topic: String,
        /// Why.
        source: TopicError,
    },
    /// A topic exists with another number of partitions.
    #[error(
        "topic `{topic}` has {found} partitions, the configuration says {wanted}; change `[[topic]]`, or delete the topic"
    )]
    Partitions {
        /// The topic.
        topic: String,
        /// Partitions it has.
        found: i32,
        /// Partitions it should have.
        wanted: i32,
    },
    /// A sink's configuration does not compile.
    #[error("sink `{sink}` is wrong: {}", list(problems))]
    Sink {
        /// The sink.
        sink: String,
        /// All that is wrong.
        problems: Vec<Problem>,
    },
    /// A route is wrong.
    #[error(transparent)]
    Route(#[from] RouteError),
    /// The sessions of the last run could not be read.
    #[error(transparent)]
    Sessions(#[from] StateError),
    /// A listener could not be opened.
    #[error(transparent)]
    Listen(#[from] ListenError),
    /// A second signal came: stopped at once. Nothing acknowledged is lost; the next start recovers.
    #[error("stopped at once by a second signal; the next start recovers what was under way")]
    StoppedAtOnce,
}

fn list(problems: &[Problem]) -> String {
    problems
        .iter()
        .map(|problem| problem.message.as_str())
        .collect::<Vec<_>>()
        .join("; ")
}

/// Where a started program is to be found.
#[derive(Debug, Clone)]
pub struct Ready {
    /// Addresses of the MQTT listeners.
    pub mqtt: Vec<SocketAddr>,
    /// Address of the admin API.
    pub admin: Option<SocketAddr>,
    /// The data directory.
    pub data: PathBuf,
}

/// Runs everything until SIGTERM or SIGINT. `on_ready` is called once, when clients may connect.
pub fn run(config: Config, on_ready: impl FnOnce(&Ready)) -> Result<(), UpError> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(UpError::Runtime)?;
    let result = runtime.block_on(run_until_stopped(config, on_ready));
    // What still runs is either done with, or told to stop at once.
    runtime.shutdown_background();
    result
}

async fn run_until_stopped(config: Config, on_ready: impl FnOnce(&Ready)) -> Result<(), UpError> {
    let mut signals = Signals::new().map_err(UpError::Runtime)?;
    allow_many_connections();
    let running = Running::start(config).await?;
    on_ready(&running.ready);
    let first = signals.next().await;
    tracing::info!(
        signal = first,
        "stopping: what was accepted is finished; another signal stops at once"
    );
    tokio::select! {
        () = running.stop() => Ok(()),
        _ = signals.next() => Err(UpError::StoppedAtOnce),
    }
}

/// The signals that end the program.
struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    fn new() -> io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
        })
    }

    async fn next(&mut self) -> &'static str {
        tokio::select! {
            _ = self.terminate.recv() => "SIGTERM",
            _ = self.interrupt.recv() => "SIGINT",
        }
    }
}

/// Raises the soft limit of open files to the hard one: a connection is a file.
fn allow_many_connections() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit {
        current: limit.maximum,
        maximum: limit.maximum,
    };
    if let Err(error) = setrlimit(Resource::Nofile, raised) {
        tracing::warn!(%error, "the limit of open files stays as it is");
    }
}

/// Everything that runs.
struct Running {
    ready: Ready,
    log: Log,
    tables: TableStore,
    gateway: Arc<Gateway>,
    shutdown: Shutdown,
    connections: Tasks,
    sinks: Tasks,
}

impl Running {
    async fn start(config: Config) -> Result<Self, UpError> {
        // Ports first: a port in use is found out before any file is touched.
        let sockets = Sockets::open(&config)?;
        let stores = Stores::open(&config).await?;
        let ready = sockets.ready(&config);
        let connectors = connectors(&config, &stores.tables, &stores.record_log).await?;
        let statuses = connectors.iter().map(Connector::status).collect();
        let shared = Shared::default();
        let gateway = shared.gateway(&config, &stores).await?;
        let tasks = || Tasks::new(Arc::clone(&shared.health));
        let (connections, sinks) = (tasks(), tasks());
        for connector in connectors {
            let stop = shared.shutdown.sinks().clone();
            sinks.spawn("sink", async move { connector.run(stop).await });
        }
        for listener in sockets.mqtt {
            connections.spawn(
                "gateway",
                server::accept(Arc::clone(&gateway), listener, connections.clone()),
            );
        }
        connections.spawn("gateway", Arc::clone(&gateway).expire_sessions());
        if let Some(listener) = sockets.admin {
            let sources = shared.sources(&config, &stores, &gateway, statuses);
            let stop = shared.shutdown.clone();
            connections.spawn("admin", serve_admin(listener, Arc::new(sources), stop));
        }
        Ok(Self {
            ready,
            log: stores.log,
            tables: stores.tables,
            gateway,
            shutdown: shared.shutdown,
            connections,
            sinks,
        })
    }

    /// Stops in the order a reading takes: what was accepted becomes durable, what is being written is committed.
    async fn stop(self) {
        self.shutdown.stop_intake();
        self.gateway.sessions.stop();
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

/// The listening sockets.
struct Sockets {
    mqtt: Vec<TcpListener>,
    admin: Option<TcpListener>,
}

impl Sockets {
    fn open(config: &Config) -> Result<Self, ListenError> {
        let mqtt = config.gateway.listen.iter();
        let admin = config.admin.listen;
        Ok(Self {
            mqtt: mqtt
                .map(|address| tcp::listen("gateway.listen", *address))
                .collect::<Result<_, _>>()?,
            admin: admin
                .map(|address| tcp::listen("admin.listen", address))
                .transpose()?,
        })
    }

    fn ready(&self, config: &Config) -> Ready {
        let address = |listener: &TcpListener| listener.local_addr().ok();
        Ready {
            mqtt: self.mqtt.iter().filter_map(address).collect(),
            admin: self.admin.as_ref().and_then(address),
            data: config.data.clone(),
        }
    }
}

/// What is durable.
struct Stores {
    log: Log,
    record_log: Arc<dyn RecordLog>,
    tables: TableStore,
}

impl Stores {
    async fn open(config: &Config) -> Result<Self, UpError> {
        let log = open_log(config).await?;
        create_topics(&log, config, &topic_defaults(config)).await?;
        Ok(Self {
            record_log: Arc::new(EmbeddedLog::new(log.clone())),
            tables: open_tables(config)?,
            log,
        })
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
    async fn gateway(&self, config: &Config, stores: &Stores) -> Result<Arc<Gateway>, UpError> {
        let unmatched = config.gateway.unmatched;
        let routes = Routes::new(&config.routes, unmatched, &self.metrics)?;
        let (log, defaults) = (stores.log.clone(), topic_defaults(config));
        let gateway = Gateway::restore(Parts {
            config: config.gateway.clone(),
            topics: Topics::new(log.clone(), defaults, config.log.max_topics),
            log,
            routes: Arc::new(routes),
            metrics: Arc::clone(&self.metrics),
            clock: Arc::clone(&self.clock),
            shutdown: self.shutdown.clone(),
        });
        Ok(gateway.await?)
    }

    fn sources(
        &self,
        config: &Config,
        stores: &Stores,
        gateway: &Arc<Gateway>,
        sinks: Vec<Arc<SinkStatus>>,
    ) -> Sources {
        Sources {
            log: stores.log.clone(),
            record_log: Arc::clone(&stores.record_log),
            tables: stores.tables.clone(),
            gateway: Arc::clone(gateway),
            sinks,
            health: Arc::clone(&self.health),
            metrics: Arc::clone(&self.metrics),
            topic_defaults: topic_defaults(config),
            query_limits: QueryLimits {
                max_rows: config.table.query_max_rows,
                timeout: config.table.query_timeout,
                ..QueryLimits::default()
            },
            data: config.data.display().to_string(),
            log_dir: config.log.dir.clone(),
            table_path: config.table.path.clone(),
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

async fn open_log(config: &Config) -> Result<Log, UpError> {
    let options = LogOptions {
        wal_bytes: config.log.wal_size,
        segment_bytes: config.log.segment_size,
        queue_bytes: config.gateway.limits.max_unacknowledged_bytes,
        ..LogOptions::default()
    };
    let dir = config.log.dir.clone();
    match tokio::task::spawn_blocking(move || Log::open(&dir, options)).await {
        Ok(opened) => Ok(opened?),
        Err(panicked) => Err(UpError::Runtime(io::Error::other(panicked))),
    }
}

fn topic_defaults(config: &Config) -> TopicConfig {
    TopicConfig {
        partitions: i32::try_from(config.log.partitions).unwrap_or(1),
        retention: config.log.retention,
        retention_bytes: config.log.retention_bytes,
        cleanup: Cleanup::Delete,
    }
}

/// Creates the topics that are named: in `[[topic]]`, and by routes that always take the same one.
async fn create_topics(log: &Log, config: &Config, defaults: &TopicConfig) -> Result<(), UpError> {
    for topic in &config.topics {
        let wanted = TopicConfig {
            partitions: i32::try_from(topic.partitions).unwrap_or(1),
            retention: topic.retention,
            retention_bytes: topic.retention_bytes,
            cleanup: match topic.cleanup {
                CleanupPolicy::Delete => Cleanup::Delete,
                CleanupPolicy::Compact => Cleanup::Compact,
            },
        };
        create_topic(log, &topic.name, wanted).await?;
    }
    for name in config
        .routes
        .iter()
        .filter_map(|route| route.kafka_topic.constant())
    {
        if log.partition(name, 0).is_none() {
            create_topic(log, name, defaults.clone()).await?;
        }
    }
    Ok(())
}

async fn create_topic(log: &Log, name: &str, wanted: TopicConfig) -> Result<(), UpError> {
    let partitions = wanted.partitions;
    match log.create_topic(name, wanted).await {
        Ok(()) => Ok(()),
        Err(TopicError::Exists(topic)) => {
            let found = i32::try_from(log.partitions(name).len()).unwrap_or(i32::MAX);
            if found == partitions {
                Ok(())
            } else {
                Err(UpError::Partitions {
                    topic,
                    found,
                    wanted: partitions,
                })
            }
        }
        Err(source) => Err(UpError::Topic {
            topic: name.to_owned(),
            source,
        }),
    }
}

fn open_tables(config: &Config) -> Result<TableStore, UpError> {
    let options = TableOptions {
        group_rows: config.table.max_batch_rows,
        purge_interval: config.table.purge_interval,
        ..TableOptions::default()
    };
    Ok(TableStore::open(&config.table.path, options)?)
}

async fn connectors(
    config: &Config,
    store: &TableStore,
    log: &Arc<dyn RecordLog>,
) -> Result<Vec<Connector>, UpError> {
    let mut declared: Vec<Arc<dyn Table>> = Vec::with_capacity(config.tables.len());
    for schema in &config.tables {
        declared.push(Arc::new(EmbeddedTable::declare(store, schema).await?));
    }
    config
        .sinks
        .iter()
        .map(|sink| connector(sink, config, &declared, log))
        .collect()
}

fn connector(
    sink: &ConnectorConfig,
    config: &Config,
    declared: &[Arc<dyn Table>],
    log: &Arc<dyn RecordLog>,
) -> Result<Connector, UpError> {
    let find = |name: &str| {
        declared
            .iter()
            .find(|table| table.schema().name.eq_ignore_ascii_case(name))
    };
    let schema_of = |name: &str| -> Option<Arc<TableSchema>> {
        find(name).map(|table| Arc::clone(table.schema()))
    };
    let plan = Plan::compile(sink, &schema_of).map_err(|problems| UpError::Sink {
        sink: sink.name.clone(),
        problems,
    })?;
    for warning in plan.warnings() {
        tracing::warn!(
            connector = plan.name(),
            warning = warning.message,
            "a sink's configuration is doubtful"
        );
    }
    let tables = plan
        .tables()
        .iter()
        .filter_map(|schema| find(&schema.name))
        .map(Arc::clone)
        .collect();
    let options = SinkOptions {
        max_batch_rows: config.table.max_batch_rows,
        ..SinkOptions::default()
    };
    Ok(Connector::new(plan, tables, Arc::clone(log), options))
}
