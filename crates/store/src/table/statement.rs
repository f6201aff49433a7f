//! The SQL text of an upsert.

use std::fmt::Write as _;

use messina_connect::table_schema::TableSchema;

use super::column::quoted;

/// Which of a row's columns are unset; bit n stands for column n.
///
/// Tables of more than 128 columns are refused when they are declared.
pub(super) type UnsetMask = u128;

/// Columns a table may have.
pub(super) const MAX_COLUMNS: usize = 128;

/// The name of the table that holds the rows of `table`.
pub(super) fn rows_table(table: &str) -> String {
    quoted(&format!("__rows_{table}"))
}

/// The upsert for rows whose columns in `unset` are unset.
///
/// Parameters: the set columns in order, `__expires`, `__written`, and, only if some are unset, now in milliseconds:
/// what a row held that has expired but is not purged yet must not come back with the new row.
pub(super) fn upsert(schema: &TableSchema, unset: UnsetMask) -> String {
    let rows = rows_table(&schema.name);
    let is_set = |index: &usize| unset & (1 << *index) == 0;
    let is_key = |index: usize| {
        schema.partition_key.contains(&index)
            || schema
                .clustering_key
                .iter()
                .any(|(column, _)| *column == index)
    };
    let columns = || {
        schema
            .columns
            .iter()
            .map(|column| quoted(&column.name))
            .enumerate()
    };

    let mut sql = format!("INSERT INTO {rows} (");
    let mut parameters = 0;
    for (_, name) in columns().filter(|(index, _)| is_set(index)) {
        append(&mut sql, format_args!("{name}, "));
        parameters += 1;
    }
    append(
        &mut sql,
        format_args!("\"__expires\", \"__written\") VALUES ("),
    );
    for parameter in 1..=parameters + 1 {
        append(&mut sql, format_args!("?{parameter}, "));
    }
    append(
        &mut sql,
        format_args!("?{}) ON CONFLICT DO UPDATE SET ", parameters + 2),
    );
    for (index, name) in columns().filter(|(index, _)| !is_key(*index)) {
        if is_set(&index) {
            append(&mut sql, format_args!("{name} = excluded.{name}, "));
        } else {
            let now = parameters + 3;
            append(
                &mut sql,
                format_args!(
                    "{name} = CASE WHEN \"__expires\" <= ?{now} THEN NULL ELSE {name} END, "
                ),
            );
        }
    }
    append(
        &mut sql,
        format_args!(
            "\"__expires\" = excluded.\"__expires\", \"__written\" = excluded.\"__written\" \
             WHERE excluded.\"__written\" >= {rows}.\"__written\""
        ),
    );
    sql
}

fn append(sql: &mut String, text: std::fmt::Arguments<'_>) {
    // Writing into a String has no failure to report.
    if sql.write_fmt(text).is_err() {
        debug_assert!(false, "a String refused text");
    }
}
