//! The gateway in front of a real Apache Kafka: what devices were promised is there, read back by kcat.
//!
//! `MESSINA_ROUNDS` says how many kills (20), `MESSINA_SEED` repeats a run's choices.

#![expect(
    clippy::disallowed_methods,
    clippy::expect_used,
    clippy::print_stdout,
    reason = "a test of a real process, in real time, that prints what it did"
)]

mod kills;

mod others;

mod outage;

mod sizes;
