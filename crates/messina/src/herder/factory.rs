//! From a connector's options to a connector over its tables.

use std::sync::Arc;

use messina_connect::config::{ConnectorConfig, Problem};
use messina_connect::plan::Plan;
use messina_connect::table_schema::TableSchema;

use super::providers::Providers;
use crate::config::{CONSISTENCY_OPTION, CqlConsistency, find_table};
use crate::record_log::RecordLog;
use crate::sink::{Connector, SinkOptions};
use crate::table::cql::CqlTable;
use crate::table::{EmbeddedTable, Table};

/// A table that is declared and ready.
#[derive(Debug, Clone)]
pub enum Declared {
    /// In the embedded database.
    Embedded(Arc<EmbeddedTable>),
    /// In `ScyllaDB` or Cassandra.
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

/// Makes connectors.
#[derive(Debug)]
pub struct Factory {
    /// The tables connectors may write to.
    pub tables: Vec<Declared>,
    /// The log they read.
    pub log: Arc<dyn RecordLog>,
    /// How their tasks work.
    pub options: SinkOptions,
    /// What resolves variables in their options.
    pub providers: Providers,
    /// The worker's converters and their options, for connectors that name none.
    pub converters: Vec<(String, String)>,
}

impl Factory {
    /// Compiles a connector's options, or says everything that is wrong with them. Reads providers' files.
    pub fn compile(&self, config: &ConnectorConfig) -> Result<Plan, Vec<Problem>> {
        self.compile_resolved(&self.resolve(config)?)
    }

    fn compile_resolved(&self, config: &ConnectorConfig) -> Result<Plan, Vec<Problem>> {
        let schemas: Vec<_> = self
            .tables
            .iter()
            .map(|table| Arc::clone(table.schema()))
            .collect();
        Plan::compile(config, &|name| find_table(&schemas, name))
    }

    /// A connector that is ready to run. Reads providers' files.
    pub fn connector(&self, config: &ConnectorConfig) -> Result<Connector, Vec<Problem>> {
        let config = self.resolve(config)?;
        let plan = self.compile_resolved(&config)?;
        for warning in plan.warnings() {
            tracing::warn!(
                connector = plan.name(),
                warning = warning.message,
                "a sink's configuration is doubtful"
            );
        }
        let declared = |schema: &Arc<TableSchema>| {
            let mut tables = self.tables.iter();
            tables.find(|table| table.schema() == schema)
        };
        let tables = plan.tables().iter().filter_map(declared);
        let tables = tables.map(|table| table.table(&config)).collect();
        Ok(Connector::new(
            plan,
            tables,
            Arc::clone(&self.log),
            self.options,
        ))
    }

    fn resolve(&self, config: &ConnectorConfig) -> Result<ConnectorConfig, Vec<Problem>> {
        resolve(config, &self.providers, &self.converters)
    }
}

/// The options as the sink gets them: variables resolved, the worker's converters where it names none. Reads files.
pub fn resolve(
    config: &ConnectorConfig,
    providers: &Providers,
    converters: &[(String, String)],
) -> Result<ConnectorConfig, Vec<Problem>> {
    let mut resolved = providers.resolve(config)?;
    for (option, value) in converters {
        let class = converter_of(option);
        // A connector that names its own converter gets none of the worker's options for it.
        if config.get(class).is_none() {
            resolved.set(option.as_str(), value.as_str().into());
        }
    }
    Ok(resolved)
}

/// The option that names the converter an option belongs to.
fn converter_of(option: &str) -> &str {
    let classes = ["key.converter", "value.converter", "header.converter"];
    let found = classes.into_iter().find(|class| option.starts_with(class));
    found.unwrap_or(option)
}
