//! What can go wrong between a sink and the log.

use std::error::Error;

use crate::table::Verdict;

/// The log did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum RecordLogError {
    /// It may later: the disk is full, the cluster is away.
    #[error("the log cannot {operation} now")]
    Unavailable {
        /// What was asked.
        operation: &'static str,
        /// Why.
        source: Box<dyn Error + Send + Sync>,
    },
    /// It will not: damaged, closed, failed.
    #[error("the log cannot {operation}")]
    Unusable {
        /// What was asked.
        operation: &'static str,
        /// Why.
        source: Box<dyn Error + Send + Sync>,
    },
}

impl RecordLogError {
    /// What to do about it. The log rejects no single record.
    pub fn verdict(&self) -> Verdict {
        match self {
            Self::Unavailable { .. } => Verdict::Retry,
            Self::Unusable { .. } => Verdict::Stop,
        }
    }
}
