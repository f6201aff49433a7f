//! What happens at the gateway that is both a counter and, where a person should know, a log line.

use std::sync::Arc;
use std::time::Duration;

use messina_mqtt::packet::QoS;
use messina_mqtt::session::Dropped;
use messina_store::log::AppendError;
use prometheus_client::metrics::counter::Counter;

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

/// The gateway's events. Counters of labels are looked up once.
#[derive(Debug)]
pub struct Events {
    metrics: GatewayMetrics,
    published: [Counter; 3],
    m2m: Counter,
    dropped: Counter,
    rejected: Counter,
    /// Queue full, too large, expired, away.
    lost: [Counter; 4],
    routes: Arc<Routes>,
}

impl Events {
    /// Events counted in `metrics`.
    pub fn new(metrics: &Metrics, routes: Arc<Routes>) -> Self {
        let own = metrics.gateway.clone();
        let published =
            ["0", "1", "2"].map(|qos| GatewayMetrics::counter(&own.publishes, "qos", qos));
        let unrouted = |action| GatewayMetrics::counter(&own.unrouted, "action", action);
        let (m2m, dropped, rejected) = (unrouted("m2m"), unrouted("drop"), unrouted("reject"));
        let lost = ["queue_full", "too_large", "expired", "away"]
            .map(|reason| GatewayMetrics::counter(&own.dropped_deliveries, "reason", reason));
        Self {
            published,
            m2m,
            dropped,
            rejected,
            lost,
            metrics: own,
            routes,
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

    /// Deliveries found a subscriber's queue full.
    pub fn undelivered(&self, deliveries: u64) {
        self.lost(Dropped {
            overflow: deliveries,
            ..Dropped::default()
        });
    }

    /// A session has dropped deliveries.
    pub fn lost(&self, dropped: Dropped) {
        let Dropped {
            overflow,
            too_large,
            expired,
            away,
        } = dropped;
        for (counter, count) in self.lost.iter().zip([overflow, too_large, expired, away]) {
            if count > 0 {
                counter.inc_by(count);
            }
        }
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
            dropped: sum(&self.lost),
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
