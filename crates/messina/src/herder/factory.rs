//! From a connector's options to a connector over its tables.

use std::sync::Arc;

use messina_connect::config::{ConnectorConfig, Problem};
use messina_connect::plan::Plan;
use messina_connect::table_schema::TableSchema;

use super::cluster::ClusterSink;
use super::providers::Providers;
use crate::config::{
    CONSISTENCY_OPTION, ClientOverrides, CqlConfig, CqlConsistency, OverridePolicy,
    check_connector, find_table, is_on_cluster,
};
use crate::record_log::RecordLog;
use crate::sink::{Connector, Opening, SinkOptions, group_of};
use crate::table::cql::{CqlTable, TableClients};
use crate::table::{BoxFuture, EmbeddedTable, Table};

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
    /// `[cql]`: where the tables of connectors are that name no cluster themselves.
    pub cql: Option<CqlConfig>,
    /// Connections to clusters.
    pub clients: Arc<TableClients>,
    /// The log they read.
    pub log: Arc<dyn RecordLog>,
    /// How their tasks work.
    pub options: SinkOptions,
    /// What resolves variables in their options.
    pub providers: Providers,
    /// The worker's converters and their options, for connectors that name none.
    pub converters: Vec<(String, String)>,
    /// Which of their clients' settings they may have of their own.
    pub overrides: OverridePolicy,
}

impl Factory {
    /// Everything that is wrong with a connector's options, as far as that can be told without asking a cluster.
    /// Reads providers' files.
    pub fn check(&self, config: &ConnectorConfig) -> Result<(), Vec<Problem>> {
        let config = self.resolve(config)?;
        self.sound(&config, &self.schemas())
    }

    /// The group whose offsets are a connector's, and what its clients have of their own; or why that cannot be told:
    /// the group after its name may be another one's. Reads providers' files.
    pub fn group(
        &self,
        config: &ConnectorConfig,
    ) -> Result<(String, ClientOverrides), Vec<Problem>> {
        let (own, _told_at_start) = ClientOverrides::read(&self.resolve(config)?, &self.overrides)?;
        Ok((group(&own, &config.name), own))
    }

    fn sound(
        &self,
        resolved: &ConnectorConfig,
        schemas: &[Arc<TableSchema>],
    ) -> Result<(), Vec<Problem>> {
        let has_cql = self.cql.is_some();
        check_connector(resolved, schemas, has_cql, &self.overrides).map(drop)
    }

    fn schemas(&self) -> Vec<Arc<TableSchema>> {
        let tables = self.tables.iter();
        tables.map(|table| Arc::clone(table.schema())).collect()
    }

    /// A connector that is ready to run. Reads providers' files.
    pub fn connector(&self, config: &ConnectorConfig) -> Result<Connector, Vec<Problem>> {
        let config = self.resolve(config)?;
        let schemas = self.schemas();
        self.sound(&config, &schemas)?;
        let (own, warnings) = ClientOverrides::read(&config, &self.overrides)?;
        doubt(&config.name, &warnings);
        let group = group(&own, &config.name);
        let log = (!own.is_none()).then(|| self.log.by_clients_of(&own));
        let log = log.flatten().unwrap_or_else(|| Arc::clone(&self.log));
        let made = if is_on_cluster(&config, self.cql.is_some()) {
            self.on_cluster(config, log)
        } else {
            self.on_declared(&config, &schemas, log)
        };
        Ok(made?.in_group(group))
    }

    fn on_declared(
        &self,
        config: &ConnectorConfig,
        schemas: &[Arc<TableSchema>],
        log: Arc<dyn RecordLog>,
    ) -> Result<Connector, Vec<Problem>> {
        let plan = Plan::compile(config, &|name| find_table(schemas, name))?;
        doubt(plan.name(), plan.warnings());
        let declared = |schema: &Arc<TableSchema>| {
            let mut tables = self.tables.iter();
            tables.find(|table| table.schema() == schema)
        };
        let tables = plan.tables().iter().filter_map(declared);
        let tables = tables.map(|table| table.table(config)).collect();
        let options = if self.cql.is_some() {
            self.options.for_cluster()
        } else {
            self.options
        };
        Ok(Connector::new(plan, tables, log, options))
    }

    fn on_cluster(
        &self,
        config: ConnectorConfig,
        log: Arc<dyn RecordLog>,
    ) -> Result<Connector, Vec<Problem>> {
        let name = config.name.clone();
        let outline = Plan::outline(&config)?;
        let sink = ClusterSink::new(config, outline, self.cql.as_ref(), &self.clients)?;
        let sink = Arc::new(sink);
        let changed = Arc::clone(&sink);
        let open = move || -> BoxFuture<'static, _> {
            let sink = Arc::clone(&sink);
            Box::pin(async move { sink.open().await })
        };
        let change = move |change| -> BoxFuture<'static, _> {
            let sink = Arc::clone(&changed);
            Box::pin(async move { sink.change(&change).await })
        };
        let opening = Opening::new(open, change);
        let options = self.options.for_cluster();
        Ok(Connector::opening(&name, opening, log, options))
    }

    fn resolve(&self, config: &ConnectorConfig) -> Result<ConnectorConfig, Vec<Problem>> {
        resolve(config, &self.providers, &self.converters)
    }
}

/// The group a connector names, else the one after its name.
fn group(own: &ClientOverrides, name: &str) -> String {
    let group = own.group.clone();
    group.unwrap_or_else(|| group_of(name))
}

fn doubt(connector: &str, warnings: &[Problem]) {
    for warning in warnings {
        let (option, warning) = (&warning.option, &warning.message);
        tracing::warn!(
            connector,
            option,
            warning,
            "a sink's configuration is doubtful"
        );
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
