//! The options of `DataStax`'s sink to targets.

use std::sync::Arc;

use super::Topics;
use super::compile::Compiler;
use super::mapped::{Mapped, TopicTable, dest, push, topic_tables};
use super::mapped_strict::Strict;
use super::statements::Place;
use crate::kcql::Span;
use crate::mapping::{Codec, Formats, MappedTarget, Rules, Style, TimeUnit};

impl Compiler<'_> {
    pub(super) fn data_stax(&mut self, topics: &Topics) -> Mapped {
        let mut by_topic: Vec<(String, Vec<MappedTarget>)> = Vec::new();
        for settings in topic_tables(self.config) {
            let option = settings.option("mapping");
            if !topics.takes(settings.topic) {
                self.warn(&option, format!("topic `{}` is not read", settings.topic));
                continue;
            }
            self.options().required(&option);
            let Some(entries) = self.mapping(&option) else {
                continue;
            };
            let rules = self.data_stax_rules(settings);
            let consistency = self
                .config
                .text(&settings.option("consistencyLevel"))
                .unwrap_or("LOCAL_ONE")
                .to_owned();
            let text = self
                .config
                .get(&option)
                .map(|own| own.value.clone())
                .unwrap_or_default();
            let place = Place {
                option: &option,
                text: &text,
            };
            let strict = Strict {
                keyspace: settings.keyspace,
                table: settings.table,
                spans: entries.iter().map(|entry| entry.span).collect(),
                fields: entries.into_iter().map(dest).collect(),
                deletes_are_wanted: self
                    .config
                    .text(&settings.option("deletesEnabled"))
                    .is_some(),
                rules,
                consistency: Some(consistency),
                query: settings.query(self.config),
            };
            let target = self.strict_target(&place, strict);
            if let Some(target) = target {
                push(&mut by_topic, settings.topic, target);
            }
        }
        for topic in topics.names() {
            if topic_tables(self.config)
                .iter()
                .all(|own| own.topic != topic)
            {
                let example = format!("write `topic.{topic}.<keyspace>.<table>.mapping`");
                self.refuse(
                    "topics",
                    format!("topic `{topic}` has no mapping"),
                    &example,
                );
            }
        }
        Mapped {
            by_topic,
            others: None,
        }
    }

    /// How a topic's texts and numbers become times.
    fn data_stax_formats(&mut self, topic: &str) -> Formats {
        let option = |name: &str| format!("topic.{topic}.codec.{name}");
        let mut wrong = Vec::new();
        let formats = Formats::read(|name| self.config.text(&option(name)), &mut |problem| {
            wrong.push(problem);
        });
        for problem in wrong {
            let option = option(problem.option);
            let text = self.config.text(&option).unwrap_or_default();
            let place = Place {
                option: &option,
                text,
            };
            let span = Span {
                start: problem.at,
                end: problem.at,
            };
            let problem = self.at(&place, span, problem.message, Some(problem.help));
            // Several tables of a topic have the same.
            if !self.problems.contains(&problem) {
                self.problems.push(problem);
            }
        }
        formats
    }

    fn data_stax_rules(&mut self, settings: TopicTable<'_>) -> Rules {
        let formats = self.data_stax_formats(settings.topic);
        let ttl = self.ttl(&settings.option("ttl"), &settings.option("ttlTimeUnit"));
        let timestamp_unit = self.unit(
            &settings.option("timestampTimeUnit"),
            TimeUnit::Microseconds,
        );
        let mut options = self.options();
        Rules {
            style: Style::DataStax,
            codec: Codec::Strict(Arc::new(formats)),
            null_to_unset: options.boolean(&settings.option("nullToUnset"), true),
            deletes: options.boolean(&settings.option("deletesEnabled"), true),
            manages: false,
            ttl_seconds: ttl.0,
            ttl_unit: ttl.1,
            timestamp_unit,
        }
    }
}
