//! Packet identifiers of the publishes on their way to one client, given out when they are queued.
//!
//! The identifier is part of what is durable, so that the next process sends a publish with the same one.

use std::collections::HashSet;

use messina_mqtt::packet::PacketId;

/// Identifiers in use, and the order in which they were given out.
#[derive(Debug, Default)]
pub struct Slots {
    used: HashSet<PacketId>,
    /// How many of them are of publishes that are on their way out of the log.
    leaving: usize,
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
            leaving: 0,
            sequence,
        }
    }

    /// A free identifier, and its place in the session's order. None if all are in use [MQTT-2.2.1-4].
    pub fn take(&mut self) -> Option<(PacketId, u64)> {
        if self.used.len() >= usize::from(u16::MAX) {
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

    /// The publish of an identifier in use makes way for another.
    pub fn leave(&mut self) {
        self.leaving += 1;
    }

    /// One that made way has left, or does not after all.
    pub fn stay(&mut self) {
        self.leaving = self.leaving.saturating_sub(1);
    }

    /// How many publishes have an identifier and do not make way.
    pub fn count(&self) -> usize {
        self.used.len().saturating_sub(self.leaving)
    }

    /// The place in the session's order that is given out next.
    pub fn next(&self) -> u64 {
        self.sequence
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
        let take = |slots: &mut Slots| slots.take().map(|(id, place)| (id.get(), place));
        assert_eq!(take(&mut slots), Some((u16::MAX, 41)));
        assert_eq!(take(&mut slots), Some((1, 42)));
        slots.free(first);
        for number in 2..u16::MAX {
            assert_eq!(take(&mut slots).map(|(id, _)| id), Some(number));
        }
        assert_eq!(take(&mut slots), None);
        slots.leave();
        assert_eq!(slots.count(), usize::from(u16::MAX) - 1);
        assert_eq!(take(&mut slots), None, "it is still in the log");
        slots.stay();
        slots.free(first);
        assert_eq!(take(&mut slots).map(|(id, _)| id), Some(u16::MAX - 1));
    }
}
