//! Reading text by a pattern: fields roll over, blanks before a field are skipped, what follows is ignored.

use super::Piece;
use super::calendar::{Civil, MILLIS_PER_DAY, days};
use crate::java_names::{DAYS, MONTHS};
use crate::java_number::digit;

/// Names of zones, and their hours from UTC.
const ZONES: [(&str, i64); 12] = [
    ("UTC", 0),
    ("GMT", 0),
    ("EST", -5),
    ("EDT", -4),
    ("CST", -6),
    ("CDT", -5),
    ("MST", -7),
    ("MDT", -6),
    ("PST", -8),
    ("PDT", -7),
    ("CET", 1),
    ("CEST", 2),
];

/// The fields read so far; of two that say the same thing the later one counts.
#[derive(Debug)]
struct Fields {
    year: i64,
    /// From 1.
    month: i64,
    day: Option<i64>,
    day_of_year: Option<i64>,
    /// From Sunday, 0.
    weekday: Option<i64>,
    /// Hour of the day.
    hour: Option<i64>,
    /// Hour of half a day.
    half_hour: Option<i64>,
    afternoon: Option<bool>,
    minute: i64,
    second: i64,
    milli: i64,
    /// Milliseconds from UTC.
    zone: i64,
}

pub(super) fn parse(pieces: &[Piece], text: &str, now: i64) -> Option<i64> {
    let mut fields = Fields {
        year: 1970,
        month: 1,
        day: None,
        day_of_year: None,
        weekday: None,
        hour: None,
        half_hour: None,
        afternoon: None,
        minute: 0,
        second: 0,
        milli: 0,
        zone: 0,
    };
    let mut rest = text;
    for (index, piece) in pieces.iter().enumerate() {
        rest = match piece {
            Piece::Text(literal) => rest.strip_prefix(literal.as_str())?,
            Piece::Field(letter, count) => {
                let abuts = matches!(pieces.get(index + 1), Some(Piece::Field(next, count))
                    if "ydHhkKmsSD".contains(*next) || (*next == 'M' && *count <= 2));
                fields.read(*letter, *count, abuts, rest, now)?
            }
        };
    }
    Some(fields.millis())
}

impl Fields {
    /// Reads one field and gives what follows it.
    fn read<'t>(
        &mut self,
        letter: char,
        count: usize,
        abuts: bool,
        text: &'t str,
        now: i64,
    ) -> Option<&'t str> {
        let trimmed = text.trim_start_matches([' ', '\t']);
        if trimmed.is_empty() {
            return None;
        }
        match letter {
            'M' if count >= 3 => {
                let (index, rest) = named(&MONTHS, text)?;
                self.month = index + 1;
                return Some(rest);
            }
            'E' => {
                let (index, rest) = named(&DAYS, text)?;
                self.weekday = Some(index);
                return Some(rest);
            }
            'a' => {
                let (word, rest) = text.split_at_checked(2)?;
                let afternoon = word.eq_ignore_ascii_case("PM");
                if !afternoon && !word.eq_ignore_ascii_case("AM") {
                    return None;
                }
                self.afternoon = Some(afternoon);
                self.half_of_the_day_came();
                return Some(rest);
            }
            'z' | 'Z' => {
                let (zone, rest) = named_zone(trimmed)?;
                self.zone = zone;
                return Some(rest);
            }
            'X' => {
                let (zone, rest) = iso_zone(trimmed, count)?;
                self.zone = zone;
                return Some(rest);
            }
            _ => {}
        }
        let (number, rest) = if abuts {
            let end = text
                .char_indices()
                .nth(count)
                .map_or(text.len(), |(at, _)| at);
            let limited = text
                .get(..end)
                .filter(|limited| limited.chars().count() == count)?;
            let (number, behind) = number(limited.trim_start_matches([' ', '\t']))?;
            (number, text.get(end - behind.len()..)?)
        } else {
            number(trimmed)?
        };
        let read = trimmed.strip_suffix(rest).unwrap_or_default();
        self.set(
            letter,
            number,
            count <= 2 && read.chars().count() == 2 && !read.starts_with('-'),
            now,
        );
        Some(rest)
    }

    /// Keeps a number; `short` says that a year of two digits was asked for and found.
    fn set(&mut self, letter: char, number: i64, short: bool, now: i64) {
        match letter {
            'y' => self.year = if short { century(number, now) } else { number },
            'M' => self.month = number,
            'd' => {
                self.day = Some(number);
                self.day_of_year = None;
            }
            'D' => self.day_of_year = Some(number),
            'H' => self.hour = Some(number),
            'k' => self.hour = Some(if number == 24 { 0 } else { number }),
            'h' | 'K' => {
                let noon = letter == 'h' && number == 12;
                self.half_hour = Some(if noon { 0 } else { number });
                self.half_of_the_day_came();
            }
            'm' => self.minute = number,
            's' => self.second = number,
            _ => self.milli = number,
        }
    }

    /// The hour of half a day takes the place of one of the day only together with which half.
    fn half_of_the_day_came(&mut self) {
        if self.half_hour.is_some() && self.afternoon.is_some() {
            self.hour = None;
        }
    }

    /// A day of the week counts where there is no other day: it is the month's first one.
    fn days(&self) -> i64 {
        if let Some(day) = self.day_of_year {
            return days(self.year, 1, day);
        }
        let first = days(self.year, self.month, 1);
        match (self.day, self.weekday) {
            (Some(day), _) => days(self.year, self.month, day),
            (None, Some(weekday)) => first + (weekday - (first + 4)).rem_euclid(7),
            (None, None) => first,
        }
    }

    fn millis(&self) -> i64 {
        let days = self.days();
        let afternoon = if self.afternoon == Some(true) { 12 } else { 0 };
        let half_hour = self.half_hour.unwrap_or(0);
        let hour = self.hour.unwrap_or(half_hour + afternoon);
        let seconds = (hour * 60 + self.minute) * 60 + self.second;
        // As in Java, what a long cannot hold wraps.
        let day = days.wrapping_mul(MILLIS_PER_DAY);
        day.wrapping_add(seconds * 1000 + self.milli - self.zone)
    }
}

/// A number with its sign in the digits of any script, as a 32-bit integer keeps it: one that 64 bits hold wraps, a
/// larger one is the largest.
fn number(text: &str) -> Option<(i64, &str)> {
    let unsigned = text.strip_prefix('-').unwrap_or(text);
    let end = unsigned.find(|character: char| digit(character).is_none());
    let (digits, rest) = unsigned.split_at(end.unwrap_or(unsigned.len()));
    if digits.is_empty() {
        return None;
    }
    let (sign, most) = if unsigned.len() < text.len() {
        ("-", i32::MIN)
    } else {
        ("", i32::MAX)
    };
    let digits: String = digits.chars().filter_map(digit).collect();
    let wide: i64 = format!("{sign}{digits}").parse().unwrap_or(i64::from(most));
    #[expect(clippy::cast_possible_truncation, reason = "Java's intValue wraps")]
    Some((i64::from(wide as i32), rest))
}

/// A two-digit year in full.
fn century(number: i64, now: i64) -> i64 {
    let first = Civil::of(now).year - 80;
    let year = first - first.rem_euclid(100) + number;
    if year < first { year + 100 } else { year }
}

/// The name that `text` begins with, in full or its first three letters, the longer one first.
fn named<'t>(names: &[&str], text: &'t str) -> Option<(i64, &'t str)> {
    for full in [true, false] {
        for (index, name) in (0_i64..).zip(names) {
            let length = if full { name.len() } else { 3 };
            if let (Some(own), Some((begin, rest))) =
                (name.get(..length), text.split_at_checked(length))
                && own.eq_ignore_ascii_case(begin)
            {
                return Some((index, rest));
            }
        }
    }
    None
}

fn sign(text: &str) -> Option<(i64, &str)> {
    match text.strip_prefix('+') {
        Some(rest) => Some((1, rest)),
        None => text.strip_prefix('-').map(|rest| (-1, rest)),
    }
}

/// `+hhmm`, `GMT+h:mm` or a zone's name.
fn named_zone(text: &str) -> Option<(i64, &str)> {
    if let Some((sign, digits)) = sign(text) {
        let (zone, rest) = offset(digits, 2, true, false)?;
        return Some((sign * zone, rest));
    }
    let begin = text.get(..3)?;
    let rest = text.get(3..)?;
    if begin.eq_ignore_ascii_case("GMT")
        && let Some((sign, digits)) = sign(rest)
    {
        let (zone, rest) = offset(digits, 1, true, true)?;
        return Some((sign * zone, rest));
    }
    let known = |(name, _): &&(&str, i64)| {
        text.get(..name.len())
            .is_some_and(|begin| begin.eq_ignore_ascii_case(name))
    };
    let (name, hours) = ZONES.iter().rev().find(known)?;
    Some((hours * 3_600_000, text.get(name.len()..)?))
}

/// `Z`, or as many parts as there are letters: `+hh`, `+hhmm`, `+hh:mm`.
fn iso_zone(text: &str, count: usize) -> Option<(i64, &str)> {
    if let Some(rest) = text.strip_prefix('Z') {
        return Some((0, rest));
    }
    let (sign, digits) = sign(text)?;
    let (zone, rest) = offset(digits, 2, count > 1, count == 3)?;
    Some((sign * zone, rest))
}

/// Hours of at least `least` digits and two of minutes, if wanted behind a colon.
fn offset(text: &str, least: usize, minutes: bool, colon: bool) -> Option<(i64, &str)> {
    let digits = text.bytes().take(2).take_while(u8::is_ascii_digit).count();
    if digits < least {
        return None;
    }
    let (hours, mut rest) = text.split_at_checked(digits)?;
    let hours: i64 = hours.parse().ok().filter(|hours| *hours <= 23)?;
    let mut zone = hours * 60;
    if minutes {
        if colon {
            rest = rest.strip_prefix(':')?;
        }
        let (minutes, behind) = rest.split_at_checked(2)?;
        if !minutes.bytes().all(|digit| digit.is_ascii_digit()) {
            return None;
        }
        zone += minutes
            .parse::<i64>()
            .ok()
            .filter(|minutes| (0..=59).contains(minutes))?;
        rest = behind;
    }
    Some((zone * 60_000, rest))
}
