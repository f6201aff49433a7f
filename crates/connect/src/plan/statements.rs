//! From the connector's KCQL to the targets of each topic: the second half of the compiler.
//!
//! Takes the statements in the connector's options and the tables they name; gives each topic's projections with
//! the column of every name, and points at the word of a statement that is wrong.

use std::sync::Arc;

use super::Topics;
use super::compile::{Compiler, Tables};
use super::target::{Target, column};
use crate::config::{Position, Problem};
use crate::kcql::{self, AliasQuotes, Keyword, Mode, Projection, Span, Statement};
use crate::table_schema::TableSchema;

const KCQL: &str = "connect.cassandra.kcql";
/// What the option was called before; still accepted.
const OLD_KCQL: &str = "connect.cassandra.sink.kcql";

/// The option KCQL stands in, and its text.
pub(super) struct Place<'a> {
    pub(super) option: &'a str,
    pub(super) text: &'a str,
}

impl Compiler<'_> {
    /// Every topic's targets, in the order of the statements.
    pub(super) fn targets(&mut self, topics: &Topics) -> Vec<(String, Vec<Target>)> {
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
            self.check_topic(&place, statement, topics);
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
        self.check_statements(option, &statements, topics);
        targets
    }

    /// A statement's topic must be read.
    pub(super) fn check_topic(
        &mut self,
        place: &Place<'_>,
        statement: &Statement,
        topics: &Topics,
    ) {
        let topic = &statement.topic;
        if topics.takes(&topic.text) {
            return;
        }
        let message = match topics {
            Topics::Named(_) => format!("topic `{}` is not in `topics`", topic.text),
            Topics::Matching { .. } => {
                format!("topic `{}` does not match `topics.regex`", topic.text)
            }
        };
        let problem = self.at(place, topic.span, message, None);
        self.problems.push(problem);
    }

    /// A topic that is read must have a statement.
    pub(super) fn check_statements(
        &mut self,
        option: &str,
        statements: &[Statement],
        topics: &Topics,
    ) {
        for topic in topics.names() {
            if statements
                .iter()
                .all(|statement| statement.topic.text != *topic)
            {
                let message = format!("topic `{topic}` has no KCQL statement");
                let help = format!("add `INSERT INTO <table> SELECT * FROM {topic}`");
                self.refuse(option, message, &help);
            }
        }
    }

    pub(super) fn kcql_errors<T>(
        &mut self,
        place: &Place<'_>,
        errors: Vec<kcql::KcqlError>,
        result: T,
    ) -> T {
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
        let projection = match Projection::compile(statement, AliasQuotes::Keep) {
            Ok(projection) => projection,
            Err(errors) => return self.kcql_errors(place, errors, None),
        };
        self.unused_clauses(place, statement, &[Keyword::Ttl, Keyword::WithStructure]);
        let table = self.table(place, name)?;
        let slots = match self.tables_of {
            // Only names are known, which a sketch of a record shows.
            Tables::Unknown => Vec::new(),
            _ => self.slots(place, statement, &projection, &table)?,
        };
        Some(Target {
            table_index: self.table_index(&table),
            table,
            projection,
            slots,
            ttl_seconds: statement.ttl(),
            absent: self.absent(),
        })
    }

    /// The table of that name; a problem where there is none, nothing where that is not known yet.
    fn table(&mut self, place: &Place<'_>, name: &kcql::Name) -> Option<Arc<TableSchema>> {
        let (found, message, help) = match self.tables_of {
            Tables::Unknown => return Some(Arc::new(unknown(&name.text))),
            Tables::Declared(table) => (
                table(&name.text),
                format!("there is no table `{}`", name.text),
                "declare it in a [[table]] block".to_owned(),
            ),
            Tables::Cluster(keyspace) => (
                keyspace.table(&name.text),
                format!("keyspace `{}` has no table `{}`", keyspace.name, name.text),
                keyspace.advice(),
            ),
        };
        if found.is_none() {
            let problem = self.at(place, name.span, message, Some(help));
            self.problems.push(problem);
        }
        found
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
            let computed = table.time_bucket.map(|bucket| bucket.column);
            let given = |key: &usize| slots.contains(key) || computed == Some(*key);
            for key in table.key_columns().filter(|key| !given(key)) {
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

    /// Clauses that are read for other sinks' sake: all but those that are used.
    pub(super) fn unused_clauses(
        &mut self,
        place: &Place<'_>,
        statement: &Statement,
        used: &[Keyword],
    ) {
        for clause in &statement.clauses {
            if !used.contains(&clause.keyword) {
                let message = format!("{} has no effect here", clause.keyword.name());
                let problem = self.at(place, clause.span, message, None);
                self.warnings.push(problem);
            }
        }
        if let Some(first) = statement.ignored.first() {
            let message =
                "IGNORE has no effect, as in the original: what it names is written all the same";
            let help = Some("name the fields that are to be written instead".to_owned());
            let problem = self.at(place, first.span, message.to_owned(), help);
            self.warnings.push(problem);
        }
    }

    fn table_index(&mut self, table: &Arc<TableSchema>) -> usize {
        let known = self.tables.iter().position(|own| own == table);
        known.unwrap_or_else(|| {
            self.tables.push(table.clone());
            self.tables.len() - 1
        })
    }

    /// A problem of a part of the KCQL text.
    pub(super) fn at(
        &self,
        place: &Place<'_>,
        span: Span,
        message: String,
        help: Option<String>,
    ) -> Problem {
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

/// A table of which nothing but the name is known.
fn unknown(name: &str) -> TableSchema {
    TableSchema {
        keyspace: None,
        name: name.to_owned(),
        columns: Vec::new(),
        partition_key: Vec::new(),
        clustering_key: Vec::new(),
        default_ttl: None,
        time_bucket: None,
    }
}
