//! The embedded table: declared tables in one SQLite file, for one machine with nothing to install.
//! Takes [`WriteBatch`]es of Rows from the sink, and SELECTs from `messina query` and the console.
//! Gives back "durable", rows, or an error the sink can turn into a verdict.
//!
//! # What is in the file
//!
//! | object | what it is |
//! |---|---|
//! | `"<table>"` | a view with the table's plain name; hides expired rows from every reader, also from other SQLite tools |
//! | `"__rows_<table>"` | the rows, `WITHOUT ROWID`, clustered by the primary key, plus `__expires` (milliseconds since 1970, null = never) and `__written` (write timestamp, microseconds) |
//! | `"__expiry_<table>"` | partial index on `__expires`, so that a purge reads only what it deletes |
//! | `"__messina_columns"` | each declared column with its CQL type and its part in the primary key |
//!
//! `application_id` is `0x4d534e41` ("MSNA"), `user_version` the format's version.
//!
//! # How values are stored
//!
//! Integers as integers, `timestamp` as milliseconds since 1970-01-01 UTC, `float` and `double` as reals (`NaN`, which
//! SQLite has no real for, as the text `NaN`), `date`, `time`, `uuid`, `inet`, `duration`, `varint` and `decimal` as text,
//! collections, tuples and user-defined types as JSON text.
//!
//! # What a write does
//!
//! An upsert by primary key. `Unset` leaves a column as it was, `Null` clears it. A row whose write timestamp is
//! older than the stored one changes nothing, so a replay is harmless in any order. The timestamp guards the row,
//! where CQL guards each cell: a late row does not fill a column that a newer row left unset.

mod options;

mod error;

mod column;

mod text;

mod bind;

mod statement;

mod declare;

mod handle;

mod queue;

mod transaction;

mod purge;

mod writer;

mod file;

mod query;

mod dump;

mod store;

pub use dump::{DumpError, DumpedRow, DumpedTable, TableDump};
pub use error::{DeclareError, OpenError, QueryError, WriteError};
pub use handle::{TableHandle, WriteBatch};
pub use options::{NowMillis, QueryLimits, TableOptions, system_now_millis};
pub use purge::PurgeReport;
pub use query::{QueryColumn, QueryResult, QueryValue};
pub use store::TableStore;
pub use text::plain as plain_text;
