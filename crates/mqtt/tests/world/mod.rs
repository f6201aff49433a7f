//! A device, a server with a log, and the links between them, moved one millisecond at a time.
//! Takes a seed and the faults to make from the tests.
//! Gives a verdict on what arrived.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::BytesMut;
use messina_mqtt::device::{self, Device, Options, Token};
use messina_mqtt::packet::{ClientId, Codec, PacketId, Publish, QoS, SharedPublish, Version};
use messina_mqtt::reason::ReasonCode;
use messina_mqtt::session::{self, Admission, Forward, Limits, Restored, Session, Ticket};
use messina_mqtt::topic::Topic;

use crate::link::Link;

const MESSAGES: u64 = 40;
/// After this many milliseconds nothing breaks any more.
const CALM: u64 = 3_000;
const END: u64 = 90_000;
const PACKET_LIMIT: u32 = 65_536;

/// What goes wrong in a run.
#[derive(Clone, Copy)]
pub(crate) struct Faults {
    /// Connections break.
    pub(crate) breaks: bool,
    /// The server loses what is not durable.
    pub(crate) restarts: bool,
}

/// What the log does for the session after a while.
enum Work {
    Accept(Ticket, Publish),
    Release(PacketId),
    /// The device has taken this QoS 2 publish.
    Record(PacketId),
    /// The device has acknowledged this publish to the end.
    Forget(PacketId),
}

/// Numbers received or promised in one direction.
#[derive(Default)]
struct Books {
    sent: Vec<(u64, QoS)>,
    /// In the order the receiver handed them on.
    handed: Vec<u64>,
    /// What its owner has for good.
    arrived: Vec<u64>,
}

pub(crate) struct World {
    random: fastrand::Rng,
    seed: u64,
    version: Version,
    faults: Faults,
    origin: Instant,
    ms: u64,
    limits: Arc<Limits>,
    device: Device,
    device_codec: Codec,
    session: Session,
    /// The device's session while its new connection has not sent CONNECT.
    sleeping: Option<Box<Session>>,
    session_codec: Codec,
    connected: bool,
    up: Link,
    down: Link,
    up_buffer: BytesMut,
    down_buffer: BytesMut,
    /// What the log has to do, and when it is done.
    log: Vec<(u64, Work)>,
    /// Durable: QoS 2 identifiers received and not released.
    received: Vec<PacketId>,
    /// Durable: publishes for the device, not acknowledged.
    owed: Vec<Forward>,
    /// Durable: QoS 2 identifiers the device has taken and not completed.
    taken: Vec<PacketId>,
    to_server: Books,
    to_device: Books,
    /// What the device was told, by token.
    acknowledged: BTreeMap<u64, ReasonCode>,
    breaks: u64,
}

impl World {
    #[expect(clippy::disallowed_methods, reason = "some instant to count from")]
    pub(crate) fn new(seed: u64, version: Version, faults: Faults) -> Self {
        let mut random = fastrand::Rng::with_seed(seed);
        let origin = Instant::now();
        let mut options = Options::new(ClientId::new("pair").unwrap());
        options.version = version;
        options.inflight = random.u16(1..30);
        let limits = Limits {
            receive_maximum: random.u16(1..30),
            inflight: random.u16(1..30),
            queued: 10_000,
            ..Limits::default()
        };
        let limits = Arc::new(limits);
        let mut session = Session::new(Arc::clone(&limits), origin);
        session.handle(origin, session::Input::Closed);
        while !matches!(session.poll(), session::Output::Wait(_)) {}
        Self {
            random,
            seed,
            version,
            faults,
            origin,
            ms: 0,
            session,
            sleeping: None,
            limits,
            device: Device::new(options, origin),
            device_codec: Codec::device(version, PACKET_LIMIT),
            session_codec: Codec::server(PACKET_LIMIT),
            connected: false,
            up: Link::default(),
            down: Link::default(),
            up_buffer: BytesMut::new(),
            down_buffer: BytesMut::new(),
            log: Vec::new(),
            received: Vec::new(),
            owed: Vec::new(),
            taken: Vec::new(),
            to_server: Books::default(),
            to_device: Books::default(),
            acknowledged: BTreeMap::new(),
            breaks: 0,
        }
    }

    fn now(&self) -> Instant {
        self.origin + Duration::from_millis(self.ms)
    }

    pub(crate) fn run(&mut self) {
        while self.ms < END && !self.is_over() {
            self.ms += 1;
            self.disturb();
            self.publish();
            self.work_of_the_log();
            self.bytes_to_session();
            self.bytes_to_device();
        }
    }

    fn is_over(&self) -> bool {
        self.ms > CALM
            && self.acknowledged.len() as u64 == MESSAGES
            && self.log.is_empty()
            && self.sleeping.is_none()
            && self.session.inflight() == 0
            && self.session.queued().0 == 0
    }

    fn disturb(&mut self) {
        if !self.connected {
            if self.random.u8(..) < 16 {
                self.connect();
            }
        } else if self.faults.breaks && self.ms < CALM && self.random.u16(..) < 400 {
            self.cut();
            if self.faults.restarts && self.random.bool() {
                self.restart();
            }
        }
    }

    fn connect(&mut self) {
        self.connected = true;
        self.device_codec = Codec::device(self.version, PACKET_LIMIT);
        self.session_codec = Codec::server(PACKET_LIMIT);
        let fresh = Session::new(Arc::clone(&self.limits), self.now());
        let sleeping = std::mem::replace(&mut self.session, fresh);
        self.sleeping = Some(Box::new(sleeping));
        self.device.handle(self.now(), device::Input::Opened);
        self.poll_device();
    }

    /// Both ends learn of it at once; what was under way is lost.
    fn cut(&mut self) {
        self.breaks += 1;
        self.connected = false;
        self.up.cut();
        self.down.cut();
        self.up_buffer.clear();
        self.down_buffer.clear();
        self.device.handle(self.now(), device::Input::Closed);
        self.poll_device();
        self.session.handle(self.now(), session::Input::Closed);
        self.poll_session();
        // A connection that never got as far as its CONNECT leaves the session asleep.
        if let Some(sleeping) = self.sleeping.take() {
            self.session = *sleeping;
        }
    }

    fn restart(&mut self) {
        self.log.clear();
        let restored = Restored {
            received: self.received.clone(),
            deliveries: self.owed.clone(),
            taken: self.taken.clone(),
            expiry: 86_400,
            ..Restored::default()
        };
        self.session = Session::restore(Arc::clone(&self.limits), restored, self.now());
    }

    fn publish(&mut self) {
        let (sent, forwarded) = (
            self.to_server.sent.len() as u64,
            self.to_device.sent.len() as u64,
        );
        if sent < MESSAGES && self.random.u8(..) < 12 {
            let (publish, qos) = self.message(sent);
            self.to_server.sent.push((sent, qos));
            self.device
                .handle(self.now(), device::Input::Publish(Token(sent), publish));
            self.poll_device();
        }
        if forwarded < MESSAGES && self.random.u8(..) < 12 {
            let (publish, qos) = self.message(forwarded);
            self.to_device.sent.push((forwarded, qos));
            let publish = Arc::new(SharedPublish::new(publish).unwrap());
            let forward = Forward {
                publish,
                qos,
                retain: false,
                subscription_ids: Vec::new(),
                expires: None,
                packet_id: PacketId::new(u16::try_from(forwarded + 1).unwrap()),
                share: None,
            };
            self.owed.push(forward.clone());
            let receiver = self.sleeping.as_deref_mut().unwrap_or(&mut self.session);
            receiver.handle(
                self.origin + Duration::from_millis(self.ms),
                session::Input::Publish(forward),
            );
            self.poll_session();
        }
    }

    fn message(&mut self, number: u64) -> (Publish, QoS) {
        let qos = if self.random.bool() {
            QoS::AtLeastOnce
        } else {
            QoS::ExactlyOnce
        };
        let mut publish = Publish::new(Topic::new("pair").unwrap(), number.to_string());
        publish.qos = qos;
        (publish, qos)
    }

    /// The log finishes in any order; what it has accepted is durable from then on.
    fn work_of_the_log(&mut self) {
        let ready: Vec<usize> = (0..self.log.len())
            .filter(|place| self.log[*place].0 <= self.ms)
            .collect();
        for place in ready.into_iter().rev() {
            let (_, work) = self.log.swap_remove(place);
            let input = match work {
                Work::Accept(ticket, publish) => {
                    self.to_server.arrived.push(number(&publish));
                    if publish.qos == QoS::ExactlyOnce {
                        self.received.push(publish.packet_id.unwrap());
                    }
                    session::Input::Accepted(ticket, ReasonCode::Success)
                }
                Work::Release(packet_id) => {
                    self.received.retain(|received| *received != packet_id);
                    session::Input::Released(packet_id)
                }
                Work::Record(packet_id) => {
                    let owed = self.owed.len();
                    self.owed.retain(|owed| owed.packet_id != Some(packet_id));
                    if self.owed.len() < owed {
                        self.taken.push(packet_id);
                    }
                    session::Input::Recorded(packet_id)
                }
                Work::Forget(packet_id) => {
                    self.owed.retain(|owed| owed.packet_id != Some(packet_id));
                    self.taken.retain(|taken| *taken != packet_id);
                    continue;
                }
            };
            let now = self.now();
            self.sleeping
                .as_deref_mut()
                .unwrap_or(&mut self.session)
                .handle(now, input);
            self.poll_session();
        }
    }

    fn bytes_to_session(&mut self) {
        while let Some(bytes) = self.up.receive(self.ms) {
            self.up_buffer.extend_from_slice(&bytes);
        }
        while self.connected && self.session.reads() {
            let Some(packet) = self.session_codec.decode(&mut self.up_buffer).unwrap() else {
                return;
            };
            self.session
                .handle(self.now(), session::Input::Packet(packet));
            self.poll_session();
        }
    }

    fn bytes_to_device(&mut self) {
        while let Some(bytes) = self.down.receive(self.ms) {
            self.down_buffer.extend_from_slice(&bytes);
        }
        while self.connected {
            let Some(packet) = self.device_codec.decode(&mut self.down_buffer).unwrap() else {
                return;
            };
            self.device
                .handle(self.now(), device::Input::Packet(packet));
            self.poll_device();
        }
    }

    fn poll_session(&mut self) {
        let mut out = BytesMut::new();
        loop {
            match self.session.poll() {
                session::Output::Send(packet) => {
                    self.session_codec.encode(&packet, &mut out).unwrap();
                }
                session::Output::SendPublish(outgoing) => self
                    .session_codec
                    .encode_shared(&outgoing.publish, &outgoing.delivery(), &mut out)
                    .unwrap(),
                session::Output::Connect(connect) => {
                    let previous = self.sleeping.take();
                    let admission = Box::new(Admission {
                        connect,
                        assigned: None,
                        previous,
                    });
                    self.session
                        .handle(self.now(), session::Input::Admit(admission));
                }
                session::Output::Deliver(publish, ticket) => {
                    self.to_server.handed.push(number(&publish));
                    let at = self.ms + self.random.u64(1..300);
                    self.log.push((at, Work::Accept(ticket.unwrap(), publish)));
                }
                session::Output::Release(packet_id) => {
                    let at = self.ms + self.random.u64(1..300);
                    self.log.push((at, Work::Release(packet_id)));
                }
                session::Output::Record(packet_id) => {
                    let at = self.ms + self.random.u64(1..300);
                    self.log.push((at, Work::Record(packet_id)));
                }
                session::Output::Delivered(packet_id) => {
                    let at = self.ms + self.random.u64(1..300);
                    self.log.push((at, Work::Forget(packet_id)));
                }
                session::Output::Close(reason) => {
                    assert_eq!(reason, ReasonCode::Success, "seed {}", self.seed);
                }
                session::Output::Wait(_) => break,
                other => panic!("seed {}: nobody asked for {other:?}", self.seed),
            }
        }
        let at = self.later();
        self.down.send(at, out.to_vec());
    }

    fn poll_device(&mut self) {
        let mut out = BytesMut::new();
        loop {
            match self.device.poll() {
                device::Output::Send(packet) => {
                    self.device_codec.encode(&packet, &mut out).unwrap();
                }
                device::Output::Received(publish) => {
                    self.to_device.handed.push(number(&publish));
                    self.to_device.arrived.push(number(&publish));
                }
                device::Output::Published(Token(token), reason) => {
                    let before = self.acknowledged.insert(token, reason);
                    assert_eq!(
                        before, None,
                        "seed {}: {token} is acknowledged twice",
                        self.seed
                    );
                    let is_durable = self.to_server.arrived.contains(&token);
                    assert!(
                        is_durable,
                        "seed {}: {token} is acknowledged, not durable",
                        self.seed
                    );
                }
                device::Output::Connected(_) => {}
                device::Output::Close(reason) => {
                    assert_eq!(reason, ReasonCode::Success, "seed {}", self.seed);
                }
                device::Output::Wait(_) => break,
                other => panic!("seed {}: nobody asked for {other:?}", self.seed),
            }
        }
        let at = self.later();
        self.up.send(at, out.to_vec());
    }

    fn later(&mut self) -> u64 {
        self.ms + self.random.u64(1..40)
    }

    /// The verdict, from what was promised.
    pub(crate) fn judge(&self) {
        let seed = self.seed;
        assert!(
            !self.faults.breaks || self.breaks > 0,
            "seed {seed}: nothing broke"
        );
        assert_eq!(
            self.acknowledged.len() as u64,
            MESSAGES,
            "seed {seed}: not all acknowledged"
        );
        assert!(
            self.acknowledged
                .values()
                .all(|reason| *reason == ReasonCode::Success)
        );
        self.to_server.judge(seed);
        self.to_device.judge(seed);
        assert!(
            self.received.is_empty() && self.owed.is_empty() && self.taken.is_empty(),
            "seed {seed}: identifiers are held for ever"
        );
    }

    /// Everything that arrived, to compare two runs.
    pub(crate) fn story(&self) -> Vec<u64> {
        let ends = [self.ms, self.breaks];
        self.to_server
            .arrived
            .iter()
            .chain(&self.to_device.arrived)
            .copied()
            .chain(ends)
            .collect()
    }
}

impl Books {
    fn judge(&self, seed: u64) {
        let mut first_arrivals = Vec::new();
        for number in &self.handed {
            if !first_arrivals.contains(number) {
                first_arrivals.push(*number);
            }
        }
        for (number, qos) in &self.sent {
            let count = self
                .arrived
                .iter()
                .filter(|arrived| *arrived == number)
                .count();
            assert!(count >= 1, "seed {seed}: {number} is lost");
            assert!(
                *qos == QoS::AtLeastOnce || count == 1,
                "seed {seed}: {number} came {count} times"
            );
        }
        assert!(
            first_arrivals.is_sorted(),
            "seed {seed}: out of order: {first_arrivals:?}"
        ); // [MQTT-4.6.0-1]
    }
}

fn number(publish: &Publish) -> u64 {
    std::str::from_utf8(&publish.payload)
        .unwrap()
        .parse()
        .unwrap()
}
