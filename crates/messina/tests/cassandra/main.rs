//! Connectors under the Cassandra sinks' class names, as Kafka Connect's users have them, on a real Cassandra:
//! `cargo xtask services up cassandra`. The program runs as a user starts it, and each test has a keyspace of its own.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stderr,
    clippy::indexing_slicing,
    reason = "a failed expectation is a failed test"
)]

mod altered;
mod classic;
mod errors;
mod insert_json;
mod log_in;
mod mapped;
mod place;
mod poison;
mod queries;
mod sample;
mod tls;
mod worker;
