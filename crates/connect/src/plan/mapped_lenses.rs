//! KCQL of Lenses' newer sink to targets of `DataStax`'s engine.

use std::sync::Arc;

use super::Topics;
use super::compile::{Compiler, Tables};
use super::mapped::{KCQL, Mapped, dest_of, push, query_of};
use super::mapped_strict::Strict;
use super::statements::Place;
use crate::kcql::{self, Keyword, Mode, Span, Statement};
use crate::mapping::{
    Codec, Dest, FieldSource, Formats, MappedTarget, Part, Rules, Style, TimeUnit,
};

impl Compiler<'_> {
    pub(super) fn lenses(&mut self, topics: &Topics) -> Mapped {
        let mut by_topic: Vec<(String, Vec<MappedTarget>)> = Vec::new();
        let lenient = self.options().boolean("kcql.compat.lenient", false);
        let mode = if lenient { Mode::Lenient } else { Mode::Strict };
        if self.options().required(KCQL).is_none() {
            return Mapped {
                by_topic,
                others: None,
            };
        }
        let text = self
            .config
            .get(KCQL)
            .map(|own| own.value.clone())
            .unwrap_or_default();
        let place = Place {
            option: KCQL,
            text: &text,
        };
        match kcql::parse(&text, mode) {
            Err(errors) => {
                self.kcql_errors(&place, errors, ());
            }
            Ok((statements, warnings)) => {
                for warning in warnings {
                    let problem = self.at(&place, warning.span, warning.message, warning.help);
                    self.warnings.push(problem);
                }
                for (number, statement) in (1..).zip(&statements) {
                    self.check_topic(&place, statement, topics);
                    if let Some(target) = self.lenses_target(&place, number, statement) {
                        push(&mut by_topic, &statement.topic.text, target);
                    }
                }
                self.check_statements(KCQL, &statements, topics);
            }
        }
        Mapped {
            by_topic,
            others: None,
        }
    }

    fn lenses_target(
        &mut self,
        place: &Place<'_>,
        number: usize,
        statement: &Statement,
    ) -> Option<MappedTarget> {
        let wrong = |compiler: &mut Self, span, message: &str, help: &str| {
            let problem = compiler.at(place, span, message.to_owned(), Some(help.to_owned()));
            compiler.problems.push(problem);
        };
        let Some(name) = &statement.target else {
            wrong(
                self,
                statement.span,
                "names no table to write",
                "write `INSERT INTO <keyspace>.<table> SELECT ...`",
            );
            return None;
        };
        let Some((keyspace, table)) = name.text.split_once('.') else {
            wrong(
                self,
                name.span,
                "names no keyspace",
                "write `INSERT INTO <keyspace>.<table> SELECT ...`",
            );
            return None;
        };
        self.unused_clauses(place, statement, &[Keyword::Ttl, Keyword::Properties]);
        let (rules, consistency) = self.lenses_rules(place, statement);
        let (mut fields, mut spans) = self.lenses_fields(place, statement);
        if statement.columns.iter().any(kcql::Column::is_root_wildcard)
            && let Tables::Cluster(known) = self.tables_of
            && let Some(found) = known.table(&name.text)
        {
            // What is not named goes into the columns of its name.
            for column in &found.columns {
                let named = fields
                    .iter()
                    .any(|(dest, _)| matches!(dest, Dest::Column(own) if *own == column.name));
                if !named {
                    let source = FieldSource {
                        part: Part::Value,
                        steps: vec![column.name.clone()],
                    };
                    fields.push((Dest::Column(column.name.clone()), source));
                    spans.push(statement.span);
                }
            }
        }
        let strict = Strict {
            keyspace,
            table,
            fields,
            spans,
            rules,
            consistency,
            query: query_of(number, statement),
            deletes_are_wanted: statement
                .properties()
                .iter()
                .any(|(name, _)| name == "deletesEnabled"),
        };
        self.strict_target(place, strict)
    }

    /// The columns a statement names, and where.
    fn lenses_fields(
        &mut self,
        place: &Place<'_>,
        statement: &Statement,
    ) -> (Vec<(Dest, FieldSource)>, Vec<Span>) {
        let (mut fields, mut spans) = (Vec::new(), Vec::new());
        for column in &statement.columns {
            if column.wildcard && !column.path.is_empty() {
                let message = "lifts children, which this sink cannot".to_owned();
                let problem = self.at(
                    place,
                    column.span,
                    message,
                    Some("name the fields".to_owned()),
                );
                self.problems.push(problem);
            }
            if column.wildcard {
                continue;
            }
            let (source, own_name) = match column.path.as_slice() {
                [only] if only == "now()" => {
                    let steps = Vec::new();
                    (
                        FieldSource {
                            part: Part::Now,
                            steps,
                        },
                        "now",
                    )
                }
                path => {
                    let part = match column.source {
                        kcql::Source::Key => Part::Key,
                        kcql::Source::Header => Part::Header,
                        kcql::Source::Value => Part::Value,
                    };
                    let steps = path.to_vec();
                    (
                        FieldSource { part, steps },
                        path.last().map_or("value", String::as_str),
                    )
                }
            };
            let alias = column
                .alias
                .as_ref()
                .map_or(own_name, |alias| alias.text.as_str());
            fields.push((dest_of(alias, false), source));
            spans.push(column.span);
        }
        (fields, spans)
    }

    /// How a statement's texts and numbers become times.
    fn lenses_formats(&mut self, place: &Place<'_>, statement: &Statement) -> Formats {
        let given = |name: &str| {
            let mut properties = statement.properties().iter();
            let found = properties.find(|(own, _)| codec_option(own) == Some(name));
            found.map(|(_, text)| text.trim())
        };
        let mut wrong = Vec::new();
        let formats = Formats::read(given, &mut |problem| wrong.push(problem));
        for problem in wrong {
            let message = format!("property `codec.{}`: {}", problem.option, problem.message);
            // Its value's own place, where that can be found again in the text.
            let value = given(problem.option).unwrap_or_default();
            let start = statement
                .span
                .of(place.text)
                .find(value)
                .map_or(statement.span.start, |at| {
                    statement.span.start + at + problem.at
                });
            let span = Span { start, end: start };
            let problem = self.at(place, span, message, Some(problem.help));
            self.problems.push(problem);
        }
        formats
    }

    fn lenses_rules(
        &mut self,
        place: &Place<'_>,
        statement: &Statement,
    ) -> (Rules, Option<String>) {
        let mut rules = Rules {
            style: Style::DataStax,
            codec: Codec::Strict(Arc::new(self.lenses_formats(place, statement))),
            null_to_unset: true,
            deletes: true,
            manages: false,
            ttl_seconds: statement.ttl(),
            ttl_unit: TimeUnit::Seconds,
            timestamp_unit: TimeUnit::Microseconds,
        };
        let (mut ttl, mut consistency) = (None, None);
        for (name, value) in statement.properties() {
            let unit = TimeUnit::named(value);
            let is = |word: &str| value.eq_ignore_ascii_case(word);
            let good = match name.as_str() {
                "ttl" => {
                    ttl = value.parse().ok();
                    ttl.is_some()
                }
                "ttlTimeUnit" => unit.map(|unit| rules.ttl_unit = unit).is_some(),
                "timestampTimeUnit" => unit.map(|unit| rules.timestamp_unit = unit).is_some(),
                // Read by themselves.
                name if codec_option(name).is_some() => true,
                "nullToUnset" => {
                    rules.null_to_unset = is("true");
                    is("true") || is("false")
                }
                "deletesEnabled" => {
                    rules.deletes = is("true");
                    is("true") || is("false")
                }
                "consistencyLevel" => {
                    consistency = Some(value.clone());
                    true
                }
                "query" => !value.trim().is_empty(),
                _ => false,
            };
            if !good {
                let message = format!("property `{name}` = `{value}` is not one of this sink");
                let help = "there are ttl, ttlTimeUnit, timestampTimeUnit, consistencyLevel, nullToUnset, deletesEnabled, query, codec.locale, codec.timeZone, codec.timestamp, codec.date, codec.time, codec.unit";
                let problem = self.at(place, statement.span, message, Some(help.to_owned()));
                self.problems.push(problem);
            }
        }
        if let Some(count) = ttl {
            let seconds = rules.ttl_unit.convert(count, TimeUnit::Seconds);
            rules.ttl_seconds = seconds.and_then(|seconds| u32::try_from(seconds).ok());
        }
        (rules, consistency)
    }
}

/// The option of a property `codec.*`, if there is one of that name.
fn codec_option(property: &str) -> Option<&str> {
    let option = property.strip_prefix("codec.")?;
    Formats::OPTIONS.contains(&option).then_some(option)
}
