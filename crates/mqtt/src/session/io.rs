//! What goes into a [`Session`] and what comes out of it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;

use super::{Session, Ticket};
use crate::packet::{
    ClientId, Connect, Delivery, Packet, PacketId, Publish, QoS, SharedPublish,
    SubscriptionOptions, Version,
};
use crate::property::SubscriptionId;
use crate::reason::ReasonCode;
use crate::topic::TopicFilter;

/// Something that happened to a session.
#[derive(Debug)]
pub enum Input {
    /// The client sent a packet.
    Packet(Packet),
    /// The answer to [`Output::Connect`]: the client may come in.
    Admit(Box<Admission>),
    /// The answer to [`Output::Connect`]: it may not.
    Refuse(ReasonCode),
    /// An answer to [`Output::Connect`] with an authentication method, or to [`Output::Authenticate`]: the client is
    /// to go on from this data.
    Challenge(Bytes),
    /// The client has proven who it is, and gets this data. Before [`Input::Admit`] while it comes in.
    Authenticated(Bytes),
    /// The answer to [`Output::Deliver`] with a ticket: the PUBLISH is durable, or refused. Answers may come in
    /// any order.
    Accepted(Ticket, ReasonCode),
    /// The answer to [`Output::Release`]: the identifier is durably forgotten.
    Released(PacketId),
    /// The answer to [`Output::Record`]: that this identifier's PUBREC has come is durable.
    Recorded(PacketId),
    /// A publish [`Output::SendPublish`] asked for was not sent and is not to be: it is done with.
    Withdraw(PacketId),
    /// The answer to [`Output::Subscribe`]: one code for each of its subscriptions.
    Subscribed(PacketId, Vec<ReasonCode>),
    /// The answer to [`Output::Unsubscribe`]: they are gone.
    Unsubscribed(PacketId),
    /// A publish matches a subscription of this client.
    Publish(Forward),
    /// Whether the socket takes more. While it does not, publishes wait in the bounded queue.
    Writable(bool),
    /// The time [`Output::Wait`] named has come. Ticks that come earlier do no harm.
    Tick,
    /// The server ends the connection: an undecodable packet (`DecodeError::reason`), a takeover, a shutdown.
    Disconnect(ReasonCode),
    /// The client's socket is gone.
    Closed,
}

/// Something that must be done. The order counts.
#[derive(Debug)]
pub enum Output {
    /// Write this packet.
    Send(Packet),
    /// Write this publish.
    SendPublish(Box<Outgoing>),
    /// A client asks to come in: authenticate it, find or make its identifier, find its session. The answer is
    /// [`Input::Admit`] or [`Input::Refuse`], or [`Input::Challenge`] first if it names an authentication method; no
    /// further packet may be handed in before.
    Connect(Box<Connect>),
    /// The next step of an enhanced authentication; `begins` if a connected client proves again who it is. The
    /// answer is [`Input::Challenge`], [`Input::Authenticated`], [`Input::Refuse`] or [`Input::Disconnect`].
    Authenticate {
        /// Whether it is the first step.
        begins: bool,
        /// The client's data.
        data: Bytes,
    },
    /// Route this publish. With a ticket (QoS 1 and 2) the answer is [`Input::Accepted`].
    Deliver(Publish, Option<Ticket>),
    /// Forget this QoS 2 identifier durably. The answer is [`Input::Released`].
    Release(PacketId),
    /// The client has taken a QoS 2 publish whose identifier came from outside: make that durable before the
    /// PUBREL, so that no later process sends the publish again [MQTT-4.3.3-6]. The answer is [`Input::Recorded`].
    Record(PacketId),
    /// A publish whose identifier came from outside is done with: acknowledged, expired, too large or dropped.
    Delivered(PacketId),
    /// Add these to the subscription index (durably, if the session is to outlive the process). The answer is
    /// [`Input::Subscribed`].
    Subscribe(Box<SubscribeRequest>),
    /// Remove these from the subscription index. The answer is [`Input::Unsubscribed`].
    Unsubscribe(Box<UnsubscribeRequest>),
    /// The connection ended, and not by the client's wish: publish its will after this delay, unless the
    /// client returns before. The session's end ([`Session::expiry`]) ends the delay too.
    Will(Box<Publish>, Duration),
    /// Write what is left and close the socket. Comes once for each connection.
    Close(ReasonCode),
    /// Nothing more to do until the next input, or until this time.
    Wait(Option<Instant>),
}

/// How a client is let in.
#[derive(Debug)]
pub struct Admission {
    /// The CONNECT, as [`Output::Connect`] gave it.
    pub connect: Box<Connect>,
    /// The identifier the server made, if the CONNECT brings none [MQTT-3.1.3-6].
    pub assigned: Option<ClientId>,
    /// The client's session, unless it has none. With a clean start it must be ended by the caller, not passed.
    pub previous: Option<Box<Session>>,
}

/// A publish for the client, with what its subscriptions say about it.
#[derive(Debug, Clone)]
pub struct Forward {
    /// The publish, shared with all its receivers.
    pub publish: Arc<SharedPublish>,
    /// The lower of the publish's and the subscription's QoS [MQTT-3.8.4-8].
    pub qos: QoS,
    /// The retain flag the client sees.
    pub retain: bool,
    /// The identifiers of the subscriptions that match.
    pub subscription_ids: Vec<SubscriptionId>,
    /// When the publish is no longer worth sending.
    pub expires: Option<Instant>,
    /// The identifier it must be sent with, of QoS 1 and 2. A session that outlives its process needs it: sent
    /// again by the next process, a QoS 2 publish must come with the same one.
    pub packet_id: Option<PacketId>,
    /// The shared subscription it came by: it may go to another of its members.
    pub share: Option<Arc<TopicFilter>>,
}

/// A publish on its way out.
#[derive(Debug, Clone)]
pub struct Outgoing {
    /// The publish, shared with all its receivers.
    pub publish: Arc<SharedPublish>,
    /// The client's protocol.
    pub version: Version,
    /// The QoS of this packet.
    pub qos: QoS,
    /// Its retain flag.
    pub retain: bool,
    /// Whether it was sent before.
    pub dup: bool,
    /// Its identifier, at QoS 1 and 2.
    pub packet_id: Option<PacketId>,
    /// Its subscription identifiers.
    pub subscription_ids: Vec<SubscriptionId>,
    /// What is left of its message expiry interval, in seconds.
    pub expiry: Option<u32>,
}

impl Outgoing {
    /// What the codec's `encode_shared` needs beside the publish.
    pub fn delivery(&self) -> Delivery<'_> {
        Delivery {
            qos: self.qos,
            retain: self.retain,
            dup: self.dup,
            packet_id: self.packet_id,
            subscription_ids: &self.subscription_ids,
            topic_alias: None,
            expiry: self.expiry,
        }
    }

    /// The bytes it takes on the wire.
    pub fn encoded_len(&self) -> usize {
        self.publish.encoded_len(self.version, &self.delivery())
    }
}

/// Subscriptions a client asks for; those the session refuses by itself are not among them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SubscribeRequest {
    /// The SUBSCRIBE's identifier.
    pub packet_id: PacketId,
    /// What is asked for. A QoS above the server's maximum is lowered already.
    pub subscriptions: Vec<SessionSubscription>,
}

/// Subscriptions a client no longer wants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnsubscribeRequest {
    /// The UNSUBSCRIBE's identifier.
    pub packet_id: PacketId,
    /// Their filters; those the session never had are not among them.
    pub filters: Vec<TopicFilter>,
}

/// One subscription of a session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionSubscription {
    /// Which topics it is for.
    pub filter: TopicFilter,
    /// How it wants them.
    pub options: SubscriptionOptions,
    /// Its subscription identifier.
    pub identifier: Option<SubscriptionId>,
    /// Whether the session had a subscription to this filter when this one was asked for.
    pub replaces: bool,
}

/// What was not delivered to a client, and why.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Dropped {
    /// The queue was full.
    pub overflow: u64,
    /// Larger than the client's maximum packet size.
    pub too_large: u64,
    /// Its message expiry interval passed while it waited.
    pub expired: u64,
    /// QoS 0 while the client was away.
    pub away: u64,
}
