//! `RegexRouter`: another topic where the whole of it matches (CONNECT-SPEC 2.3).

use std::borrow::Cow;

use regex::Regex;

use super::predicate::pattern;
use crate::options::Options;
use crate::record::ConnectRecord;

#[derive(Debug)]
pub(super) struct RegexRouter {
    /// Matches the whole topic or not.
    whole: Regex,
    /// Finds what is replaced: the first match, which may be shorter.
    first: Regex,
    replacement: Vec<Piece>,
}

#[derive(Debug, PartialEq)]
enum Piece {
    Text(String),
    Group(usize),
}

impl RegexRouter {
    pub(super) fn compile(options: &mut Options<'_, '_>) -> Option<Self> {
        let written = options.raw("regex").map(str::trim);
        let Some(written) = written else {
            options.required("regex")?;
            return None;
        };
        let Some(replacement) = options.raw("replacement").map(str::trim) else {
            options.required("replacement")?;
            return None;
        };
        let (whole, first) = pattern(options, "regex", written)?;
        match pieces(replacement, &first) {
            Ok(replacement) => Some(Self {
                whole,
                first,
                replacement,
            }),
            Err(message) => {
                options.refuse("replacement", message, None);
                None
            }
        }
    }

    pub(super) fn apply(&self, record: &mut ConnectRecord<'_>) {
        if !self.whole.is_match(&record.topic) {
            return;
        }
        let Some(found) = self.first.captures(&record.topic) else {
            return;
        };
        let place = found.get(0).map_or(0..0, |place| place.range());
        let mut topic = record
            .topic
            .get(..place.start)
            .unwrap_or_default()
            .to_owned();
        for piece in &self.replacement {
            match piece {
                Piece::Text(text) => topic.push_str(text),
                Piece::Group(group) => {
                    topic.push_str(found.get(*group).map_or("", |found| found.as_str()));
                }
            }
        }
        topic.push_str(record.topic.get(place.end..).unwrap_or_default());
        record.topic = Cow::Owned(topic);
    }
}

/// Java's replacement: `$1` takes as many digits as there are groups for, `${name}`, `\` before a literal.
fn pieces(replacement: &str, regex: &Regex) -> Result<Vec<Piece>, String> {
    let (mut pieces, mut text) = (Vec::new(), String::new());
    let mut rest = replacement.chars().peekable();
    while let Some(character) = rest.next() {
        match character {
            '\\' => text.push(
                rest.next()
                    .ok_or("a backslash at the end escapes nothing")?,
            ),
            '$' => {
                pieces.push(Piece::Text(std::mem::take(&mut text)));
                pieces.push(Piece::Group(group(&mut rest, regex)?));
            }
            plain => text.push(plain),
        }
    }
    pieces.push(Piece::Text(text));
    pieces.retain(|piece| *piece != Piece::Text(String::new()));
    Ok(pieces)
}

fn group(
    rest: &mut std::iter::Peekable<std::str::Chars<'_>>,
    regex: &Regex,
) -> Result<usize, String> {
    if rest.next_if_eq(&'{').is_some() {
        let name: String = rest
            .by_ref()
            .take_while(|character| *character != '}')
            .collect();
        let index = regex.capture_names().position(|own| own == Some(&*name));
        return index.ok_or_else(|| format!("the regular expression has no group `{name}`"));
    }
    let digit = |character: &char| character.to_digit(10).map(|digit| digit as usize);
    let first = rest.next().and_then(|character| digit(&character));
    let mut group =
        first.ok_or("a `$` needs the number or `{name}` of a group, or a backslash before it")?;
    while let Some(next) = rest.peek().and_then(digit) {
        let longer = group * 10 + next;
        if longer >= regex.captures_len() {
            break;
        }
        group = longer;
        rest.next();
    }
    if group >= regex.captures_len() {
        return Err(format!("the regular expression has no group {group}"));
    }
    Ok(group)
}
