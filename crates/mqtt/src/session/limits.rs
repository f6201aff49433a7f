//! What a session allows its client, and how much it keeps for it.

use std::time::Duration;

use crate::packet::QoS;
use crate::topic::TopicLimits;

/// Limits of a [`Session`](super::Session); one value is shared by all sessions of a listener.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is one property of CONNACK"
)]
pub struct Limits {
    /// How long a connection may take to send its CONNECT.
    pub connect_timeout: Duration,
    /// The longest keep alive in seconds; a client that wants a longer one, or none, gets this. None allows any.
    pub keep_alive: Option<u16>,
    /// The longest time in seconds a session outlives its connection; `u32::MAX` is for ever.
    pub session_expiry: u32,
    /// Publishes of QoS 1 and 2 a client may have unacknowledged. A 3.1.1 client is not told; see
    /// [`Session::reads`](super::Session::reads).
    pub receive_maximum: u16,
    /// The largest packet a client may send; the codec enforces it, CONNACK announces it.
    pub maximum_packet_size: u32,
    /// Topic aliases a client may use; 0 allows none.
    pub topic_alias_maximum: u16,
    /// How long and how deep topics and filters may be: of publishes, wills and subscriptions.
    pub topics: TopicLimits,
    /// The best quality of service a client may publish with or subscribe to.
    pub maximum_qos: QoS,
    /// Whether publishes are retained. Of 5.0 clients, who are told, those that ask for it are refused.
    pub retain_available: bool,
    /// Whether filters may hold wildcards.
    pub wildcards_available: bool,
    /// Whether subscriptions may carry an identifier.
    pub subscription_identifiers_available: bool,
    /// Whether `$share/...` filters are taken.
    pub shared_subscriptions_available: bool,
    /// Subscriptions one session may have.
    pub subscriptions: usize,
    /// Publishes of QoS 1 and 2 sent to a client and not acknowledged, however many it would take.
    pub inflight: u16,
    /// Publishes waiting for a client.
    pub queued: usize,
    /// Bytes of publishes waiting for a client.
    pub queued_bytes: usize,
    /// What happens when those are reached.
    pub overflow: Overflow,
}

/// Which publish is lost when the queue for a slow client is full. Each loss is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Overflow {
    /// The one that does not fit any more.
    DropNewest,
    /// The one that waited longest.
    DropOldest,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connect_timeout: Duration::from_secs(10),
            // Clients may keep their own; TCP finds dead peers of those that want none.
            keep_alive: None,
            // A day: long enough for a night without a network, short enough to forget discarded devices.
            session_expiry: 86_400,
            // One commit of the log takes all of it; a few hundred 1 kB publishes stay below 1 MiB a client.
            receive_maximum: 256,
            maximum_packet_size: 1024 * 1024,
            topic_alias_maximum: 32,
            topics: TopicLimits::default(),
            maximum_qos: QoS::ExactlyOnce,
            retain_available: true,
            wildcards_available: true,
            subscription_identifiers_available: true,
            shared_subscriptions_available: true,
            subscriptions: 1000,
            inflight: 64,
            queued: 1000,
            queued_bytes: 1024 * 1024,
            overflow: Overflow::DropNewest,
        }
    }
}
