//! Waiting for a condition, with the time after which it is a failure.

use std::thread::sleep;
use std::time::{Duration, Instant};

/// How long a condition may take that normally holds at once; generous, because CI has two slow cores.
pub const PATIENCE: Duration = Duration::from_mins(1);

/// Asks until there is an answer; panics with `what` when [`PATIENCE`] runs out.
pub fn until<T>(what: &str, ask: impl FnMut() -> Option<T>) -> T {
    until_within(PATIENCE, what, ask)
}

/// Asks until there is an answer; panics with `what` when `limit` is over.
pub fn until_within<T>(limit: Duration, what: &str, mut ask: impl FnMut() -> Option<T>) -> T {
    let start = Instant::now();
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        assert!(start.elapsed() < limit, "waited {limit:?} in vain: {what}");
        sleep(Duration::from_millis(5));
    }
}
