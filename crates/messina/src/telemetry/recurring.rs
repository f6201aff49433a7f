//! A log line that comes again and again: one a while is written, with how many were not.

use std::time::{Duration, Instant};

/// How long a kind of line is quiet after one was written.
pub const QUIET: Duration = Duration::from_secs(10);

/// A kind of line: when it was written, and how often not.
#[derive(Debug, Default)]
pub struct Kind {
    written: Option<Instant>,
    left_out: u64,
}

impl Kind {
    /// How many lines were left out since the last that was written; `None` if this one is to be left out too.
    pub fn turn(&mut self, now: Instant) -> Option<u64> {
        if self.is_quiet(now) {
            self.left_out += 1;
            return None;
        }
        self.written = Some(now);
        Some(std::mem::take(&mut self.left_out))
    }

    /// How many lines were left out that no later one has counted, if there are any and it is quiet no longer.
    pub fn left_out(&mut self, now: Instant) -> Option<u64> {
        let is_due = self.left_out > 0 && !self.is_quiet(now);
        is_due.then(|| std::mem::take(&mut self.left_out))
    }

    fn is_quiet(&self, now: Instant) -> bool {
        self.written
            .is_some_and(|written| now.saturating_duration_since(written) < QUIET)
    }
}
