//! A frame of the write-ahead log: one commit group, whole or not there at all.
//!
//! Little-endian, frames begin at multiples of 8:
//!
//! | at | bytes | field | meaning |
//! |---|---|---|---|
//! | 0 | 4 | CRC-32C | of bytes 4 to the end of the payload, begun from the log's salt |
//! | 4 | 4 | magic | `MWL1` |
//! | 8 | 4 | length | of the payload, bytes |
//! | 12 | 4 | entries | batches in the payload; 0 is a marker |
//! | 16 | 8 | sequence | one more than the frame before, across generations |
//! | 24 | 8 | synced sequence | the last frame known to be durable when this one was written |
//! | 32 | 8 | generation | of the file; a frame of another generation is a leftover of the recycled file |
//! | 40 | | payload | entries: topic id (4), partition (4), batch length (4), 0 (4), the batch |
//!
//! A marker with an empty payload is written on a page of its own when the log falls idle, so that the last
//! acknowledged frame also has a later one that vouches for it. A marker whose payload is a generation (8)
//! ends a file and says where the log goes on.
//!
//! The salt is random for each log: without it a device could send a payload that looks like a frame.

use std::ops::Range;

use bytes::Bytes;

use super::batch::{array, overwrite};

/// Bytes before the payload.
pub(super) const HEADER: usize = 40;
/// Bytes before each batch.
pub(super) const ENTRY: usize = 16;
const MAGIC: [u8; 4] = *b"MWL1";

/// What a frame's header says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct FrameHeader {
    pub(super) length: u32,
    pub(super) entries: u32,
    pub(super) sequence: u64,
    pub(super) synced: u64,
    pub(super) generation: u64,
}

impl FrameHeader {
    /// Bytes the frame takes in the file.
    pub(super) fn size(&self) -> usize {
        padded(HEADER + self.length as usize)
    }

    /// Whether this is an idle marker or the end of a file.
    pub(super) fn is_marker(&self) -> bool {
        self.entries == 0
    }
}

/// Rounds up to where the next frame may begin.
pub(super) const fn padded(len: usize) -> usize {
    len.next_multiple_of(8)
}

/// Begins a frame in a reused buffer; entries follow.
pub(super) fn begin(frame: &mut Vec<u8>) {
    frame.clear();
    frame.resize(HEADER, 0);
}

/// Adds a batch to a frame.
pub(super) fn push_entry(frame: &mut Vec<u8>, topic: u32, partition: i32, batch: &[u8]) {
    frame.extend_from_slice(&topic.to_le_bytes());
    frame.extend_from_slice(&partition.to_le_bytes());
    frame.extend_from_slice(&u32::try_from(batch.len()).unwrap_or(u32::MAX).to_le_bytes());
    frame.extend_from_slice(&[0; 4]);
    frame.extend_from_slice(batch);
}

/// Writes the header over the frame's first bytes, and pads the frame.
pub(super) fn finish(
    frame: &mut Vec<u8>,
    salt: u32,
    entries: u32,
    sequence: u64,
    synced: u64,
    generation: u64,
) {
    let length = u32::try_from(frame.len() - HEADER).unwrap_or(u32::MAX);
    overwrite(frame, 4, &MAGIC);
    overwrite(frame, 8, &length.to_le_bytes());
    overwrite(frame, 12, &entries.to_le_bytes());
    overwrite(frame, 16, &sequence.to_le_bytes());
    overwrite(frame, 24, &synced.to_le_bytes());
    overwrite(frame, 32, &generation.to_le_bytes());
    let crc = crc32c::crc32c_append(salt, frame.get(4..).unwrap_or_default());
    overwrite(frame, 0, &crc.to_le_bytes());
    frame.resize(padded(frame.len()), 0);
}

/// Reads and proves the frame at the front of `bytes`; `None` if there is none.
pub(super) fn proven(bytes: &[u8], salt: u32) -> Option<FrameHeader> {
    (array::<4>(bytes, 4)? == MAGIC).then_some(())?;
    let length = u32::from_le_bytes(array(bytes, 8)?);
    let covered = bytes.get(4..HEADER.checked_add(length as usize)?)?;
    (crc32c::crc32c_append(salt, covered) == u32::from_le_bytes(array(bytes, 0)?)).then_some(())?;
    Some(FrameHeader {
        length,
        entries: u32::from_le_bytes(array(bytes, 12)?),
        sequence: u64::from_le_bytes(array(bytes, 16)?),
        synced: u64::from_le_bytes(array(bytes, 24)?),
        generation: u64::from_le_bytes(array(bytes, 32)?),
    })
}

/// A batch in a frame and the partition it is for.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    pub(super) topic: u32,
    pub(super) partition: i32,
    pub(super) batch: Bytes,
}

/// The entries of the frame that lies at `range` of a file; `None` if they do not add up.
pub(super) fn entries(file: &Bytes, range: Range<usize>, count: u32) -> Option<Vec<Entry>> {
    let payload = file.get(range.clone()).map(|_| file.slice(range))?;
    let mut entries = Vec::new();
    let mut at = 0;
    for _ in 0..count {
        let topic = u32::from_le_bytes(array(&payload, at)?);
        let partition = i32::from_le_bytes(array(&payload, at + 4)?);
        let length = u32::from_le_bytes(array(&payload, at + 8)?) as usize;
        let end = at.checked_add(ENTRY)?.checked_add(length)?;
        (end <= payload.len()).then_some(())?;
        entries.push(Entry {
            topic,
            partition,
            batch: payload.slice(at + ENTRY..end),
        });
        at = end;
    }
    (at == payload.len()).then_some(entries)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_is_proven_by_its_own_salt_only() {
        let mut frame = Vec::new();
        begin(&mut frame);
        push_entry(&mut frame, 3, 1, b"batch");
        finish(&mut frame, 77, 1, 10, 9, 2);
        assert_eq!(frame.len() % 8, 0);
        let header = proven(&frame, 77).unwrap();
        assert_eq!(
            (
                header.sequence,
                header.synced,
                header.generation,
                header.entries
            ),
            (10, 9, 2, 1)
        );
        assert_eq!(header.size(), frame.len());
        assert!(proven(&frame, 78).is_none());
        let file = Bytes::from(frame);
        let entries = entries(&file, HEADER..HEADER + header.length as usize, 1).unwrap();
        assert_eq!(
            (
                entries[0].topic,
                entries[0].partition,
                &entries[0].batch[..]
            ),
            (3, 1, &b"batch"[..])
        );
    }
}
