//! Every metric the program has, one table for each area, and their `OpenMetrics` text.
//!
//! Labels come from configuration (route, connector) or small enums, never from what a device chose.

use std::sync::atomic::AtomicU64;

use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::{Registry, Unit};

pub use super::gateway_metrics::GatewayMetrics;

/// One label and its value.
pub(super) type Label = [(&'static str, String); 1];

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
            skipped: self.sinks.skipped.get_or_create_owned(&label),
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
    skipped: Family<Label, Counter>,
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
        area.register(
            "skipped_records",
            "records that retention deleted before they were read",
            own.skipped.clone(),
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
    /// Records that retention deleted before they were read.
    pub skipped: Counter,
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
