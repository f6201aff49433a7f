//! Single message transforms: a record in, none, one or many records out.
//!
//! Takes decoded records from the plan, in the order of the option `transforms`; gives them on to the next
//! transform or the projection. The list is an enum: adding one makes the compiler show every place.

use std::borrow::Cow;
use std::sync::Arc;

use crate::data_error::DataError;
use crate::options::Options;
use crate::record::ConnectRecord;
use crate::schema::Schema;
use crate::value::Value;

mod explode;
mod fields;
mod insert_field;
mod predicate;
mod readings;
#[cfg(test)]
mod tests;
mod topic_fields;

use explode::Explode;
use insert_field::InsertField;
pub(crate) use predicate::Predicate;
use readings::Readings;
use topic_fields::TopicFields;

/// Rows one record may become unless the option `max.rows` says otherwise: bounds what a payload can allocate.
const MAX_ROWS: usize = 10_000;

/// Which part of the record a transform works on: the `$Key` or `$Value` behind its class.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part {
    Key,
    Value,
}

impl Part {
    fn of<'r>(
        self,
        record: &'r mut ConnectRecord<'_>,
    ) -> (&'r mut Option<Arc<Schema>>, &'r mut Value) {
        match self {
            Self::Key => (&mut record.key_schema, &mut record.key),
            Self::Value => (&mut record.value_schema, &mut record.value),
        }
    }
}

/// A transform of the chain.
#[derive(Debug)]
pub(crate) struct Transform {
    /// The class as configured, for dead letters.
    pub(crate) class_name: String,
    /// The predicate that must hold, and whether it is negated.
    pub(crate) condition: Option<(Predicate, bool)>,
    part: Part,
    kind: Kind,
}

#[derive(Debug)]
enum Kind {
    Explode(Explode),
    InsertField(InsertField),
    Readings(Readings),
    TopicFields(TopicFields),
}

/// Full class names, without the part.
pub(crate) const CLASSES: [&str; 4] = [
    "messina.Explode",
    "messina.Readings",
    "messina.TopicFields",
    "org.apache.kafka.connect.transforms.InsertField",
];

impl Transform {
    /// The transform `class` with the options below its prefix; what is wrong goes into `options`.
    pub(crate) fn compile(class: &str, options: &mut Options<'_, '_>) -> Option<Self> {
        let (name, part) = match class.split_once('$') {
            Some((name, "Key")) => (name, Part::Key),
            Some((name, "Value")) => (name, Part::Value),
            Some(_) => ("", Part::Value),
            None => (class, Part::Value),
        };
        let simple = |full: &str| full.rsplit('.').next().unwrap_or_default().to_owned();
        let full = CLASSES
            .into_iter()
            .find(|full| *full == name || simple(full) == name);
        // Kafka's own have no form without the part.
        let full = full.filter(|full| full.starts_with("messina.") || class.contains('$'));
        let Some(full) = full else {
            let available: Vec<_> = CLASSES
                .iter()
                .map(|name| format!("{name}$Key|$Value"))
                .collect();
            let help = format!("available are {}", available.join(", "));
            options.refuse_self(format!("unknown transform `{class}`"), help);
            return None;
        };
        let kind = match simple(full).as_str() {
            "Explode" => Kind::Explode(Explode::compile(options)?),
            "Readings" => Kind::Readings(Readings::compile(options)),
            "TopicFields" => Kind::TopicFields(TopicFields::compile(options)?),
            _ => Kind::InsertField(InsertField::compile(options)?),
        };
        let class_name = format!("{full}${part:?}");
        Some(Self {
            class_name,
            condition: None,
            part,
            kind,
        })
    }

    /// Whether the decoded key matters to it.
    pub(crate) fn uses_key(&self) -> bool {
        self.part == Part::Key
    }

    /// Appends to `out` what becomes of `record`; nothing drops it.
    pub(crate) fn apply<'a>(
        &self,
        record: ConnectRecord<'a>,
        out: &mut Vec<ConnectRecord<'a>>,
    ) -> Result<(), DataError> {
        if let Some((predicate, negate)) = &self.condition
            && predicate.holds(&record) == *negate
        {
            out.push(record);
            return Ok(());
        }
        match &self.kind {
            Kind::Explode(explode) => explode.apply(record, self.part, out),
            Kind::InsertField(insert) => insert.apply(record, self.part, out),
            Kind::Readings(readings) => readings.apply(record, self.part, out),
            Kind::TopicFields(topic) => topic.apply(record, self.part, out),
        }
    }
}

/// What a transform that adds fields says about a part that has none.
fn no_fields(value: &Value, schema: Option<&Arc<Schema>>, purpose: &str) -> DataError {
    let wanted: Cow<'_, str> = match schema {
        None => "only Map objects supported in absence of schema".into(),
        Some(_) => "only Struct objects supported".into(),
    };
    DataError::new(format!("{wanted} for [{purpose}], found {}", value.kind()))
}
