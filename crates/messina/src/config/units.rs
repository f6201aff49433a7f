//! Durations and sizes as people write them: `5s`, `1h30m`, `7d`, `64KiB`, `1MB`.

use std::time::Duration;

/// Milliseconds of each unit, largest first, so that formatting picks the largest that divides.
const DURATIONS: [(&str, u64); 6] = [
    ("w", 7 * 86_400_000),
    ("d", 86_400_000),
    ("h", 3_600_000),
    ("m", 60_000),
    ("s", 1_000),
    ("ms", 1),
];

/// Bytes of each unit.
const SIZES: [(&str, u64); 9] = [
    ("TiB", 1 << 40),
    ("GiB", 1 << 30),
    ("MiB", 1 << 20),
    ("KiB", 1 << 10),
    ("TB", 1_000_000_000_000),
    ("GB", 1_000_000_000),
    ("MB", 1_000_000),
    ("KB", 1_000),
    ("B", 1),
];

/// Reads `1h30m`; `None` when it is no duration or does not fit.
pub fn parse_duration(text: &str) -> Option<Duration> {
    let mut rest = text.trim();
    let mut total = 0_u64;
    if rest == "0" {
        return Some(Duration::ZERO);
    }
    while !rest.is_empty() {
        let (number, after) = split_number(rest)?;
        let end = after
            .find(|c: char| c.is_ascii_digit())
            .unwrap_or(after.len());
        let (unit, after) = after.split_at(end);
        let (_, scale) = DURATIONS.iter().find(|(name, _)| *name == unit.trim())?;
        total = total.checked_add(number.checked_mul(*scale)?)?;
        rest = after;
    }
    (!text.trim().is_empty()).then(|| Duration::from_millis(total))
}

/// Reads `64KiB`; `None` when it is no size or does not fit.
pub fn parse_size(text: &str) -> Option<u64> {
    let (number, unit) = split_number(text.trim())?;
    let unit = unit.trim();
    if unit.is_empty() {
        return Some(number);
    }
    let (_, scale) = SIZES
        .iter()
        .find(|(name, _)| name.eq_ignore_ascii_case(unit))?;
    number.checked_mul(*scale)
}

/// Writes a duration so that [`parse_duration`] reads it back, to the millisecond.
pub fn format_duration(duration: Duration) -> String {
    let millis = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
    let fits = |(_, scale): &&(&str, u64)| millis.is_multiple_of(*scale);
    // Weeks are read, not written: a week of retention is 7d to everybody.
    match DURATIONS.iter().skip(1).find(fits) {
        Some((unit, scale)) if millis > 0 => format!("{}{unit}", millis / scale),
        _ => "0s".to_owned(),
    }
}

/// Writes a size with one decimal, for people.
pub fn format_size(bytes: u64) -> String {
    let binary = SIZES.iter().take(4).find(|(_, scale)| bytes >= *scale);
    let Some((unit, scale)) = binary else {
        return format!("{bytes} B");
    };
    let tenths = u128::from(bytes) * 10 / u128::from(*scale);
    format!("{}.{} {unit}", tenths / 10, tenths % 10)
}

fn split_number(text: &str) -> Option<(u64, &str)> {
    let end = text
        .find(|c: char| !c.is_ascii_digit() && c != '_')
        .unwrap_or(text.len());
    let (digits, rest) = text.split_at(end);
    Some((digits.replace('_', "").parse().ok()?, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_and_written() {
        assert_eq!(parse_duration("5s"), Some(Duration::from_secs(5)));
        assert_eq!(parse_duration("1h30m"), Some(Duration::from_mins(90)));
        assert_eq!(parse_duration("250ms"), Some(Duration::from_millis(250)));
        assert_eq!(format_duration(Duration::from_hours(168)), "7d");
        assert_eq!(format_duration(Duration::from_secs(90)), "90s");
        for wrong in ["", "5", "s", "5 parsecs", "-1s", "99999999999999w"] {
            assert_eq!(parse_duration(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn sizes_are_read_and_written() {
        assert_eq!(parse_size("1MiB"), Some(1 << 20));
        assert_eq!(parse_size("64 kb"), Some(64_000));
        assert_eq!(parse_size("1_024"), Some(1024));
        assert_eq!(format_size(1536), "1.5 KiB");
        for wrong in ["", "MiB", "1 MiBB", "99999999999TiB"] {
            assert_eq!(parse_size(wrong), None, "{wrong}");
        }
    }
}
