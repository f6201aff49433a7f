//! `messina connect-distributed` on a real Kafka, with a real Cassandra as the table: `cargo xtask services up kafka
//! cassandra`. Each test has topics, a group and a keyspace of its own.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stderr,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "a test of real processes in real time may fail loudly, and says what differs"
)]

mod life;

mod offsets;

mod overrides;

mod place;

mod refusals;

mod secure;

mod sharing;

mod standalone;

mod worker;
