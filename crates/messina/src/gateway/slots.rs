//! Places in the order of one client's session, and the packet identifiers of what is with the client.
//!
//! A publish gets its place when it is queued, and its identifier follows from the place, so that the next process sends
//! it with the same one. More may wait than there are identifiers: of two that have the same the later waits until the
//! earlier is done with.

use std::collections::HashMap;

use messina_mqtt::packet::PacketId;

/// How many identifiers there are.
const IDENTIFIERS: u64 = u16::MAX as u64;

/// What the durable state calls a publish on its way to a client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SendingKey {
    /// By its place in the session's order.
    Place(u64),
    /// By its identifier, as earlier versions did.
    Identifier(PacketId),
}

impl SendingKey {
    /// The identifier it is sent with.
    pub fn packet_id(self) -> PacketId {
        match self {
            Self::Place(place) => {
                let number = u16::try_from(place % IDENTIFIERS).unwrap_or(0);
                PacketId(std::num::NonZeroU16::MIN.saturating_add(number))
            }
            Self::Identifier(packet_id) => packet_id,
        }
    }
}

/// The places given out, and what is with the client: sent, or handed to its session to be sent, and not done with.
#[derive(Debug, Default)]
pub struct Slots {
    with_client: HashMap<PacketId, SendingKey>,
    next: u64,
}

impl Slots {
    /// Slots with those publishes at the client, the next place being `next`.
    pub fn restored(with_client: HashMap<PacketId, SendingKey>, next: u64) -> Self {
        Self { with_client, next }
    }

    /// The next place in the session's order. One whose identifier the client has is passed over, if there are others.
    pub fn place(&mut self) -> u64 {
        let has_free = (self.with_client.len() as u64) < IDENTIFIERS;
        while has_free && self.is_taken(SendingKey::Place(self.next).packet_id()) {
            self.next += 1;
        }
        let place = self.next;
        self.next += 1;
        place
    }

    /// Whether the client has this identifier.
    pub fn is_taken(&self, packet_id: PacketId) -> bool {
        self.with_client.contains_key(&packet_id)
    }

    /// A publish goes to the client, which has not got its identifier [MQTT-2.2.1-4].
    pub fn send(&mut self, key: SendingKey) {
        let before = self.with_client.insert(key.packet_id(), key);
        debug_assert!(before.is_none(), "the client has {key:?} already");
    }

    /// What the durable state calls the publish that the client has under this identifier.
    pub fn key(&self, packet_id: PacketId) -> Option<SendingKey> {
        self.with_client.get(&packet_id).copied()
    }

    /// The client is done with a publish: its identifier is free.
    pub fn free(&mut self, packet_id: PacketId) -> Option<SendingKey> {
        let key = self.with_client.remove(&packet_id);
        if self.with_client.is_empty() {
            self.with_client = HashMap::new();
        }
        key
    }

    /// How many publishes are with the client.
    pub fn count(&self) -> usize {
        self.with_client.len()
    }

    /// The place in the session's order that is given out next.
    pub fn next(&self) -> u64 {
        self.next
    }

    /// What is with the client.
    pub fn with_client(&self) -> impl Iterator<Item = SendingKey> {
        self.with_client.values().copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identifiers_follow_from_places_and_go_round() {
        let id = |place| SendingKey::Place(place).packet_id().get();
        assert_eq!((id(0), id(1)), (1, 2));
        assert_eq!((id(IDENTIFIERS - 1), id(IDENTIFIERS)), (u16::MAX, 1));
        assert_eq!(id(u64::MAX), 1, "2^64 - 1 is a multiple of 2^16 - 1");
    }

    #[test]
    fn a_place_whose_identifier_the_client_has_is_passed_over() {
        let old = PacketId::new(2).unwrap();
        let with_client = HashMap::from([(old, SendingKey::Identifier(old))]);
        let mut slots = Slots::restored(with_client, 0);
        assert_eq!((slots.place(), slots.place(), slots.next()), (0, 2, 3));
        assert_eq!(slots.key(old), Some(SendingKey::Identifier(old)));
        assert_eq!(slots.free(old), Some(SendingKey::Identifier(old)));
        slots.send(SendingKey::Place(1));
        assert_eq!(slots.key(old), Some(SendingKey::Place(1)));
        assert_eq!(slots.count(), 1);
    }

    #[test]
    fn places_go_on_when_the_client_has_every_identifier() {
        let mut slots = Slots::default();
        for _ in 0..IDENTIFIERS {
            let place = slots.place();
            slots.send(SendingKey::Place(place));
        }
        assert_eq!(slots.place(), IDENTIFIERS);
        slots.free(PacketId::new(7).unwrap());
        assert_eq!(slots.place(), IDENTIFIERS + 6, "the one that is free");
    }
}
