//! Packet identifiers of the publishes on their way to one client, given out when they are queued.
//!
//! The identifier is part of what is durable, so that the next process sends a publish with the same one.

use std::collections::HashSet;

use messina_mqtt::packet::PacketId;

/// Identifiers in use, and the order in which they were given out.
#[derive(Debug, Default)]
pub struct Slots {
    used: HashSet<PacketId>,
    last: u16,
    sequence: u64,
}

impl Slots {
    /// Slots of which `used` are in use, the next in order being `sequence`.
    pub fn restored(used: impl Iterator<Item = PacketId>, sequence: u64) -> Self {
        let used: HashSet<_> = used.collect();
        Self {
            last: used.iter().map(|id| id.get()).max().unwrap_or(0),
            used,
            sequence,
        }
    }

    /// A free identifier, and its place in the session's order. None if `most` are in use [MQTT-2.2.1-4].
    pub fn take(&mut self, most: usize) -> Option<(PacketId, u64)> {
        if self.used.len() >= most.min(usize::from(u16::MAX)) {
            return None;
        }
        let packet_id = loop {
            self.last = self.last.checked_add(1).unwrap_or(1);
            let packet_id = PacketId::new(self.last)?;
            if self.used.insert(packet_id) {
                break packet_id;
            }
        };
        let sequence = self.sequence;
        self.sequence += 1;
        Some((packet_id, sequence))
    }

    /// Gives an identifier back.
    pub fn free(&mut self, packet_id: PacketId) {
        self.used.remove(&packet_id);
        if self.used.is_empty() {
            self.used = HashSet::new();
        }
    }

    /// How many identifiers are in use.
    pub fn count(&self) -> usize {
        self.used.len()
    }

    /// The identifiers in use.
    pub fn used(&self) -> impl Iterator<Item = PacketId> {
        self.used.iter().copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_identifier_is_given_out_once_until_it_comes_back() {
        let first = PacketId::new(u16::MAX - 1).expect("not zero");
        let mut slots = Slots::restored([first].into_iter(), 41);
        let take = |slots: &mut Slots| slots.take(3).map(|(id, place)| (id.get(), place));
        assert_eq!(take(&mut slots), Some((u16::MAX, 41)));
        assert_eq!(take(&mut slots), Some((1, 42)));
        assert_eq!(take(&mut slots), None);
        slots.free(first);
        assert_eq!(take(&mut slots), Some((2, 43)));
    }
}
