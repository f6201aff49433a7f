//! `up` with its tables in a real Cassandra that stops, dies, is too slow or is changed, asked by a client that is not
//! ours.
//!
//! `MESSINA_OUTAGE` says for how many seconds it is away (60). Nodes that are stopped and killed are a test's own.

#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a failed expectation is a failed test"
)]
#![expect(
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "tests of a real process, in real time, that print what they did"
)]

mod readings;

mod outage;

mod overload;

mod schema;
