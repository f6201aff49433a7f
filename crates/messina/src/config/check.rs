//! From the tree of what was written to a [`Config`], with everything that is wrong with it.
//! Opens no file and no socket, looks nothing up.

use std::cell::RefCell;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use messina_store::log::is_internal;

use super::check_access::access;
use super::check_cql::cql;
use super::check_kafka::kafka;
use super::check_listener::{listeners, tls};
use super::check_name::{kafka_topic, not_ours, unique};
use super::check_route::routes;
use super::check_sink::sinks;
use super::check_table::tables;
use super::problem::Problem;
use super::section::{Collected, Section};
use super::tree::Node;
use super::{
    AdminConfig, CleanupPolicy, Config, GatewayConfig, GatewayLimits, ListenerConfig, LogConfig,
    OverridePolicy, QueueFull, RestConfig, RestListener, RestPaths, RetainedLimits, SessionLimits,
    TableConfig, TopicConfig, TopicTracking, Unmatched,
};
use crate::herder::{Provider, Providers};

/// Checks the tree; `None` when a section is missing altogether. Problems are added to `problems`.
pub(super) fn check(tree: &Node, problems: &mut Vec<Problem>) -> Option<Config> {
    let collected: Collected = RefCell::default();
    let config = config(&Section::root(tree, &collected));
    problems.append(&mut collected.into_inner());
    config
}

fn config(root: &Section<'_>) -> Option<Config> {
    let data = PathBuf::from(root.text("data").map_or("./messina-data", |(text, _)| text));
    let log = log(&root.section("log")?, &data);
    let kafka = kafka(root, &data, log.partitions);
    let partitions = kafka.as_ref().map(|kafka| kafka.topics.partitions);
    let topics = topics(root, &log, partitions.unwrap_or(log.partitions));
    let cql = root.section("cql").map(|section| cql(&section, &data));
    let tables = tables(root, cql.as_ref());
    let mqtt = root.section("mqtt")?;
    let config = Config {
        gateway: gateway(&root.section("gateway")?, &data)?,
        access: access(&mqtt.section("access")?, &data),
        routes: routes(root),
        table: table(&root.section("tables")?, &data),
        sinks: sinks(root, &tables, cql.is_some()),
        admin: admin(&root.section("admin")?),
        rest: rest(&root.section("rest")?, &data),
        distributed: None,
        cql,
        data,
        log,
        kafka,
        topics,
        tables,
    };
    reachable(&root.section("gateway")?, &config);
    mqtt.finish();
    root.finish();
    Some(config)
}

/// Reports listeners that could let in nobody.
fn reachable(gateway: &Section<'_>, config: &Config) {
    let mut listeners = config.gateway.listeners.iter();
    let closed = listeners.find_map(|listener| {
        let missing = config.access.missing_for(listener)?;
        Some((listener, missing))
    });
    let Some((listener, missing)) = closed else {
        return;
    };
    let address = listener.listen;
    let message =
        format!("nobody could log in at {address}: clients have no way to say who they are");
    let is_plain = *listener == ListenerConfig::plain(address);
    let said = if is_plain { "listen" } else { "listener" };
    let span = gateway.get(said).map_or(gateway.span(), |node| &node.span);
    gateway.report(Problem::error(span, message).help(missing));
}

fn gateway(section: &Section<'_>, data: &Path) -> Option<GatewayConfig> {
    let words = [
        ("m2m", Unmatched::M2m),
        ("drop", Unmatched::Drop),
        ("reject", Unmatched::Reject),
        ("disconnect", Unmatched::Disconnect),
    ];
    let config = GatewayConfig {
        listeners: {
            let plain = section.addresses("listen").unwrap_or_default();
            let plain = plain.into_iter().map(ListenerConfig::plain);
            plain.chain(listeners(section, data)).collect()
        },
        unmatched: section
            .choice("unmatched", &words)
            .unwrap_or(Unmatched::M2m),
        publish_only: section.boolean("publish_only").unwrap_or(false),
        sys_interval: section.duration_or("sys_interval", "off", None),
        limits: limits(&section.section("limits")?),
        session: session(&section.section("session")?),
        retained: retained(&section.section("retained")?),
    };
    section.finish();
    Some(config)
}

fn limits(section: &Section<'_>) -> GatewayLimits {
    let limits = GatewayLimits {
        max_connections: section
            .integer("max_connections", 1..=10_000_000)
            .unwrap_or_default(),
        // 268,435,460: the largest remaining length and its header (section 1.5.5 of MQTT 5.0).
        max_packet_size: size(section, "max_packet_size", 64, 268_435_460),
        connect_timeout: section.duration("connect_timeout").unwrap_or_default(),
        write_timeout: section.duration("write_timeout").unwrap_or_default(),
        max_unacknowledged_bytes: size(section, "max_unacknowledged_bytes", 1 << 16, 1 << 40),
        max_outgoing_bytes: size(section, "max_outgoing_bytes", 1 << 12, 1 << 32),
    };
    section.finish();
    limits
}

fn session(section: &Section<'_>) -> SessionLimits {
    let full = [
        ("drop", QueueFull::Drop),
        ("drop_oldest", QueueFull::DropOldest),
        ("reject", QueueFull::Reject),
    ];
    let limits = SessionLimits {
        queue_full: section
            .choice("queue_full", &full)
            .unwrap_or(QueueFull::Drop),
        receive_maximum: section.integer("receive_maximum", 1..=65_535).unwrap_or(1),
        max_inflight: section.integer("max_inflight", 1..=65_535).unwrap_or(1),
        topic_alias_maximum: section
            .integer("topic_alias_maximum", 0..=65_535)
            .unwrap_or(0),
        max_keep_alive: section.duration_or("max_keep_alive", "any", None),
        max_session_expiry: section.duration("max_session_expiry").unwrap_or_default(),
        max_sessions: section
            .integer("max_sessions", 0..=100_000_000)
            .unwrap_or_default(),
        max_subscriptions: section
            .integer("max_subscriptions", 1..=1_000_000)
            .unwrap_or_default(),
        // 128 is `MAX_FILTER_LEVELS`: a filter beyond it is malformed.
        max_topic_levels: section
            .integer("max_topic_levels", 1..=128)
            .unwrap_or_default(),
        max_topic_length: size(section, "max_topic_length", 1, 65_535),
        max_queued_messages: section
            .integer("max_queued_messages", 0..=1_000_000_000)
            .unwrap_or_default(),
        max_queued_bytes: size(section, "max_queued_bytes", 0, 1 << 40),
        max_queued_bytes_total: size(section, "max_queued_bytes_total", 0, 1 << 48),
        max_queued_age: section.duration_or("max_queued_age", "off", None),
    };
    section.finish();
    limits
}

fn retained(section: &Section<'_>) -> RetainedLimits {
    let limits = RetainedLimits {
        messages: section
            .integer("max_messages", 0..=1_000_000_000)
            .unwrap_or_default(),
        bytes: size(section, "max_bytes", 0, 1 << 40),
    };
    section.finish();
    limits
}

fn size<T: TryFrom<u64> + Default>(
    section: &Section<'_>,
    field: &'static str,
    least: u64,
    most: u64,
) -> T {
    let bytes = section.size(field, least..=most).unwrap_or(least);
    T::try_from(bytes).unwrap_or_default()
}

fn log(section: &Section<'_>, data: &Path) -> LogConfig {
    let config = LogConfig {
        dir: path(section, "dir", data),
        wal_size: size(section, "wal_size", 1 << 20, 1 << 34),
        segment_size: size(section, "segment_size", 1 << 16, 1 << 31),
        retention: section.duration_or("retention", "forever", None),
        retention_bytes: section.size_or("retention_bytes", "unlimited", None),
        partitions: section.integer("partitions", 1..=10_000).unwrap_or(1),
        max_topics: section.integer("max_topics", 1..=100_000).unwrap_or(1),
    };
    section.finish();
    config
}

fn topics(root: &Section<'_>, log: &LogConfig, partitions: u32) -> Vec<TopicConfig> {
    let mut topics: Vec<TopicConfig> = Vec::new();
    for section in root.sections("topic") {
        let Some((name, span)) = section.required_text("name") else {
            continue;
        };
        if let Err(reason) = kafka_topic(name) {
            section.report(Problem::error(span, reason));
        }
        if is_internal(name) {
            not_ours(&section, name, span);
        }
        unique(
            &section,
            "topic",
            span,
            name,
            topics.iter().map(|topic| topic.name.as_str()),
        );
        let cleanup = [
            ("delete", CleanupPolicy::Delete),
            ("compact", CleanupPolicy::Compact),
        ];
        topics.push(TopicConfig {
            name: name.to_owned(),
            partitions_stated: section.get("partitions").is_some(),
            partitions: section
                .integer("partitions", 1..=10_000)
                .unwrap_or(partitions),
            retention: section.duration_or("retention", "forever", log.retention),
            retention_bytes: section.size_or("retention_bytes", "unlimited", log.retention_bytes),
            cleanup: section
                .choice("cleanup", &cleanup)
                .unwrap_or(CleanupPolicy::Delete),
        });
        section.finish();
    }
    topics
}

fn table(section: &Section<'_>, data: &Path) -> TableConfig {
    let config = TableConfig {
        path: path(section, "path", data),
        query_timeout: section.duration("query_timeout").unwrap_or_default(),
        query_max_rows: section
            .integer("query_max_rows", 1..=1_000_000_000)
            .unwrap_or_default(),
        purge_interval: at_least(section, "purge_interval", Duration::from_millis(10)),
        max_batch_rows: section
            .integer("max_batch_rows", 1..=1_000_000)
            .unwrap_or_default(),
    };
    section.finish();
    config
}

fn at_least(section: &Section<'_>, field: &'static str, least: Duration) -> Duration {
    let duration = section.duration(field).unwrap_or(least);
    if duration < least
        && let Some(node) = section.get(field)
    {
        let name = section.name_of(field);
        let message = format!(
            "`{name}` must be at least {}",
            super::units::format_duration(least)
        );
        section.report(Problem::error(&node.span, message));
    }
    duration
}

fn admin(section: &Section<'_>) -> AdminConfig {
    let (listen, hosts) = local_listener(section);
    section.finish();
    AdminConfig { listen, hosts }
}

fn rest(section: &Section<'_>, data: &Path) -> RestConfig {
    let (listen, hosts) = local_listener(section);
    let tls = section.section("tls").and_then(|own| tls(&own, data));
    let listener = |listen| RestListener {
        listen,
        tls: tls.clone(),
        paths: RestPaths::All,
    };
    let max_body = section.size("max_body", 1 << 10..=1 << 30).unwrap_or(0);
    let config = RestConfig {
        listeners: listen.map(listener).into_iter().collect(),
        peers: None,
        users: None,
        hosts,
        max_connectors: section
            .integer("max_connectors", 1..=100_000)
            .unwrap_or_default(),
        max_body: usize::try_from(max_body).unwrap_or(usize::MAX),
        request_timeout: at_least(section, "request_timeout", Duration::from_secs(1)),
        topics: TopicTracking::default(),
        providers: providers(section),
        converters: Vec::new(),
        overrides: OverridePolicy::All,
    };
    section.finish();
    config
}

fn providers(section: &Section<'_>) -> Providers {
    let mut known = Vec::new();
    for (word, span) in section.texts("config_providers").unwrap_or_default() {
        let provider = match word {
            "env" => Provider::Environment,
            "file" => Provider::File,
            "directory" => Provider::Directory,
            other => {
                let message = format!("`{other}` is no config provider");
                let help = "available are \"env\", \"file\" and \"directory\"";
                section.report(Problem::error(span, message).help(help));
                continue;
            }
        };
        known.push((word.to_owned(), provider));
    }
    Providers::new(known)
}

/// `listen`, `allow_remote` and `hosts` of an interface that asks nobody who they are.
fn local_listener(section: &Section<'_>) -> (Option<SocketAddr>, Vec<String>) {
    let off = section
        .text("listen")
        .is_some_and(|(text, _)| text == "off");
    let listen = if off {
        None
    } else {
        let addresses = section.addresses("listen").unwrap_or_default();
        addresses.first().copied()
    };
    let remote = section.boolean("allow_remote").unwrap_or(false);
    if let (Some(address), Some(node), false) = (listen, section.get("listen"), remote)
        && !address.ip().is_loopback()
    {
        let message = format!("whoever reaches {address} could read and change everything");
        let own = section.name_of("allow_remote");
        let own = own.split('.').next().unwrap_or_default();
        let help = format!(
            "listen on 127.0.0.1, or write `allow_remote = true` under [{own}] to allow it"
        );
        section.report(Problem::error(&node.span, message).help(help));
    }
    let names = section.texts("hosts").unwrap_or_default();
    let hosts = names.iter().map(|(name, _)| (*name).to_owned()).collect();
    (listen, hosts)
}

fn path(section: &Section<'_>, field: &'static str, data: &Path) -> PathBuf {
    match section.text(field) {
        Some((text, _)) => data.join(text),
        None => data.to_owned(),
    }
}
