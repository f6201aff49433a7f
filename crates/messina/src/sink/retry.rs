//! Backing off while the table or the log is away.

use std::time::Duration;

/// How long to wait before the next try: doubling from the first to the longest.
#[derive(Debug, Clone, Copy)]
pub(super) struct Backoff {
    next: Duration,
    longest: Duration,
    waited: bool,
}

impl Backoff {
    pub(super) fn new(first: Duration, longest: Duration) -> Self {
        Self {
            next: first.min(longest),
            longest,
            waited: false,
        }
    }

    /// The wait before the next try.
    pub(super) fn wait(&mut self) -> Duration {
        self.waited = true;
        let wait = self.next;
        self.next = self.next.saturating_mul(2).min(self.longest);
        wait
    }

    /// Whether there was a wait since it was made.
    pub(super) fn waited(&self) -> bool {
        self.waited
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_the_longest() {
        let mut backoff = Backoff::new(Duration::from_millis(100), Duration::from_millis(350));
        let waits: Vec<u128> = (0..4).map(|_| backoff.wait().as_millis()).collect();
        assert_eq!(waits, [100, 200, 350, 350]);
    }
}
