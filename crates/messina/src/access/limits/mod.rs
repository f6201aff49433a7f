//! How much a client may do: connections from its address, publishes and bytes each second, failed log-ins.
//! Takes the time from whoever asks.
//! Gives slots, waiting times and refusals. Every table in here is bounded.

mod network;

mod addresses;

pub use addresses::{Addresses, ConnectionSlot};

mod meter;

pub use meter::Meter;

mod backoff;

pub use backoff::Backoff;
