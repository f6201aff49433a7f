//! KCQL, the small language that says which fields of which topic become which columns (CONNECT-SPEC 3.1 to 3.4).
//! Takes the text of the option `connect.cassandra.kcql` from a connector's configuration.
//! Gives the plan [`Statement`]s, and for each a compiled [`Projection`] of record values to named columns.

mod clause;
mod grammar;
mod lexer;
mod problem;
mod select;
mod statement;

pub use clause::{Argument, Clause, ClauseOrder};
pub use grammar::parse;
pub use lexer::Keyword;
pub use problem::{KcqlError, Mode, Span, Warning};
pub use select::{AliasQuotes, OutputName, Projection, RecordParts, SelectError};
pub use statement::{Alias, Column, Name, Source, Statement, Verb};
