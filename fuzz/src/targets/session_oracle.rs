//! What a session has promised its client, and whether it keeps to it.
//!
//! Nothing is acknowledged before the log has it, and a QoS 2 publish is handed on once until its identifier
//! is released. Promises are to clients that keep the protocol: once one uses identifiers it has no right
//! to, only panics and endless output are findings.

use std::collections::{BTreeMap, BTreeSet};

use messina_mqtt::packet::{Packet, PacketId, Publish, QoS};

/// What was promised on one session, and what its client may do.
pub(super) struct Oracle {
    /// Acknowledgements that may be sent: QoS 1 publishes the log has accepted, by identifier.
    owed: BTreeMap<PacketId, usize>,
    /// QoS 2 identifiers whose publish the log has accepted.
    received: BTreeSet<PacketId>,
    /// QoS 2 identifiers handed on and not released.
    held: BTreeSet<PacketId>,
    /// What the client knows of the publishes it has in flight.
    inflight: BTreeMap<PacketId, InFlight>,
    /// Whether the client has kept the protocol so far.
    lawful: bool,
}

/// A publish of the client that is not finished.
struct InFlight {
    qos: QoS,
    /// Whether it was sent on this connection.
    sent: bool,
    /// Whether its PUBREC came.
    received: bool,
}

impl Default for Oracle {
    fn default() -> Self {
        Self {
            owed: BTreeMap::new(),
            received: BTreeSet::new(),
            held: BTreeSet::new(),
            inflight: BTreeMap::new(),
            lawful: true,
        }
    }
}

impl Oracle {
    /// The client sends a packet; from the first it may not send on, nothing is promised to it.
    pub(super) fn sent(&mut self, packet: &Packet) {
        let lawful = match packet {
            Packet::Publish(publish) => match publish.packet_id {
                Some(packet_id) => self.may_publish(publish, packet_id),
                None => true,
            },
            Packet::PubRel(ack) => self
                .inflight
                .get(&ack.packet_id)
                .is_some_and(|own| own.received),
            _ => true,
        };
        self.lawful &= lawful;
    }

    fn may_publish(&mut self, publish: &Publish, packet_id: PacketId) -> bool {
        if let Some(own) = self.inflight.get_mut(&packet_id) {
            let again = publish.dup && own.qos == publish.qos && !own.received;
            return again && !std::mem::replace(&mut own.sent, true);
        }
        let own = InFlight {
            qos: publish.qos,
            sent: true,
            received: false,
        };
        self.inflight.insert(packet_id, own);
        !publish.dup
    }

    /// The session hands a publish to the log: one of QoS 2 never twice.
    pub(super) fn delivered(&mut self, qos: QoS, packet_id: PacketId) {
        if qos == QoS::ExactlyOnce {
            assert!(
                self.held.insert(packet_id) || !self.lawful,
                "a QoS 2 publish is handed on twice"
            );
            self.received.remove(&packet_id);
        }
    }

    /// The log has a publish: from now on it may be acknowledged.
    pub(super) fn accepted(&mut self, qos: QoS, packet_id: PacketId) {
        if qos == QoS::ExactlyOnce {
            self.received.insert(packet_id);
        } else {
            *self.owed.entry(packet_id).or_default() += 1;
        }
    }

    /// The log does not take a publish: its identifier is free.
    pub(super) fn refused(&mut self, packet_id: PacketId) {
        self.held.remove(&packet_id);
    }

    /// The release of a QoS 2 identifier is durable.
    pub(super) fn released(&mut self, packet_id: PacketId) {
        self.held.remove(&packet_id);
    }

    /// The session answers: with nothing the log does not have. The client takes notice.
    pub(super) fn answered(&mut self, packet: &Packet) {
        match packet {
            Packet::PubAck(ack) if !ack.reason.is_error() => self.acknowledged(ack.packet_id),
            Packet::PubRec(ack) if !ack.reason.is_error() => {
                assert!(
                    !self.lawful || self.received.contains(&ack.packet_id),
                    "received, but the log does not have it"
                );
                if let Some(own) = self.inflight.get_mut(&ack.packet_id) {
                    own.received = true;
                }
            }
            Packet::PubAck(ack) | Packet::PubRec(ack) | Packet::PubComp(ack) => {
                self.inflight.remove(&ack.packet_id);
            }
            _ => {}
        }
    }

    fn acknowledged(&mut self, packet_id: PacketId) {
        self.inflight.remove(&packet_id);
        match self.owed.get_mut(&packet_id).filter(|count| **count > 0) {
            Some(count) => *count -= 1,
            None => assert!(!self.lawful, "acknowledged, but the log does not have it"),
        }
    }

    /// The connection ended: the client may send again what was not answered.
    pub(super) fn disconnected(&mut self) {
        for own in self.inflight.values_mut() {
            own.sent = false;
        }
    }

    /// The session ended: what was pending or held in it means nothing to the next.
    pub(super) fn forget(&mut self) {
        self.owed.clear();
        self.received.clear();
        self.held.clear();
        self.inflight.clear();
    }
}
