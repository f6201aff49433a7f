//! A connector's configuration, compiled: everything that can be looked up, checked or prepared once is.
//!
//! Takes a [`ConnectorConfig`] and the tables' schemas; gives the sink task rows, or the reason why not.

use std::borrow::Cow;
use std::sync::Arc;

use crate::config::{ConnectorConfig, Problem};
use crate::converter::{Converter, HeaderConverter};
use crate::data_error::{DataError, Exception};
use crate::mapping::{Stop, TableChange};
use crate::record::{ConnectHeader, ConnectRecord, RecordHeader, SinkRecord};
use crate::row::Row;
use crate::table_schema::TableSchema;
use crate::transform::Chain;
use crate::value::Value;

#[cfg(test)]
mod cluster_tests;
mod compile;
mod deletes;
mod effect;
mod errors;
mod keyspace;
mod mapped;
mod mapped_data_stax;
mod mapped_lenses;
#[cfg(test)]
mod mapped_query_tests;
mod mapped_scylla;
mod mapped_strict;
#[cfg(test)]
mod mapped_strict_tests;
#[cfg(test)]
mod mapped_tests;
mod outcome;
mod sketch;
#[cfg(test)]
mod sketch_tests;
mod statements;
mod target;
#[cfg(test)]
mod tests;
mod topics;

pub use effect::{Effect, Query};
pub use errors::{DeadLetters, ErrorHandling, PutPolicy, Tolerance};
pub use keyspace::{Creation, Keyspace, Outline};
pub use outcome::{Outcome, RecordError, Stage};
pub use sketch::{Act, Sketch, Sketcher};
pub use topics::Topics;

use deletes::Deletes;
use mapped::Mapped;
use target::Target;

/// A compiled connector.
#[derive(Debug)]
pub struct Plan {
    name: String,
    class_name: String,
    topics: Topics,
    tables: Vec<Arc<TableSchema>>,
    errors: ErrorHandling,
    warnings: Vec<Problem>,
    key_converter: Converter,
    value_converter: Converter,
    /// Whether anybody looks at the key, or reading it may fail.
    uses_key: bool,
    header_converter: HeaderConverter,
    /// Whether anybody looks at the headers' values.
    uses_headers: bool,
    transforms: Chain,
    /// What is written for each topic.
    targets: Vec<(String, Vec<Target>)>,
    /// What is written by column mappings instead.
    mapped: Option<Mapped>,
    /// What is done with records that have no value.
    deletes: Option<Deletes>,
    consistencies: Vec<(usize, Option<String>)>,
    effects: Vec<(usize, Effect)>,
}

/// Why a record's rows were not made.
enum Ending {
    Rejected(RecordError),
    TableFirst(Box<TableChange>),
}

impl From<RecordError> for Ending {
    fn from(error: RecordError) -> Self {
        Self::Rejected(error)
    }
}

impl Plan {
    /// Compiles `config` against the tables `table` knows, or says everything that is wrong with it.
    ///
    /// `table` is asked for the names KCQL's `INSERT INTO` gives, as written.
    pub fn compile(
        config: &ConnectorConfig,
        table: &dyn Fn(&str) -> Option<Arc<TableSchema>>,
    ) -> Result<Self, Vec<Problem>> {
        compile::Compiler::new(config, compile::Tables::Declared(table)).compile()
    }

    /// What can be said of a connector whose tables are in a cluster that has not been asked yet, or everything that
    /// is already wrong with it.
    pub fn outline(config: &ConnectorConfig) -> Result<Outline, Vec<Problem>> {
        compile::Compiler::new(config, compile::Tables::Unknown).outline()
    }

    /// Compiles `config` against the tables of its keyspace.
    pub fn compile_on(
        config: &ConnectorConfig,
        keyspace: &Keyspace<'_>,
    ) -> Result<Self, Vec<Problem>> {
        compile::Compiler::new(config, compile::Tables::Cluster(keyspace)).compile()
    }

    /// The connector's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The Kafka topics to consume.
    pub fn topics(&self) -> &Topics {
        &self.topics
    }

    /// The tables rows go to; [`Self::apply`] names them by their index here. The statement that deletes is one of
    /// them, with its variables for columns.
    pub fn tables(&self) -> &[Arc<TableSchema>] {
        &self.tables
    }

    /// What rows of a table of [`Self::tables`] do there.
    pub fn effect_of(&self, index: usize) -> &Effect {
        let found = self.effects.iter().find(|(own, _)| *own == index);
        found.map_or(&Effect::Write, |(_, effect)| effect)
    }

    /// The consistency asked for a table of [`Self::tables`], as written.
    pub fn consistency_of(&self, index: usize) -> Option<&str> {
        let found = self.consistencies.iter().find(|(own, _)| *own == index);
        found.and_then(|(_, consistency)| consistency.as_deref())
    }

    /// What becomes of records that fail.
    pub fn errors(&self) -> &ErrorHandling {
        &self.errors
    }

    /// What is allowed but will surprise: options without effect, traps of the original.
    pub fn warnings(&self) -> &[Problem] {
        &self.warnings
    }

    /// Decodes, transforms, projects and binds one record; rows are appended to `out` with the index of
    /// their table in [`Self::tables`].
    pub fn apply(&self, record: &SinkRecord<'_>, out: &mut Vec<(usize, Row)>) -> Outcome {
        let before = out.len();
        match self.rows(record, out) {
            Ok(()) if out.len() == before => Outcome::Filtered,
            Ok(()) => Outcome::Written(out.len() - before),
            Err(ending) => {
                out.truncate(before);
                match ending {
                    Ending::Rejected(error) => Outcome::Rejected(Box::new(error)),
                    Ending::TableFirst(change) => Outcome::TableFirst(change),
                }
            }
        }
    }

    fn rows(&self, source: &SinkRecord<'_>, out: &mut Vec<(usize, Row)>) -> Result<(), Ending> {
        let records = self.records(source)?;
        out.reserve(records.len());
        records
            .iter()
            .try_for_each(|record| self.write(record, out))
    }

    /// What is left of a record behind the transforms.
    fn records<'a>(
        &self,
        source: &'a SinkRecord<'a>,
    ) -> Result<Vec<ConnectRecord<'a>>, RecordError> {
        let records = self.transforms.apply(self.decode(source)?);
        records.map_err(|(index, error)| {
            rejected(
                Stage::Transformation,
                self.transforms.class_name(index),
                error,
            )
        })
    }

    fn put_error(&self, exception_class: &'static str, message: String) -> RecordError {
        RecordError {
            stage: Stage::TaskPut,
            class_name: self.class_name.clone(),
            exception_class,
            message,
        }
    }

    fn refused(&self, error: DataError) -> RecordError {
        self.put_error(error.exception.class(), error.message)
    }

    fn decode<'a>(&self, source: &'a SinkRecord<'a>) -> Result<ConnectRecord<'a>, RecordError> {
        let (key_schema, key) = if self.uses_key {
            let read = self.key_converter.read(source.key);
            read.map_err(|error| {
                rejected(Stage::KeyConverter, self.key_converter.class_name(), error)
            })?
        } else {
            (None, Value::Null)
        };
        let read = self.value_converter.read(source.value);
        let (value_schema, value) = read.map_err(|error| {
            rejected(
                Stage::ValueConverter,
                self.value_converter.class_name(),
                error,
            )
        })?;
        Ok(ConnectRecord {
            source,
            topic: Cow::Borrowed(source.topic),
            timestamp: source.timestamp,
            key_schema,
            key,
            value_schema,
            value,
            headers: self.headers(source)?,
        })
    }

    fn headers(&self, source: &SinkRecord<'_>) -> Result<Option<Vec<ConnectHeader>>, RecordError> {
        if !self.uses_headers {
            return Ok(None);
        }
        let read = |header: &RecordHeader| {
            let (schema, value) = self.header_converter.read(header.value.as_ref())?;
            Ok(ConnectHeader {
                name: Arc::from(String::from_utf8_lossy(&header.name)),
                schema,
                value,
            })
        };
        let headers = source
            .headers
            .iter()
            .map(read)
            .collect::<Result<_, DataError>>();
        let class_name = self.header_converter.class_name();
        headers
            .map(Some)
            .map_err(|error| rejected(Stage::HeaderConverter, class_name, error))
    }

    fn write(&self, record: &ConnectRecord<'_>, out: &mut Vec<(usize, Row)>) -> Result<(), Ending> {
        let put = |class, message| self.put_error(class, message);
        if let Some(mapped) = &self.mapped {
            let written = mapped.write(record, target::write_timestamp(record), out);
            return written.map_err(|stop| match stop {
                Stop::Refused(error) => self.refused(error).into(),
                Stop::First(change) => Ending::TableFirst(change),
            });
        }
        if record.value.is_null() {
            let Some(deletes) = &self.deletes else {
                return Err(self.refused(no_delete_statement()).into());
            };
            let row = deletes.row(record, target::write_timestamp(record));
            let row = row.map_err(|(class, message)| put(class, message))?;
            out.push((deletes.table_index, row));
            return Ok(());
        }
        let projected = self.projected(record);
        let (targets, value) = projected.map_err(|error| self.refused(error))?;
        for target in targets {
            let row = target
                .row(record, &value)
                .map_err(|(class, message)| put(class, message))?;
            out.push((target.table_index, row));
        }
        Ok(())
    }

    /// The targets of a record's topic, and its value as they read it.
    fn projected<'r>(
        &self,
        record: &'r ConnectRecord<'_>,
    ) -> Result<(&[Target], Cow<'r, Value>), DataError> {
        let own = |(topic, _): &&(String, _)| *topic == record.topic;
        let (_, targets) = self.targets.iter().find(own).ok_or_else(|| {
            let message = format!("topic `{}` has no KCQL statement", record.topic);
            DataError::of(Exception::Connect, message)
        })?;
        let everything = |target: &Target| target.projection.is_everything();
        let parsed = target::root(&record.value, targets.iter().all(everything))?;
        let value = parsed.map_or(Cow::Borrowed(&record.value), Cow::Owned);
        Ok((targets, value))
    }
}

fn no_delete_statement() -> DataError {
    DataError::of(Exception::Connect, "Sink is missing delete statement.")
}

fn rejected(stage: Stage, class_name: &str, error: DataError) -> RecordError {
    RecordError {
        stage,
        class_name: class_name.to_owned(),
        exception_class: error.exception.class(),
        message: error.message,
    }
}
