//! Declares the tables and compiles the sinks that write them.

use std::sync::Arc;

use messina_connect::config::ConnectorConfig;
use messina_connect::plan::Plan;
use messina_connect::table_schema::TableSchema;
use messina_store::table::TableStore;

use super::error::UpError;
use crate::config::{CONSISTENCY_OPTION, Config, CqlConsistency};
use crate::record_log::RecordLog;
use crate::sink::{Connector, SinkOptions};
use crate::table::cql::{CqlTable, TableClient};
use crate::table::{EmbeddedTable, Table};

/// Every sink of the configuration, ready to run.
pub(super) async fn connectors(
    config: &Config,
    store: &TableStore,
    log: &Arc<dyn RecordLog>,
) -> Result<Vec<Connector>, UpError> {
    let declared = declare(config, store).await?;
    config
        .sinks
        .iter()
        .map(|sink| connector(sink, config, &declared, log))
        .collect()
}

/// A table that is declared and ready.
enum Declared {
    Embedded(Arc<EmbeddedTable>),
    Cql(Arc<CqlTable>),
}

impl Declared {
    fn schema(&self) -> &Arc<TableSchema> {
        match self {
            Self::Embedded(table) => table.schema(),
            Self::Cql(table) => table.schema(),
        }
    }

    /// The table as a connector writes to it.
    fn table(&self, sink: &ConnectorConfig) -> Arc<dyn Table> {
        let consistency = sink
            .text(CONSISTENCY_OPTION)
            .and_then(CqlConsistency::parse);
        match (self, consistency) {
            (Self::Embedded(table), _) => Arc::clone(table) as Arc<dyn Table>,
            (Self::Cql(table), None) => Arc::clone(table) as Arc<dyn Table>,
            (Self::Cql(table), Some(consistency)) => Arc::new(table.at(consistency)),
        }
    }
}

async fn declare(config: &Config, store: &TableStore) -> Result<Vec<Declared>, UpError> {
    let mut declared = Vec::with_capacity(config.tables.len());
    if let Some(cql) = &config.cql {
        let client = TableClient::connect(cql).await?;
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

fn connector(
    sink: &ConnectorConfig,
    config: &Config,
    declared: &[Declared],
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
        .map(|table| table.table(sink))
        .collect();
    let options = SinkOptions {
        max_batch_rows: config.table.max_batch_rows,
        ..SinkOptions::default()
    };
    Ok(Connector::new(plan, tables, Arc::clone(log), options))
}
