//! Keyspaces and tables are created and changed here, where that is wanted.

use std::time::Duration;

use messina_connect::mapping::TableChange;
use messina_connect::table_schema::TableSchema;

use scylla::statement::Statement;

use super::TableClient;
use super::definition::{DefinitionError, create_keyspace, create_table, name, table_name};
use crate::config::replication_map;

/// A keyspace or table must be created or changed within this time at least.
const UNTIL_DEFINED: Duration = Duration::from_mins(1);

impl TableClient {
    /// Creates keyspace and table where that was asked for.
    pub(super) async fn create(&self, table: &TableSchema) -> Result<(), DefinitionError> {
        let Some(replication) = &self.config.replication else {
            return Ok(());
        };
        if let Some(keyspace) = &table.keyspace {
            self.define(create_keyspace(keyspace, replication)).await?;
        }
        let create =
            create_table(table).replacen("CREATE TABLE ", "CREATE TABLE IF NOT EXISTS ", 1);
        self.define(create).await
    }

    /// Creates a keyspace with so many replicas if it is not there.
    pub async fn create_keyspace(
        &self,
        keyspace: &str,
        replicas: i64,
    ) -> Result<(), DefinitionError> {
        let replication = replication_map(replicas, self.config.data_center.as_deref());
        self.define(create_keyspace(keyspace, &replication)).await
    }

    /// Creates a table, or gives it columns; `compression` is the class that compresses a new one.
    pub async fn change(
        &self,
        change: &TableChange,
        compression: Option<&str>,
    ) -> Result<(), DefinitionError> {
        match change {
            TableChange::Create(table) => {
                let create =
                    create_table(table).replacen("CREATE TABLE ", "CREATE TABLE IF NOT EXISTS ", 1);
                let with =
                    compression.map(|class| format!(" WITH compression = {{'class': '{class}'}};"));
                let create = match with {
                    Some(with) => format!("{}{with}", create.trim_end_matches(';')),
                    None => create,
                };
                self.define(create).await
            }
            TableChange::Add { table, columns } => {
                for column in columns {
                    let (known_as, own) = (table_name(table), name(&column.name));
                    let add = format!("ALTER TABLE {known_as} ADD {own} {};", column.cql_type);
                    let Err(error) = self.define(add).await else {
                        continue;
                    };
                    // A person or another task may have been faster. Where that cannot be told, why it was not added
                    // counts.
                    if !self.has(table, &column.name).await.unwrap_or(false) {
                        return Err(error);
                    }
                }
                Ok(())
            }
        }
    }

    async fn has(&self, table: &TableSchema, column: &str) -> Result<bool, DefinitionError> {
        let found = self.columns(table).await?;
        Ok(found.iter().any(|own| own.name == column))
    }

    async fn define(&self, statement: String) -> Result<(), DefinitionError> {
        let mut request = Statement::new(statement.as_str());
        // All nodes agree on it, which takes longer than a row.
        request.set_request_timeout(Some(self.config.request_timeout.max(UNTIL_DEFINED)));
        match self.session.query_unpaged(request, ()).await {
            Ok(_) => Ok(()),
            Err(source) => Err(DefinitionError::Statement {
                statement,
                source: Box::new(source),
            }),
        }
    }
}
