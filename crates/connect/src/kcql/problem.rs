//! What is wrong with a KCQL text, and where.

use std::fmt;

/// How to treat what the original threw away without a word: characters it does not know, input after the
/// last clause that fits, and names glued together across white space.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Mode {
    /// Each of them is an error. The default.
    #[default]
    Strict,
    /// As the original, with a [`Warning`]: option `kcql.compat.lenient=true`.
    Lenient,
}

/// A range of bytes in the KCQL text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Span {
    /// First byte.
    pub start: usize,
    /// The byte after the last.
    pub end: usize,
}

impl Span {
    /// The text this stands for; empty where `text` is not the one it was made from.
    pub fn of(self, text: &str) -> &str {
        text.get(self.start..self.end).unwrap_or_default()
    }

    /// Line and column (in characters) of the first byte, both counted from 1.
    pub fn line_and_column(self, text: &str) -> (usize, usize) {
        let before = text.get(..self.start).unwrap_or(text);
        let line = before.matches('\n').count() + 1;
        let column = before
            .rsplit('\n')
            .next()
            .unwrap_or_default()
            .chars()
            .count();
        (line, column + 1)
    }

    /// From the start of this to the end of `other`.
    pub(super) fn to(self, other: Self) -> Self {
        Self {
            start: self.start,
            end: other.end.max(self.start),
        }
    }
}

/// Why a KCQL text is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KcqlError {
    /// The offending text.
    pub span: Span,
    /// What is wrong with it.
    pub message: String,
    /// What to write instead.
    pub help: Option<String>,
}

/// Something in a KCQL text that is accepted but has no effect, or another one than it seems.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Warning {
    /// The text in question.
    pub span: Span,
    /// What becomes of it.
    pub message: String,
    /// What to write instead.
    pub help: Option<String>,
}

impl fmt::Display for KcqlError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.message)
    }
}

impl std::error::Error for KcqlError {}

/// Gathers what is found while reading, so that one run reports everything.
#[derive(Debug)]
pub(super) struct Problems {
    mode: Mode,
    pub(super) errors: Vec<KcqlError>,
    pub(super) warnings: Vec<Warning>,
}

impl Problems {
    pub(super) fn new(mode: Mode) -> Self {
        Self {
            mode,
            errors: Vec::new(),
            warnings: Vec::new(),
        }
    }

    /// An error whatever the mode.
    pub(super) fn error(&mut self, span: Span, message: String, help: Option<String>) {
        self.errors.push(KcqlError {
            span,
            message,
            help,
        });
    }

    /// A warning whatever the mode.
    pub(super) fn warn(&mut self, span: Span, message: String, help: Option<String>) {
        self.warnings.push(Warning {
            span,
            message,
            help,
        });
    }

    /// Lost text: an error when strict, a warning when lenient.
    pub(super) fn lost(&mut self, span: Span, message: String, help: Option<String>) {
        match self.mode {
            Mode::Strict => self.error(span, message, help),
            Mode::Lenient => self.warn(span, message, help),
        }
    }
}
