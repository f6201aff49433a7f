//! Devices with persistent sessions that publish, lose their server, come back and go on, and that remember
//! what they were promised.
//!
//! A device numbers its readings from 0. A number is promised once the server has answered for it: PUBACK at
//! QoS 1, PUBREC at QoS 2. A device that reconnects to its session resends what was not answered, marked as
//! a duplicate, as [MQTT-4.4.0-1] says; where the server has forgotten the session it publishes those anew.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::{JoinHandle, spawn};

use crate::patience::until;
use crate::wire::{Frame, Wire, connect, publish, pubrel};

/// Publishes a device keeps unanswered at one time.
pub(crate) const WINDOW: usize = 20;

/// What a device is.
#[derive(Debug, Clone)]
pub struct Profile {
    /// Its client identifier.
    pub client_id: String,
    /// MQTT 3.1.1 (4) or 5.0 (5).
    pub version: u8,
    /// 1 or 2.
    pub qos: u8,
    /// The topic it publishes to.
    pub topic: String,
    /// Its payload for a number.
    pub payload: fn(u64) -> String,
}

/// What a device tells when it has ended.
#[derive(Debug)]
pub struct Report {
    /// What it was.
    pub profile: Profile,
    /// Numbers below this were all promised.
    pub promised: u64,
    /// How often it came back to a server that had forgotten its session.
    pub forgotten: u64,
    /// How often it came back.
    pub reconnects: u64,
}

/// What the devices of a run share with the test.
#[derive(Debug, Default)]
pub struct Signals {
    /// Told to devices: make no new readings, finish what is in flight, end.
    pub finish: AtomicBool,
    /// Promises made so far, to all devices together.
    pub promises: AtomicU64,
}

/// Starts a device as a thread.
pub fn device(profile: Profile, address: SocketAddr, signals: Arc<Signals>) -> JoinHandle<Report> {
    spawn(move || {
        let mut device = Device {
            profile,
            signals,
            in_flight: VecDeque::new(),
            next: 0,
            met: false,
            forgotten: 0,
        };
        let mut reconnects = 0;
        while !device.session(address) {
            reconnects += 1;
        }
        let Device {
            profile,
            next,
            forgotten,
            ..
        } = device;
        Report {
            profile,
            promised: next,
            forgotten,
            reconnects,
        }
    })
}

/// A reading on its way.
#[derive(Debug)]
struct InFlight {
    id: u16,
    number: u64,
    /// PUBREC has come; what is left is the release.
    received: bool,
}

#[derive(Debug)]
struct Device {
    profile: Profile,
    signals: Arc<Signals>,
    in_flight: VecDeque<InFlight>,
    next: u64,
    met: bool,
    forgotten: u64,
}

impl Device {
    /// One connection's life; true when the device has nothing left to do.
    fn session(&mut self, address: SocketAddr) -> bool {
        let Some(mut wire) = self.connected(address) else {
            return false;
        };
        loop {
            if !self.fill(&mut wire) {
                return false;
            }
            if self.in_flight.is_empty() {
                return wire.try_send(&[0xE0, 0]);
            }
            let Some(frame) = wire.frame() else {
                return false;
            };
            if !self.on_frame(&frame, &mut wire) {
                return false;
            }
        }
    }

    fn connected(&mut self, address: SocketAddr) -> Option<Wire> {
        let mut wire = until("a device can connect", || Wire::try_open(address));
        let Profile {
            version, client_id, ..
        } = &self.profile;
        let connect = connect(*version, client_id, false);
        let answer = wire.try_send(&connect).then(|| wire.frame()).flatten()?;
        assert_eq!(
            (answer.packet_type(), answer.body[1]),
            (2, 0),
            "{client_id}: {answer:?}"
        );
        let present = answer.body[0] == 1;
        if !present {
            self.forgotten += u64::from(self.met);
            // What was received is the server's; what was not is published anew.
            self.in_flight.retain(|reading| !reading.received);
        }
        self.met = true;
        let packets: Vec<_> = self
            .in_flight
            .iter()
            .map(|reading| self.again(reading, present))
            .collect();
        wire.try_send(&packets.concat()).then_some(wire)
    }

    /// What finishes a reading on a new connection: the release, or the publish, a duplicate for the session.
    fn again(&self, reading: &InFlight, duplicate: bool) -> Vec<u8> {
        if reading.received {
            return pubrel(reading.id);
        }
        let mut packet = self.publish(reading);
        packet[0] |= u8::from(duplicate) << 3;
        packet
    }

    fn publish(&self, reading: &InFlight) -> Vec<u8> {
        let Profile {
            version,
            qos,
            topic,
            payload,
            ..
        } = &self.profile;
        publish(
            *version,
            *qos,
            reading.id,
            topic,
            payload(reading.number).as_bytes(),
        )
    }

    /// Publishes new readings up to the window.
    fn fill(&mut self, wire: &mut Wire) -> bool {
        let mut packets = Vec::new();
        while self.in_flight.len() < WINDOW && !self.signals.finish.load(Ordering::Relaxed) {
            let id = u16::try_from(self.next % 60_000).expect("fits") + 1;
            let reading = InFlight {
                id,
                number: self.next,
                received: false,
            };
            self.next += 1;
            packets.extend(self.publish(&reading));
            self.in_flight.push_back(reading);
        }
        packets.is_empty() || wire.try_send(&packets)
    }

    fn on_frame(&mut self, frame: &Frame, wire: &mut Wire) -> bool {
        let id = frame.number(0);
        let reason = frame.body.get(2).copied().unwrap_or_default();
        // A release that was done before the connection broke is done: "packet identifier not found".
        let already_released = frame.packet_type() == 7 && reason == 0x92;
        assert!(
            reason < 0x80 || already_released,
            "{}: refused: {frame:?}",
            self.profile.client_id
        );
        match frame.packet_type() {
            4 => {
                // Acknowledgements leave in the order of the publishes [MQTT-4.6.0-2].
                let first = self.in_flight.pop_front().expect("an unanswered publish");
                assert_eq!(
                    first.id, id,
                    "{}: PUBACK out of order",
                    self.profile.client_id
                );
                self.promised()
            }
            5 => {
                let first = self.in_flight.iter_mut().find(|reading| !reading.received);
                let first = first.expect("an unanswered publish");
                // PUBREC likewise [MQTT-4.6.0-3].
                assert_eq!(
                    first.id, id,
                    "{}: PUBREC out of order",
                    self.profile.client_id
                );
                first.received = true;
                self.promised() && wire.try_send(&pubrel(id))
            }
            7 => {
                self.in_flight.retain(|reading| reading.id != id);
                true
            }
            // The server says goodbye; what is in flight waits for the next one.
            14 => false,
            _ => panic!(
                "{}: a packet nobody asked for: {frame:?}",
                self.profile.client_id
            ),
        }
    }

    fn promised(&self) -> bool {
        self.signals.promises.fetch_add(1, Ordering::Relaxed);
        true
    }
}
