//! Kafka Connect's REST API, as a real worker was recorded to answer, replayed against ours over sockets; and what
//! connectors made by requests are after a restart and after `kill -9`.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may fail loudly, and says what differs"
)]

mod lasting;
mod recorded;
mod running;
mod serving;
mod worker;
