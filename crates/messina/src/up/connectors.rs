//! Declares the tables and compiles the sinks that write them.

use std::sync::Arc;

use messina_connect::config::ConnectorConfig;
use messina_connect::plan::Plan;
use messina_connect::table_schema::TableSchema;
use messina_store::table::TableStore;

use super::error::UpError;
use crate::config::Config;
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
    let mut declared: Vec<Arc<dyn Table>> = Vec::with_capacity(config.tables.len());
    if let Some(cql) = &config.cql {
        let client = TableClient::connect(cql).await?;
        for schema in &config.tables {
            declared.push(Arc::new(CqlTable::open(&client, schema).await?));
        }
    } else {
        for schema in &config.tables {
            declared.push(Arc::new(EmbeddedTable::declare(store, schema).await?));
        }
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
