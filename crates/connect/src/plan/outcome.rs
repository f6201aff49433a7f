//! What became of a record.

use std::fmt;

use crate::mapping::TableChange;

/// What [`Plan::apply`](super::Plan::apply) made of a record.
#[derive(Debug, Clone, PartialEq)]
pub enum Outcome {
    /// So many rows were appended to `out`; at least one.
    Written(usize),
    /// Dropped on purpose: by a transform, or because there was nothing in it to write.
    Filtered,
    /// A table must change before it can be written; `out` is as it was.
    TableFirst(Box<TableChange>),
    /// Cannot become a row, however often it is tried; `out` is as it was.
    Rejected(Box<RecordError>),
}

/// Why a record cannot become a row, as the dead letter's headers tell it (CONNECT-SPEC 3.8).
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct RecordError {
    /// The stage that refused it.
    pub stage: Stage,
    /// The converter, transform or connector class that refused it.
    pub class_name: String,
    /// The Java exception people filter on.
    pub exception_class: &'static str,
    /// What is wrong with the record.
    pub message: String,
}

/// Kafka Connect's name of a step between a record and its row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// `KEY_CONVERTER`
    KeyConverter,
    /// `VALUE_CONVERTER`
    ValueConverter,
    /// `HEADER_CONVERTER`
    HeaderConverter,
    /// `TRANSFORMATION`
    Transformation,
    /// `TASK_PUT`: projection, binding and the table itself.
    TaskPut,
}

impl Stage {
    /// The text of the header `__connect.errors.stage`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::KeyConverter => "KEY_CONVERTER",
            Self::ValueConverter => "VALUE_CONVERTER",
            Self::HeaderConverter => "HEADER_CONVERTER",
            Self::Transformation => "TRANSFORMATION",
            Self::TaskPut => "TASK_PUT",
        }
    }
}

impl fmt::Display for Stage {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}
