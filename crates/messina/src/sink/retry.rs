//! Backing off while the table or the log is away.

use std::time::Duration;

use tokio::time::Instant;

use super::opening::OpenError;
use crate::table::Verdict;

/// How long a cluster may go on refusing our log-in.
const LOG_IN_PATIENCE: Duration = Duration::from_secs(30);

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

/// Whether a cluster is asked again, after what it has answered.
#[derive(Debug, Default)]
pub(super) struct Patience {
    /// Since when it says nothing but that it does not take our log-in.
    refused_since: Option<Instant>,
}

impl Patience {
    /// Whether to ask again after this error, which came now.
    pub(super) fn bears(&mut self, error: &OpenError, now: Instant) -> bool {
        if matches!(error, OpenError::LogIn(_)) {
            let since = *self.refused_since.get_or_insert(now);
            return now.duration_since(since) < LOG_IN_PATIENCE;
        }
        self.refused_since = None;
        error.verdict() == Verdict::Retry
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_in_may_be_refused_for_a_while_and_each_other_answer_begins_it_anew() {
        let log_in = || OpenError::LogIn("bad credentials".into());
        let away = || OpenError::Away("connection refused".into());
        let mut patience = Patience::default();
        let begin = Instant::now();
        let mut after = |seconds, error: OpenError| {
            let now = begin + Duration::from_secs(seconds);
            patience.bears(&error, now)
        };
        assert!(after(0, log_in()) && after(29, log_in()));
        assert!(after(40, away()), "whoever is away is waited for");
        assert!(after(50, log_in()) && after(79, log_in()));
        assert!(!after(80, log_in()));
        assert!(!after(81, OpenError::Unusable("no rights".into())));
    }

    #[test]
    fn waits_double_up_to_the_longest() {
        let mut backoff = Backoff::new(Duration::from_millis(100), Duration::from_millis(350));
        let waits: Vec<u128> = (0..4).map(|_| backoff.wait().as_millis()).collect();
        assert_eq!(waits, [100, 200, 350, 350]);
    }
}
