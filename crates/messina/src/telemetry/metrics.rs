//! Every metric the program has, one table for each area, and their `OpenMetrics` text.
//!
//! Labels come from configuration (route, connector) or small enums, never from what a device chose.

use std::sync::atomic::AtomicU64;

use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::{Registry, Unit};

/// One label and its value.
type Label = [(&'static str, String); 1];

/// A gauge of something that is never negative.
pub type Level = Gauge<u64, AtomicU64>;

/// All metrics. Built once; the parts are cheap to clone and are handed to who counts.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    /// The MQTT side.
    pub gateway: GatewayMetrics,
    /// The log.
    pub log: LogMetrics,
    /// The embedded table.
    pub table: TableMetrics,
    routes: RouteFamilies,
    sinks: SinkFamilies,
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

impl Metrics {
    /// Registers all of them.
    pub fn new() -> Self {
        let mut registry = Registry::with_prefix("messina");
        Self {
            gateway: GatewayMetrics::register(&mut registry),
            routes: RouteFamilies::register(&mut registry),
            log: LogMetrics::register(&mut registry),
            sinks: SinkFamilies::register(&mut registry),
            table: TableMetrics::register(&mut registry),
            registry,
        }
    }

    /// The metrics of one route.
    pub fn route(&self, name: &str) -> RouteMetrics {
        let label: Label = [("route", name.to_owned())];
        RouteMetrics {
            accepted: self.routes.accepted.get_or_create_owned(&label),
            refused: self.routes.refused.get_or_create_owned(&label),
            in_flight: self.routes.in_flight.get_or_create_owned(&label),
        }
    }

    /// The metrics of one sink.
    pub fn sink(&self, connector: &str) -> SinkMetrics {
        let label: Label = [("connector", connector.to_owned())];
        SinkMetrics {
            written: self.sinks.written.get_or_create_owned(&label),
            dead_lettered: self.sinks.dead_lettered.get_or_create_owned(&label),
            filtered: self.sinks.filtered.get_or_create_owned(&label),
            rows: self.sinks.rows.get_or_create_owned(&label),
            retries: self.sinks.retries.get_or_create_owned(&label),
            in_flight: self.sinks.in_flight.get_or_create_owned(&label),
            lag: self.sinks.lag.get_or_create_owned(&label),
        }
    }

    /// The text `/metrics` answers with.
    pub fn encode(&self) -> String {
        let mut text = String::new();
        match encode(&mut text, &self.registry) {
            Ok(()) => text,
            // A String does not refuse to be written to.
            Err(_) => String::new(),
        }
    }
}

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
    fn register(registry: &mut Registry) -> Self {
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

#[derive(Debug, Default)]
struct RouteFamilies {
    accepted: Family<Label, Counter>,
    refused: Family<Label, Counter>,
    in_flight: Family<Label, Level>,
}

impl RouteFamilies {
    fn register(registry: &mut Registry) -> Self {
        let area = registry.sub_registry_with_prefix("route");
        let own = Self::default();
        area.register(
            "accepted_records",
            "publishes durable in the log",
            own.accepted.clone(),
        );
        area.register(
            "refused_publishes",
            "publishes a route took and the log did not",
            own.refused.clone(),
        );
        area.register(
            "in_flight_records",
            "publishes the log has not answered for",
            own.in_flight.clone(),
        );
        own
    }
}

/// The metrics of one route: `messina_route_*{route="..."}`.
#[derive(Debug, Clone, Default)]
pub struct RouteMetrics {
    /// Publishes durable in the log.
    pub accepted: Counter,
    /// Publishes a route took and the log did not.
    pub refused: Counter,
    /// Publishes the log has not answered for.
    pub in_flight: Level,
}

/// The log: `messina_log_*`. Set when somebody looks, from the log's own figures.
#[derive(Debug, Clone, Default)]
pub struct LogMetrics {
    /// Bytes on disk.
    pub size: Level,
    /// Topics.
    pub topics: Level,
    /// Bytes accepted and not yet durable.
    pub queued: Level,
}

impl LogMetrics {
    fn register(registry: &mut Registry) -> Self {
        let area = registry.sub_registry_with_prefix("log");
        let own = Self::default();
        area.register_with_unit("size", "bytes on disk", Unit::Bytes, own.size.clone());
        area.register("topics", "topics", own.topics.clone());
        area.register_with_unit(
            "queued",
            "bytes accepted and not yet durable",
            Unit::Bytes,
            own.queued.clone(),
        );
        own
    }
}

#[derive(Debug, Default)]
struct SinkFamilies {
    written: Family<Label, Counter>,
    dead_lettered: Family<Label, Counter>,
    filtered: Family<Label, Counter>,
    rows: Family<Label, Counter>,
    retries: Family<Label, Counter>,
    in_flight: Family<Label, Level>,
    lag: Family<Label, Level>,
}

impl SinkFamilies {
    fn register(registry: &mut Registry) -> Self {
        let area = registry.sub_registry_with_prefix("sink");
        let own = Self::default();
        area.register(
            "written_records",
            "records that became rows",
            own.written.clone(),
        );
        area.register(
            "dead_lettered_records",
            "records that became dead letters",
            own.dead_lettered.clone(),
        );
        area.register(
            "filtered_records",
            "records filtered on purpose",
            own.filtered.clone(),
        );
        area.register("rows", "rows written", own.rows.clone());
        area.register("retries", "batches tried again", own.retries.clone());
        area.register(
            "in_flight_records",
            "records read and not yet committed",
            own.in_flight.clone(),
        );
        area.register(
            "lag_records",
            "records behind the committed offset",
            own.lag.clone(),
        );
        own
    }
}

/// The metrics of one sink: `messina_sink_*{connector="..."}`.
#[derive(Debug, Clone, Default)]
pub struct SinkMetrics {
    /// Records that became rows.
    pub written: Counter,
    /// Records that became dead letters.
    pub dead_lettered: Counter,
    /// Records filtered on purpose.
    pub filtered: Counter,
    /// Rows written.
    pub rows: Counter,
    /// Batches tried again.
    pub retries: Counter,
    /// Records read and not yet committed.
    pub in_flight: Level,
    /// Records behind the committed offset.
    pub lag: Level,
}

/// The embedded table: `messina_table_*`. Set when somebody looks.
#[derive(Debug, Clone, Default)]
pub struct TableMetrics {
    /// Bytes on disk.
    pub size: Level,
    /// Rows removed because they had expired.
    pub expired: Counter,
}

impl TableMetrics {
    fn register(registry: &mut Registry) -> Self {
        let area = registry.sub_registry_with_prefix("table");
        let own = Self::default();
        area.register_with_unit("size", "bytes on disk", Unit::Bytes, own.size.clone());
        area.register(
            "expired_rows",
            "rows removed because they had expired",
            own.expired.clone(),
        );
        own
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metrics_are_openmetrics_text_with_units_and_labels() {
        let metrics = Metrics::new();
        metrics.gateway.received.inc_by(7);
        metrics.route("readings").accepted.inc_by(3);
        metrics.sink("readings").lag.set(2);
        let text = metrics.encode();
        for line in [
            "messina_gateway_received_bytes_total 7",
            "messina_route_accepted_records_total{route=\"readings\"} 3",
            "messina_sink_lag_records{connector=\"readings\"} 2",
            "# EOF",
        ] {
            assert!(text.contains(line), "{line} is not in\n{text}");
        }
    }
}
