//! Times as people read and type them.

use jiff::Timestamp;

/// Milliseconds since 1970-01-01 UTC as RFC 3339; the number itself where that is no date.
pub(super) fn format_millis(millis: i64) -> String {
    match Timestamp::from_millisecond(millis) {
        Ok(time) => format!("{time:.3}"),
        Err(_) => millis.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_milliseconds_and_a_zone() {
        assert_eq!(format_millis(1_700_000_000_123), "2023-11-14T22:13:20.123Z");
        assert_eq!(format_millis(i64::MAX), i64::MAX.to_string());
    }
}
