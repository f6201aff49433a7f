//! `[kafka]`: present, the log is Apache Kafka. Settings are tried on a configuration of librdkafka's that no client
//! is made of: nothing is connected to, and no file is opened.

use std::path::Path;

use rdkafka::ClientConfig;
use rdkafka::error::KafkaError;
use rdkafka::types::RDKafkaConfRes;

use super::check_access::key;
use super::kafka::DEFAULT_GROUP;
use super::problem::{Problem, Span};
use super::section::Section;
use super::tree::{Entry, Node, NodeValue};
use super::{GroupBegin, KafkaConfig, KafkaSetting, KafkaTopicConfig, KeySource, Secret};

/// A setting that is not the operator's, and why.
struct Owned {
    name: &'static str,
    /// Values that change nothing.
    harmless: &'static [&'static str],
    reason: &'static str,
}

const fn owned(name: &'static str, reason: &'static str) -> Owned {
    Owned {
        name,
        harmless: &[],
        reason,
    }
}

const ACKS: &str = "a publish is acknowledged once all replicas in sync have its record";
const COMMITS: &str =
    "a sink commits an offset once the rows before it are durable, and never before";
const MEMBERS: &str =
    "the consumer group is the connector's, `connect-NAME`, and its tasks are its members";
const BEGINNING: &str =
    "a sink begins with the first record there is; wind its offsets to have it begin elsewhere";
const ASSIGNMENT: &str = "partitions move from task to task cooperatively";
const SERVERS: &str = "the servers are `kafka.bootstrap_servers`";
const TRANSACTIONS: &str = "its name comes from `kafka.gateway_id`";
const REPORTS: &str = "publishes are acknowledged by delivery reports";

/// Settings that would break a promise, or that stand elsewhere in the file.
const OWNED: [Owned; 18] = [
    owned("bootstrap.servers", SERVERS),
    owned("metadata.broker.list", SERVERS),
    owned(
        "plugin.library.paths",
        "no foreign code is loaded into this process",
    ),
    Owned {
        name: "enable.idempotence",
        harmless: &["true", "1", "t", "True"],
        reason: "without it a retry could store a record twice, or in another order",
    },
    Owned {
        name: "acks",
        harmless: &["all", "-1"],
        reason: ACKS,
    },
    Owned {
        name: "request.required.acks",
        harmless: &["all", "-1"],
        reason: ACKS,
    },
    owned("transactional.id", TRANSACTIONS),
    owned("delivery.report.only.error", REPORTS),
    owned("group.id", MEMBERS),
    owned("group.instance.id", MEMBERS),
    owned("group.protocol", ASSIGNMENT),
    owned("enable.auto.commit", COMMITS),
    owned("auto.commit.enable", COMMITS),
    owned("enable.auto.offset.store", COMMITS),
    owned("auto.offset.reset", BEGINNING),
    Owned {
        name: "partition.assignment.strategy",
        harmless: &["cooperative-sticky"],
        reason: ASSIGNMENT,
    },
    Owned {
        name: "isolation.level",
        harmless: &["read_committed"],
        reason: "records of a transaction that was given up were never accepted from anybody",
    },
    owned(
        "enable.partition.eof",
        "the program asks for it where it needs it",
    ),
];

pub(super) fn kafka(root: &Section<'_>, data: &Path, partitions: u32) -> Option<KafkaConfig> {
    let section = root.section("kafka")?;
    let oauth_token = section
        .get("oauth_token")
        .and_then(|_| key(&section, "oauth_token", data));
    let config = KafkaConfig {
        bootstrap_servers: bootstrap_servers(&section),
        gateway_id: gateway_id(&section),
        gateway_group: name(&section, "gateway_group").unwrap_or_else(|| DEFAULT_GROUP.to_owned()),
        oauth_token,
        client: settings(&section, "client", data),
        producer: settings(&section, "producer", data),
        consumer: settings(&section, "consumer", data),
        admin: Vec::new(),
        begin: GroupBegin::Start,
        topics: topics(&section, partitions),
    };
    sasl(&section, &config);
    section.finish();
    Some(config)
}

fn bootstrap_servers(section: &Section<'_>) -> Vec<String> {
    section.required("bootstrap_servers");
    let written = section.texts("bootstrap_servers").unwrap_or_default();
    let mut servers = Vec::new();
    for (text, span) in written {
        for server in text.split(',').map(str::trim) {
            if !is_server(server) {
                let message = format!("`{server}` is not a host and a port");
                let help = "write for example \"10.0.0.1:9092\"";
                section.report(Problem::error(span, message).help(help));
            }
            servers.push(server.to_owned());
        }
    }
    if let (true, Some(node)) = (servers.is_empty(), section.get("bootstrap_servers")) {
        let message = "`kafka.bootstrap_servers` names no server";
        section.report(Problem::error(&node.span, message));
    }
    servers
}

pub(super) fn is_server(text: &str) -> bool {
    let port = text.rsplit_once(':').filter(|(host, port)| {
        let host = host.rsplit_once("://").map_or(*host, |(_, host)| host);
        !host.is_empty() && port.parse::<u16>().is_ok_and(|port| port > 0)
    });
    port.is_some() && !text.contains(char::is_whitespace)
}

/// A name that becomes part of topics' names.
fn name(section: &Section<'_>, field: &'static str) -> Option<String> {
    let (text, span) = section.text(field)?;
    if !is_name(text) {
        let message =
            format!("`kafka.{field}` must be up to 100 letters, digits, `.`, `_` and `-`");
        section.report(Problem::error(span, message));
    }
    Some(text.to_owned())
}

fn is_name(text: &str) -> bool {
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    !text.is_empty() && text.len() <= 100 && text.chars().all(fits)
}

/// The gateway's name: as written, or the system's.
fn gateway_id(section: &Section<'_>) -> String {
    if let Some(text) = name(section, "gateway_id") {
        return text;
    }
    default_gateway_id()
}

/// The system's name, where it is a name for a gateway.
pub(super) fn default_gateway_id() -> String {
    let system = rustix::system::uname();
    let host = system.nodename().to_string_lossy();
    let host = if is_name(&host) { &host } else { DEFAULT_GROUP };
    host.to_owned()
}

fn topics(section: &Section<'_>, partitions: u32) -> KafkaTopicConfig {
    let mut config = KafkaTopicConfig {
        create: false,
        partitions,
        replication: None,
        settings: Vec::new(),
    };
    let Some(topics) = section.section("topics") else {
        return config;
    };
    config.create = topics.boolean("create").unwrap_or(false);
    if let Some(partitions) = topics.integer("partitions", 1..=10_000) {
        config.partitions = partitions;
    }
    config.replication = topics.integer("replication", 1..=1_000);
    if let Some(own) = topics.section("config") {
        let mut written = Vec::new();
        for entry in own.all() {
            flatten("", entry, &mut written);
        }
        for (name, entry) in written {
            match plain_text(&entry.node.value) {
                Some(value) => config.settings.push((name, value)),
                None => own.wrong(&name, &entry.node, "a text, a number or a boolean"),
            }
        }
    }
    topics.finish();
    config
}

/// The settings of `[kafka.client]` and its like, each tried on librdkafka.
fn settings(section: &Section<'_>, field: &'static str, data: &Path) -> Vec<KafkaSetting> {
    let Some(own) = section.section(field) else {
        return Vec::new();
    };
    let mut written = Vec::new();
    for entry in own.all() {
        flatten("", entry, &mut written);
    }
    let read = |(name, entry)| setting(&own, name, entry, data);
    written.into_iter().filter_map(read).collect()
}

/// Turns `security.protocol = ..`, written with or without quotes, into settings with dots in their names.
fn flatten<'t>(prefix: &str, entry: &'t Entry, written: &mut Vec<(String, &'t Entry)>) {
    let name = format!("{prefix}{}", entry.key);
    match &entry.node.value {
        NodeValue::Table(inner) if secret_file(inner).is_none() => {
            for entry in inner {
                flatten(&format!("{name}."), entry, written);
            }
        }
        _ => written.push((name, entry)),
    }
}

/// The file of `{ file = ".." }`.
fn secret_file(entries: &[Entry]) -> Option<&str> {
    match entries {
        [
            Entry {
                key,
                node:
                    Node {
                        value: NodeValue::Text(path),
                        ..
                    },
                ..
            },
        ] if key == "file" => Some(path),
        _ => None,
    }
}

fn plain_text(value: &NodeValue) -> Option<String> {
    match value {
        NodeValue::Text(text) => Some(text.clone()),
        NodeValue::Integer(number) => Some(number.to_string()),
        NodeValue::Float(number) => Some(number.to_string()),
        NodeValue::Boolean(boolean) => Some(boolean.to_string()),
        NodeValue::Array(_) | NodeValue::Table(_) => None,
    }
}

fn setting(
    section: &Section<'_>,
    name: String,
    entry: &Entry,
    data: &Path,
) -> Option<KafkaSetting> {
    if let NodeValue::Table(entries) = &entry.node.value
        && let Some(path) = secret_file(entries)
    {
        // Whether its content fits is seen when it is read; whether there is such a setting is seen now.
        try_name(section, &name, &entry.key_span);
        let value = KeySource::File(data.join(path));
        return Some(KafkaSetting { name, value });
    }
    let Some(value) = plain_text(&entry.node.value) else {
        let must = "a text, a number, a boolean, or `{ file = \"..\" }`";
        section.wrong(&name, &entry.node, must);
        return None;
    };
    if let Some(owned) = OWNED.iter().find(|owned| owned.name == name) {
        if !owned.harmless.contains(&value.as_str()) {
            report_owned(section, owned, &entry.key_span);
        }
        return None;
    }
    try_value(section, &name, &value, entry);
    let value = KeySource::Inline(Secret::new(value));
    Some(KafkaSetting { name, value })
}

fn report_owned(section: &Section<'_>, owned: &Owned, span: &Span) {
    let name = section.name_of(owned.name);
    let message = match owned.harmless.first() {
        Some(value) => format!("`{name}` can only be `{value}`: {}", owned.reason),
        None => format!("`{name}` is not to be set: {}", owned.reason),
    };
    section.report(Problem::error(span, message));
}

/// Whether there is such a setting; what its value is stands in a file that is not read yet.
fn try_name(section: &Section<'_>, name: &str, span: &Span) {
    if let Some(owned) = OWNED.iter().find(|owned| owned.name == name) {
        report_owned(section, owned, span);
        return;
    }
    if let Some(KafkaError::ClientConfig(RDKafkaConfRes::RD_KAFKA_CONF_UNKNOWN, ..)) =
        refused(name, "x")
    {
        report_unknown(section, name, span);
    }
}

fn try_value(section: &Section<'_>, name: &str, value: &str, entry: &Entry) {
    match refused(name, value) {
        None => {}
        Some(KafkaError::ClientConfig(RDKafkaConfRes::RD_KAFKA_CONF_INVALID, said, ..)) => {
            let message = format!(
                "`{}` does not take this value: {}",
                section.name_of(name),
                said.trim_end_matches('.')
            );
            section.report(Problem::error(&entry.node.span, message));
        }
        Some(_) => report_unknown(section, name, &entry.key_span),
    }
}

/// What librdkafka has against a setting.
fn refused(name: &str, value: &str) -> Option<KafkaError> {
    let mut config = ClientConfig::new();
    config.set(name, value).create_native_config().err()
}

fn report_unknown(section: &Section<'_>, name: &str, span: &Span) {
    let message = format!("librdkafka has no setting `{name}`");
    let help =
        "its settings: https://github.com/confluentinc/librdkafka/blob/master/CONFIGURATION.md";
    section.report(Problem::error(span, message).help(help));
}

/// What a log-in needs that librdkafka would only miss when it connects.
fn sasl(section: &Section<'_>, config: &KafkaConfig) {
    let Some(node) = section.get("client") else {
        return;
    };
    let said = |names: &[&str]| {
        let mut all = config.client.iter().rev();
        let found = all.find(|setting| names.contains(&setting.name.as_str()))?;
        match &found.value {
            KeySource::Inline(text) => Some(text.reveal().to_ascii_uppercase()),
            KeySource::File(_) => None,
        }
    };
    let protocol = said(&["security.protocol"]).unwrap_or_default();
    if !protocol.starts_with("SASL_") {
        return;
    }
    let mechanism = said(&["sasl.mechanism", "sasl.mechanisms"]);
    let message = match mechanism.as_deref() {
        None | Some("GSSAPI") => {
            "`kafka.client.sasl.mechanism` must be PLAIN, SCRAM-SHA-256, SCRAM-SHA-512 or OAUTHBEARER"
        }
        Some("OAUTHBEARER") if config.oauth_token.is_none() => {
            "OAUTHBEARER needs `kafka.oauth_token`, for example { file = \"kafka-token\" }"
        }
        Some(_) => return,
    };
    section.report(Problem::error(&node.span, message));
}
