//! The mapping's text: `column = source` pairs with commas between.

use super::source::{FieldSource, Part};
use crate::kcql::Span;

/// One pair of a mapping.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Entry {
    /// The column's name, or `__ttl` or `__timestamp`.
    pub(crate) column: String,
    /// Whether it was in double quotes, which keep its case.
    pub(crate) quoted: bool,
    pub(crate) source: FieldSource,
    /// Where the pair stands.
    pub(crate) span: Span,
}

/// What is wrong with a mapping, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct MappingError {
    pub(crate) span: Span,
    pub(crate) message: String,
}

/// Reads a mapping, or says everything that is wrong with it.
pub(crate) fn parse(text: &str) -> Result<Vec<Entry>, Vec<MappingError>> {
    let (mut entries, mut errors): (Vec<Entry>, Vec<MappingError>) = (Vec::new(), Vec::new());
    for span in pairs(text) {
        match pair(text, span) {
            Ok(entry) if entries.iter().any(|own| same_column(own, &entry)) => {
                let message = format!("column `{}` is mapped twice", entry.column);
                errors.push(MappingError { span, message });
            }
            Ok(entry) => entries.push(entry),
            Err(error) => errors.push(error),
        }
    }
    if errors.is_empty() {
        Ok(entries)
    } else {
        Err(errors)
    }
}

fn same_column(one: &Entry, other: &Entry) -> bool {
    one.column == other.column && one.quoted == other.quoted
}

/// The stretches between commas that are not in quotes, without the blanks around them.
fn pairs(text: &str) -> Vec<Span> {
    let (mut spans, mut start, mut quoted) = (Vec::new(), 0, false);
    for (at, character) in text.char_indices() {
        match character {
            '"' => quoted = !quoted,
            ',' if !quoted => {
                spans.push(trimmed(text, start, at));
                start = at + 1;
            }
            _ => {}
        }
    }
    spans.push(trimmed(text, start, text.len()));
    spans
}

fn trimmed(text: &str, start: usize, end: usize) -> Span {
    let inner = text.get(start..end).unwrap_or_default();
    let blanks = inner.len() - inner.trim_start().len();
    let start = start + blanks;
    Span {
        start,
        end: start + inner.trim().len(),
    }
}

fn pair(text: &str, span: Span) -> Result<Entry, MappingError> {
    let wrong = |span: Span, message: String| MappingError { span, message };
    let written = span.of(text);
    if written.is_empty() {
        return Err(wrong(
            span,
            "a pair is missing between the commas".to_owned(),
        ));
    }
    let Some(equals) = equals(written) else {
        let message = format!("`{written}` is not `column = source`");
        return Err(wrong(span, message));
    };
    let column = trimmed(text, span.start, span.start + equals);
    let source = trimmed(text, span.start + equals + 1, span.end);
    let (name, quoted) = name(column.of(text)).ok_or_else(|| {
        let message = format!("`{}` is not a column's name", column.of(text));
        wrong(column, message)
    })?;
    Ok(Entry {
        column: name,
        quoted,
        source: field_source(source.of(text)).map_err(|message| wrong(source, message))?,
        span,
    })
}

/// Where the first `=` outside quotes is.
fn equals(text: &str) -> Option<usize> {
    let mut quoted = false;
    text.char_indices().find_map(|(at, character)| {
        quoted ^= character == '"';
        (character == '=' && !quoted).then_some(at)
    })
}

/// A name, plain or in double quotes.
fn name(text: &str) -> Option<(String, bool)> {
    if let Some(inner) = text.strip_prefix('"') {
        let inner = inner.strip_suffix('"').filter(|inner| !inner.is_empty())?;
        return Some((inner.replace("\"\"", "\""), true));
    }
    let plain = !text.is_empty()
        && text
            .chars()
            .all(|character| character.is_alphanumeric() || character == '_');
    plain.then(|| (text.to_owned(), false))
}

/// `key`, `value`, `key.a`, `value.a.b`, `header.h`, `now()`.
fn field_source(text: &str) -> Result<FieldSource, String> {
    const WANTED: &str = "write `key`, `key.x`, `value`, `value.x`, `header.x` or `now()`";
    if text == "now()" {
        return Ok(FieldSource {
            part: Part::Now,
            steps: Vec::new(),
        });
    }
    let (root, path) = text
        .split_once('.')
        .map_or((text, None), |(root, path)| (root, Some(path)));
    let part = match root {
        "key" => Part::Key,
        "value" => Part::Value,
        "header" => Part::Header,
        _ => return Err(format!("`{text}` is no source; {WANTED}")),
    };
    let steps = path.map_or_else(Vec::new, steps);
    let empty = steps.iter().any(String::is_empty);
    if empty || (part == Part::Header && steps.is_empty()) {
        return Err(format!("`{text}` lacks the name of a field; {WANTED}"));
    }
    Ok(FieldSource { part, steps })
}

/// Names with dots between; in double quotes a name may have dots itself.
fn steps(path: &str) -> Vec<String> {
    let (mut steps, mut own, mut quoted) = (Vec::new(), String::new(), false);
    for character in path.chars() {
        match character {
            '"' => quoted = !quoted,
            '.' if !quoted => steps.push(std::mem::take(&mut own)),
            _ => own.push(character),
        }
    }
    steps.push(own);
    steps
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_are_columns_with_the_parts_of_a_record() {
        let text =
            " id=key.id, \"Temp\" = value.\"a.b\".c ,raw=value,__ttl=value.t,h=header.x,at=now()";
        let read = parse(text).unwrap();
        let shown: Vec<String> = read
            .iter()
            .map(|entry| {
                let FieldSource { part, steps } = &entry.source;
                format!(
                    "{}{} {part:?} {}",
                    entry.column,
                    if entry.quoted { "!" } else { "" },
                    steps.join("/")
                )
            })
            .collect();
        assert_eq!(
            shown,
            [
                "id Key id",
                "Temp! Value a.b/c",
                "raw Value ",
                "__ttl Value t",
                "h Header x",
                "at Now "
            ]
        );
        assert_eq!(read[1].span.of(text), "\"Temp\" = value.\"a.b\".c");
    }

    #[test]
    fn everything_that_is_wrong_is_said_where_it_stands() {
        let text = "a=key.x,,b,c=other.y,d=value.,\"e=key,a=value.z,h=header";
        let errors = parse(text).unwrap_err();
        let shown: Vec<(&str, &str)> = errors
            .iter()
            .map(|error| (error.span.of(text), error.message.as_str()))
            .collect();
        let found = |place: &str, words: &str| {
            let same = |(own, message): &(&str, &str)| *own == place && message.contains(words);
            assert!(
                shown.iter().any(same),
                "{place}: {words} is not in {shown:?}"
            );
        };
        found("", "a pair is missing");
        found("b", "is not `column = source`");
        found("other.y", "no source");
        found("value.", "lacks the name");
        assert!(shown.len() >= 5, "{shown:?}");
        let twice = parse("a=key,a=value").unwrap_err();
        assert!(twice[0].message.contains("mapped twice"));
    }
}
