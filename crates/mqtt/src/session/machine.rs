//! The session itself: its state, the one way in and the one way out.

use std::collections::VecDeque;
use std::mem;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::aliases::OwnAliases;
use super::authenticating::Authenticating;
use super::subscribing::Request;
use super::{Dropped, Forward, Input, Limits, Output, Receiver, Sender, SessionSubscription};
use crate::packet::{ClientId, ConnAck, Disconnect, Packet, PacketId, Version, Will};
use crate::reason::ReasonCode;
use crate::topic::Topic;

/// Where a session's connection stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    /// Waiting for the CONNECT.
    Opening,
    /// Waiting for the server to say whether the client may come in.
    Asking,
    /// Connected.
    Open,
    /// There is no connection; the session may be resumed on another one.
    Closed,
}

/// The server's half of one session, and of the connection that carries it.
///
/// Made for every connection. When the connection ends the value is kept for as long as [`Session::expiry`]
/// says, still takes [`Input::Accepted`], [`Input::Released`] and [`Input::Publish`], and is passed to the
/// next connection's session in [`Admission::previous`](super::Admission).
#[derive(Debug)]
pub struct Session {
    pub(super) limits: Arc<Limits>,
    pub(super) client_id: ClientId,
    pub(super) phase: Phase,
    pub(super) version: Version,
    pub(super) writable: bool,
    /// Seconds; 0 is off.
    pub(super) keep_alive: u16,
    /// Seconds this session outlives its connection.
    pub(super) expiry: u32,
    /// The largest packet the client takes.
    pub(super) packet_maximum: u32,
    pub(super) now: Instant,
    /// When the last packet came, or the connection.
    pub(super) heard: Instant,
    pub(super) outputs: VecDeque<Output>,
    pub(super) will: Option<Box<Will>>,
    pub(super) subscriptions: Vec<SessionSubscription>,
    pub(super) requests: VecDeque<Request>,
    pub(super) aliases: Vec<Option<Topic>>,
    /// The aliases the client takes, if it takes any.
    pub(super) own_aliases: Option<Box<OwnAliases>>,
    /// How the client proves who it is, if it named a method.
    pub(super) authenticating: Option<Box<Authenticating>>,
    pub(super) receiver: Receiver,
    pub(super) sender: Sender<Forward>,
    pub(super) dropped: Dropped,
    /// A rare packet has grown queues that a quiet client does not need.
    pub(super) roomy: bool,
}

/// What survives of a session when its process does not.
#[derive(Debug, Clone, Default)]
pub struct Restored {
    /// Whose session it is.
    pub client_id: ClientId,
    /// QoS 2 identifiers whose PUBLISH is durable and whose release is not.
    pub received: Vec<PacketId>,
    /// Its subscriptions.
    pub subscriptions: Vec<SessionSubscription>,
    /// Publishes the client has not acknowledged, in their order, with their identifiers.
    pub deliveries: Vec<Forward>,
    /// Identifiers of QoS 2 publishes the client has taken and whose PUBCOMP has not come.
    pub taken: Vec<PacketId>,
    /// Seconds it outlives a connection.
    pub expiry: u32,
}

impl Session {
    /// A session for a connection that was just made.
    pub fn new(limits: Arc<Limits>, now: Instant) -> Self {
        Self {
            limits,
            client_id: ClientId::default(),
            phase: Phase::Opening,
            version: Version::V311,
            writable: true,
            keep_alive: 0,
            expiry: 0,
            packet_maximum: u32::MAX,
            now,
            heard: now,
            outputs: VecDeque::new(),
            will: None,
            subscriptions: Vec::new(),
            requests: VecDeque::new(),
            aliases: Vec::new(),
            own_aliases: None,
            authenticating: None,
            receiver: Receiver::default(),
            sender: Sender::default(),
            dropped: Dropped::default(),
            roomy: false,
        }
    }

    /// A sleeping session as the durable state describes it, to be resumed by its client.
    pub fn restore(limits: Arc<Limits>, restored: Restored, now: Instant) -> Self {
        Self {
            phase: Phase::Closed,
            client_id: restored.client_id,
            expiry: restored.expiry,
            receiver: Receiver::restored(restored.received),
            subscriptions: restored.subscriptions,
            sender: Sender::restored(
                restored.deliveries,
                restored
                    .taken
                    .into_iter()
                    .map(|id| (id, Some(id)))
                    .collect(),
            ),
            ..Self::new(limits, now)
        }
    }

    /// Takes notice of something that happened.
    pub fn handle(&mut self, now: Instant, input: Input) {
        self.now = now;
        match input {
            Input::Packet(packet) => self.on_packet(packet),
            Input::Admit(admission) => self.on_admit(*admission),
            Input::Refuse(reason) => self.on_refuse(reason),
            Input::Challenge(data) => self.on_challenge(data),
            Input::Authenticated(data) => self.on_authenticated(data),
            Input::Accepted(ticket, reason) => self.on_accepted(ticket, reason),
            Input::Released(packet_id) => self.on_released(packet_id),
            Input::Recorded(packet_id) => self.on_recorded(packet_id),
            Input::Withdraw(packet_id) => self.withdraw(packet_id),
            Input::Subscribed(packet_id, codes) => self.on_subscribed(packet_id, codes),
            Input::Unsubscribed(packet_id) => self.on_unsubscribed(packet_id),
            Input::Publish(forward) => self.on_forward(forward),
            Input::Writable(writable) => self.writable = writable,
            Input::Tick => self.on_tick(),
            Input::Disconnect(reason) => self.fail(reason),
            Input::Closed => self.end(ReasonCode::Success, true),
        }
    }

    /// What must be done next. Call it until it says [`Output::Wait`].
    pub fn poll(&mut self) -> Output {
        loop {
            if let Some(output) = self.outputs.pop_front() {
                return output;
            }
            if !self.pump() {
                if mem::take(&mut self.roomy) {
                    self.outputs = VecDeque::new();
                    self.requests.shrink_to_fit();
                }
                return Output::Wait(self.deadline());
            }
        }
    }

    fn on_packet(&mut self, packet: Packet) {
        let result = match (self.phase, packet) {
            (Phase::Closed, _) => Ok(()), // [MQTT-3.1.4-6]
            (Phase::Opening, Packet::Connect(connect)) => {
                self.roomy = true;
                self.on_connect(connect);
                Ok(())
            }
            (Phase::Asking, Packet::Auth(auth)) => self.on_auth(auth),
            (Phase::Opening | Phase::Asking, _) => Err(ReasonCode::ProtocolError), // [MQTT-3.1.0-1]
            (Phase::Open, packet) => {
                self.heard = self.now;
                self.on_packet_while_open(packet)
            }
        };
        if let Err(reason) = result {
            self.fail(reason); // [MQTT-4.13.1-1]
        }
    }

    fn on_packet_while_open(&mut self, packet: Packet) -> Result<(), ReasonCode> {
        self.roomy |= matches!(packet, Packet::Subscribe(_) | Packet::Unsubscribe(_));
        match packet {
            Packet::Publish(publish) => self.on_publish(publish),
            Packet::PubAck(ack) => self.on_puback(&ack),
            Packet::PubRec(ack) => self.on_pubrec(&ack),
            Packet::PubRel(ack) => self.on_pubrel(&ack),
            Packet::PubComp(ack) => {
                self.on_pubcomp(&ack);
                Ok(())
            }
            Packet::Subscribe(subscribe) => self.on_subscribe(subscribe),
            Packet::Unsubscribe(unsubscribe) => {
                self.on_unsubscribe(unsubscribe);
                Ok(())
            }
            Packet::PingReq => {
                self.send(Packet::PingResp); // [MQTT-3.12.4-1]
                Ok(())
            }
            Packet::Disconnect(disconnect) => self.on_disconnect(&disconnect),
            Packet::Auth(auth) => self.on_auth(auth),
            // A second CONNECT [MQTT-3.1.0-2], and what only servers send.
            Packet::Connect(_)
            | Packet::ConnAck(_)
            | Packet::SubAck(_)
            | Packet::UnsubAck(_)
            | Packet::PingResp => Err(ReasonCode::ProtocolError),
        }
    }

    fn on_disconnect(&mut self, disconnect: &Disconnect) -> Result<(), ReasonCode> {
        let asked = disconnect
            .properties
            .as_ref()
            .and_then(|properties| properties.session_expiry_interval);
        if let Some(expiry) = asked {
            if self.expiry == 0 && expiry != 0 {
                return Err(ReasonCode::ProtocolError); // [MQTT-3.1.2-23] keeps what CONNECT said
            }
            self.expiry = expiry.min(self.limits.session_expiry);
        }
        let abnormal = disconnect.reason != ReasonCode::NORMAL_DISCONNECTION; // [MQTT-3.14.4-3] [MQTT-3.1.2-10]
        self.end(disconnect.reason, abnormal);
        Ok(())
    }

    fn on_tick(&mut self) {
        if self.deadline().is_some_and(|deadline| deadline <= self.now) {
            self.fail(ReasonCode::KeepAliveTimeout); // [MQTT-3.1.2-22]
        } else if self.outputs.is_empty() {
            self.shrink();
        }
    }

    /// Gives the memory back that only bursts need.
    fn shrink(&mut self) {
        self.outputs.shrink_to_fit();
        self.requests.shrink_to_fit();
        self.receiver.shrink();
        self.sender.shrink();
    }

    pub(super) fn send(&mut self, packet: Packet) {
        self.outputs.push_back(Output::Send(packet));
    }

    /// Ends the connection, telling a 5.0 client why; 3.1.1 has no words for it.
    pub(super) fn fail(&mut self, reason: ReasonCode) {
        if self.phase == Phase::Open && self.version == Version::V5 {
            // [MQTT-3.14.0-1]
            self.send(Packet::Disconnect(Disconnect::new(reason)));
        }
        if self.phase == Phase::Opening && reason == ReasonCode::UnsupportedProtocolVersion {
            self.send(Packet::ConnAck(Box::new(ConnAck::new(false, reason)))); // [MQTT-3.1.2-2] [MQTT3-3.1.2-2]
        }
        self.end(reason, true);
    }

    /// Ends the connection; `abnormal` if the client did not ask for it.
    pub(super) fn end(&mut self, reason: ReasonCode, abnormal: bool) {
        if self.phase == Phase::Closed {
            return;
        }
        self.phase = Phase::Closed; // [MQTT-3.14.4-1]
        self.receiver.disconnect();
        self.requests = VecDeque::new();
        self.aliases = Vec::new(); // [MQTT-3.3.2-7]
        self.own_aliases = None;
        self.authenticating = None;
        if let Some(will) = self.will.take().filter(|_| abnormal) {
            // [MQTT3-3.1.2-12]
            let delay = Duration::from_secs(u64::from(
                will.properties
                    .will_delay_interval
                    .unwrap_or(0)
                    .min(self.expiry),
            ));
            self.outputs
                .push_back(Output::Will(Box::new(will.into_publish()), delay)); // [MQTT-3.1.2-8]
        }
        self.outputs.push_back(Output::Close(reason)); // [MQTT-3.14.4-2] [MQTT-4.13.2-1]
    }

    /// When this session must be ticked.
    fn deadline(&self) -> Option<Instant> {
        match self.phase {
            Phase::Opening | Phase::Asking => Some(self.heard + self.limits.connect_timeout),
            Phase::Open if self.keep_alive > 0 => {
                Some(self.heard + Duration::from_millis(u64::from(self.keep_alive) * 1500))
            }
            Phase::Open | Phase::Closed => None,
        }
    }

    /// Whether the driver should read on: false while the client has as many publishes waiting for the log, or
    /// requests waiting for the index, as the limits allow.
    pub fn reads(&self) -> bool {
        const REQUESTS: usize = 16;
        self.receiver.waiting() < usize::from(self.limits.receive_maximum)
            && self.requests.len() < REQUESTS
    }

    /// Whether a client is connected.
    pub fn is_open(&self) -> bool {
        self.phase == Phase::Open
    }

    /// Whose session it is; empty until the client is admitted.
    pub fn client_id(&self) -> &ClientId {
        &self.client_id
    }

    /// The client's protocol.
    pub fn version(&self) -> Version {
        self.version
    }

    /// How long the session must be kept after its connection, in seconds; `u32::MAX` is for ever.
    pub fn expiry(&self) -> u32 {
        self.expiry
    }

    /// Its subscriptions, in no particular order.
    pub fn subscriptions(&self) -> &[SessionSubscription] {
        &self.subscriptions
    }

    /// The QoS 2 identifiers it holds.
    pub fn received(&self) -> impl Iterator<Item = PacketId> {
        self.receiver.held()
    }

    /// Tickets without an answer.
    pub fn unaccepted(&self) -> usize {
        self.receiver.waiting()
    }

    /// Publishes sent to the client and not acknowledged.
    pub fn inflight(&self) -> usize {
        self.sender.inflight()
    }

    /// Publishes waiting for the client, and their bytes.
    pub fn queued(&self) -> (usize, usize) {
        (self.sender.queued(), self.sender.queued_bytes())
    }

    /// Publishes that are waiting for the client, or were sent to it without an answer.
    pub fn undelivered(&self) -> usize {
        self.sender.messages().count()
    }

    /// How many publishes may be handed in now and leave at once: none while others wait. One of QoS 1 or 2 more than
    /// its client takes waits here; what else there is for it is better kept where it is bounded.
    pub fn room(&self) -> usize {
        match self.phase {
            Phase::Open if self.sender.queued() == 0 => self.sender.window_left().max(1),
            _ => 0,
        }
    }

    /// What was dropped since the last call.
    pub fn take_dropped(&mut self) -> Dropped {
        mem::take(&mut self.dropped)
    }
}
