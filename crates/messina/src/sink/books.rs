//! The books of a partition: what became of every record since the sink began to read it.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Cumulative counts of one sink in one partition. They are committed together with the offset they belong
/// to, so that they survive restarts and balance always:
/// `offset - start - gaps = written + dead_lettered + filtered + skipped`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Books {
    /// Records all of whose rows are durable.
    #[serde(rename = "w", default)]
    pub written: u64,
    /// Records that became dead letters.
    #[serde(rename = "d", default)]
    pub dead_lettered: u64,
    /// Records filtered out on purpose.
    #[serde(rename = "f", default)]
    pub filtered: u64,
    /// Records that retention deleted before they were read: lost to the sink.
    #[serde(rename = "x", default, skip_serializing_if = "is_zero")]
    pub skipped: u64,
    /// Offsets that never were a record for a sink, or are none any more: markers of transactions, records of aborted
    /// ones, records that compaction has removed. Nothing is lost with them.
    #[serde(rename = "g", default, skip_serializing_if = "is_zero")]
    pub gaps: u64,
    /// The offset the books begin at.
    #[serde(rename = "s", default)]
    pub start: i64,
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "the signature serde asks for"
)]
fn is_zero(count: &u64) -> bool {
    *count == 0
}

impl Books {
    /// Books that begin at `start`.
    pub fn starting_at(start: i64) -> Self {
        Self {
            start,
            ..Self::default()
        }
    }

    /// The books committed with `offset`.
    ///
    /// If they do not lead to that offset, somebody moved it: a rewind, or another tool's commit. The counts are
    /// kept, as they did happen, and the start is moved so that the books balance from here.
    pub fn resume(offset: i64, metadata: Option<&str>) -> Self {
        let Some(mut books) =
            metadata.and_then(|metadata| serde_json::from_str::<Self>(metadata).ok())
        else {
            return Self::starting_at(offset);
        };
        books.start = offset.saturating_sub(books.accounted());
        books
    }

    /// Offsets accounted for.
    fn accounted(&self) -> i64 {
        let records = self.written + self.dead_lettered + self.filtered + self.skipped;
        i64::try_from(records + self.gaps).unwrap_or(i64::MAX)
    }

    /// The offset up to which everything is accounted for.
    pub fn offset(&self) -> i64 {
        self.start.saturating_add(self.accounted())
    }

    /// Adds what happened since.
    pub(super) fn add(&mut self, progress: &Progress) {
        self.written += progress.written;
        self.dead_lettered += progress.dead_lettered;
        self.filtered += progress.filtered;
        self.skipped += progress.skipped;
        self.gaps += progress.gaps;
    }
}

impl fmt::Display for Books {
    /// The commit metadata: compact JSON.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = serde_json::to_string(self).map_err(|_never| fmt::Error)?;
        f.write_str(&text)
    }
}

/// What a batch did to one partition's books.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Progress {
    /// See [`Books::written`].
    pub(super) written: u64,
    /// See [`Books::dead_lettered`].
    pub(super) dead_lettered: u64,
    /// See [`Books::filtered`].
    pub(super) filtered: u64,
    /// See [`Books::skipped`].
    pub(super) skipped: u64,
    /// See [`Books::gaps`].
    pub(super) gaps: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn books_survive_their_commit() {
        let mut books = Books::starting_at(7);
        books.add(&Progress {
            written: 3,
            dead_lettered: 2,
            filtered: 1,
            ..Progress::default()
        });
        assert_eq!(books.to_string(), r#"{"w":3,"d":2,"f":1,"s":7}"#);
        assert_eq!(Books::resume(13, Some(&books.to_string())), books);
        assert_eq!(books.offset(), 13);
        books.add(&Progress {
            skipped: 4,
            gaps: 5,
            ..Progress::default()
        });
        assert_eq!(books.offset(), 22);
        assert_eq!(Books::resume(22, Some(&books.to_string())), books);
    }

    #[test]
    fn books_balance_after_somebody_moved_the_offset() {
        let books = Books::resume(100, Some(r#"{"w":3,"d":2,"f":1,"s":7}"#));
        assert_eq!((books.offset(), books.written), (100, 3));
        assert_eq!(
            Books::resume(5, Some("another tool's note")),
            Books::starting_at(5)
        );
    }
}
