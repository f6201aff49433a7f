//! The metrics of the MQTT side.

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::{Registry, Unit};

use super::metrics::{Label, Level};

/// The MQTT side: `messina_gateway_*`.
#[derive(Debug, Clone, Default)]
pub struct GatewayMetrics {
    /// Connections now open.
    pub connections: Level,
    /// Sessions now kept.
    pub sessions: Level,
    /// Sessions whose time was over.
    pub expired_sessions: Counter,
    /// Connections accepted.
    pub accepted_connections: Counter,
    /// Connections refused or closed for what the peer did: label `reason`.
    pub closed: Family<Label, Counter>,
    /// Clients that were not let in: label `reason`.
    pub refused_logins: Family<Label, Counter>,
    /// What clients had no right to: label `action` (publish, subscribe, delivery, will).
    pub denied: Family<Label, Counter>,
    /// Publishes of shared subscriptions that went to another member than was chosen first.
    pub passed_on: Counter,
    /// Bytes of publishes that wait for clients.
    pub waiting: Level,
    /// Publishes now retained.
    pub retained: Level,
    /// Publishes that were to be retained and found no room.
    pub unretained: Counter,
    /// PUBLISH packets received: label `qos`.
    pub publishes: Family<Label, Counter>,
    /// PUBLISH packets sent to subscribers.
    pub deliveries: Counter,
    /// Publishes refused because a subscriber's queue was full.
    pub rejected_publishes: Counter,
    /// Publishes no route took: label `action` (m2m, drop, reject).
    pub unrouted: Family<Label, Counter>,
    /// Publishes that other gateways have passed on.
    pub relayed: Counter,
    /// Deliveries dropped: label `reason`, of `gateway::room::Loss`.
    pub dropped_deliveries: Family<Label, Counter>,
    /// Bytes received.
    pub received: Counter,
    /// Bytes sent.
    pub sent: Counter,
    /// From reading a publish to its record being durable.
    pub acknowledgement: Option<Histogram>,
}

impl GatewayMetrics {
    pub(super) fn register(registry: &mut Registry) -> Self {
        let area = registry.sub_registry_with_prefix("gateway");
        // 0.1 ms to 3 s: one fsync to a disk that is in trouble.
        let acknowledgement = Histogram::new(exponential_buckets(0.0001, 2.0, 16));
        let own = Self {
            acknowledgement: Some(acknowledgement.clone()),
            ..Self::default()
        };
        own.register_clients(area);
        own.register_retained(area);
        area.register(
            "publishes",
            "PUBLISH packets received, by QoS",
            own.publishes.clone(),
        );
        area.register(
            "deliveries",
            "PUBLISH packets sent to subscribers",
            own.deliveries.clone(),
        );
        area.register(
            "unrouted_publishes",
            "publishes no route took, by what became of them",
            own.unrouted.clone(),
        );
        area.register(
            "relayed_publishes",
            "publishes that other gateways of the same Kafka have passed on",
            own.relayed.clone(),
        );
        area.register(
            "dropped_deliveries",
            "deliveries dropped, by reason",
            own.dropped_deliveries.clone(),
        );
        area.register_with_unit(
            "received",
            "bytes received",
            Unit::Bytes,
            own.received.clone(),
        );
        area.register_with_unit("sent", "bytes sent", Unit::Bytes, own.sent.clone());
        area.register_with_unit(
            "acknowledgement",
            "time from reading a publish to its record being durable",
            Unit::Seconds,
            acknowledgement,
        );
        own
    }

    fn register_clients(&self, area: &mut Registry) {
        area.register(
            "connections",
            "MQTT connections now open",
            self.connections.clone(),
        );
        area.register("sessions", "MQTT sessions now kept", self.sessions.clone());
        let expired = self.expired_sessions.clone();
        area.register(
            "expired_sessions",
            "MQTT sessions whose time was over",
            expired,
        );
        area.register(
            "accepted_connections",
            "MQTT connections accepted",
            self.accepted_connections.clone(),
        );
        area.register(
            "closed_connections",
            "MQTT connections closed, by reason",
            self.closed.clone(),
        );
        area.register(
            "refused_logins",
            "clients that were not let in, by reason",
            self.refused_logins.clone(),
        );
        area.register(
            "denied",
            "what clients had no right to, by action",
            self.denied.clone(),
        );
    }

    fn register_retained(&self, area: &mut Registry) {
        area.register("retained", "publishes now retained", self.retained.clone());
        area.register_with_unit(
            "waiting",
            "publishes that wait for clients, topics and payloads",
            Unit::Bytes,
            self.waiting.clone(),
        );
        area.register(
            "rejected_publishes",
            "publishes refused because a subscriber's queue was full",
            self.rejected_publishes.clone(),
        );
        area.register(
            "passed_on_deliveries",
            "publishes of shared subscriptions that went to others when their member had gone",
            self.passed_on.clone(),
        );
        area.register(
            "unretained_publishes",
            "publishes that were to be retained and found no room",
            self.unretained.clone(),
        );
    }

    /// The counter of one label value, to be kept by who counts.
    pub fn counter(family: &Family<Label, Counter>, label: &'static str, value: &str) -> Counter {
        family.get_or_create_owned(&[(label, value.to_owned())])
    }
}
