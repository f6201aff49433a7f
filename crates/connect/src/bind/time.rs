//! Times: `timestamp`, `date`, `time`, `duration` and the texts CQL accepts for them.

use jiff::civil;

use super::number::integral;
use super::{invalid, mismatch};
use crate::cql_type::CqlType;
use crate::data_error::DataError;
use crate::row::CqlValue;
use crate::value::Value;

const MILLIS_PER_DAY: i64 = 86_400_000;
const NANOS_PER_DAY: i64 = 86_400_000_000_000;
/// Day numbers as text count from here (CQL: 2^31 is 1970-01-01).
const EPOCH_DAY: i64 = 1 << 31;

pub(super) fn timestamp(value: &Value) -> Result<CqlValue, DataError> {
    let millis = match value {
        Value::I8(value) => Some(i64::from(*value)),
        Value::I16(value) => Some(i64::from(*value)),
        Value::I32(value) => Some(i64::from(*value)),
        Value::I64(value) | Value::Timestamp(value) => Some(*value),
        Value::F64(value) => integral(*value),
        Value::Date(days) => Some(i64::from(*days) * MILLIS_PER_DAY),
        Value::Str(text) => timestamp_text(text),
        _ => None,
    };
    let wanted = "whole milliseconds or a date such as `2024-05-01T12:30:00.123Z`";
    millis
        .map(CqlValue::Timestamp)
        .ok_or_else(|| mismatch(value, &CqlType::Timestamp, wanted))
}

/// `yyyy-mm-dd`, optional `T` or blank and `HH:mm[:ss[.fff]]`, optional zone; without one UTC. Digits alone
/// are milliseconds.
fn timestamp_text(text: &str) -> Option<i64> {
    if let Ok(millis) = text.parse() {
        return Some(millis);
    }
    let (date, rest) = text.split_at_checked(10)?;
    let midnight = days(date)? * MILLIS_PER_DAY;
    let (clock, offset) = split_zone(rest);
    let offset = zone(offset)?;
    let nanos = match clock.strip_prefix(['T', 't', ' ']) {
        Some(clock) => nanos_of_day(clock.trim(), true)?,
        None if clock.is_empty() => 0,
        None => return None,
    };
    Some(midnight + nanos / 1_000_000 - offset)
}

/// Splits a zone off the end: what follows the first `Z`, `+` or `-`.
fn split_zone(text: &str) -> (&str, &str) {
    let at = text.find(['Z', 'z', '+', '-']).unwrap_or(text.len());
    let (clock, zone) = text.split_at_checked(at).unwrap_or((text, ""));
    (clock.trim_end(), zone)
}

/// Milliseconds east of UTC: `Z`, `+hh`, `+hh:mm`, `+hhmm`, or nothing.
fn zone(text: &str) -> Option<i64> {
    let sign = match text.chars().next() {
        None | Some('Z' | 'z') => return (text.len() <= 1).then_some(0),
        Some('-') => -1,
        Some(_) => 1,
    };
    let digits: String = text
        .get(1..)?
        .chars()
        .filter(|character| *character != ':')
        .collect();
    let (hours, minutes) = match digits.len() {
        2 => (number(&digits)?, 0),
        4 => (number(digits.get(..2)?)?, number(digits.get(2..)?)?),
        _ => return None,
    };
    (hours <= 18 && minutes < 60).then_some(sign * (hours * 60 + minutes) * 60_000)
}

pub(super) fn date(value: &Value) -> Result<CqlValue, DataError> {
    let days = match value {
        Value::Date(days) => Some(*days),
        Value::Str(text) => {
            let raw = || number(text).map(|day| day - EPOCH_DAY);
            days(text)
                .or_else(raw)
                .and_then(|days| i32::try_from(days).ok())
        }
        _ => None,
    };
    days.map(CqlValue::Date)
        .ok_or_else(|| mismatch(value, &CqlType::Date, "a string such as `2024-05-01`"))
}

pub(super) fn time(value: &Value) -> Result<CqlValue, DataError> {
    let nanos = match value {
        Value::Time(millis) => {
            Some(i64::from(*millis) * 1_000_000).filter(|nanos| *nanos < NANOS_PER_DAY)
        }
        Value::Str(text) => nanos_of_day(text, false)
            // Digits alone are nanoseconds.
            .or_else(|| number(text).filter(|nanos| *nanos < NANOS_PER_DAY)),
        _ => None,
    };
    let wanted = "a string such as `12:30:00.123`";
    nanos
        .map(CqlValue::Time)
        .ok_or_else(|| mismatch(value, &CqlType::Time, wanted))
}

/// A date as the classic sink writes it: midnight, its day without a leading zero.
pub(super) fn date_in_full(days: i32) -> Option<String> {
    let epoch = civil::Date::constant(1970, 1, 1);
    let date = epoch
        .checked_add(jiff::Span::new().try_days(days).ok()?)
        .ok()?;
    let (year, month, day) = (date.year(), date.month(), date.day());
    Some(format!("{year:04}-{month:02}-{day}T00:00:00.000Z"))
}

/// A time of the day as the classic sink writes it, with its zone, which is UTC here.
pub(super) fn time_in_full(millis: i32) -> Option<String> {
    let millis = u32::try_from(millis).ok()?;
    let (seconds, rest) = (millis / 1_000, millis % 1_000);
    let (minutes, hours) = (seconds / 60, seconds / 3_600 % 24);
    Some(format!(
        "{hours:02}:{:02}:{:02}.{rest:03}+0000",
        minutes % 60,
        seconds % 60
    ))
}

/// Days since 1970-01-01 of `yyyy-mm-dd`.
fn days(text: &str) -> Option<i64> {
    let mut parts = text.splitn(3, '-');
    let (year, month, day) = (parts.next()?, parts.next()?, parts.next()?);
    if (year.len(), month.len(), day.len()) != (4, 2, 2) {
        return None;
    }
    let year = i16::try_from(number(year)?).ok()?;
    let month = i8::try_from(number(month)?).ok()?;
    let date = civil::Date::new(year, month, i8::try_from(number(day)?).ok()?).ok()?;
    days_to(date).map(i64::from)
}

/// Days from 1970-01-01 to a date.
fn days_to(date: civil::Date) -> Option<i32> {
    let epoch = civil::Date::constant(1970, 1, 1);
    Some(epoch.until(date).ok()?.get_days())
}

/// A date as CQL has it.
pub(crate) fn date_value(date: civil::Date) -> Option<CqlValue> {
    days_to(date).map(CqlValue::Date)
}

/// A time of the day as CQL has it.
pub(crate) fn time_value(time: civil::Time) -> CqlValue {
    let [hours, minutes, seconds] = [time.hour(), time.minute(), time.second()].map(i64::from);
    let nanos = i64::from(time.subsec_nanosecond());
    CqlValue::Time(((hours * 60 + minutes) * 60 + seconds) * 1_000_000_000 + nanos)
}

/// Nanoseconds since midnight of `HH:mm:ss[.fffffffff]`; the seconds may be missing if `short`.
fn nanos_of_day(text: &str, short: bool) -> Option<i64> {
    let (clock, fraction) = text
        .split_once('.')
        .map_or((text, None), |(clock, rest)| (clock, Some(rest)));
    let mut parts = clock.split(':');
    let (hours, minutes) = (number(parts.next()?)?, number(parts.next()?)?);
    let seconds = match parts.next() {
        Some(seconds) => number(seconds)?,
        None if short && fraction.is_none() => 0,
        None => return None,
    };
    let fraction = match fraction {
        Some(digits) if (1..=9).contains(&digits.len()) => number(&format!("{digits:0<9}"))?,
        Some(_) => return None,
        None => 0,
    };
    let valid = parts.next().is_none() && hours < 24 && minutes < 60 && seconds < 60;
    valid.then_some(((hours * 60 + minutes) * 60 + seconds) * 1_000_000_000 + fraction)
}

/// Digits and nothing else.
fn number(text: &str) -> Option<i64> {
    text.bytes()
        .all(|byte| byte.is_ascii_digit())
        .then(|| text.parse().ok())?
}

/// `1y2mo3w4d5h6m7s8ms9us10ns`, or ISO 8601 `P1Y2M3DT4H5M6S`, `P3W`.
pub(super) fn duration(value: &Value) -> Result<CqlValue, DataError> {
    let Some(text) = value.as_str() else {
        return Err(mismatch(
            value,
            &CqlType::Duration,
            "a string such as `1d12h`",
        ));
    };
    let (sign, unsigned) = text.strip_prefix('-').map_or((1, text), |rest| (-1, rest));
    let parsed = match unsigned.strip_prefix('P') {
        Some(iso) => iso_duration(iso),
        None => units(unsigned, &UNITS),
    };
    let parsed = parsed.and_then(|[months, days, nanos]| {
        let narrow = |value: i64| i32::try_from(value * sign).ok();
        Some(CqlValue::Duration(
            narrow(months)?,
            narrow(days)?,
            nanos * sign,
        ))
    });
    parsed.ok_or_else(|| {
        invalid(format!(
            "`duration` takes a string such as `1d12h`, found `{text}`"
        ))
    })
}

/// A unit's name, which part of a duration it counts (months, days, nanoseconds), and how much.
type Unit = (&'static str, usize, i64);

const UNITS: [Unit; 11] = [
    ("y", 0, 12),
    ("mo", 0, 1),
    ("w", 1, 7),
    ("d", 1, 1),
    ("h", 2, 3_600_000_000_000),
    ("m", 2, 60_000_000_000),
    ("s", 2, 1_000_000_000),
    ("ms", 2, 1_000_000),
    ("us", 2, 1_000),
    ("µs", 2, 1_000),
    ("ns", 2, 1),
];
const ISO_DATE_UNITS: [Unit; 4] = [("Y", 0, 12), ("M", 0, 1), ("W", 1, 7), ("D", 1, 1)];
const ISO_TIME_UNITS: [Unit; 3] = [
    ("H", 2, 3_600_000_000_000),
    ("M", 2, 60_000_000_000),
    ("S", 2, 1_000_000_000),
];

fn iso_duration(text: &str) -> Option<[i64; 3]> {
    if let Some(parts) = iso_alternative(text) {
        return Some(parts);
    }
    let Some((date, time)) = text.split_once('T') else {
        return units(text, &ISO_DATE_UNITS);
    };
    let time = units(time, &ISO_TIME_UNITS)?;
    if date.is_empty() {
        return Some(time);
    }
    let [months, days, _] = units(date, &ISO_DATE_UNITS)?;
    Some([months, days, time[2]])
}

/// `YYYY-MM-DDThh:mm:ss`: ISO 8601's other form.
fn iso_alternative(text: &str) -> Option<[i64; 3]> {
    let (date, time) = text.split_once('T')?;
    let part = |text: &str, width: usize| (text.len() == width).then(|| number(text)).flatten();
    let mut date = date.splitn(3, '-');
    let months = part(date.next()?, 4)? * 12 + part(date.next()?, 2)?;
    let days = part(date.next()?, 2)?;
    let mut time = time.splitn(3, ':');
    let mut seconds = 0;
    for _ in 0..3 {
        seconds = seconds * 60 + part(time.next()?, 2)?;
    }
    Some([months, days, seconds * 1_000_000_000])
}

/// Numbers with units, at least one.
fn units(text: &str, known: &[Unit]) -> Option<[i64; 3]> {
    let mut parts = [0_i64; 3];
    let mut rest = text;
    let mut left = known;
    while !rest.is_empty() || std::ptr::eq(rest, text) {
        let digits = rest.find(|next: char| !next.is_ascii_digit())?;
        let count: i64 = rest.get(..digits)?.parse().ok()?;
        let after = rest.get(digits..)?;
        let end = after
            .find(|next: char| next.is_ascii_digit())
            .unwrap_or(after.len());
        let name = after.get(..end)?;
        // Each unit once, the larger ones first.
        let index = left
            .iter()
            .position(|(own, _, _)| own.eq_ignore_ascii_case(name))?;
        let ((_, part, factor), smaller) = left.get(index..)?.split_first()?;
        left = smaller;
        let slot = parts.get_mut(*part)?;
        *slot = slot.checked_add(count.checked_mul(*factor)?)?;
        rest = after.get(end..)?;
    }
    Some(parts)
}
