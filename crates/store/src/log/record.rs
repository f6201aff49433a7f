//! A record before it is in the log, and after.

use bytes::Bytes;
pub use messina_connect::record::RecordHeader;
use messina_connect::record::SinkRecord;

/// A record to append.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct NewRecord {
    /// Record key; `None` is Kafka's null.
    pub key: Option<Bytes>,
    /// Record value; `None` is a tombstone.
    pub value: Option<Bytes>,
    /// Headers, in order.
    pub headers: Vec<RecordHeader>,
    /// Milliseconds since 1970-01-01 UTC.
    pub timestamp: i64,
}

impl NewRecord {
    /// An upper bound of the bytes this record takes in a batch; what to ask [`Log::reserve`](super::Log::reserve) for.
    pub fn size_bound(&self) -> usize {
        let headers: usize = self
            .headers
            .iter()
            .map(|header| 10 + header.name.len() + header.value.as_ref().map_or(0, Bytes::len))
            .sum();
        40 + self.key.as_ref().map_or(0, Bytes::len)
            + self.value.as_ref().map_or(0, Bytes::len)
            + headers
    }
}

/// A record read back: its bytes are slices of the batch it was stored in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredRecord {
    /// Offset within its partition.
    pub offset: i64,
    /// Milliseconds since 1970-01-01 UTC.
    pub timestamp: i64,
    /// Record key.
    pub key: Option<Bytes>,
    /// Record value; `None` is a tombstone.
    pub value: Option<Bytes>,
    /// Headers, in order.
    pub headers: Vec<RecordHeader>,
}

impl StoredRecord {
    /// Roughly the bytes it takes in memory.
    pub fn memory(&self) -> usize {
        let length = |bytes: &Option<Bytes>| bytes.as_ref().map_or(0, Bytes::len);
        let header = |header: &RecordHeader| {
            size_of::<RecordHeader>() + header.name.len() + length(&header.value)
        };
        let headers: usize = self.headers.iter().map(header).sum();
        size_of::<Self>() + length(&self.key) + length(&self.value) + headers
    }

    /// The record as a plan takes it.
    pub fn as_sink_record<'a>(&'a self, topic: &'a str, partition: i32) -> SinkRecord<'a> {
        SinkRecord {
            topic,
            partition,
            offset: self.offset,
            timestamp: Some(self.timestamp),
            key: self.key.as_ref(),
            value: self.value.as_ref(),
            headers: &self.headers,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_count_in_what_a_record_takes_in_memory() {
        let bare = StoredRecord {
            offset: 0,
            timestamp: 0,
            key: Some(Bytes::from_static(b"key")),
            value: None,
            headers: Vec::new(),
        };
        assert_eq!(bare.memory(), size_of::<StoredRecord>() + 3);
        let header = RecordHeader {
            name: Bytes::from_static(b"mqtt.topic"),
            value: Some(Bytes::from_static(b"a/b")),
        };
        let with_headers = StoredRecord {
            headers: vec![header.clone(), header],
            ..bare.clone()
        };
        let headers = with_headers.memory() - bare.memory();
        assert_eq!(headers, 2 * (size_of::<RecordHeader>() + 13));
    }
}
