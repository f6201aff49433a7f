//! Sinks: records become rows, and an offset is committed only when every record before it is accounted for.
//! Takes records from the record log and a compiled plan from the configuration.
//! Gives rows to tables, what cannot become a row to the dead letters, and its books to whoever asks.

mod connector;

mod opening;

mod error;

mod task;

mod batch;

mod delivery;

mod parts;

mod retry;

pub mod dead_letter;

mod books;

mod status;

pub use books::Books;
pub use connector::{Connector, SinkOptions, group_of};
pub use error::SinkError;
pub use opening::{OpenError, Opened, Opening};
pub use status::{PartitionSnapshot, SinkSnapshot, SinkStatus, TaskState};
