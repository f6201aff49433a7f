//! What was given to a producer and is not answered for: appends in order, each with the number of its records that
//! Kafka has said nothing of yet. Records finish in any order, appends are given out in theirs.

use std::collections::VecDeque;
use std::time::Duration;

use messina_store::log::AppendError;
use parking_lot::{Condvar, Mutex};
use tokio::time::Instant;

use super::answers::{Answer, Answered};

/// The appends of one producer.
#[derive(Debug, Default)]
pub(super) struct InFlight {
    state: Mutex<State>,
    /// Records were answered for.
    progress: Condvar,
}

#[derive(Debug, Default)]
struct State {
    /// The number of the first in `appends`.
    first: usize,
    appends: VecDeque<Sent>,
    /// Records of all of them.
    unanswered: usize,
    /// When a record was answered for, or the first was sent after all were.
    moved: Option<Instant>,
}

#[derive(Debug)]
struct Sent {
    answer: Answer,
    left: usize,
    /// The first that was said of a record which is not there.
    error: Option<AppendError>,
}

impl InFlight {
    /// Takes in an append of `records` records, at least one; gives the number each of them is sent with.
    pub(super) fn begin(&self, answer: Answer, records: usize) -> usize {
        debug_assert!(records > 0, "an append of nothing is never answered");
        let mut state = self.state.lock();
        if state.unanswered == 0 {
            state.moved = Some(Instant::now());
        }
        state.unanswered += records;
        state.appends.push_back(Sent {
            answer,
            left: records,
            error: None,
        });
        state.first + state.appends.len() - 1
    }

    /// A record of append `number` is durable, or will not be. Gives the appends that are done with it, in order.
    pub(super) fn finish(&self, number: usize, result: Result<(), AppendError>) -> Vec<Answered> {
        let mut state = self.state.lock();
        let place = number.wrapping_sub(state.first);
        let Some(sent) = state.appends.get_mut(place) else {
            debug_assert!(false, "record of append {number}, which is answered");
            return Vec::new();
        };
        sent.left -= 1;
        if let Err(error) = result {
            sent.error.get_or_insert(error);
        }
        state.unanswered -= 1;
        state.moved = Some(Instant::now());
        let mut done = Vec::new();
        while let Some(sent) = state.appends.pop_front_if(|sent| sent.left == 0) {
            state.first += 1;
            done.push((sent.answer, sent.error.map_or(Ok(()), Err)));
        }
        self.progress.notify_all();
        done
    }

    /// How long nothing was answered for, while there was something to answer for.
    pub(super) fn stalled(&self) -> Duration {
        let state = self.state.lock();
        match state.moved {
            Some(moved) if state.unanswered > 0 => moved.elapsed(),
            _ => Duration::ZERO,
        }
    }

    /// Waits until every record is answered for, or `patience` ends; says whether they are.
    pub(super) fn wait_for_all(&self, patience: Duration) -> bool {
        let mut state = self.state.lock();
        while state.unanswered > 0 {
            if self.progress.wait_for(&mut state, patience).timed_out() {
                return state.unanswered == 0;
            }
        }
        true
    }

    /// Waits until some record is answered for, or `patience` ends.
    pub(super) fn wait_for_one(&self, patience: Duration) {
        let mut state = self.state.lock();
        if state.unanswered > 0 {
            self.progress.wait_for(&mut state, patience);
        }
    }
}

#[cfg(test)]
mod tests {
    use messina_store::log::{AppendWaiter, Permit};

    use super::*;

    fn answer(ticket: u64) -> Answer {
        Answer {
            waiter: AppendWaiter::new(),
            ticket,
            permit: Permit::none(),
        }
    }

    fn tickets(done: &[Answered]) -> Vec<(u64, bool)> {
        let told = done
            .iter()
            .map(|(answer, result)| (answer.ticket, result.is_ok()));
        told.collect()
    }

    #[test]
    fn appends_are_answered_in_order_whatever_order_their_records_finish_in() {
        let in_flight = InFlight::default();
        let first = in_flight.begin(answer(1), 2);
        let second = in_flight.begin(answer(2), 1);
        assert!(in_flight.finish(second, Ok(())).is_empty());
        assert!(in_flight.finish(first, Err(AppendError::Closed)).is_empty());
        assert!(!in_flight.wait_for_all(Duration::ZERO));
        let done = in_flight.finish(first, Ok(()));
        assert_eq!(tickets(&done), [(1, false), (2, true)]);
        assert!(in_flight.wait_for_all(Duration::ZERO));
        let third = in_flight.begin(answer(3), 1);
        assert_eq!(tickets(&in_flight.finish(third, Ok(()))), [(3, true)]);
    }
}
