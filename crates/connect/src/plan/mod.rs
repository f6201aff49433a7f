//! A connector's configuration, compiled: everything that can be looked up, checked or prepared once is.
//!
//! Takes a [`ConnectorConfig`] and the tables' schemas; gives the sink task rows, or the reason why not.

use std::sync::Arc;

use crate::config::{ConnectorConfig, Problem};
use crate::record::SinkRecord;
use crate::row::Row;
use crate::table_schema::TableSchema;

mod outcome;

pub use outcome::{Outcome, RecordError, Stage};

/// What a failing record does to its task: option `errors.tolerance`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Tolerance {
    /// The task fails (Kafka Connect's default); the record is reported first.
    #[default]
    None,
    /// The record is reported and skipped.
    All,
}

/// A compiled connector.
#[derive(Debug)]
pub struct Plan {
    name: String,
    topics: Vec<String>,
    tables: Vec<Arc<TableSchema>>,
    tolerance: Tolerance,
    dead_letter_topic: Option<String>,
    warnings: Vec<Problem>,
}

impl Plan {
    /// Compiles `config` against the tables `table` knows, or says everything that is wrong with it.
    ///
    /// `table` is asked for the names KCQL's `INSERT INTO` gives, as written.
    pub fn compile(
        config: &ConnectorConfig,
        table: &dyn Fn(&str) -> Option<Arc<TableSchema>>,
    ) -> Result<Self, Vec<Problem>> {
        let topics = config.text("topics").unwrap_or_default();
        let topics: Vec<String> = topics
            .split(',')
            .map(|topic| topic.trim().to_owned())
            .collect();
        Ok(Self {
            name: config.name.clone(),
            tables: topics.iter().filter_map(|topic| table(topic)).collect(),
            topics,
            tolerance: Tolerance::default(),
            dead_letter_topic: None,
            warnings: Vec::new(),
        })
    }

    /// The connector's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The Kafka topics to consume.
    pub fn topics(&self) -> &[String] {
        &self.topics
    }

    /// The tables rows go to; [`Self::apply`] names them by their index here.
    pub fn tables(&self) -> &[Arc<TableSchema>] {
        &self.tables
    }

    /// What a rejected record does to the task.
    pub fn tolerance(&self) -> Tolerance {
        self.tolerance
    }

    /// Where rejected records go: option `errors.deadletterqueue.topic.name`.
    pub fn dead_letter_topic(&self) -> Option<&str> {
        self.dead_letter_topic.as_deref()
    }

    /// What is allowed but will surprise: options without effect, traps of the original.
    pub fn warnings(&self) -> &[Problem] {
        &self.warnings
    }

    /// Decodes, transforms, projects and binds one record; rows are appended to `out` with the index of
    /// their table in [`Self::tables`].
    pub fn apply(&self, record: &SinkRecord<'_>, out: &mut Vec<(usize, Row)>) -> Outcome {
        let _ = (record, out);
        Outcome::Filtered
    }
}
