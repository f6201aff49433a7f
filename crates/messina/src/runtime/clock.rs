//! The clock: the one place that reads the time, so that everything else takes it as an argument.

use std::fmt::Debug;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

/// Where the time comes from: the system, or a test.
pub trait Clock: Send + Sync + Debug {
    /// A point in time for measuring durations.
    fn now(&self) -> Instant;

    /// Milliseconds since 1970-01-01 UTC; what a record's timestamp holds.
    fn unix_millis(&self) -> i64;
}

/// The system's clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is the clock")]
    fn now(&self) -> Instant {
        Instant::now()
    }

    #[expect(clippy::disallowed_methods, reason = "this is the clock")]
    fn unix_millis(&self) -> i64 {
        let since = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
    }
}
