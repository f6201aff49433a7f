//! `cargo xtask services`: real Kafka and real Cassandra on loopback, for whoever tests against them.
//! Takes Maven Central's artifacts, copied once per service into `.services/<name>/libs`.
//! Gives running processes with their process identifier and log beside them; only those it ends.

mod cassandra;
mod kafka;

mod daemon;
mod maven;
mod python;

mod run;

pub(crate) use run::run;
