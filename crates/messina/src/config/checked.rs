//! The configuration in its checked form: what everything behind it reads.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use messina_connect::config::ConnectorConfig;
use messina_connect::table_schema::TableSchema;
use regex::Regex;

use super::{
    AccessConfig, CqlConfig, DistributedConfig, KafkaConfig, ListenerConfig, RestConfig, Template,
};

/// Everything `messina up` needs to know. Built only by the checker, so nothing here needs checking again.
///
/// Where a number's default comes from stands beside it in the built-in configuration
/// (`messina config default`), which is the only place that has defaults.
#[derive(Debug, Clone)]
pub struct Config {
    /// The data directory; the other paths lie below it unless the file says otherwise.
    pub data: PathBuf,
    /// `[gateway]`
    pub gateway: GatewayConfig,
    /// `[mqtt.access]`
    pub access: AccessConfig,
    /// `[[route]]` in order; the first that matches wins.
    pub routes: Vec<RouteConfig>,
    /// `[log]`
    pub log: LogConfig,
    /// `[kafka]`: where the log is, if it is not embedded.
    pub kafka: Option<KafkaConfig>,
    /// `[[topic]]`: topics to create at start, or to hold to these settings.
    pub topics: Vec<TopicConfig>,
    /// `[tables]`, what holds for the embedded table as a whole.
    pub table: TableConfig,
    /// `[cql]`: where the tables are, if they are not embedded.
    pub cql: Option<CqlConfig>,
    /// `[[table]]`: tables to create at start, or to hold to these declarations.
    pub tables: Vec<Arc<TableSchema>>,
    /// `[[sink]]`: connectors to run.
    pub sinks: Vec<ConnectorConfig>,
    /// `[admin]`
    pub admin: AdminConfig,
    /// `[rest]`
    pub rest: RestConfig,
    /// The other workers this one shares connectors with; only a worker's file says so.
    pub distributed: Option<DistributedConfig>,
}

/// The MQTT side.
#[derive(Debug, Clone)]
pub struct GatewayConfig {
    /// Where to listen, and for what: `listen`, and `[[gateway.listener]]`.
    pub listeners: Vec<ListenerConfig>,
    /// What happens to a publish that no route takes.
    pub unmatched: Unmatched,
    /// Whether clients publish and do nothing else: no subscriptions, nothing retained, no session that outlives its
    /// connection.
    pub publish_only: bool,
    /// How often the `$SYS` topics are published; `None` never.
    pub sys_interval: Option<Duration>,
    /// What a peer may ask of the process.
    pub limits: GatewayLimits,
    /// What a peer may ask of its session.
    pub session: SessionLimits,
    /// How much is retained.
    pub retained: RetainedLimits,
}

/// How much is retained for subscribers that come later.
#[derive(Debug, Clone, Copy)]
pub struct RetainedLimits {
    /// Topics with a retained publish.
    pub messages: usize,
    /// Bytes of their topics and payloads.
    pub bytes: usize,
}

/// What happens to a publish that no route takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unmatched {
    /// It goes to subscribers, not to the log.
    M2m,
    /// It is acknowledged and forgotten.
    Drop,
    /// It is refused (v5: "not authorized"; 3.1.1: acknowledged and counted, as the protocol has no refusal).
    Reject,
    /// It is not answered, and its client is disconnected.
    Disconnect,
}

/// What a peer may ask of the process.
#[derive(Debug, Clone, Copy)]
pub struct GatewayLimits {
    /// Connections at one time.
    pub max_connections: usize,
    /// Largest packet accepted, bytes, fixed header included.
    pub max_packet_size: u32,
    /// A connection must have sent its CONNECT by then.
    pub connect_timeout: Duration,
    /// A peer that takes no bytes for this long is closed.
    pub write_timeout: Duration,
    /// Bytes accepted but not yet durable, over all connections; above it sockets are not read.
    pub max_unacknowledged_bytes: usize,
    /// Bytes waiting to be written to one peer before its deliveries wait (QoS > 0) or are dropped (QoS 0).
    pub max_outgoing_bytes: usize,
}

/// What happens to a publish for a session whose queue is full.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum QueueFull {
    /// It goes to the others, and is dropped for this session.
    Drop,
    /// It goes to all, and what has waited longest for this session is dropped.
    DropOldest,
    /// It goes to nobody: its publisher is told that the quota is exceeded (MQTT 5, QoS 1 and 2; others cannot be
    /// told, and for them it is [`Drop`](Self::Drop)).
    Reject,
}

/// What a peer may ask of its session.
#[derive(Debug, Clone, Copy)]
pub struct SessionLimits {
    /// What happens when a queue for an absent or slow client is full.
    pub queue_full: QueueFull,
    /// QoS 1 and 2 publishes a client may have unacknowledged.
    pub receive_maximum: u16,
    /// QoS 1 and 2 publishes we keep unacknowledged towards a client, whatever it allows.
    pub max_inflight: u16,
    /// Topic aliases a v5 client may set.
    pub topic_alias_maximum: u16,
    /// Longest keep alive granted; a longer or absent one becomes this. `None`: whatever the client asks.
    pub max_keep_alive: Option<Duration>,
    /// Longest session expiry granted.
    pub max_session_expiry: Duration,
    /// Sessions kept for absent clients.
    pub max_sessions: usize,
    /// Subscriptions of one session.
    pub max_subscriptions: usize,
    /// Levels of a topic or filter.
    pub max_topic_levels: usize,
    /// Bytes of a topic or filter.
    pub max_topic_length: usize,
    /// Publishes waiting for one session.
    pub max_queued_messages: usize,
    /// Bytes waiting for one session.
    pub max_queued_bytes: usize,
    /// Bytes waiting for all sessions together.
    pub max_queued_bytes_total: usize,
    /// How long a publish waits for a session; `None`: until the session ends.
    pub max_queued_age: Option<Duration>,
}

/// A route: which publishes, to which Kafka topic, with which key and headers.
#[derive(Debug, Clone)]
pub struct RouteConfig {
    /// A name for metrics and messages: the route's `name`, else its filter or regex.
    pub name: String,
    /// Which MQTT topics it takes.
    pub matches: RouteMatch,
    /// The Kafka topic.
    pub kafka_topic: Template,
    /// The record key; `None` for records without one.
    pub key: Option<Template>,
    /// Facts about the publish that go into record headers.
    pub headers: RouteHeaders,
    /// Constant headers.
    pub constant_headers: BTreeMap<String, String>,
}

/// Which MQTT topics a route takes.
#[derive(Debug, Clone)]
pub enum RouteMatch {
    /// A topic filter that has been parsed once without error. Captures are what its wildcards stood for.
    Filter(String),
    /// A regular expression that is anchored at both ends: the whole topic must match.
    Regex(Regex),
}

/// Facts about a publish that go into record headers.
#[expect(
    clippy::struct_excessive_bools,
    reason = "one switch for each header, and they are independent"
)]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct RouteHeaders {
    /// `mqtt.topic`
    pub topic: bool,
    /// `mqtt.client.id`
    pub client_id: bool,
    /// `mqtt.qos`
    pub qos: bool,
    /// `mqtt.retain`
    pub retain: bool,
    /// `mqtt.content.type` (v5)
    pub content_type: bool,
    /// `mqtt.response.topic` and `mqtt.correlation.data` (v5)
    pub response: bool,
    /// The user properties (v5), each under its own name.
    pub user_properties: bool,
}

/// The embedded log.
#[derive(Debug, Clone)]
pub struct LogConfig {
    /// Its directory.
    pub dir: PathBuf,
    /// Bytes of one write-ahead log file; two exist.
    pub wal_size: u64,
    /// Bytes after which a partition starts a new segment.
    pub segment_size: u64,
    /// How long records are kept in topics that say nothing else.
    pub retention: Option<Duration>,
    /// Bytes of a partition kept in topics that say nothing else.
    pub retention_bytes: Option<u64>,
    /// Partitions of topics that say nothing else.
    pub partitions: u32,
    /// Topics one process may have.
    pub max_topics: usize,
}

/// A Kafka topic that is to be there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TopicConfig {
    /// Its name.
    pub name: String,
    /// Its partitions.
    pub partitions: u32,
    /// Whether that number was written for this topic: then another is an error.
    pub partitions_stated: bool,
    /// How long records are kept; `None` for ever.
    pub retention: Option<Duration>,
    /// Bytes of a partition that are kept; `None` all.
    pub retention_bytes: Option<u64>,
    /// What happens to old records.
    pub cleanup: CleanupPolicy,
}

/// What happens to old records of a topic.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CleanupPolicy {
    /// They are deleted by age and size.
    Delete,
    /// The latest record of each key is kept.
    Compact,
}

/// The embedded table.
#[derive(Debug, Clone)]
pub struct TableConfig {
    /// The database file.
    pub path: PathBuf,
    /// Longest a query may run.
    pub query_timeout: Duration,
    /// Most rows a query may return.
    pub query_max_rows: usize,
    /// How often expired rows are removed.
    pub purge_interval: Duration,
    /// Rows of one transaction at most.
    pub max_batch_rows: usize,
}

/// The admin API and console.
#[derive(Debug, Clone)]
pub struct AdminConfig {
    /// Where it listens; `None` switches it off.
    pub listen: Option<SocketAddr>,
    /// Names browsers and tools may call it by, beside loopback's and its own address.
    pub hosts: Vec<String>,
}
