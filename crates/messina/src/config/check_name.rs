//! Names: which are legal, which are ours, and that none is given twice.

use super::problem::{Problem, Span};
use super::section::Section;

/// Kafka's rule for topic names, as a sentence when it is broken.
pub(super) fn kafka_topic(name: &str) -> Result<(), String> {
    let legal = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    if name.is_empty() || name == "." || name == ".." {
        return Err(format!("`{name}` is not a name for a Kafka topic"));
    }
    if let Some(illegal) = name.chars().find(|c| !legal(*c)) {
        return Err(format!(
            "a Kafka topic's name has letters, digits, `.`, `_` and `-`; `{name}` has `{illegal}`"
        ));
    }
    if name.len() > 249 {
        return Err(format!(
            "a Kafka topic's name has at most 249 characters, `{name}` has {}",
            name.len()
        ));
    }
    Ok(())
}

/// Reports a topic that only Messina itself may write to.
pub(super) fn not_ours(section: &Section<'_>, name: &str, span: &Span) {
    let message = format!("topics whose names begin with `__` are Messina's own, like `{name}`");
    section.report(Problem::error(span, message).help("choose another name"));
}

/// Reports a name that was given before.
pub(super) fn unique<'n>(
    section: &Section<'_>,
    what: &str,
    span: &Span,
    name: &str,
    mut before: impl Iterator<Item = &'n str>,
) {
    if before.any(|other| other == name) {
        section.report(Problem::error(
            span,
            format!("there is already a {what} called `{name}`"),
        ));
    }
}
