//! `TimestampConverter`: one form of time as another (CONNECT-SPEC 2.3, 2.5.3).

use std::sync::Arc;

use super::fields::{or_default, put};
use super::{Part, no_fields};
use crate::data_error::{DataError, Exception};
use crate::java_date::{DateFormat, MILLIS_PER_DAY};
use crate::options::Options;
use crate::record::ConnectRecord;
use crate::schema::{Field, Logical, Schema, SchemaKind};
use crate::schema_cache::SchemaCache;
use crate::value::{Struct, Value};

const PURPOSE: &str = "converting timestamp formats";

/// What "now" is for two-digit years of records without a time: 2026.
const NOW: i64 = 1_795_000_000_000;

#[derive(Debug)]
pub(super) struct TimestampConverter {
    /// The field's name; the whole part where it is empty.
    field: Arc<str>,
    target: Form,
    precision: Precision,
    format: Option<DateFormat>,
    null_to_default: bool,
    layouts: SchemaCache<Arc<Schema>, Layout>,
}

/// The schema of the result, and the index of the field that is converted.
type Layout = (Arc<Schema>, Option<usize>);

/// How a time is represented.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    Text,
    Unix,
    Date,
    Time,
    Timestamp,
}

/// The unit of Unix times.
#[derive(Debug, Clone, Copy)]
enum Precision {
    Seconds,
    Millis,
    Micros,
    Nanos,
}

impl TimestampConverter {
    pub(super) fn compile(options: &mut Options<'_, '_>) -> Option<Self> {
        let target = target(options)?;
        let precision = precision(options)?;
        let format = match options
            .raw("format")
            .map(str::trim)
            .filter(|text| !text.is_empty())
        {
            None if target == Form::Text => {
                options.refuse("format", "is required to write text", None);
                return None;
            }
            None => None,
            Some(pattern) => match DateFormat::compile(pattern) {
                Ok(format) => Some(format),
                Err(message) => {
                    options.refuse("format", message, None);
                    return None;
                }
            },
        };
        Some(Self {
            field: Arc::from(options.text("field").unwrap_or_default()),
            target,
            precision,
            format,
            null_to_default: options.boolean("replace.null.with.default", true),
            layouts: SchemaCache::default(),
        })
    }

    pub(super) fn apply(
        &self,
        record: &mut ConnectRecord<'_>,
        part: Part,
    ) -> Result<(), DataError> {
        let now = record.timestamp.unwrap_or(NOW);
        let (schema, value) = part.of(record);
        let Some(own) = schema.clone() else {
            return self.schemaless(value, now);
        };
        let (converted, place) = self.layouts.of(&own, || self.layout(&own))?;
        if self.field.is_empty() {
            *value = self.converted(std::mem::take(value), now)?;
        } else if !value.is_null() {
            self.structure(value, &own, &converted, place, now)?;
        }
        *schema = Some(converted);
        Ok(())
    }

    fn schemaless(&self, value: &mut Value, now: i64) -> Result<(), DataError> {
        if value.is_null() {
            return Ok(());
        }
        if self.field.is_empty() {
            let own = std::mem::take(value);
            *value = self.converted(own, now)?;
            return Ok(());
        }
        let Value::Map(map) = value else {
            return Err(no_fields(value, None, PURPOSE));
        };
        let own = map
            .get_mut(&self.field)
            .map(std::mem::take)
            .unwrap_or_default();
        map.insert(self.field.clone(), self.converted(own, now)?);
        Ok(())
    }

    fn structure(
        &self,
        value: &mut Value,
        own: &Arc<Schema>,
        converted: &Arc<Schema>,
        place: Option<usize>,
        now: i64,
    ) -> Result<(), DataError> {
        let Value::Struct(old) = value else {
            return Err(no_fields(value, Some(own), PURPOSE));
        };
        let mut values = Vec::with_capacity(old.values.len());
        let fields = own.fields().iter().zip(converted.fields()).enumerate();
        for (value, (index, (before, after))) in old.values.drain(..).zip(fields) {
            let value = or_default(value, &before.schema, self.null_to_default);
            let value = match place {
                Some(at) if at == index => {
                    is_time(&before.schema)?;
                    self.converted(value, now)?
                }
                _ => value,
            };
            values.push(put(value, after, false)?);
        }
        *value = Value::Struct(Struct {
            schema: converted.clone(),
            values,
        });
        Ok(())
    }

    fn layout(&self, own: &Schema) -> Result<Layout, DataError> {
        if self.field.is_empty() {
            is_time(own)?;
            return Ok((self.schema(own.optional), None));
        }
        if !matches!(own.kind, SchemaKind::Struct(_)) {
            return Err(DataError::new(format!(
                "only Struct objects supported for [{PURPOSE}]"
            )));
        }
        let mut fields = own.fields().to_vec();
        let mut place = None;
        if let Some(index) = own.field_index(&self.field)
            && let Some(field) = fields.get_mut(index)
        {
            place = Some(index);
            *field = Field {
                name: field.name.clone(),
                schema: self.schema(field.schema.optional),
            };
        }
        let schema = Schema {
            kind: SchemaKind::Struct(fields),
            ..own.clone()
        };
        Ok((Arc::new(schema), place))
    }

    fn schema(&self, optional: bool) -> Arc<Schema> {
        let schema = match self.target {
            Form::Text => Schema::new(SchemaKind::String),
            Form::Unix => Schema::new(SchemaKind::Int64),
            Form::Date => Schema::logical_type(Logical::Date),
            Form::Time => Schema::logical_type(Logical::Time),
            Form::Timestamp => Schema::logical_type(Logical::Timestamp),
        };
        Arc::new(Schema { optional, ..schema })
    }

    fn converted(&self, value: Value, now: i64) -> Result<Value, DataError> {
        let millis = match value {
            Value::Null => return Ok(Value::Null),
            Value::Date(days) => i64::from(days) * MILLIS_PER_DAY,
            Value::Time(millis) => i64::from(millis),
            Value::Timestamp(millis) => millis,
            Value::I64(unix) => self.precision.to_millis(unix),
            Value::Str(text) => self.parsed(&text, now)?,
            other => {
                let kind = other.kind();
                return Err(DataError::new(format!(
                    "TimestampConverter does not support {kind} as a time"
                )));
            }
        };
        let (day, time) = (
            millis.div_euclid(MILLIS_PER_DAY),
            millis.rem_euclid(MILLIS_PER_DAY),
        );
        Ok(match self.target {
            Form::Text => match &self.format {
                Some(format) => Value::text(&format.format(millis)),
                None => Value::Null,
            },
            Form::Unix => Value::I64(self.precision.of_millis(millis)),
            // What no date holds stays an instant, as in the original.
            Form::Date => i32::try_from(day).map_or_else(
                |_| Value::Timestamp(day.wrapping_mul(MILLIS_PER_DAY)),
                Value::Date,
            ),
            Form::Time => i32::try_from(time).map_or(Value::Null, Value::Time),
            Form::Timestamp => Value::Timestamp(millis),
        })
    }

    fn parsed(&self, text: &str, now: i64) -> Result<i64, DataError> {
        let Some(format) = &self.format else {
            return Err(DataError::new(
                "a time is text, and the option `format` does not say how to read it",
            ));
        };
        format.parse(text, now).ok_or_else(|| {
            let shown: String = text.chars().take(60).collect();
            let pattern = format.pattern();
            DataError::new(format!(
                "could not parse timestamp: value ({shown}) does not match pattern ({pattern})"
            ))
        })
    }
}

fn target(options: &mut Options<'_, '_>) -> Option<Form> {
    Some(match options.required("target.type")? {
        "string" => Form::Text,
        "unix" => Form::Unix,
        "Date" => Form::Date,
        "Time" => Form::Time,
        "Timestamp" => Form::Timestamp,
        other => {
            let message = format!("`{other}` is none of string, unix, Date, Time, Timestamp");
            options.refuse("target.type", message, None);
            return None;
        }
    })
}

fn precision(options: &mut Options<'_, '_>) -> Option<Precision> {
    Some(
        match options
            .raw("unix.precision")
            .map_or("milliseconds", str::trim)
        {
            "seconds" => Precision::Seconds,
            "milliseconds" => Precision::Millis,
            "microseconds" => Precision::Micros,
            "nanoseconds" => Precision::Nanos,
            other => {
                let message = format!(
                    "`{other}` is none of seconds, milliseconds, microseconds, nanoseconds"
                );
                options.refuse("unix.precision", message, None);
                return None;
            }
        },
    )
}

/// Refuses schemas that stand for no form of time.
fn is_time(schema: &Schema) -> Result<(), DataError> {
    match (schema.logical(), &schema.kind) {
        (Some(Logical::Timestamp | Logical::Date | Logical::Time), _)
        | (_, SchemaKind::String | SchemaKind::Int64) => Ok(()),
        (_, kind) => {
            let kind = crate::converter::json::type_name(kind);
            let message =
                format!("schema {kind} does not correspond to a known timestamp type format");
            Err(DataError::of(Exception::Connect, message))
        }
    }
}

impl Precision {
    /// Rounds toward zero, saturates.
    fn to_millis(self, unix: i64) -> i64 {
        match self {
            Self::Seconds => unix.saturating_mul(1000),
            Self::Millis => unix,
            Self::Micros => unix / 1000,
            Self::Nanos => unix / 1_000_000,
        }
    }

    fn of_millis(self, millis: i64) -> i64 {
        match self {
            Self::Seconds => millis / 1000,
            Self::Millis => millis,
            Self::Micros => millis.saturating_mul(1000),
            Self::Nanos => millis.saturating_mul(1_000_000),
        }
    }
}
