//! Column mappings: how the sinks of ScyllaDB and `DataStax` say which part of a record goes into which column.
//! Takes mappings from the plan's compiler, and records that have been through the transforms.
//! Gives the plan rows, deletions, or the change a table needs first.

mod change;

pub use change::TableChange;

mod codec;

mod deletion;

mod draft;

mod formats;

mod grammar;

mod growth;

mod source;

mod target;

pub(crate) use codec::{Codec, TimeUnit};
pub(crate) use formats::Formats;
pub(crate) use grammar::{Entry, parse};
pub(crate) use source::{FieldSource, Part};
pub(crate) use target::{Dest, Fields, Kind, MappedTarget, Rules, Stop, Style};
