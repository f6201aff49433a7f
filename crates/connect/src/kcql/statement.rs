//! A KCQL statement as it was read.

use super::clause::{Argument, Clause};
use super::lexer::Keyword;
use super::problem::Span;

/// One statement: what to select from which topic into which table, and the clauses that refine it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statement {
    /// What it begins with.
    pub verb: Verb,
    /// The table to write; `None` for a plain `SELECT`.
    pub target: Option<Name>,
    /// The Kafka topic to read.
    pub topic: Name,
    /// The selected columns in order, without those the original discards (functions, bare texts).
    pub columns: Vec<Column>,
    /// Columns after `IGNORE`; without effect in the current original.
    pub ignored: Vec<Column>,
    /// Clauses in the order written, which is the only one allowed.
    pub clauses: Vec<Clause>,
    /// The whole statement.
    pub span: Span,
}

/// The word a statement begins with. A CQL insert is an upsert, so the writing ones mean the same.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verb {
    /// `INSERT INTO`
    Insert,
    /// `UPSERT INTO`
    Upsert,
    /// `UPSERT PK field INTO`
    UpsertPk(String),
    /// A plain `SELECT`, for source connectors.
    Select,
}

/// A name and where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Name {
    /// The name, without backticks or quotes.
    pub text: String,
    /// Where it stands.
    pub span: Span,
}

/// Which part of the record a column is taken from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Source {
    /// The value; also written `_value.x`.
    Value,
    /// `_key.x`
    Key,
    /// `_header.x`
    Header,
}

/// A selected column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    /// The part of the record it is taken from.
    pub source: Source,
    /// Steps from the root of that part to the field; empty for the root itself.
    pub path: Vec<String>,
    /// Whether all members at `path` are meant (`*`, `a.b.*`).
    pub wildcard: bool,
    /// The name after `AS`.
    pub alias: Option<Alias>,
    /// Where it stands.
    pub span: Span,
}

/// The name after `AS`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Alias {
    /// The name, without quotes.
    pub text: String,
    /// Whether it was quoted: the classic sink keeps the quotes in the column's name.
    pub quoted: bool,
}

impl Statement {
    /// The clause that begins with `keyword`.
    pub fn clause(&self, keyword: Keyword) -> Option<&Clause> {
        self.clauses.iter().find(|clause| clause.keyword == keyword)
    }

    /// Seconds after `TTL =`.
    pub fn ttl(&self) -> Option<u32> {
        self.number(Keyword::Ttl)
    }

    /// Whether nesting is kept: `WITHSTRUCTURE`.
    pub fn with_structure(&self) -> bool {
        self.clause(Keyword::WithStructure).is_some()
    }

    /// Names and values after `PROPERTIES`, in order.
    pub fn properties(&self) -> &[(String, String)] {
        match self.clause(Keyword::Properties) {
            Some(Clause {
                argument: Argument::Pairs(pairs),
                ..
            }) => pairs,
            _ => &[],
        }
    }

    /// Whether it selects `*` and nothing else.
    pub fn selects_everything(&self) -> bool {
        matches!(self.columns.as_slice(), [column] if column.is_root_wildcard())
    }

    fn number(&self, keyword: Keyword) -> Option<u32> {
        match self.clause(keyword)?.argument {
            Argument::Number(number) => Some(number),
            _ => None,
        }
    }
}

impl Column {
    /// Whether this is the bare `*`.
    pub fn is_root_wildcard(&self) -> bool {
        self.source == Source::Value && self.path.is_empty() && self.wildcard
    }
}
