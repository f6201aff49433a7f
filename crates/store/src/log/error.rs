//! What can go wrong in the log, for callers and for operators.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use thiserror::Error;

use crate::disk::DiskError;

/// Why a log could not be opened.
#[derive(Debug, Error)]
pub enum OpenError {
    /// A second process has the directory.
    #[error(
        "the log in `{dir}` is in use by another process; stop it, or choose another directory"
    )]
    InUse {
        /// The log's directory.
        dir: PathBuf,
    },
    /// Records that were acknowledged cannot be read back.
    #[error(
        "the log in `{dir}` is damaged: {}; run `messina log check`, then `messina log repair`",
        list(damage)
    )]
    Damaged {
        /// The log's directory.
        dir: PathBuf,
        /// Everything that was found, in file order.
        damage: Vec<Damage>,
    },
    /// The options make no sense.
    #[error("the log's option `{option}` is wrong: {reason}")]
    Options {
        /// Name of the option.
        option: &'static str,
        /// What it must be.
        reason: &'static str,
    },
    /// The disk failed.
    #[error("cannot open the log")]
    Disk(#[from] DiskError),
    /// The topic of committed offsets cannot be used.
    #[error("cannot open the log's committed offsets: {0}")]
    Groups(String),
    /// A thread could not be started.
    #[error("cannot start the log's `{thread}` thread")]
    Thread {
        /// The thread's name.
        thread: &'static str,
        /// What the system said.
        source: std::io::Error,
    },
}

/// One place where bytes that must be there are not, or are not what was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Damage {
    /// The file.
    pub file: PathBuf,
    /// Position in the file, bytes.
    pub position: u64,
    /// What is wrong there, and what is missing because of it.
    pub missing: String,
}

impl fmt::Display for Damage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "`{}` at byte {}: {}",
            self.file.display(),
            self.position,
            self.missing
        )
    }
}

fn list(damage: &[Damage]) -> String {
    let shown: Vec<String> = damage.iter().take(3).map(Damage::to_string).collect();
    let more = damage.len().saturating_sub(3);
    if more == 0 {
        shown.join("; ")
    } else {
        format!("{}; and {more} more", shown.join("; "))
    }
}

/// Why an append was refused. None of its records is in the log.
#[derive(Debug, Clone, Error)]
pub enum AppendError {
    /// The disk is full. Appends succeed again when space returns.
    #[error("the disk is full: {0}")]
    Full(Arc<str>),
    /// The disk failed; the log accepts nothing until it is opened again. Whether records that were in
    /// flight are there is known only then.
    #[error("the log has failed: {0}")]
    Failed(Arc<str>),
    /// The topic was deleted.
    #[error("topic `{0}` was deleted")]
    TopicDeleted(Arc<str>),
    /// More bytes than a frame can hold.
    #[error("an append of {bytes} bytes is larger than the {limit} bytes the log takes at once")]
    TooLarge {
        /// Its size.
        bytes: usize,
        /// The largest size.
        limit: usize,
    },
    /// The log will not have these records, which is not the embedded log's way: a cluster has rights and limits.
    #[error("{0}")]
    Refused(Arc<str>),
    /// The log was closed.
    #[error("the log is closed")]
    Closed,
}

/// Why records could not be read.
#[derive(Debug, Error)]
pub enum ReadError {
    /// The offset is older than the oldest record, or beyond the next one.
    #[error("offset {offset} of `{topic}`-{partition} is out of range: it holds {start} to {end}")]
    OutOfRange {
        /// The topic.
        topic: Arc<str>,
        /// The partition.
        partition: i32,
        /// The offset asked for.
        offset: i64,
        /// The oldest offset there is.
        start: i64,
        /// The offset the next record will get.
        end: i64,
    },
    /// No topic of that name.
    #[error("there is no topic `{0}`")]
    UnknownTopic(String),
    /// The topic was deleted.
    #[error("topic `{0}` was deleted")]
    TopicDeleted(Arc<str>),
    /// Stored bytes are not what was written.
    #[error("the log is damaged: {0}; run `messina log check`")]
    Damaged(Damage),
    /// The disk failed.
    #[error("cannot read the log")]
    Disk(#[from] DiskError),
}

/// Why a topic could not be created or deleted.
#[derive(Debug, Error)]
pub enum TopicError {
    /// A topic of that name exists.
    #[error("topic `{0}` exists already")]
    Exists(String),
    /// No topic of that name.
    #[error("there is no topic `{0}`")]
    Unknown(String),
    /// Kafka's rules for names: 1 to 249 of letters, digits, `.`, `_` and `-`.
    #[error("`{0}` is not a topic name: use 1 to 249 letters, digits, `.`, `_` and `-`")]
    Name(String),
    /// The number of partitions is out of range.
    #[error("a topic has 1 to 10000 partitions, not {0}")]
    Partitions(i32),
    /// The log has failed or is closed.
    #[error(transparent)]
    Log(#[from] AppendError),
    /// The disk failed; nothing has changed.
    #[error("cannot write the topic's files")]
    Disk(#[from] DiskError),
}

/// How the log is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LogHealth {
    /// Everything works.
    Good,
    /// The disk is full: appends are refused until space returns.
    Full(Arc<str>),
    /// The disk failed: nothing is accepted until the log is opened again.
    Failed(Arc<str>),
}
