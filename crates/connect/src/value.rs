//! The values a record is made of between its bytes and its row: Kafka Connect's data model (CONNECT-SPEC 1.2).
//!
//! Integer widths stay apart because transforms and CQL bindings depend on them, and the logical types are
//! variants of their own: a date is not a number here. A schemaless value is anything but `Struct`, `Date`,
//! `Time`, `Timestamp` and `Decimal`; nothing enforces that but the converters' writers.

use std::sync::Arc;

use bytes::Bytes;
use num_bigint::BigInt;

use crate::schema::Schema;

/// A value of Kafka Connect's data model.
#[derive(Debug, Clone, PartialEq, Default)]
pub enum Value {
    /// Absent, JSON's null; as a record's value, a tombstone.
    #[default]
    Null,
    /// BOOLEAN
    Bool(bool),
    /// INT8
    I8(i8),
    /// INT16
    I16(i16),
    /// INT32
    I32(i32),
    /// INT64
    I64(i64),
    /// FLOAT32
    F32(f32),
    /// FLOAT64
    F64(f64),
    /// STRING
    Str(Arc<str>),
    /// BYTES
    Bytes(Bytes),
    /// ARRAY
    List(Vec<Value>),
    /// MAP, and the schemaless object.
    Map(ValueMap),
    /// STRUCT: values in the order of the schema's fields.
    Struct(Struct),
    /// Logical Date: days since 1970-01-01.
    Date(i32),
    /// Logical Time: milliseconds since midnight.
    Time(i32),
    /// Logical Timestamp: milliseconds since 1970-01-01 UTC.
    Timestamp(i64),
    /// Logical Decimal.
    Decimal(Box<Decimal>),
}

/// Unscaled value and scale: `unscaled x 10^-scale`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decimal {
    /// All digits, without the point.
    pub unscaled: BigInt,
    /// Digits right of the point; may be negative.
    pub scale: i32,
}

/// A struct: one value for each field of its schema.
#[derive(Debug, Clone, PartialEq)]
pub struct Struct {
    /// A schema whose kind is `SchemaKind::Struct`.
    pub schema: Arc<Schema>,
    /// As many values as the schema has fields, in its order.
    pub values: Vec<Value>,
}

impl Struct {
    /// The raw value of the field called `name`; `None` where the schema has no such field.
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.values.get(self.schema.field_index(name)?)
    }

    /// Names and raw values in the schema's order.
    pub fn iter(&self) -> impl Iterator<Item = (&Arc<str>, &Value)> {
        self.schema
            .fields()
            .iter()
            .map(|field| &field.name)
            .zip(&self.values)
    }
}

/// An insertion-ordered map. Keys are unique; those of a schemaless object are `Value::Str`.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ValueMap {
    entries: Vec<(Value, Value)>,
}

/// Above this many entries duplicate keys are found by hashing instead of by comparing all pairs.
const SMALL_MAP: usize = 24;

impl ValueMap {
    /// An empty map.
    pub const fn new() -> Self {
        Self {
            entries: Vec::new(),
        }
    }

    /// An empty map with room for `capacity` entries.
    pub fn with_capacity(capacity: usize) -> Self {
        Self {
            entries: Vec::with_capacity(capacity),
        }
    }

    /// A map of entries that may repeat a key: the last value wins and keeps the first one's place.
    pub fn from_entries(entries: Vec<(Value, Value)>) -> Self {
        let mut map = Self { entries };
        if map.entries.len() <= SMALL_MAP {
            map.merge_small();
        } else {
            map.merge_large();
        }
        map
    }

    /// The value under the string key `name`.
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.position(name)
            .and_then(|index| self.entries.get(index))
            .map(|(_, value)| value)
    }

    /// The value under `key`, of whatever type.
    pub fn get_key(&self, key: &Value) -> Option<&Value> {
        self.entries
            .iter()
            .find(|(own, _)| own == key)
            .map(|(_, value)| value)
    }

    /// The value under the string key `name`, to be changed.
    pub fn get_mut(&mut self, name: &str) -> Option<&mut Value> {
        let index = self.position(name)?;
        self.entries.get_mut(index).map(|(_, value)| value)
    }

    /// Puts `value` under the string key `name`; an old value keeps its place and is returned.
    pub fn insert(&mut self, name: Arc<str>, value: Value) -> Option<Value> {
        if let Some(own) = self.get_mut(&name) {
            return Some(std::mem::replace(own, value));
        }
        self.entries.push((Value::Str(name), value));
        None
    }

    /// Appends all entries of `other`, whose keys this map must not have.
    pub(crate) fn extend_distinct(&mut self, other: &Self) {
        debug_assert!(self.is_empty() || other.iter().all(|(key, _)| self.get_key(key).is_none()));
        self.entries.extend_from_slice(&other.entries);
    }

    /// Takes the entry under the string key `name` out; the others keep their order.
    pub fn remove(&mut self, name: &str) -> Option<Value> {
        let index = self.position(name)?;
        Some(self.entries.remove(index).1)
    }

    /// Entries in order.
    pub fn iter(&self) -> std::slice::Iter<'_, (Value, Value)> {
        self.entries.iter()
    }

    /// Entries as a slice, in order.
    pub fn entries(&self) -> &[(Value, Value)] {
        &self.entries
    }

    /// Number of entries.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there is no entry.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    fn position(&self, name: &str) -> Option<usize> {
        self.entries
            .iter()
            .position(|(key, _)| matches!(key, Value::Str(key) if **key == *name))
    }

    fn merge_small(&mut self) {
        let mut end = 0;
        while end < self.entries.len() {
            let (before, rest) = self.entries.split_at_mut(end);
            let Some((key, value)) = rest.first_mut() else {
                break;
            };
            match before.iter_mut().find(|(own, _)| own == key) {
                Some((_, own)) => {
                    *own = std::mem::take(value);
                    self.entries.remove(end);
                }
                None => end += 1,
            }
        }
    }

    fn merge_large(&mut self) {
        let mut seen = std::collections::HashMap::with_capacity(self.entries.len());
        let mut merged: Vec<(Value, Value)> = Vec::with_capacity(self.entries.len());
        for (key, value) in std::mem::take(&mut self.entries) {
            let known = match &key {
                Value::Str(text) => seen.get(text).copied(),
                other => merged.iter().position(|(own, _)| own == other),
            };
            if let Some((_, own)) = known.and_then(|index: usize| merged.get_mut(index)) {
                *own = value;
            } else {
                if let Value::Str(text) = &key {
                    seen.insert(text.clone(), merged.len());
                }
                merged.push((key, value));
            }
        }
        self.entries = merged;
    }
}

impl IntoIterator for ValueMap {
    type Item = (Value, Value);
    type IntoIter = std::vec::IntoIter<(Value, Value)>;

    fn into_iter(self) -> Self::IntoIter {
        self.entries.into_iter()
    }
}

impl<'a> IntoIterator for &'a ValueMap {
    type Item = &'a (Value, Value);
    type IntoIter = std::slice::Iter<'a, (Value, Value)>;

    fn into_iter(self) -> Self::IntoIter {
        self.entries.iter()
    }
}

impl FromIterator<(Arc<str>, Value)> for ValueMap {
    fn from_iter<I: IntoIterator<Item = (Arc<str>, Value)>>(entries: I) -> Self {
        Self::from_entries(
            entries
                .into_iter()
                .map(|(name, value)| (Value::Str(name), value))
                .collect(),
        )
    }
}

impl Value {
    /// A `Str` of `text`.
    pub fn text(text: &str) -> Self {
        Self::Str(Arc::from(text))
    }

    /// Whether this is `Null`.
    pub const fn is_null(&self) -> bool {
        matches!(self, Self::Null)
    }

    /// The text of a `Str`.
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Self::Str(text) => Some(text),
            _ => None,
        }
    }

    /// What this is, in the words an error message uses.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool(_) => "a boolean",
            Self::I8(_) | Self::I16(_) | Self::I32(_) | Self::I64(_) => "an integer",
            Self::F32(_) | Self::F64(_) => "a floating point number",
            Self::Str(_) => "a string",
            Self::Bytes(_) => "bytes",
            Self::List(_) => "a list",
            Self::Map(_) => "a map",
            Self::Struct(_) => "a struct",
            Self::Date(_) => "a date",
            Self::Time(_) => "a time",
            Self::Timestamp(_) => "a timestamp",
            Self::Decimal(_) => "a decimal",
        }
    }
}
