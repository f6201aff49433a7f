//! `cargo xtask conformance`: which of the specifications' numbered statements code and tests name.
//! Takes `testdata/mqtt/statements.txt` and the workspace's files from `source`.
//! Gives the list; with `--check` the statements that bind a server and lack code, test and a reason.

mod gaps;
mod places;
mod statements;

mod run;

pub(crate) use run::run;
