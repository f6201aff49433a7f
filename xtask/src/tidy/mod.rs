//! `cargo xtask tidy`: reads the source for the rules the compiler cannot hold.
//! Takes the workspace's files from `source`.
//! Gives one line per fault, `path:line: what is wrong and what to do`, and fails if there is one.

mod borders;
mod links;
mod ratchet;
mod words;

mod run;

pub(crate) use run::run;
