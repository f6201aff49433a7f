//! Zones as Java's `ZoneId.of` takes them: names of the IANA database, which is built in, and offsets.

use jiff::tz::{Offset, TimeZone, TimeZoneDatabase};

/// The zone of that name.
pub(crate) fn zone(text: &str) -> Option<TimeZone> {
    if matches!(text, "Z" | "UTC" | "GMT" | "UT") {
        return Some(TimeZone::UTC);
    }
    let after = ["UTC", "GMT", "UT"]
        .into_iter()
        .find_map(|prefix| text.strip_prefix(prefix));
    if let Some(seconds) = offset(after.unwrap_or(text)) {
        return fixed(seconds);
    }
    if text.is_empty() {
        return None;
    }
    TimeZoneDatabase::bundled().get(text).ok()
}

pub(super) fn fixed(seconds: i32) -> Option<TimeZone> {
    Offset::from_seconds(seconds).ok().map(TimeZone::fixed)
}

/// `+h`, `+hh`, `+hh:mm`, `+hhmm`: seconds east of UTC.
fn offset(text: &str) -> Option<i32> {
    let (sign, digits) = match text.strip_prefix('+') {
        Some(digits) => (1, digits),
        None => (-1, text.strip_prefix('-')?),
    };
    let (hours, minutes) = match (digits.split_once(':'), digits.len()) {
        (Some((hours, minutes)), 5) => (hours, minutes),
        (None, 1 | 2) => (digits, "0"),
        (None, 4) => digits.split_at_checked(2)?,
        _ => return None,
    };
    let number = |text: &str| {
        let digits = text.bytes().all(|byte| byte.is_ascii_digit());
        digits.then(|| text.parse::<i32>().ok()).flatten()
    };
    let (hours, minutes) = (number(hours)?, number(minutes)?);
    (hours <= 18 && minutes < 60).then_some(sign * (hours * 60 + minutes) * 60)
}
