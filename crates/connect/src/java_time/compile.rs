//! From a pattern's letters to its pieces.

use super::{Field, Offset, Piece};

/// The formats Java has names for, in its letters; `#` is a fraction behind a point, `~` an offset whose zero is `GMT`.
pub(super) const PREDEFINED: [(&str, &str); 13] = [
    ("BASIC_ISO_DATE", "uuuuMMdd[XXXX]"),
    ("ISO_LOCAL_DATE", "uuuu-MM-dd"),
    ("ISO_OFFSET_DATE", "uuuu-MM-ddXXXXX"),
    ("ISO_DATE", "uuuu-MM-dd[XXXXX]"),
    ("ISO_LOCAL_TIME", "HH:mm[:ss[#]]"),
    ("ISO_OFFSET_TIME", "HH:mm[:ss[#]]XXXXX"),
    ("ISO_TIME", "HH:mm[:ss[#]][XXXXX]"),
    ("ISO_LOCAL_DATE_TIME", "uuuu-MM-dd'T'HH:mm[:ss[#]]"),
    ("ISO_OFFSET_DATE_TIME", "uuuu-MM-dd'T'HH:mm[:ss[#]]XXXXX"),
    (
        "ISO_ZONED_DATE_TIME",
        "uuuu-MM-dd'T'HH:mm[:ss[#]]XXXXX['['VV']']",
    ),
    (
        "ISO_DATE_TIME",
        "uuuu-MM-dd'T'HH:mm[:ss[#]][XXXXX['['VV']']]",
    ),
    ("ISO_INSTANT", "uuuu-MM-dd'T'HH:mm:ss[#]XXXXX"),
    ("RFC_1123_DATE_TIME", "[EEE, ]d MMM uuuu HH:mm[:ss] ~"),
];

/// Sections in others than this are refused: whatever reads a pattern recurses into them.
const MAX_DEPTH: usize = 16;

/// What is wrong with a pattern, and at which byte of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PatternError {
    pub(crate) at: usize,
    pub(crate) message: String,
}

fn wrong<T>(at: usize, message: impl Into<String>) -> Result<T, PatternError> {
    let message = message.into();
    Err(PatternError { at, message })
}

/// The pieces of a pattern; of one of [`PREDEFINED`] if `own`.
pub(super) fn compile(pattern: &str, own: bool) -> Result<Vec<Piece>, PatternError> {
    if pattern.starts_with("ISO_") || pattern.contains("_DATE") {
        let names: Vec<&str> = PREDEFINED.iter().map(|(name, _)| *name).collect();
        let names = names.join(", ");
        return wrong(
            0,
            format!("`{pattern}` is none of the predefined formats {names}"),
        );
    }
    // The sections that are open, and where each began.
    let mut open: Vec<(usize, Vec<Piece>)> = vec![(0, Vec::new())];
    let mut rest = pattern.char_indices().peekable();
    while let Some((at, character)) = rest.next() {
        let piece = match character {
            '[' if open.len() > MAX_DEPTH => {
                return wrong(at, format!("nested deeper than {MAX_DEPTH} levels"));
            }
            '[' => {
                open.push((at, Vec::new()));
                continue;
            }
            ']' => match (open.pop(), open.is_empty()) {
                (Some((_, inner)), false) => Piece::Optional(inner),
                _ => return wrong(at, "there is no `[` to this `]`"),
            },
            '\'' => Piece::Literal(quoted(at, &mut rest)?),
            '#' if own => Piece::Fraction {
                least: 0,
                most: 9,
                point: true,
            },
            '~' if own => Piece::Offset(Offset {
                zero: "GMT",
                colon: false,
                minutes: true,
                seconds: false,
            }),
            '#' | '{' | '}' => return wrong(at, format!("`{character}` has no meaning yet")),
            letter if letter.is_ascii_alphabetic() => {
                let mut count = 1;
                while rest.next_if(|(_, next)| *next == letter).is_some() {
                    count += 1;
                }
                field(at, letter, count)?
            }
            other => Piece::Literal(other.to_string()),
        };
        if let Some((_, pieces)) = open.last_mut() {
            pieces.push(piece);
        }
    }
    match (open.pop(), open.is_empty()) {
        (Some((_, mut pieces)), true) => {
            reserve(&mut pieces);
            check_halves(pattern, &pieces)?;
            Ok(pieces)
        }
        (Some((at, _)), false) => wrong(at, "a `[` is not closed"),
        (None, _) => wrong(0, "there is no pattern"),
    }
}

type Rest<'p> = std::iter::Peekable<std::str::CharIndices<'p>>;

/// The text up to the closing quote; two quotes are one.
fn quoted(at: usize, rest: &mut Rest<'_>) -> Result<String, PatternError> {
    if rest.next_if(|(_, next)| *next == '\'').is_some() {
        return Ok("'".to_owned());
    }
    let mut text = String::new();
    loop {
        match rest.next() {
            None => return wrong(at, "a quote is not closed"),
            Some((_, '\'')) => {
                if rest.next_if(|(_, next)| *next == '\'').is_none() {
                    return Ok(text);
                }
                text.push('\'');
            }
            Some((_, character)) => text.push(character),
        }
    }
}

/// What so many of a letter mean.
fn field(at: usize, letter: char, count: usize) -> Result<Piece, PatternError> {
    let number = |field, least, most| Piece::Number {
        field,
        least,
        most,
        reserved: 0,
    };
    // As many digits as there are letters, or any number for one letter.
    let digits = |field| match count {
        1 => Some(number(field, 1, 19)),
        2 => Some(number(field, 2, 2)),
        _ => None,
    };
    let piece = match (letter, count) {
        ('y' | 'u', 2) => Some(Piece::ShortYear),
        ('y' | 'u', 4) => Some(number(Field::Year, 4, 4)),
        ('y' | 'u', 1 | 3) => Some(number(Field::Year, count, 19)),
        ('M' | 'L', 3 | 4) => Some(Piece::Month { full: count == 4 }),
        ('M' | 'L', _) => digits(Field::Month),
        ('d', _) => digits(Field::Day),
        ('D', 1) => Some(number(Field::DayOfYear, 1, 19)),
        ('D', 2) => Some(number(Field::DayOfYear, 2, 3)),
        ('D', 3) => Some(number(Field::DayOfYear, 3, 3)),
        ('H', _) => digits(Field::Hour),
        ('k', _) => digits(Field::ClockHour),
        ('K', _) => digits(Field::HalfHour),
        ('h', _) => digits(Field::HalfClockHour),
        ('m', _) => digits(Field::Minute),
        ('s', _) => digits(Field::Second),
        ('S', 1..=9) => Some(Piece::Fraction {
            least: count,
            most: count,
            point: false,
        }),
        ('n', 1..=9) => Some(number(Field::Nano, count, 19)),
        ('a', 1) => Some(Piece::Half),
        ('E', 1..=4) => Some(Piece::Weekday { full: count == 4 }),
        ('X' | 'x', 1..=5) | ('Z', 1..=3 | 5) => Some(Piece::Offset(offset(letter, count))),
        ('V', 2) | ('z', 1..=3) => Some(Piece::Zone),
        _ => None,
    };
    let all: String = std::iter::repeat_n(letter, count).collect();
    piece.map_or_else(
        || {
            let known = "y u M L d D H h K k m s S n a E X x Z VV z";
            wrong(
                at,
                format!("`{all}` is not read; the letters that are: {known}"),
            )
        },
        Ok,
    )
}

fn offset(letter: char, count: usize) -> Offset {
    let (count, zero) = match (letter, count) {
        ('Z', 5) => (5, "Z"),
        ('Z', _) => (2, "+0000"),
        ('X', count) => (count, "Z"),
        (_, 1) => (1, "+00"),
        (_, count @ (2 | 4)) => (count, "+0000"),
        (_, count) => (count, "+00:00"),
    };
    Offset {
        zero,
        colon: matches!(count, 3 | 5),
        minutes: count > 1,
        seconds: count > 3,
    }
}

/// Digits of fixed width right behind a number of any width are not that number's.
fn reserve(pieces: &mut [Piece]) {
    for index in 0..pieces.len() {
        let behind = pieces.get(index + 1..).unwrap_or_default();
        let fixed = |piece: &Piece| match piece {
            Piece::Number { least, most, .. } if least == most => Some(*least),
            Piece::ShortYear => Some(2),
            Piece::Fraction { least, most, point } if least == most && !point => Some(*least),
            _ => None,
        };
        let width = behind.iter().map_while(fixed).sum();
        match pieces.get_mut(index) {
            Some(Piece::Number {
                reserved,
                least,
                most,
                ..
            }) if *least < *most => *reserved = width,
            Some(Piece::Optional(inner)) => reserve(inner),
            _ => {}
        }
    }
}

/// Hours of half a day want to know which half.
fn check_halves(pattern: &str, pieces: &[Piece]) -> Result<(), PatternError> {
    let half_hour = |piece: &Piece| {
        matches!(
            super::number_of(piece),
            Some(Field::HalfHour | Field::HalfClockHour)
        )
    };
    if super::has(pieces, &half_hour) && !super::has_piece(pieces, &Piece::Half) {
        let at = pattern.find(['h', 'K']).unwrap_or(0);
        return wrong(at, "hours of half a day want an `a` for AM or PM");
    }
    Ok(())
}
