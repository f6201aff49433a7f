//! `WITHSTRUCTURE`: selected fields stay where they are, aliases rename the last step, and lists are
//! traversed.
//!
//! The original's filter leaks siblings into paths of four and more steps; this one does not.

use std::borrow::Cow;
use std::sync::Arc;

use super::{NULL, OutputName, SelectError, field_value};
use crate::value::{Struct, Value, ValueMap};

/// What is selected below one path.
#[derive(Debug, Clone, Default)]
pub(super) struct Node {
    pub(super) entries: Vec<Entry>,
    pub(super) children: Vec<(Arc<str>, Node)>,
}

/// One selection below a path.
#[derive(Debug, Clone)]
pub(super) enum Entry {
    /// All members not selected by name here.
    Members,
    /// A member under a name. It ends here, or goes on in the child of that name.
    Member {
        name: Arc<str>,
        output: Arc<str>,
        /// Whether a column ends here; a mere step does not hide the member from `*`.
        last: bool,
        /// At the top: the name's place among the projection's names.
        slot: Option<usize>,
    },
}

impl Node {
    pub(super) fn has_wildcard(&self) -> bool {
        self.entries
            .iter()
            .any(|entry| matches!(entry, Entry::Members))
    }

    fn child(&self, name: &str) -> Option<&Self> {
        self.children
            .iter()
            .find(|(own, _)| **own == *name)
            .map(|(_, node)| node)
    }

    fn names(&self, member: &str) -> bool {
        self.entries.iter().any(
            |entry| matches!(entry, Entry::Member { name, last: true, .. } if **name == *member),
        )
    }

    /// Whether it lets everything through as it is.
    fn is_all(&self) -> bool {
        matches!(self.entries.as_slice(), [] | [Entry::Members])
    }
}

pub(super) fn project<'a>(
    node: &'a Node,
    root: &'a Value,
    give: &mut impl FnMut(OutputName<'a>, Cow<'a, Value>),
) -> Result<(), SelectError> {
    match root {
        Value::Map(_) | Value::Struct(_) => {
            walk(node, root, matches!(root, Value::Struct(_)), give)
        }
        other => Err(SelectError::NotAnObject { kind: other.kind() }),
    }
}

/// Hands over the selected members of an object.
fn walk<'a>(
    node: &'a Node,
    object: &'a Value,
    by_schema: bool,
    give: &mut impl FnMut(OutputName<'a>, Cow<'a, Value>),
) -> Result<(), SelectError> {
    for entry in &node.entries {
        match entry {
            Entry::Members => {
                for_each_member(object, |name, value| {
                    if !node.names(name) {
                        give(
                            OutputName::Dynamic(Cow::Borrowed(name)),
                            Cow::Borrowed(value),
                        );
                    }
                });
            }
            Entry::Member {
                name, output, slot, ..
            } => {
                let Some(value) = member(object, name) else {
                    if by_schema {
                        return Err(SelectError::Missing {
                            path: name.to_string(),
                        });
                    }
                    continue;
                };
                let value = match node.child(name) {
                    Some(child) => select(child, value, by_schema)?,
                    None => Cow::Borrowed(value),
                };
                let output = match slot {
                    Some(slot) => OutputName::Slot(*slot),
                    None => OutputName::Dynamic(Cow::Borrowed(&**output)),
                };
                give(output, value);
            }
        }
    }
    Ok(())
}

/// What is selected of a value that is not the root.
fn select<'a>(
    node: &'a Node,
    value: &'a Value,
    by_schema: bool,
) -> Result<Cow<'a, Value>, SelectError> {
    if node.is_all() {
        return Ok(Cow::Borrowed(value));
    }
    match value {
        Value::List(elements) => elements
            .iter()
            .map(|element| select(node, element, by_schema).map(Cow::into_owned))
            .collect::<Result<_, _>>()
            .map(|elements| Cow::Owned(Value::List(elements))),
        // A map is data to a schema: the selection is about its values.
        Value::Map(map) if by_schema => map
            .iter()
            .map(|(key, value)| {
                let value = select(node, value, by_schema)?;
                Ok((key.clone(), value.into_owned()))
            })
            .collect::<Result<_, _>>()
            .map(|entries| Cow::Owned(Value::Map(ValueMap::from_entries(entries)))),
        Value::Map(_) | Value::Struct(_) => object(node, value, by_schema).map(Cow::Owned),
        Value::Null if by_schema => Ok(Cow::Borrowed(&NULL)),
        other => Err(SelectError::NotSelectable { kind: other.kind() }),
    }
}

fn object(node: &Node, value: &Value, by_schema: bool) -> Result<Value, SelectError> {
    let mut selected = ValueMap::new();
    walk(
        node,
        value,
        by_schema,
        &mut |name, value: Cow<'_, Value>| {
            if let OutputName::Dynamic(name) = name {
                selected.insert(Arc::from(&*name), value.into_owned());
            }
        },
    )?;
    Ok(Value::Map(selected))
}

fn member<'a>(object: &'a Value, name: &str) -> Option<&'a Value> {
    match object {
        Value::Map(map) => map.get(name),
        Value::Struct(own) => own
            .schema
            .field_index(name)
            .map(|index| field_value(own, index)),
        _ => None,
    }
}

fn for_each_member<'a>(object: &'a Value, mut each: impl FnMut(&'a str, &'a Value)) {
    match object {
        Value::Map(map) => {
            for (key, value) in map {
                if let Value::Str(name) = key {
                    each(name, value);
                }
            }
        }
        Value::Struct(own) => struct_members(own, each),
        _ => {}
    }
}

fn struct_members<'a>(own: &'a Struct, mut each: impl FnMut(&'a str, &'a Value)) {
    for (index, field) in own.schema.fields().iter().enumerate() {
        each(&field.name, field_value(own, index));
    }
}
