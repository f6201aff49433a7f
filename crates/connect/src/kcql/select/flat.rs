//! Flatten mode, the default: every selected field becomes a column of its own.
//!
//! JSON and structs differ in what a missing field, a null and a map mean; the kind of the root decides.

use std::borrow::Cow;
use std::sync::Arc;

use super::name::Names;
use super::{NULL, OutputName, SelectError, field_value};
use crate::schema::{Schema, SchemaKind};
use crate::value::{Struct, Value};

/// One selected column.
#[derive(Debug, Clone)]
pub(super) struct Pick {
    /// Steps to the object it is taken from.
    pub(super) parents: Vec<Arc<str>>,
    pub(super) taken: Taken,
    /// The path as written, for messages.
    pub(super) path: String,
}

/// What is taken from that object.
#[derive(Debug, Clone)]
pub(super) enum Taken {
    /// The object itself: `_key`.
    Root { slot: usize },
    /// A field.
    Field { name: Arc<str>, slot: usize },
    /// All members but those.
    Members { except: Vec<Arc<str>> },
}

impl Pick {
    pub(super) const fn is_wildcard(&self) -> bool {
        matches!(self.taken, Taken::Members { .. })
    }
}

pub(super) fn project<'a>(
    picks: &'a [Pick],
    repeated: Option<&str>,
    root: &'a Value,
    names: &mut Names<'a>,
    give: &mut impl FnMut(OutputName<'a>, Cow<'a, Value>),
) -> Result<(), SelectError> {
    if let (Value::Struct(_), Some(path)) = (root, repeated) {
        return Err(SelectError::Repeated {
            path: path.to_owned(),
        });
    }
    for pick in picks {
        match (&pick.taken, root) {
            (Taken::Root { slot }, _) => give(names.slot(*slot), Cow::Borrowed(root)),
            (_, Value::Struct(own)) => from_struct(pick, own, names, give)?,
            (_, Value::Map(_)) => from_json(pick, root, names, give)?,
            (_, other) => return Err(SelectError::NotAnObject { kind: other.kind() }),
        }
    }
    Ok(())
}

fn from_json<'a>(
    pick: &'a Pick,
    root: &'a Value,
    names: &mut Names<'a>,
    give: &mut impl FnMut(OutputName<'a>, Cow<'a, Value>),
) -> Result<(), SelectError> {
    let parent = pick
        .parents
        .iter()
        .try_fold(root, |value, step| member(value, step));
    match parent {
        None => {}
        Some(Value::Map(map)) => match &pick.taken {
            Taken::Members { except } => {
                names.begin_members();
                for (key, value) in map {
                    if let Value::Str(name) = key
                        && !except.contains(name)
                    {
                        give_json(pick, names.member(name), value, give)?;
                    }
                }
            }
            Taken::Field { name, slot } => {
                if let Some(value) = map.get(name) {
                    give_json(pick, names.slot(*slot), value, give)?;
                }
            }
            Taken::Root { .. } => {}
        },
        Some(other) => return Err(invalid_selection(pick, other.kind())),
    }
    Ok(())
}

/// The member of a JSON object; nothing else has any.
fn member<'a>(value: &'a Value, name: &str) -> Option<&'a Value> {
    match value {
        Value::Map(map) => map.get(name),
        _ => None,
    }
}

fn give_json<'a>(
    pick: &Pick,
    name: OutputName<'a>,
    value: &'a Value,
    give: &mut impl FnMut(OutputName<'a>, Cow<'a, Value>),
) -> Result<(), SelectError> {
    match value {
        Value::Null => {}
        Value::List(_) => {
            return Err(SelectError::InvalidPath {
                path: pick.path.clone(),
            });
        }
        _ => give(name, Cow::Borrowed(value)),
    }
    Ok(())
}

fn from_struct<'a>(
    pick: &'a Pick,
    root: &'a Struct,
    names: &mut Names<'a>,
    give: &mut impl FnMut(OutputName<'a>, Cow<'a, Value>),
) -> Result<(), SelectError> {
    let (schema, own) = descend(pick, root)?;
    let value = |index| own.map_or(&NULL, |own| field_value(own, index));
    match &pick.taken {
        Taken::Root { .. } => {}
        Taken::Field { name, slot } => {
            let index = schema.field_index(name).ok_or_else(|| missing(pick))?;
            refuse_collections(pick, schema, index)?;
            give(names.slot(*slot), Cow::Borrowed(value(index)));
        }
        Taken::Members { except } => {
            names.begin_members();
            for (index, field) in schema.fields().iter().enumerate() {
                if !except.contains(&field.name) {
                    refuse_collections(pick, schema, index)?;
                    give(names.member(&field.name), Cow::Borrowed(value(index)));
                }
            }
        }
    }
    Ok(())
}

/// The schema at the parents' end, and the struct there unless a null stands above it.
fn descend<'a>(
    pick: &Pick,
    root: &'a Struct,
) -> Result<(&'a Schema, Option<&'a Struct>), SelectError> {
    let mut schema: &Schema = &root.schema;
    let mut own = Some(root);
    for step in &pick.parents {
        let index = schema.field_index(step).ok_or_else(|| missing(pick))?;
        let field = schema.fields().get(index).ok_or_else(|| missing(pick))?;
        let value = own.map_or(&NULL, |own| field_value(own, index));
        schema = &field.schema;
        own = match (&schema.kind, value) {
            (SchemaKind::Struct(_), Value::Struct(inner)) => Some(inner),
            (SchemaKind::Struct(_), _) => None,
            (_, other) => return Err(invalid_selection(pick, other.kind())),
        };
    }
    Ok((schema, own))
}

fn refuse_collections(pick: &Pick, schema: &Schema, index: usize) -> Result<(), SelectError> {
    match schema.fields().get(index).map(|field| &field.schema.kind) {
        Some(SchemaKind::Array(_) | SchemaKind::Map(..)) => Err(SelectError::NotFlat {
            path: pick.path.clone(),
        }),
        _ => Ok(()),
    }
}

fn missing(pick: &Pick) -> SelectError {
    SelectError::Missing {
        path: pick.path.clone(),
    }
}

fn invalid_selection(pick: &Pick, kind: &'static str) -> SelectError {
    SelectError::InvalidSelection {
        path: pick.path.clone(),
        kind,
    }
}
