//! A record as it lies in the log, on its way into a plan.

use std::borrow::Cow;
use std::sync::Arc;

use bytes::Bytes;

use crate::schema::Schema;
use crate::value::Value;

/// A header of a record. Names may repeat; order is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordHeader {
    /// The header's name, UTF-8.
    pub name: Bytes,
    /// The header's value; `None` is Kafka's null.
    pub value: Option<Bytes>,
}

/// A consumed record: raw bytes with the position they came from.
///
/// `topic`, `partition` and `offset` are those of the log, and stay so whatever a transform does to the
/// record's topic: all offset bookkeeping uses them (CONNECT-SPEC 1.1).
#[derive(Debug, Clone, Copy)]
pub struct SinkRecord<'a> {
    /// Kafka topic the record was consumed from.
    pub topic: &'a str,
    /// Partition it was consumed from.
    pub partition: i32,
    /// Offset within that partition.
    pub offset: i64,
    /// Milliseconds since 1970-01-01 UTC; `None` where the log has no timestamp.
    pub timestamp: Option<i64>,
    /// The record key.
    pub key: Option<&'a Bytes>,
    /// The record value; `None` is a tombstone.
    pub value: Option<&'a Bytes>,
    /// Headers in order.
    pub headers: &'a [RecordHeader],
}

/// A record on its way through a plan: decoded, and as the transforms so far have left it.
#[derive(Debug, Clone)]
pub struct ConnectRecord<'a> {
    /// The record as consumed; bookkeeping and dead letters use only this.
    pub source: &'a SinkRecord<'a>,
    /// The topic, which transforms may change.
    pub topic: Cow<'a, str>,
    /// Milliseconds since 1970-01-01 UTC.
    pub timestamp: Option<i64>,
    /// The key's schema; none for schemaless keys.
    pub key_schema: Option<Arc<Schema>>,
    /// The key.
    pub key: Value,
    /// The value's schema; none for schemaless values.
    pub value_schema: Option<Arc<Schema>>,
    /// The value; null is a tombstone.
    pub value: Value,
    /// The headers, decoded; none where no transform looks at them, and they are as consumed.
    pub headers: Option<Vec<ConnectHeader>>,
}

/// A decoded header.
#[derive(Debug, Clone, PartialEq)]
pub struct ConnectHeader {
    /// Its name.
    pub name: Arc<str>,
    /// Its value's schema.
    pub schema: Option<Arc<Schema>>,
    /// Its value.
    pub value: Value,
}

impl SinkRecord<'_> {
    /// The value of the last header called `name`, as text.
    pub fn header_text(&self, name: &str) -> Option<&str> {
        let header = self
            .headers
            .iter()
            .rev()
            .find(|header| *header.name == *name.as_bytes())?;
        std::str::from_utf8(header.value.as_ref()?).ok()
    }

    /// The MQTT topic the record came from: header `mqtt.topic`, else the key.
    pub fn mqtt_topic(&self) -> Option<&str> {
        self.header_text("mqtt.topic")
            .or_else(|| std::str::from_utf8(self.key?).ok())
    }
}
