//! Plans by column mappings: the options of ScyllaDB's, `DataStax`'s and Lenses' newer sinks to targets.

use std::sync::Arc;

use super::compile::Compiler;
use super::statements::Place;
use super::{Effect, Query, Topics};
use crate::config::ConnectorConfig;
use crate::data_error::{DataError, Exception};
use crate::kcql::{self, Mode};
use crate::mapping::{
    Dest, Entry, FieldSource, Fields, Kind, MappedTarget, Rules, Stop, Style, TimeUnit, parse,
};
use crate::record::ConnectRecord;
use crate::row::Row;
use crate::sink_class::SinkClass;
use crate::table_schema::TableSchema;

/// Targets by topic.
#[derive(Debug)]
pub(super) struct Mapped {
    pub(super) by_topic: Vec<(String, Vec<MappedTarget>)>,
    /// What becomes of a topic that has no target of its own, in ScyllaDB's sink: its table is called as it is.
    pub(super) others: Option<(String, Rules)>,
}

impl Mapped {
    /// Writes a record to all of its topic's targets.
    pub(super) fn write(
        &self,
        record: &ConnectRecord<'_>,
        write_timestamp: i64,
        out: &mut Vec<(usize, Row)>,
    ) -> Result<(), Stop> {
        self.each_target(record, |target| {
            out.push(target.row(record, write_timestamp)?);
            Ok(())
        })
    }

    /// Does something with each of a record's targets, of which there must be one.
    pub(super) fn each_target<E: From<DataError>>(
        &self,
        record: &ConnectRecord<'_>,
        mut each: impl FnMut(&MappedTarget) -> Result<(), E>,
    ) -> Result<(), E> {
        let own = |(topic, _): &&(String, _)| *topic == record.topic;
        if let Some((_, targets)) = self.by_topic.iter().find(own) {
            return targets.iter().try_for_each(each);
        }
        let Some((keyspace, rules)) = &self.others else {
            let message = format!("topic `{}` has no mapping", record.topic);
            return Err(DataError::of(Exception::Connect, message).into());
        };
        let name = table_of(&record.topic);
        let mut known = self.by_topic.iter().flat_map(|(_, targets)| targets);
        match known.find(|own| own.name == name) {
            Some(target) => each(target),
            None => each(&MappedTarget {
                keyspace: keyspace.clone(),
                name,
                table: None,
                kind: Kind::Rows,
                delete_index: None,
                fields: Fields::ByName,
                rules: rules.clone(),
            }),
        }
    }
}

/// The table ScyllaDB's sink writes a topic to.
pub(super) fn table_of(topic: &str) -> String {
    topic.replace(['.', '-'], "_")
}

/// An option of one topic and table: `topic.<topic>.<keyspace>.<table>.<setting>`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct TopicTable<'a> {
    pub(super) topic: &'a str,
    pub(super) keyspace: &'a str,
    pub(super) table: &'a str,
}

impl<'a> TopicTable<'a> {
    fn read(option: &'a str) -> Option<(Self, &'a str)> {
        let rest = option.strip_prefix("topic.")?;
        let (rest, setting) = rest.rsplit_once('.')?;
        let (rest, table) = rest.rsplit_once('.')?;
        let (topic, keyspace) = rest.rsplit_once('.')?;
        (keyspace != "codec").then_some((
            Self {
                topic,
                keyspace,
                table,
            },
            setting,
        ))
    }

    pub(super) fn option(self, setting: &str) -> String {
        format!(
            "topic.{}.{}.{}.{setting}",
            self.topic, self.keyspace, self.table
        )
    }

    /// The statement of the connector's own that is written with.
    pub(super) fn query(self, config: &ConnectorConfig) -> Option<Query> {
        let name = self.option("query");
        let text = config.text(&name).filter(|text| !text.is_empty())?;
        let text = text.to_owned();
        Some(Query { name, text })
    }
}

/// The tables options speak of, in order.
pub(super) fn topic_tables(config: &ConnectorConfig) -> Vec<TopicTable<'_>> {
    let mut all: Vec<TopicTable<'_>> = Vec::new();
    for (option, _) in config.iter() {
        if let Some((own, _)) = TopicTable::read(option)
            && !all.contains(&own)
        {
            all.push(own);
        }
    }
    all
}

/// The keyspaces a connector's tables are in.
pub(super) fn keyspaces(config: &ConnectorConfig, class: SinkClass) -> Vec<String> {
    let mut names: Vec<String> = match class {
        SinkClass::Table => Vec::new(),
        SinkClass::Classic => option_text(config, "connect.cassandra.key.space"),
        SinkClass::Scylla => option_text(config, "scylladb.keyspace"),
        SinkClass::DataStax => topic_tables(config)
            .iter()
            .map(|own| own.keyspace.to_owned())
            .collect(),
        SinkClass::Lenses => {
            let statements = kcql::parse(config.text(KCQL).unwrap_or_default(), Mode::Lenient);
            let targets = statements
                .into_iter()
                .flat_map(|(statements, _)| statements)
                .filter_map(|own| own.target);
            targets
                .filter_map(|name| Some(name.text.split_once('.')?.0.to_owned()))
                .collect()
        }
    };
    names.sort();
    names.dedup();
    names
}

/// The statements of its own a connector writes with.
pub(super) fn queries(config: &ConnectorConfig, class: SinkClass) -> Vec<Query> {
    match class {
        SinkClass::Table | SinkClass::Classic | SinkClass::Scylla => Vec::new(),
        SinkClass::DataStax => topic_tables(config)
            .iter()
            .filter_map(|own| own.query(config))
            .collect(),
        SinkClass::Lenses => {
            let statements = kcql::parse(config.text(KCQL).unwrap_or_default(), Mode::Lenient);
            let statements = statements
                .into_iter()
                .flat_map(|(statements, _)| statements);
            let queries = (1..).zip(statements);
            queries
                .filter_map(|(number, own)| query_of(number, &own))
                .collect()
        }
    }
}

/// The statement that the KCQL statement of that number, from 1, brings. Several may have the same table and topic: the
/// number tells them apart.
pub(super) fn query_of(number: usize, statement: &kcql::Statement) -> Option<Query> {
    let properties = statement.properties();
    let (_, text) = properties.iter().find(|(name, _)| name == "query")?;
    let target = statement.target.as_ref()?;
    Some(Query {
        name: format!(
            "query of statement {number}, {} for {}",
            target.text, statement.topic.text
        ),
        text: text.clone(),
    })
}

fn option_text(config: &ConnectorConfig, option: &str) -> Vec<String> {
    let text = config.text(option).filter(|text| !text.is_empty());
    text.into_iter().map(str::to_owned).collect()
}

pub(super) const KCQL: &str = "connect.cassandra.kcql";

impl Compiler<'_> {
    /// The targets of a sink that maps columns.
    pub(super) fn mapped_targets(&mut self, class: SinkClass, topics: &Topics) -> Mapped {
        match class {
            SinkClass::Scylla => self.scylla(topics),
            SinkClass::DataStax => self.data_stax(topics),
            _ => self.lenses(topics),
        }
    }

    pub(super) fn mapped_target(
        &mut self,
        keyspace: &str,
        name: &str,
        table: Option<Arc<TableSchema>>,
        fields: Fields,
        rules: Rules,
        consistency: Option<String>,
    ) -> MappedTarget {
        let delete_index = table
            .as_ref()
            .filter(|_| rules.deletes)
            .map(|table| self.deletion_of(table, consistency.as_deref()));
        // ScyllaDB's sink writes rows, and rows of counters are refused where they arrive.
        let counts =
            rules.style == Style::DataStax && table.as_ref().is_some_and(|own| own.counts());
        let table = table.map(|table| (self.add_table(&table, consistency), table));
        let kind = if counts { Kind::Counters } else { Kind::Rows };
        if let Some((index, _)) = table.as_ref().filter(|_| counts) {
            self.effects.push((*index, Effect::Count));
        }
        MappedTarget {
            kind,
            keyspace: keyspace.to_owned(),
            name: name.to_owned(),
            table,
            delete_index,
            fields,
            rules,
        }
    }

    pub(super) fn add_table(
        &mut self,
        table: &Arc<TableSchema>,
        consistency: Option<String>,
    ) -> usize {
        self.tables.push(Arc::clone(table));
        self.consistencies
            .push((self.tables.len() - 1, consistency));
        self.tables.len() - 1
    }

    /// What deletes rows of a table by its key: its columns are the key's.
    pub(super) fn deletion_of(
        &mut self,
        table: &Arc<TableSchema>,
        consistency: Option<&str>,
    ) -> usize {
        let columns: Vec<_> = table
            .key_columns()
            .filter_map(|index| table.columns.get(index).cloned())
            .collect();
        let deletion = TableSchema {
            keyspace: table.keyspace.clone(),
            name: format!("deletions from {}", table.name),
            partition_key: (0..columns.len()).collect(),
            columns,
            clustering_key: Vec::new(),
            default_ttl: None,
            time_bucket: None,
        };
        let index = self.add_table(&Arc::new(deletion), consistency.map(str::to_owned));
        self.effects
            .push((index, Effect::Delete(Arc::clone(table))));
        index
    }

    /// The pairs of a mapping; what is wrong with it is noted where it stands.
    pub(super) fn mapping(&mut self, option: &str) -> Option<Vec<Entry>> {
        let text = self.config.get(option).map(|own| own.value.clone())?;
        match parse(&text) {
            Ok(entries) => Some(entries),
            Err(errors) => {
                let place = Place {
                    option,
                    text: &text,
                };
                for error in errors {
                    let problem = self.at(&place, error.span, error.message, None);
                    self.problems.push(problem);
                }
                None
            }
        }
    }

    pub(super) fn seconds(&mut self, option: &str) -> Option<u32> {
        self.config.text(option).filter(|text| !text.is_empty())?;
        let seconds = self.whole_number(option, -1, -1);
        u32::try_from(seconds).ok()
    }

    pub(super) fn ttl(&mut self, option: &str, unit_option: &str) -> (Option<u32>, TimeUnit) {
        let unit = self.unit(unit_option, TimeUnit::Seconds);
        let count = self.whole_number(option, -1, -1);
        let seconds = unit
            .convert(count, TimeUnit::Seconds)
            .filter(|_| count >= 0);
        (
            seconds.and_then(|seconds| u32::try_from(seconds).ok()),
            unit,
        )
    }

    pub(super) fn unit(&mut self, option: &str, default: TimeUnit) -> TimeUnit {
        let Some(text) = self.config.text(option).filter(|text| !text.is_empty()) else {
            return default;
        };
        TimeUnit::named(text).unwrap_or_else(|| {
            self.refuse(
                option,
                format!("`{text}` is no unit of time"),
                "write for example SECONDS or MILLISECONDS",
            );
            default
        })
    }
}

pub(super) fn push(
    by_topic: &mut Vec<(String, Vec<MappedTarget>)>,
    topic: &str,
    target: MappedTarget,
) {
    match by_topic.iter_mut().find(|(own, _)| own == topic) {
        Some((_, targets)) => targets.push(target),
        None => by_topic.push((topic.to_owned(), vec![target])),
    }
}

pub(super) fn first_step(mut entry: Entry) -> Entry {
    entry.source.steps.truncate(1);
    entry
}

pub(super) fn dest(entry: Entry) -> (Dest, FieldSource) {
    (dest_of(&entry.column, entry.quoted), entry.source)
}

/// Names without quotes are CQL's: in lower case.
pub(super) fn dest_of(name: &str, quoted: bool) -> Dest {
    match name {
        "__ttl" if !quoted => Dest::Ttl,
        "__timestamp" if !quoted => Dest::Timestamp,
        _ if quoted => Dest::Column(name.to_owned()),
        _ => Dest::Column(name.to_ascii_lowercase()),
    }
}
