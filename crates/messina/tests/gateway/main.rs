//! The gateway over a real log, spoken to in packets.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::disallowed_methods,
    reason = "a test may fail loudly, and watches its tasks itself"
)]

mod access;
mod authenticating;
mod bench;
mod listeners;
mod promises;
mod publish_only;
mod queues;
mod retained;
mod security;
mod security_limits;
mod security_others;
mod sessions;
mod shared;
mod statements_connect;
mod statements_publish;
mod sys;
mod wills;
