//! The clauses after a statement's topic: their order, which is fixed, and the form of each.

use super::lexer::Keyword;
use super::problem::Span;

/// A clause as it was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Clause {
    /// The word it begins with.
    pub keyword: Keyword,
    /// What follows the word.
    pub argument: Argument,
    /// The whole clause.
    pub span: Span,
}

/// What follows a clause's keyword.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Argument {
    /// Nothing.
    None,
    /// A positive number.
    Number(u32),
    /// A word or a text; `sys_time()` as it is.
    Word(String),
    /// Names, each a list of steps.
    Paths(Vec<Vec<String>>),
    /// `name = value` pairs.
    Pairs(Vec<(String, String)>),
    /// Words in parentheses.
    Words(Vec<String>),
    /// A word, and `name = value` pairs in parentheses.
    Format(String, Vec<(String, String)>),
}

/// How a clause's argument is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// The keyword alone.
    Bare,
    /// `a.b, c`
    Paths,
    /// `= v`
    EqualWord,
    /// `= FIELD`
    EqualField,
    /// `= INT`, at least 1
    EqualNumber,
    /// `INT`, at least 1
    Number,
    /// `FIELD`
    Field,
    /// `FIELD` or `sys_time()`
    Timestamp,
    /// `v [(k = v, ..)]`
    Format,
    /// `(k, k = v, k AS v, ..)`
    Tags,
    /// `(v, ..)`
    Words,
    /// `= 'c'`
    Delimiter,
    /// `([k = v, ..])`
    Pairs,
}

/// The order of clauses in one kind of statement.
#[derive(Debug, Clone, Copy)]
pub struct ClauseOrder(&'static [(Keyword, Form)]);

impl ClauseOrder {
    /// The order in `INSERT` and `UPSERT`.
    pub const WRITE: Self = Self(&[
        (Keyword::Autocreate, Form::Bare),
        (Keyword::WithStructure, Form::Bare),
        (Keyword::Pk, Form::Paths),
        (Keyword::WithTarget, Form::EqualWord),
        (Keyword::Autoevolve, Form::Bare),
        (Keyword::Batch, Form::EqualNumber),
        (Keyword::NoPartition, Form::Bare),
        (Keyword::PartitionBy, Form::Paths),
        (Keyword::WithTimestamp, Form::Timestamp),
        (Keyword::TimestampUnit, Form::EqualField),
        (Keyword::WithFormat, Form::Field),
        (Keyword::WithUnwrap, Form::Bare),
        (Keyword::StoreAs, Form::Format),
        (Keyword::WithTag, Form::Tags),
        (Keyword::IncrementalMode, Form::EqualWord),
        (Keyword::WithType, Form::Field),
        (Keyword::WithDocType, Form::EqualWord),
        (Keyword::WithIndexSuffix, Form::EqualWord),
        (Keyword::Ttl, Form::EqualNumber),
        (Keyword::WithConverter, Form::EqualWord),
        (Keyword::WithJmsSelector, Form::EqualWord),
        (Keyword::WithKey, Form::Words),
        (Keyword::KeyDelimiter, Form::Delimiter),
        (Keyword::WithPipeline, Form::EqualWord),
        (Keyword::WithSubscription, Form::EqualField),
        (Keyword::WithRegex, Form::EqualWord),
        (Keyword::Limit, Form::Number),
        (Keyword::Properties, Form::Pairs),
    ]);

    /// The order in a plain `SELECT`.
    pub const READ: Self = Self(&[
        (Keyword::Pk, Form::Paths),
        (Keyword::WithStructure, Form::Bare),
        (Keyword::WithFormat, Form::Field),
        (Keyword::WithUnwrap, Form::Bare),
        (Keyword::Limit, Form::Number),
        (Keyword::StoreAs, Form::Format),
        (Keyword::WithTag, Form::Tags),
        (Keyword::IncrementalMode, Form::EqualWord),
        (Keyword::WithDocType, Form::EqualWord),
        (Keyword::WithIndexSuffix, Form::EqualWord),
        (Keyword::WithConverter, Form::EqualWord),
        (Keyword::KeyDelimiter, Form::Delimiter),
        (Keyword::Ttl, Form::EqualNumber),
    ]);

    /// The place of the clause `keyword` begins, and the form of its argument.
    pub(super) fn place(self, keyword: Keyword) -> Option<(usize, Form)> {
        let place = self.0.iter().position(|(own, _)| *own == keyword)?;
        // NOPARTITION and PARTITIONBY share one place: one excludes the other.
        let shared = match keyword {
            Keyword::PartitionBy => place.saturating_sub(1),
            _ => place,
        };
        self.0.get(place).map(|(_, form)| (shared, *form))
    }

    /// The keywords in their order.
    pub fn keywords(self) -> impl Iterator<Item = Keyword> {
        self.0.iter().map(|(keyword, _)| *keyword)
    }
}
