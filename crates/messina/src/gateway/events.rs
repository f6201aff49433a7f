//! What happens at the gateway that is both a counter and, where a person should know, a log line.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use messina_mqtt::packet::{ClientId, QoS};
use messina_mqtt::session::Dropped;
use messina_store::log::AppendError;
use parking_lot::Mutex;
use prometheus_client::metrics::counter::Counter;

use super::recurring::{Line, Recurring};
use super::room::Loss;
use super::route::{Route, Routes};
use crate::config::Unmatched;
use crate::telemetry::metrics::{GatewayMetrics, Metrics};
use crate::telemetry::status::UnroutedBooks;

/// What has gone through a gateway since its start.
#[derive(Debug, Clone, Copy)]
pub struct Traffic {
    /// PUBLISH packets from clients.
    pub received: u64,
    /// PUBLISH packets to clients.
    pub sent: u64,
    /// Deliveries that were dropped.
    pub dropped: u64,
    /// Bytes from clients.
    pub bytes_received: u64,
    /// Bytes to clients.
    pub bytes_sent: u64,
    /// Connections that were accepted.
    pub connections: u64,
    /// Sessions whose time was over.
    pub expired_sessions: u64,
}

/// Publishes that did not get to clients for one reason.
#[derive(Debug)]
struct LossReport {
    why: Loss,
    counter: Counter,
    /// How many were reported.
    reported: AtomicU64,
    /// Who missed the last.
    last: Mutex<ClientId>,
}

impl LossReport {
    fn new(why: Loss, metrics: &GatewayMetrics) -> Self {
        let by_reason = &metrics.dropped_deliveries;
        Self {
            why,
            counter: GatewayMetrics::counter(by_reason, "reason", why.as_str()),
            reported: AtomicU64::new(0),
            last: Mutex::default(),
        }
    }

    fn report(&self) {
        let all = self.counter.get();
        let new = all - self.reported.swap(all, Ordering::Relaxed);
        if new == 0 {
            return;
        }
        let (reason, client_id) = (self.why.as_str(), self.last.lock().clone());
        match self.why {
            Loss::QueueFull | Loss::TotalFull | Loss::TooOld | Loss::TooLarge => {
                tracing::warn!(reason, publishes = new, %client_id, "clients did not get publishes; the last was this one");
            }
            Loss::Expired | Loss::Away | Loss::Ended => {
                tracing::info!(reason, publishes = new, %client_id, "clients did not get publishes; the last was this one");
            }
        }
    }
}

/// The gateway's events. Counters of labels are looked up once.
#[derive(Debug)]
pub struct Events {
    metrics: GatewayMetrics,
    published: [Counter; 3],
    m2m: Counter,
    dropped: Counter,
    rejected: Counter,
    /// One for each of [`Loss::ALL`].
    lost: [LossReport; 7],
    routes: Arc<Routes>,
    recurring: Recurring,
}

impl Events {
    /// Events counted in `metrics`.
    pub fn new(metrics: &Metrics, routes: Arc<Routes>) -> Self {
        let own = metrics.gateway.clone();
        let published =
            ["0", "1", "2"].map(|qos| GatewayMetrics::counter(&own.publishes, "qos", qos));
        let unrouted = |action| GatewayMetrics::counter(&own.unrouted, "action", action);
        let (m2m, dropped, rejected) = (unrouted("m2m"), unrouted("drop"), unrouted("reject"));
        let lost = Loss::ALL.map(|why| LossReport::new(why, &own));
        Self {
            published,
            m2m,
            dropped,
            rejected,
            lost,
            metrics: own,
            routes,
            recurring: Recurring::default(),
        }
    }

    /// A connection was accepted.
    pub fn opened(&self) {
        self.metrics.accepted_connections.inc();
        self.metrics.connections.inc();
    }

    /// A connection is gone.
    pub fn gone(&self) {
        self.metrics.connections.dec();
    }

    /// Connections now open.
    pub fn connections(&self) -> u64 {
        self.metrics.connections.get()
    }

    /// A connection is closed by us, for `reason`: a word of ours or a reason code's name, never a peer's text.
    pub fn closed(&self, reason: &str) {
        GatewayMetrics::counter(&self.metrics.closed, "reason", reason).inc();
    }

    /// A client was not let in, for a [`Refusal`](crate::access::Refusal) of this name.
    pub fn refused_login(&self, refusal: &str) {
        GatewayMetrics::counter(&self.metrics.refused_logins, "reason", refusal).inc();
    }

    /// A client tried what it has no right to: `action` is publish, subscribe, delivery or will.
    pub fn denied(&self, action: &str) {
        GatewayMetrics::counter(&self.metrics.denied, "action", action).inc();
    }

    /// A publish was to be retained and there was no room (`gateway.retained`).
    pub fn unretained(&self) {
        self.metrics.unretained.inc();
    }

    /// So many publishes are retained.
    pub fn retained(&self, kept: usize) {
        self.metrics.retained.set(kept as u64);
    }

    /// So many sessions are kept.
    pub fn sessions(&self, kept: usize) {
        self.metrics.sessions.set(kept as u64);
    }

    /// A PUBLISH came in.
    pub fn published(&self, qos: QoS) {
        if let Some(counter) = self.published.get(qos as usize) {
            counter.inc();
        }
    }

    /// A PUBLISH went out to a subscriber.
    pub fn delivered(&self) {
        self.metrics.deliveries.inc();
    }

    /// So many publishes did not get to a client.
    pub fn lost(&self, client: &ClientId, why: Loss, publishes: u64) {
        let Some(losses) = self.lost.iter().find(|losses| losses.why == why) else {
            return;
        };
        if publishes > 0 {
            losses.counter.inc_by(publishes);
            *losses.last.lock() = client.clone();
        }
    }

    /// So many publishes of shared subscriptions have gone to other members instead of `client`.
    pub fn passed_on(&self, client: &ClientId, publishes: usize) {
        self.metrics.passed_on.inc_by(publishes as u64);
        tracing::debug!(client_id = %client, publishes, "what a member of shared subscriptions has not taken goes to others");
    }

    /// A session has dropped publishes for its client.
    pub fn dropped(&self, client: &ClientId, dropped: Dropped) {
        let Dropped {
            overflow,
            too_large,
            expired,
            away,
        } = dropped;
        self.lost(client, Loss::QueueFull, overflow);
        self.lost(client, Loss::TooLarge, too_large);
        self.lost(client, Loss::Expired, expired);
        self.lost(client, Loss::Away, away);
    }

    /// See [`Recurring::turn`].
    pub fn turn(&self, line: Line, now: Instant) -> Option<u64> {
        self.recurring.turn(line, now)
    }

    /// Says what did not get to clients, and which lines were not written, since it was last said.
    pub fn report(&self, now: Instant) {
        for losses in &self.lost {
            losses.report();
        }
        for (line, left_out) in self.recurring.left_out(now) {
            let line = line.as_str();
            tracing::warn!(
                line,
                left_out,
                "lines that clients cause again and again were left out"
            );
        }
    }

    /// So many bytes wait for clients.
    pub fn waiting(&self, bytes: usize) {
        self.metrics.waiting.set(bytes as u64);
    }

    /// Bytes came in.
    pub fn received(&self, bytes: usize) {
        self.metrics.received.inc_by(bytes as u64);
    }

    /// Bytes went out.
    pub fn sent(&self, bytes: usize) {
        self.metrics.sent.inc_by(bytes as u64);
    }

    /// A publish of the route at `index` is on its way into the log.
    pub fn submitted(&self, index: usize) {
        if let Some(route) = self.routes.get(index) {
            route.books.in_flight.inc();
        }
    }

    /// A publish of the route at `index` is durable in the log.
    pub fn accepted(&self, index: usize) {
        if let Some(route) = self.routes.get(index) {
            route.books.accepted.inc();
            route.books.in_flight.dec();
        }
    }

    /// A publish was refused: a session that wants it has no room.
    pub fn full(&self) {
        self.metrics.rejected_publishes.inc();
        tracing::debug!("a publish is refused: a queue is full (`gateway.session.queue_full`)");
    }

    /// A session's time was over.
    pub fn expired(&self) {
        self.metrics.expired_sessions.inc();
    }

    /// What has gone through since the start.
    pub fn traffic(&self) -> Traffic {
        let sum = |counters: &[Counter]| counters.iter().map(Counter::get).sum();
        Traffic {
            received: sum(&self.published),
            sent: self.metrics.deliveries.get(),
            dropped: self.lost.iter().map(|losses| losses.counter.get()).sum(),
            bytes_received: self.metrics.received.get(),
            bytes_sent: self.metrics.sent.get(),
            connections: self.metrics.accepted_connections.get(),
            expired_sessions: self.metrics.expired_sessions.get(),
        }
    }

    /// The log has answered an append `after` it was submitted.
    pub fn answered(&self, after: Duration) {
        if let Some(histogram) = &self.metrics.acknowledgement {
            histogram.observe(after.as_secs_f64());
        }
    }

    /// The log refused a publish of the route at `index`.
    pub fn refused(&self, index: usize, error: &AppendError) {
        if let Some(route) = self.routes.get(index) {
            route.books.refused.inc();
            route.books.in_flight.dec();
            tracing::debug!(route = route.name, %error, "the log refused a publish");
        }
    }

    /// What `route` makes of a publish's topic cannot be a Kafka topic.
    pub fn illegal(&self, route: &Route, reason: &str) {
        route.books.refused.inc();
        tracing::debug!(route = route.name, reason, "a publish is refused");
    }

    /// Another gateway has passed on a publish.
    pub fn relayed(&self) {
        self.metrics.relayed.inc();
    }

    /// No route took a publish.
    pub fn unrouted(&self, action: Unmatched) {
        match action {
            Unmatched::M2m => self.m2m.inc(),
            Unmatched::Drop => self.dropped.inc(),
            Unmatched::Reject | Unmatched::Disconnect => self.rejected.inc(),
        };
    }

    /// The books of publishes no route took.
    pub fn unrouted_books(&self) -> UnroutedBooks {
        UnroutedBooks {
            m2m: self.m2m.get(),
            dropped: self.dropped.get(),
            rejected: self.rejected.get(),
        }
    }
}
