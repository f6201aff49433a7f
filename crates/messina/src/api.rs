//! What travels between the tools and the admin API: JSON, the same types on both sides.
//!
//! Requests and their answers:
//!
//! | request | answer |
//! |---|---|
//! | `GET /api/status` | [`Status`](crate::telemetry::status::Status) |
//! | `GET /health` | [`HealthReport`]; 200 unless the light is red, then 503 |
//! | `GET /metrics` | `OpenMetrics` text |
//! | `GET /api/topics` | [`Topics`] |
//! | `GET /api/topics/NAME` | [`Topic`] |
//! | `POST /api/topics` with [`NewTopic`] | [`Topic`] |
//! | `DELETE /api/topics/NAME` | `{}` |
//! | `POST /api/produce` with [`Produce`] | [`Produced`] |
//! | `GET /api/consume?topic=..&partition=..&offset=..&max=..&wait=MILLISECONDS` | [`Consumed`] |
//! | `POST /api/query` with [`Query`] | [`QueryAnswer`] |
//!
//! An error is a status of 400 and above with [`Failure`].

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::telemetry::health::{Component, Light};

/// Why a request failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// What failed, on which thing, and what to do.
    pub error: String,
}

/// Every component's light.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HealthReport {
    /// The worst light.
    pub health: Light,
    /// Every component's.
    pub components: Vec<Component>,
}

/// All topics.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Topics {
    /// By name.
    pub topics: Vec<Topic>,
}

/// A topic of the log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Topic {
    /// Its name.
    pub name: String,
    /// Created by Messina for itself.
    #[serde(default)]
    pub internal: bool,
    /// How long records are kept; absent for ever.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retention_ms: Option<u64>,
    /// Bytes of a partition that are kept; absent all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retention_bytes: Option<u64>,
    /// `delete` or `compact`.
    pub cleanup: String,
    /// Its partitions.
    pub partitions: Vec<Partition>,
}

/// A partition's offsets.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Partition {
    /// Its index.
    pub partition: i32,
    /// First offset there is.
    pub start: i64,
    /// The offset the next record gets.
    pub end: i64,
}

/// A topic to create.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewTopic {
    /// Its name.
    pub name: String,
    /// Its partitions; the configuration's default when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub partitions: Option<u32>,
    /// How long records are kept; the configuration's default when absent, for ever when 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retention_ms: Option<u64>,
    /// Bytes of a partition that are kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retention_bytes: Option<u64>,
    /// Keep the latest record of each key instead of deleting by age.
    #[serde(default)]
    pub compact: bool,
}

/// Bytes in JSON: text where they are UTF-8, base64 where not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Payload {
    /// UTF-8.
    Text(String),
    /// Anything else.
    Base64 {
        /// The bytes in base64.
        base64: String,
    },
}

impl Payload {
    /// Wraps bytes.
    pub fn of(bytes: &[u8]) -> Self {
        match std::str::from_utf8(bytes) {
            Ok(text) => Self::Text(text.to_owned()),
            Err(_) => Self::Base64 {
                base64: STANDARD.encode(bytes),
            },
        }
    }

    /// The bytes; `None` when they are no base64.
    pub fn bytes(&self) -> Option<Bytes> {
        match self {
            Self::Text(text) => Some(Bytes::copy_from_slice(text.as_bytes())),
            Self::Base64 { base64 } => STANDARD.decode(base64).ok().map(Bytes::from),
        }
    }
}

/// A header of a record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Header {
    /// Its name.
    pub name: String,
    /// Its value; `null` is Kafka's null.
    pub value: Option<Payload>,
}

/// A record to append.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewRecord {
    /// Its key.
    #[serde(default)]
    pub key: Option<Payload>,
    /// Its value; `null` is a tombstone.
    #[serde(default)]
    pub value: Option<Payload>,
    /// Its headers in order.
    #[serde(default)]
    pub headers: Vec<Header>,
    /// Milliseconds since 1970-01-01 UTC; now when absent.
    #[serde(default)]
    pub timestamp: Option<i64>,
    /// The partition; by the key's hash when absent.
    #[serde(default)]
    pub partition: Option<i32>,
}

/// Records to append, all or none.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Produce {
    /// The topic; it must exist.
    pub topic: String,
    /// The records in order.
    pub records: Vec<NewRecord>,
}

/// Where the records are, durably.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Produced {
    /// One offset for each record, in order.
    pub offsets: Vec<i64>,
}

/// A record that was read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// Its partition.
    pub partition: i32,
    /// Its offset.
    pub offset: i64,
    /// Milliseconds since 1970-01-01 UTC.
    pub timestamp: i64,
    /// Its key.
    pub key: Option<Payload>,
    /// Its value; `null` is a tombstone.
    pub value: Option<Payload>,
    /// Its headers in order.
    pub headers: Vec<Header>,
}

/// Records that were read from one partition.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Consumed {
    /// The records in order.
    pub records: Vec<Record>,
    /// Where to read on.
    pub next: i64,
    /// First offset there is.
    pub start: i64,
    /// The offset the next record gets.
    pub end: i64,
}

/// A SELECT.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Query {
    /// The statement.
    pub sql: String,
    /// Most rows wanted; the configuration's limit when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_rows: Option<usize>,
}

/// What a query found.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct QueryAnswer {
    /// The columns in order.
    pub columns: Vec<QueryColumn>,
    /// The rows, one value for each column; blobs as `0x..`.
    pub rows: Vec<Vec<serde_json::Value>>,
    /// True if a limit cut the rows off.
    pub truncated: bool,
}

/// A column of a query's answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct QueryColumn {
    /// Its name or alias.
    pub name: String,
    /// Its declared type; a `TIMESTAMP` is milliseconds since 1970-01-01 UTC.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub declared_type: Option<String>,
}

impl From<messina_store::table::QueryResult> for QueryAnswer {
    fn from(result: messina_store::table::QueryResult) -> Self {
        let column = |column: messina_store::table::QueryColumn| QueryColumn {
            name: column.name,
            declared_type: column.declared_type,
        };
        let row = |row: Vec<_>| row.into_iter().map(json_value).collect();
        Self {
            columns: result.columns.into_iter().map(column).collect(),
            rows: result.rows.into_iter().map(row).collect(),
            truncated: result.truncated,
        }
    }
}

fn json_value(value: messina_store::table::QueryValue) -> serde_json::Value {
    use messina_store::table::QueryValue;
    use std::fmt::Write as _;
    match value {
        QueryValue::Null => serde_json::Value::Null,
        QueryValue::Integer(number) => number.into(),
        QueryValue::Real(number) => number.into(),
        QueryValue::Text(text) => text.into(),
        QueryValue::Blob(bytes) => {
            let mut text = String::with_capacity(2 + 2 * bytes.len());
            text.push_str("0x");
            for byte in &bytes {
                // A String does not refuse to be written to.
                let _written = write!(text, "{byte:02x}");
            }
            text.into()
        }
    }
}

impl From<messina_store::log::StoredRecord> for Record {
    /// The record with partition 0; who knows better sets it.
    fn from(record: messina_store::log::StoredRecord) -> Self {
        let payload = |bytes: &Bytes| Payload::of(bytes);
        Self {
            partition: 0,
            offset: record.offset,
            timestamp: record.timestamp,
            key: record.key.as_ref().map(payload),
            value: record.value.as_ref().map(payload),
            headers: record
                .headers
                .iter()
                .map(|header| Header {
                    name: String::from_utf8_lossy(&header.name).into_owned(),
                    value: header.value.as_ref().map(payload),
                })
                .collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_survive_json_whether_text_or_not() {
        for bytes in [&b"21.5"[..], b"", b"\xff\x00", "\u{e9}".as_bytes()] {
            let json = serde_json::to_string(&Payload::of(bytes)).unwrap();
            let back: Payload = serde_json::from_str(&json).unwrap();
            assert_eq!(back.bytes().unwrap(), bytes, "{json}");
        }
    }
}
