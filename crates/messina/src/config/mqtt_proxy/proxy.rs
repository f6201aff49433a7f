//! The whole of it, and what it means for ours.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use super::kafka::{PRODUCER, ProxyKafka, SERVERS, is_server, kafka};
use super::listeners::{self, PROTOCOL, Protection, listeners};
use super::routes::routes;
use super::written::Properties;
use crate::config::jaas;
use crate::config::kafka_java::{self, KafkaClient};
use crate::config::properties;
use crate::config::section::nearest;
use crate::config::{
    Anonymous, Config, ListenerConfig, PasswordForm, Problem, Problems, RetainedLimits,
    RouteConfig, Source, Span, Unmatched,
};

const MAX_BYTES: &str = "mqtt.message.max.bytes";
/// The section of Java's log-in configuration that is the proxy's.
const SECTION: &str = "ConfluentKafkaMqtt";

/// The original's limit of a publish, bytes.
const DEFAULT_MAX_BYTES: u32 = 8092;

/// The most that MQTT can say a packet has behind its fixed header.
const MOST_BYTES: u32 = 268_435_455;

/// Names that are read, beside `listeners.ssl.*`.
const READ: [&str; 7] = [
    SERVERS,
    "listeners",
    PROTOCOL,
    "topic.regex.list",
    MAX_BYTES,
    "mqtt.unmatched",
    "mqtt.headers.enable",
];

/// Names without effect: how threads are used is not the operator's matter here, nor are licences.
const WITHOUT_EFFECT: [&str; 14] = [
    "network.threads.num",
    "network.epoll.enabled",
    "confluent.license",
    "client.id",
    "metric.reporters",
    "listeners.ssl.protocol",
    "listeners.ssl.provider",
    "listeners.ssl.keystore.password",
    "listeners.ssl.truststore.password",
    "listeners.ssl.keymanager.algorithm",
    "listeners.ssl.trustmanager.algorithm",
    "listeners.ssl.secure.random.implementation",
    "listeners.ssl.endpoint.identification.algorithm",
    "listeners.sasl.mechanism",
];

/// Beginnings of names without effect: of Confluent's licence topic, and of metrics.
const PREFIXES_WITHOUT_EFFECT: [&str; 3] = ["confluent.topic", "confluent.telemetry", "metrics."];

/// Where a proxy is configured.
#[derive(Debug, Clone, Default)]
pub struct ProxySources {
    /// Its property file.
    pub file: Option<Arc<Source>>,
    /// Environment variables; those that start with `KAFKA_MQTT_` count.
    pub environment: Vec<(String, String)>,
    /// Java's log-in configuration, where it says in which file passwords are.
    pub jaas: Option<Arc<Source>>,
    /// Whether records go to the embedded log, and no Kafka need be named.
    pub embedded: bool,
}

/// A proxy's configuration, checked.
#[derive(Debug, Clone)]
pub struct MqttProxy {
    listeners: Vec<ListenerConfig>,
    routes: Vec<RouteConfig>,
    unmatched: Unmatched,
    max_bytes: u32,
    asks: bool,
    password_file: Option<PathBuf>,
    /// `None` for the embedded log.
    kafka: Option<ProxyKafka>,
}

/// Whether a file of properties is a proxy's, and not a connector's or a worker's.
pub fn is_proxy(text: &str) -> bool {
    let entries = properties::parse(text, "").unwrap_or_default();
    let has = |is_it: &dyn Fn(&str) -> bool| entries.iter().any(|entry| is_it(&entry.key));
    !has(&|name| name == "connector.class")
        && has(&|name| name.starts_with("topic.regex") || name.starts_with("mqtt."))
}

/// The brokers it names, if what it says can be used: our own `[kafka]` settings need some to be settings of.
pub fn bootstrap_servers(sources: &ProxySources) -> Option<String> {
    let properties = Properties::read(sources.file.as_ref(), &sources.environment);
    let written = properties.text(SERVERS).filter(|_| !sources.embedded)?;
    let usable = written.split(',').map(str::trim).all(is_server);
    usable.then(|| written.to_owned())
}

/// Reads a proxy's configuration: what it is if nothing is wrong, and all that is wrong or surprising. `base` is what
/// it will be laid over.
pub fn read(sources: &ProxySources, base: &Config) -> (Option<MqttProxy>, Problems) {
    let mut properties = Properties::read(sources.file.as_ref(), &sources.environment);
    let unreadable = !properties.problems.is_empty() && properties.iter().next().is_none();
    if unreadable {
        return (None, Problems::new(properties.problems));
    }
    let (listeners, protection) = listeners(&mut properties);
    let (routes, unmatched) = routes(&mut properties);
    let proxy = MqttProxy {
        password_file: passwords(protection, sources.jaas.as_ref(), base, &mut properties),
        max_bytes: max_bytes(&mut properties),
        kafka: kafka(sources.embedded, base, &mut properties),
        asks: protection.asks,
        listeners,
        routes,
        unmatched,
    };
    proxy.warn_of_open_doors(base, &mut properties);
    others(&mut properties);
    let problems = Problems::new(properties.problems);
    ((!problems.has_errors()).then_some(proxy), problems)
}

impl MqttProxy {
    /// Has `config` behave as the proxy: devices publish, and nothing else. Sinks, tables and Connect's API are no part
    /// of it.
    pub fn apply(self, config: &mut Config) {
        let gateway = &mut config.gateway;
        gateway.listeners = self.listeners;
        gateway.unmatched = self.unmatched;
        gateway.publish_only = true;
        gateway.sys_interval = None;
        gateway.limits.max_packet_size = packet_size(self.max_bytes);
        gateway.session.max_session_expiry = Duration::ZERO;
        gateway.retained = RetainedLimits {
            messages: 0,
            bytes: 0,
        };
        if let Some(file) = self.password_file {
            config.access.password_file = Some(file);
            config.access.password_form = PasswordForm::Clear;
        }
        config.access.anonymous = if self.asks {
            Anonymous::Never
        } else {
            Anonymous::Always
        };
        let is_written_to = |name: &str| {
            let mut constants = self.routes.iter().map(|route| route.kafka_topic.constant());
            constants.any(|topic| topic == Some(name))
        };
        config.topics.retain(|topic| is_written_to(&topic.name));
        config.routes = self.routes;
        config.tables.clear();
        config.sinks.clear();
        config.cql = None;
        config.rest.listeners.clear();
        let standing = config.kafka.take();
        let partitions = config.log.partitions;
        config.kafka = self.kafka.map(|own| own.over(standing, partitions));
    }

    fn warn_of_open_doors(&self, base: &Config, properties: &mut Properties) {
        let mut open = self.listeners.iter();
        let open = open.find(|own| !own.listen.ip().is_loopback() && !own.verifies_clients());
        if let Some(open) = open.filter(|_| !self.asks && !base.access.authenticates()) {
            let message = format!("has everybody publish who reaches {}", open.listen);
            let help = format!("`{PROTOCOL}=SASL_SSL` asks for a password");
            properties.warn("listeners", &message, &help);
        }
    }
}

/// A packet whose part behind the fixed header has `max_bytes` at most: that is what the original measures.
fn packet_size(max_bytes: u32) -> u32 {
    let length = match max_bytes {
        0..=127 => 1,
        128..=16_383 => 2,
        16_384..=2_097_151 => 3,
        _ => 4,
    };
    1 + length + max_bytes
}

fn max_bytes(properties: &mut Properties) -> u32 {
    let Some(written) = properties.text(MAX_BYTES) else {
        return DEFAULT_MAX_BYTES;
    };
    match written.parse::<u32>() {
        Ok(bytes) if (64..=MOST_BYTES).contains(&bytes) => bytes,
        _ => {
            let message = format!("is `{written}`");
            let help = format!("a number of bytes from 64 to {MOST_BYTES}");
            properties.error(MAX_BYTES, &message, &help);
            DEFAULT_MAX_BYTES
        }
    }
}

/// Where the passwords are that clients show.
fn passwords(
    protection: Protection,
    jaas: Option<&Arc<Source>>,
    base: &Config,
    properties: &mut Properties,
) -> Option<PathBuf> {
    // A way of our own to know clients counts before Java's.
    if !protection.asks || base.access.authenticates() {
        return None;
    }
    let Some(source) = jaas else {
        let message = "asks for passwords, and nothing says where they are";
        let help = format!(
            "name Java's log-in configuration with `--jaas FILE`, with a section {SECTION}"
        );
        properties.error(PROTOCOL, message, &help);
        return None;
    };
    match password_file(source) {
        Ok(file) => Some(file),
        Err(problem) => {
            properties.problems.push(problem);
            None
        }
    }
}

fn password_file(source: &Arc<Source>) -> Result<PathBuf, Problem> {
    let at = |offset: usize| Span {
        source: source.clone(),
        range: offset..(offset + 1).min(source.text.len()).max(offset),
    };
    let sections = jaas::sections(&source.text)
        .map_err(|error| Problem::error(&at(error.offset), error.message))?;
    let whole = at(0);
    let example =
        "org.eclipse.jetty.jaas.spi.PropertyFileLoginModule required file=\"proxy.passwords\";";
    let help = format!("write `{SECTION} {{ {example} }};`");
    let wrong = |message: String| Problem::error(&whole, message).help(help.as_str());
    let section = sections.iter().find(|(name, _)| name == SECTION);
    let (_, modules) = section.ok_or_else(|| wrong(format!("there is no section {SECTION}")))?;
    let is_known = |module: &&jaas::LoginModule| module.simple_class() == "PropertyFileLoginModule";
    let module = modules.iter().find(is_known);
    let module =
        module.ok_or_else(|| wrong(format!("{SECTION} has no PropertyFileLoginModule")))?;
    let file = module.option("file");
    let file = file.ok_or_else(|| wrong("the PropertyFileLoginModule has no `file`".to_owned()))?;
    Ok(PathBuf::from(file.reveal()))
}

/// What is not read: known to have no effect here, or not known at all.
fn others(properties: &mut Properties) {
    let known: Vec<&str> = READ
        .into_iter()
        .chain(listeners::READ)
        .chain(WITHOUT_EFFECT)
        .collect();
    let is_known = |name: &str| {
        let mut prefixes = PREFIXES_WITHOUT_EFFECT.iter();
        known.contains(&name)
            || prefixes.any(|own| name.starts_with(own))
            || name.starts_with(PRODUCER)
    };
    let unknown = properties.iter().filter(|own| !is_known(&own.name));
    let unknown: Vec<Problem> = unknown
        .map(|own| {
            let message = format!("`{}` is not known and has no effect", own.name);
            let problem = Problem::warning(&own.name_span, message);
            match meant(&own.name, &known) {
                Some(meant) => problem.help(format!("did you mean `{meant}`?")),
                None => problem,
            }
        })
        .collect();
    properties.problems.extend(unknown);
}

fn meant(name: &str, known: &[&str]) -> Option<String> {
    // Nobody meant a name by one that is longer than any.
    if name.len() > 64 {
        return None;
    }
    if kafka_java::is_known(KafkaClient::Producer, name) {
        return Some(format!("{PRODUCER}{name}"));
    }
    nearest(name, known).map(str::to_owned)
}
