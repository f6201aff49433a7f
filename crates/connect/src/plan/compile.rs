//! From a connector's options to a plan, with everything that is wrong with them.

use std::sync::Arc;

use super::mapped::{keyspaces, queries};
use super::target::Target;
use super::{Creation, Effect, Keyspace, Outline, Plan};
use crate::cluster::Cluster;
use crate::config::{ConnectorConfig, Problem};
use crate::converter::{Converter, HeaderConverter, JsonConverter};
use crate::kcql::Source;
use crate::options::Options;
use crate::row::CqlValue;
use crate::sink_class::SinkClass;
use crate::table_schema::TableSchema;
use crate::transform::Chain;

/// Each transform may put a value into another one, and what goes through values recurses.
const MAX_TRANSFORMS: usize = 256;

/// What is known of the tables while a connector is compiled.
#[derive(Clone, Copy)]
pub(super) enum Tables<'a> {
    /// Those the program's configuration declares.
    Declared(&'a dyn Fn(&str) -> Option<Arc<TableSchema>>),
    /// Those of the connector's keyspace, as the cluster has told.
    Cluster(&'a Keyspace<'a>),
    /// Nothing yet: the cluster has not been asked.
    Unknown,
}

/// A configuration on its way to a plan; the part that reads KCQL is in [`super::statements`].
pub(super) struct Compiler<'a> {
    pub(super) config: &'a ConnectorConfig,
    pub(super) tables_of: Tables<'a>,
    pub(super) problems: Vec<Problem>,
    pub(super) warnings: Vec<Problem>,
    pub(super) tables: Vec<Arc<TableSchema>>,
    /// Consistencies of tables by index.
    pub(super) consistencies: Vec<(usize, Option<String>)>,
    /// What rows of tables do that are not simply written.
    pub(super) effects: Vec<(usize, Effect)>,
}

impl<'a> Compiler<'a> {
    pub(super) fn new(config: &'a ConnectorConfig, tables_of: Tables<'a>) -> Self {
        Self {
            config,
            tables_of,
            problems: Vec::new(),
            warnings: Vec::new(),
            tables: Vec::new(),
            consistencies: Vec::new(),
            effects: Vec::new(),
        }
    }

    /// What can be said before the cluster has told its tables.
    pub(super) fn outline(mut self) -> Result<Outline, Vec<Problem>> {
        let class = SinkClass::of(self.config).unwrap_or(SinkClass::Classic);
        let cluster = Cluster::collect(self.config, class, &mut self.problems);
        let keyspaces = keyspaces(self.config, class);
        if class == SinkClass::Classic && cluster.is_some() {
            self.options().required("connect.cassandra.key.space");
        }
        let consistency = match class {
            SinkClass::Scylla => self
                .options()
                .text("scylladb.consistency.level")
                .or(Some("LOCAL_QUORUM")),
            _ => self.options().text("connect.cassandra.consistency.level"),
        };
        let delete_statement = if class == SinkClass::Classic {
            self.delete_statement()
        } else {
            None
        };
        let creation = (class == SinkClass::Scylla).then(|| self.creation());
        let queries = queries(self.config, class);
        let plan = self.compile()?;
        Ok(Outline {
            topics: plan.topics,
            warnings: plan.warnings,
            cluster,
            keyspaces,
            creation,
            consistency: consistency.map(str::to_owned),
            delete_statement,
            queries,
        })
    }

    pub(super) fn compile(mut self) -> Result<Plan, Vec<Problem>> {
        let class_name = self.connector_class();
        let topics = self.topics();
        let key_converter = self.converter("key.converter").unwrap_or(Converter::String);
        let value_converter = self.converter("value.converter");
        let value_converter =
            value_converter.unwrap_or_else(|| Converter::Json(JsonConverter::new(false)));
        let header_converter =
            HeaderConverter::collect(self.config, "header.converter", &mut self.problems);
        let transforms = self.transforms();
        let class = SinkClass::of(self.config).unwrap_or(SinkClass::Table);
        let targets = if class.projects() {
            self.targets(&topics)
        } else {
            Vec::new()
        };
        let mapped = (!class.projects()).then(|| self.mapped_targets(class, &topics));
        let errors = self.errors(&topics);
        if matches!(self.tables_of, Tables::Declared(_)) {
            self.delete_statement();
        }
        let deletes = self.deletes();
        self.obsolete_options();
        self.options().count("tasks.max", 1);
        if !self.problems.is_empty() {
            return Err(self.problems);
        }
        let reads = |source| {
            let mut all = targets.iter().flat_map(|(_, targets)| targets);
            all.any(|target: &Target| target.projection.reads(source))
        };
        let uses_headers = mapped.is_some() || transforms.uses_headers() || reads(Source::Header);
        let uses_key = !key_converter.reads_anything()
            || deletes.is_some()
            || mapped.is_some()
            || transforms.uses_key()
            || reads(Source::Key);
        Ok(Plan {
            name: self.config.name.clone(),
            class_name,
            topics,
            tables: self.tables,
            errors,
            warnings: self.warnings,
            key_converter,
            value_converter,
            uses_key,
            header_converter,
            uses_headers,
            transforms,
            targets,
            mapped,
            deletes,
            consistencies: self.consistencies,
            effects: self.effects,
        })
    }

    fn transforms(&mut self) -> Chain {
        let transforms = Chain::collect(self.config, &mut self.problems);
        if transforms.len() > MAX_TRANSFORMS {
            let message = format!("names {} transforms", transforms.len());
            let help = format!("name {MAX_TRANSFORMS} at most");
            self.refuse("transforms", message, &help);
        }
        transforms
    }

    pub(super) fn options(&mut self) -> Options<'a, '_> {
        Options::new(self.config, "", "", &mut self.problems)
    }

    pub(super) fn refuse(&mut self, option: &str, message: impl Into<String>, help: &str) {
        self.problems
            .push(Problem::new(self.config, option, message).help(help));
    }

    pub(super) fn warn(&mut self, option: &str, message: impl Into<String>) {
        self.warnings
            .push(Problem::new(self.config, option, message));
    }

    fn connector_class(&mut self) -> String {
        let names = SinkClass::NAMES;
        let Some(class) = self.config.text("connector.class") else {
            return names[0].to_owned();
        };
        if SinkClass::named(class).is_none() {
            let help = format!("available are {}", names.join(", "));
            self.refuse(
                "connector.class",
                format!("unknown connector `{class}`"),
                &help,
            );
        }
        class.to_owned()
    }

    fn converter(&mut self, option: &str) -> Option<Converter> {
        let class = self.config.text(option).filter(|class| !class.is_empty())?;
        let mut options = Options::new(
            self.config,
            option,
            format!("{option}."),
            &mut self.problems,
        );
        Converter::compile(class, &mut options)
    }

    /// The classic sink writes null where a record has nothing, unless told `UNSET`; our own never does.
    pub(super) fn absent(&self) -> CqlValue {
        let unset = match self.config.text("connect.cassandra.default.value") {
            Some(value) if !value.is_empty() => value == "UNSET",
            _ => self
                .config
                .text("connector.class")
                .is_none_or(|class| class == SinkClass::NAMES[0]),
        };
        if unset {
            CqlValue::Unset
        } else {
            CqlValue::Null
        }
    }

    /// What ScyllaDB's sink may create.
    fn creation(&mut self) -> Creation {
        let replication = self.whole_number("scylladb.keyspace.replication.factor", 3, 1);
        let compression = self
            .config
            .text("scylladb.table.create.compression.algorithm");
        let compression = compression.map(str::to_ascii_lowercase);
        let compression = match compression.as_deref() {
            None | Some("" | "none") => None,
            Some("lz4compressor" | "lz4") => Some("LZ4Compressor"),
            Some("snappycompressor" | "snappy") => Some("SnappyCompressor"),
            Some("deflatecompressor" | "deflate") => Some("DeflateCompressor"),
            Some(other) => {
                let message = format!("unknown algorithm `{other}`");
                self.refuse(
                    "scylladb.table.create.compression.algorithm",
                    message,
                    "available are none, SnappyCompressor, LZ4Compressor, DeflateCompressor",
                );
                None
            }
        };
        let keyspace = self
            .options()
            .boolean("scylladb.keyspace.create.enabled", true);
        Creation {
            replication: keyspace.then_some(replication),
            compression,
        }
    }

    /// Options of old and of source connectors: read past, and said so.
    fn obsolete_options(&mut self) {
        for (option, why) in OBSOLETE {
            if self.config.get(option).is_some() {
                self.warn(option, *why);
            }
        }
    }
}

const OF_SOURCES: &str = "is an option of the source connector and has no effect on a sink";

/// Options without effect, and why.
const OBSOLETE: &[(&str, &str)] = &[
    (
        "connect.cassandra.sink.threadpool.size",
        "is obsolete; as many rows are written at once as the cluster takes well",
    ),
    (
        "connect.cassandra.export.route.query",
        "is obsolete; write `connect.cassandra.kcql`",
    ),
    ("connect.cassandra.import.mode", OF_SOURCES),
    ("connect.cassandra.source.kcql", OF_SOURCES),
    ("connect.cassandra.import.poll.interval", OF_SOURCES),
    ("connect.cassandra.task.buffer.size", OF_SOURCES),
    ("connect.cassandra.batch.size", OF_SOURCES),
    ("connect.cassandra.assigned.tables", OF_SOURCES),
    ("connect.cassandra.initial.offset", OF_SOURCES),
    ("connect.cassandra.mapping.collection.to.json", OF_SOURCES),
    ("connect.cassandra.import.allow.filtering", OF_SOURCES),
];
