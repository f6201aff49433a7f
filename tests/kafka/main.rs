//! Workers behind a real Apache Kafka: what is in a topic becomes rows, whoever stops, dies or comes in between.
//!
//! `MESSINA_ROUNDS` says how many kills (20), `MESSINA_SEED` repeats a run's choices. Brokers that are stopped or killed
//! are a test's own; the others share the one of `cargo xtask services up kafka`.

#![expect(
    clippy::disallowed_methods,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test of real processes, in real time"
)]

mod worker;

mod rows;

mod broker_away;

mod chain;

mod kills;

mod rebalance;

mod topics;

mod rights;

// By flag: three brokers, three nodes.
mod three;

mod leader;

mod ring;
