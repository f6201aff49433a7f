//! How far a group has come in one partition, and the record that says so.
//!
//! Byte table, big-endian: key = version 1 (1), group length (2), group, topic id (4), partition (4); value =
//! version 1 (1), offset (8), metadata. The topic's id, not its name: a new topic of an old name begins with no
//! offsets.

use bytes::{BufMut, Bytes, BytesMut};

use super::batch::array;
use super::record::NewRecord;

/// An offset a group has committed.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct OffsetCommit {
    /// The next offset the group will read.
    pub offset: i64,
    /// The committer's own note: a sink keeps its cumulative books here.
    pub metadata: String,
}

/// The record that says what a group has committed; without a commit it takes that back.
pub(super) fn record(
    group: &str,
    place: (u32, i32),
    commit: Option<&OffsetCommit>,
    timestamp: i64,
) -> NewRecord {
    let mut key = BytesMut::new();
    let group = group
        .as_bytes()
        .get(..usize::from(u16::MAX))
        .unwrap_or(group.as_bytes());
    key.put_u8(1);
    key.put_u16(u16::try_from(group.len()).unwrap_or(u16::MAX));
    key.put_slice(group);
    key.put_u32(place.0);
    key.put_i32(place.1);
    let value = commit.map(|commit| {
        let mut value = BytesMut::new();
        value.put_u8(1);
        value.put_i64(commit.offset);
        value.put_slice(commit.metadata.as_bytes());
        value.freeze()
    });
    NewRecord {
        key: Some(key.freeze()),
        value,
        headers: Vec::new(),
        timestamp,
    }
}

/// Reads such a record back: group, topic id and partition, commit.
pub(super) fn parse(key: &Bytes, value: &Bytes) -> Option<(String, (u32, i32), OffsetCommit)> {
    let group_len = usize::from(u16::from_be_bytes(array(key, 1)?));
    let group = String::from_utf8(key.get(3..3 + group_len)?.to_vec()).ok()?;
    let topic = u32::from_be_bytes(array(key, 3 + group_len)?);
    let partition = i32::from_be_bytes(array(key, 7 + group_len)?);
    let offset = i64::from_be_bytes(array(value, 1)?);
    let metadata = String::from_utf8(value.get(9..)?.to_vec()).ok()?;
    Some((group, (topic, partition), OffsetCommit { offset, metadata }))
}
