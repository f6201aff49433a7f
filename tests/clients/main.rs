//! The gateway as clients find it that are not ours: mosquitto's and Eclipse Paho's for Python.
//!
//! Tables of what such clients can ask for, each line against the built binary and its listeners.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a failed expectation is a failed test"
)]

mod house;

mod properties;
mod publishing;
mod rights;
mod sessions;
mod wills;

mod paho;
