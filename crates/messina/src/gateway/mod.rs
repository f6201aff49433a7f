//! The gateway: MQTT connections to records in the log, and publishes to subscribers.
//! Takes byte streams from `listener` and drives a `Session` over each.
//! Gives records to the log, and acknowledges a PUBLISH only when the log has it durably.

pub mod accept;
pub mod connection;
pub mod read_buffer;

pub mod route;

pub mod partitioner;
pub mod produce;

pub mod publish;

pub mod passing_on;
pub mod recipients;
pub mod subscriptions;

pub mod shares;

pub mod mailbox;
pub mod queue;
pub mod room;
pub mod slots;

pub mod retained;

pub mod relay;

pub mod sessions;
pub mod sys;
pub mod upkeep;
pub mod wills;

pub mod state;
pub mod waking;

pub mod server;

pub mod events;
pub mod recurring;
