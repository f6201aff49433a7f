//! `/health`, `/metrics` and `/api/status`: how it goes, and the books.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

use axum::Json;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use messina_store::log::{Log, LogHealth};
use messina_store::table::{QueryLimits, TableStore};

use super::dead_letters::DeadLetters;
use super::guard::Hosts;
use super::log_view::LogView;
use crate::gateway::server::Gateway;
use crate::herder::Connectors;
use crate::record_log::{LogWriter, RecordLog, WriterHealth};
use crate::runtime::clock::Clock;
use crate::sink::{PartitionSnapshot, SinkSnapshot};
use crate::table::cql::CqlReader;
use crate::telemetry::health::{Component, Health, Light};
use crate::telemetry::metrics::Metrics;
use crate::telemetry::status::{RouteBooks, SinkBooks, Status, UnroutedBooks};
use crate::up::Role;

/// What the admin API looks at.
#[derive(Debug)]
pub struct Sources {
    /// Which part of the chain this process is.
    pub role: Role,
    /// The log of this process, which keeps the connectors also where records are in Kafka.
    pub log: Log,
    /// The log that records are in, as tools see it.
    pub view: LogView,
    /// Topics of dead letters that the configuration names.
    pub dead_letter_topics: BTreeSet<String>,
    /// The log, as sinks see it.
    pub record_log: Arc<dyn RecordLog>,
    /// The tables.
    pub tables: TableStore,
    /// The gateway, if there is one in this process.
    pub gateway: Option<Arc<Gateway>>,
    /// The connectors, if they run in this process.
    pub herder: Option<Connectors>,
    /// All lights.
    pub health: Arc<Health>,
    /// All metrics.
    pub metrics: Arc<Metrics>,
    /// What a query may cost.
    pub query_limits: QueryLimits,
    /// The names it answers to.
    pub hosts: Hosts,
    /// The data directory, for people.
    pub data: String,
    /// The log's directory, for its size.
    pub log_dir: PathBuf,
    /// The table file, for its size.
    pub table_path: PathBuf,
    /// What reads the tables instead, if they are not embedded.
    pub cql: Option<CqlReader>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// When everything was ready.
    pub ready: Instant,
}

impl Sources {
    /// The dead letters of the connectors there are; where none run, of those in the configuration.
    pub fn dead_letters(&self) -> DeadLetters<'_> {
        let running = self.herder.as_ref().map(Connectors::dead_letter_topics);
        DeadLetters {
            view: &self.view,
            log: &*self.record_log,
            topics: running.unwrap_or_else(|| self.dead_letter_topics.clone()),
        }
    }

    /// Where the records are, if not in this process.
    fn log_place(&self) -> Option<String> {
        match &self.view {
            LogView::Embedded(..) => None,
            LogView::Kafka(kafka) => Some(kafka.place()),
        }
    }

    /// Where the tables are, if not in this process.
    fn tables_place(&self) -> Option<String> {
        let cql = self.cql.as_ref();
        cql.map(|cql| format!("CQL at {}", cql.nodes()))
    }

    /// Brings lights and levels up to date: those of the log and of the sinks are theirs to know.
    fn look(&self) -> Vec<SinkSnapshot> {
        match self.log.health() {
            LogHealth::Good => self.health.green("log"),
            LogHealth::Full(reason) | LogHealth::Failed(reason) => self.health.red("log", &*reason),
        }
        let writer = self.gateway.as_ref().map(|gateway| &gateway.log);
        if let Some(LogWriter::Kafka(log)) = writer {
            match log.health() {
                WriterHealth::Good => self.health.green("kafka"),
                WriterHealth::Waiting(reason) => self.health.amber("kafka", &*reason),
                WriterHealth::Failed(reason) => self.health.red("kafka", &*reason),
            }
        }
        let sinks = self.herder.as_ref().map(Connectors::sinks);
        let sinks = sinks.unwrap_or_default();
        let mut snapshots: Vec<SinkSnapshot> = Vec::with_capacity(sinks.len());
        for snapshot in sinks.iter().map(|sink| sink.snapshot()) {
            // Tasks of one connector follow each other.
            match snapshots
                .last_mut()
                .filter(|last| last.name == snapshot.name)
            {
                Some(last) => last.join(snapshot),
                None => snapshots.push(snapshot),
            }
        }
        // Of connectors that are gone nothing is told.
        self.health.forget_all("sink ");
        for sink in &snapshots {
            let name = format!("sink {}", sink.name);
            match sink.state.light() {
                (Light::Green, _) => self.health.green(&name),
                (Light::Amber, reason) => self.health.amber(&name, reason.unwrap_or_default()),
                (Light::Red, reason) => self.health.red(&name, reason.unwrap_or_default()),
            }
        }
        let unprepared = self.herder.as_ref().map(Connectors::unprepared);
        for (name, trace) in unprepared.unwrap_or_default() {
            self.health.red(&format!("sink {name}"), trace);
        }
        snapshots
    }
}

/// `GET /health`: 200 unless something is red, with every component's light.
pub async fn health(State(sources): State<Arc<Sources>>) -> (StatusCode, Json<Vec<Component>>) {
    sources.look();
    let status = match sources.health.worst() {
        Light::Green | Light::Amber => StatusCode::OK,
        Light::Red => StatusCode::SERVICE_UNAVAILABLE,
    };
    (status, Json(sources.health.components()))
}

/// `GET /metrics`: `OpenMetrics` text.
pub async fn metrics(State(sources): State<Arc<Sources>>) -> impl IntoResponse {
    for sink in sources.look() {
        let metrics = sources.metrics.sink(&sink.name);
        // Counters of a scrape are set, not counted: the books are the one place where they are kept.
        metrics.written.inner().store(
            sink.total(|partition| partition.books.written),
            Ordering::Relaxed,
        );
        metrics.dead_lettered.inner().store(
            sink.total(|partition| partition.books.dead_lettered),
            Ordering::Relaxed,
        );
        metrics.filtered.inner().store(
            sink.total(|partition| partition.books.filtered),
            Ordering::Relaxed,
        );
        metrics.skipped.inner().store(
            sink.total(|partition| partition.books.skipped),
            Ordering::Relaxed,
        );
        metrics
            .rows
            .inner()
            .store(sink.rows_written, Ordering::Relaxed);
        metrics
            .retries
            .inner()
            .store(sink.retries, Ordering::Relaxed);
        metrics
            .in_flight
            .set(sink.total(|partition| partition.in_flight));
        metrics.lag.set(sink.total(lag));
    }
    let text = sources.metrics.encode();
    (
        [(
            header::CONTENT_TYPE,
            "application/openmetrics-text; version=1.0.0; charset=utf-8",
        )],
        text,
    )
}

/// `GET /api/status`
pub async fn status(State(sources): State<Arc<Sources>>) -> Json<Status> {
    let sinks = sources.look();
    let gateway = sources.gateway.as_ref();
    let sessions = gateway.map(|gateway| gateway.sessions.count());
    let (connected, asleep) = sessions.unwrap_or_default();
    let (log_dir, table_path) = (sources.log_dir.clone(), sources.table_path.clone());
    let sizes = tokio::task::spawn_blocking(move || (size_of(&log_dir), size_of(&table_path)));
    let (log_bytes, table_bytes) = sizes.await.unwrap_or_default();
    let uptime = sources.clock.now().duration_since(sources.ready);
    Json(Status {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        role: sources.role.name().to_owned(),
        uptime_seconds: uptime.as_secs(),
        data: sources.data.clone(),
        listen: gateway
            .into_iter()
            .flat_map(|gateway| &gateway.config.listeners)
            .map(ToString::to_string)
            .collect(),
        health: sources.health.worst(),
        components: sources.health.components(),
        connections: gateway.map_or(0, |gateway| gateway.events.connections()),
        sessions: (connected + asleep) as u64,
        routes: gateway
            .into_iter()
            .flat_map(|gateway| gateway.routes.iter())
            .map(route_books)
            .collect(),
        unrouted: gateway.map_or_else(UnroutedBooks::default, |gateway| {
            gateway.events.unrouted_books()
        }),
        sinks: sinks.iter().map(SinkBooks::from).collect(),
        log: sources.log_place(),
        log_bytes,
        tables: sources.tables_place(),
        table_bytes,
    })
}

fn route_books(route: &crate::gateway::route::Route) -> RouteBooks {
    RouteBooks {
        name: route.name.clone(),
        accepted: route.books.accepted.get(),
        in_flight: route.books.in_flight.get(),
        refused: route.books.refused.get(),
    }
}

/// Records in the log behind the committed offset.
fn lag(partition: &PartitionSnapshot) -> u64 {
    u64::try_from(partition.end - partition.committed).unwrap_or(0)
}

/// Bytes of a file, or of all files below a folder. What goes away while it is looked at counts nothing.
fn size_of(path: &Path) -> u64 {
    let Ok(metadata) = std::fs::metadata(path) else {
        return 0;
    };
    if !metadata.is_dir() {
        return metadata.len();
    }
    let entries = std::fs::read_dir(path).into_iter().flatten().flatten();
    entries.map(|entry| size_of(&entry.path())).sum()
}
