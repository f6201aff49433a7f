//! The device itself: its state, the one way in and the one way out.

use std::collections::{BTreeMap, VecDeque};
use std::num::NonZeroU16;
use std::time::{Duration, Instant};

use super::traffic::Outgoing;
use super::{Input, Options, Output, Token};
use crate::packet::{
    ClientId, ConnAck, Connect, Disconnect, DisconnectProperties, Packet, PacketId, Version,
};
use crate::reason::ReasonCode;
use crate::session::{Receiver, Sender};
use crate::topic::Topic;

/// Where a device's connection stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    /// There is none.
    Closed,
    /// CONNECT is sent, CONNACK has not come.
    Opening,
    /// Connected.
    Open,
}

/// The client's half of one session, over as many connections as it takes.
///
/// What is published while there is no connection waits for the next one. What was sent and not acknowledged is
/// sent again with DUP if the server still has the session, and as new if it has not.
#[derive(Debug)]
pub struct Device {
    pub(super) options: Options,
    pub(super) phase: Phase,
    pub(super) writable: bool,
    pub(super) now: Instant,
    /// Seconds; what the server wants goes before what the options say.
    keep_alive: u16,
    /// When the last packet was sent.
    pub(super) sent: Instant,
    /// When the PINGREQ was sent that has no answer.
    pub(super) pinged: Option<Instant>,
    /// The largest packet the server takes.
    pub(super) packet_maximum: u32,
    pub(super) outputs: VecDeque<Output>,
    pub(super) receiver: Receiver,
    pub(super) sender: Sender<Outgoing>,
    /// SUBSCRIBE and UNSUBSCRIBE without an answer.
    pub(super) requests: Vec<PacketId>,
    /// What the server's topic aliases stand for on this connection.
    pub(super) aliases: BTreeMap<NonZeroU16, Topic>,
}

impl Device {
    /// A device without a connection; it sends CONNECT once it is told there is one.
    pub fn new(options: Options, now: Instant) -> Self {
        Self {
            keep_alive: options.keep_alive,
            options,
            phase: Phase::Closed,
            writable: true,
            now,
            sent: now,
            pinged: None,
            packet_maximum: u32::MAX,
            outputs: VecDeque::new(),
            receiver: Receiver::default(),
            sender: Sender::default(),
            requests: Vec::new(),
            aliases: BTreeMap::new(),
        }
    }

    /// Takes notice of something that happened or is wanted.
    pub fn handle(&mut self, now: Instant, input: Input) {
        self.now = now;
        match input {
            Input::Opened => self.on_opened(),
            Input::Packet(packet) => self.on_packet(packet),
            Input::Publish(token, publish) => self.publish(token, publish),
            Input::Subscribe(subscriptions, identifier) => {
                self.subscribe(subscriptions, identifier);
            }
            Input::Unsubscribe(filters) => self.unsubscribe(filters),
            Input::Writable(writable) => self.writable = writable,
            Input::Tick => self.on_tick(),
            Input::Disconnect(reason) => self.disconnect(reason),
            Input::Closed => self.end(ReasonCode::Success),
        }
    }

    /// What must be done next. Call it until it says [`Output::Wait`].
    pub fn poll(&mut self) -> Output {
        loop {
            if let Some(output) = self.outputs.pop_front() {
                return output;
            }
            if !self.pump() {
                return Output::Wait(self.deadline());
            }
        }
    }

    fn on_opened(&mut self) {
        self.phase = Phase::Opening;
        self.pinged = None;
        self.writable = true;
        self.aliases.clear(); // [MQTT-3.3.2-7]
        let options = &self.options;
        let connect = Connect {
            version: options.version,
            client_id: options.client_id.clone(),
            clean_start: options.clean_start,
            keep_alive: options.keep_alive,
            will: options.will.clone(),
            user_name: options.user_name.clone(),
            password: options.password.clone(),
            properties: options.properties.clone(),
        };
        self.send(Packet::Connect(Box::new(connect))); // [MQTT-3.1.0-1]
    }

    fn on_packet(&mut self, packet: Packet) {
        let result = match (self.phase, packet) {
            (Phase::Closed, _) => Ok(()),
            (Phase::Opening, Packet::ConnAck(connack)) => {
                self.on_connack(connack);
                Ok(())
            }
            (Phase::Opening, _) => Err(ReasonCode::ProtocolError), // [MQTT-3.2.0-1]
            (Phase::Open, packet) => self.on_packet_while_open(packet),
        };
        if let Err(reason) = result {
            self.disconnect(reason);
        }
    }

    fn on_connack(&mut self, connack: Box<ConnAck>) {
        let reason = connack.reason;
        if reason.is_error() {
            self.outputs.push_back(Output::Connected(connack));
            return self.end(reason);
        }
        self.phase = Phase::Open;
        let properties = &connack.properties;
        self.keep_alive = properties
            .server_keep_alive
            .unwrap_or(self.options.keep_alive); // [MQTT-3.1.2-21]
        self.packet_maximum = properties.maximum_packet_size.map_or(u32::MAX, u32::from);
        let window = properties.receive_maximum.map_or(u16::MAX, u16::from);
        if let Some(assigned) = &properties.assigned_client_identifier {
            self.options.client_id = ClientId::from(assigned.detached());
        }
        if !connack.session_present {
            self.forget();
        }
        self.sender.connect(window.min(self.options.inflight));
        self.outputs.push_back(Output::Connected(connack));
    }

    /// The server has no session: nothing it sent holds, and nothing sent to it is waiting there.
    fn forget(&mut self) {
        self.receiver = Receiver::default(); // [MQTT-3.2.2-5]
        for token in self.sender.start_over() {
            // Its PUBREC came: the server has it.
            self.outputs
                .push_back(Output::Published(token, ReasonCode::Success));
        }
    }

    fn on_tick(&mut self) {
        if self.phase != Phase::Open || self.deadline().is_none_or(|deadline| deadline > self.now) {
            return;
        }
        if self.pinged.is_some() {
            self.disconnect(ReasonCode::KeepAliveTimeout);
        } else {
            self.pinged = Some(self.now);
            self.send(Packet::PingReq); // [MQTT-3.1.2-20]
        }
    }

    fn deadline(&self) -> Option<Instant> {
        let pause = Duration::from_secs(u64::from(self.keep_alive));
        let counts = self.phase == Phase::Open && self.keep_alive > 0;
        counts.then(|| self.pinged.unwrap_or(self.sent) + pause)
    }

    pub(super) fn send(&mut self, packet: Packet) {
        self.sent = self.now;
        self.outputs.push_back(Output::Send(packet));
    }

    pub(super) fn disconnect(&mut self, reason: ReasonCode) {
        // 3.1.1 can only say goodbye, which drops the will: an error closes without a word.
        if self.phase == Phase::Open && (self.options.version == Version::V5 || !reason.is_error())
        {
            let properties = &self.options.disconnecting;
            let says_more = *properties != DisconnectProperties::default();
            let properties = says_more.then(|| Box::new(properties.clone()));
            self.send(Packet::Disconnect(Disconnect { reason, properties }));
        }
        self.end(reason);
    }

    pub(super) fn end(&mut self, reason: ReasonCode) {
        if self.phase != Phase::Closed {
            self.phase = Phase::Closed;
            self.receiver.disconnect();
            for packet_id in self.requests.drain(..) {
                self.sender.unreserve(packet_id);
            }
            self.outputs.push_back(Output::Close(reason));
        }
    }

    /// Whether the server has let it in.
    pub fn is_open(&self) -> bool {
        self.phase == Phase::Open
    }

    /// Its name, once the server gave it one if it had none.
    pub fn options(&self) -> &Options {
        &self.options
    }

    /// Publishes not sent yet. The owner keeps this small; the device takes what it gets.
    pub fn queued(&self) -> usize {
        self.sender.queued()
    }

    /// Publishes of QoS 1 and 2 sent, and not over.
    pub fn inflight(&self) -> usize {
        self.sender.inflight()
    }

    /// Tells the owner what became of a publish.
    pub(super) fn published(&mut self, token: Token, reason: ReasonCode) {
        self.outputs.push_back(Output::Published(token, reason));
    }
}
