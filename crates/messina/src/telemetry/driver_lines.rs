//! Warnings of the CQL driver: it repeats what a cluster warns of for every answer, so for every row.

use std::collections::HashMap;

use parking_lot::Mutex;
use tracing::callsite::Identifier;
use tracing::{Event, Level, Metadata};
use tracing_subscriber::layer::{Context, Filter};

use super::recurring::Kind;
use crate::runtime::clock::Clock;

/// Where its lines come from.
const DRIVER: &str = "scylla";

/// Lets each place in the driver write one warning or error in [`QUIET`](super::recurring::QUIET). What else there is
/// goes on to the levels as it is.
#[derive(Debug, Default)]
pub(super) struct DriverLines<C> {
    clock: C,
    /// As many as the driver has lines that warn.
    places: Mutex<HashMap<Identifier, Kind>>,
}

impl<S, C: Clock + 'static> Filter<S> for DriverLines<C> {
    fn enabled(&self, _: &Metadata<'_>, _: &Context<'_, S>) -> bool {
        true
    }

    fn event_enabled(&self, event: &Event<'_>, _: &Context<'_, S>) -> bool {
        let line = event.metadata();
        if *line.level() > Level::WARN || !line.target().starts_with(DRIVER) {
            return true;
        }
        let mut places = self.places.lock();
        let place = places.entry(line.callsite()).or_default();
        place.turn(self.clock.now()).is_some()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Instant;

    use tracing_subscriber::Layer as _;
    use tracing_subscriber::layer::SubscriberExt as _;

    use super::*;
    use crate::runtime::clock::SystemClock;
    use crate::telemetry::recurring::QUIET;

    /// The messages' targets, as far as they come through.
    #[derive(Debug, Clone, Default)]
    struct Seen(Arc<Mutex<Vec<String>>>);

    impl<S: tracing::Subscriber> tracing_subscriber::Layer<S> for Seen {
        fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
            self.0.lock().push(event.metadata().target().to_owned());
        }
    }

    /// Stands still until it is told.
    #[derive(Debug, Clone)]
    struct Hand(Arc<Mutex<Instant>>);

    impl Clock for Hand {
        fn now(&self) -> Instant {
            *self.0.lock()
        }

        fn unix_millis(&self) -> i64 {
            0
        }
    }

    #[test]
    fn a_warning_of_the_driver_comes_once_a_while_and_all_of_ours_come() {
        let clock = Hand(Arc::new(Mutex::new(SystemClock.now())));
        let lines = DriverLines {
            clock: clock.clone(),
            places: Mutex::default(),
        };
        let seen = Seen::default();
        let subscriber = tracing_subscriber::registry().with(seen.clone().with_filter(lines));
        let say = || {
            tracing::warn!(target: "scylla::network::connection", "the database warns");
            tracing::warn!(target: "scylla::cluster", "another place");
            tracing::info!(target: "scylla::cluster", "no warning");
            tracing::warn!("ours");
        };
        tracing::subscriber::with_default(subscriber, || {
            say();
            say();
            *clock.0.lock() += QUIET;
            say();
        });
        let of = |target: &str| seen.0.lock().iter().filter(|own| *own == target).count();
        assert_eq!(of("scylla::network::connection"), 2);
        assert_eq!(of("scylla::cluster"), 2 + 3);
        assert_eq!(of(module_path!()), 3);
    }
}
