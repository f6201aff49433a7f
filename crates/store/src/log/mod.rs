//! The embedded log: topics, partitions and records, durable before they are acknowledged.
//! Takes batches of records from the gateway and from whoever else appends.
//! Gives back one wake-up per commit, and durable records to sinks and tools.

mod record;

mod options;

mod error;

mod append;

mod engine;
mod shared;
mod topics;

mod committer;
mod writer;

mod batch;
mod filling;
mod frame;
mod wal;

mod partition;
mod segment;

mod keeper;

mod checkpoint;
mod compaction;

pub mod check;
mod recovery;
mod replay;
mod survey;
mod wal_reader;

mod groups;
mod offset_commit;

pub use append::{Append, AppendWaiter, Completion, Permit};
pub use engine::Log;
pub use error::{AppendError, Damage, LogHealth, OpenError, ReadError, TopicError};
pub use groups::{GroupOffset, OFFSETS_TOPIC};
pub use offset_commit::OffsetCommit;
pub use options::{Cleanup, LogOptions, NowMillis, TopicConfig, TopicInfo, is_internal};
pub use partition::PartitionHandle;
pub use record::{NewRecord, RecordHeader, StoredRecord};
