//! The statements that rows are written, counted and deleted with.

use messina_connect::table_schema::TableSchema;

use super::definition::{name, table_name};

/// The statement that writes a row: every column, the write timestamp and the shelf life are bound.
pub(super) fn insert(table: &TableSchema) -> String {
    let names: Vec<String> = table
        .columns
        .iter()
        .map(|column| name(&column.name))
        .collect();
    let mut text = format!(
        "INSERT INTO {} ({}) VALUES (",
        table_name(table),
        names.join(", ")
    );
    for index in 0..names.len() {
        text.push_str(if index == 0 { "?" } else { ", ?" });
    }
    text.push_str(") USING TIMESTAMP ? AND TTL ?");
    text
}

/// The statement that adds to a table's counters: they are bound first, then the key.
pub(super) fn count(table: &TableSchema) -> String {
    let (keys, counters) = table.columns.split_at(table.key_length());
    let sums: Vec<String> = counters
        .iter()
        .map(|column| name(&column.name))
        .map(|name| format!("{name} = {name} + ?"))
        .collect();
    let conditions: Vec<String> = keys
        .iter()
        .map(|column| format!("{} = ?", name(&column.name)))
        .collect();
    format!(
        "UPDATE {} SET {} WHERE {}",
        table_name(table),
        sums.join(", "),
        conditions.join(" AND ")
    )
}

/// The statement that deletes a row by its key; the time is the request's.
pub(super) fn delete(key: &TableSchema, table: &TableSchema) -> String {
    let conditions: Vec<String> = key
        .columns
        .iter()
        .map(|column| format!("{} = ?", name(&column.name)))
        .collect();
    format!(
        "DELETE FROM {} WHERE {}",
        table_name(table),
        conditions.join(" AND ")
    )
}
