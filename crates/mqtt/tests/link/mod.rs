//! One direction of a connection: bytes that arrive later, in order, or never.
//! Takes bytes and a delay from the world.
//! Gives them back when their time has come.

use std::collections::VecDeque;

/// Bytes under way, with the millisecond they arrive.
#[derive(Default)]
pub(crate) struct Link {
    parts: VecDeque<(u64, Vec<u8>)>,
}

impl Link {
    /// Sends bytes; they arrive at `at`, but not before those sent earlier.
    pub(crate) fn send(&mut self, at: u64, bytes: Vec<u8>) {
        let last = self.parts.back().map_or(0, |(last, _)| *last);
        self.parts.push_back((at.max(last), bytes));
    }

    /// The oldest bytes, if they have arrived.
    pub(crate) fn receive(&mut self, now: u64) -> Option<Vec<u8>> {
        let (at, _) = self.parts.front()?;
        if *at > now {
            None
        } else {
            self.parts.pop_front().map(|(_, bytes)| bytes)
        }
    }

    /// Loses everything under way.
    pub(crate) fn cut(&mut self) {
        self.parts.clear();
    }
}
