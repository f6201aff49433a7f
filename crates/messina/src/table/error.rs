//! What can go wrong with a table, and what to do about it.

use std::error::Error;

/// What to do about a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// The same again, later: hold offsets and back off.
    Retry,
    /// This record never: a dead letter, and on with the next.
    Reject,
    /// No record at all: the task fails until a person has acted.
    Stop,
}

/// A row the table will never take.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefusedRow {
    /// Which row of the batch.
    pub index: usize,
    /// The table's reason.
    pub problem: String,
}

/// Rows were not written.
#[derive(Debug, thiserror::Error)]
pub enum TableError {
    /// The table refuses a row, and would refuse it again.
    #[error("table `{table}` refuses the row: {problem}")]
    Refused {
        /// The table.
        table: String,
        /// Which row of the batch; `None` if the table does not say.
        row: Option<usize>,
        /// Its reason.
        problem: String,
    },
    /// The table refuses these rows, and has taken all the others of the batch.
    #[error("table `{table}` refuses {} rows, the first: {}", rows.len(), rows.first().map_or("", |row| &row.problem))]
    RowsRefused {
        /// The table.
        table: String,
        /// The rows, at least one.
        rows: Vec<RefusedRow>,
    },
    /// The table is away, busy or full.
    #[error("table `{table}` cannot be written now")]
    Unavailable {
        /// The table.
        table: String,
        /// Why.
        source: Box<dyn Error + Send + Sync>,
    },
    /// The table is away, and a row that is sent twice does more than one that is sent once: only those that are left
    /// may be sent again.
    #[error("table `{table}` cannot be written now; {} rows are left", left.len())]
    Interrupted {
        /// The table.
        table: String,
        /// Which rows of the batch are not durable, in ascending order.
        left: Vec<usize>,
        /// Why.
        source: Box<dyn Error + Send + Sync>,
    },
    /// Others have changed the table since it was opened: it must be opened anew.
    #[error("table `{table}` has changed: {}", differences.join("; "))]
    Changed {
        /// The table.
        table: String,
        /// What is not as it was.
        differences: Vec<String>,
    },
    /// The table is damaged, gone, or not for us to write.
    #[error("table `{table}` cannot be written")]
    Unusable {
        /// The table.
        table: String,
        /// Why.
        source: Box<dyn Error + Send + Sync>,
    },
}

impl TableError {
    /// What to do about it.
    pub fn verdict(&self) -> Verdict {
        match self {
            Self::Refused { .. } | Self::RowsRefused { .. } => Verdict::Reject,
            Self::Unavailable { .. } | Self::Interrupted { .. } => Verdict::Retry,
            Self::Changed { .. } | Self::Unusable { .. } => Verdict::Stop,
        }
    }

    /// Rows of the batch that are not durable, in ascending order, where the table says which: all the others are.
    pub fn left(&self) -> Option<Vec<usize>> {
        match self {
            Self::Interrupted { left, .. } => Some(left.clone()),
            Self::RowsRefused { rows, .. } => {
                let mut left: Vec<usize> = rows.iter().map(|row| row.index).collect();
                left.sort_unstable();
                Some(left)
            }
            Self::Refused { .. }
            | Self::Unavailable { .. }
            | Self::Changed { .. }
            | Self::Unusable { .. } => None,
        }
    }

    /// Index of the row that was refused, if the table says which.
    pub fn row(&self) -> Option<usize> {
        match self {
            Self::Refused { row, .. } => *row,
            Self::RowsRefused { .. }
            | Self::Unavailable { .. }
            | Self::Interrupted { .. }
            | Self::Changed { .. }
            | Self::Unusable { .. } => None,
        }
    }
}
