//! Where a mapped column's value comes from.

use std::borrow::Cow;

use uuid::Uuid;

use crate::converter::json::Parser;
use crate::record::ConnectRecord;
use crate::value::Value;

/// A part of a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part {
    /// The key.
    Key,
    /// The value.
    Value,
    /// The headers by name.
    Header,
    /// A time-based UUID of the record.
    Now,
}

/// A field of a part, by steps from its root.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct FieldSource {
    pub(crate) part: Part,
    pub(crate) steps: Vec<String>,
}

/// The parts of one record, text parsed as the JSON it may hold.
#[derive(Debug)]
pub(crate) struct Parts<'r> {
    pub(crate) record: &'r ConnectRecord<'r>,
    pub(crate) key: Cow<'r, Value>,
    pub(crate) value: Cow<'r, Value>,
}

impl<'r> Parts<'r> {
    /// The parts as they are.
    pub(crate) fn plain(record: &'r ConnectRecord<'r>) -> Self {
        Self {
            record,
            key: Cow::Borrowed(&record.key),
            value: Cow::Borrowed(&record.value),
        }
    }

    /// The parts, texts and bytes read as JSON where they are some.
    pub(crate) fn parsed(record: &'r ConnectRecord<'r>) -> Self {
        Self {
            record,
            key: parsed(&record.key),
            value: parsed(&record.value),
        }
    }

    fn whole(&self, part: Part) -> &Value {
        match part {
            Part::Key => &self.key,
            _ => &self.value,
        }
    }

    /// The value of a source; `None` where there is no such field.
    pub(crate) fn get(&self, source: &FieldSource) -> Option<Cow<'_, Value>> {
        match source.part {
            Part::Now => Some(Cow::Owned(Value::text(&time_uuid(self.record).to_string()))),
            Part::Header => {
                let name = source.steps.first()?;
                let headers = self.record.headers.iter().flatten();
                let found = headers.rev().find(|header| *header.name == **name)?;
                Some(Cow::Borrowed(&found.value))
            }
            part => {
                let root = self.whole(part);
                let found = source
                    .steps
                    .iter()
                    .try_fold(root, |value, step| member(value, step));
                found.map(Cow::Borrowed)
            }
        }
    }

    /// Whether the part itself is null: its fields are not missing then.
    pub(crate) fn is_null(&self, part: Part) -> bool {
        matches!(part, Part::Key | Part::Value) && self.whole(part).is_null()
    }
}

/// The member of an object or the field of a struct.
pub(crate) fn member<'v>(value: &'v Value, name: &str) -> Option<&'v Value> {
    match value {
        Value::Map(map) => map.get(name),
        Value::Struct(own) => own.get(name),
        _ => None,
    }
}

fn parsed(value: &Value) -> Cow<'_, Value> {
    let text = match value {
        Value::Str(text) => Parser::new(text.as_bytes()),
        Value::Bytes(bytes) => Parser::new(bytes),
        other => return Cow::Borrowed(other),
    };
    let read = text.and_then(|mut parser| parser.root(Parser::value));
    match read {
        Ok(object @ (Value::Map(_) | Value::List(_))) => Cow::Owned(object),
        _ => Cow::Borrowed(value),
    }
}

/// A version 1 UUID of the record's time and place: another for each record, and the same when it is read again.
fn time_uuid(record: &ConnectRecord<'_>) -> Uuid {
    /// 100 ns steps from 1582-10-15, where these UUIDs begin, to 1970-01-01.
    const EPOCH: u64 = 0x01b2_1dd2_1381_4000;
    let source = record.source;
    let millis = u64::try_from(source.timestamp.unwrap_or(0)).unwrap_or(0);
    let within = u64::try_from(source.offset.rem_euclid(10_000)).unwrap_or(0);
    let ticks = EPOCH
        .wrapping_add(millis.wrapping_mul(10_000))
        .wrapping_add(within);
    // FNV-1a over what tells records apart that have the same time.
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    let place = source.topic.bytes().chain(source.partition.to_be_bytes());
    for byte in place.chain(source.offset.to_be_bytes()) {
        hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    }
    let [first, second, node @ ..] = hash.to_be_bytes();
    let sequence = u16::from_be_bytes([first, second]) & 0x3fff;
    let ticks = ticks & 0x0fff_ffff_ffff_ffff;
    let low = u32::try_from(ticks & 0xffff_ffff).unwrap_or(0);
    let middle = u16::try_from((ticks >> 32) & 0xffff).unwrap_or(0);
    let high = u16::try_from(ticks >> 48).unwrap_or(0) | 0x1000;
    let [variant, rest] = (sequence | 0x8000).to_be_bytes();
    let mut tail = [variant, rest, 0, 0, 0, 0, 0, 0];
    for (slot, byte) in tail.iter_mut().skip(2).zip(node) {
        *slot = byte;
    }
    Uuid::from_fields(low, middle, high, &tail)
}
