//! Work finishes out of order, answers leave in order: the one thing both promises of the program rest on.
//!
//! A session acknowledges publishes in the order they arrived (MQTT-4.6.0-2), whatever order the log answers
//! in; a sink commits offsets in the order of the records, whatever order its batches finish in. It is here
//! because the session may depend on nothing outside this crate.

use std::collections::VecDeque;

/// The place of one piece of work in an [`InOrder`] queue.
///
/// Tickets count upwards for as long as the queue lives, over reconnects too, so an answer that comes late
/// can never be taken for another one's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Ticket(pub u64);

/// A queue of work whose answers may come in any order and are handed out in the order the work came.
#[derive(Debug, Clone)]
pub struct InOrder<T, A> {
    first: u64,
    slots: VecDeque<(T, Option<A>)>,
}

impl<T, A> Default for InOrder<T, A> {
    fn default() -> Self {
        Self {
            first: 0,
            slots: VecDeque::new(),
        }
    }
}

impl<T, A> InOrder<T, A> {
    /// Adds work that waits for its answer.
    pub fn push(&mut self, work: T) -> Ticket {
        self.add(work, None)
    }

    /// Adds work whose answer is known already, but may not overtake those before it.
    pub fn push_answered(&mut self, work: T, answer: A) -> Ticket {
        self.add(work, Some(answer))
    }

    fn add(&mut self, work: T, answer: Option<A>) -> Ticket {
        self.slots.push_back((work, answer));
        Ticket(self.first + self.slots.len() as u64 - 1)
    }

    /// Notes an answer. Returns false if the ticket was answered before or never given.
    pub fn answer(&mut self, ticket: Ticket, answer: A) -> bool {
        let place = ticket
            .0
            .checked_sub(self.first)
            .and_then(|place| usize::try_from(place).ok());
        match place.and_then(|place| self.slots.get_mut(place)) {
            Some((_, open @ None)) => {
                *open = Some(answer);
                true
            }
            _ => false,
        }
    }

    /// The oldest work, if its answer is there.
    pub fn pop(&mut self) -> Option<(T, A)> {
        match self.slots.pop_front()? {
            (work, Some(answer)) => {
                self.first += 1;
                Some((work, answer))
            }
            waiting => {
                self.slots.push_front(waiting);
                None
            }
        }
    }

    /// Everything still in the queue, oldest first.
    pub fn iter_mut(&mut self) -> impl Iterator<Item = &mut T> {
        self.slots.iter_mut().map(|(work, _)| work)
    }

    /// How much work has not been handed out.
    pub fn len(&self) -> usize {
        self.slots.len()
    }

    /// Whether all work has been handed out.
    pub fn is_empty(&self) -> bool {
        self.slots.is_empty()
    }

    /// Gives unused memory back.
    pub fn shrink(&mut self) {
        self.slots.shrink_to_fit();
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn answers_leave_in_order_when_they_come_out_of_order() {
        let mut queue = InOrder::default();
        let tickets: Vec<Ticket> = "abc".chars().map(|work| queue.push(work)).collect();
        assert!(queue.answer(tickets[2], 3));
        assert!(queue.answer(tickets[1], 2));
        assert_eq!(queue.pop(), None);
        assert!(queue.answer(tickets[0], 1));
        assert_eq!(queue.pop(), Some(('a', 1)));
        assert_eq!(queue.pop(), Some(('b', 2)));
        assert_eq!(queue.pop(), Some(('c', 3)));
        assert_eq!(queue.pop(), None);
    }

    #[test]
    fn a_second_answer_and_an_unknown_ticket_change_nothing() {
        let mut queue = InOrder::default();
        let ticket = queue.push('a');
        assert!(!queue.answer(Ticket(7), 0));
        assert!(queue.answer(ticket, 1));
        assert!(!queue.answer(ticket, 2));
        assert_eq!(queue.pop(), Some(('a', 1)));
        assert!(!queue.answer(ticket, 3));
    }

    proptest! {
        #[test]
        fn any_order_of_answers_gives_the_order_of_the_work(
            answers in Just((0..40_u64).collect::<Vec<_>>()).prop_shuffle()
        ) {
            let mut queue = InOrder::default();
            for work in 0..40_u64 {
                prop_assert_eq!(queue.push(work), Ticket(work));
            }
            let mut left = Vec::new();
            for answer in answers {
                prop_assert!(queue.answer(Ticket(answer), answer));
                left.extend(std::iter::from_fn(|| queue.pop()));
            }
            prop_assert_eq!(left, (0..40).map(|work| (work, work)).collect::<Vec<_>>());
            prop_assert!(queue.is_empty());
        }
    }
}
