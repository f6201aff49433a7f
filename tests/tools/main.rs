//! The tools where the configuration names Apache Kafka and Cassandra: through a running process, and without one.
//! The other side is kcat and Python's driver.

#![expect(
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a failed expectation is a failed test"
)]

mod house;

mod kcat;

mod kafka;

mod roles;

mod cassandra;
