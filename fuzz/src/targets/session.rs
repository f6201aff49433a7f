//! A server's session under any sequence of packets, answers and disconnections.
//!
//! The [`Oracle`] beside it holds the promises; here stands what drives a session: socket, log and index.

use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use messina_mqtt::packet::{Ack, Codec, Packet, PacketId, Publish, QoS, SharedPublish};
use messina_mqtt::reason::ReasonCode;
use messina_mqtt::session::{Admission, Forward, Input, Limits, Output, Session, Ticket};
use messina_mqtt::topic::Topic;

use super::Target;
use super::session_oracle::Oracle;

/// Two bytes an operation: which, and its argument. The first byte of all chooses the version.
pub(super) const SESSION: Target = Target {
    name: "mqtt_session",
    seeds: &[
        // Publishes of every QoS, answered out of order, released, completed.
        b"\x00\x00\x00\x00\x01\x00\x05\x00\x02\x03\x02\x03\x00\x01\x01\x04\x00",
        // A QoS 2 publish sent again over a reconnect; forwarded publishes and their acknowledgements.
        b"\x01\x00\x02\x03\x00\x09\x00\x00\x82\x01\x01\x04\x00\x06\x01\x06\x02\x02\x01\x02\x42\x02\x82\x07\x05",
        // SUBSCRIBE and UNSUBSCRIBE as bytes.
        b"\x00\x0a\x0a\x82\x08\x00\x01\x00\x03a/#\x02\x05\x00\x0a\x09\xa2\x07\x00\x02\x00\x03a/#\x05\x00\x08\x00\x06\x01\x08\x01",
    ],
    run: session,
};

const CONNECT: [&[u8]; 2] = [
    b"\x10\x0d\x00\x04MQTT\x04\x00\x00\x3c\x00\x01a",
    b"\x10\x13\x00\x04MQTT\x05\x00\x00\x3c\x05\x11\x00\x00\x00\xff\x00\x01a",
];

/// Outputs one input may lead to; more is a loop.
const MOST_OUTPUTS: usize = 10_000;

#[expect(
    clippy::disallowed_methods,
    reason = "any instant will do, and there is no other source of one"
)]
static START: LazyLock<Instant> = LazyLock::new(Instant::now);

fn session(bytes: &[u8]) {
    let (version, mut rest) = bytes.split_first().unwrap_or((&0, &[]));
    let mut driver = Driver::new(usize::from(version & 1));
    driver.connect();
    while let [operation, argument, after @ ..] = rest {
        rest = after;
        let taken = match operation % 11 {
            10 => usize::from(*argument).min(after.len()),
            _ => 0,
        };
        let (wire, after) = rest.split_at(taken);
        rest = after;
        driver.operate(operation % 11, *argument, wire);
    }
}

/// What stands around a session: socket, log, index, and the oracle.
struct Driver {
    session: Session,
    limits: Arc<Limits>,
    now: Instant,
    connect: &'static [u8],
    codec: Codec,
    closed: bool,
    previous: Option<Box<Session>>,
    tickets: Vec<(Ticket, QoS, PacketId)>,
    releases: Vec<PacketId>,
    subscribes: Vec<(PacketId, usize)>,
    unsubscribes: Vec<PacketId>,
    oracle: Oracle,
}

impl Driver {
    fn new(version: usize) -> Self {
        let limits = Arc::new(Limits::default());
        let now = *START;
        Self {
            session: Session::new(Arc::clone(&limits), now),
            limits,
            now,
            connect: CONNECT.get(version).copied().unwrap_or_default(),
            codec: Codec::server(1 << 20),
            closed: false,
            previous: None,
            tickets: Vec::new(),
            releases: Vec::new(),
            subscribes: Vec::new(),
            unsubscribes: Vec::new(),
            oracle: Oracle::default(),
        }
    }

    fn connect(&mut self) {
        self.codec = Codec::server(1 << 20);
        self.closed = false;
        self.wire(self.connect);
    }

    fn operate(&mut self, operation: u8, argument: u8, wire: &[u8]) {
        let packet_id = PacketId::new(1 + u16::from(argument) / 4 % 8);
        match operation {
            0 => self.publish(argument),
            1 => self.acknowledge(packet_id, Packet::PubRel),
            2 => match argument >> 6 {
                0 => self.acknowledge(packet_id, Packet::PubAck),
                1 => self.acknowledge(packet_id, Packet::PubRec),
                _ => self.acknowledge(packet_id, Packet::PubComp),
            },
            3 => self.answer_ticket(argument),
            4 if !self.releases.is_empty() => {
                let packet_id = self
                    .releases
                    .remove(usize::from(argument) % self.releases.len());
                self.oracle.released(packet_id);
                self.input(Input::Released(packet_id));
            }
            5 => self.answer_index(),
            6 => self.forward(argument),
            7 => {
                self.now += Duration::from_secs(u64::from(argument));
                self.input(Input::Tick);
            }
            8 => self.input(Input::Writable(argument & 1 == 1)),
            9 => self.reconnect(),
            10 => self.wire(wire),
            _ => {}
        }
    }

    fn publish(&mut self, argument: u8) {
        let packet_id = PacketId::new(1 + u16::from(argument) / 4 % 8);
        let (qos, packet_id) = match argument % 4 {
            0 => (QoS::AtMostOnce, None),
            1 => (QoS::AtLeastOnce, packet_id),
            _ => (QoS::ExactlyOnce, packet_id),
        };
        let Some(publish) = publish(qos, packet_id) else {
            return;
        };
        let dup = argument >= 128 && qos != QoS::AtMostOnce;
        self.packet(Packet::Publish(Publish { dup, ..publish }));
    }

    fn acknowledge(&mut self, packet_id: Option<PacketId>, packet: fn(Ack) -> Packet) {
        if let Some(packet_id) = packet_id {
            self.packet(packet(Ack {
                packet_id,
                reason: ReasonCode::Success,
                properties: None,
            }));
        }
    }

    fn answer_ticket(&mut self, argument: u8) {
        if self.tickets.is_empty() {
            return;
        }
        let index = usize::from(argument) % self.tickets.len();
        let (ticket, qos, packet_id) = self.tickets.remove(index);
        let reason = if argument < 0xC0 {
            self.oracle.accepted(qos, packet_id);
            ReasonCode::Success
        } else {
            self.oracle.refused(packet_id);
            ReasonCode::UnspecifiedError
        };
        self.input(Input::Accepted(ticket, reason));
    }

    fn answer_index(&mut self) {
        if let Some((packet_id, count)) = self.subscribes.pop() {
            self.input(Input::Subscribed(
                packet_id,
                vec![ReasonCode::Success; count],
            ));
        }
        if let Some(packet_id) = self.unsubscribes.pop() {
            self.input(Input::Unsubscribed(packet_id));
        }
    }

    fn forward(&mut self, argument: u8) {
        let qos = match argument % 3 {
            0 => QoS::AtMostOnce,
            1 => QoS::AtLeastOnce,
            _ => QoS::ExactlyOnce,
        };
        let shared = publish(QoS::ExactlyOnce, PacketId::new(1))
            .and_then(|publish| SharedPublish::new(publish).ok());
        if let Some(shared) = shared {
            self.input(Input::Publish(Forward {
                publish: Arc::new(shared),
                qos,
                retain: false,
                subscription_ids: Vec::new(),
                expires: (argument > 128).then(|| self.now + Duration::from_secs(5)),
                packet_id: None,
                share: None,
            }));
        }
    }

    fn reconnect(&mut self) {
        self.input(Input::Closed);
        let fresh = Session::new(Arc::clone(&self.limits), self.now);
        let old = std::mem::replace(&mut self.session, fresh);
        // The old connection's session sleeps until the new one's client is admitted; in 3.1.1 it never ends.
        self.previous = (old.expiry() > 0).then(|| Box::new(old));
        if self.previous.is_none() {
            self.forget();
        }
        self.oracle.disconnected();
        self.connect();
    }

    /// The session ended: what was pending or held in it means nothing to the next.
    fn forget(&mut self) {
        self.tickets.clear();
        self.releases.clear();
        self.subscribes.clear();
        self.unsubscribes.clear();
        self.oracle.forget();
    }

    fn wire(&mut self, bytes: &[u8]) {
        let mut buffer = BytesMut::from(bytes);
        while !self.closed {
            match self.codec.decode(&mut buffer) {
                Ok(Some(packet)) => self.packet(packet),
                Ok(None) => return,
                Err(error) => return self.input(Input::Disconnect(error.reason())),
            }
        }
    }

    /// A packet reaches the session only while the socket is read.
    fn packet(&mut self, packet: Packet) {
        if !self.closed && (self.session.reads() || matches!(packet, Packet::Connect(_))) {
            self.oracle.sent(&packet);
            self.input(Input::Packet(packet));
        }
    }

    fn input(&mut self, input: Input) {
        self.session.handle(self.now, input);
        for _ in 0..MOST_OUTPUTS {
            match self.session.poll() {
                Output::Wait(_) => return,
                output => self.output(output),
            }
        }
        panic!("more than {MOST_OUTPUTS} outputs for one input");
    }

    fn output(&mut self, output: Output) {
        match output {
            Output::Connect(connect) => self.admit(connect),
            Output::Send(packet) => self.oracle.answered(&packet),
            Output::Deliver(publish, ticket) => self.deliver(&publish, ticket),
            Output::Release(packet_id) => self.releases.push(packet_id),
            Output::Subscribe(request) => self
                .subscribes
                .push((request.packet_id, request.subscriptions.len())),
            Output::Unsubscribe(request) => self.unsubscribes.push(request.packet_id),
            Output::Authenticate { begins, data } => {
                let answer = if begins {
                    Input::Challenge(data)
                } else {
                    Input::Authenticated(data)
                };
                self.session.handle(self.now, answer);
            }
            Output::Close(_) => self.closed = true,
            Output::SendPublish(_)
            | Output::Record(_)
            | Output::Delivered(_)
            | Output::Will(..)
            | Output::Wait(_) => {}
        }
    }

    fn admit(&mut self, connect: Box<messina_mqtt::packet::Connect>) {
        let admission = Admission {
            connect,
            assigned: None,
            previous: self.previous.take(),
        };
        self.session
            .handle(self.now, Input::Admit(Box::new(admission)));
    }

    fn deliver(&mut self, publish: &Publish, ticket: Option<Ticket>) {
        assert_eq!(
            ticket.is_some(),
            publish.qos != QoS::AtMostOnce,
            "a ticket for QoS 1 and 2 only"
        );
        let (Some(ticket), Some(packet_id)) = (ticket, publish.packet_id) else {
            return;
        };
        self.oracle.delivered(publish.qos, packet_id);
        self.tickets.push((ticket, publish.qos, packet_id));
    }
}

fn publish(qos: QoS, packet_id: Option<PacketId>) -> Option<Publish> {
    Some(Publish {
        dup: false,
        qos,
        retain: false,
        topic: Topic::new("a/b").ok()?,
        packet_id,
        properties: None,
        payload: Bytes::from_static(b"21.5"),
    })
}
