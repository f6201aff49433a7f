//! From librdkafka's messages to records that outlive it: one copy, into chunks that many records share.

use bytes::{Bytes, BytesMut};
use messina_connect::record::RecordHeader;
use messina_store::log::StoredRecord;
use rdkafka::Message as _;
use rdkafka::message::{BorrowedMessage, Headers as _};

/// What is allocated at once.
const CHUNK: usize = 64 << 10;

/// Where the bytes of records are gathered.
#[derive(Debug, Default)]
pub(super) struct Gather {
    chunk: BytesMut,
}

impl Gather {
    /// The record, in memory of ours.
    pub(super) fn record(&mut self, message: &BorrowedMessage<'_>) -> StoredRecord {
        let headers = message.headers().map_or_else(Vec::new, |headers| {
            let own = |index| {
                let header = headers.get(index);
                RecordHeader {
                    name: self.bytes(header.key.as_bytes()),
                    value: header.value.map(|value| self.bytes(value)),
                }
            };
            (0..headers.count()).map(own).collect()
        });
        StoredRecord {
            offset: message.offset(),
            timestamp: message.timestamp().to_millis().unwrap_or(0),
            key: message.key().map(|key| self.bytes(key)),
            value: message.payload().map(|value| self.bytes(value)),
            headers,
        }
    }

    fn bytes(&mut self, bytes: &[u8]) -> Bytes {
        if bytes.is_empty() {
            return Bytes::new();
        }
        if self.chunk.capacity() < bytes.len() {
            self.chunk = BytesMut::with_capacity(CHUNK.max(bytes.len()));
        }
        self.chunk.extend_from_slice(bytes);
        self.chunk.split().freeze()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_of_many_records_share_a_chunk_and_large_ones_have_their_own() {
        let mut gather = Gather::default();
        let (first, second) = (gather.bytes(b"first"), gather.bytes(b"second"));
        let end = first.as_ptr().wrapping_add(first.len());
        assert_eq!((&*first, &*second), (&b"first"[..], &b"second"[..]));
        assert_eq!(end, second.as_ptr(), "one after the other");
        let large = vec![7; 2 * CHUNK];
        assert_eq!(gather.bytes(&large), large);
        assert!(gather.bytes(b"").is_empty());
        assert_eq!(&*first, b"first");
    }
}
