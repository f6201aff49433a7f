//! What a table must be: the CQL that makes it, and what differs where it is something else.

use std::time::Duration;

use messina_connect::cql_type::CqlType;
use messina_connect::table_schema::{ClusteringOrder, TableSchema};
use scylla::errors::ExecutionError;

use super::TableClient;
use super::error::{Blame, blame};
use super::keyspace::UserTypes;
use crate::table::Verdict;

/// More windows than this and every read of a partition opens too many files.
const MOST_WINDOWS: u64 = 50;

/// Why a table cannot be written to.
#[derive(Debug, thiserror::Error)]
pub enum DefinitionError {
    /// The keyspace or the table is not there, and we are not to create it.
    #[error(
        "there is no table `{table}`; set `cql.replication` to have it created, or run: {create}"
    )]
    Missing {
        /// The table.
        table: String,
        /// What creates it.
        create: String,
    },
    /// The table is there and not as declared.
    #[error("table `{table}` is not as declared: {}", differences.join("; "))]
    Differs {
        /// The table.
        table: String,
        /// What differs, each with what to do.
        differences: Vec<String>,
    },
    /// The cluster refused a statement about the table.
    #[error("CQL failed: {statement}")]
    Statement {
        /// The statement.
        statement: String,
        /// Why.
        source: Box<ExecutionError>,
    },
    /// The table is no longer what it was when the cluster described it.
    #[error("table `{table}` has changed: {}", differences.join("; "))]
    Changed {
        /// The table.
        table: String,
        /// What differs.
        differences: Vec<String>,
    },
    /// The keyspace is not there, or has no tables.
    #[error(
        "keyspace `{keyspace}` has no tables: create it with the connector's tables, then restart the task"
    )]
    NoTables {
        /// The keyspace.
        keyspace: String,
    },
    /// A statement has a variable of a type nobody here knows.
    #[error("variable `{variable}` of the statement has an unknown type: {statement}")]
    Variable {
        /// The variable.
        variable: String,
        /// The statement.
        statement: String,
    },
    /// The cluster's own tables cannot be read.
    #[error("the answer to `{statement}` cannot be read: {reason}")]
    Unreadable {
        /// What was asked.
        statement: String,
        /// Why.
        reason: String,
    },
}

impl DefinitionError {
    /// What to do about it.
    pub fn verdict(&self) -> Verdict {
        match self {
            Self::Statement { source, .. } => match blame(source) {
                Blame::Cluster | Blame::ClusterOrRow => Verdict::Retry,
                Blame::RowOrTable | Blame::Row | Blame::Nobody => Verdict::Stop,
            },
            Self::Missing { .. }
            | Self::Differs { .. }
            | Self::Changed { .. }
            | Self::NoTables { .. }
            | Self::Variable { .. }
            | Self::Unreadable { .. } => Verdict::Stop,
        }
    }
}

/// `CREATE KEYSPACE ...;`
pub fn create_keyspace(keyspace: &str, replication: &str) -> String {
    format!(
        "CREATE KEYSPACE IF NOT EXISTS {} WITH replication = {replication};",
        name(keyspace)
    )
}

/// `CREATE TABLE ...;`
pub fn create_table(table: &TableSchema) -> String {
    let mut lines: Vec<String> = table
        .columns
        .iter()
        .map(|column| format!("    {} {}", name(&column.name), column.cql_type))
        .collect();
    lines.push(format!("    PRIMARY KEY ({})", primary_key(table)));
    let options = options(table);
    let with = if options.is_empty() {
        String::new()
    } else {
        format!(" WITH {}", options.join("\n    AND "))
    };
    format!(
        "CREATE TABLE {} (\n{}\n){with};",
        table_name(table),
        lines.join(",\n")
    )
}

fn options(table: &TableSchema) -> Vec<String> {
    let mut options = Vec::new();
    let descends = |(_, order): &(usize, ClusteringOrder)| *order == ClusteringOrder::Descending;
    if table.clustering_key.iter().any(descends) {
        let order = |(index, order): &(usize, ClusteringOrder)| {
            let order = match order {
                ClusteringOrder::Ascending => "ASC",
                ClusteringOrder::Descending => "DESC",
            };
            format!("{} {order}", column_name(table, *index))
        };
        let orders: Vec<String> = table.clustering_key.iter().map(order).collect();
        options.push(format!("CLUSTERING ORDER BY ({})", orders.join(", ")));
    }
    if let Some(ttl) = table.default_ttl {
        options.push(format!("default_time_to_live = {}", ttl.as_secs()));
        // Rows that expire together lie together, and whole files are dropped at their time.
        let (size, unit) = window(ttl);
        options.push(format!(
            "compaction = {{'class': 'TimeWindowCompactionStrategy', 'compaction_window_size': {size}, \
             'compaction_window_unit': '{unit}'}}"
        ));
    }
    options
}

/// The smallest window that divides the shelf life into at most [`MOST_WINDOWS`].
fn window(ttl: Duration) -> (u64, &'static str) {
    let units = [("MINUTES", 60), ("HOURS", 3_600), ("DAYS", 86_400)];
    let sizes = units.map(|(unit, seconds)| {
        let size = ttl.as_secs().div_ceil(MOST_WINDOWS * seconds);
        (size.max(1), unit)
    });
    let [minutes, hours, days] = sizes;
    match (minutes, hours) {
        ((size, _), _) if size < 60 => minutes,
        (_, (size, _)) if size < 24 => hours,
        _ => days,
    }
}

pub(super) fn table_name(table: &TableSchema) -> String {
    match &table.keyspace {
        Some(keyspace) => format!("{}.{}", name(keyspace), name(&table.name)),
        None => name(&table.name),
    }
}

fn column_name(table: &TableSchema, index: usize) -> String {
    table
        .columns
        .get(index)
        .map(|column| name(&column.name))
        .unwrap_or_default()
}

fn primary_key(table: &TableSchema) -> String {
    let partition: Vec<String> = table
        .partition_key
        .iter()
        .map(|index| column_name(table, *index))
        .collect();
    let mut key = format!("({})", partition.join(", "));
    for (index, _) in &table.clustering_key {
        key.push_str(", ");
        key.push_str(&column_name(table, *index));
    }
    key
}

/// A name, quoted where CQL would fold it.
pub fn name(text: &str) -> String {
    let plain = text.starts_with(|c: char| c.is_ascii_lowercase())
        && text
            .chars()
            .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
    if plain {
        text.to_owned()
    } else {
        format!("\"{}\"", text.replace('"', "\"\""))
    }
}

/// A column as the cluster has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Found {
    pub(super) name: String,
    pub(super) cql_type: String,
    pub(super) kind: String,
    pub(super) position: i32,
    pub(super) order: String,
}

impl TableClient {
    /// Compares the table with its declaration.
    pub(super) async fn verify(&self, table: &TableSchema) -> Result<(), DefinitionError> {
        let found = self.columns(table).await?;
        if found.is_empty() {
            return Err(DefinitionError::Missing {
                table: table_name(table),
                create: create_table(table),
            });
        }
        let types = self.types_of(table, &found).await?;
        let differences = differences(table, &found, &types);
        if differences.is_empty() {
            return Ok(());
        }
        Err(DefinitionError::Differs {
            table: table_name(table),
            differences,
        })
    }

    /// The user-defined types of a table's keyspace, if any of its columns has one.
    pub(super) async fn types_of(
        &self,
        table: &TableSchema,
        found: &[Found],
    ) -> Result<UserTypes, DefinitionError> {
        let parsed = |own: &Found| CqlType::parse(&own.cql_type).is_ok();
        if found.iter().all(parsed) {
            return Ok(UserTypes::default());
        }
        let keyspace = table.keyspace.as_deref().unwrap_or(&self.config.keyspace);
        self.user_types(keyspace).await
    }

    pub(super) async fn columns(&self, table: &TableSchema) -> Result<Vec<Found>, DefinitionError> {
        type Column = (String, String, String, i32, String);
        const COLUMNS: &str = "SELECT column_name, type, kind, position, clustering_order \
             FROM system_schema.columns WHERE keyspace_name = ? AND table_name = ?";
        let keyspace = table.keyspace.as_deref().unwrap_or(&self.config.keyspace);
        let rows: Vec<Column> = self.read(COLUMNS, (keyspace, table.name.as_str())).await?;
        let column = |(name, cql_type, kind, position, order)| Found {
            name,
            cql_type,
            kind,
            position,
            order,
        };
        Ok(rows.into_iter().map(column).collect())
    }
}

fn differences(table: &TableSchema, found: &[Found], types: &UserTypes) -> Vec<String> {
    let mut differences = Vec::new();
    for (index, column) in table.columns.iter().enumerate() {
        let own = found.iter().find(|own| own.name == column.name);
        let Some(own) = own else {
            differences.push(format!(
                "column `{}` is missing, run: ALTER TABLE {} ADD {} {};",
                column.name,
                table_name(table),
                name(&column.name),
                column.cql_type
            ));
            continue;
        };
        if types.parse(&own.cql_type).as_ref() != Some(&column.cql_type) {
            differences.push(format!(
                "column `{}` is {} there and {} here; a column's type cannot be altered: \
                 change `[[table]]`, or create the table anew",
                column.name, own.cql_type, column.cql_type
            ));
        }
        let (kind, position) = place(table, index);
        // A static column is written as any other.
        let own_kind = if own.kind == "static" {
            "regular"
        } else {
            own.kind.as_str()
        };
        if own_kind != kind || (kind != "regular" && own.position != position) {
            differences.push(format!(
                "column `{}` is {}{} there and {}{} here; a key cannot be altered: \
                 change `[[table]]`, or create the table anew",
                column.name,
                own.kind,
                number(own.position),
                kind,
                number(position)
            ));
        }
    }
    for own in found
        .iter()
        .filter(|own| own.kind == "partition_key" || own.kind == "clustering")
    {
        if table.column(&own.name).is_none() {
            differences.push(format!(
                "its key has a column `{}` that is not declared; add it to `[[table]]`",
                own.name
            ));
        }
    }
    orders(table, found, &mut differences);
    differences
}

fn orders(table: &TableSchema, found: &[Found], differences: &mut Vec<String>) {
    for (index, order) in &table.clustering_key {
        let own = table
            .columns
            .get(*index)
            .and_then(|column| found.iter().find(|own| own.name == column.name));
        let wanted = match order {
            ClusteringOrder::Ascending => "asc",
            ClusteringOrder::Descending => "desc",
        };
        if let Some(own) = own.filter(|own| own.kind == "clustering" && own.order != wanted) {
            differences.push(format!(
                "`{}` is ordered {} there and {wanted} here; change `[[table]]`, or create the table anew",
                own.name, own.order
            ));
        }
    }
}

fn number(position: i32) -> String {
    if position < 0 {
        String::new()
    } else {
        format!(" {}", position + 1)
    }
}

/// What a column is in the cluster's words, and its place among those of its kind.
fn place(table: &TableSchema, index: usize) -> (&'static str, i32) {
    let at = |position: usize| i32::try_from(position).unwrap_or(i32::MAX);
    if let Some(position) = table.partition_key.iter().position(|own| *own == index) {
        return ("partition_key", at(position));
    }
    let clustering = table.clustering_key.iter();
    if let Some(position) = clustering.map(|(own, _)| *own).position(|own| own == index) {
        return ("clustering", at(position));
    }
    ("regular", -1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shelf_life_is_at_most_fifty_windows() {
        for days in [1, 7, 30, 365, 3650] {
            let ttl = Duration::from_hours(24 * days);
            let (size, unit) = window(ttl);
            let seconds = match unit {
                "MINUTES" => 60,
                "HOURS" => 3_600,
                _ => 86_400,
            };
            assert!(
                ttl.as_secs().div_ceil(size * seconds) <= MOST_WINDOWS,
                "{days} days"
            );
        }
        assert_eq!(window(Duration::from_hours(168)), (4, "HOURS"));
        assert_eq!(window(Duration::from_secs(5)), (1, "MINUTES"));
    }
}
