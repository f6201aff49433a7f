//! Targets of `DataStax`'s engine: rows, counters, or the variables of a statement of the connector's own.

use std::sync::Arc;

use super::compile::{Compiler, Tables};
use super::effect::Query;
use super::statements::Place;
use crate::cql_type::CqlType;
use crate::kcql::Span;
use crate::mapping::{Dest, FieldSource, Fields, Kind, MappedTarget, Rules};
use crate::table_schema::TableSchema;

/// What a mapping says, and how.
pub(super) struct Strict<'s> {
    pub(super) keyspace: &'s str,
    pub(super) table: &'s str,
    pub(super) fields: Vec<(Dest, FieldSource)>,
    /// Where each of the fields stands.
    pub(super) spans: Vec<Span>,
    pub(super) rules: Rules,
    pub(super) consistency: Option<String>,
    /// What is written with instead of a statement made from the mapping.
    pub(super) query: Option<Query>,
    /// Whether somebody wrote that rows are to be deleted.
    pub(super) deletes_are_wanted: bool,
}

const NO_QUERY_DELETES: &str = "a query of your own writes, and cannot delete as well";

impl Compiler<'_> {
    /// A target: every column must be there, and the key mapped wholly.
    pub(super) fn strict_target(
        &mut self,
        place: &Place<'_>,
        mut strict: Strict<'_>,
    ) -> Option<MappedTarget> {
        let whole = strict.spans.first().copied();
        let whole = whole.unwrap_or(Span { start: 0, end: 0 });
        if let Some(query) = &strict.query {
            self.check_query(place, whole, query, &strict);
        }
        let known = match self.tables_of {
            Tables::Cluster(known) => known,
            Tables::Declared(_) => return None,
            Tables::Unknown => return Some(self.sketched(strict)),
        };
        let (keyspace, name) = (strict.keyspace, strict.table);
        let Some(table) = known.table(&format!("{keyspace}.{name}")) else {
            let message = format!("keyspace `{keyspace}` has no table `{name}`");
            self.wrong(place, whole, message, Some(known.advice()));
            return None;
        };
        if let Some(query) = &strict.query {
            let found = known.queries.iter().find(|own| own.name == query.name);
            let Some(variables) = found.map(Arc::clone) else {
                let message = format!("the cluster has not said what `{}` takes", query.name);
                self.wrong(place, whole, message, None);
                return None;
            };
            return self.query_target(place, whole, strict, &variables);
        }
        let before = self.problems.len();
        let mapped = self.mapped_columns(place, &strict, &table);
        for key in table.key_columns().filter(|key| !mapped.contains(key)) {
            let own = table.columns.get(key).map_or("", |column| &column.name);
            let message = format!("key column `{own}` of table `{name}` is not mapped");
            self.wrong(place, whole, message, None);
        }
        if table.counts() {
            self.check_counters(place, whole, &strict, &table);
        }
        let unmapped = (0..table.columns.len()).find(|index| !mapped.contains(index));
        if let Some(column) = unmapped.and_then(|index| table.columns.get(index))
            && strict.rules.deletes
        {
            // As in the original: what others wrote into the row's other columns is not ours to delete.
            strict.rules.deletes = false;
            if strict.deletes_are_wanted {
                let message = format!(
                    "rows of table `{name}` are not deleted, as its column `{}` is not mapped",
                    column.name
                );
                let problem = self.at(place, whole, message, None);
                self.warnings.push(problem);
            }
        }
        (self.problems.len() == before).then(|| {
            self.mapped_target(
                keyspace,
                name,
                Some(table),
                Fields::Mapped(strict.fields),
                strict.rules,
                strict.consistency,
            )
        })
    }

    /// The target as far as it is known before the cluster is asked.
    fn sketched(&mut self, strict: Strict<'_>) -> MappedTarget {
        let name = strict.query.as_ref().map(|query| query.name.as_str());
        let mut target = self.mapped_target(
            strict.keyspace,
            name.unwrap_or(strict.table),
            None,
            Fields::Mapped(strict.fields),
            strict.rules,
            None,
        );
        if name.is_some() {
            target.kind = Kind::Query;
        }
        target
    }

    /// Indices of the columns that are mapped; those that are not there are noted.
    fn mapped_columns(
        &mut self,
        place: &Place<'_>,
        strict: &Strict<'_>,
        table: &TableSchema,
    ) -> Vec<usize> {
        let mut mapped = Vec::new();
        for ((dest, _), span) in strict.fields.iter().zip(&strict.spans) {
            let Dest::Column(own) = dest else { continue };
            if let Some(index) = table.column(own) {
                mapped.push(index);
                continue;
            }
            let names: Vec<&str> = table
                .columns
                .iter()
                .map(|column| column.name.as_str())
                .collect();
            let help = format!("its columns are {}", names.join(", "));
            let message = format!("table `{}` has no column `{own}`", strict.table);
            self.wrong(place, *span, message, Some(help));
        }
        mapped
    }

    /// Counters are added to: they have no shelf life and no write timestamp, and a record counts whenever it is read.
    fn check_counters(
        &mut self,
        place: &Place<'_>,
        whole: Span,
        strict: &Strict<'_>,
        table: &TableSchema,
    ) {
        let name = strict.table;
        if strict.rules.ttl_seconds.is_some() {
            let message = format!("table `{name}` has counters, which have no shelf life");
            self.wrong(place, whole, message, Some("leave out the TTL".to_owned()));
        }
        for ((dest, _), span) in strict.fields.iter().zip(&strict.spans) {
            if matches!(dest, Dest::Ttl | Dest::Timestamp) {
                let message = format!(
                    "table `{name}` has counters, which have neither shelf life nor write timestamp"
                );
                self.wrong(place, *span, message, None);
            }
        }
        let counter = |dest: &Dest| match dest {
            Dest::Column(own) => table
                .column(own)
                .and_then(|index| table.columns.get(index))
                .is_some_and(|column| column.cql_type == CqlType::Counter),
            Dest::Ttl | Dest::Timestamp => false,
        };
        if !strict.fields.iter().any(|(dest, _)| counter(dest)) {
            let message = format!("no counter of table `{name}` is mapped");
            self.wrong(place, whole, message, None);
        }
        let message = format!("table `{name}` has counters: {COUNTS_AGAIN}");
        let problem = self.at(place, whole, message, None);
        self.warnings.push(problem);
    }

    /// What can be said of an own statement before the cluster has read it.
    fn check_query(&mut self, place: &Place<'_>, whole: Span, query: &Query, strict: &Strict<'_>) {
        if strict.rules.deletes {
            let help = "set `deletesEnabled` to false".to_owned();
            self.wrong(place, whole, NO_QUERY_DELETES.to_owned(), Some(help));
        }
        let mut doubts = Vec::new();
        if query.adds_up() {
            doubts.push(format!("the query adds up: {COUNTS_AGAIN}"));
        }
        let timed = |(dest, _): &(Dest, FieldSource)| matches!(dest, Dest::Ttl | Dest::Timestamp);
        if strict.rules.ttl_seconds.is_some() || strict.fields.iter().any(timed) {
            let without = "shelf life and write timestamp have no effect beside a query of your own: \
                           write `USING TTL :variable` into it";
            doubts.push(without.to_owned());
        }
        // Said once: before the cluster is asked.
        if matches!(self.tables_of, Tables::Unknown) {
            for message in doubts {
                let problem = self.at(place, whole, message, None);
                self.warnings.push(problem);
            }
        }
    }

    /// The variables of a statement of the connector's own as a target.
    fn query_target(
        &mut self,
        place: &Place<'_>,
        whole: Span,
        mut strict: Strict<'_>,
        variables: &Arc<TableSchema>,
    ) -> Option<MappedTarget> {
        let before = self.problems.len();
        let known = |name: &str| variables.column(name).is_some();
        let names: Vec<&str> = variables
            .columns
            .iter()
            .map(|column| column.name.as_str())
            .collect();
        if names.is_empty() {
            let help = "write the columns of the mapping into it, as `:column`".to_owned();
            let message = "the query has no variables".to_owned();
            self.wrong(place, whole, message, Some(help));
        }
        let mapped = |name: &str| {
            let is =
                |(dest, _): &(Dest, FieldSource)| matches!(dest, Dest::Column(own) if own == name);
            strict.fields.iter().any(is)
        };
        for name in names.iter().filter(|name| !mapped(name)) {
            let message = format!("variable `:{name}` of the query is not mapped");
            self.wrong(place, whole, message, None);
        }
        for ((dest, _), span) in strict.fields.iter().zip(&strict.spans) {
            if let Dest::Column(own) = dest
                && !known(own)
            {
                let help = format!("its variables are {}", names.join(", "));
                let message = format!("the query has no variable `:{own}`; it is not written");
                let problem = self.at(place, *span, message, Some(help));
                self.warnings.push(problem);
            }
        }
        if self.problems.len() > before {
            return None;
        }
        strict
            .fields
            .retain(|(dest, _)| matches!(dest, Dest::Column(own) if known(own)));
        strict.rules.deletes = false;
        let mut target = self.mapped_target(
            strict.keyspace,
            &variables.name,
            None,
            Fields::Mapped(strict.fields),
            strict.rules,
            None,
        );
        target.kind = Kind::Query;
        let index = self.add_table(variables, strict.consistency);
        target.table = Some((index, Arc::clone(variables)));
        Some(target)
    }

    fn wrong(&mut self, place: &Place<'_>, span: Span, message: String, help: Option<String>) {
        let problem = self.at(place, span, message, help);
        self.problems.push(problem);
    }
}

/// What at least once means for what adds up.
const COUNTS_AGAIN: &str = "a record that is written again, after a crash, when the cluster was slow to answer or when \
                            its table is altered, is counted again";
