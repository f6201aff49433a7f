//! How texts and numbers become times: the options `codec.*` of `DataStax`'s engine.

use jiff::tz::TimeZone;

use super::codec::TimeUnit;
use crate::bind::{bind, date_value, invalid, time_value};
use crate::cql_type::CqlType;
use crate::data_error::DataError;
use crate::java_time::{DateTimePattern, PatternError, zone};
use crate::row::CqlValue;
use crate::value::Value;

/// What `codec.*` says.
#[derive(Debug)]
pub(crate) struct Formats {
    /// What a number in a `timestamp` counts, from 1970-01-01.
    unit: TimeUnit,
    /// Where a time without a zone is of.
    zone: TimeZone,
    timestamp: Timestamps,
    /// `None` reads dates as CQL writes them.
    date: Option<DateTimePattern>,
    /// `None` reads times of the day as CQL writes them.
    time: Option<DateTimePattern>,
}

#[derive(Debug)]
enum Timestamps {
    /// As CQL writes them; the pattern is of those without a zone.
    Cql(DateTimePattern),
    /// Numbers only.
    Units,
    Pattern(DateTimePattern),
}

/// What is wrong with an option: its name, where in its text, what, and what to do.
pub(crate) struct FormatProblem {
    pub(crate) option: &'static str,
    pub(crate) at: usize,
    pub(crate) message: String,
    pub(crate) help: String,
}

impl Default for Formats {
    fn default() -> Self {
        Self {
            unit: TimeUnit::Milliseconds,
            zone: TimeZone::UTC,
            timestamp: Timestamps::Cql(DateTimePattern::cql()),
            date: None,
            time: None,
        }
    }
}

impl Formats {
    /// The options there are, below `codec.`.
    pub(crate) const OPTIONS: [&'static str; 6] =
        ["locale", "timeZone", "timestamp", "date", "time", "unit"];

    /// Reads the options `text` gives; what is wrong with them is told to `wrong`.
    pub(crate) fn read<'t>(
        text: impl Fn(&str) -> Option<&'t str>,
        wrong: &mut dyn FnMut(FormatProblem),
    ) -> Self {
        let mut formats = Self::default();
        for option in Self::OPTIONS {
            let Some(text) = text(option).filter(|text| !text.is_empty()) else {
                continue;
            };
            if let Err((at, message, help)) = formats.set(option, text) {
                wrong(FormatProblem {
                    option,
                    at,
                    message,
                    help,
                });
            }
        }
        formats
    }

    fn set(&mut self, option: &str, text: &str) -> Result<(), (usize, String, String)> {
        match option {
            "locale" if matches!(text, "en_US" | "en") => {}
            "locale" => {
                let message = format!("locale `{text}` is not available");
                let help = "leave it at en_US: months and days have their English names".to_owned();
                return Err((0, message, help));
            }
            "timeZone" => {
                self.zone = zone(text).ok_or_else(|| {
                    let help = "write for example UTC, +02:00 or Europe/Berlin".to_owned();
                    (0, format!("`{text}` is no time zone"), help)
                })?;
            }
            "timestamp" => {
                self.timestamp = match text {
                    "CQL_TIMESTAMP" => Timestamps::Cql(DateTimePattern::cql()),
                    "UNITS_SINCE_EPOCH" => Timestamps::Units,
                    pattern => Timestamps::Pattern(dated(pattern)?),
                }
            }
            "date" => {
                let pattern = dated(text)?;
                self.date = (text != "ISO_LOCAL_DATE").then_some(pattern);
            }
            "time" => {
                let pattern = compiled(text)?;
                if !pattern.has_time() {
                    return Err(lacks(text, "the hour"));
                }
                self.time = (text != "ISO_LOCAL_TIME").then_some(pattern);
            }
            _ => {
                self.unit = TimeUnit::named(text).ok_or_else(|| {
                    let help = "write for example SECONDS or MILLISECONDS".to_owned();
                    (0, format!("`{text}` is no unit of time"), help)
                })?;
            }
        }
        Ok(())
    }

    pub(super) fn timestamp(&self, value: &Value) -> Result<CqlValue, DataError> {
        let count = |number: &Value| match bind(number, &CqlType::Bigint) {
            Ok(CqlValue::Bigint(count)) => Some(count),
            _ => None,
        };
        let counted = match value {
            Value::I8(_) | Value::I16(_) | Value::I32(_) | Value::I64(_) => count(value),
            Value::Str(text) => {
                if let Timestamps::Pattern(pattern) = &self.timestamp {
                    if let Some(moment) = pattern.parse(text) {
                        let millis = moment.millis(&self.zone);
                        let wrong = || refused(text, "timestamp");
                        return millis.map(CqlValue::Timestamp).ok_or_else(wrong);
                    }
                } else if let Timestamps::Cql(local) = &self.timestamp
                    && let Some(moment) = local.parse(text)
                    && let Some(millis) = moment.millis(&self.zone)
                {
                    return Ok(CqlValue::Timestamp(millis));
                }
                text.trim().parse().ok()
            }
            _ => None,
        };
        match (counted, value, &self.timestamp) {
            (Some(count), ..) => self
                .unit
                .convert(count, TimeUnit::Milliseconds)
                .map(CqlValue::Timestamp)
                .ok_or_else(|| invalid(format!("{count} is out of range for `timestamp`"))),
            (None, Value::Str(text), Timestamps::Pattern(_) | Timestamps::Units) => {
                Err(refused(text, "timestamp"))
            }
            _ => bind(value, &CqlType::Timestamp),
        }
    }

    pub(super) fn date(&self, value: &Value) -> Result<CqlValue, DataError> {
        let (Some(pattern), Value::Str(text)) = (&self.date, value) else {
            return bind(value, &CqlType::Date);
        };
        let date = pattern.parse(text).and_then(|moment| moment.date);
        let date = date.and_then(date_value);
        date.ok_or_else(|| refused(text, "date"))
    }

    pub(super) fn time(&self, value: &Value) -> Result<CqlValue, DataError> {
        let (Some(pattern), Value::Str(text)) = (&self.time, value) else {
            return bind(value, &CqlType::Time);
        };
        let time = pattern.parse(text).and_then(|moment| moment.time);
        let time = time.map(time_value);
        time.ok_or_else(|| refused(text, "time"))
    }
}

fn refused(text: &str, what: &str) -> DataError {
    let head: String = text.chars().take(40).collect();
    invalid(format!(
        "`{}` is no {what} as `codec.{what}` wants it",
        head.escape_debug()
    ))
}

type Wrong = (usize, String, String);

fn compiled(pattern: &str) -> Result<DateTimePattern, Wrong> {
    DateTimePattern::compile(pattern).map_err(|PatternError { at, message }| {
        let help = "write for example yyyy-MM-dd HH:mm:ss, or ISO_OFFSET_DATE_TIME".to_owned();
        (at, message, help)
    })
}

/// A pattern that says which day.
fn dated(text: &str) -> Result<DateTimePattern, Wrong> {
    let pattern = compiled(text)?;
    if pattern.has_date() {
        return Ok(pattern);
    }
    Err(lacks(text, "year, month and day"))
}

fn lacks(text: &str, what: &str) -> Wrong {
    let help = format!("write a pattern that says {what}");
    (0, format!("`{text}` does not say {what}"), help)
}
