//! `messina up`: the whole chain in one process, started in the order a reading takes, stopped in the same.
//! Takes a checked configuration from `cli`.
//! Gives every folder of the path what it needs, and the operator the reason where that cannot be done.

mod error;

mod process;

mod patience;

mod stores;

mod connectors;

mod run;

pub use error::UpError;
pub use run::{Ready, run};
