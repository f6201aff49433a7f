//! The columns between `SELECT` and `FROM`.

use super::super::lexer::{Keyword, Kind, Token};
use super::super::problem::Span;
use super::super::statement::{Alias, Column, Source};
use super::{MAX_DEPTH, MAX_STEPS, Parser, Read, Refused};

impl<'a> Parser<'a, '_> {
    pub(super) fn columns(&mut self) -> Read<Vec<Column>> {
        let mut columns = Vec::new();
        loop {
            columns.extend(self.column()?);
            if !self.accept(Kind::Comma) {
                return Ok(columns);
            }
        }
    }

    /// A column; `None` for the two kinds that are read and then discarded.
    fn column(&mut self) -> Read<Option<Column>> {
        if let Some(star) = self.accept_token(Kind::Asterisk) {
            return Ok(Some(Column {
                source: Source::Value,
                path: Vec::new(),
                wildcard: true,
                alias: None,
                span: star.span,
            }));
        }
        if let Some(text) = self.accept_token(Kind::Text) {
            self.alias()?;
            self.discarded(
                text.span,
                "a text as a column",
                "name the field without quotes, or in backticks",
            );
            return Ok(None);
        }
        let Some(first) = self.accept_name() else {
            return self.expected("a column");
        };
        if self.accept(Kind::Open) {
            self.function_arguments(first.span)?;
            return Ok(None);
        }
        self.path_column(first).map(Some)
    }

    fn path_column(&mut self, first: Token<'_>) -> Read<Column> {
        let (mut path, wildcard) = self.steps_after(first)?;
        let alias = self.alias()?;
        let source = match path.first().map(String::as_str) {
            Some("_key") => Some(Source::Key),
            Some("_header") => Some(Source::Header),
            Some("_value") => Some(Source::Value),
            _ => None,
        };
        if source.is_some() {
            path.remove(0);
        }
        Ok(Column {
            source: source.unwrap_or(Source::Value),
            path,
            wildcard,
            alias,
            span: first.span.to(self.last_span()),
        })
    }

    /// The steps of a path whose first has been read, and whether it ends in `.*`.
    pub(super) fn steps_after(&mut self, first: Token<'_>) -> Read<(Vec<String>, bool)> {
        let mut path = vec![first.meaning().to_owned()];
        while self.accept(Kind::Dot) {
            if self.accept(Kind::Asterisk) {
                return Ok((path, true));
            }
            match self.accept_name() {
                Some(step) if path.len() == MAX_STEPS => {
                    let message = format!("a path has more than {MAX_STEPS} steps");
                    self.problems.error(step.span, message, None);
                    return Err(Refused);
                }
                Some(step) => path.push(step.meaning().to_owned()),
                None => return self.expected("the name of a field after `.`"),
            }
        }
        Ok((path, false))
    }

    pub(super) fn accept_name(&mut self) -> Option<Token<'a>> {
        let token = self.peek()?;
        let fits = matches!(token.kind, Kind::Field | Kind::TopicName | Kind::Escaped);
        self.at += usize::from(fits);
        fits.then_some(token)
    }

    fn alias(&mut self) -> Read<Option<Alias>> {
        if !self.accept(Kind::Keyword(Keyword::As)) {
            return Ok(None);
        }
        let quoted = self.peek_kind() == Some(Kind::Text);
        match self.peek() {
            Some(token) if quoted || token.kind == Kind::Field => {
                self.at += 1;
                Ok(Some(Alias {
                    text: token.meaning().to_owned(),
                    quoted,
                }))
            }
            _ => self.expected("a name after `AS`, of letters, digits and `_`, or a quoted text,"),
        }
    }

    fn function_arguments(&mut self, name: Span) -> Read<()> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            self.problems
                .error(name, "functions are nested too deep".to_owned(), None);
            return Err(Refused);
        }
        if !self.accept(Kind::Close) {
            self.columns()?;
            if !self.accept(Kind::Close) {
                return self.expected("`)`");
            }
        }
        self.depth -= 1;
        let span = name.to(self.last_span());
        self.alias()?;
        if self.depth == 0 {
            self.discarded(
                span,
                "a function",
                "write it in backticks where the sink has functions",
            );
        }
        Ok(())
    }

    fn discarded(&mut self, span: Span, what: &str, help: &str) {
        self.problems.warn(
            span,
            format!("{what} is read and then left out, as the original does"),
            Some(help.to_owned()),
        );
    }

    /// The original refuses a second top-level column of the same field; nested ones it does not see.
    pub(super) fn refuse_duplicates(&mut self, columns: &[Column]) {
        for (index, column) in columns.iter().enumerate() {
            let Some(name) = top_level_name(column) else {
                continue;
            };
            let repeated = columns.iter().take(index).any(|earlier| {
                earlier.source == column.source && top_level_name(earlier) == Some(name)
            });
            if repeated {
                self.problems.error(
                    column.span,
                    format!("Field {name} has already been defined"),
                    Some("select each field once".to_owned()),
                );
            }
        }
    }
}

fn top_level_name(column: &Column) -> Option<&str> {
    match (column.path.as_slice(), column.wildcard) {
        ([], true) => Some("*"),
        ([name], false) => Some(name),
        _ => None,
    }
}
