//! `messina.TopicFields`: levels of the MQTT topic as fields.
//!
//! Options: `levels` = field names for the levels in order, an empty item or `_` skips one; `topic.field` = a
//! field for the whole topic. The MQTT topic is the header `mqtt.topic`, else the record key.

use std::sync::Arc;

use super::Part;
use super::fields::Appended;
use crate::data_error::DataError;
use crate::options::Options;
use crate::record::ConnectRecord;
use crate::schema::{Field, Schema, SchemaKind};
use crate::value::Value;

#[derive(Debug)]
pub(super) struct TopicFields {
    /// Index of the level each field takes; `None` takes the whole topic.
    levels: Vec<Option<usize>>,
    appended: Appended,
}

impl TopicFields {
    pub(super) fn compile(options: &mut Options<'_, '_>) -> Option<Self> {
        let listed = options.list("levels").into_iter().enumerate();
        let levels = listed.filter(|(_, name)| !["", "_"].contains(name));
        let levels = levels.map(|(index, name)| (Some(index), name));
        let whole = options.text("topic.field").map(|name| (None, name));
        let (levels, names): (Vec<_>, Vec<_>) = levels.chain(whole).unzip();
        if names.is_empty() {
            options.refuse_self(
                "no field for a level of the topic",
                "set `levels` to names such as `site,_,sensor`, or `topic.field`",
            );
            return None;
        }
        for (index, name) in names.iter().enumerate() {
            if names.iter().take(index).any(|before| before == name) {
                options.refuse("levels", format!("field `{name}` is named twice"), None);
                return None;
            }
        }
        let schema = Arc::new(Schema::new(SchemaKind::String).optional());
        let field = |name: &str| Field {
            name: Arc::from(name),
            schema: schema.clone(),
        };
        let fields = names.into_iter().map(field).collect();
        Some(Self {
            levels,
            appended: Appended::new(fields, false),
        })
    }

    pub(super) fn apply<'a>(
        &self,
        mut record: ConnectRecord<'a>,
        part: Part,
        out: &mut Vec<ConnectRecord<'a>>,
    ) -> Result<(), DataError> {
        let Some(topic) = record.source.mqtt_topic() else {
            return Err(DataError::new(
                "the record has neither the header `mqtt.topic` nor a key of text",
            ));
        };
        let text = |level: &Option<usize>| match level {
            None => Value::text(topic),
            Some(index) => topic
                .split('/')
                .nth(*index)
                .map_or(Value::Null, Value::text),
        };
        let (schema, value) = part.of(&mut record);
        if !value.is_null() {
            self.appended
                .append(schema, value, self.levels.iter().map(text), "topic levels")?;
        }
        out.push(record);
        Ok(())
    }
}
