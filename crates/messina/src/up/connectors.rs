//! Declares the tables that connectors may write to.

use std::sync::Arc;

use messina_store::table::TableStore;

use super::error::UpError;
use crate::config::Config;
use crate::herder::{Declared, Factory};
use crate::record_log::RecordLog;
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
    })
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
