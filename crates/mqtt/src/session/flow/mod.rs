//! Flow control that both halves of a session share: what was sent and what was received, with packet identifiers.
//! Takes publishes and acknowledgements from `session` and `device`.
//! Gives them back which packet must leave next, and which answer is due.

mod receiver;
mod sender;

pub(crate) use receiver::{Arrival, Receiver, Releasing};
pub(crate) use sender::{Acknowledged, Message, Sender, Step};
