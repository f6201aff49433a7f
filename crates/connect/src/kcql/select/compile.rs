//! A statement's columns to a [`Projection`].

use std::sync::Arc;

use super::flat::{Pick, Taken};
use super::structured::{Entry, Node};
use super::{AliasQuotes, Projection, Shape};
use crate::kcql::problem::KcqlError;
use crate::kcql::statement::{Column, Source, Statement};

pub(super) fn compile(
    statement: &Statement,
    quotes: AliasQuotes,
) -> Result<Projection, Vec<KcqlError>> {
    let errors: Vec<KcqlError> = statement.columns.iter().filter_map(refusal).collect();
    if !errors.is_empty() {
        return Err(errors);
    }
    let mut compiler = Compiler {
        names: Vec::new(),
        quotes,
        nested: statement.with_structure(),
    };
    let of = |source| {
        let own = |column: &&Column| column.source == source;
        statement.columns.iter().filter(own).collect::<Vec<_>>()
    };
    let value = match of(Source::Value).as_slice() {
        [] => Shape::Whole { by_star: false },
        columns => compiler.shape(columns),
    };
    let key = compiler.shape(&of(Source::Key));
    let headers = compiler.shape(&of(Source::Header));
    let contended = contended(&compiler.names, &[&value, &key, &headers]);
    Ok(Projection {
        names: compiler.names,
        contended,
        value,
        key,
        headers,
    })
}

/// An alias on a `*` names nothing.
fn refusal(column: &Column) -> Option<KcqlError> {
    (column.wildcard && column.alias.is_some()).then(|| KcqlError {
        span: column.span,
        message: "`*` stands for many columns and cannot be renamed".to_owned(),
        help: Some("name the fields to rename beside it: `*, a AS b`".to_owned()),
    })
}

/// Whether two outputs may want the same name.
fn contended(names: &[Arc<str>], shapes: &[&Shape]) -> bool {
    let open: usize = shapes
        .iter()
        .map(|shape| match shape {
            Shape::Whole { .. } => 1,
            Shape::Flat { picks, .. } => picks.iter().filter(|pick| pick.is_wildcard()).count(),
            Shape::Nothing | Shape::Nested(_) => 0,
        })
        .sum();
    let repeated = names
        .iter()
        .enumerate()
        .any(|(index, name)| names.iter().take(index).any(|earlier| earlier == name));
    repeated || open > 1 || (open == 1 && !names.is_empty())
}

struct Compiler {
    names: Vec<Arc<str>>,
    quotes: AliasQuotes,
    nested: bool,
}

impl Compiler {
    fn shape(&mut self, columns: &[&Column]) -> Shape {
        match columns {
            [] => Shape::Nothing,
            [column] if column.path.is_empty() && column.wildcard => Shape::Whole { by_star: true },
            // The root itself has no structure to keep.
            _ if self.nested
                && columns
                    .iter()
                    .all(|column| column.wildcard || !column.path.is_empty()) =>
            {
                Shape::Nested(self.nested(columns))
            }
            _ => Shape::Flat {
                repeated: repeated(columns),
                picks: columns
                    .iter()
                    .map(|column| self.pick(column, columns))
                    .collect(),
            },
        }
    }

    fn pick(&mut self, column: &Column, all: &[&Column]) -> Pick {
        let parents = parents(column);
        let taken = match column.path.last() {
            _ if column.wildcard => Taken::Members {
                except: all
                    .iter()
                    .filter(|other| !other.wildcard && self::parents(other) == parents)
                    .filter_map(|other| other.path.last())
                    .map(|name| Arc::from(name.as_str()))
                    .collect(),
            },
            None => Taken::Root {
                slot: self.slot(column),
            },
            Some(name) => Taken::Field {
                name: Arc::from(name.as_str()),
                slot: self.slot(column),
            },
        };
        Pick {
            parents: parents
                .iter()
                .map(|step| Arc::from(step.as_str()))
                .collect(),
            taken,
            path: written(column),
        }
    }

    fn slot(&mut self, column: &Column) -> usize {
        self.names.push(self.output(column));
        self.names.len() - 1
    }

    /// The name a column gives: its alias, or the last step of its path.
    fn output(&self, column: &Column) -> Arc<str> {
        match (&column.alias, column.path.last()) {
            (Some(alias), _) if alias.quoted && self.quotes == AliasQuotes::Keep => {
                Arc::from(format!("'{}'", alias.text))
            }
            (Some(alias), _) => Arc::from(alias.text.as_str()),
            (None, Some(name)) => Arc::from(name.as_str()),
            (None, None) => Arc::from(source_name(column.source)),
        }
    }

    fn nested(&mut self, columns: &[&Column]) -> Node {
        let mut root = Node::default();
        for column in columns {
            self.insert(&mut root, column, &column.path, true);
        }
        root
    }

    fn insert(&mut self, node: &mut Node, column: &Column, steps: &[String], top: bool) {
        let Some((first, rest)) = steps.split_first() else {
            node.entries.push(Entry::Members);
            return;
        };
        let name: Arc<str> = Arc::from(first.as_str());
        let last = rest.is_empty() && !column.wildcard;
        let output = if last {
            self.output(column)
        } else {
            name.clone()
        };
        let known = node.entries.iter().any(
            |entry| matches!(entry, Entry::Member { name: own, last: false, .. } if *own == name),
        );
        if last || !known {
            let slot = top.then(|| {
                self.names.push(output.clone());
                self.names.len() - 1
            });
            node.entries.push(Entry::Member {
                name: name.clone(),
                output,
                last,
                slot,
            });
        }
        if !last {
            let position = node.children.iter().position(|(own, _)| *own == name);
            let position = position.unwrap_or_else(|| {
                node.children.push((name, Node::default()));
                node.children.len() - 1
            });
            if let Some((_, child)) = node.children.get_mut(position) {
                self.insert(child, column, rest, false);
            }
        }
    }
}

/// The steps to the object a column is taken from.
fn parents(column: &Column) -> &[String] {
    if column.wildcard {
        return &column.path;
    }
    column.path.split_last().map_or(&[], |(_, parents)| parents)
}

fn repeated(columns: &[&Column]) -> Option<String> {
    let mut seen: Vec<(&[String], bool)> = Vec::new();
    for column in columns {
        let own = (column.path.as_slice(), column.wildcard);
        if seen.contains(&own) {
            return Some(written(column));
        }
        seen.push(own);
    }
    None
}

fn written(column: &Column) -> String {
    let mut path = column.path.join(".");
    if column.wildcard {
        path.push_str(if path.is_empty() { "*" } else { ".*" });
    }
    path
}

const fn source_name(source: Source) -> &'static str {
    match source {
        Source::Value => "_value",
        Source::Key => "_key",
        Source::Header => "_header",
    }
}
