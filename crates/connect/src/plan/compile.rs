//! From a connector's options to a plan, with everything that is wrong with them.

use std::sync::Arc;

use super::target::{Target, column, key_columns};
use super::{DeadLetters, Plan, Tolerance};
use crate::config::{ConnectorConfig, Position, Problem};
use crate::converter::{Converter, JsonConverter};
use crate::kcql::{self, AliasQuotes, Keyword, Mode, Projection, Source, Span, Statement};
use crate::options::Options;
use crate::row::CqlValue;
use crate::table_schema::TableSchema;
use crate::transform::{Predicate, Transform};

/// Connector classes there are; our own name stands for the same sink.
const CLASSES: [&str; 3] = [
    "messina.TableSink",
    "io.lenses.streamreactor.connect.cassandra.sink.CassandraSinkConnector",
    "com.datamountaineer.streamreactor.connect.cassandra.sink.CassandraSinkConnector",
];
const KCQL: &str = "connect.cassandra.kcql";
/// What the option was called before; still accepted.
const OLD_KCQL: &str = "connect.cassandra.sink.kcql";

pub(super) struct Compiler<'a> {
    config: &'a ConnectorConfig,
    table: &'a dyn Fn(&str) -> Option<Arc<TableSchema>>,
    problems: Vec<Problem>,
    warnings: Vec<Problem>,
    tables: Vec<Arc<TableSchema>>,
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
        let transforms = self.transforms();
        let targets = self.targets(&topics);
        let tolerance = self.tolerance();
        let dead_letters = self.dead_letters(&topics);
        self.classic_options();
        self.options().count("tasks.max", 1);
        if !self.problems.is_empty() {
            return Err(self.problems);
        }
        let reads_key = |target: &Target| target.projection.reads(Source::Key);
        let uses_key = !key_converter.reads_anything()
            || transforms.iter().any(Transform::uses_key)
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
            transforms,
            targets,
        })
    }

    fn options(&mut self) -> Options<'a, '_> {
        Options::new(self.config, "", "", &mut self.problems)
    }

    fn refuse(&mut self, option: &str, message: impl Into<String>, help: &str) {
        self.problems
            .push(Problem::new(self.config, option, message).help(help));
    }

    fn warn(&mut self, option: &str, message: impl Into<String>) {
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

    fn transforms(&mut self) -> Vec<Transform> {
        let aliases = self.options().list("transforms");
        let mut transforms = Vec::with_capacity(aliases.len());
        for (index, alias) in aliases.iter().enumerate() {
            if alias.is_empty() || aliases.iter().take(index).any(|before| before == alias) {
                self.refuse(
                    "transforms",
                    format!("`{alias}` is empty or named twice"),
                    "name each once",
                );
                continue;
            }
            let prefix = format!("transforms.{alias}.");
            let condition = self.condition(&prefix);
            let own = format!("{prefix}type");
            let mut options = Options::new(self.config, own, prefix, &mut self.problems);
            let Some(class) = options.required("type") else {
                continue;
            };
            if let Some(mut transform) = Transform::compile(class, &mut options) {
                transform.condition = condition;
                transforms.push(transform);
            }
        }
        transforms
    }

    /// The predicate a transform depends on, and whether it is negated.
    fn condition(&mut self, prefix: &str) -> Option<(Predicate, bool)> {
        let mut options = Options::new(self.config, "transforms", prefix, &mut self.problems);
        let negate = options.boolean("negate", false);
        let Some(alias) = options.text("predicate") else {
            if negate {
                options.refuse("negate", "needs a predicate to negate", None);
            }
            return None;
        };
        let known = Options::new(self.config, "", "", &mut self.problems).list("predicates");
        if !known.contains(&alias) {
            let help = format!(
                "`predicates` lists {}",
                if known.is_empty() {
                    "none".into()
                } else {
                    known.join(", ")
                }
            );
            self.refuse(
                &format!("{prefix}predicate"),
                format!("unknown predicate `{alias}`"),
                &help,
            );
            return None;
        }
        let prefix = format!("predicates.{alias}.");
        let mut options = Options::new(
            self.config,
            format!("{prefix}type"),
            prefix,
            &mut self.problems,
        );
        let class = options.required("type")?;
        Predicate::compile(class, &mut options).map(|predicate| (predicate, negate))
    }

    fn targets(&mut self, topics: &[String]) -> Vec<(String, Vec<Target>)> {
        let mut targets: Vec<(String, Vec<Target>)> = Vec::new();
        let option = if self.config.text(KCQL).is_none() && self.config.text(OLD_KCQL).is_some() {
            self.warn(OLD_KCQL, format!("is obsolete; it is now called `{KCQL}`"));
            OLD_KCQL
        } else {
            KCQL
        };
        let lenient = self.options().boolean("kcql.compat.lenient", false);
        let mode = if lenient { Mode::Lenient } else { Mode::Strict };
        if self.options().required(option).is_none() {
            return targets;
        }
        let text = self
            .config
            .get(option)
            .map(|property| property.value.as_str())
            .unwrap_or_default();
        let place = Place { option, text };
        let statements = match kcql::parse(text, mode) {
            Ok((statements, warnings)) => {
                for warning in warnings {
                    let problem = self.at(&place, warning.span, warning.message, warning.help);
                    self.warnings.push(problem);
                }
                statements
            }
            Err(errors) => return self.kcql_errors(&place, errors, targets),
        };
        for statement in &statements {
            if !topics.contains(&statement.topic.text) {
                let message = format!("topic `{}` is not in `topics`", statement.topic.text);
                let problem = self.at(&place, statement.topic.span, message, None);
                self.problems.push(problem);
            }
            let Some(target) = self.target(&place, statement) else {
                continue;
            };
            let topic = &statement.topic.text;
            match targets.iter_mut().find(|(own, _)| own == topic) {
                Some((_, known)) => {
                    known.retain(|known| known.table_index != target.table_index);
                    known.push(target);
                }
                None => targets.push((topic.clone(), vec![target])),
            }
        }
        for topic in topics {
            if !statements
                .iter()
                .any(|statement| statement.topic.text == *topic)
            {
                let message = format!("topic `{topic}` has no KCQL statement");
                self.refuse(
                    option,
                    message,
                    &format!("add `INSERT INTO <table> SELECT * FROM {topic}`"),
                );
            }
        }
        targets
    }

    fn kcql_errors<T>(&mut self, place: &Place<'_>, errors: Vec<kcql::KcqlError>, result: T) -> T {
        for error in errors {
            let problem = self.at(place, error.span, error.message, error.help);
            self.problems.push(problem);
        }
        result
    }

    fn target(&mut self, place: &Place<'_>, statement: &Statement) -> Option<Target> {
        let Some(name) = &statement.target else {
            let help = Some("write `INSERT INTO <table> SELECT ...`".to_owned());
            let problem = self.at(
                place,
                statement.span,
                "names no table to write".to_owned(),
                help,
            );
            self.problems.push(problem);
            return None;
        };
        let Some(table) = (self.table)(&name.text) else {
            let message = format!("there is no table `{}`", name.text);
            let problem = self.at(
                place,
                name.span,
                message,
                Some("declare it in a [[table]] block".to_owned()),
            );
            self.problems.push(problem);
            return None;
        };
        let projection = match Projection::compile(statement, AliasQuotes::Keep) {
            Ok(projection) => projection,
            Err(errors) => return self.kcql_errors(place, errors, None),
        };
        let slots = self.slots(place, statement, &projection, &table)?;
        self.unused_clauses(place, statement);
        Some(Target {
            table_index: self.table_index(&table),
            table,
            projection,
            slots,
            ttl_seconds: statement.ttl(),
            absent: self.absent(),
        })
    }

    /// The column of every name the statement spells out. A `*` leaves the rest to the records.
    fn slots(
        &mut self,
        place: &Place<'_>,
        statement: &Statement,
        projection: &Projection,
        table: &TableSchema,
    ) -> Option<Vec<usize>> {
        let mut slots = Vec::with_capacity(projection.names().len());
        let before = self.problems.len();
        for name in projection.names() {
            let Some(index) = column(table, name) else {
                let columns: Vec<_> = table
                    .columns
                    .iter()
                    .map(|column| column.name.as_str())
                    .collect();
                let message = format!("table `{}` has no column `{name}`", table.name);
                let help = Some(format!("its columns are {}", columns.join(", ")));
                let named = statement.columns.iter().find(|column| {
                    let alias = column
                        .alias
                        .as_ref()
                        .map(|alias| alias.text.trim_matches('\''));
                    alias.or(column.path.last().map(String::as_str))
                        == Some(name.trim_matches('\''))
                });
                let span = named.map_or(statement.span, |column| column.span);
                let problem = self.at(place, span, message, help);
                self.problems.push(problem);
                continue;
            };
            slots.push(index);
        }
        if !projection.has_wildcard() {
            for key in key_columns(table).filter(|key| !slots.contains(key)) {
                let name = table.columns.get(key).map_or("", |column| &column.name);
                let message = format!(
                    "key column `{name}` of table `{}` is not selected",
                    table.name
                );
                let problem = self.at(place, statement.span, message, None);
                self.problems.push(problem);
            }
        }
        (self.problems.len() == before).then_some(slots)
    }

    /// Clauses that are read for other sinks' sake.
    fn unused_clauses(&mut self, place: &Place<'_>, statement: &Statement) {
        for clause in &statement.clauses {
            if !matches!(clause.keyword, Keyword::Ttl | Keyword::WithStructure) {
                let message = format!("{} has no effect here", clause.keyword.name());
                let problem = self.at(place, clause.span, message, None);
                self.warnings.push(problem);
            }
        }
    }

    fn table_index(&mut self, table: &Arc<TableSchema>) -> usize {
        let known = self.tables.iter().position(|own| own == table);
        known.unwrap_or_else(|| {
            self.tables.push(table.clone());
            self.tables.len() - 1
        })
    }

    /// The classic sink writes null where a record has nothing, unless told `UNSET`; our own never does.
    fn absent(&self) -> CqlValue {
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

    /// A problem of a part of the KCQL text.
    fn at(&self, place: &Place<'_>, span: Span, message: String, help: Option<String>) -> Problem {
        let mut problem = Problem {
            help,
            ..Problem::new(self.config, place.option, message)
        };
        problem.position = problem.position.map(|start| {
            let (line, column) = span.line_and_column(place.text);
            let (line, column) = (
                u32::try_from(line).unwrap_or(1),
                u32::try_from(column).unwrap_or(1),
            );
            // On further lines columns count from the line's own start.
            let before = if line == 1 {
                start.column.saturating_sub(1)
            } else {
                0
            };
            Position {
                line: start.line + line - 1,
                column: before + column,
                ..start
            }
        });
        problem
    }
}

/// The option KCQL stands in, and its text.
struct Place<'a> {
    option: &'a str,
    text: &'a str,
}
