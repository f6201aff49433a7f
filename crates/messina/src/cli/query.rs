//! `messina query`: a SELECT on the tables, while they are written.

use clap::{Args as ClapArgs, ValueEnum};
use serde_json::Value;

use crate::console::api::{Query, Rows};

use super::CommandError;
use super::output::Output;
use super::source::Target;
use super::timestamp::format_millis;

/// `messina query`
#[derive(Debug, ClapArgs)]
#[command(after_help = "\
  messina query \"SELECT * FROM temperature ORDER BY ts DESC LIMIT 5\"
  messina query --format csv \"SELECT topic, field, number FROM readings\" > readings.csv")]
pub(super) struct Args {
    /// The statement, reading only: SQLite's SQL, or CQL where the tables are in ScyllaDB or Cassandra
    sql: String,
    /// How to print rows
    #[arg(short, long, value_enum, default_value_t = RowFormat::Table)]
    format: RowFormat,
    /// The same as --format json
    #[arg(long)]
    json: bool,
    /// Most rows wanted; the configuration's limit if absent
    #[arg(long, value_name = "N")]
    max_rows: Option<usize>,
    #[command(flatten)]
    target: Target,
}

/// How rows are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum RowFormat {
    /// Columns that line up
    Table,
    /// RFC 4180, with a heading
    Csv,
    /// One object for each row, a line each
    Json,
}

pub(super) fn run(args: &Args, out: &mut Output) -> Result<(), CommandError> {
    let query = Query {
        sql: args.sql.clone(),
        max_rows: args.max_rows,
    };
    let rows = args.target.query(&query)?;
    let format = if args.json {
        RowFormat::Json
    } else {
        args.format
    };
    match format {
        RowFormat::Table => table(&rows, out)?,
        RowFormat::Csv => csv(&rows, out)?,
        RowFormat::Json => json(&rows, out)?,
    }
    if rows.truncated {
        out.flush()?;
        let message = format!(
            "there are more rows than the {} shown; see `--max-rows`",
            rows.rows.len()
        );
        return Err(CommandError::Found(message));
    }
    Ok(())
}

/// A value as a person reads it: times are dates.
fn cell(value: &Value, declared: Option<&str>) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        Value::Number(number) => match (declared, number.as_i64()) {
            (Some(declared), Some(millis)) if declared.eq_ignore_ascii_case("timestamp") => {
                format_millis(millis)
            }
            _ => number.to_string(),
        },
        other => other.to_string(),
    }
}

fn cells(rows: &Rows) -> Vec<Vec<String>> {
    let row = |row: &Vec<Value>| {
        let types = rows
            .types
            .iter()
            .map(Option::as_deref)
            .chain(std::iter::repeat(None));
        row.iter()
            .zip(types)
            .map(|(value, declared)| cell(value, declared))
            .collect()
    };
    rows.rows.iter().map(row).collect()
}

fn table(rows: &Rows, out: &mut Output) -> Result<(), CommandError> {
    let headings: Vec<&str> = rows.columns.iter().map(String::as_str).collect();
    let numbers = |column: usize| {
        let mut values = rows.rows.iter().filter_map(|row| row.get(column));
        let declared = rows.types.get(column).and_then(Option::as_deref);
        let time = declared.is_some_and(|declared| declared.eq_ignore_ascii_case("timestamp"));
        !time && !rows.rows.is_empty() && values.all(|value| value.is_number() || value.is_null())
    };
    let right: Vec<bool> = (0..headings.len()).map(numbers).collect();
    let shown: Vec<Vec<String>> = cells(rows)
        .into_iter()
        .map(|row| {
            row.into_iter()
                .map(|cell| cell.replace(['\n', '\r', '\t'], " "))
                .collect()
        })
        .collect();
    out.table(&headings, &right, &shown)
}

fn csv(rows: &Rows, out: &mut Output) -> Result<(), CommandError> {
    for row in std::iter::once(&rows.columns).chain(&cells(rows)) {
        let quoted: Vec<String> = row.iter().map(|cell| csv_cell(cell)).collect();
        out.line(quoted.join(","))?;
    }
    Ok(())
}

fn csv_cell(cell: &str) -> String {
    if cell.contains(['"', ',', '\n', '\r']) {
        format!("\"{}\"", cell.replace('"', "\"\""))
    } else {
        cell.to_owned()
    }
}

fn json(rows: &Rows, out: &mut Output) -> Result<(), CommandError> {
    for row in &rows.rows {
        let object: serde_json::Map<String, Value> = rows
            .columns
            .iter()
            .cloned()
            .zip(row.iter().cloned())
            .collect();
        out.json_line(&object)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_quoted_as_csv_needs_and_times_are_dates() {
        assert_eq!(csv_cell("a,\"b\""), "\"a,\"\"b\"\"\"");
        assert_eq!(
            cell(&Value::from(0), Some("TIMESTAMP")),
            "1970-01-01T00:00:00.000Z"
        );
        assert_eq!(cell(&Value::from(2.5), Some("DOUBLE")), "2.5");
    }
}
