//! The embedded log: topics, partitions and records, durable before they are acknowledged.
//! Takes batches of records from the gateway and from whoever else appends.
//! Gives back one wake-up per commit, and durable records to sinks and tools.

mod append;
mod engine;
mod error;
mod groups;
mod options;
mod partition;
mod record;

pub use append::{Append, AppendWaiter, Completion, Permit};
pub use engine::Log;
pub use error::{AppendError, Damage, LogHealth, OpenError, ReadError, TopicError};
pub use groups::{GroupOffset, OffsetCommit};
pub use options::{Cleanup, LogOptions, NowMillis, TopicConfig, TopicInfo};
pub use partition::PartitionHandle;
pub use record::{NewRecord, RecordHeader, StoredRecord};
