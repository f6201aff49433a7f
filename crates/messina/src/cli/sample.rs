//! A sample record, and what a connector makes of it without writing it.

use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use messina_connect::config::ConnectorConfig;
use messina_connect::plan::{Outcome, Plan};
use messina_connect::record::{RecordHeader, SinkRecord};
use messina_connect::table_schema::TableSchema;
use serde_json::{Map, Value};

use crate::config::{find_table, is_on_cluster};

use super::CommandError;
use super::cql::{create_table, insert};
use super::output::Output;

/// The fields of a sample that is a whole record; anything else is a record's value.
const FIELDS: [&str; 4] = ["key", "value", "headers", "timestamp"];

/// Rows shown of one sample.
const MAX_ROWS: usize = 20;

/// A record that was never in a log.
#[derive(Debug)]
pub(super) struct Sample {
    key: Option<Bytes>,
    value: Option<Bytes>,
    headers: Vec<RecordHeader>,
    timestamp: i64,
}

impl Sample {
    /// Reads a sample file.
    pub(super) fn read(path: &Path) -> Result<Self, CommandError> {
        let text = std::fs::read(path).map_err(|source| CommandError::File {
            action: "read",
            path: path.display().to_string(),
            source,
        })?;
        Ok(Self::parse(&text))
    }

    fn parse(text: &[u8]) -> Self {
        let text = text.trim_ascii_end();
        match serde_json::from_slice(text) {
            Ok(Value::Object(object)) if is_record(&object) => Self::of(&object),
            _ => Self {
                key: None,
                value: Some(Bytes::copy_from_slice(text)),
                headers: Vec::new(),
                timestamp: 0,
            },
        }
    }

    fn of(object: &Map<String, Value>) -> Self {
        let headers = object.get("headers").and_then(Value::as_object);
        let header = |(name, value): (&String, &Value)| RecordHeader {
            name: Bytes::from(name.clone()),
            value: octets(Some(value)),
        };
        Self {
            key: octets(object.get("key")),
            value: octets(object.get("value")),
            headers: headers.into_iter().flatten().map(header).collect(),
            timestamp: object.get("timestamp").and_then(Value::as_i64).unwrap_or(0),
        }
    }

    /// Shows what `connector` makes of it, if it reads `topic`.
    pub(super) fn show(
        &self,
        connector: &ConnectorConfig,
        tables: &[Arc<TableSchema>],
        has_cql: bool,
        topic: Option<&str>,
        out: &mut Output,
    ) -> Result<(), CommandError> {
        if is_on_cluster(connector, has_cql) {
            let name = &connector.name;
            return out.line(format_args!(
                "-- sink `{name}`: its tables are in its cluster, which is not asked here"
            ));
        }
        // What is wrong with it has been shown.
        let Ok(plan) = Plan::compile(connector, &|name| find_table(tables, name)) else {
            return Ok(());
        };
        let first = plan.topics().names().first().map(String::as_str);
        let Some(topic) = topic.or(first) else {
            return Ok(());
        };
        if !plan.topics().takes(topic) {
            return Ok(());
        }
        let key = self
            .key
            .clone()
            .unwrap_or_else(|| Bytes::copy_from_slice(topic.as_bytes()));
        let record = SinkRecord {
            topic,
            partition: 0,
            offset: 0,
            timestamp: Some(self.timestamp),
            key: Some(&key),
            value: self.value.as_ref(),
            headers: &self.headers,
        };
        let mut rows = Vec::new();
        let outcome = plan.apply(&record, &mut rows);
        out.line(format_args!(
            "-- sink `{}`, topic `{topic}`",
            connector.name
        ))?;
        match outcome {
            Outcome::TableFirst(_) => out.line("-- its table is created or changed first"),
            Outcome::Filtered => out.line("-- filtered: no row"),
            Outcome::Rejected(error) => {
                let stage = error.stage.name();
                out.line(format_args!(
                    "-- dead letter: {stage} ({}): {error}",
                    error.class_name
                ))
            }
            Outcome::Written(count) => show_rows(&plan, &rows, count, out),
        }
    }
}

fn show_rows(
    plan: &Plan,
    rows: &[(usize, messina_connect::row::Row)],
    count: usize,
    out: &mut Output,
) -> Result<(), CommandError> {
    for (index, table) in plan.tables().iter().enumerate() {
        let mut own = rows
            .iter()
            .filter(|(table, _)| *table == index)
            .map(|(_, row)| row)
            .peekable();
        if own.peek().is_none() {
            continue;
        }
        out.line(create_table(table))?;
        for row in own.take(MAX_ROWS) {
            out.line(insert(table, row))?;
        }
    }
    if count > MAX_ROWS {
        out.line(format_args!(
            "-- {count} rows, {MAX_ROWS} of each table shown"
        ))?;
    }
    Ok(())
}

fn is_record(object: &Map<String, Value>) -> bool {
    object.contains_key("value") && object.keys().all(|key| FIELDS.contains(&key.as_str()))
}

/// Text as it is, anything else as JSON, null as null.
fn octets(value: Option<&Value>) -> Option<Bytes> {
    match value {
        None | Some(Value::Null) => None,
        Some(Value::String(text)) => Some(Bytes::from(text.clone())),
        Some(other) => Some(Bytes::from(other.to_string())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sample_is_a_whole_record_or_just_a_value() {
        let whole = Sample::parse(br#"{"value": {"t": 1}, "key": "k", "headers": {"h": "x"}}"#);
        assert_eq!(whole.value.as_deref(), Some(&br#"{"t":1}"#[..]));
        assert_eq!(whole.headers.len(), 1);
        let value = Sample::parse(b"{\"value\": 1, \"unit\": \"C\"}\n");
        assert_eq!(
            value.value.as_deref(),
            Some(&b"{\"value\": 1, \"unit\": \"C\"}"[..])
        );
        assert_eq!(
            Sample::parse(b"99999,1.0# 2.0").value.as_deref(),
            Some(&b"99999,1.0# 2.0"[..])
        );
    }
}
