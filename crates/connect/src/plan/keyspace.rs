//! What stands between a connector's options and its plan where the tables are a cluster's.

use std::sync::Arc;

use super::effect::Query;
use super::topics::Topics;
use crate::cluster::Cluster;
use crate::config::Problem;
use crate::table_schema::TableSchema;

/// A connector before its cluster has been asked for tables: its options are right as far as that can be told.
#[derive(Debug)]
pub struct Outline {
    /// The Kafka topics to consume.
    pub topics: Topics,
    /// What is allowed but will surprise.
    pub warnings: Vec<Problem>,
    /// The cluster it names; without one it writes to that of the program's configuration.
    pub cluster: Option<Cluster>,
    /// The keyspaces of its tables.
    pub keyspaces: Vec<String>,
    /// What may be created, where the connector creates anything.
    pub creation: Option<Creation>,
    /// The consistency it asks for, as written.
    pub consistency: Option<String>,
    /// The statement that deletes, where deletes are enabled.
    pub delete_statement: Option<String>,
    /// Statements of its own that it writes with.
    pub queries: Vec<Query>,
}

/// What a connector may create that is missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Creation {
    /// The keyspace, with so many replicas; `None` where it must be there.
    pub replication: Option<i64>,
    /// The class that compresses tables; `None` compresses none.
    pub compression: Option<&'static str>,
}

/// A keyspace as the cluster has told it.
#[derive(Debug, Clone)]
pub struct Keyspace<'a> {
    /// Its name.
    pub name: &'a str,
    /// Its tables.
    pub tables: &'a [Arc<TableSchema>],
    /// The connector's delete statement: its variables as columns, in order.
    pub deletes: Option<Arc<TableSchema>>,
    /// The connector's own statements: each under its name, its variables as columns.
    pub queries: &'a [Arc<TableSchema>],
}

/// Tables named in an advice at most.
const MOST_NAMED: usize = 20;

impl Keyspace<'_> {
    pub(super) fn table(&self, name: &str) -> Option<Arc<TableSchema>> {
        let exact = self.tables.iter().find(|table| table.name == name);
        let found = exact.or_else(|| self.tables.iter().find(|table| table.is_called(name)));
        found.cloned()
    }

    /// What to do about a table that is missing.
    pub(super) fn advice(&self) -> String {
        if self.tables.is_empty() {
            return format!(
                "create the table, or the keyspace: `{}` has no tables",
                self.name
            );
        }
        let names = self
            .tables
            .iter()
            .take(MOST_NAMED)
            .map(|table| table.name.as_str());
        let names: Vec<&str> = names.collect();
        let more = if self.tables.len() > MOST_NAMED {
            ", ..."
        } else {
            ""
        };
        format!(
            "create it and restart the task; there are {}{more}",
            names.join(", ")
        )
    }
}
