//! `InsertField`: facts about the record as fields of its key or value (CONNECT-SPEC 2.3).

use std::sync::Arc;

use super::Part;
use super::fields::Appended;
use crate::data_error::DataError;
use crate::options::Options;
use crate::record::ConnectRecord;
use crate::schema::{Field, Logical, Schema, SchemaKind};
use crate::value::Value;

/// What a field tells, in the order fields are appended.
#[derive(Debug, Clone)]
enum Fact {
    Topic,
    Partition,
    Offset,
    Timestamp,
    Static(Value),
}

#[derive(Debug)]
pub(super) struct InsertField {
    facts: Vec<Fact>,
    appended: Appended,
}

impl InsertField {
    pub(super) fn compile(options: &mut Options<'_, '_>) -> Option<Self> {
        let null_to_default = options.boolean("replace.null.with.default", true);
        let (mut facts, mut fields) = (Vec::new(), Vec::new());
        let plain = |kind| Schema::new(kind);
        let known = [
            ("topic.field", Fact::Topic, plain(SchemaKind::String)),
            ("partition.field", Fact::Partition, plain(SchemaKind::Int32)),
            ("offset.field", Fact::Offset, plain(SchemaKind::Int64)),
            (
                "timestamp.field",
                Fact::Timestamp,
                Schema::logical_type(Logical::Timestamp),
            ),
        ];
        for (option, fact, schema) in known {
            if let Some(name) = options.raw(option).map(str::trim) {
                facts.push(fact);
                fields.push(field(name, schema));
            }
        }
        let text = |name| options.raw(name).map(str::trim);
        match (text("static.field"), text("static.value")) {
            (Some(name), Some(value)) => {
                facts.push(Fact::Static(Value::text(value)));
                fields.push(field(name, plain(SchemaKind::String)));
            }
            (Some(_), None) => {
                options.refuse("static.value", "no value specified for static field", None);
                return None;
            }
            (None, _) => {}
        }
        if facts.is_empty() {
            options.refuse_self(
                "no field insertion configured",
                "set one of topic.field, partition.field, offset.field, timestamp.field, static.field",
            );
            return None;
        }
        Some(Self {
            facts,
            appended: Appended::new(fields, null_to_default),
        })
    }

    pub(super) fn apply<'a>(
        &self,
        mut record: ConnectRecord<'a>,
        part: Part,
        out: &mut Vec<ConnectRecord<'a>>,
    ) -> Result<(), DataError> {
        let typed = matches!(part.of(&mut record).1, Value::Struct(_));
        let (source, timestamp) = (record.source, record.timestamp);
        let topic = self
            .facts
            .iter()
            .any(|fact| matches!(fact, Fact::Topic))
            .then(|| Arc::from(&*record.topic));
        let values = self.facts.iter().map(|fact| match fact {
            Fact::Topic => topic.clone().map_or(Value::Null, Value::Str),
            Fact::Partition => Value::I32(source.partition),
            Fact::Offset => Value::I64(source.offset),
            Fact::Timestamp if typed => timestamp.map_or(Value::Null, Value::Timestamp),
            Fact::Timestamp => timestamp.map_or(Value::Null, Value::I64),
            Fact::Static(value) => value.clone(),
        });
        let (schema, value) = part.of(&mut record);
        if !value.is_null() {
            self.appended
                .append(schema, value, values, "field insertion")?;
        }
        out.push(record);
        Ok(())
    }
}

/// A field; its name's last character may say whether it is required (`!`) or optional (`?`, the default).
fn field(name: &str, schema: Schema) -> Field {
    let (name, schema) = match name.strip_suffix('!') {
        Some(name) => (name, schema),
        None => (name.strip_suffix('?').unwrap_or(name), schema.optional()),
    };
    Field {
        name: Arc::from(name),
        schema: Arc::new(schema),
    }
}
