//! A record as it lies in the log, on its way into a plan.

use bytes::Bytes;

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
