//! The binary, driven from outside: what the end-to-end tests share.
//!
//! Nothing in here knows how the program works inside. It starts the built binary, speaks MQTT to it as
//! devices do, asks its admin API as operators do, and waits for conditions, never for luck.

#![expect(
    clippy::disallowed_methods,
    reason = "tests of a real process run in real time"
)]
#![expect(
    clippy::missing_panics_doc,
    reason = "a failed expectation is a failed test"
)]
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a failed expectation is a failed test"
)]

pub mod patience;
pub mod random;

pub mod server;

pub mod admin;
pub mod authority;
pub mod between;
pub mod cassandra;
pub mod kafka;
pub mod meters;
pub mod outside;
pub mod wire;

pub mod fleet;
pub mod own_device;
