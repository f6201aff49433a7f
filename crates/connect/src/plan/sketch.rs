//! What a record becomes where the tables are a cluster's that was not asked: names and values, without types.

use jiff::ToSpan as _;
use jiff::civil::{Date, Time};

use super::compile::{Compiler, Tables};
use super::mapped::Mapped;
use super::outcome::RecordError;
use super::target::{headers, write_timestamp};
use super::{Plan, Topics, no_delete_statement};
use crate::config::{ConnectorConfig, Problem};
use crate::converter::JsonConverter;
use crate::data_error::{DataError, Exception};
use crate::java_text;
use crate::kcql::{OutputName, RecordParts};
use crate::mapping::Kind;
use crate::record::{ConnectRecord, SinkRecord};
use crate::row::CqlValue;
use crate::value::{Value, ValueMap};

/// A connector whose cluster was not asked, ready to say what records become.
#[derive(Debug)]
pub struct Sketcher {
    plan: Plan,
    keyspace: Option<String>,
    absent: CqlValue,
    delete_statement: Option<String>,
}

/// What one record becomes in one table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sketch {
    /// The keyspace, where it is known.
    pub keyspace: Option<String>,
    /// The table, or the name of a statement of the connector's own.
    pub table: String,
    /// What is done.
    pub act: Act,
    /// Names and what goes there, as JSON.
    pub fields: Vec<(String, String)>,
    /// Microseconds since 1970.
    pub write_timestamp: i64,
    /// The shelf life in seconds, where the connector says one.
    pub ttl_seconds: Option<u32>,
}

/// What is done with a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Act {
    /// A row of JSON's members is written; what it lacks stays as it is, or becomes null.
    InsertJson {
        /// Whether it stays.
        unset: bool,
    },
    /// A row is written, or counters are added to.
    Insert,
    /// A row is deleted, by its key.
    Delete,
    /// A statement of the connector's own is run with these variables.
    Run,
}

impl Sketcher {
    /// The connector, or everything that is wrong with it.
    pub fn new(config: &ConnectorConfig) -> Result<Self, Vec<Problem>> {
        let outline = Plan::outline(config)?;
        let compiler = Compiler::new(config, Tables::Unknown);
        let absent = compiler.absent();
        Ok(Self {
            plan: compiler.compile()?,
            keyspace: outline.keyspaces.into_iter().next(),
            absent,
            delete_statement: outline.delete_statement,
        })
    }

    /// The topics the connector reads.
    pub fn topics(&self) -> &Topics {
        self.plan.topics()
    }

    /// What a record becomes; nothing where it is filtered out.
    pub fn apply(&self, source: &SinkRecord<'_>) -> Result<Vec<Sketch>, RecordError> {
        let mut sketches = Vec::new();
        for record in self.plan.records(source)? {
            let made = match &self.plan.mapped {
                Some(mapped) => Self::mapped(mapped, &record, &mut sketches),
                None => self.projected(&record, &mut sketches),
            };
            made.map_err(|error| self.plan.refused(error))?;
        }
        Ok(sketches)
    }

    fn mapped(
        mapped: &Mapped,
        record: &ConnectRecord<'_>,
        out: &mut Vec<Sketch>,
    ) -> Result<(), DataError> {
        mapped.each_target(record, |target| {
            let draft = target.draft(record, write_timestamp(record))?;
            let fields = draft.values.iter();
            let fields = fields.map(|(name, value)| Ok((name.clone(), json(value)?)));
            out.push(Sketch {
                keyspace: Some(target.keyspace.clone()),
                table: target.name.clone(),
                act: match (target.kind, draft.deletes) {
                    (Kind::Query, _) => Act::Run,
                    (_, true) => Act::Delete,
                    (_, false) => Act::Insert,
                },
                fields: fields.collect::<Result<_, DataError>>()?,
                write_timestamp: draft.write_timestamp,
                ttl_seconds: draft.ttl_seconds,
            });
            Ok(())
        })
    }

    fn projected(
        &self,
        record: &ConnectRecord<'_>,
        out: &mut Vec<Sketch>,
    ) -> Result<(), DataError> {
        if record.value.is_null() {
            let statement = self.delete_statement.as_ref();
            out.push(Sketch {
                keyspace: None,
                table: statement.ok_or_else(no_delete_statement)?.clone(),
                act: Act::Run,
                fields: vec![("key".to_owned(), json(&record.key)?)],
                write_timestamp: write_timestamp(record),
                ttl_seconds: None,
            });
            return Ok(());
        }
        let (targets, value) = self.plan.projected(record)?;
        let headers = headers(record);
        let parts = || RecordParts {
            key: &record.key,
            value: &value,
            headers: &headers,
        };
        for target in targets {
            let mut fields = Vec::new();
            let projected = target.projection.project(parts(), |name, value| {
                let name = match &name {
                    OutputName::Dynamic(name) => name.to_string(),
                    OutputName::Slot(slot) => {
                        let names = target.projection.names();
                        names.get(*slot).map_or("", |name| name).to_owned()
                    }
                };
                fields.push(json(&value).map(|value| (name, value)));
            });
            projected.map_err(|error| DataError::of(Exception::Connect, error.to_string()))?;
            out.push(Sketch {
                keyspace: self.keyspace.clone(),
                table: target.table.name.clone(),
                act: Act::InsertJson {
                    unset: self.absent == CqlValue::Unset,
                },
                fields: fields.into_iter().collect::<Result<_, _>>()?,
                write_timestamp: write_timestamp(record),
                ttl_seconds: target.ttl_seconds,
            });
        }
        Ok(())
    }
}

/// A value as JSON.
fn json(value: &Value) -> Result<String, DataError> {
    let written = JsonConverter::new(false).write(None, &plain(value))?;
    let written = written.unwrap_or_else(|| b"null".to_vec());
    Ok(String::from_utf8_lossy(&written).into_owned())
}

/// What JSON has no schema for here, in words; structs as objects.
fn plain(value: &Value) -> Value {
    let entries = |entries: &mut dyn Iterator<Item = (Value, Value)>| {
        Value::Map(ValueMap::from_entries(entries.collect()))
    };
    match value {
        Value::Date(days) => {
            let date = Date::constant(1970, 1, 1).checked_add(i64::from(*days).days());
            Value::text(&date.map_or_else(|_| value.kind().to_owned(), |date| date.to_string()))
        }
        Value::Time(millis) => {
            let time = Time::midnight().checked_add(i64::from(*millis).milliseconds());
            Value::text(&time.map_or_else(|_| value.kind().to_owned(), |time| time.to_string()))
        }
        Value::Timestamp(millis) => Value::I64(*millis),
        Value::Decimal(own) => Value::text(&java_text::decimal(own)),
        Value::List(values) => Value::List(values.iter().map(plain).collect()),
        Value::Map(map) => {
            let mut all = map.iter().map(|(key, own)| (plain(key), plain(own)));
            entries(&mut all)
        }
        Value::Struct(own) => {
            let mut all = own
                .iter()
                .map(|(name, own)| (Value::Str(name.clone()), plain(own)));
            entries(&mut all)
        }
        other => other.clone(),
    }
}
