//! Java's `DateTimeFormatter` for reading, in English: the letters and predefined formats that configurations use.
//! Takes a pattern from a sink's options, and texts from records.
//! Gives the date, the time of day and the zone a text says.

mod compile;
mod read;
mod zone;

use jiff::civil::{Date, DateTime, Time};
use jiff::tz::TimeZone;

pub(crate) use compile::PatternError;
pub(crate) use zone::zone;

/// A compiled pattern.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct DateTimePattern {
    pieces: Vec<Piece>,
    /// Whether a day its month lacks, or the hour 24, is none.
    strict: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Piece {
    /// This text, in any case.
    Literal(String),
    /// A number of so many digits; `reserved` of those that follow belong to the fields behind it.
    Number {
        field: Field,
        least: usize,
        most: usize,
        reserved: usize,
    },
    /// A year of two digits, from 2000.
    ShortYear,
    /// A month's name, in full or its first three letters.
    Month { full: bool },
    /// A day of the week, in full or its first three letters.
    Weekday { full: bool },
    /// `AM` or `PM`.
    Half,
    /// A fraction of a second of so many digits, behind a point if there is one.
    Fraction {
        least: usize,
        most: usize,
        point: bool,
    },
    /// Hours and minutes from UTC.
    Offset(Offset),
    /// The name of a zone.
    Zone,
    /// What may be missing.
    Optional(Vec<Piece>),
}

/// How an offset is written; `zero` stands for none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Offset {
    zero: &'static str,
    colon: bool,
    /// Whether minutes must be there.
    minutes: bool,
    /// Whether seconds may be there.
    seconds: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Field {
    Year,
    Month,
    Day,
    DayOfYear,
    /// 0 to 24; the last is the end of the day.
    Hour,
    /// 1 to 24.
    ClockHour,
    /// 0 to 11.
    HalfHour,
    /// 1 to 12.
    HalfClockHour,
    Minute,
    Second,
    Nano,
}

/// What a text says.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Moment {
    pub(crate) date: Option<Date>,
    pub(crate) time: Option<Time>,
    /// The zone it names.
    zone: Option<TimeZone>,
}

impl Moment {
    /// Milliseconds since 1970; a text without a zone means `zone`, one without a time midnight.
    pub(crate) fn millis(&self, zone: &TimeZone) -> Option<i64> {
        let time = self.time.unwrap_or(Time::midnight());
        let local = DateTime::from_parts(self.date?, time);
        let zone = self.zone.as_ref().unwrap_or(zone);
        let nanos = zone.to_timestamp(local).ok()?.as_nanosecond();
        i64::try_from(nanos.div_euclid(1_000_000)).ok()
    }
}

impl DateTimePattern {
    /// The pattern, or the predefined format of that name, compiled. Both resolve as Java's `SMART` does, also formats
    /// that are strict by themselves: `DataStax`'s engine has them so.
    pub(crate) fn compile(written: &str) -> Result<Self, PatternError> {
        let predefined = compile::PREDEFINED;
        let pieces = match predefined.iter().find(|(name, _)| *name == written) {
            Some((_, pattern)) => compile::compile(pattern, true)?,
            None => compile::compile(written, false)?,
        };
        Ok(Self {
            pieces,
            strict: false,
        })
    }

    /// A local date and time as CQL writes them, the time optional, of days and hours there are.
    pub(crate) fn cql() -> Self {
        let pieces = compile::compile("uuuu-MM-dd[['T'][' ']HH:mm[:ss[#]]]", true);
        Self {
            pieces: pieces.unwrap_or_default(),
            strict: true,
        }
    }

    /// Whether texts of it say which day.
    pub(crate) fn has_date(&self) -> bool {
        let number = |field| has(&self.pieces, &|piece| number_of(piece) == Some(field));
        let named = |piece: &Piece| matches!(piece, Piece::Month { .. });
        let year = number(Field::Year) || has_piece(&self.pieces, &Piece::ShortYear);
        let month = number(Field::Month) || has(&self.pieces, &named);
        year && (number(Field::DayOfYear) || (month && number(Field::Day)))
    }

    /// Whether texts of it say which hour.
    pub(crate) fn has_time(&self) -> bool {
        has(&self.pieces, &|piece| {
            matches!(
                number_of(piece),
                Some(Field::Hour | Field::ClockHour | Field::HalfHour | Field::HalfClockHour)
            )
        })
    }

    /// What a text says; nothing where it is not as the pattern wants it, to its end.
    pub(crate) fn parse(&self, text: &str) -> Option<Moment> {
        read::read(&self.pieces, self.strict, text.trim())
    }
}

fn number_of(piece: &Piece) -> Option<Field> {
    match piece {
        Piece::Number { field, .. } => Some(*field),
        _ => None,
    }
}

fn has_piece(pieces: &[Piece], wanted: &Piece) -> bool {
    has(pieces, &|piece| piece == wanted)
}

fn has(pieces: &[Piece], is: &dyn Fn(&Piece) -> bool) -> bool {
    pieces.iter().any(|piece| match piece {
        Piece::Optional(inner) => has(inner, is),
        other => is(other),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn millis(pattern: &str, text: &str) -> Option<i64> {
        let pattern = DateTimePattern::compile(pattern).unwrap();
        pattern.parse(text)?.millis(&zone("Europe/Berlin").unwrap())
    }

    /// 2024-02-29T12:34:56 in Berlin, an hour east of Greenwich.
    const NOON: i64 = 1_709_206_496_000;

    /// Patterns, texts, and what they mean in Berlin.
    const CASES: &[(&str, &str, Option<i64>)] = &[
        ("yyyy-MM-dd HH:mm:ss", "2024-02-29 12:34:56", Some(NOON)),
        ("dd.MM.uuuu HH:mm:ss", "29.02.2024 12:34:56", Some(NOON)),
        ("yyyyMMddHHmmss", "20240229123456", Some(NOON)),
        ("yyyyMMddHHmmssSSS", "20240229123456789", Some(NOON + 789)),
        ("d/M/yy H:m:s", "29/2/24 12:34:56", Some(NOON)),
        (
            "MMM d, yyyy h:mm:ss a",
            "feb 29, 2024 12:34:56 pm",
            Some(NOON),
        ),
        (
            "EEEE d MMMM yyyy HH:mm:ss",
            "Thursday 29 February 2024 12:34:56",
            Some(NOON),
        ),
        (
            "yyyy-MM-dd'T'HH:mm:ss[.SSS][XXX]",
            "2024-02-29T12:34:56",
            Some(NOON),
        ),
        (
            "yyyy-MM-dd'T'HH:mm:ss[.SSS][XXX]",
            "2024-02-29T12:34:56.007",
            Some(NOON + 7),
        ),
        (
            "yyyy-MM-dd'T'HH:mm:ss[.SSS][XXX]",
            "2024-02-29T12:34:56Z",
            Some(NOON + 3_600_000),
        ),
        (
            "yyyy-MM-dd'T'HH:mm:ssX",
            "2024-02-29T12:34:56-0330",
            Some(NOON + 16_200_000),
        ),
        (
            "yyyy-MM-dd'T'HH:mm:ssX",
            "2024-02-29T12:34:56+01",
            Some(NOON),
        ),
        (
            "yyyy-MM-dd HH:mm:ss Z",
            "2024-02-29 12:34:56 +0100",
            Some(NOON),
        ),
        (
            "yyyy-MM-dd HH:mm:ss VV",
            "2024-02-29 12:34:56 America/New_York",
            Some(NOON + 21_600_000),
        ),
        (
            "EEE MMM dd HH:mm:ss z yyyy",
            "Thu Feb 29 12:34:56 UTC 2024",
            Some(NOON + 3_600_000),
        ),
        ("ISO_INSTANT", "2024-02-29T11:34:56.5Z", Some(NOON + 500)),
        ("ISO_LOCAL_DATE_TIME", "2024-02-29T12:34:56", Some(NOON)),
        (
            "ISO_ZONED_DATE_TIME",
            "2024-02-29T12:34:56+01:00[Europe/Berlin]",
            Some(NOON),
        ),
        (
            "RFC_1123_DATE_TIME",
            "Thu, 29 Feb 2024 11:34:56 GMT",
            Some(NOON),
        ),
        ("ISO_LOCAL_DATE", "2024-02-29", Some(NOON - 45_296_000)),
        ("yyyy-DDD HH:mm:ss", "2024-060 12:34:56", Some(NOON)),
        (
            "yyyy-MM-dd kk:mm",
            "2024-02-29 24:00",
            Some(NOON - 45_296_000),
        ),
        (
            "yyyy-MM-dd HH:mm",
            "2024-02-28 24:00",
            Some(NOON - 45_296_000),
        ),
        // A month's last day stands for days behind it, within 31.
        ("yyyy-MM-dd HH:mm:ss", "2024-02-31 12:34:56", Some(NOON)),
        ("yyyy-MM-dd HH:mm:ss", "2024-02-32 12:34:56", None),
        ("yyyy-MM-dd HH:mm:ss", "2024-13-01 12:34:56", None),
        ("yyyy-MM-dd HH:mm:ss", "2024-02-29 25:34:56", None),
        ("yyyy-MM-dd HH:mm:ss", "2024-02-29 12:34:56 more", None),
        ("yyyy-MM-dd HH:mm:ss", "02024-02-29 12:34:56", None),
        ("yyyy-MM-dd HH:mm:ss", "2024-2-29 12:34:56", None),
        ("EEE d MMM yyyy", "Mon 29 Feb 2024", None),
        ("d MMMM yyyy", "29 Feb 2024", None),
        // The hour that summer time leaves out is the one behind it; of two the first counts.
        (
            "yyyy-MM-dd HH:mm",
            "2024-03-31 02:30",
            Some(1_711_848_600_000),
        ),
        (
            "yyyy-MM-dd HH:mm",
            "2024-10-27 02:30",
            Some(1_729_989_000_000),
        ),
    ];

    #[test]
    fn texts_are_read_as_javas_formatter_reads_them() {
        for (pattern, text, expected) in CASES {
            assert_eq!(millis(pattern, text), *expected, "{text} by {pattern}");
        }
    }

    #[test]
    fn what_is_not_read_is_refused_at_its_place() {
        for (pattern, at, words) in [
            ("yyyy-ww", 5, "`ww`"),
            ("yyyy-MM-dd G", 11, "`G`"),
            ("yyyy-MMMMM", 5, "`MMMMM`"),
            ("yyyy 'open", 5, "not closed"),
            ("yyyy-MM-dd[ HH:mm", 10, "not closed"),
            ("yyyy]", 4, "no `[`"),
            ("yyyy#", 4, "`#`"),
            ("hh:mm", 0, "`a`"),
            ("ddd", 0, "`ddd`"),
            ("ISO_WEEK_DATE", 0, "predefined"),
            (&"[".repeat(100_000), 16, "deeper than 16"),
        ] {
            let error = DateTimePattern::compile(pattern).unwrap_err();
            assert!(
                error.at == at && error.message.contains(words),
                "{pattern}: {error:?}"
            );
        }
        let date = DateTimePattern::compile("yyyy-MM-dd").unwrap();
        assert!(date.has_date() && !date.has_time());
        let nested = format!("{}HH{}", "[".repeat(16), "]".repeat(16));
        let nested = DateTimePattern::compile(&nested).unwrap();
        assert!(nested.parse("12").unwrap().time.is_some());
        let time = DateTimePattern::compile("[HH:mm][H]").unwrap();
        assert!(time.has_time() && !time.has_date());
    }

    #[test]
    fn zones_are_names_offsets_or_both() {
        for known in [
            "UTC",
            "Z",
            "GMT",
            "+02:00",
            "-3",
            "+0530",
            "UTC+2",
            "GMT-03:30",
            "Asia/Kolkata",
            "EST",
        ] {
            assert!(zone(known).is_some(), "{known}");
        }
        for unknown in ["", "Mars/Olympus", "+25:00", "UTC+", "+2:0"] {
            assert!(zone(unknown).is_none(), "{unknown}");
        }
    }
}
