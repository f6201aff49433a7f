//! From a connector's options to a plan, with everything that is wrong with them.

use std::sync::Arc;

use super::target::Target;
use super::{DeadLetters, Plan, Tolerance};
use crate::config::{ConnectorConfig, Problem};
use crate::converter::{Converter, HeaderConverter, JsonConverter};
use crate::kcql::Source;
use crate::options::Options;
use crate::row::CqlValue;
use crate::table_schema::TableSchema;
use crate::transform::Chain;

/// Connector classes there are; our own name stands for the same sink.
const CLASSES: [&str; 3] = [
    "messina.TableSink",
    "io.lenses.streamreactor.connect.cassandra.sink.CassandraSinkConnector",
    "com.datamountaineer.streamreactor.connect.cassandra.sink.CassandraSinkConnector",
];

/// A configuration on its way to a plan; the part that reads KCQL is in [`super::statements`].
pub(super) struct Compiler<'a> {
    pub(super) config: &'a ConnectorConfig,
    pub(super) table: &'a dyn Fn(&str) -> Option<Arc<TableSchema>>,
    pub(super) problems: Vec<Problem>,
    pub(super) warnings: Vec<Problem>,
    pub(super) tables: Vec<Arc<TableSchema>>,
}

impl<'a> Compiler<'a> {
    pub(super) fn new(
        config: &'a ConnectorConfig,
        table: &'a dyn Fn(&str) -> Option<Arc<TableSchema>>,
    ) -> Self {
        Self {
            config,
            table,
            problems: Vec::new(),
            warnings: Vec::new(),
            tables: Vec::new(),
        }
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
        let transforms = Chain::collect(self.config, &mut self.problems);
        let targets = self.targets(&topics);
        let tolerance = self.tolerance();
        let dead_letters = self.dead_letters(&topics);
        self.classic_options();
        self.options().count("tasks.max", 1);
        if !self.problems.is_empty() {
            return Err(self.problems);
        }
        let reads_headers = |target: &Target| target.projection.reads(Source::Header);
        let uses_headers = transforms.uses_headers()
            || targets
                .iter()
                .any(|(_, targets)| targets.iter().any(reads_headers));
        let reads_key = |target: &Target| target.projection.reads(Source::Key);
        let uses_key = !key_converter.reads_anything()
            || transforms.uses_key()
            || targets
                .iter()
                .any(|(_, targets)| targets.iter().any(reads_key));
        Ok(Plan {
            name: self.config.name.clone(),
            class_name,
            topics,
            tables: self.tables,
            tolerance,
            dead_letters,
            warnings: self.warnings,
            key_converter,
            value_converter,
            uses_key,
            header_converter,
            uses_headers,
            transforms,
            targets,
        })
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
        let Some(class) = self.config.text("connector.class") else {
            return CLASSES[0].to_owned();
        };
        if !CLASSES.contains(&class) {
            let help = format!("available are {}", CLASSES.join(", "));
            self.refuse(
                "connector.class",
                format!("unknown connector `{class}`"),
                &help,
            );
        }
        class.to_owned()
    }

    fn topics(&mut self) -> Vec<String> {
        if self.config.text("topics.regex").is_some() {
            self.refuse(
                "topics.regex",
                "is not available for this sink",
                "list the topics in `topics`",
            );
        }
        let mut options = self.options();
        let topics = options.required_list("topics").unwrap_or_default();
        let empty = topics.iter().any(|topic| topic.is_empty());
        let mut topics: Vec<String> = topics.into_iter().map(str::to_owned).collect();
        topics.retain(|topic| !topic.is_empty());
        if empty {
            self.refuse(
                "topics",
                "an empty topic between the commas",
                "remove the comma",
            );
        }
        let all = topics.len();
        topics.sort();
        topics.dedup();
        if topics.len() < all {
            self.warn("topics", "a topic is named twice");
        }
        topics
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
                .is_none_or(|class| class == CLASSES[0]),
        };
        if unset {
            CqlValue::Unset
        } else {
            CqlValue::Null
        }
    }

    fn tolerance(&mut self) -> Tolerance {
        match self.config.text("errors.tolerance") {
            None | Some("none") => Tolerance::None,
            Some("all") => Tolerance::All,
            Some(other) => {
                let message = format!("`{other}` is neither `none` nor `all`");
                self.refuse("errors.tolerance", message, "write it in lower case");
                Tolerance::None
            }
        }
    }

    fn dead_letters(&mut self, topics: &[String]) -> Option<DeadLetters> {
        const TOPIC: &str = "errors.deadletterqueue.topic.name";
        let mut options = self.options();
        let context_headers =
            options.boolean("errors.deadletterqueue.context.headers.enable", false);
        let topic = options.text(TOPIC)?.to_owned();
        if topics.contains(&topic) {
            self.refuse(
                TOPIC,
                format!("`{topic}` is one of `topics`"),
                "dead letters would be read again",
            );
        }
        Some(DeadLetters {
            topic,
            context_headers,
        })
    }

    /// Options of the classic sink that are not the table's business.
    fn classic_options(&mut self) {
        const POLICY: &str = "connect.cassandra.error.policy";
        if self
            .options()
            .boolean("connect.cassandra.delete.enabled", false)
        {
            let option = "connect.cassandra.delete.enabled";
            self.refuse(
                option,
                "deletes are not available",
                "set it to false; rows expire by TTL",
            );
        }
        match self
            .config
            .text(POLICY)
            .map(str::to_ascii_uppercase)
            .as_deref()
        {
            None | Some("" | "THROW" | "RETRY" | "NOOP") => {}
            Some(other) => {
                self.refuse(
                    POLICY,
                    format!("unknown policy `{other}`"),
                    "available are NOOP, THROW, RETRY",
                );
            }
        }
    }
}
