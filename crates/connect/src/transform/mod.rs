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

mod cast;
mod cast_value;
mod chain;
mod explode;
mod extract_field;
mod field_path;
mod fields;
mod flatten;
mod header;
mod hoist_field;
mod insert_field;
mod mask_field;
mod predicate;
mod readings;
mod regex_router;
mod replace_field;
mod set_schema_metadata;
#[cfg(test)]
mod tests;
mod timestamp_converter;
mod timestamp_router;
mod topic_fields;
mod value_to_key;

use cast::Cast;
pub(crate) use cast_value::date_text;
pub use chain::Chain;
use explode::Explode;
use extract_field::ExtractField;
use flatten::Flatten;
use header::{DropHeaders, HeaderFrom, InsertHeader};
use hoist_field::HoistField;
use insert_field::InsertField;
use mask_field::MaskField;
pub(crate) use predicate::{Predicate, pattern};
use readings::Readings;
use regex_router::RegexRouter;
use replace_field::ReplaceField;
use set_schema_metadata::SetSchemaMetadata;
use timestamp_converter::TimestampConverter;
use timestamp_router::TimestampRouter;
use topic_fields::TopicFields;
use value_to_key::ValueToKey;

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
    Cast(Cast),
    DropHeaders(DropHeaders),
    Explode(Explode),
    ExtractField(ExtractField),
    Filter,
    Flatten(Flatten),
    HeaderFrom(HeaderFrom),
    HoistField(HoistField),
    InsertField(InsertField),
    InsertHeader(InsertHeader),
    MaskField(MaskField),
    Readings(Readings),
    RegexRouter(RegexRouter),
    ReplaceField(ReplaceField),
    SetSchemaMetadata(SetSchemaMetadata),
    TimestampConverter(TimestampConverter),
    TimestampRouter(TimestampRouter),
    TopicFields(TopicFields),
    ValueToKey(ValueToKey),
}

/// Names of our transforms behind `messina.`; the part may be left out, it is the value then.
const OWN: [&str; 3] = ["Explode", "Readings", "TopicFields"];

/// Names of Kafka's transforms behind their package, with the part that some have.
const KAFKA: [(&str, bool); 16] = [
    ("Cast", true),
    ("DropHeaders", false),
    ("ExtractField", true),
    ("Filter", false),
    ("Flatten", true),
    ("HeaderFrom", true),
    ("HoistField", true),
    ("InsertField", true),
    ("InsertHeader", false),
    ("MaskField", true),
    ("RegexRouter", false),
    ("ReplaceField", true),
    ("SetSchemaMetadata", true),
    ("TimestampConverter", true),
    ("TimestampRouter", false),
    ("ValueToKey", false),
];

const PACKAGE: &str = "org.apache.kafka.connect.transforms.";

/// What a configured class stands for: full name, simple name, part.
fn class(written: &str) -> Option<(String, &'static str, Part)> {
    let (name, part) = match written.split_once('$') {
        Some((name, "Key")) => (name, Some(Part::Key)),
        Some((name, "Value")) => (name, Some(Part::Value)),
        Some(_) => return None,
        None => (written, None),
    };
    let own = name.strip_prefix("messina.").unwrap_or(name);
    if let Some(simple) = OWN.into_iter().find(|simple| *simple == own) {
        let part = part.unwrap_or(Part::Value);
        return Some((format!("messina.{simple}${part:?}"), simple, part));
    }
    let kafka = name.strip_prefix(PACKAGE).unwrap_or(name);
    let (simple, _) = KAFKA
        .into_iter()
        .find(|(simple, parted)| *simple == kafka && *parted == part.is_some())?;
    let suffix = part.map(|part| format!("${part:?}")).unwrap_or_default();
    let full = format!("{PACKAGE}{simple}{suffix}");
    Some((full, simple, part.unwrap_or(Part::Value)))
}

/// All classes, for a message.
fn available() -> String {
    let own = OWN.map(|simple| format!("messina.{simple}$Key|$Value"));
    let kafka = KAFKA.map(|(simple, parted)| {
        format!(
            "{PACKAGE}{simple}{}",
            if parted { "$Key|$Value" } else { "" }
        )
    });
    format!("available are {}, {}", own.join(", "), kafka.join(", "))
}

impl Transform {
    /// The transform `written` with the options below its prefix; what is wrong goes into `options`.
    pub(crate) fn compile(written: &str, options: &mut Options<'_, '_>) -> Option<Self> {
        let Some((class_name, simple, part)) = class(written) else {
            options.refuse_self(format!("unknown transform `{written}`"), available());
            return None;
        };
        let kind = match simple {
            "Cast" => Kind::Cast(Cast::compile(options)?),
            "DropHeaders" => Kind::DropHeaders(DropHeaders::compile(options)?),
            "Explode" => Kind::Explode(Explode::compile(options)?),
            "ExtractField" => Kind::ExtractField(ExtractField::compile(options)?),
            "Filter" => Kind::Filter,
            "Flatten" => Kind::Flatten(Flatten::compile(options)),
            "HeaderFrom" => Kind::HeaderFrom(HeaderFrom::compile(options)?),
            "HoistField" => Kind::HoistField(HoistField::compile(options)?),
            "InsertField" => Kind::InsertField(InsertField::compile(options)?),
            "InsertHeader" => Kind::InsertHeader(InsertHeader::compile(options)?),
            "MaskField" => Kind::MaskField(MaskField::compile(options)?),
            "Readings" => Kind::Readings(Readings::compile(options)),
            "RegexRouter" => Kind::RegexRouter(RegexRouter::compile(options)?),
            "ReplaceField" => Kind::ReplaceField(ReplaceField::compile(options)?),
            "SetSchemaMetadata" => Kind::SetSchemaMetadata(SetSchemaMetadata::compile(options)?),
            "TimestampConverter" => Kind::TimestampConverter(TimestampConverter::compile(options)?),
            "TimestampRouter" => Kind::TimestampRouter(TimestampRouter::compile(options)?),
            "TopicFields" => Kind::TopicFields(TopicFields::compile(options)?),
            _ => Kind::ValueToKey(ValueToKey::compile(options)?),
        };
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

    /// Whether the decoded headers matter to it.
    pub(crate) fn uses_headers(&self) -> bool {
        matches!(
            self.kind,
            Kind::DropHeaders(_) | Kind::HeaderFrom(_) | Kind::InsertHeader(_)
        )
    }

    /// Appends to `out` what becomes of `record`: nothing where it is dropped.
    pub(crate) fn apply<'a>(
        &self,
        mut record: ConnectRecord<'a>,
        out: &mut Vec<ConnectRecord<'a>>,
    ) -> Result<(), DataError> {
        if let Some((predicate, negate)) = &self.condition
            && predicate.holds(&record) == *negate
        {
            out.push(record);
            return Ok(());
        }
        match &self.kind {
            Kind::Explode(explode) => return explode.apply(record, self.part, out),
            Kind::InsertField(insert) => return insert.apply(record, self.part, out),
            Kind::Readings(readings) => return readings.apply(record, self.part, out),
            Kind::TopicFields(topic) => return topic.apply(record, self.part, out),
            Kind::Filter => return Ok(()),
            Kind::Cast(cast) => cast.apply(&mut record, self.part)?,
            Kind::DropHeaders(drop) => drop.apply(&mut record),
            Kind::ExtractField(extract) => extract.apply(&mut record, self.part)?,
            Kind::Flatten(flatten) => flatten.apply(&mut record, self.part)?,
            Kind::HeaderFrom(header) => header.apply(&mut record, self.part)?,
            Kind::HoistField(hoist) => hoist.apply(&mut record, self.part)?,
            Kind::InsertHeader(insert) => insert.apply(&mut record),
            Kind::MaskField(mask) => mask.apply(&mut record, self.part)?,
            Kind::RegexRouter(router) => router.apply(&mut record),
            Kind::ReplaceField(replace) => replace.apply(&mut record, self.part)?,
            Kind::SetSchemaMetadata(metadata) => metadata.apply(&mut record, self.part)?,
            Kind::TimestampConverter(converter) => converter.apply(&mut record, self.part)?,
            Kind::TimestampRouter(router) => router.apply(&mut record)?,
            Kind::ValueToKey(fields) => fields.apply(&mut record)?,
        }
        out.push(record);
        Ok(())
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
