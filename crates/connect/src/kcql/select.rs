//! Projection: what a statement's columns make of a record (CONNECT-SPEC 3.4).
//! Takes a [`Statement`] once, and then records' parts as values.
//! Gives the plan names and values; names that are known beforehand as slots, so that a table's columns are
//! looked up once and not per record.

mod compile;
mod flat;
mod name;
mod structured;

#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::sync::Arc;

use super::problem::KcqlError;
use super::statement::{Source, Statement};
use crate::value::{Struct, Value};
use flat::Pick;
use name::Names;
use structured::Node;

/// What becomes of the quotes of `AS 'b c'`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AliasQuotes {
    /// They stay in the name, as in the classic sink: `'b c'`.
    Keep,
    /// They are taken off, as in the new sink: `b c`.
    Strip,
}

/// The parts of a record a projection reads.
#[derive(Debug, Clone, Copy)]
pub struct RecordParts<'a> {
    /// The key; `Null` where there is none or [`Projection::reads`] says it is not needed.
    pub key: &'a Value,
    /// The value. A `Struct` root follows the rules for structs, a `Map` root those for JSON.
    pub value: &'a Value,
    /// The headers as a `Map` by name; `Null` where not needed.
    pub headers: &'a Value,
}

/// The name of a projected value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OutputName<'a> {
    /// An index into [`Projection::names`].
    Slot(usize),
    /// A name only the record knows: a member selected by `*`, or a name made unique by a number.
    Dynamic(Cow<'a, str>),
}

/// A statement's columns, compiled.
#[derive(Debug, Clone)]
pub struct Projection {
    names: Vec<Arc<str>>,
    /// Whether two outputs may want the same name.
    contended: bool,
    value: Shape,
    key: Shape,
    headers: Shape,
}

/// What to take of one part of a record.
#[derive(Debug, Clone)]
enum Shape {
    /// Nothing.
    Nothing,
    /// It all, as it is. Without any column for it, a struct gives nothing (and JSON everything).
    Whole { by_star: bool },
    /// Fields lifted to the top. `repeated` is a path selected twice, which structs refuse.
    Flat {
        picks: Vec<Pick>,
        repeated: Option<String>,
    },
    /// Fields where they are.
    Nested(Node),
}

/// Why a record cannot be projected.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SelectError {
    /// The root has no members.
    #[error("fields cannot be selected from {kind}: the record must be an object")]
    NotAnObject {
        /// What the root is.
        kind: &'static str,
    },
    /// A struct has no such field.
    #[error("Can't find field `{path}`")]
    Missing {
        /// The path as selected.
        path: String,
    },
    /// A list was selected while flattening.
    #[error(
        "Invalid path `{path}`: it is a list, which cannot be a column unless `WITHSTRUCTURE` or a lone `*` selects it"
    )]
    InvalidPath {
        /// The path as selected.
        path: String,
    },
    /// A list or map of a struct was selected while flattening.
    #[error("Can't flatten from schema by selecting `{path}`: it is a list or a map")]
    NotFlat {
        /// The path as selected.
        path: String,
    },
    /// The parent of a selected field has no members.
    #[error("Invalid field selection: the parent of `{path}` is {kind}")]
    InvalidSelection {
        /// The path as selected.
        path: String,
        /// What the parent is.
        kind: &'static str,
    },
    /// The same path twice, which structs refuse.
    #[error("the field `{path}` is selected more than once")]
    Repeated {
        /// The path as selected.
        path: String,
    },
    /// A deeper selection met something without members.
    #[error("You can't select a field from {kind}")]
    NotSelectable {
        /// What was met.
        kind: &'static str,
    },
}

impl SelectError {
    /// The Java exception the original throws here.
    pub const fn exception_class(&self) -> &'static str {
        "java.lang.IllegalArgumentException"
    }
}

impl Projection {
    /// Compiles the columns of a statement that [`parse`](super::parse) gave.
    pub fn compile(statement: &Statement, quotes: AliasQuotes) -> Result<Self, Vec<KcqlError>> {
        compile::compile(statement, quotes)
    }

    /// Names known beforehand; [`OutputName::Slot`] is an index here.
    pub fn names(&self) -> &[Arc<str>] {
        &self.names
    }

    /// Whether a `*` lets names through that only records know.
    pub fn has_wildcard(&self) -> bool {
        [&self.value, &self.key, &self.headers]
            .into_iter()
            .any(|shape| match shape {
                Shape::Nothing => false,
                Shape::Whole { .. } => true,
                Shape::Flat { picks, .. } => picks.iter().any(Pick::is_wildcard),
                Shape::Nested(node) => node.has_wildcard(),
            })
    }

    /// Whether the value is taken as it is.
    pub fn is_everything(&self) -> bool {
        matches!(self.value, Shape::Whole { .. })
    }

    /// Whether anything is taken from that part of a record.
    pub fn reads(&self, source: Source) -> bool {
        !matches!(self.shape(source), Shape::Nothing)
    }

    /// Hands every output to `give`, in order. A name may come twice: the later one counts.
    ///
    /// After an error what was given before it is worthless.
    pub fn project<'a>(
        &'a self,
        record: RecordParts<'a>,
        mut give: impl FnMut(OutputName<'a>, Cow<'a, Value>),
    ) -> Result<(), SelectError> {
        let mut names = Names::new(&self.names, self.contended);
        for (source, root) in [
            (Source::Value, record.value),
            (Source::Key, record.key),
            (Source::Header, record.headers),
        ] {
            match self.shape(source) {
                Shape::Nothing => {}
                Shape::Whole { by_star } => whole(root, *by_star, &mut names, &mut give)?,
                Shape::Flat { picks, repeated } => {
                    flat::project(picks, repeated.as_deref(), root, &mut names, &mut give)?;
                }
                Shape::Nested(node) => structured::project(node, root, &mut give)?,
            }
        }
        Ok(())
    }

    fn shape(&self, source: Source) -> &Shape {
        match source {
            Source::Value => &self.value,
            Source::Key => &self.key,
            Source::Header => &self.headers,
        }
    }
}

fn whole<'a>(
    root: &'a Value,
    by_star: bool,
    names: &mut Names<'a>,
    give: &mut impl FnMut(OutputName<'a>, Cow<'a, Value>),
) -> Result<(), SelectError> {
    names.begin_members();
    match root {
        Value::Struct(_) if !by_star => {}
        Value::Struct(own) => {
            for (index, field) in own.schema.fields().iter().enumerate() {
                give(
                    names.member(&field.name),
                    Cow::Borrowed(field_value(own, index)),
                );
            }
        }
        Value::Map(map) => {
            for (key, value) in map {
                if let Value::Str(name) = key {
                    give(names.member(name), Cow::Borrowed(value));
                }
            }
        }
        other => return Err(SelectError::NotAnObject { kind: other.kind() }),
    }
    Ok(())
}

static NULL: Value = Value::Null;

/// A field's value as `get` reads it: null gives the default.
fn field_value(own: &Struct, index: usize) -> &Value {
    match own.values.get(index) {
        Some(Value::Null) | None => own
            .schema
            .fields()
            .get(index)
            .and_then(|field| field.schema.default.as_ref())
            .unwrap_or(&NULL),
        Some(value) => value,
    }
}
