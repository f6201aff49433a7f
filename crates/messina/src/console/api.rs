//! What the admin API takes and gives: the shapes of its JSON, used by the server and by the command line.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde::{Deserialize, Serialize};

/// What every failed request gives, with a 4xx or 5xx status.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Failure {
    /// What failed, on which thing, and what to do.
    pub error: String,
}

/// Bytes of a key, value or header: text where they are UTF-8, else base64.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Octets {
    /// UTF-8 text.
    Text(String),
    /// Anything else.
    Binary {
        /// Standard base64 with padding.
        base64: String,
    },
}

impl Octets {
    /// The form that shows `bytes`.
    pub fn of(bytes: &[u8]) -> Self {
        match std::str::from_utf8(bytes) {
            Ok(text) => Self::Text(text.to_owned()),
            Err(_) => Self::Binary {
                base64: STANDARD.encode(bytes),
            },
        }
    }

    /// The bytes; an error for base64 that is none.
    pub fn into_bytes(self) -> Result<Bytes, base64::DecodeError> {
        match self {
            Self::Text(text) => Ok(Bytes::from(text)),
            Self::Binary { base64 } => STANDARD.decode(base64).map(Bytes::from),
        }
    }
}

/// `GET /api/topics`
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct TopicList {
    /// All topics, by name.
    pub topics: Vec<TopicEntry>,
}

/// One topic.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct TopicEntry {
    /// Its name.
    pub name: String,
    /// Made by Messina for itself.
    pub internal: bool,
    /// `delete` or `compact`; in Kafka also both, and `unknown` where it does not tell us.
    pub cleanup: String,
    /// Records older than this may go, in milliseconds.
    pub retention_ms: Option<u64>,
    /// A partition larger than this loses its oldest segments.
    pub retention_bytes: Option<u64>,
    /// Its partitions in order.
    pub partitions: Vec<PartitionEntry>,
}

/// One partition of a topic.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub struct PartitionEntry {
    /// Its number.
    pub partition: i32,
    /// Offset of the oldest record kept.
    pub start: i64,
    /// The high watermark: the offset the next record gets.
    pub end: i64,
}

/// `POST /api/topics`
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CreateTopic {
    /// Its name.
    pub name: String,
    /// Number of partitions; the configured default if absent.
    #[serde(default)]
    pub partitions: Option<i32>,
    /// Records older than this may go, in milliseconds.
    #[serde(default)]
    pub retention_ms: Option<u64>,
    /// A partition larger than this loses its oldest segments.
    #[serde(default)]
    pub retention_bytes: Option<u64>,
    /// Keep the latest record of each key instead.
    #[serde(default)]
    pub compact: bool,
}

/// `POST /api/produce`
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Produce {
    /// The topic; it must exist.
    pub topic: String,
    /// Records, appended together or not at all; in Kafka each for itself.
    pub records: Vec<ProduceRecord>,
}

/// A record to append.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProduceRecord {
    /// Its key.
    #[serde(default)]
    pub key: Option<Octets>,
    /// Its value; absent is a tombstone.
    #[serde(default)]
    pub value: Option<Octets>,
    /// Its headers in order.
    #[serde(default)]
    pub headers: Vec<(String, Option<Octets>)>,
    /// Its partition; by the key's hash if absent.
    #[serde(default)]
    pub partition: Option<i32>,
    /// Milliseconds since 1970-01-01 UTC; now if absent.
    #[serde(default)]
    pub timestamp: Option<i64>,
}

/// What `POST /api/produce` gives: a position for each record, in order.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Produced {
    /// Where each record is, durably.
    pub records: Vec<Position>,
}

/// A place in a topic.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Position {
    /// Partition.
    pub partition: i32,
    /// Offset in it.
    pub offset: i64,
}

/// `GET /api/consume?...`
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Consume {
    /// The topic.
    pub topic: String,
    /// The partition.
    #[serde(default)]
    pub partition: i32,
    /// First offset; negative counts back from the end (-1 is the last record). The oldest if absent.
    #[serde(default)]
    pub offset: Option<i64>,
    /// Most records to give.
    #[serde(default)]
    pub max: Option<usize>,
    /// Milliseconds to wait for a record when there is none; at most 30,000.
    #[serde(default)]
    pub wait: u64,
}

/// What `GET /api/consume` gives.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Consumed {
    /// Records in order.
    pub records: Vec<ConsumedRecord>,
    /// Where to go on.
    pub next: i64,
    /// The high watermark.
    pub end: i64,
}

/// A record read back.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ConsumedRecord {
    /// Its partition.
    pub partition: i32,
    /// Its offset.
    pub offset: i64,
    /// Milliseconds since 1970-01-01 UTC.
    pub timestamp: i64,
    /// Its key.
    pub key: Option<Octets>,
    /// Its value; null is a tombstone.
    pub value: Option<Octets>,
    /// Its headers in order.
    pub headers: Vec<(String, Option<Octets>)>,
}

/// `POST /api/query`
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Query {
    /// One SELECT.
    pub sql: String,
    /// Most rows to give; the configured limit if absent or larger.
    #[serde(default)]
    pub max_rows: Option<usize>,
}

/// What `POST /api/query` gives.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Rows {
    /// Names of the columns.
    pub columns: Vec<String>,
    /// Declared type of each column, where it has one.
    pub types: Vec<Option<String>>,
    /// Rows; blobs are `0x` and hex.
    pub rows: Vec<Vec<serde_json::Value>>,
    /// There were more rows than the limit.
    pub truncated: bool,
}

/// `GET /api/dlq?...`
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct ListDeadLetters {
    /// The topic they are in; that of connectors that name none if absent.
    #[serde(default)]
    pub topic: Option<String>,
    /// The partition of that topic.
    #[serde(default)]
    pub partition: i32,
    /// First offset in the dead letter topic; negative counts back from the end. The oldest if absent.
    #[serde(default)]
    pub offset: Option<i64>,
    /// Most dead letters to give.
    #[serde(default)]
    pub max: Option<usize>,
}

/// What `GET /api/dlq` gives.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct DeadLetterList {
    /// Dead letters, oldest first.
    pub dead_letters: Vec<DeadLetterEntry>,
    /// Where to go on.
    pub next: i64,
    /// The high watermark of the dead letter topic.
    pub end: i64,
    /// Where dead letters may be: the topics that exist of those the connectors name.
    pub topics: Vec<DeadLetterTopic>,
}

/// A topic with dead letters.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeadLetterTopic {
    /// Its name.
    pub name: String,
    /// How many partitions it has.
    pub partitions: i32,
}

/// A record that could not become a row.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct DeadLetterEntry {
    /// Its offset in the dead letter topic: what `replay` takes.
    pub offset: i64,
    /// Topic it came from.
    pub topic: String,
    /// Partition it came from.
    pub partition: Option<i32>,
    /// Offset it had there.
    pub record_offset: Option<i64>,
    /// Which connector could not write it.
    pub connector: String,
    /// At which stage.
    pub stage: String,
    /// Why.
    pub reason: String,
    /// Whole record, original bytes; its partition is the dead letter topic's.
    pub record: ConsumedRecord,
}

/// `POST /api/dlq/replay`
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Replay {
    /// The topic the dead letters are in; that of connectors that name none if absent.
    #[serde(default)]
    pub topic: Option<String>,
    /// The partition of `offsets`.
    #[serde(default)]
    pub partition: i32,
    /// Offsets in the dead letter topic.
    #[serde(default)]
    pub offsets: Vec<i64>,
    /// All that there are: in every partition of `topic`, or, if it is absent, in every topic with dead letters.
    #[serde(default)]
    pub all: bool,
}

/// What `POST /api/dlq/replay` gives.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub struct Replayed {
    /// How many went back to their topics.
    pub replayed: u64,
}
