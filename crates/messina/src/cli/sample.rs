//! A sample record, and what a connector makes of it without writing it.

use std::path::Path;

use bytes::Bytes;
use messina_connect::config::ConnectorConfig;
use messina_connect::mapping::TableChange;
use messina_connect::plan::{Outcome, Plan, RecordError, Sketcher, Topics};
use messina_connect::record::{RecordHeader, SinkRecord};
use messina_connect::row::Row;
use serde_json::{Map, Value};

use crate::config::{Config, CqlConfig, find_table, is_on_cluster};
use crate::herder::plan_on_cluster;
use crate::sink::OpenError;
use crate::table::cql::name;

use super::check::as_its_worker_has_it;
use super::cql::{create_table, insert, table_name};
use super::output::Output;
use super::sketch::{sketched, written};
use super::{CommandError, runtime};

/// The fields of a sample that is a whole record; anything else is a record's value.
const FIELDS: [&str; 4] = ["key", "value", "headers", "timestamp"];

/// Rows shown of one sample.
const MAX_ROWS: usize = 20;

/// A record that was never in a log.
#[derive(Debug)]
pub(super) struct Sample {
    key: Given,
    value: Option<Bytes>,
    headers: Vec<RecordHeader>,
    timestamp: i64,
}

/// A record's key, where the sample speaks of one.
#[derive(Debug)]
enum Given {
    Said(Option<Bytes>),
    Not,
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
                key: Given::Not,
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
            key: match object.get("key") {
                Some(key) => Given::Said(octets(Some(key))),
                None => Given::Not,
            },
            value: octets(object.get("value")),
            headers: headers.into_iter().flatten().map(header).collect(),
            timestamp: object.get("timestamp").and_then(Value::as_i64).unwrap_or(0),
        }
    }

    /// Shows what `connector` makes of it, if it reads `topic`.
    pub(super) fn show(
        &self,
        connector: &ConnectorConfig,
        config: &Config,
        asking: bool,
        topic: Option<&str>,
        out: &mut Output,
    ) -> Result<(), CommandError> {
        let (connector, unread) = &as_its_worker_has_it(connector, &config.rest);
        if asking && !unread.is_empty() {
            return Err(CommandError::Cluster {
                sink: connector.name.clone(),
                source: OpenError::Wrong(unread.clone()),
            });
        }
        let on_cluster = is_on_cluster(connector, config.cql.is_some());
        if on_cluster && !asking {
            return self.sketch(connector, topic, out);
        }
        let plan = if on_cluster {
            asked(connector, config.cql.as_ref())?
        } else {
            // What is wrong with it has been shown.
            match Plan::compile(connector, &|name| find_table(&config.tables, name)) {
                Ok(plan) => plan,
                Err(_shown) => return Ok(()),
            }
        };
        let Some(topic) = begin(connector, plan.topics(), topic, out)? else {
            return Ok(());
        };
        let mut rows = Vec::new();
        match plan.apply(&self.record(&topic), &mut rows) {
            Outcome::TableFirst(change) => first(&change, out),
            Outcome::Filtered => out.line("-- filtered: no row"),
            Outcome::Rejected(error) => rejected(&error, out),
            Outcome::Written(count) => show_rows(&plan, &rows, count, on_cluster, out),
        }
    }

    /// Shows what can be said without asking the connector's cluster.
    fn sketch(
        &self,
        connector: &ConnectorConfig,
        topic: Option<&str>,
        out: &mut Output,
    ) -> Result<(), CommandError> {
        // What is wrong with it has been shown.
        let Ok(sketcher) = Sketcher::new(connector) else {
            return Ok(());
        };
        let Some(topic) = begin(connector, sketcher.topics(), topic, out)? else {
            return Ok(());
        };
        match sketcher.apply(&self.record(&topic)) {
            Err(error) => rejected(&error, out),
            Ok(made) if made.is_empty() => out.line("-- filtered: no row"),
            Ok(made) => {
                out.line(
                    "-- the cluster was not asked, which may refuse names and types: --connect asks it",
                )?;
                for sketch in made.iter().take(MAX_ROWS) {
                    out.line(sketched(sketch))?;
                }
                more(made.len(), out)
            }
        }
    }

    /// The record, in a topic; its key is the topic's name unless the sample says another or none.
    fn record<'s>(&'s self, topic: &'s Bytes) -> SinkRecord<'s> {
        SinkRecord {
            topic: std::str::from_utf8(topic).unwrap_or_default(),
            partition: 0,
            offset: 0,
            timestamp: Some(self.timestamp),
            key: match &self.key {
                Given::Said(key) => key.as_ref(),
                Given::Not => Some(topic),
            },
            value: self.value.as_ref(),
            headers: &self.headers,
        }
    }
}

/// The plan of a connector for the tables its cluster has.
fn asked(connector: &ConnectorConfig, cql: Option<&CqlConfig>) -> Result<Plan, CommandError> {
    let plan = runtime()?.block_on(plan_on_cluster(connector, cql));
    plan.map_err(|source| CommandError::Cluster {
        sink: connector.name.clone(),
        source,
    })
}

/// Says which sink it is about and which topic the sample is in; none where the sink does not read it.
fn begin(
    connector: &ConnectorConfig,
    topics: &Topics,
    topic: Option<&str>,
    out: &mut Output,
) -> Result<Option<Bytes>, CommandError> {
    let first = topics.names().first().map(String::as_str);
    let Some(topic) = topic.or(first).filter(|topic| topics.takes(topic)) else {
        return Ok(None);
    };
    let name = &connector.name;
    out.line(format_args!("-- sink `{name}`, topic `{topic}`"))?;
    Ok(Some(Bytes::copy_from_slice(topic.as_bytes())))
}

fn rejected(error: &RecordError, out: &mut Output) -> Result<(), CommandError> {
    let (stage, class) = (error.stage.name(), &error.class_name);
    out.line(format_args!("-- dead letter: {stage} ({class}): {error}"))
}

/// The change a table needs before the record can be written.
fn first(change: &TableChange, out: &mut Output) -> Result<(), CommandError> {
    match change {
        TableChange::Create(table) => {
            out.line("-- its table is created first")?;
            out.line(create_table(table))
        }
        TableChange::Add { table, columns } => {
            out.line("-- its table gets columns first")?;
            for column in columns {
                let (table, own) = (table_name(table), name(&column.name));
                out.line(format_args!(
                    "ALTER TABLE {table} ADD {own} {};",
                    column.cql_type
                ))?;
            }
            Ok(())
        }
    }
}

/// Rows, table by table, each behind the table's own CQL unless that is the cluster's.
fn show_rows(
    plan: &Plan,
    rows: &[(usize, Row)],
    count: usize,
    on_cluster: bool,
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
        if !on_cluster {
            out.line(create_table(table))?;
        }
        for row in own.take(MAX_ROWS) {
            if on_cluster {
                out.line(written(plan, index, table, row))?;
            } else {
                out.line(insert(table, row))?;
            }
        }
    }
    more(count, out)
}

fn more(count: usize, out: &mut Output) -> Result<(), CommandError> {
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
