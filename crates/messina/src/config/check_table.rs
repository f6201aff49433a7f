//! `[[table]]`: columns with CQL types, partition key, clustering key, time to live.

use std::sync::Arc;

use messina_connect::cql_type::CqlType;
use messina_connect::table_schema::{ClusteringOrder, TableColumn, TableSchema, TimeBucket};

use super::CqlConfig;
use super::check_name::unique;
use super::problem::{Problem, Span};
use super::section::Section;
use super::tree::NodeValue;

/// A column of a key as it was written, and what it says.
struct KeyColumn<'t> {
    name: &'t str,
    order: ClusteringOrder,
    span: &'t Span,
}

pub(super) fn tables(root: &Section<'_>, cql: Option<&CqlConfig>) -> Vec<Arc<TableSchema>> {
    let mut tables: Vec<Arc<TableSchema>> = Vec::new();
    for section in root.sections("table") {
        section.known(&["keyspace"]);
        if let Some(mut table) = table(&section, &tables) {
            if let Some(cql) = cql {
                table.keyspace.get_or_insert_with(|| cql.keyspace.clone());
                bounded(&section, &table);
            }
            tables.push(Arc::new(table));
        }
        section.finish();
    }
    tables
}

fn table(section: &Section<'_>, before: &[Arc<TableSchema>]) -> Option<TableSchema> {
    let named = section.required_text("name");
    if let Some((name, span)) = named {
        identifier(section, name, span);
        unique(
            section,
            "table",
            span,
            name,
            before.iter().map(|table| table.name.as_str()),
        );
    }
    let written = columns(section);
    section.required("partition_key");
    let partition = key_columns(section, "partition_key", false);
    let clustering = key_columns(section, "clustering_key", true);
    let ttl = section.duration_or("ttl", "never", None);
    if let (Some(ttl), Some(node)) = (ttl, section.get("ttl"))
        && (ttl.as_secs() == 0 || ttl.as_secs() > 630_720_000)
    {
        let message = format!(
            "`{}` must be between 1s and 20 years, as CQL has it",
            section.name_of("ttl")
        );
        section.report(Problem::error(&node.span, message));
    }
    let (columns, partition_count) = in_key_order(section, &written?, &partition, &clustering)?;
    let table = TableSchema {
        keyspace: section.text("keyspace").map(|(text, _)| text.to_owned()),
        name: named?.0.to_owned(),
        columns,
        partition_key: (0..partition_count).collect(),
        clustering_key: (partition_count..)
            .zip(clustering.iter().map(|column| column.order))
            .collect(),
        default_ttl: ttl,
        time_bucket: None,
    };
    Some(TableSchema {
        time_bucket: time_bucket(section, &table),
        ..table
    })
}

/// `time_bucket = { column = "day", of = "ts", every = "1d" }`
fn time_bucket(section: &Section<'_>, table: &TableSchema) -> Option<TimeBucket> {
    let bucket = section.section("time_bucket")?;
    let timestamp = |field| {
        let (name, span) = bucket.required_text(field)?;
        let index = table.column(name);
        let cql_type = index.and_then(|index| Some(&table.columns.get(index)?.cql_type));
        if cql_type != Some(&CqlType::Timestamp) {
            let message = format!("`{name}` is not a column of type timestamp");
            bucket.report(Problem::error(span, message));
        }
        Some((index?, span))
    };
    let (column, of) = (timestamp("column"), timestamp("of"));
    bucket.required("every");
    let every = bucket.duration("every");
    bucket.finish();
    let ((column, span), (of, _), every) = (column?, of?, every?);
    if !table.partition_key.contains(&column) || column == of {
        let message =
            "a time bucket must be in the partition key, and another column than its timestamp";
        bucket.report(Problem::error(span, message));
    }
    let millis = i64::try_from(every.as_millis()).unwrap_or(i64::MAX);
    if millis == 0
        && let Some(node) = bucket.get("every")
    {
        let problem = Problem::error(&node.span, "a time bucket cannot be empty");
        bucket.report(problem);
    }
    Some(TimeBucket { column, of, millis })
}

/// Warns of partitions that grow for as long as the table is there.
fn bounded(section: &Section<'_>, table: &TableSchema) {
    let grows = !table.clustering_key.is_empty()
        && table.default_ttl.is_none()
        && table.time_bucket.is_none();
    if grows {
        let message = format!("partitions of table `{}` grow without end", table.name);
        let help = "give it a `ttl`, or a `time_bucket` in its partition key";
        section.report(Problem::warning(section.span(), message).help(help));
    }
}

/// The columns in the order they were written.
fn columns<'t>(section: &Section<'t>) -> Option<Vec<(TableColumn, &'t Span)>> {
    section.required("columns")?;
    let table = section.section("columns")?;
    let mut columns = Vec::new();
    for entry in table.all() {
        identifier(&table, &entry.key, &entry.key_span);
        let NodeValue::Text(text) = &entry.node.value else {
            table.wrong(&entry.key, &entry.node, "a text");
            continue;
        };
        let cql_type = match CqlType::parse(text) {
            Ok(cql_type) => cql_type,
            Err(error) => {
                let problem =
                    Problem::error(&entry.node.span, format!("`{text}` is not a CQL type"));
                table.report(problem.help(error.reason));
                continue;
            }
        };
        let name = entry.key.clone();
        columns.push((TableColumn { name, cql_type }, &entry.key_span));
    }
    Some(columns)
}

fn key_columns<'t>(
    section: &Section<'t>,
    field: &'static str,
    ordered: bool,
) -> Vec<KeyColumn<'t>> {
    let mut columns = Vec::new();
    for (text, span) in section.texts(field).unwrap_or_default() {
        let (name, order) = match text.split_once(' ') {
            Some((name, "desc")) if ordered => (name, ClusteringOrder::Descending),
            Some((name, "asc")) if ordered => (name, ClusteringOrder::Ascending),
            _ => (text, ClusteringOrder::Ascending),
        };
        columns.push(KeyColumn { name, order, span });
    }
    columns
}

/// All columns, those of the key first and in its order, and how many are the partition key's.
fn in_key_order(
    section: &Section<'_>,
    written: &[(TableColumn, &Span)],
    partition: &[KeyColumn<'_>],
    clustering: &[KeyColumn<'_>],
) -> Option<(Vec<TableColumn>, usize)> {
    let mut columns: Vec<TableColumn> = Vec::new();
    for key in partition.iter().chain(clustering) {
        let found = written.iter().find(|(column, _)| column.name == key.name);
        let Some((column, _)) = found else {
            let message = format!("key column `{}` is not among the columns", key.name);
            section.report(Problem::error(key.span, message));
            return None;
        };
        if columns.contains(column) {
            let message = format!("`{}` is in the key twice", key.name);
            section.report(Problem::error(key.span, message));
            return None;
        }
        if !fit_for_key(&column.cql_type) {
            let message = format!(
                "`{}` cannot be part of a key: its type has no order",
                key.name
            );
            section.report(Problem::error(key.span, message));
        }
        columns.push(column.clone());
    }
    let partition_count = partition.len();
    if partition_count == 0 {
        let span = section
            .get("partition_key")
            .map_or(section.span(), |node| &node.span);
        section.report(Problem::error(
            span,
            "a table needs a partition key of at least one column",
        ));
        return None;
    }
    let rest: Vec<TableColumn> = written
        .iter()
        .filter(|(column, _)| !columns.contains(column))
        .map(|(column, _)| column.clone())
        .collect();
    columns.extend(rest);
    Some((columns, partition_count))
}

fn fit_for_key(cql_type: &CqlType) -> bool {
    use CqlType::{Counter, Duration, List, Map, Set, Tuple, Udt, Vector};
    !matches!(
        cql_type,
        Counter | Duration | List(_) | Set(_) | Map(..) | Tuple(_) | Vector(..) | Udt(..)
    )
}

/// CQL's unquoted names, in lower case as CQL stores them.
pub(super) fn identifier(section: &Section<'_>, name: &str, span: &Span) {
    let first = name.starts_with(|c: char| c.is_ascii_lowercase());
    let rest = name
        .chars()
        .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
    if !(first && rest && name.len() <= 48) {
        let message = format!(
            "`{name}` must begin with a lower case letter and have lower case letters, digits and `_`, at most 48"
        );
        section.report(Problem::error(span, message));
    }
}
