//! Publishes and bytes each second.

use std::time::{Duration, Instant};

use crate::config::AccessLimits;

/// How much a client may send at once before it is slowed down: what it may send in this time.
const BURST: Duration = Duration::from_secs(1);

/// A client's budget. One for each connection.
///
/// A token bucket, kept as the time at which it would be full again: one instant, no timer.
#[derive(Debug, Clone, Copy)]
pub struct Meter {
    publishes: Option<u32>,
    bytes: Option<u64>,
    publishes_full: Option<Instant>,
    bytes_full: Option<Instant>,
}

impl Meter {
    /// A full budget.
    pub fn new(limits: &AccessLimits) -> Self {
        Self {
            publishes: limits.publishes_per_second,
            bytes: limits.bytes_per_second,
            publishes_full: None,
            bytes_full: None,
        }
    }

    /// Whether there is a limit at all.
    pub fn is_limited(&self) -> bool {
        self.publishes.is_some() || self.bytes.is_some()
    }

    /// Takes a publish whose packet has so many bytes. It is let through in any case; the answer says how long not
    /// to read the next, zero while the budget lasts.
    pub fn take(&mut self, now: Instant, bytes: usize) -> Duration {
        let publishes = self.publishes.map_or(Duration::ZERO, |rate| {
            draw(&mut self.publishes_full, now, 1, u64::from(rate))
        });
        let bytes = self.bytes.map_or(Duration::ZERO, |rate| {
            let bytes = u64::try_from(bytes).unwrap_or(u64::MAX);
            draw(&mut self.bytes_full, now, bytes, rate)
        });
        publishes.max(bytes)
    }
}

/// Draws from a bucket that fills at `rate` a second.
fn draw(full: &mut Option<Instant>, now: Instant, amount: u64, rate: u64) -> Duration {
    let nanos = u128::from(amount) * 1_000_000_000 / u128::from(rate.max(1));
    let cost = Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX));
    let from = full.map_or(now, |full| full.max(now));
    let until = from.checked_add(cost).unwrap_or(from);
    *full = Some(until);
    until.saturating_duration_since(now).saturating_sub(BURST)
}

#[cfg(test)]
#[expect(
    clippy::disallowed_methods,
    reason = "a test needs some instant to start from"
)]
mod tests {
    use super::*;
    use crate::access::tests::limits;

    #[test]
    fn a_burst_passes_and_then_the_rate_holds() {
        let mut meter = Meter::new(&AccessLimits {
            publishes_per_second: Some(10),
            ..limits()
        });
        let start = Instant::now();
        for _ in 0..10 {
            assert_eq!(meter.take(start, 1000), Duration::ZERO);
        }
        assert_eq!(meter.take(start, 1000), Duration::from_millis(100));
        // Whoever waits as told sends at the rate.
        let mut now = start + Duration::from_millis(100);
        for _ in 0..50 {
            let wait = meter.take(now, 1000);
            assert_eq!(wait, Duration::from_millis(100));
            now += wait;
        }
        // After silence the burst is there again, and no more than that.
        now += Duration::from_mins(10);
        let free = (0..20).filter(|_| meter.take(now, 0).is_zero()).count();
        assert_eq!(free, 10);
    }

    #[test]
    fn bytes_count_apart_from_publishes_and_a_large_packet_is_paid_for_afterwards() {
        let mut meter = Meter::new(&AccessLimits {
            bytes_per_second: Some(1000),
            ..limits()
        });
        let start = Instant::now();
        assert_eq!(meter.take(start, 5000), Duration::from_secs(4));
        assert_eq!(
            meter.take(start + Duration::from_secs(4), 0),
            Duration::ZERO
        );
    }

    #[test]
    fn without_limits_nobody_waits() {
        let mut meter = Meter::new(&limits());
        let now = Instant::now();
        assert!((0..10_000).all(|_| meter.take(now, usize::MAX).is_zero()));
    }
}
