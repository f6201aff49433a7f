//! Tells writers what became of their appends: many at once, each writer woken once.

use std::sync::Arc;

use messina_store::log::{AppendError, AppendWaiter, Completion, Permit};
use parking_lot::{Condvar, Mutex};

/// Who is to be told of an append. The room it takes in the queue is given back when it is dropped.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) waiter: Arc<AppendWaiter>,
    pub(super) ticket: u64,
    pub(super) permit: Permit,
}

/// An answer and what it says.
pub(super) type Answered = (Answer, Result<(), AppendError>);

/// Answers on their way to those who wait. librdkafka reports deliveries one by one on a thread of its own; what it
/// reports while waiters are being woken is told together.
#[derive(Debug, Default)]
pub(super) struct Answers {
    state: Mutex<State>,
    news: Condvar,
}

#[derive(Debug, Default)]
struct State {
    ready: Vec<Answered>,
    ending: bool,
}

impl Answers {
    /// Has answers told, in this order.
    pub(super) fn give(&self, answers: impl IntoIterator<Item = Answered>) {
        let mut state = self.state.lock();
        let before = state.ready.len();
        state.ready.extend(answers);
        if before == 0 && !state.ready.is_empty() {
            self.news.notify_one();
        }
    }

    /// Tells answers until the end, and then those that are left. Runs on a thread of its own.
    pub(super) fn run(&self) {
        let mut ready = Vec::new();
        let mut to_wake = Vec::new();
        loop {
            {
                let mut state = self.state.lock();
                while state.ready.is_empty() && !state.ending {
                    self.news.wait(&mut state);
                }
                std::mem::swap(&mut ready, &mut state.ready);
            }
            if ready.is_empty() {
                return;
            }
            for (answer, result) in ready.drain(..) {
                let Answer {
                    waiter,
                    ticket,
                    permit,
                } = answer;
                drop(permit);
                let completion = Completion {
                    ticket,
                    result: result.map(|()| None),
                };
                if waiter.push(completion) {
                    to_wake.push(waiter);
                }
            }
            for waiter in to_wake.drain(..) {
                waiter.wake();
            }
        }
    }

    /// Lets [`run`](Self::run) end once everything is told.
    pub(super) fn end(&self) {
        self.state.lock().ending = true;
        self.news.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_waiter_is_told_everything_in_order_also_at_the_end() {
        let (answers, waiter) = (Answers::default(), AppendWaiter::new());
        let answer = |ticket| Answer {
            waiter: Arc::clone(&waiter),
            ticket,
            permit: Permit::none(),
        };
        answers.give([(answer(1), Ok(())), (answer(2), Err(AppendError::Closed))]);
        answers.give([(answer(3), Ok(()))]);
        answers.end();
        answers.run();
        let mut told = Vec::new();
        waiter.drain(&mut told);
        let told: Vec<_> = told
            .iter()
            .map(|own| (own.ticket, own.result.is_ok()))
            .collect();
        assert_eq!(told, [(1, true), (2, false), (3, true)]);
    }
}
