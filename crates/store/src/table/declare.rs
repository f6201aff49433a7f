//! A table's declaration: created, compared with what the file remembers, or widened by new columns.

use messina_connect::cql_type::CqlType;
use messina_connect::table_schema::{ClusteringOrder, TableSchema};
use rusqlite::Connection;

use super::column::{cql_name, quoted, sqlite_type};
use super::error::DeclareError;
use super::statement::{MAX_COLUMNS, rows_table};

/// Creates the list of declared columns.
pub(super) const CREATE_COLUMNS: &str = "CREATE TABLE IF NOT EXISTS \"__messina_columns\" (
    table_name TEXT NOT NULL, position INTEGER NOT NULL, name TEXT NOT NULL, cql_type TEXT NOT NULL,
    role TEXT NOT NULL, PRIMARY KEY (table_name, position)) WITHOUT ROWID";

/// A declared column as the file remembers it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct StoredColumn {
    pub(super) name: String,
    pub(super) cql_type: String,
    pub(super) role: Role,
}

/// A column's part in the primary key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    Partition,
    Ascending,
    Descending,
    Regular,
}

impl Role {
    fn name(self) -> &'static str {
        match self {
            Self::Partition => "partition",
            Self::Ascending => "ascending",
            Self::Descending => "descending",
            Self::Regular => "regular",
        }
    }

    fn parse(name: &str) -> Self {
        match name {
            "partition" => Self::Partition,
            "ascending" => Self::Ascending,
            "descending" => Self::Descending,
            _ => Self::Regular,
        }
    }
}

/// Makes the file hold `schema`, or says why it cannot.
pub(super) fn declare(
    connection: &mut Connection,
    schema: &TableSchema,
) -> Result<(), DeclareError> {
    if let Some(problem) = unsuitable(schema) {
        return Err(DeclareError::Unsuitable {
            table: schema.name.clone(),
            problem,
        });
    }
    let failed = |source| DeclareError::Failed {
        table: schema.name.clone(),
        source,
    };
    let transaction = connection.transaction().map_err(failed)?;
    let stored = stored_columns(&transaction, &schema.name).map_err(failed)?;
    let declared = declared_columns(schema);
    if stored.is_empty() {
        create(&transaction, &schema.name, &declared, schema).map_err(failed)?;
    } else {
        let differences = differences(&stored, &declared);
        if !differences.is_empty() {
            return Err(DeclareError::Differs {
                table: schema.name.clone(),
                differences,
            });
        }
        widen(&transaction, schema, stored).map_err(failed)?;
    }
    transaction.commit().map_err(failed)
}

/// Names of all declared tables with the columns of their keys, in key order.
pub(super) fn stored_keys(connection: &Connection) -> rusqlite::Result<Vec<(String, Vec<String>)>> {
    let mut statement = connection.prepare(
        "SELECT table_name, name, role FROM \"__messina_columns\" ORDER BY table_name, position",
    )?;
    let mut rows = statement.query([])?;
    let mut tables: Vec<(String, Vec<String>)> = Vec::new();
    while let Some(row) = rows.next()? {
        let table: String = row.get(0)?;
        if tables.last().is_none_or(|(last, _)| *last != table) {
            tables.push((table, Vec::new()));
        }
        if Role::parse(row.get_ref(2)?.as_str()?) != Role::Regular
            && let Some((_, keys)) = tables.last_mut()
        {
            keys.push(row.get(1)?);
        }
    }
    Ok(tables)
}

/// What stands against storing such a table at all.
fn unsuitable(schema: &TableSchema) -> Option<String> {
    if schema.name.is_empty() || reserved(&schema.name) {
        return Some("a table's name may not be empty or begin with `__` or `sqlite_`".to_owned());
    }
    if schema.columns.len() > MAX_COLUMNS {
        return Some(format!(
            "it has {} columns, {MAX_COLUMNS} are possible",
            schema.columns.len()
        ));
    }
    if schema.partition_key.is_empty() {
        return Some("it has no partition key".to_owned());
    }
    for (index, column) in schema.columns.iter().enumerate() {
        if column.name.is_empty() || reserved(&column.name) {
            return Some(format!(
                "column `{}`: a name may not be empty or begin with `__`",
                column.name
            ));
        }
        if matches!(column.cql_type, CqlType::Counter) {
            return Some(format!(
                "column `{}` is a counter, which cannot be upserted",
                column.name
            ));
        }
        let same = |other: &&messina_connect::table_schema::TableColumn| {
            other.name.eq_ignore_ascii_case(&column.name)
        };
        if let Some(other) = schema.columns.iter().take(index).find(same) {
            return Some(format!(
                "columns `{}` and `{}` differ by case only",
                other.name, column.name
            ));
        }
    }
    None
}

fn reserved(name: &str) -> bool {
    name.starts_with("__")
        || name.to_ascii_lowercase().starts_with("sqlite_")
        || name.contains('\0')
}

/// The schema's columns, keys first in key order.
fn declared_columns(schema: &TableSchema) -> Vec<StoredColumn> {
    let partition = schema
        .partition_key
        .iter()
        .map(|index| (*index, Role::Partition));
    let clustering = schema
        .clustering_key
        .iter()
        .map(|(index, order)| match order {
            ClusteringOrder::Ascending => (*index, Role::Ascending),
            ClusteringOrder::Descending => (*index, Role::Descending),
        });
    let mut roles: Vec<(usize, Role)> = partition.chain(clustering).collect();
    for index in 0..schema.columns.len() {
        if !roles.iter().any(|(known, _)| *known == index) {
            roles.push((index, Role::Regular));
        }
    }
    let column = |(index, role): (usize, Role)| {
        let column = schema.columns.get(index)?;
        Some(StoredColumn {
            name: column.name.clone(),
            cql_type: cql_name(&column.cql_type),
            role,
        })
    };
    roles.into_iter().filter_map(column).collect()
}

/// The columns of a table as the file remembers them.
pub(super) fn stored_columns(
    connection: &Connection,
    table: &str,
) -> rusqlite::Result<Vec<StoredColumn>> {
    connection
        .prepare("SELECT name, cql_type, role FROM \"__messina_columns\" WHERE table_name = ?1 ORDER BY position")?
        .query_map([table], |row| {
            Ok(StoredColumn { name: row.get(0)?, cql_type: row.get(1)?, role: Role::parse(row.get_ref(2)?.as_str()?) })
        })?
        .collect()
}

/// What must be equal and is not. A new regular column is none, and neither is one the file has and the schema lacks.
fn differences(stored: &[StoredColumn], declared: &[StoredColumn]) -> Vec<String> {
    let mut found = Vec::new();
    for column in declared {
        if let Some(known) = stored.iter().find(|known| known.name == column.name)
            && known.cql_type != column.cql_type
        {
            found.push(format!(
                "column `{}` is {} in the file and {} in the declaration",
                column.name, known.cql_type, column.cql_type
            ));
        }
    }
    let (in_file, in_declaration) = (key_text(stored), key_text(declared));
    if in_file != in_declaration {
        found.push(format!(
            "the primary key is {in_file} in the file and {in_declaration} in the declaration"
        ));
    }
    found
}

/// A primary key as CQL writes it, with the order of clustering columns.
fn key_text(columns: &[StoredColumn]) -> String {
    let of = |role: Role| {
        columns
            .iter()
            .filter(move |column| column.role == role)
            .map(|column| column.name.clone())
    };
    let partition: Vec<String> = of(Role::Partition).collect();
    let clustering = columns.iter().filter_map(|column| match column.role {
        Role::Ascending => Some(format!(", {}", column.name)),
        Role::Descending => Some(format!(", {} desc", column.name)),
        Role::Partition | Role::Regular => None,
    });
    format!(
        "(({}){})",
        partition.join(", "),
        clustering.collect::<String>()
    )
}

fn create(
    connection: &Connection,
    table: &str,
    columns: &[StoredColumn],
    schema: &TableSchema,
) -> rusqlite::Result<()> {
    let rows = rows_table(table);
    let definitions: Vec<String> = columns
        .iter()
        .map(|column| {
            let not_null = if column.role == Role::Regular {
                ""
            } else {
                " NOT NULL"
            };
            format!(
                "{} {}{not_null}",
                quoted(&column.name),
                stored_type(schema, &column.name)
            )
        })
        .collect();
    let key: Vec<String> = columns
        .iter()
        .filter(|column| column.role != Role::Regular)
        .map(|column| {
            let order = if column.role == Role::Descending {
                " DESC"
            } else {
                ""
            };
            format!("{}{order}", quoted(&column.name))
        })
        .collect();
    connection.execute_batch(&format!(
        "CREATE TABLE {rows} ({}, \"__expires\" INTEGER, \"__written\" INTEGER NOT NULL, PRIMARY KEY ({})) WITHOUT ROWID;
         CREATE INDEX {} ON {rows} (\"__expires\") WHERE \"__expires\" IS NOT NULL;",
        definitions.join(", "),
        key.join(", "),
        quoted(&format!("__expiry_{table}")),
    ))?;
    create_view(connection, table, columns)?;
    remember(connection, table, columns, 0)
}

/// Adds the columns the file does not have yet.
fn widen(
    connection: &Connection,
    schema: &TableSchema,
    stored: Vec<StoredColumn>,
) -> rusqlite::Result<()> {
    let is_new = |column: &StoredColumn| !stored.iter().any(|known| known.name == column.name);
    let added: Vec<StoredColumn> = declared_columns(schema)
        .into_iter()
        .filter(is_new)
        .collect();
    if added.is_empty() {
        return Ok(());
    }
    for column in &added {
        connection.execute_batch(&format!(
            "ALTER TABLE {} ADD COLUMN {} {}",
            rows_table(&schema.name),
            quoted(&column.name),
            stored_type(schema, &column.name)
        ))?;
    }
    remember(connection, &schema.name, &added, stored.len())?;
    connection.execute_batch(&format!("DROP VIEW {}", quoted(&schema.name)))?;
    let all: Vec<StoredColumn> = stored.into_iter().chain(added).collect();
    create_view(connection, &schema.name, &all)
}

/// The view under the table's plain name. `+` keeps the planner from using the expiry index for reading.
fn create_view(
    connection: &Connection,
    table: &str,
    columns: &[StoredColumn],
) -> rusqlite::Result<()> {
    let names: Vec<String> = columns.iter().map(|column| quoted(&column.name)).collect();
    connection.execute_batch(&format!(
        "CREATE VIEW {} AS SELECT {} FROM {} WHERE (+\"__expires\" IS NULL OR +\"__expires\" > unixepoch() * 1000)",
        quoted(table),
        names.join(", "),
        rows_table(table)
    ))
}

fn remember(
    connection: &Connection,
    table: &str,
    columns: &[StoredColumn],
    first: usize,
) -> rusqlite::Result<()> {
    let mut insert =
        connection.prepare("INSERT INTO \"__messina_columns\" VALUES (?1, ?2, ?3, ?4, ?5)")?;
    for (position, column) in (first..).zip(columns) {
        let position = i64::try_from(position).unwrap_or(i64::MAX);
        insert.execute((
            table,
            position,
            &column.name,
            &column.cql_type,
            column.role.name(),
        ))?;
    }
    Ok(())
}

fn stored_type(schema: &TableSchema, column: &str) -> &'static str {
    let found = schema
        .columns
        .iter()
        .find(|candidate| candidate.name == column);
    found.map_or("BLOB", |column| sqlite_type(&column.cql_type))
}
