//! Waiting for a condition, with the time after which it is a failure.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::sleep;
use std::time::{Duration, Instant};

/// How long a condition may take that normally holds at once; generous, because CI has two slow cores.
pub const PATIENCE: Duration = Duration::from_mins(1);

/// How long a device waits for an answer: longer than anything is away in a test, and than it takes to go on then.
pub const OF_DEVICES: Duration = Duration::from_mins(5);

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

/// Says to those who go on until it is said that they may end: when it is dropped, so also where a test fails.
#[derive(Debug)]
pub struct Ends<'a>(pub &'a AtomicBool);

impl Drop for Ends<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}
