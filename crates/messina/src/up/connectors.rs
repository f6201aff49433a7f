//! Declares the tables that connectors may write to, and starts what looks after connectors.

use std::sync::Arc;

use messina_store::log::Log;
use messina_store::table::TableStore;
use tokio_util::sync::CancellationToken;

use super::error::UpError;
use super::sockets::Ready;
use crate::config::{Config, RestPaths};
use crate::herder::{self, Connectors, Declared, Factory, Herder, SharedHerder, SharedParts};
use crate::record_log::RecordLog;
use crate::record_log::kafka::{KafkaAdmin, KafkaGroups};
use crate::runtime::clock::Clock;
use crate::runtime::tasks::Tasks;
use crate::sink::SinkOptions;
use crate::table::EmbeddedTable;
use crate::table::cql::{CqlTable, TableClients};

/// What makes connectors over the declared tables.
pub(super) async fn factory(
    config: &Config,
    store: &TableStore,
    log: &Arc<dyn RecordLog>,
) -> Result<Factory, UpError> {
    let options = SinkOptions {
        max_batch_rows: config.table.max_batch_rows,
        ..SinkOptions::default()
    };
    let clients = Arc::new(TableClients::default());
    Ok(Factory {
        tables: declare(config, store, &clients).await?,
        cql: config.cql.clone(),
        clients,
        log: Arc::clone(log),
        options,
        providers: config.rest.providers.clone(),
        converters: config.rest.converters.clone(),
        overrides: config.rest.overrides.clone(),
    })
}

/// What connectors have around them.
pub(super) struct Around {
    pub(super) tasks: Tasks,
    pub(super) stop: CancellationToken,
    pub(super) clock: Arc<dyn Clock>,
    /// Where the REST API listens.
    pub(super) worker_id: String,
}

/// Starts what looks after connectors: this process alone, or it and the other workers of its group.
pub(super) async fn connectors(
    config: &Config,
    log: &Log,
    factory: Factory,
    around: Around,
) -> Result<Connectors, UpError> {
    let Around {
        tasks,
        stop,
        clock,
        worker_id,
    } = around;
    let kafka = config.kafka.clone().map(Arc::new);
    let cluster = match &kafka {
        Some(kafka) => KafkaAdmin::new(Arc::clone(kafka)).cluster().await?,
        None => Some("embedded".to_owned()),
    };
    let cluster = cluster.unwrap_or_default();
    let max_connectors = config.rest.max_connectors;
    if let (Some(kafka), Some(distributed)) = (&kafka, &config.distributed) {
        let parts = SharedParts {
            factory,
            tasks,
            stop,
            clock,
            worker_id: distributed.worker_id(&worker_id),
            max_connectors,
            cluster,
            kafka: Arc::clone(kafka),
            config: distributed.clone(),
        };
        return Ok(Connectors::Shared(SharedHerder::open(parts).await?));
    }
    if kafka.is_some() && !config.rest.listeners.is_empty() {
        tracing::info!(
            data = %config.data.display(),
            "connectors that requests make are kept in this process's data directory and run here only; \
             `messina connect-distributed` keeps them in Kafka and shares them"
        );
    }
    let parts = herder::Parts {
        log: log.clone(),
        factory,
        tasks,
        stop,
        clock,
        worker_id,
        max_connectors,
        groups: kafka.map(KafkaGroups::new),
        cluster,
    };
    let herder = Herder::open(parts, &config.sinks).await?;
    Ok(Connectors::Alone(herder))
}

/// What this worker is called in a connector's status: where its REST API is, by the listener that others are told of.
pub(super) fn worker_id(ready: &Ready, config: &Config) -> String {
    let group = config.distributed.as_ref();
    let encrypts = group.is_some_and(|group| group.advertised_tls);
    let scheme = if encrypts { "https" } else { "http" };
    let answering = || {
        let all = ready.rest.iter();
        all.filter(|own| own.paths != RestPaths::Admin)
    };
    let told = answering().find(|own| own.scheme == scheme);
    let told = told.or_else(|| answering().next()).map(|own| own.address);
    let address = told.or(ready.admin);
    address.map_or_else(|| "messina".to_owned(), |address| address.to_string())
}

async fn declare(
    config: &Config,
    store: &TableStore,
    clients: &TableClients,
) -> Result<Vec<Declared>, UpError> {
    let mut declared = Vec::with_capacity(config.tables.len());
    if let Some(cql) = &config.cql {
        let client = clients.get(cql).await?;
        for schema in &config.tables {
            let table = CqlTable::open(&client, schema).await?;
            declared.push(Declared::Cql(Arc::new(table)));
        }
    } else {
        for schema in &config.tables {
            let table = EmbeddedTable::declare(store, schema).await?;
            declared.push(Declared::Embedded(Arc::new(table)));
        }
    }
    Ok(declared)
}
