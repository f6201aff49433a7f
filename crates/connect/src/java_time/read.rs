//! Reading a text by a pattern's pieces, as strictly as `DateTimeFormatter` does, and resolving what was read.

use jiff::civil::{Date, Time, Weekday};
use jiff::tz::TimeZone;

use super::zone::{fixed, zone};
use super::{Field, Moment, Offset, Piece};
use crate::java_names::{DAYS, MONTHS};

/// What was read so far.
#[derive(Debug, Default, Clone)]
struct Fields {
    year: Option<i64>,
    month: Option<i64>,
    day: Option<i64>,
    day_of_year: Option<i64>,
    /// From Monday, 1.
    weekday: Option<i64>,
    hour: Option<i64>,
    /// 0 to 11.
    half_hour: Option<i64>,
    afternoon: Option<bool>,
    minute: Option<i64>,
    second: Option<i64>,
    nano: Option<i64>,
    offset: Option<i32>,
    zone: Option<TimeZone>,
}

/// Reads a text to its end. Where it is not `strict`, a month's last day stands for days it lacks up to the 31st, and
/// the hour 24 is the next day's first.
pub(super) fn read(pieces: &[Piece], strict: bool, text: &str) -> Option<Moment> {
    let mut fields = Fields::default();
    let rest = fields.read(pieces, text)?;
    rest.is_empty().then(|| fields.resolve(strict)).flatten()
}

impl Fields {
    /// Reads pieces; gives what follows them.
    fn read<'t>(&mut self, pieces: &[Piece], text: &'t str) -> Option<&'t str> {
        pieces
            .iter()
            .try_fold(text, |rest, piece| self.piece(piece, rest))
    }

    fn piece<'t>(&mut self, piece: &Piece, text: &'t str) -> Option<&'t str> {
        match piece {
            Piece::Literal(literal) => after(text, literal),
            Piece::Optional(inner) => {
                let mut tried = self.clone();
                let Some(rest) = tried.read(inner, text) else {
                    return Some(text);
                };
                *self = tried;
                Some(rest)
            }
            Piece::Number {
                field,
                least,
                most,
                reserved,
            } => {
                let available = digits(text).saturating_sub(*reserved);
                let (number, rest) = number(text, *least, available.min(*most))?;
                self.set(*field, number)?;
                Some(rest)
            }
            Piece::ShortYear => {
                let (number, rest) = number(text, 2, 2)?;
                self.year = Some(2000 + number);
                Some(rest)
            }
            Piece::Month { full } => {
                let (index, rest) = named(&MONTHS, text, *full)?;
                self.month = Some(index);
                Some(rest)
            }
            Piece::Weekday { full } => {
                let (index, rest) = named(&DAYS, text, *full)?;
                self.weekday = Some(index);
                Some(rest)
            }
            Piece::Half => {
                let (afternoon, rest) = match after(text, "PM") {
                    Some(rest) => (true, rest),
                    None => (false, after(text, "AM")?),
                };
                self.afternoon = Some(afternoon);
                Some(rest)
            }
            Piece::Fraction { least, most, point } => self.fraction(*least, *most, *point, text),
            Piece::Offset(form) => {
                let (seconds, rest) = offset(*form, text)?;
                self.offset = Some(seconds);
                Some(rest)
            }
            Piece::Zone => {
                let of_name = |c: char| c.is_ascii_alphanumeric() || "_/+-:".contains(c);
                let end = text.find(|c| !of_name(c)).unwrap_or(text.len());
                let (name, rest) = text.split_at_checked(end)?;
                self.zone = Some(zone(name)?);
                Some(rest)
            }
        }
    }

    fn fraction<'t>(
        &mut self,
        least: usize,
        most: usize,
        point: bool,
        text: &'t str,
    ) -> Option<&'t str> {
        let text = if point { after(text, ".")? } else { text };
        let count = digits(text).min(most);
        if count < least {
            return None;
        }
        let (digits, rest) = text.split_at_checked(count)?;
        self.nano = Some(format!("{digits:0<9}").parse().ok()?);
        Some(rest)
    }

    /// Keeps a number within its field's range.
    fn set(&mut self, field: Field, number: i64) -> Option<()> {
        let (slot, least, most) = match field {
            Field::Year => (&mut self.year, 0, 9999),
            Field::Month => (&mut self.month, 1, 12),
            Field::Day => (&mut self.day, 1, 31),
            Field::DayOfYear => (&mut self.day_of_year, 1, 366),
            Field::Hour => (&mut self.hour, 0, 24),
            Field::ClockHour => (&mut self.hour, 1, 24),
            Field::HalfHour => (&mut self.half_hour, 0, 11),
            Field::HalfClockHour => (&mut self.half_hour, 1, 12),
            Field::Minute => (&mut self.minute, 0, 59),
            Field::Second => (&mut self.second, 0, 59),
            Field::Nano => (&mut self.nano, 0, 999_999_999),
        };
        let kept = match field {
            Field::ClockHour => number % 24,
            Field::HalfClockHour => number % 12,
            _ => number,
        };
        *slot = (least..=most).contains(&number).then_some(kept);
        slot.map(|_| ())
    }

    fn resolve(self, strict: bool) -> Option<Moment> {
        let date = if self.says_date() {
            Some(self.date(strict)?)
        } else {
            None
        };
        let (time, next_day) = self.time()?;
        if strict && next_day {
            return None;
        }
        let date = match (date, next_day) {
            (Some(date), true) => Some(date.tomorrow().ok()?),
            (date, _) => date,
        };
        let offset = self.offset.map(fixed);
        let zone = match offset {
            Some(offset) => Some(offset?),
            None => self.zone,
        };
        Some(Moment { date, time, zone })
    }

    fn says_date(&self) -> bool {
        let day = self.month.is_some() && self.day.is_some();
        self.year.is_some() && (day || self.day_of_year.is_some())
    }

    /// The date; none where there is no such day.
    fn date(&self, strict: bool) -> Option<Date> {
        let year = i16::try_from(self.year?).ok()?;
        let date = if let (Some(month), Some(day)) = (self.month, self.day) {
            let first = Date::new(year, i8::try_from(month).ok()?, 1).ok()?;
            let mut day = i8::try_from(day).ok()?;
            if !strict {
                day = day.min(first.days_in_month());
            }
            first.with().day(day).build().ok()?
        } else {
            let first = Date::new(year, 1, 1).ok()?;
            let day = i16::try_from(self.day_of_year?).ok()?;
            first.with().day_of_year(day).build().ok()?
        };
        let weekday = |day: i64| Weekday::from_sunday_one_offset(i8::try_from(day).ok()?).ok();
        let right = self
            .weekday
            .is_none_or(|day| weekday(day) == Some(date.weekday()));
        right.then_some(date)
    }

    /// The time of the day, if one is said, and whether it is the end of the day.
    fn time(&self) -> Option<(Option<Time>, bool)> {
        let hour = match (self.hour, self.half_hour, self.afternoon) {
            (Some(hour), _, _) => hour,
            (None, Some(half), Some(afternoon)) => half + if afternoon { 12 } else { 0 },
            _ => return Some((None, false)),
        };
        let rest = [self.minute, self.second, self.nano].map(|part| part.unwrap_or(0));
        let end = hour == 24;
        if end && rest.iter().any(|part| *part != 0) {
            return None;
        }
        let [minute, second, nano] = rest;
        let short = |number: i64| i8::try_from(number).ok();
        let time = Time::new(
            short(hour % 24)?,
            short(minute)?,
            short(second)?,
            i32::try_from(nano).ok()?,
        );
        Some((Some(time.ok()?), end))
    }
}

/// How many digits a text begins with.
fn digits(text: &str) -> usize {
    text.bytes().take_while(u8::is_ascii_digit).count()
}

/// A number of at least and at most so many digits, and what follows it.
fn number(text: &str, least: usize, most: usize) -> Option<(i64, &str)> {
    let count = digits(text).min(most);
    if count < least.max(1) {
        return None;
    }
    let (digits, rest) = text.split_at_checked(count)?;
    Some((digits.parse().ok()?, rest))
}

/// What follows a text, in any case.
fn after<'t>(text: &'t str, begin: &str) -> Option<&'t str> {
    let (head, rest) = text.split_at_checked(begin.len())?;
    head.eq_ignore_ascii_case(begin).then_some(rest)
}

/// The number, from 1, of the name a text begins with, in full or its first three letters.
fn named<'t>(names: &[&str], text: &'t str, full: bool) -> Option<(i64, &'t str)> {
    let mut all = (1_i64..).zip(names);
    all.find_map(|(index, name)| {
        let name = if full { name } else { name.get(..3)? };
        after(text, name).map(|rest| (index, rest))
    })
}

/// Seconds east of UTC, and what follows them.
fn offset(form: Offset, text: &str) -> Option<(i32, &str)> {
    if let Some(rest) = after(text, form.zero) {
        return Some((0, rest));
    }
    let (sign, rest) = match text.strip_prefix('+') {
        Some(rest) => (1, rest),
        None => (-1, text.strip_prefix('-')?),
    };
    let (hours, mut rest) = two_digits(rest)?;
    let (mut minutes, mut seconds) = (0, 0);
    for (index, slot) in [&mut minutes, &mut seconds].into_iter().enumerate() {
        if index == 1 && !form.seconds {
            break;
        }
        let begin = if form.colon {
            rest.strip_prefix(':')
        } else {
            Some(rest)
        };
        match begin.and_then(two_digits) {
            Some((number, behind)) => {
                *slot = number;
                rest = behind;
            }
            None if index == 0 && form.minutes => return None,
            None => break,
        }
    }
    let valid = hours <= 18 && minutes < 60 && seconds < 60;
    valid.then_some((sign * ((hours * 60 + minutes) * 60 + seconds), rest))
}

fn two_digits(text: &str) -> Option<(i32, &str)> {
    let (number, rest) = number(text, 2, 2)?;
    Some((i32::try_from(number).ok()?, rest))
}
