//! The options of ScyllaDB's sink to targets.

use super::Topics;
use super::compile::{Compiler, Tables};
use super::mapped::{Mapped, TopicTable, dest, first_step, table_of, topic_tables};
use crate::mapping::{Codec, Fields, MappedTarget, Rules, Style, TimeUnit};

impl Compiler<'_> {
    pub(super) fn scylla(&mut self, topics: &Topics) -> Mapped {
        let mut options = self.options();
        let keyspace = options
            .required("scylladb.keyspace")
            .unwrap_or_default()
            .to_owned();
        let rules = Rules {
            style: Style::Scylla,
            codec: Codec::Server,
            null_to_unset: false,
            deletes: options.boolean("scylladb.deletes.enabled", true),
            manages: options.boolean("scylladb.table.manage.enabled", true),
            ttl_seconds: None,
            ttl_unit: TimeUnit::Seconds,
            timestamp_unit: TimeUnit::Microseconds,
        };
        let rules = Rules {
            ttl_seconds: self.seconds("scylladb.ttl"),
            ..rules
        };
        if self
            .config
            .text("scylladb.offset.storage.enable")
            .is_none_or(|text| text.eq_ignore_ascii_case("true"))
        {
            self.warn(
                "scylladb.offset.storage.enable",
                "offsets are kept with the consumer group, not in a table; rows that are read again are the same rows",
            );
        }
        let names: Vec<(String, String)> = match (topics, self.tables_of) {
            (Topics::Named(names), _) => names
                .iter()
                .map(|topic| (topic.clone(), table_of(topic)))
                .collect(),
            (Topics::Matching { .. }, Tables::Cluster(known)) => {
                let names = known.tables.iter().map(|table| table.name.clone());
                names.map(|name| (name.clone(), name)).collect()
            }
            (Topics::Matching { .. }, _) => Vec::new(),
        };
        let all = topic_tables(self.config);
        let mut by_topic = Vec::new();
        for (topic, name) in names {
            let settings = all.iter().find(|own| own.topic == name).copied();
            self.warn_of_dots(&all, &name);
            let target = self.scylla_target(&keyspace, &name, settings, &rules);
            by_topic.push((topic, vec![target]));
        }
        Mapped {
            by_topic,
            others: Some((keyspace, rules)),
        }
    }

    /// The original looks settings up by the table's name: a topic with dots must be written as that.
    fn warn_of_dots(&mut self, all: &[TopicTable<'_>], name: &str) {
        for own in all {
            if own.topic != name && table_of(own.topic) == name {
                let message = format!(
                    "has no effect; write the topic as its table is called: `topic.{name}...`"
                );
                self.warn(&own.option("mapping"), message);
            }
        }
    }

    fn scylla_target(
        &mut self,
        keyspace: &str,
        name: &str,
        settings: Option<TopicTable<'_>>,
        rules: &Rules,
    ) -> MappedTarget {
        let mut rules = rules.clone();
        let mut fields = Fields::ByName;
        let mut consistency = None;
        if let Some(settings) = settings {
            rules.ttl_seconds = self
                .seconds(&settings.option("ttlSeconds"))
                .or(rules.ttl_seconds);
            rules.deletes = self
                .options()
                .boolean(&settings.option("deletesEnabled"), rules.deletes);
            consistency = self
                .config
                .text(&settings.option("consistencyLevel"))
                .map(str::to_owned);
            if let Some(entries) = self.mapping(&settings.option("mapping")) {
                for entry in entries.iter().filter(|entry| entry.source.steps.len() > 1) {
                    let path = entry.source.steps.join(".");
                    self.warn(
                        &settings.option("mapping"),
                        format!("of `{path}` only the first name is read, as in the original"),
                    );
                }
                fields = Fields::Mapped(entries.into_iter().map(first_step).map(dest).collect());
            }
        }
        let table = match self.tables_of {
            Tables::Cluster(known) => known
                .tables
                .iter()
                .find(|own| own.name == name)
                .or_else(|| known.tables.iter().find(|own| own.is_called(name))),
            Tables::Declared(_) | Tables::Unknown => None,
        };
        let table = table.cloned();
        self.mapped_target(keyspace, name, table, fields, rules, consistency)
    }
}
