//! The server's half of a session, as a state machine without I/O, for MQTT 3.1.1 and 5.0.
//! Takes a client's packets, the log's answers, matching publishes and the time from `gateway/connection.rs`.
//! Gives it packets to write, publishes to route, and what to store and to index ([`Output`]).

mod aliases;
mod authenticating;
mod flow;

mod io;
mod limits;

mod machine;
mod opening;
mod publishing;
mod subscribing;

pub(crate) use flow::{Acknowledged, Arrival, Message, Receiver, Releasing, Sender, Step};

pub use crate::in_order::Ticket;
pub use io::{
    Admission, Dropped, Forward, Input, Outgoing, Output, SessionSubscription, SubscribeRequest,
    UnsubscribeRequest,
};
pub use limits::{Limits, Overflow};
pub use machine::{Restored, Session};

#[cfg(test)]
mod tests;
