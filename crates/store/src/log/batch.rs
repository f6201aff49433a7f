//! Kafka's `RecordBatch` version 2, the unit of every segment and of every entry of a frame.
//!
//! Big-endian, as on Kafka's wire, so that a Kafka listener can serve segments without rewriting a byte:
//!
//! | at | bytes | field | here |
//! |---|---|---|---|
//! | 0 | 8 | base offset | offset of the first record; not covered by the checksum, so contiguity is checked |
//! | 8 | 4 | batch length | bytes after this field |
//! | 12 | 4 | partition leader epoch | 0 |
//! | 16 | 1 | magic | 2 |
//! | 17 | 4 | CRC-32C | of everything from the attributes on |
//! | 21 | 2 | attributes | 0: no compression, create time |
//! | 23 | 4 | last offset delta | last offset - base offset; may pass the last record where compaction removed some |
//! | 27 | 8 | base timestamp | of the first record, ms |
//! | 35 | 8 | max timestamp | ms |
//! | 43 | 8 | producer id | -1 |
//! | 51 | 2 | producer epoch | -1 |
//! | 53 | 4 | base sequence | -1 |
//! | 57 | 4 | record count | |
//! | 61 | | records | see below |
//!
//! A record: length (varint), attributes (1 byte, 0), timestamp delta (varlong), offset delta (varint), key
//! length (varint, -1 is null) and key, value likewise, header count (varint), each header a name and a value
//! in the same way. Varints are zigzag. Batches tile a partition: each begins where the one before ended.

use bytes::Bytes;

use super::record::{RecordHeader, StoredRecord};

/// Bytes before the first record.
pub(super) const HEADER: usize = 61;
/// Bytes before the part that the length field counts.
pub(super) const LENGTH_END: usize = 12;

/// Encodes one batch into a buffer that is kept for the next.
#[derive(Debug, Default)]
pub(super) struct BatchBuilder {
    bytes: Vec<u8>,
    count: i32,
    base_timestamp: i64,
    max_timestamp: i64,
}

impl BatchBuilder {
    pub(super) fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Records so far.
    pub(super) fn count(&self) -> i32 {
        self.count
    }

    /// The latest timestamp so far.
    pub(super) fn max_timestamp(&self) -> i64 {
        self.max_timestamp
    }

    /// Bytes so far; after [`finish`](Self::finish) the batch.
    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Forgets the batch, keeps the buffer unless a giant made it large.
    pub(super) fn clear(&mut self) {
        self.bytes.clear();
        self.bytes.shrink_to(128 << 10);
        self.count = 0;
    }

    /// Adds a record whose offset is `offset_delta` after the batch's base offset.
    pub(super) fn push(
        &mut self,
        offset_delta: i32,
        timestamp: i64,
        key: Option<&Bytes>,
        value: Option<&Bytes>,
        headers: &[RecordHeader],
    ) {
        if self.count == 0 {
            self.bytes.clear();
            self.bytes.resize(HEADER, 0);
            self.base_timestamp = timestamp;
            self.max_timestamp = timestamp;
        }
        self.count += 1;
        self.max_timestamp = self.max_timestamp.max(timestamp);
        let timestamp_delta = timestamp.wrapping_sub(self.base_timestamp);
        let header_bytes: usize = headers
            .iter()
            .map(|header| field_len(Some(&header.name)) + field_len(header.value.as_ref()))
            .sum();
        let body = 1
            + varint_len(timestamp_delta)
            + varint_len(i64::from(offset_delta))
            + field_len(key)
            + field_len(value)
            + varint_len(signed(headers.len()))
            + header_bytes;
        let out = &mut self.bytes;
        out.reserve(body + 5);
        put_varint(out, signed(body));
        out.push(0);
        put_varint(out, timestamp_delta);
        put_varint(out, i64::from(offset_delta));
        put_field(out, key);
        put_field(out, value);
        put_varint(out, signed(headers.len()));
        for header in headers {
            put_field(out, Some(&header.name));
            put_field(out, header.value.as_ref());
        }
    }

    /// Writes the header: the batch begins at `base` and covers offsets up to `last_offset_delta` after it.
    pub(super) fn finish(&mut self, base: i64, last_offset_delta: i32) {
        if self.bytes.len() < HEADER {
            self.bytes.resize(HEADER, 0);
        }
        let length = i32::try_from(self.bytes.len() - LENGTH_END).unwrap_or(i32::MAX);
        let head = &mut self.bytes;
        overwrite(head, 0, &base.to_be_bytes());
        overwrite(head, 8, &length.to_be_bytes());
        overwrite(head, 12, &[0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0]);
        overwrite(head, 23, &last_offset_delta.to_be_bytes());
        overwrite(head, 27, &self.base_timestamp.to_be_bytes());
        overwrite(head, 35, &self.max_timestamp.to_be_bytes());
        overwrite(head, 43, &(-1_i64).to_be_bytes());
        overwrite(head, 51, &(-1_i16).to_be_bytes());
        overwrite(head, 53, &(-1_i32).to_be_bytes());
        overwrite(head, 57, &self.count.to_be_bytes());
        let crc = crc32c::crc32c(self.bytes.get(21..).unwrap_or_default());
        overwrite(&mut self.bytes, 17, &crc.to_be_bytes());
    }

    /// Makes this an empty batch that covers offsets whose records are gone.
    pub(super) fn set_empty(&mut self, timestamp: i64) {
        self.clear();
        self.base_timestamp = timestamp;
        self.max_timestamp = timestamp;
    }
}

/// What a batch's header says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct BatchHeader {
    /// Offset of the first record.
    pub(super) base: i64,
    /// The whole batch, bytes.
    pub(super) size: usize,
    /// The latest timestamp.
    pub(super) max_timestamp: i64,
    /// The offset after the last one this batch covers.
    pub(super) next: i64,
    crc: u32,
    base_timestamp: i64,
    count: i32,
}

impl BatchHeader {
    /// Reads a header; `None` if these bytes cannot be one.
    pub(super) fn parse(bytes: &[u8]) -> Option<Self> {
        let size = usize::try_from(i32::from_be_bytes(array(bytes, 8)?)).ok()? + LENGTH_END;
        let delta = i32::from_be_bytes(array(bytes, 23)?);
        let base = i64::from_be_bytes(array(bytes, 0)?);
        let count = i32::from_be_bytes(array(bytes, 57)?);
        let fixed: [u8; 5] = array(bytes, 12)?;
        let plausible =
            size >= HEADER && fixed == [0, 0, 0, 0, 2] && base >= 0 && delta >= 0 && count >= 0;
        plausible.then_some(Self {
            base,
            size,
            max_timestamp: i64::from_be_bytes(array(bytes, 35)?),
            next: base.checked_add(i64::from(delta) + 1)?,
            crc: u32::from_be_bytes(array(bytes, 17)?),
            base_timestamp: i64::from_be_bytes(array(bytes, 27)?),
            count,
        })
    }

    /// Reads the header of the batch at the front of `bytes` and proves its checksum; `None` if it is not
    /// whole or not what was written.
    pub(super) fn proven(bytes: &[u8]) -> Option<Self> {
        let header = Self::parse(bytes)?;
        (crc32c::crc32c(bytes.get(21..header.size)?) == header.crc).then_some(header)
    }
}

/// Decodes the records of a batch that has been proven, as slices of it. `None`: not decodable, a bug or a foreign
/// batch.
pub(super) fn decode(batch: &Bytes, from: i64, into: &mut Vec<StoredRecord>) -> Option<()> {
    let header = BatchHeader::parse(batch)?;
    let mut cursor = Cursor {
        bytes: batch,
        at: HEADER,
    };
    for _ in 0..header.count {
        let length = usize::try_from(cursor.varint()?).ok()?;
        let end = cursor.at.checked_add(length)?;
        cursor.at += 1;
        let timestamp = header.base_timestamp.wrapping_add(cursor.varint()?);
        let offset = header.base.checked_add(cursor.varint()?)?;
        if offset >= from {
            let (key, value) = (cursor.field()?, cursor.field()?);
            let headers = cursor.headers()?;
            into.push(StoredRecord {
                offset,
                timestamp,
                key,
                value,
                headers,
            });
        }
        cursor.at = end;
    }
    Some(())
}

struct Cursor<'a> {
    bytes: &'a Bytes,
    at: usize,
}

impl Cursor<'_> {
    fn varint(&mut self) -> Option<i64> {
        let mut raw = 0_u64;
        for shift in (0..64).step_by(7) {
            let byte = *self.bytes.get(self.at)?;
            self.at += 1;
            raw |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Some((raw >> 1).cast_signed() ^ -(raw & 1).cast_signed());
            }
        }
        None
    }

    #[expect(
        clippy::option_option,
        reason = "the outer one is a broken batch, the inner one Kafka's null"
    )]
    fn field(&mut self) -> Option<Option<Bytes>> {
        let length = self.varint()?;
        if length < 0 {
            return Some(None);
        }
        let end = self.at.checked_add(usize::try_from(length).ok()?)?;
        (end <= self.bytes.len()).then_some(())?;
        let field = self.bytes.slice(self.at..end);
        self.at = end;
        Some(Some(field))
    }

    fn headers(&mut self) -> Option<Vec<RecordHeader>> {
        let count = usize::try_from(self.varint()?).ok()?;
        let mut headers = Vec::with_capacity(count.min(64));
        for _ in 0..count {
            headers.push(RecordHeader {
                name: self.field()??,
                value: self.field()?,
            });
        }
        Some(headers)
    }
}

/// The `N` bytes at `at`.
pub(super) fn array<const N: usize>(bytes: &[u8], at: usize) -> Option<[u8; N]> {
    bytes.get(at..at.checked_add(N)?)?.try_into().ok()
}

/// Replaces bytes at `at`; there must be as many.
pub(super) fn overwrite(bytes: &mut [u8], at: usize, with: &[u8]) {
    if let Some(place) = bytes.get_mut(at..at + with.len()) {
        place.copy_from_slice(with);
    }
}

fn signed(len: usize) -> i64 {
    i64::try_from(len).unwrap_or(i64::MAX)
}

fn zigzag(value: i64) -> u64 {
    ((value << 1) ^ (value >> 63)).cast_unsigned()
}

fn varint_len(value: i64) -> usize {
    let bits = 64 - (zigzag(value) | 1).leading_zeros();
    bits.div_ceil(7) as usize
}

fn put_varint(out: &mut Vec<u8>, value: i64) {
    let mut rest = zigzag(value);
    while rest >= 0x80 {
        out.push(low_byte(rest) | 0x80);
        rest >>= 7;
    }
    out.push(low_byte(rest));
}

fn low_byte(value: u64) -> u8 {
    let [low, ..] = value.to_le_bytes();
    low
}

fn field_len(field: Option<&Bytes>) -> usize {
    field.map_or(1, |bytes| varint_len(signed(bytes.len())) + bytes.len())
}

fn put_field(out: &mut Vec<u8>, field: Option<&Bytes>) {
    match field {
        Some(bytes) => {
            put_varint(out, signed(bytes.len()));
            out.extend_from_slice(bytes);
        }
        None => put_varint(out, -1),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_batch_is_byte_for_byte_what_kafka_writes() {
        let mut builder = BatchBuilder::default();
        let header = RecordHeader {
            name: Bytes::from_static(b"h"),
            value: None,
        };
        builder.push(
            0,
            1_000,
            Some(&Bytes::from_static(b"k")),
            Some(&Bytes::from_static(b"v1")),
            &[header],
        );
        builder.push(1, 1_005, None, None, &[]);
        builder.finish(7, 1);
        let bytes = builder.bytes();
        assert_eq!(
            bytes[..17],
            [0, 0, 0, 0, 0, 0, 0, 7, 0, 0, 0, 69, 0, 0, 0, 0, 2]
        );
        assert_eq!(
            bytes[61..74],
            [24, 0, 0, 0, 2, b'k', 4, b'v', b'1', 2, 2, b'h', 1]
        );
        assert_eq!(bytes[74..], [12, 0, 10, 2, 1, 1, 0]);
        let header = BatchHeader::proven(bytes).unwrap();
        assert_eq!(
            (header.base, header.next, header.size, header.max_timestamp),
            (7, 9, 81, 1_005)
        );
    }

    #[test]
    fn every_flipped_bit_is_seen_or_changes_the_base_offset() {
        let mut builder = BatchBuilder::default();
        builder.push(0, 5, None, Some(&Bytes::from_static(b"value")), &[]);
        builder.finish(3, 0);
        let bytes = builder.bytes().to_vec();
        for bit in 0..bytes.len() * 8 {
            let mut flipped = bytes.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            if let Some(header) = BatchHeader::proven(&flipped) {
                assert_ne!(header.base, 3, "bit {bit}");
            }
        }
    }

    proptest::proptest! {
        #[test]
        fn what_goes_in_comes_out(records in proptest::collection::vec(
            (proptest::prelude::any::<i64>(), proptest::option::of(proptest::collection::vec(0_u8.., 0..200)),
             proptest::option::of(proptest::collection::vec(0_u8.., 0..200)), 0_usize..4), 1..20)) {
            let mut builder = BatchBuilder::default();
            let mut expected = Vec::new();
            for (delta, (timestamp, key, value, headers)) in (0_i32..).zip(records) {
                let (key, value) = (key.map(Bytes::from), value.map(Bytes::from));
                let header = RecordHeader { name: Bytes::from_static(b"name"), value: value.clone() };
                let headers = vec![header; headers];
                builder.push(delta, timestamp, key.as_ref(), value.as_ref(), &headers);
                expected.push(StoredRecord { offset: 40 + i64::from(delta), timestamp, key, value, headers });
            }
            builder.finish(40, builder.count() - 1);
            proptest::prop_assert!(BatchHeader::proven(builder.bytes()).is_some());
            let mut decoded = Vec::new();
            decode(&Bytes::copy_from_slice(builder.bytes()), 0, &mut decoded).unwrap();
            proptest::prop_assert_eq!(decoded, expected);
        }

        #[test]
        fn noise_never_panics(bytes in proptest::collection::vec(0_u8.., 0..300)) {
            let mut decoded = Vec::new();
            decode(&Bytes::from(bytes), 0, &mut decoded);
        }
    }
}
