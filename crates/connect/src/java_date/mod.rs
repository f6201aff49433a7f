//! Java's `SimpleDateFormat` in UTC and English, lenient as it is by default (CONNECT-SPEC 2.4).
//!
//! Takes a pattern from a transform's options; gives texts for milliseconds, and milliseconds for texts.
//! Letters beyond `y M d H h k K m s S a E D z Z X` are refused when the pattern is compiled.

mod calendar;
mod parse;

use std::fmt::Write as _;

use crate::java_names::{DAYS, MONTHS};
use calendar::Civil;

pub(crate) use calendar::MILLIS_PER_DAY;

/// A compiled pattern.
#[derive(Debug)]
pub(crate) struct DateFormat {
    pattern: String,
    pieces: Vec<Piece>,
}

#[derive(Debug, Clone, PartialEq)]
enum Piece {
    Text(String),
    /// A letter of [`LETTERS`] and how often it stands there.
    Field(char, usize),
}

const LETTERS: &str = "yMdHhkKmsSaEDzZX";

impl DateFormat {
    /// The pattern compiled, or what is wrong with it.
    pub(crate) fn compile(pattern: &str) -> Result<Self, String> {
        let mut pieces = Vec::new();
        let mut rest = pattern.chars().peekable();
        while let Some(character) = rest.next() {
            let text = match character {
                '\'' => quoted(&mut rest)?,
                letter if letter.is_ascii_alphabetic() => {
                    let mut count = 1;
                    while rest.next_if_eq(&letter).is_some() {
                        count += 1;
                    }
                    if !LETTERS.contains(letter) || (letter == 'X' && count > 3) {
                        return Err(format!("`{letter}` is none of the letters {LETTERS}"));
                    }
                    pieces.push(Piece::Field(letter, count));
                    continue;
                }
                plain => plain.to_string(),
            };
            match pieces.last_mut() {
                Some(Piece::Text(before)) => before.push_str(&text),
                _ => pieces.push(Piece::Text(text)),
            }
        }
        Ok(Self {
            pattern: pattern.to_owned(),
            pieces,
        })
    }

    /// A pattern of this crate, which compiles; a wrong one is itself, as text.
    pub(crate) fn known(pattern: &str) -> Self {
        Self::compile(pattern).unwrap_or_else(|_| Self {
            pattern: pattern.to_owned(),
            pieces: vec![Piece::Text(pattern.to_owned())],
        })
    }

    /// The pattern as written.
    pub(crate) fn pattern(&self) -> &str {
        &self.pattern
    }

    /// The text of `millis` since 1970.
    pub(crate) fn format(&self, millis: i64) -> String {
        let civil = Civil::of(millis);
        let mut out = String::new();
        for piece in &self.pieces {
            match piece {
                Piece::Text(text) => out.push_str(text),
                Piece::Field(letter, count) => field(&civil, *letter, *count, &mut out),
            }
        }
        out
    }

    /// Milliseconds since 1970 of `text`, whose end may be anything; two-digit years lie within the 80 years
    /// before `now` and the 20 after it.
    pub(crate) fn parse(&self, text: &str, now: i64) -> Option<i64> {
        parse::parse(&self.pieces, text, now)
    }
}

/// The text up to the closing quote; two quotes are one.
fn quoted(rest: &mut std::iter::Peekable<std::str::Chars<'_>>) -> Result<String, String> {
    if rest.next_if_eq(&'\'').is_some() {
        return Ok("'".to_owned());
    }
    let mut text = String::new();
    loop {
        match rest.next() {
            None => return Err("a quote is not closed".to_owned()),
            Some('\'') if rest.next_if_eq(&'\'').is_none() => return Ok(text),
            Some(character) => text.push(character),
        }
    }
}

fn field(civil: &Civil, letter: char, count: usize, out: &mut String) {
    let name = |names: &[&'static str], index: i64, long: bool| {
        let name = usize::try_from(index)
            .ok()
            .and_then(|index| names.get(index));
        let name = name.copied().unwrap_or_default();
        if long {
            name
        } else {
            name.get(..3).unwrap_or(name)
        }
    };
    let hour = civil.time / 3_600_000;
    let number = match letter {
        'y' if count == 2 => civil.year_of_era() % 100,
        'y' => civil.year_of_era(),
        'M' if count >= 3 => return out.push_str(name(&MONTHS, civil.month - 1, count > 3)),
        'M' => civil.month,
        'd' => civil.day,
        'H' => hour,
        'k' => (hour + 23) % 24 + 1,
        'h' => (hour + 11) % 12 + 1,
        'K' => hour % 12,
        'm' => civil.time / 60_000 % 60,
        's' => civil.time / 1000 % 60,
        'S' => civil.time % 1000,
        'D' => civil.day_of_year(),
        'a' => return out.push_str(if hour < 12 { "AM" } else { "PM" }),
        'E' => return out.push_str(name(&DAYS, civil.weekday(), count > 3)),
        'z' if count > 3 => return out.push_str("Coordinated Universal Time"),
        'z' => return out.push_str("UTC"),
        'Z' => return out.push_str("+0000"),
        _ => return out.push('Z'),
    };
    // Writing to a String cannot fail.
    write!(out, "{number:0count$}").unwrap_or_default();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quote_in_a_pattern_is_closed_or_refused() {
        let format = DateFormat::compile("yyyy 'o''clock' ''").unwrap();
        assert_eq!(format.format(0), "1970 o'clock '");
        assert!(DateFormat::compile("yyyy 'open").is_err());
        assert!(DateFormat::compile("ww").unwrap_err().contains("`w`"));
    }
}
