//! How many rows may be under way at once: found out by asking for a little more until answers get slow.

use std::time::Duration;

use parking_lot::Mutex;

/// Rows under way at the start.
const FIRST: usize = 64;
/// Below this a cluster far away would never be busy.
const LEAST: usize = 4;
/// What is added when a round of answers came quickly.
const STEP: usize = 8;
/// Answers this fast on average ask for more.
const GOOD: Duration = Duration::from_millis(25);
/// Answers this slow on average ask for less.
const SLOW: Duration = Duration::from_millis(250);

/// The limit of one table: additive increase, multiplicative decrease.
#[derive(Debug)]
pub(super) struct Limit {
    most: usize,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    now: usize,
    answers: usize,
    took: Duration,
}

impl Limit {
    pub(super) fn new(most: usize) -> Self {
        let state = State {
            now: FIRST.min(most).max(1),
            answers: 0,
            took: Duration::ZERO,
        };
        Self {
            most: most.max(1),
            state: Mutex::new(state),
        }
    }

    /// Rows that may be under way.
    pub(super) fn now(&self) -> usize {
        self.state.lock().now
    }

    /// A row was written in that time. As many answers as the limit are a round, and a round moves the limit.
    pub(super) fn answered(&self, took: Duration) {
        let mut state = self.state.lock();
        state.answers += 1;
        state.took += took;
        if state.answers < state.now {
            return;
        }
        let mean = state.took / u32::try_from(state.answers).unwrap_or(u32::MAX);
        if mean < GOOD {
            state.now = (state.now + STEP).min(self.most);
        } else if mean > SLOW {
            state.now = (state.now * 3 / 4).max(LEAST.min(self.most));
        }
        state.begin_round();
    }

    /// The cluster could not keep up: half as many from now on.
    pub(super) fn overloaded(&self) {
        let mut state = self.state.lock();
        state.now = (state.now / 2).max(LEAST.min(self.most));
        state.begin_round();
    }
}

impl State {
    fn begin_round(&mut self) {
        self.answers = 0;
        self.took = Duration::ZERO;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn round(limit: &Limit, took: Duration) {
        for _ in 0..limit.now() {
            limit.answered(took);
        }
    }

    #[test]
    fn fast_answers_raise_the_limit_step_by_step_and_slow_ones_lower_it() {
        let limit = Limit::new(100);
        round(&limit, Duration::from_millis(1));
        assert_eq!(limit.now(), FIRST + STEP);
        for _ in 0..20 {
            round(&limit, Duration::from_millis(1));
        }
        assert_eq!(limit.now(), 100);
        round(&limit, Duration::from_millis(100));
        assert_eq!(limit.now(), 100, "neither fast nor slow");
        round(&limit, Duration::from_secs(1));
        assert_eq!(limit.now(), 75);
    }

    #[test]
    fn an_overload_halves_the_limit_and_never_stops_the_flow() {
        let limit = Limit::new(512);
        limit.overloaded();
        assert_eq!(limit.now(), FIRST / 2);
        for _ in 0..20 {
            limit.overloaded();
        }
        assert_eq!(limit.now(), LEAST);
    }
}
