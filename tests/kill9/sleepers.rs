//! Subscribers with persistent sessions that go to sleep in the middle of what they are sent: commands that wait for
//! them must come, in order, at QoS 2 once, however often they or the server die meanwhile.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{JoinHandle, sleep, spawn};
use std::time::{Duration, Instant};

use messina_e2e::patience::{PATIENCE, until};
use messina_e2e::random::Random;
use messina_e2e::wire::{Frame, Wire, connect, packet, subscribe};

use crate::verdict::meter_number;

/// What a sleeper is.
#[derive(Debug, Clone)]
pub(crate) struct Profile {
    pub(crate) client_id: String,
    pub(crate) version: u8,
    /// What it subscribes to, and at which QoS.
    pub(crate) filter: String,
    pub(crate) qos: u8,
    /// The topic whose publisher it hears.
    pub(crate) topic: String,
    /// Nothing that it hears is in the log twice: its publisher is at QoS 2.
    pub(crate) is_exact: bool,
}

/// What several members of a shared subscription have received together.
pub(crate) type Seen = Arc<Mutex<BTreeSet<u64>>>;

/// What a sleeper tells when it has ended.
#[derive(Debug)]
pub(crate) struct Report {
    pub(crate) profile: Profile,
    pub(crate) seen: Seen,
    /// How many numbers it was to receive: all below this.
    pub(crate) goal: u64,
    /// In the order in which it received them first.
    pub(crate) received: Vec<u64>,
    /// Numbers of QoS 2 that were published to it again as new.
    pub(crate) twice: Vec<u64>,
    /// Numbers that came behind a later one of the same connection.
    pub(crate) disordered: Vec<(u64, u64)>,
    /// Publishes that came again.
    pub(crate) repeated: u64,
    pub(crate) sleeps: u64,
    pub(crate) forgotten: u64,
}

/// A sleeper, subscribed.
pub(crate) struct Sleeper {
    address: SocketAddr,
    random: Random,
    /// Known once its publisher has ended.
    goal: Arc<AtomicU64>,
    /// QoS 2 identifiers it has taken and that were not released, each with its number.
    held: BTreeMap<u16, u64>,
    /// The last number of this connection.
    last: Option<u64>,
    report: Report,
}

impl Sleeper {
    /// Subscribes; the server must be there. What is published from now on is for it.
    pub(crate) fn subscribed(
        profile: Profile,
        address: SocketAddr,
        shared: Seen,
        seed: u64,
    ) -> Self {
        let mut sleeper = Self {
            address,
            random: Random::new(seed),
            goal: Arc::new(AtomicU64::new(u64::MAX)),
            held: BTreeMap::new(),
            last: None,
            report: Report {
                profile,
                seen: shared,
                goal: 0,
                received: Vec::new(),
                twice: Vec::new(),
                disordered: Vec::new(),
                repeated: 0,
                sleeps: 0,
                forgotten: 0,
            },
        };
        let mut wire = sleeper.connected(false).expect("the server is there");
        let Profile {
            version,
            filter,
            qos,
            ..
        } = &sleeper.report.profile;
        wire.send(&subscribe(*version, 1, filter, *qos));
        let answer = wire.frame().expect("a SUBACK");
        assert_eq!(answer.packet_type(), 9, "{answer:?}");
        sleeper
    }

    /// Lives as a thread, until everything below the goal was received.
    pub(crate) fn start(mut self) -> (JoinHandle<Report>, Arc<AtomicU64>) {
        let goal = Arc::clone(&self.goal);
        let life = spawn(move || {
            let mut last_news = Instant::now();
            while !self.has_all() {
                let before = self.seen();
                if let Some(mut wire) = self.connected(true) {
                    self.stay_awake(&mut wire);
                }
                if self.seen() > before || self.goal.load(Ordering::Relaxed) == u64::MAX {
                    last_news = Instant::now();
                }
                if last_news.elapsed() > PATIENCE {
                    // The verdict says what is missing.
                    break;
                }
                self.report.sleeps += 1;
                sleep(Duration::from_millis(self.random.below(300)));
            }
            self.report.goal = self.goal.load(Ordering::Relaxed);
            self.report
        });
        (life, goal)
    }

    fn seen(&self) -> usize {
        let seen = self.report.seen.lock();
        seen.unwrap_or_else(PoisonError::into_inner).len()
    }

    fn has_all(&self) -> bool {
        let goal = self.goal.load(Ordering::Relaxed);
        let seen = self.report.seen.lock();
        let seen = seen.unwrap_or_else(PoisonError::into_inner);
        goal < u64::MAX && seen.range(..goal).count() as u64 == goal
    }

    fn connected(&mut self, was_here: bool) -> Option<Wire> {
        let address = self.address;
        let mut wire = until("a sleeper can connect", || Wire::try_open(address));
        let Profile {
            version, client_id, ..
        } = &self.report.profile;
        let connect = connect(*version, client_id, false);
        let answer = wire.try_send(&connect).then(|| wire.frame()).flatten()?;
        assert_eq!(
            (answer.packet_type(), answer.body[1]),
            (2, 0),
            "{client_id}: {answer:?}"
        );
        let is_present = answer.body[0] == 1;
        self.report.forgotten += u64::from(was_here && !is_present);
        self.last = None;
        Some(wire)
    }

    /// Takes what comes, up to a number of packets, and leaves without a word; the last are not even acknowledged.
    fn stay_awake(&mut self, wire: &mut Wire) {
        let most = 1 + self.random.below(400);
        let unanswered = self.random.below(20);
        let mut heard = true;
        if !wire.try_send(&[0xC0, 0]) {
            return;
        }
        for taken in 0..most {
            let Some(frame) = wire.frame() else { return };
            let answer = match frame.packet_type() {
                3 => self.on_publish(&frame),
                6 => self.on_pubrel(&frame),
                13 if heard => vec![0xC0, 0],
                // Nothing has come since the last: it has caught up. 14 is the server's goodbye.
                13 | 14 => return,
                _ => panic!("{}: {frame:?}", self.report.profile.client_id),
            };
            heard = frame.packet_type() != 13;
            let is_answered = !heard || taken + unanswered < most;
            if is_answered && !wire.try_send(&answer) {
                return;
            }
        }
    }

    fn on_publish(&mut self, frame: &Frame) -> Vec<u8> {
        let (packet_id, number) = self.read(frame);
        let qos = (frame.first >> 1) & 3;
        assert_eq!(qos, self.report.profile.qos, "{frame:?}");
        let before = self.last.replace(number);
        if let Some(before) = before.filter(|before| *before >= number) {
            self.report.disordered.push((before, number));
        }
        if qos == 2 && self.held.get(&packet_id) == Some(&number) {
            self.report.repeated += 1;
        } else {
            self.take(number);
        }
        let id = packet_id.to_be_bytes();
        if qos == 2 {
            self.held.insert(packet_id, number);
            return packet(0x50, &id);
        }
        packet(0x40, &id)
    }

    fn take(&mut self, number: u64) {
        let seen = self.report.seen.lock();
        let is_new = seen.unwrap_or_else(PoisonError::into_inner).insert(number);
        if is_new {
            self.report.received.push(number);
        } else if self.report.profile.qos == 2 {
            self.report.twice.push(number);
        } else {
            self.report.repeated += 1;
        }
    }

    fn on_pubrel(&mut self, frame: &Frame) -> Vec<u8> {
        let packet_id = frame.number(0);
        self.held.remove(&packet_id);
        packet(0x70, &packet_id.to_be_bytes())
    }

    /// Identifier and number of a PUBLISH.
    fn read(&self, frame: &Frame) -> (u16, u64) {
        let at = 2 + usize::from(frame.number(0));
        let topic = String::from_utf8_lossy(&frame.body[2..at]);
        assert_eq!(topic, self.report.profile.topic);
        let mut payload = &frame.body[at + 2..];
        if self.report.profile.version == 5 {
            // Properties take less than 128 bytes here: their length is one.
            payload = &payload[1 + usize::from(payload[0])..];
        }
        let text = std::str::from_utf8(payload).expect("a payload of text");
        (frame.number(at), meter_number(text))
    }
}
