//! What goes into a [`Device`](super::Device) and what comes out of it.

use std::time::Instant;

use bytes::Bytes;

use crate::packet::{
    ClientId, ConnAck, ConnectProperties, DisconnectProperties, MqttString, Packet, PacketId,
    Publish, Subscription, Version, Will,
};
use crate::property::{SubscriptionId, UserProperty};
use crate::reason::ReasonCode;
use crate::topic::TopicFilter;

/// What a device says about itself in CONNECT, and how much it sends at once.
#[derive(Debug, Clone)]
pub struct Options {
    /// The protocol to speak.
    pub version: Version,
    /// The client identifier; empty asks the server for one.
    pub client_id: ClientId,
    /// Whether every connection starts a new session.
    pub clean_start: bool,
    /// Seconds between two signs of life; 0 for none.
    pub keep_alive: u16,
    /// What the server publishes if the connection is lost.
    pub will: Option<Will>,
    /// The user's name.
    pub user_name: Option<MqttString>,
    /// The password.
    pub password: Option<Bytes>,
    /// CONNECT's properties; MQTT 5.0 only. A session expiry interval belongs here.
    pub properties: ConnectProperties,
    /// User properties of every SUBSCRIBE; MQTT 5.0 only.
    pub subscribing: Vec<UserProperty>,
    /// User properties of every UNSUBSCRIBE; MQTT 5.0 only.
    pub unsubscribing: Vec<UserProperty>,
    /// DISCONNECT's properties; MQTT 5.0 only.
    pub disconnecting: DisconnectProperties,
    /// Publishes of QoS 1 and 2 to have unacknowledged, unless the server allows fewer.
    pub inflight: u16,
}

impl Options {
    /// Options for a device of this name: MQTT 5.0, a session that lives a day, keep alive 60 s, window 20.
    pub fn new(client_id: ClientId) -> Self {
        let properties = ConnectProperties {
            session_expiry_interval: Some(86_400),
            ..ConnectProperties::default()
        };
        Self {
            version: Version::V5,
            client_id,
            clean_start: false,
            keep_alive: 60,
            will: None,
            user_name: None,
            password: None,
            properties,
            subscribing: Vec::new(),
            unsubscribing: Vec::new(),
            disconnecting: DisconnectProperties::default(),
            inflight: 20,
        }
    }
}

/// The caller's own name for something it published.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Token(pub u64);

/// Something that happened to a device, or that its owner wants.
#[derive(Debug)]
pub enum Input {
    /// A connection to the server was made.
    Opened,
    /// The server sent a packet.
    Packet(Packet),
    /// Publish this; its QoS says how. Its `dup` and `packet_id` are the device's business.
    Publish(Token, Publish),
    /// Subscribe to these, with this subscription identifier. Needs a connection.
    Subscribe(Vec<Subscription>, Option<SubscriptionId>),
    /// End subscriptions. Needs a connection.
    Unsubscribe(Vec<TopicFilter>),
    /// Whether the socket takes more.
    Writable(bool),
    /// The time [`Output::Wait`] named has come.
    Tick,
    /// End the connection with this reason; `Success` drops the will.
    Disconnect(ReasonCode),
    /// The socket is gone.
    Closed,
}

/// Something the driver must do or the owner wants to know.
#[derive(Debug)]
pub enum Output {
    /// Write this packet.
    Send(Packet),
    /// The server's answer to CONNECT; [`Output::Close`] follows a refusal.
    Connected(Box<ConnAck>),
    /// A publish came. QoS 2 comes once.
    Received(Publish),
    /// What became of a publish: sent (QoS 0), acknowledged, or refused.
    Published(Token, ReasonCode),
    /// The server's answer to a SUBSCRIBE.
    Subscribed(PacketId, Vec<ReasonCode>),
    /// The server's answer to an UNSUBSCRIBE; 3.1.1 gives no codes.
    Unsubscribed(PacketId, Vec<ReasonCode>),
    /// Write what is left and close the socket. Comes once for each connection.
    Close(ReasonCode),
    /// Nothing more to do until the next input, or until this time.
    Wait(Option<Instant>),
}
