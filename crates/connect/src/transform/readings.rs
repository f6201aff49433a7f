//! `messina.Readings`: any JSON value becomes one record per leaf, for a table that takes whatever is measured.
//!
//! Each record is a map of `topic` (the MQTT topic), `field` (the leaf's path, steps joined by `.`; `value`
//! for a value that is no object), `ts` (record time, ms), `seq` (record offset) and `number` or `text`.
//! A boolean is both: 1 or 0, and its word. Null leaves, empty objects and tombstones leave nothing.
//! Option: `max.rows` = the most leaves a record may have (default 10000).

use std::sync::Arc;

use super::{MAX_ROWS, Part};
use crate::data_error::DataError;
use crate::options::Options;
use crate::record::ConnectRecord;
use crate::schema::Schema;
use crate::value::{Value, ValueMap};

#[derive(Debug)]
pub(super) struct Readings {
    max_rows: usize,
    names: Names,
}

/// The fields' names, made once.
#[derive(Debug)]
struct Names {
    topic: Arc<str>,
    field: Arc<str>,
    ts: Arc<str>,
    seq: Arc<str>,
    number: Arc<str>,
    text: Arc<str>,
}

/// A leaf: its number, its text, or both.
type Leaf = (Option<f64>, Option<Arc<str>>);

impl Readings {
    pub(super) fn compile(options: &mut Options<'_, '_>) -> Self {
        Self {
            max_rows: options.count("max.rows", MAX_ROWS),
            names: Names {
                topic: "topic".into(),
                field: "field".into(),
                ts: "ts".into(),
                seq: "seq".into(),
                number: "number".into(),
                text: "text".into(),
            },
        }
    }

    pub(super) fn apply<'a>(
        &self,
        mut record: ConnectRecord<'a>,
        part: Part,
        out: &mut Vec<ConnectRecord<'a>>,
    ) -> Result<(), DataError> {
        let value = std::mem::take(part.of(&mut record).1);
        let topic = record.source.mqtt_topic().unwrap_or(&record.topic);
        let topic = Value::text(topic);
        let mut leaves = Vec::new();
        self.walk(&value, &mut String::new(), &mut leaves)?;
        out.reserve(leaves.len());
        for (path, (number, text)) in leaves {
            let mut row = ValueMap::with_capacity(6);
            row.insert(self.names.topic.clone(), topic.clone());
            row.insert(self.names.field.clone(), Value::Str(path));
            if let Some(timestamp) = record.timestamp {
                row.insert(self.names.ts.clone(), Value::I64(timestamp));
            }
            row.insert(self.names.seq.clone(), Value::I64(record.source.offset));
            if let Some(number) = number {
                row.insert(self.names.number.clone(), Value::F64(number));
            }
            if let Some(text) = text {
                row.insert(self.names.text.clone(), Value::Str(text));
            }
            let mut reading = record.clone();
            let (schema, value) = part.of(&mut reading);
            *schema = None::<Arc<Schema>>;
            *value = Value::Map(row);
            out.push(reading);
        }
        Ok(())
    }

    fn walk(
        &self,
        value: &Value,
        path: &mut String,
        leaves: &mut Vec<(Arc<str>, Leaf)>,
    ) -> Result<(), DataError> {
        let length = path.len();
        let mut step = |name: &str, value: &Value| {
            if length > 0 {
                path.push('.');
            }
            path.push_str(name);
            let walked = self.walk(value, path, leaves);
            path.truncate(length);
            walked
        };
        match value {
            Value::Map(map) => {
                for (key, value) in map {
                    step(key.as_str().unwrap_or_default(), value)?;
                }
            }
            Value::Struct(value) => {
                for (name, value) in value.iter() {
                    step(name, value)?;
                }
            }
            Value::List(elements) => {
                for (index, value) in elements.iter().enumerate() {
                    step(&index.to_string(), value)?;
                }
            }
            scalar => {
                let Some(leaf) = leaf(scalar)? else {
                    return Ok(());
                };
                if leaves.len() == self.max_rows {
                    return Err(DataError::new(format!(
                        "more than {} readings in one record",
                        self.max_rows
                    )));
                }
                leaves.push((
                    Arc::from(if path.is_empty() { "value" } else { path }),
                    leaf,
                ));
            }
        }
        Ok(())
    }
}

/// What a scalar reads as; null is no reading.
fn leaf(value: &Value) -> Result<Option<Leaf>, DataError> {
    #[expect(clippy::cast_precision_loss, reason = "the column is a double")]
    Ok(Some(match value {
        Value::Null => return Ok(None),
        Value::Bool(value) => (
            Some(f64::from(u8::from(*value))),
            Some(Arc::from(if *value { "true" } else { "false" })),
        ),
        Value::I8(value) => (Some(f64::from(*value)), None),
        Value::I16(value) => (Some(f64::from(*value)), None),
        Value::I32(value) => (Some(f64::from(*value)), None),
        Value::I64(value) => (Some(*value as f64), None),
        Value::F32(value) => (Some(f64::from(*value)), None),
        Value::F64(value) => (Some(*value), None),
        Value::Str(text) => (None, Some(text.clone())),
        other => return Err(DataError::new(format!("{} is not a reading", other.kind()))),
    }))
}
