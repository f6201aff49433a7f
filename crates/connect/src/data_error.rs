//! What converters, transforms, projections and bindings say about a record they cannot handle.

use std::fmt;

/// The exceptions of Kafka Connect (and of the CQL server) that people filter dead letters by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exception {
    /// The data does not have the shape that was asked for.
    Data,
    /// The connector cannot handle this record.
    Connect,
    /// A named thing does not exist.
    IllegalArgument,
    /// A configured value is not usable for this record.
    Config,
    /// Text is not a number.
    NumberFormat,
    /// A schema cannot be built.
    SchemaBuilder,
    /// The row does not fit the table.
    InvalidQuery,
}

impl Exception {
    /// The Java class name.
    pub const fn class(self) -> &'static str {
        match self {
            Self::Data => "org.apache.kafka.connect.errors.DataException",
            Self::Connect => "org.apache.kafka.connect.errors.ConnectException",
            Self::IllegalArgument => "java.lang.IllegalArgumentException",
            Self::Config => "org.apache.kafka.common.config.ConfigException",
            Self::NumberFormat => "java.lang.NumberFormatException",
            Self::SchemaBuilder => "org.apache.kafka.connect.errors.SchemaBuilderException",
            Self::InvalidQuery => "com.datastax.driver.core.exceptions.InvalidQueryException",
        }
    }
}

/// A record's data cannot be converted, transformed, projected or bound.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct DataError {
    /// Which exception the original throws.
    pub exception: Exception,
    /// What is wrong, on which field or byte.
    pub message: String,
}

impl DataError {
    /// A `DataException`.
    pub fn new(message: impl Into<String>) -> Self {
        Self {
            exception: Exception::Data,
            message: message.into(),
        }
    }

    /// The same message under another exception.
    #[must_use]
    pub fn of(exception: Exception, message: impl Into<String>) -> Self {
        Self {
            exception,
            message: message.into(),
        }
    }

    /// The same error, its message prefixed with where it happened.
    #[must_use]
    pub fn within(mut self, place: impl fmt::Display) -> Self {
        self.message = format!("{place}: {}", self.message);
        self
    }
}
