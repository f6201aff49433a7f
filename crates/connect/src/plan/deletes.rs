//! Deletes: a record without a value runs the connector's own statement with what its key says (CONNECT-SPEC 3.4).

use std::sync::Arc;

use super::compile::{Compiler, Tables};
use super::target::{Refusal, refusal};
use crate::bind::bind;
use crate::converter::json::Parser;
use crate::data_error::{DataError, Exception};
use crate::record::ConnectRecord;
use crate::row::{CqlValue, Row};
use crate::table_schema::TableSchema;
use crate::value::Value;

const ENABLED: &str = "connect.cassandra.delete.enabled";
const STATEMENT: &str = "connect.cassandra.delete.statement";
const FIELDS: &str = "connect.cassandra.delete.struct_flds";

/// The delete statement, compiled against the cluster's word on its variables.
#[derive(Debug)]
pub(super) struct Deletes {
    /// Index of the statement among the plan's tables.
    pub(super) table_index: usize,
    /// Its variables as columns.
    statement: Arc<TableSchema>,
    fields: Vec<KeyField>,
}

/// A field of the key, as it was written and as steps from the root.
#[derive(Debug)]
struct KeyField {
    written: String,
    steps: Vec<Step>,
}

#[derive(Debug, PartialEq, Eq)]
enum Step {
    Member(String),
    Element(usize),
}

impl Compiler<'_> {
    /// The statement that deletes, where deletes are enabled.
    pub(super) fn delete_statement(&mut self) -> Option<String> {
        if !self.options().boolean(ENABLED, false) {
            for option in [STATEMENT, FIELDS] {
                if self
                    .config
                    .text(option)
                    .is_some_and(|text| !text.is_empty())
                {
                    self.warn(option, format!("has no effect without `{ENABLED}=true`"));
                }
            }
            return None;
        }
        if matches!(self.tables_of, Tables::Declared(_)) {
            self.refuse(
                ENABLED,
                "deletes are only available on a cluster",
                "set it to false, rows expire by TTL; or name a cluster in `connect.cassandra.contact.points` or [cql]",
            );
            return None;
        }
        let statement = self.options().required(STATEMENT)?;
        Some(statement.to_owned())
    }

    /// The deletes of a plan over a cluster's tables.
    pub(super) fn deletes(&mut self) -> Option<Deletes> {
        let statement = match &self.tables_of {
            Tables::Cluster(keyspace) => keyspace.deletes.clone()?,
            Tables::Declared(_) | Tables::Unknown => {
                self.key_fields();
                return None;
            }
        };
        let fields = self.key_fields();
        let variables = statement.columns.len();
        let given = fields.len().max(1);
        if given != variables {
            let message = format!(
                "the delete statement has {variables} variables, and the key gives {given} values"
            );
            let option = if fields.is_empty() { STATEMENT } else { FIELDS };
            self.refuse(
                option,
                message,
                "name one field of the key for each `?`, in order",
            );
            return None;
        }
        self.tables.push(Arc::clone(&statement));
        Some(Deletes {
            table_index: self.tables.len() - 1,
            statement,
            fields,
        })
    }

    fn key_fields(&mut self) -> Vec<KeyField> {
        let mut fields = Vec::new();
        for written in self.options().list(FIELDS) {
            match steps(written) {
                Some(steps) => fields.push(KeyField {
                    written: written.to_owned(),
                    steps,
                }),
                None => self.refuse(
                    FIELDS,
                    format!("`{written}` is not a path to a field"),
                    "write `id`, `place.id`, or as a JSON path `$.place.id`",
                ),
            }
        }
        fields
    }
}

impl Deletes {
    /// The statement's values from the record's key; its time is the record's, as a row's is.
    pub(super) fn row(
        &self,
        record: &ConnectRecord<'_>,
        write_timestamp: i64,
    ) -> Result<Row, Refusal> {
        let connect = |message: &str| refusal(DataError::of(Exception::Connect, message));
        if record.key_schema.is_none() || record.key.is_null() {
            return Err(connect("Missing key schema."));
        }
        let mut values = Vec::with_capacity(self.statement.columns.len());
        match &record.key {
            Value::Str(text) if !self.fields.is_empty() => {
                let parsed = Parser::of(text).root(Parser::value).map_err(refusal)?;
                self.bind_fields(&parsed, &mut values)?;
            }
            Value::Struct(_) if self.fields.is_empty() => {
                return Err(connect(&format!(
                    "the key is a struct, and `{FIELDS}` names none of its fields"
                )));
            }
            Value::Struct(_) => self.bind_fields(&record.key, &mut values)?,
            Value::List(_) | Value::Map(_) => {
                return Err(connect(&format!(
                    "{} is not handled as a record's key",
                    record.key.kind()
                )));
            }
            primitive => self.bind_one(0, "the key", primitive, &mut values)?,
        }
        if values.len() != self.statement.columns.len() {
            let message = format!(
                "the delete statement has {} variables, and the key gives {} values",
                self.statement.columns.len(),
                values.len()
            );
            return Err(connect(&message));
        }
        Ok(Row {
            values,
            write_timestamp,
            ttl_seconds: None,
        })
    }

    fn bind_fields(&self, root: &Value, values: &mut Vec<CqlValue>) -> Result<(), Refusal> {
        for (index, field) in self.fields.iter().enumerate() {
            let found = field.steps.iter().try_fold(root, step);
            let Some(found) = found else {
                let message = format!("the key has no field `{}`", field.written);
                return Err(refusal(DataError::of(Exception::Connect, message)));
            };
            self.bind_one(index, &field.written, found, values)?;
        }
        Ok(())
    }

    fn bind_one(
        &self,
        index: usize,
        name: &str,
        value: &Value,
        values: &mut Vec<CqlValue>,
    ) -> Result<(), Refusal> {
        let Some(column) = self.statement.columns.get(index) else {
            return Ok(());
        };
        if value.is_null() {
            let message = format!("`{name}` is null, and rows cannot be deleted by it");
            return Err(refusal(DataError::of(Exception::InvalidQuery, message)));
        }
        let bound = bind(value, &column.cql_type);
        let bound = bound.map_err(|error| {
            refusal(error.within(format_args!(
                "variable `{}` of the delete statement",
                column.name
            )))
        })?;
        values.push(bound);
        Ok(())
    }
}

/// What a step leads to, if there is such a thing.
fn step<'v>(value: &'v Value, step: &Step) -> Option<&'v Value> {
    match (value, step) {
        (Value::Map(map), Step::Member(name)) => map.get(name),
        (Value::Struct(own), Step::Member(name)) => own.get(name),
        (Value::List(elements), Step::Element(index)) => elements.get(*index),
        _ => None,
    }
}

/// `a.b`, `$.a.b`, `a[0]`, `$['a']`.
fn steps(written: &str) -> Option<Vec<Step>> {
    let mut rest = written.strip_prefix('$').unwrap_or(written);
    let mut steps = Vec::new();
    while !rest.is_empty() {
        if let Some(inner) = rest.strip_prefix('[') {
            let (inside, after) = inner.split_once(']')?;
            steps.push(match inside.strip_prefix('\'') {
                Some(name) => Step::Member(name.strip_suffix('\'')?.to_owned()),
                None => Step::Element(inside.parse().ok()?),
            });
            rest = after;
            continue;
        }
        let from = rest.strip_prefix('.').unwrap_or(rest);
        let end = from.find(['.', '[']).unwrap_or(from.len());
        let (name, after) = from.split_at_checked(end)?;
        if name.is_empty() {
            return None;
        }
        steps.push(Step::Member(name.to_owned()));
        rest = after;
    }
    (!steps.is_empty()).then_some(steps)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_dotted_names_or_json_paths() {
        let member = |name: &str| Step::Member(name.to_owned());
        for (written, expected) in [
            ("id", vec![member("id")]),
            ("a.b", vec![member("a"), member("b")]),
            ("$.a.b", vec![member("a"), member("b")]),
            ("$['a b'].c", vec![member("a b"), member("c")]),
            ("a[1].b", vec![member("a"), Step::Element(1), member("b")]),
        ] {
            assert_eq!(steps(written), Some(expected), "{written}");
        }
        for wrong in ["", "$", "a..b", "a[", "a[x]", "$['a]"] {
            assert_eq!(steps(wrong), None, "{wrong}");
        }
    }
}
