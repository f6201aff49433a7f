//! What was written, in the file and in the environment, and where.

use std::sync::Arc;

use crate::config::properties;
use crate::config::{Problem, Severity, Source, Span};

/// Beginnings of variables that are no properties: they are for the script that starts the original.
const NOT_PROPERTIES: [&str; 8] = [
    "OPTS",
    "HEAP_OPTS",
    "JMX_",
    "JVM_",
    "LOG4J_",
    "GC_LOG",
    "LOG_DIR",
    "CUB_",
];

/// The beginning of variables that are properties.
const PREFIX: &str = "KAFKA_MQTT_";

/// A property.
#[derive(Debug)]
pub(super) struct Written {
    pub(super) name: String,
    /// The value without blanks around it.
    pub(super) value: String,
    pub(super) name_span: Span,
    pub(super) value_span: Span,
}

/// All of them, and what is wrong with them. The same name counts once: the last one, and the environment's before
/// the file's.
#[derive(Debug, Default)]
pub(super) struct Properties {
    all: Vec<Written>,
    start: Option<Span>,
    pub(super) problems: Vec<Problem>,
}

impl Properties {
    pub(super) fn read(file: Option<&Arc<Source>>, environment: &[(String, String)]) -> Self {
        let mut properties = Self::default();
        if let Some(source) = file {
            properties.file(source);
        }
        for (variable, value) in environment {
            properties.variable(variable, value);
        }
        properties
    }

    fn file(&mut self, source: &Arc<Source>) {
        let entries = match properties::parse(&source.text, &source.name) {
            Ok(entries) => entries,
            Err(wrong) => {
                // Nothing is known of what is secret.
                let shown = source.text.chars().map(starred).collect::<String>();
                let shown = Source::new(source.name.clone(), shown);
                let found = wrong
                    .iter()
                    .filter_map(|problem| problem.position.as_ref().zip(Some(problem)));
                let errors = found
                    .map(|(at, problem)| Problem::error(&Span::at(&shown, at), &*problem.message));
                self.problems.extend(errors);
                return;
            }
        };
        let shown = blotted(source, &entries);
        self.start = Some(Span {
            source: shown.clone(),
            range: 0..0,
        });
        for entry in entries {
            let name_span = Span::at(&shown, &entry.key_position);
            if let Some(before) = self.find(&entry.key) {
                let line = before.name_span.position().line;
                let message = format!(
                    "`{}` is set a second time; line {line} has no effect",
                    entry.key
                );
                self.problems
                    .push(Problem::warning(&name_span, message).help("remove one of them"));
            }
            let value_span = Span::at(&shown, &entry.value_position);
            self.put(Written {
                name: entry.key,
                value: entry.value.trim().to_owned(),
                name_span,
                value_span,
            });
        }
    }

    fn variable(&mut self, variable: &str, value: &str) {
        let Some(rest) = variable.strip_prefix(PREFIX) else {
            return;
        };
        if NOT_PROPERTIES.iter().any(|own| rest.starts_with(own)) {
            return;
        }
        let name = property_of(rest);
        let shown = if is_secret(&name) { "***" } else { value };
        let source = Source::new(format!("environment {variable}"), shown);
        let range = 0..shown.len();
        let span = Span { source, range };
        self.put(Written {
            name,
            value: value.trim().to_owned(),
            name_span: span.clone(),
            value_span: span,
        });
    }

    fn put(&mut self, written: Written) {
        self.all.retain(|own| own.name != written.name);
        self.all.push(written);
    }

    fn find(&self, name: &str) -> Option<&Written> {
        self.all.iter().find(|own| own.name == name)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Written> {
        self.all.iter()
    }

    /// The property called `name`, unless it is empty.
    pub(super) fn get(&self, name: &str) -> Option<&Written> {
        self.find(name).filter(|own| !own.value.is_empty())
    }

    pub(super) fn text(&self, name: &str) -> Option<&str> {
        self.get(name).map(|own| own.value.as_str())
    }

    /// Says of a property what is wrong or surprising; of one that is not there, at the start of the file.
    pub(super) fn report(
        &mut self,
        severity: Severity,
        name: &str,
        message: &str,
        help: Option<&str>,
    ) {
        let found = self.find(name).map(|own| own.value_span.clone());
        self.problems.push(Problem {
            severity,
            span: found.or_else(|| self.start.clone()),
            message: format!("`{name}` {message}"),
            help: help.map(str::to_owned),
        });
    }

    pub(super) fn error(&mut self, name: &str, message: &str, help: &str) {
        self.report(Severity::Error, name, message, Some(help));
    }

    pub(super) fn warn(&mut self, name: &str, message: &str, help: &str) {
        self.report(Severity::Warning, name, message, Some(help));
    }

    /// One of some words, in any case.
    pub(super) fn choice<T: Copy>(&mut self, name: &str, words: &[(&str, T)], otherwise: T) -> T {
        let Some(text) = self.text(name) else {
            return otherwise;
        };
        if let Some((_, found)) = words
            .iter()
            .find(|(word, _)| word.eq_ignore_ascii_case(text))
        {
            return *found;
        }
        let words: Vec<_> = words.iter().map(|(word, _)| *word).collect();
        let message = format!("is `{text}`");
        self.error(name, &message, &format!("one of {}", words.join(", ")));
        otherwise
    }
}

impl Written {
    /// The span of a part of the value, as far as it is in the file as it is in the value.
    pub(super) fn part(&self, offset: usize, length: usize) -> Span {
        let Span { source, range } = &self.value_span;
        let raw = source.text.get(range.start..).unwrap_or_default();
        if !raw.starts_with(&self.value) {
            return self.value_span.clone();
        }
        let start = range.start + offset;
        Span {
            source: source.clone(),
            range: start..start + length,
        }
    }

    /// A character that the file has with a backslash before it, and the value without: Java's properties drop the
    /// backslash, as if a regular expression did not need it.
    pub(super) fn lost_backslash(&self) -> Option<char> {
        let Span { source, range } = &self.value_span;
        let raw = source.text.get(range.clone()).unwrap_or_default();
        if self.name_span.range == self.value_span.range {
            return None;
        }
        let mut rest = raw.chars();
        while let Some(character) = rest.next() {
            if character == '\\'
                && let Some(next) = rest.next()
                && !matches!(
                    next,
                    '\\' | ':' | '=' | '#' | '!' | ' ' | 't' | 'n' | 'r' | 'f' | 'u' | '\r'
                )
            {
                return Some(next);
            }
        }
        None
    }
}

/// The property a variable stands for: `_` is a dot, `__` is `_` and `___` a dash, as the original's image has it.
fn property_of(variable: &str) -> String {
    let lower = variable.to_ascii_lowercase();
    let dashed = lower.replace("___", "-").replace("__", "\0");
    dashed.replace('_', ".").replace('\0', "_")
}

fn is_secret(name: &str) -> bool {
    name.contains("password") || name.ends_with("jaas.config") || name.ends_with("keystore.key")
}

/// The file with stars for the values of secrets; everything else stays where it is.
fn blotted(source: &Arc<Source>, entries: &[properties::Entry]) -> Arc<Source> {
    let mut text = String::with_capacity(source.text.len());
    let at = |position| Span::at(source, position).range.start;
    for (index, entry) in entries.iter().enumerate() {
        let value = at(&entry.value_position);
        let next = entries
            .get(index + 1)
            .map_or(source.text.len(), |next| at(&next.key_position));
        text.push_str(source.text.get(text.len()..value).unwrap_or_default());
        let rest = source.text.get(value..next).unwrap_or_default();
        if is_secret(&entry.key) {
            text.extend(rest.chars().map(starred));
        } else {
            text.push_str(rest);
        }
    }
    text.push_str(source.text.get(text.len()..).unwrap_or_default());
    Source::new(source.name.clone(), text)
}

/// Stars for a character, as many as it has bytes, so that places stay what they are.
fn starred(character: char) -> &'static str {
    match (character, character.len_utf8()) {
        ('\n', _) => "\n",
        (_, 1) => "*",
        (_, 2) => "**",
        (_, 3) => "***",
        _ => "****",
    }
}
