//! What a session asks of its connection.

use std::collections::VecDeque;

use messina_mqtt::packet::{Connect, PacketId, Publish};
use messina_mqtt::session::{Ticket, UnsubscribeRequest};

use super::authenticating::AuthStep;
use super::rights::Subscribing;

/// What the session asked for that cannot be done while it is polled.
#[derive(Debug, Default)]
pub(super) struct Asked {
    pub(super) connect: Option<Box<Connect>>,
    pub(super) authentication: Option<AuthStep>,
    /// In the order it was asked for: what is published after a SUBSCRIBE finds it in force.
    pub(super) work: VecDeque<Ask>,
}

impl Asked {
    /// Whether it is asked who the client is.
    pub(super) fn who(&self) -> bool {
        self.connect.is_some() || self.authentication.is_some()
    }
}

/// A piece of work.
#[derive(Debug)]
pub(super) enum Ask {
    Publish(Publish, Option<Ticket>),
    Change(Change),
}

/// A change of the session that must be durable, if the session is to outlive its process, before the client is
/// told.
#[derive(Debug)]
pub(super) enum Change {
    /// A QoS 2 identifier of the client's is forgotten.
    Release(PacketId),
    /// The client has taken a QoS 2 publish.
    Record(PacketId),
    /// A publish is done with.
    Delivered(PacketId),
    /// The client's will is among the publishes.
    WillPublished,
    Subscribe(Subscribing),
    Unsubscribe(Box<UnsubscribeRequest>),
}
