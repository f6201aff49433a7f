//! Something wrong with a configuration, and how it is shown: all of it, each where it was typed.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};
use messina_connect::config::Position;

/// A text that configuration was read from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// The file's path, or what stands for it: `environment MESSINA__...`, `--set`.
    pub name: Arc<str>,
    /// What was written there.
    pub text: Arc<str>,
}

impl Source {
    /// A text with the name errors give it.
    pub fn new(name: impl Into<Arc<str>>, text: impl Into<Arc<str>>) -> Arc<Self> {
        Arc::new(Self {
            name: name.into(),
            text: text.into(),
        })
    }
}

/// A stretch of a [`Source`], bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Span {
    /// The text.
    pub source: Arc<Source>,
    /// From where to where in it.
    pub range: Range<usize>,
}

impl Span {
    /// The line and column of its start, from 1; columns count characters.
    pub fn position(&self) -> Position {
        let before = self.source.text.get(..self.range.start).unwrap_or_default();
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        let column = before.get(line_start..).unwrap_or_default().chars().count() + 1;
        let line = before.matches('\n').count() + 1;
        Position {
            file: self.source.name.clone(),
            line: u32::try_from(line).unwrap_or(u32::MAX),
            column: u32::try_from(column).unwrap_or(u32::MAX),
        }
    }

    /// What begins at `position` in `source`, to the end of its line.
    pub fn at(source: &Arc<Source>, position: &Position) -> Self {
        let start = offset_of(&source.text, position).unwrap_or(0);
        let rest = source.text.get(start..).unwrap_or_default();
        let length = rest.find('\n').unwrap_or(rest.len());
        Self {
            source: source.clone(),
            range: start..start + length,
        }
    }

    /// The same span with its start moved to `position`, if that lies within it.
    #[must_use]
    pub fn narrowed_to(&self, position: &Position) -> Self {
        let mut narrowed = self.clone();
        let start = offset_of(&self.source.text, position);
        if let Some(start) = start.filter(|start| self.range.contains(start)) {
            narrowed.range.start = start;
        }
        narrowed
    }
}

/// The byte a position stands for.
fn offset_of(text: &str, position: &Position) -> Option<usize> {
    let line_start = (1..position.line).try_fold(0, |from, _| {
        let rest = text.get(from..)?;
        rest.find('\n').map(|newline| from + newline + 1)
    })?;
    let column = usize::try_from(position.column)
        .unwrap_or(1)
        .saturating_sub(1);
    let rest = text.get(line_start..)?;
    let end = std::iter::once((rest.len(), ' '));
    let found = rest.char_indices().chain(end).nth(column);
    found.map(|(index, _)| line_start + index)
}

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// The configuration cannot be used.
    Error,
    /// It can, and will surprise.
    Warning,
}

/// Something wrong with a configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// How bad it is.
    pub severity: Severity,
    /// Where it was typed; `None` when nothing was.
    pub span: Option<Span>,
    /// What is wrong, on which thing.
    pub message: String,
    /// What to do.
    pub help: Option<String>,
}

impl Problem {
    /// An error at a place.
    pub fn error(span: &Span, message: impl Into<String>) -> Self {
        Self {
            severity: Severity::Error,
            span: Some(span.clone()),
            message: message.into(),
            help: None,
        }
    }

    /// A warning at a place.
    pub fn warning(span: &Span, message: impl Into<String>) -> Self {
        Self {
            severity: Severity::Warning,
            ..Self::error(span, message)
        }
    }

    /// The same with advice.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    fn render(&self, renderer: &Renderer) -> String {
        let level = match self.severity {
            Severity::Error => Level::ERROR,
            Severity::Warning => Level::WARNING,
        };
        let mut group = Group::with_title(level.primary_title(self.message.as_str()));
        if let Some(span) = &self.span {
            let annotation = AnnotationKind::Primary.span(visible(span));
            let snippet = Snippet::source(&*span.source.text)
                .path(&*span.source.name)
                .annotation(annotation);
            group = group.element(snippet);
        }
        if let Some(help) = &self.help {
            group = group.element(Level::HELP.message(help.as_str()));
        }
        renderer.render(&[group])
    }
}

/// The part of a span on its first line: nobody wants twenty lines of carets.
fn visible(span: &Span) -> Range<usize> {
    let text = span.source.text.get(span.range.clone()).unwrap_or_default();
    let first = text.lines().next().unwrap_or_default().trim_end();
    span.range.start..span.range.start + first.len()
}

/// All problems of one configuration, in the order they were typed.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Problems {
    list: Vec<Problem>,
}

impl Problems {
    /// Sorts `list`: errors and warnings by place, placeless ones first.
    pub fn new(mut list: Vec<Problem>) -> Self {
        list.sort_by_key(|problem| {
            let span = problem.span.as_ref();
            span.map(|span| (span.source.name.clone(), span.range.start))
        });
        list.dedup();
        Self { list }
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = &Problem> {
        self.list.iter()
    }

    /// Whether one of them forbids to go on.
    pub fn has_errors(&self) -> bool {
        self.count(Severity::Error) > 0
    }

    /// How many of one severity there are.
    pub fn count(&self, severity: Severity) -> usize {
        let same = |problem: &&Problem| problem.severity == severity;
        self.list.iter().filter(same).count()
    }

    /// Each with its excerpt, a blank line between.
    pub fn render(&self, colour: bool) -> String {
        let renderer = if colour {
            Renderer::styled()
        } else {
            Renderer::plain()
        };
        let mut out = String::new();
        for problem in &self.list {
            if !out.is_empty() {
                out.push_str("\n\n");
            }
            out.push_str(&problem.render(&renderer));
        }
        out
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.render(false))
    }
}

impl std::error::Error for Problems {}
