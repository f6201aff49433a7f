//! Text of values that SQLite has no type for: what a person reads in a query's result.

use messina_connect::row::CqlValue;

/// A value's text as CQL prints it, without quotes.
pub fn plain(value: &CqlValue) -> String {
    match value {
        CqlValue::Unset | CqlValue::Null => "null".to_owned(),
        CqlValue::Boolean(boolean) => boolean.to_string(),
        CqlValue::Tinyint(number) => number.to_string(),
        CqlValue::Smallint(number) => number.to_string(),
        CqlValue::Int(number) => number.to_string(),
        CqlValue::Bigint(number) | CqlValue::Timestamp(number) => number.to_string(),
        CqlValue::Varint(number) => number.to_string(),
        CqlValue::Float(number) => number.to_string(),
        CqlValue::Double(number) => number.to_string(),
        CqlValue::Decimal(unscaled, scale) => decimal(&unscaled.to_string(), *scale),
        CqlValue::Text(text) => text.to_string(),
        CqlValue::Blob(bytes) => hex(bytes),
        CqlValue::Date(days) => date(*days),
        CqlValue::Time(nanos) => time(*nanos),
        CqlValue::Uuid(uuid) => uuid.to_string(),
        CqlValue::Inet(address) => address.to_string(),
        CqlValue::Duration(months, days, nanos) => duration(*months, *days, *nanos),
        CqlValue::List(_)
        | CqlValue::Set(_)
        | CqlValue::Map(_)
        | CqlValue::Tuple(_)
        | CqlValue::Udt(_) => json(value),
    }
}

/// A value as JSON; maps are arrays of pairs unless every key is text.
pub(super) fn json(value: &CqlValue) -> String {
    match value {
        CqlValue::Unset | CqlValue::Null => "null".to_owned(),
        CqlValue::Boolean(_)
        | CqlValue::Tinyint(_)
        | CqlValue::Smallint(_)
        | CqlValue::Int(_)
        | CqlValue::Bigint(_)
        | CqlValue::Timestamp(_)
        | CqlValue::Varint(_)
        | CqlValue::Decimal(..) => plain(value),
        CqlValue::Float(number) if number.is_finite() => plain(value),
        CqlValue::Double(number) if number.is_finite() => plain(value),
        CqlValue::List(values) | CqlValue::Tuple(values) | CqlValue::Udt(values) => {
            json_array(values.iter().map(json))
        }
        CqlValue::Set(values) => {
            let mut texts: Vec<String> = values.iter().map(json).collect();
            texts.sort_unstable();
            texts.dedup();
            json_array(texts.into_iter())
        }
        CqlValue::Map(entries) => json_map(entries),
        CqlValue::Float(_)
        | CqlValue::Double(_)
        | CqlValue::Text(_)
        | CqlValue::Blob(_)
        | CqlValue::Date(_)
        | CqlValue::Time(_)
        | CqlValue::Uuid(_)
        | CqlValue::Inet(_)
        | CqlValue::Duration(..) => json_string(&plain(value)),
    }
}

fn json_array(texts: impl Iterator<Item = String>) -> String {
    format!("[{}]", texts.collect::<Vec<_>>().join(","))
}

fn json_map(entries: &[(CqlValue, CqlValue)]) -> String {
    // The last of equal keys wins, in the place of the first.
    let mut unique: Vec<(String, String)> = Vec::with_capacity(entries.len());
    for (key, value) in entries {
        let key = json(key);
        match unique.iter_mut().find(|(known, _)| *known == key) {
            Some((_, known)) => *known = json(value),
            None => unique.push((key, json(value))),
        }
    }
    if entries
        .iter()
        .all(|(key, _)| matches!(key, CqlValue::Text(_)))
    {
        let members: Vec<String> = unique
            .into_iter()
            .map(|(key, value)| format!("{key}:{value}"))
            .collect();
        return format!("{{{}}}", members.join(","));
    }
    json_array(
        unique
            .into_iter()
            .map(|(key, value)| format!("[{key},{value}]")),
    )
}

fn json_string(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for character in text.chars() {
        match character {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            '\n' => quoted.push_str("\\n"),
            '\r' => quoted.push_str("\\r"),
            '\t' => quoted.push_str("\\t"),
            control if control < ' ' => {
                quoted.extend(format!("\\u{:04x}", u32::from(control)).chars());
            }
            other => quoted.push(other),
        }
    }
    quoted.push('"');
    quoted
}

fn hex(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(2 + bytes.len() * 2);
    text.push_str("0x");
    for byte in bytes {
        for nibble in [byte >> 4, byte & 15] {
            text.push(char::from_digit(u32::from(nibble), 16).unwrap_or('0'));
        }
    }
    text
}

/// Digits with the point `scale` digits from the right; a negative scale appends zeros.
fn decimal(unscaled: &str, scale: i32) -> String {
    let (sign, digits) = unscaled
        .strip_prefix('-')
        .map_or(("", unscaled), |digits| ("-", digits));
    let Ok(places) = usize::try_from(scale) else {
        let exponent = i64::from(scale).unsigned_abs();
        // A peer's scale must not make us write gigabytes of zeros.
        return if digits == "0" || exponent <= 400 {
            let zeros = if digits == "0" {
                0
            } else {
                usize::try_from(exponent).unwrap_or(0)
            };
            format!("{sign}{digits}{}", "0".repeat(zeros))
        } else {
            format!("{sign}{digits}E+{exponent}")
        };
    };
    if places == 0 {
        return format!("{sign}{digits}");
    }
    if places > digits.len() + 400 {
        return format!("{sign}{digits}E-{places}");
    }
    let padded = format!("{digits:0>width$}", width = places + 1);
    let (whole, fraction) = padded.split_at(padded.len() - places);
    format!("{sign}{whole}.{fraction}")
}

/// `yyyy-mm-dd` of a day counted from 1970-01-01 (days to civil, Howard Hinnant's algorithm).
fn date(days: i32) -> String {
    let shifted = i64::from(days) + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 {
        month_from_march + 3
    } else {
        month_from_march - 9
    };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    if year < 0 {
        return format!("-{:04}-{month:02}-{day:02}", -year);
    }
    format!("{year:04}-{month:02}-{day:02}")
}

/// `hh:mm:ss.nnnnnnnnn`: always nine digits, so that text order is time order.
fn time(nanos: i64) -> String {
    let (seconds, fraction) = (
        nanos.div_euclid(1_000_000_000),
        nanos.rem_euclid(1_000_000_000),
    );
    format!(
        "{:02}:{:02}:{:02}.{fraction:09}",
        seconds / 3_600,
        seconds / 60 % 60,
        seconds % 60
    )
}

/// `1mo2d3ns`, zero parts left out.
fn duration(months: i32, days: i32, nanos: i64) -> String {
    let negative = months < 0 || days < 0 || nanos < 0;
    let mut text = String::new();
    for (count, unit) in [
        (u64::from(months.unsigned_abs()), "mo"),
        (u64::from(days.unsigned_abs()), "d"),
        (nanos.unsigned_abs(), "ns"),
    ] {
        if count > 0 {
            text.extend([count.to_string().as_str(), unit]);
        }
    }
    match (text.is_empty(), negative) {
        (true, _) => "0ns".to_owned(),
        (false, true) => format!("-{text}"),
        (false, false) => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_keep_their_digits() {
        assert_eq!(decimal("110", 2), "1.10");
        assert_eq!(decimal("-5", 3), "-0.005");
        assert_eq!(decimal("7", -2), "700");
        assert_eq!(decimal("7", 0), "7");
        assert_eq!(decimal("7", i32::MIN), "7E+2147483648");
        assert_eq!(decimal("7", i32::MAX), "7E-2147483647");
    }

    #[test]
    fn dates_before_and_after_1970() {
        assert_eq!(date(0), "1970-01-01");
        assert_eq!(date(-1), "1969-12-31");
        assert_eq!(date(19_782), "2024-02-29");
        assert_eq!(date(-719_528), "0000-01-01");
    }

    #[test]
    fn times_and_durations() {
        assert_eq!(time(0), "00:00:00.000000000");
        assert_eq!(time(86_399_999_999_999), "23:59:59.999999999");
        assert_eq!(duration(14, 3, 0), "14mo3d");
        assert_eq!(duration(0, 0, 0), "0ns");
        assert_eq!(duration(0, -1, -5), "-1d5ns");
    }

    #[test]
    fn collections_are_json() {
        let text = |text: &str| CqlValue::Text(text.into());
        let map = CqlValue::Map(vec![
            (text("a"), CqlValue::Int(1)),
            (text("b\"\n"), CqlValue::Null),
            (text("a"), CqlValue::Int(2)),
        ]);
        assert_eq!(json(&map), r#"{"a":2,"b\"\n":null}"#);
        assert_eq!(
            json(&CqlValue::Map(vec![(CqlValue::Int(1), text("x"))])),
            r#"[[1,"x"]]"#
        );
        assert_eq!(
            json(&CqlValue::Set(vec![text("b"), text("a"), text("b")])),
            r#"["a","b"]"#
        );
        assert_eq!(
            json(&CqlValue::List(vec![
                CqlValue::Double(f64::NAN),
                CqlValue::Double(1.5)
            ])),
            r#"["NaN",1.5]"#
        );
    }
}
