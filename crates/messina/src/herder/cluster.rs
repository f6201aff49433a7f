//! A connector whose tables are in a cluster: found, read and prepared when its task begins.

use std::sync::Arc;

use messina_connect::config::{ConnectorConfig, Problem};
use messina_connect::plan::{Keyspace, Outline, Plan};

use crate::config::{CqlConfig, CqlConsistency};
use crate::sink::{OpenError, Opened};
use crate::table::cql::{ConnectError, CqlTable, DefinitionError, TableClient, TableClients};
use crate::table::{Table, Verdict};

/// What the statement that deletes is called among a connector's tables.
const DELETES: &str = "connect.cassandra.delete.statement";

/// A connector, its cluster, and what it wants of it.
#[derive(Debug)]
pub(super) struct ClusterSink {
    config: ConnectorConfig,
    cql: CqlConfig,
    consistency: Option<CqlConsistency>,
    delete_statement: Option<String>,
    clients: Arc<TableClients>,
}

impl ClusterSink {
    /// The sink an outline asks for; a problem where neither it nor `[cql]`, which is `own`, names a cluster.
    pub(super) fn new(
        config: ConnectorConfig,
        outline: Outline,
        own: Option<&CqlConfig>,
        clients: &Arc<TableClients>,
    ) -> Result<Self, Vec<Problem>> {
        let keyspace = outline.keyspace.as_deref();
        let cql = match (&outline.cluster, own) {
            (Some(cluster), _) => CqlConfig::of_connector(cluster, keyspace.unwrap_or_default()),
            (None, Some(own)) => CqlConfig {
                keyspace: keyspace.unwrap_or(&own.keyspace).to_owned(),
                replication: None,
                ..own.clone()
            },
            (None, None) => {
                let problem =
                    Problem::new(&config, "connect.cassandra.contact.points", "is required");
                return Err(vec![problem]);
            }
        };
        let consistency = outline.consistency.as_deref();
        Ok(Self {
            config,
            cql: CqlConfig {
                use_keyspace: outline.delete_statement.is_some(),
                ..cql
            },
            consistency: consistency.and_then(CqlConsistency::parse),
            delete_statement: outline.delete_statement,
            clients: Arc::clone(clients),
        })
    }

    /// Connects, reads the keyspace, compiles the connector against it, and prepares its statements.
    pub(super) async fn open(&self) -> Result<Opened, OpenError> {
        let client = self.clients.get(&self.cql).await.map_err(connecting)?;
        let keyspace = &self.cql.keyspace;
        let tables = client.tables(keyspace).await.map_err(defining)?;
        if tables.is_empty() {
            let keyspace = keyspace.clone();
            return Err(defining(DefinitionError::NoTables { keyspace }));
        }
        let deletes = match &self.delete_statement {
            Some(text) => Some(self.prepared(CqlTable::statement(&client, DELETES, text).await)?),
            None => None,
        };
        let described = Keyspace {
            name: keyspace,
            tables: &tables,
            deletes: deletes.as_ref().map(|own| Arc::clone(own.schema())),
        };
        let plan = Plan::compile_on(&self.config, &described).map_err(OpenError::Wrong)?;
        for warning in plan.warnings() {
            let connector = plan.name();
            tracing::warn!(
                connector,
                warning = warning.message,
                "a sink's configuration is doubtful"
            );
        }
        let mut tables: Vec<Arc<dyn Table>> = Vec::with_capacity(plan.tables().len());
        for schema in plan.tables() {
            let own = deletes.as_ref().filter(|own| own.schema() == schema);
            let table = match own {
                Some(deletes) => Arc::clone(deletes),
                None => self.described(&client, schema).await?,
            };
            tables.push(table);
        }
        Ok(Opened { plan, tables })
    }

    async fn described(
        &self,
        client: &TableClient,
        schema: &Arc<messina_connect::table_schema::TableSchema>,
    ) -> Result<Arc<CqlTable>, OpenError> {
        self.prepared(CqlTable::described(client, schema).await)
    }

    /// A table at the connector's consistency: its own, else that of the cluster's settings.
    fn prepared(
        &self,
        prepared: Result<CqlTable, DefinitionError>,
    ) -> Result<Arc<CqlTable>, OpenError> {
        let table = prepared.map_err(defining)?;
        Ok(Arc::new(
            table.at(self.consistency.unwrap_or(self.cql.consistency)),
        ))
    }
}

fn connecting(error: ConnectError) -> OpenError {
    match error.verdict() {
        Verdict::Retry => OpenError::Away(error.into()),
        Verdict::Reject | Verdict::Stop => OpenError::Unusable(error.into()),
    }
}

fn defining(error: DefinitionError) -> OpenError {
    match error.verdict() {
        Verdict::Retry => OpenError::Away(error.into()),
        Verdict::Reject | Verdict::Stop => OpenError::Unusable(error.into()),
    }
}
