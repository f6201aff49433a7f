//! What is measured: one file for each kind of load.
//! Takes a server from `servers`, drives it with `engine`, looks at it through `process`.
//! Gives figures to `report`.

mod cql;
mod idle;
mod kafka;
mod paced;
mod rows;
mod start;
mod storm;
mod throughput;

mod run;

pub(crate) use run::run;
