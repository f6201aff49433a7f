//! A connector whose tables are in a cluster: found, read and prepared when its task begins.

use std::sync::Arc;

use messina_connect::cluster::Cluster;
use messina_connect::config::{ConnectorConfig, Problem};
use messina_connect::mapping::TableChange;
use messina_connect::plan::{Creation, Effect, Keyspace, Outline, Plan, Query};
use messina_connect::table_schema::TableSchema;

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
    keyspaces: Vec<String>,
    creation: Option<Creation>,
    consistency: Option<CqlConsistency>,
    delete_statement: Option<String>,
    queries: Vec<Query>,
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
        let keyspace = outline.keyspaces.first().map(String::as_str);
        let own = own.filter(|_| !Cluster::is_named(&config));
        let cql = match (&outline.cluster, own) {
            (_, Some(own)) => CqlConfig {
                keyspace: keyspace.unwrap_or(&own.keyspace).to_owned(),
                replication: None,
                ..own.clone()
            },
            (Some(cluster), None) => CqlConfig::of_connector(cluster, keyspace.unwrap_or_default()),
            (None, None) => {
                let problem =
                    Problem::new(&config, "connect.cassandra.contact.points", "is required");
                return Err(vec![problem]);
            }
        };
        let mut keyspaces = outline.keyspaces;
        if keyspaces.is_empty() {
            keyspaces.push(cql.keyspace.clone());
        }
        let consistency = outline.consistency.as_deref();
        Ok(Self {
            config,
            cql: CqlConfig {
                use_keyspace: outline.delete_statement.is_some(),
                ..cql
            },
            keyspaces,
            creation: outline.creation,
            consistency: consistency.and_then(CqlConsistency::parse),
            delete_statement: outline.delete_statement,
            queries: outline.queries,
            clients: Arc::clone(clients),
        })
    }

    /// Connects, reads the keyspaces, compiles the connector against them, and prepares its statements.
    pub(super) async fn open(&self) -> Result<Opened, OpenError> {
        let client = self.client().await?;
        let tables = self.tables(&client).await?;
        let statements = self.statements(&client).await?;
        let plan = self.compile(&tables, &statements)?;
        for warning in plan.warnings() {
            let connector = plan.name();
            tracing::warn!(
                connector,
                warning = warning.message,
                "a sink's configuration is doubtful"
            );
        }
        let mut tables: Vec<Arc<dyn Table>> = Vec::with_capacity(plan.tables().len());
        for (index, schema) in plan.tables().iter().enumerate() {
            let at = self.consistency_of(&plan, index);
            if let Some(own) = statements.iter().find(|own| own.schema() == schema) {
                tables.push(Arc::new(own.at(at)));
                continue;
            }
            let prepared = match plan.effect_of(index) {
                Effect::Write => CqlTable::described(&client, schema).await,
                Effect::Count => CqlTable::counters(&client, schema).await,
                Effect::Delete(table) => CqlTable::deletion(&client, schema, table).await,
            };
            tables.push(Arc::new(prepared.map_err(defining)?.at(at)));
        }
        Ok(Opened { plan, tables })
    }

    /// Creates or changes a table as a record needs it.
    pub(super) async fn change(&self, change: &TableChange) -> Result<(), OpenError> {
        let client = self.client().await?;
        let compression = self.creation.and_then(|creation| creation.compression);
        client.change(change, compression).await.map_err(defining)
    }

    async fn client(&self) -> Result<TableClient, OpenError> {
        self.clients.get(&self.cql).await.map_err(connecting)
    }

    /// The tables of all its keyspaces, which are created where that is wanted.
    async fn tables(&self, client: &TableClient) -> Result<Vec<Arc<TableSchema>>, OpenError> {
        if let Some(replicas) = self.creation.and_then(|creation| creation.replication) {
            for keyspace in &self.keyspaces {
                let created = client.create_keyspace(keyspace, replicas).await;
                created.map_err(defining)?;
            }
        }
        self.known_tables(client).await
    }

    /// The tables of all its keyspaces. What may be created need not be there.
    async fn known_tables(&self, client: &TableClient) -> Result<Vec<Arc<TableSchema>>, OpenError> {
        let mut all = Vec::new();
        for keyspace in &self.keyspaces {
            let tables = client.tables(keyspace).await.map_err(defining)?;
            if tables.is_empty() && self.creation.is_none() {
                let keyspace = keyspace.clone();
                return Err(defining(DefinitionError::NoTables { keyspace }));
            }
            all.extend(tables);
        }
        Ok(all)
    }

    /// The statements of the connector's own: what deletes, and its queries.
    async fn statements(&self, client: &TableClient) -> Result<Vec<CqlTable>, OpenError> {
        let mut statements = Vec::new();
        if let Some(text) = &self.delete_statement {
            let prepared = CqlTable::statement(client, DELETES, text, false).await;
            statements.push(prepared.map_err(defining)?);
        }
        for query in &self.queries {
            let (name, text) = (&query.name, &query.text);
            let prepared = CqlTable::statement(client, name, text, query.adds_up()).await;
            statements.push(prepared.map_err(defining)?);
        }
        Ok(statements)
    }

    fn compile(
        &self,
        tables: &[Arc<TableSchema>],
        statements: &[CqlTable],
    ) -> Result<Plan, OpenError> {
        let schemas: Vec<Arc<TableSchema>> = statements
            .iter()
            .map(|own| Arc::clone(own.schema()))
            .collect();
        let described = Keyspace {
            name: &self.keyspaces.join("`, `"),
            tables,
            deletes: schemas.iter().find(|own| own.name == DELETES).cloned(),
            queries: &schemas,
        };
        Plan::compile_on(&self.config, &described).map_err(OpenError::Wrong)
    }

    /// The consistency asked for a table: its own, the connector's, else that of the cluster's settings.
    fn consistency_of(&self, plan: &Plan, index: usize) -> CqlConsistency {
        let own = plan.consistency_of(index).and_then(CqlConsistency::parse);
        own.or(self.consistency).unwrap_or(self.cql.consistency)
    }
}

/// The plan of a connector for the tables that are in its cluster, or in that of `[cql]`, which is `own`. Nothing is
/// created or written.
pub async fn plan_on_cluster(
    config: &ConnectorConfig,
    own: Option<&CqlConfig>,
) -> Result<Plan, OpenError> {
    let outline = Plan::outline(config).map_err(OpenError::Wrong)?;
    let clients = Arc::new(TableClients::default());
    let sink = ClusterSink::new(config.clone(), outline, own, &clients);
    let sink = sink.map_err(OpenError::Wrong)?;
    let client = sink.client().await?;
    let tables = sink.known_tables(&client).await?;
    let statements = sink.statements(&client).await?;
    sink.compile(&tables, &statements)
}

fn connecting(error: ConnectError) -> OpenError {
    if matches!(error, ConnectError::LogIn { named: true, .. }) {
        return OpenError::LogIn(error.into());
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_in_that_is_refused_may_be_taken_later_and_none_at_all_will_not() {
        let refused = |named| ConnectError::LogIn {
            at: "10.0.0.1:9042".to_owned(),
            said: "no".to_owned(),
            named,
            advice: String::new(),
        };
        assert!(matches!(connecting(refused(true)), OpenError::LogIn(_)));
        assert!(matches!(connecting(refused(false)), OpenError::Unusable(_)));
    }
}
