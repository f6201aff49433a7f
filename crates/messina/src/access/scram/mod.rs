//! SCRAM-SHA-256, as an MQTT 5 enhanced authentication.
//! Takes stored keys from `password` and a client's messages from `authenticator`.
//! Gives our messages and, at the end, an [`Identity`](super::Identity).

mod keys;

pub(super) use keys::{MadeUp, ScramKeys};

mod exchange;

pub use exchange::{Exchange, SCRAM_SHA_256};

#[cfg(test)]
mod tests;
