//! The books as `/api/status` sends them and `messina status` shows them.
//!
//! They must balance: what a sink has read is written, dead-lettered, filtered on purpose or in flight.

use serde::{Deserialize, Serialize};

use super::health::{Component, Light};

/// What the running program says of itself.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Status {
    /// The program's version.
    pub version: String,
    /// Which part of the chain the process is: `up`, `gateway` or `worker`.
    pub role: String,
    /// Seconds since it is ready.
    pub uptime_seconds: u64,
    /// Its data directory.
    pub data: String,
    /// Addresses it listens on for MQTT.
    pub listen: Vec<String>,
    /// The worst light.
    pub health: Light,
    /// Every component's light.
    pub components: Vec<Component>,
    /// MQTT connections now open.
    pub connections: u64,
    /// Sessions now kept, connected or not.
    pub sessions: u64,
    /// The books of each route.
    pub routes: Vec<RouteBooks>,
    /// The books of publishes no route took.
    pub unrouted: UnroutedBooks,
    /// The books of each sink.
    pub sinks: Vec<SinkBooks>,
    /// Where the records are; `None` for the log on this disk.
    pub log: Option<String>,
    /// Bytes of the log on this disk.
    pub log_bytes: u64,
    /// Where the tables are; `None` for those on this disk.
    pub tables: Option<String>,
    /// Bytes of the tables on this disk.
    pub table_bytes: u64,
}

/// A route's books since start.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RouteBooks {
    /// The route.
    pub name: String,
    /// Publishes that are durable in the log.
    pub accepted: u64,
    /// Publishes the log has not answered for yet.
    pub in_flight: u64,
    /// Publishes that were refused: no legal Kafka topic, or the log would not have them.
    pub refused: u64,
}

/// What happened to publishes no route took, since start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct UnroutedBooks {
    /// Given to subscribers only.
    pub m2m: u64,
    /// Dropped by configuration.
    pub dropped: u64,
    /// Refused by configuration.
    pub rejected: u64,
}

/// A sink's books: over the whole life of its offsets, not since start.
/// `accepted = written + dead_lettered + filtered + skipped + in_flight`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SinkBooks {
    /// The connector.
    pub name: String,
    /// `RUNNING`, `RETRYING`, `FAILED`, `PAUSED`, `STOPPED` or `UNASSIGNED`.
    pub state: String,
    /// Records the log has taken since the sink's first.
    pub accepted: u64,
    /// Of these: became rows.
    pub written: u64,
    /// Of these: dead letters.
    pub dead_lettered: u64,
    /// Of these: filtered on purpose.
    pub filtered: u64,
    /// Of these: deleted by retention before the sink read them.
    pub skipped: u64,
    /// Offsets between them that are no records for a sink: markers of transactions, what was aborted or compacted.
    #[serde(default)]
    pub gaps: u64,
    /// Neither of these yet.
    pub in_flight: u64,
    /// Records in the log behind the committed offset.
    pub lag: u64,
    /// Rows written since start (a record may be many rows).
    pub rows: u64,
}

impl SinkBooks {
    /// Whether every record the log has taken is accounted for.
    pub fn balance(&self) -> bool {
        self.accepted
            == self.written + self.dead_lettered + self.filtered + self.skipped + self.in_flight
    }
}
