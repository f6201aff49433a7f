//! One tree of values from all places configuration comes from; each value remembers where it was typed.
//!
//! The tree is our own rather than `serde`'s, because `serde` stops at the first unknown field or wrong type
//! and an operator wants to see all of them at once.

use std::sync::Arc;

use toml::de::{DeTable, DeValue};

use super::problem::{Problem, Source, Span};

/// A value and where it was typed.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Node {
    /// The value.
    pub(super) value: NodeValue,
    /// Where it was typed.
    pub(super) span: Span,
}

/// A TOML value.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum NodeValue {
    /// `true`, `false`
    Boolean(bool),
    /// `42`
    Integer(i64),
    /// `4.2`
    Float(f64),
    /// `"text"`, and dates, which nothing in our configuration is
    Text(String),
    /// `[..]`, and `[[..]]`
    Array(Vec<Node>),
    /// `{..}`, and `[..]`
    Table(Vec<Entry>),
}

/// A key of a table and its value.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Entry {
    /// The key.
    pub(super) key: String,
    /// Where the key was typed.
    pub(super) key_span: Span,
    /// The value.
    pub(super) node: Node,
}

impl NodeValue {
    /// What it is, in words for a message.
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Self::Boolean(_) => "a boolean",
            Self::Integer(_) => "an integer",
            Self::Float(_) => "a number",
            Self::Text(_) => "a text",
            Self::Array(_) => "a list",
            Self::Table(_) => "a table",
        }
    }
}

impl Node {
    /// Parses a TOML document; what is readable despite errors is in the tree.
    pub(super) fn parse(source: &Arc<Source>, problems: &mut Vec<Problem>) -> Self {
        let (table, errors) = DeTable::parse_recoverable(&source.text);
        for error in errors {
            let span = Span {
                source: source.clone(),
                range: error.span().unwrap_or_default(),
            };
            problems.push(Problem::error(&span, lower_first(error.message())));
        }
        let range = table.span();
        let mut reader = Reader { source, problems };
        Self {
            value: NodeValue::Table(reader.table(table.get_ref())),
            span: reader.span(range),
        }
    }

    /// Lays `other` over this tree: tables are merged, anything else is replaced. A table whose keys are
    /// numbers reaches into a list (`route.0.filter`).
    pub(super) fn merge(&mut self, other: Self) {
        match (&mut self.value, other.value) {
            (NodeValue::Table(own), NodeValue::Table(theirs)) => {
                for entry in theirs {
                    match own.iter_mut().find(|old| old.key == entry.key) {
                        Some(old) => old.node.merge(entry.node),
                        None => own.push(entry),
                    }
                }
            }
            (NodeValue::Array(own), NodeValue::Table(theirs)) if indices(&theirs, own.len()) => {
                for entry in theirs {
                    let index: usize = entry.key.parse().unwrap_or(usize::MAX);
                    match own.get_mut(index) {
                        Some(old) => old.merge(entry.node),
                        None => own.push(entry.node),
                    }
                }
            }
            (own, theirs) => {
                *own = theirs;
                self.span = other.span;
            }
        }
    }

    /// The value under `key`, if this is a table that has it.
    pub(super) fn get(&self, key: &str) -> Option<&Self> {
        match &self.value {
            NodeValue::Table(entries) => entries.iter().find(|e| e.key == key).map(|e| &e.node),
            _ => None,
        }
    }

    /// Takes the value under `key` out, if this is a table that has it.
    pub(super) fn remove(&mut self, key: &str) {
        if let NodeValue::Table(entries) = &mut self.value {
            entries.retain(|entry| entry.key != key);
        }
    }
}

/// Whether every key is an index into a list of `length`, or the next one.
fn indices(entries: &[Entry], length: usize) -> bool {
    let fits = |entry: &Entry| {
        entry
            .key
            .parse::<usize>()
            .is_ok_and(|index| index <= length)
    };
    entries.iter().all(fits)
}

fn lower_first(text: &str) -> String {
    let mut chars = text.chars();
    let first = chars.next().map(|c| c.to_ascii_lowercase());
    first.into_iter().chain(chars).collect()
}

struct Reader<'s> {
    source: &'s Arc<Source>,
    problems: &'s mut Vec<Problem>,
}

impl Reader<'_> {
    fn span(&self, range: std::ops::Range<usize>) -> Span {
        Span {
            source: self.source.clone(),
            range,
        }
    }

    fn table(&mut self, table: &DeTable<'_>) -> Vec<Entry> {
        let mut entries: Vec<Entry> = Vec::with_capacity(table.len());
        for (key, value) in table {
            entries.push(Entry {
                key: key.get_ref().to_string(),
                key_span: self.span(key.span()),
                node: Node {
                    value: self.value(value.get_ref(), &value.span()),
                    span: self.span(value.span()),
                },
            });
        }
        // The map is sorted by name; people's order matters for options of a sink and columns of a table.
        entries.sort_by_key(|entry| entry.key_span.range.start);
        entries
    }

    fn value(&mut self, value: &DeValue<'_>, span: &std::ops::Range<usize>) -> NodeValue {
        match value {
            DeValue::String(text) => NodeValue::Text(text.to_string()),
            DeValue::Integer(integer) => {
                let parsed = i64::from_str_radix(integer.as_str(), integer.radix());
                NodeValue::Integer(parsed.unwrap_or_else(|_| {
                    let message = format!("`{}` does not fit 64 bits", integer.as_str());
                    let problem = Problem::error(&self.span(span.clone()), message);
                    self.problems.push(problem);
                    0
                }))
            }
            DeValue::Float(float) => NodeValue::Float(float.as_str().parse().unwrap_or(f64::NAN)),
            DeValue::Boolean(boolean) => NodeValue::Boolean(*boolean),
            DeValue::Datetime(datetime) => NodeValue::Text(datetime.to_string()),
            DeValue::Array(array) => NodeValue::Array(
                array
                    .iter()
                    .map(|element| Node {
                        value: self.value(element.get_ref(), &element.span()),
                        span: self.span(element.span()),
                    })
                    .collect(),
            ),
            DeValue::Table(table) => NodeValue::Table(self.table(table)),
        }
    }
}
