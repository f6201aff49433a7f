//! The books of it: what was there, what is there now, and whether the two agree.

use serde::Serialize;

/// What became of everything.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct CarryReport {
    /// Of each topic.
    pub topics: Vec<TopicBooks>,
    /// Of each table.
    pub tables: Vec<TableBooks>,
    /// What could not be carried, and what to know of it.
    pub remarks: Vec<String>,
}

/// A topic's books.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TopicBooks {
    /// Its name there.
    pub topic: String,
    /// Records in the log, counted one by one.
    pub records: u64,
    /// Records that are carried, as the other side says, in this run and those before it.
    pub carried: u64,
    /// Of those, in this run.
    pub now: u64,
    /// Groups that stand at the same record there.
    pub groups: Vec<String>,
}

/// A table's books.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TableBooks {
    /// Its name there.
    pub table: String,
    /// Rows in the file, counted by its engine at the end.
    pub rows: u64,
    /// Rows that are written, in this run and those before it.
    pub written: u64,
    /// Of those, in this run.
    pub now: u64,
    /// Rows whose shelf life had ended.
    pub expired: u64,
    /// Rows that the other side does not take.
    pub refused: u64,
}

impl TopicBooks {
    /// Whether every record is there, once.
    pub fn balances(&self) -> bool {
        self.records == self.carried
    }
}

impl TableBooks {
    /// Whether something became of every row.
    pub fn balances(&self) -> bool {
        self.rows == self.written + self.expired + self.refused
    }
}

impl CarryReport {
    /// Whether all books balance, and nothing was refused.
    pub fn is_whole(&self) -> bool {
        let mut tables = self.tables.iter();
        self.topics.iter().all(TopicBooks::balances)
            && tables.all(|table| table.balances() && table.refused == 0)
    }
}
