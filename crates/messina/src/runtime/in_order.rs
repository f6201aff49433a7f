//! Work finishes out of order, answers leave in order: the one thing both promises of the program rest on.
//!
//! The gateway acknowledges publishes in the order they arrived (MQTT-4.6.0-2), whatever order the log
//! answers in; a sink commits offsets in the order of the records, whatever order its batches finish in.

use std::collections::VecDeque;

/// Answers that wait for those before them.
#[derive(Debug)]
pub struct InOrder<T> {
    /// Ticket of the first slot.
    first: u64,
    slots: VecDeque<Option<T>>,
}

impl<T> Default for InOrder<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T> InOrder<T> {
    /// Nothing under way.
    pub const fn new() -> Self {
        Self {
            first: 0,
            slots: VecDeque::new(),
        }
    }

    /// Takes a place in the order; the ticket names it in [`finish`](Self::finish).
    pub fn begin(&mut self) -> u64 {
        let ticket = self.first + self.slots.len() as u64;
        self.slots.push_back(None);
        ticket
    }

    /// The work of `ticket` is done. A second answer, or one nobody waits for, is a bug of the caller.
    pub fn finish(&mut self, ticket: u64, answer: T) {
        let index = ticket
            .checked_sub(self.first)
            .and_then(|index| usize::try_from(index).ok());
        let slot = index.and_then(|index| self.slots.get_mut(index));
        debug_assert!(
            slot.as_ref().is_some_and(|slot| slot.is_none()),
            "ticket {ticket} is not under way"
        );
        if let Some(slot) = slot {
            *slot = Some(answer);
        }
    }

    /// The next answer in order, if its work is done.
    pub fn next_ready(&mut self) -> Option<T> {
        let answer = self.slots.front_mut()?.take()?;
        self.slots.pop_front();
        self.first += 1;
        Some(answer)
    }

    /// Places taken whose answers have not left.
    pub fn len(&self) -> usize {
        self.slots.len()
    }

    /// Whether every answer has left.
    pub fn is_empty(&self) -> bool {
        self.slots.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn answers_leave_in_order_when_work_finishes_out_of_order() {
        let mut order = InOrder::new();
        let tickets = [order.begin(), order.begin(), order.begin()];
        order.finish(tickets[2], "c");
        assert_eq!(order.next_ready(), None);
        order.finish(tickets[0], "a");
        assert_eq!(order.next_ready(), Some("a"));
        assert_eq!(order.next_ready(), None);
        order.finish(tickets[1], "b");
        assert_eq!(
            (order.next_ready(), order.next_ready()),
            (Some("b"), Some("c"))
        );
        assert!(order.is_empty());
    }

    proptest! {
        #[test]
        fn any_order_of_finishing_gives_the_order_of_beginning(finish in Just((0..40_u64).collect::<Vec<_>>()).prop_shuffle()) {
            let mut order = InOrder::new();
            for _ in 0..40 {
                order.begin();
            }
            let mut left = Vec::new();
            for ticket in finish {
                order.finish(ticket, ticket);
                while let Some(answer) = order.next_ready() {
                    left.push(answer);
                }
            }
            prop_assert_eq!(left, (0..40).collect::<Vec<_>>());
        }
    }
}
