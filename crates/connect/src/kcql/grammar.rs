//! Tokens to statements, by CONNECT-SPEC 3.2. The original stops at the first token that does not fit and
//! throws the rest away; so does this, but says so.

mod column;
mod tail;

#[cfg(test)]
mod tests;

use super::clause::ClauseOrder;
use super::lexer::{self, Keyword, Kind, Token};
use super::problem::{KcqlError, Mode, Problems, Span, Warning};
use super::statement::{Name, Statement, Verb};

/// Reads a script: statements separated by `;`.
///
/// All errors of all statements are reported at once. Warnings name what is accepted but has no effect.
pub fn parse(text: &str, mode: Mode) -> Result<(Vec<Statement>, Vec<Warning>), Vec<KcqlError>> {
    let mut problems = Problems::new(mode);
    let mut statements = Vec::new();
    for (base, piece) in pieces(text) {
        if let Ok(statement) = Parser::new(piece, base, &mut problems).statement() {
            statements.push(statement);
        }
    }
    if problems.errors.is_empty() {
        Ok((statements, problems.warnings))
    } else {
        problems.errors.sort_by_key(|error| error.span.start);
        Err(problems.errors)
    }
}

/// The script cut at every `;`, quoted ones included, each piece with its offset; blank ones at the end
/// are left out, though the first always stays.
fn pieces(text: &str) -> Vec<(usize, &str)> {
    let mut base = 0;
    let mut found = Vec::new();
    for piece in text.split(';') {
        found.push((base, piece));
        base += piece.len() + 1;
    }
    while found.len() > 1
        && found
            .last()
            .is_some_and(|(_, piece)| piece.trim().is_empty())
    {
        found.pop();
    }
    found
}

/// The statement cannot be read further; why has been noted.
#[derive(Debug)]
struct Refused;

type Read<T> = Result<T, Refused>;

/// A path may have so many steps, as many as JSON may nest; a limit because following them recurses.
const MAX_STEPS: usize = 128;
/// Functions may nest this deep; a limit because reading them recurses.
const MAX_DEPTH: usize = 32;

struct Parser<'a, 'p> {
    tokens: Vec<Token<'a>>,
    at: usize,
    depth: usize,
    whole: Span,
    problems: &'p mut Problems,
}

impl<'a, 'p> Parser<'a, 'p> {
    fn new(text: &'a str, base: usize, problems: &'p mut Problems) -> Self {
        let start = base + text.len() - text.trim_start().len();
        let end = (base + text.trim_end().len()).max(start);
        Self {
            tokens: lexer::tokens(text, base, problems),
            at: 0,
            depth: 0,
            whole: Span { start, end },
            problems,
        }
    }

    fn statement(mut self) -> Read<Statement> {
        let (verb, target) = self.verb_and_target()?;
        self.keyword(Keyword::Select)?;
        let columns = self.columns()?;
        self.keyword(Keyword::From)?;
        let found = self.problems.errors.len();
        let topic = self.glued_name("the name of a topic")?;
        let ignored = if self.accept(Kind::Keyword(Keyword::Ignore)) {
            self.columns()?
        } else {
            Vec::new()
        };
        let order = match verb {
            Verb::Select => ClauseOrder::READ,
            _ => ClauseOrder::WRITE,
        };
        let clauses = self.clauses(order)?;
        // What follows a wrongly glued name was meant to belong to it: one error for one mistake.
        if self.problems.errors.len() == found {
            self.unread(order, &clauses);
        }
        self.refuse_duplicates(&columns);
        Ok(Statement {
            verb,
            target,
            topic,
            columns,
            ignored,
            clauses,
            span: self.whole,
        })
    }

    fn verb_and_target(&mut self) -> Read<(Verb, Option<Name>)> {
        let verb = match self.peek_kind() {
            Some(Kind::Keyword(Keyword::Select)) => return Ok((Verb::Select, None)),
            Some(Kind::Keyword(Keyword::Insert)) => {
                self.at += 1;
                Verb::Insert
            }
            Some(Kind::Keyword(Keyword::Upsert)) => {
                self.at += 1;
                if self.accept(Kind::Keyword(Keyword::Pk)) {
                    Verb::UpsertPk(self.field("the primary key's field")?)
                } else {
                    Verb::Upsert
                }
            }
            _ => return self.expected("`INSERT INTO`, `UPSERT INTO` or `SELECT`"),
        };
        self.keyword(Keyword::Into)?;
        let target = self.glued_name("the name of a table")?;
        Ok((verb, Some(target)))
    }

    /// A table's or topic's name. The original glues all pieces up to the next keyword, white space or not.
    fn glued_name(&mut self, what: &str) -> Read<Name> {
        if let Some(text) = self.accept_token(Kind::Text) {
            return Ok(Name {
                text: text.meaning().to_owned(),
                span: text.span,
            });
        }
        let Some(first) = self.accept_piece() else {
            return self.expected(what);
        };
        let mut name = first.meaning().to_owned();
        let mut span = first.span;
        let mut apart = Vec::new();
        while let Some(piece) = self.accept_piece() {
            if piece.span.start != span.end {
                apart.push(piece.text);
            }
            name.push_str(piece.meaning());
            span = span.to(piece.span);
        }
        if !apart.is_empty() {
            self.problems.lost(
                span,
                format!("the words would be glued to one name, `{name}`"),
                Some(glue_help(&apart)),
            );
        }
        Ok(Name { text: name, span })
    }

    fn accept_piece(&mut self) -> Option<Token<'a>> {
        let token = self.peek()?;
        let fits = matches!(
            token.kind,
            Kind::Field | Kind::TopicName | Kind::Escaped | Kind::Dot
        );
        self.at += usize::from(fits);
        fits.then_some(token)
    }

    fn keyword(&mut self, keyword: Keyword) -> Read<()> {
        if self.accept(Kind::Keyword(keyword)) {
            return Ok(());
        }
        self.expected(&format!("`{}`", keyword.name()))
    }

    fn field(&mut self, what: &str) -> Read<String> {
        match self.accept_token(Kind::Field) {
            Some(token) => Ok(token.text.to_owned()),
            None => self.expected(what),
        }
    }

    fn peek(&self) -> Option<Token<'a>> {
        self.tokens.get(self.at).copied()
    }

    fn peek_kind(&self) -> Option<Kind> {
        self.peek().map(|token| token.kind)
    }

    fn accept(&mut self, kind: Kind) -> bool {
        self.accept_token(kind).is_some()
    }

    fn accept_token(&mut self, kind: Kind) -> Option<Token<'a>> {
        let token = self.peek().filter(|token| token.kind == kind)?;
        self.at += 1;
        Some(token)
    }

    /// Where the token before the next one ends; the statement's start before the first.
    fn last_span(&self) -> Span {
        self.at
            .checked_sub(1)
            .and_then(|index| self.tokens.get(index))
            .map_or(
                Span {
                    start: self.whole.start,
                    end: self.whole.start,
                },
                |token| token.span,
            )
    }

    /// Notes that the next token is not `what`.
    fn expected<T>(&mut self, what: &str) -> Read<T> {
        let Some(token) = self.peek() else {
            let end = self.last_span().end;
            let message = if self.tokens.is_empty() {
                format!("a statement is empty: expected {what}")
            } else {
                format!("the statement ends where {what} is expected")
            };
            self.problems.error(Span { start: end, end }, message, None);
            return Err(Refused);
        };
        let message = format!("expected {what}, found `{}`", token.text);
        self.problems.error(token.span, message, advice(&token));
        Err(Refused)
    }
}

/// What to do about a token that is in the wrong place.
fn advice(token: &Token<'_>) -> Option<String> {
    match token.kind {
        Kind::Keyword(keyword) => Some(format!(
            "`{}` is a keyword: write it in backticks to use it as a name",
            keyword.name()
        )),
        Kind::Delimiter => Some(
            "a quoted single character is a key delimiter, never a text: use a longer text, or no quotes"
                .to_owned(),
        ),
        Kind::Int => Some("a name of digits only must stand in backticks".to_owned()),
        Kind::Field => Keyword::in_any_case(token.text).map(|keyword| {
            format!(
                "keywords are written all in upper or all in lower case: `{}`",
                keyword.name()
            )
        }),
        _ => None,
    }
}

fn glue_help(apart: &[&str]) -> String {
    let keyword = apart.iter().find_map(|piece| Keyword::in_any_case(piece));
    if let Some(keyword) = keyword {
        return format!(
            "keywords are written all in upper or all in lower case: `{}`",
            keyword.name()
        );
    }
    match apart.first() {
        Some(piece) if piece.eq_ignore_ascii_case("where") => {
            "KCQL has no `WHERE`: filter with a transform and a predicate".to_owned()
        }
        Some(piece) if piece.starts_with("--") => "KCQL has no comments: remove it".to_owned(),
        _ => "write it without white space, or remove what does not belong to it".to_owned(),
    }
}
