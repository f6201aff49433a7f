//! `bootstrap.servers` and `producer.*`: which Kafka, and how it is written to.

use super::written::Properties;
use crate::config::kafka_java::{self, KafkaClient, Translated};
use crate::config::{Config, KafkaConfig, KafkaSetting, KeySource};

pub(super) const SERVERS: &str = "bootstrap.servers";
pub(super) const PRODUCER: &str = "producer.";

/// Beginnings of librdkafka's settings that say how a cluster is reached.
const SHARED: [&str; 4] = ["security.", "sasl.", "ssl.", "client."];

/// Kafka as the proxy's file names it.
#[derive(Debug, Clone)]
pub(super) struct ProxyKafka {
    servers: Vec<String>,
    producer: Vec<(String, KeySource)>,
}

impl ProxyKafka {
    /// The same over what our own configuration says of Kafka.
    pub(super) fn over(self, standing: Option<KafkaConfig>, partitions: u32) -> KafkaConfig {
        let mut kafka = standing.unwrap_or_else(|| KafkaConfig::at(Vec::new(), partitions));
        kafka.bootstrap_servers = self.servers;
        for (name, value) in self.producer {
            // How the cluster is reached is not the producer's alone: topics are looked at too.
            let is_shared = SHARED.iter().any(|own| name.starts_with(own));
            let list = if is_shared {
                &mut kafka.client
            } else {
                &mut kafka.producer
            };
            list.push(KafkaSetting { name, value });
        }
        kafka
    }
}

/// Kafka as the file names it; `None` if the log is embedded.
pub(super) fn kafka(
    embedded: bool,
    base: &Config,
    properties: &mut Properties,
) -> Option<ProxyKafka> {
    if embedded {
        return None;
    }
    let has_token = base
        .kafka
        .as_ref()
        .is_some_and(|own| own.oauth_token.is_some());
    Some(ProxyKafka {
        servers: servers(properties),
        producer: producer(has_token, properties),
    })
}

fn servers(properties: &mut Properties) -> Vec<String> {
    let help = "write for example `bootstrap.servers=kafka:9092`";
    let Some(written) = properties.text(SERVERS).map(str::to_owned) else {
        properties.error(SERVERS, "is missing", help);
        return Vec::new();
    };
    let servers = written
        .split(',')
        .map(str::trim)
        .filter(|own| !own.is_empty());
    let servers: Vec<String> = servers.map(str::to_owned).collect();
    for server in &servers {
        if !is_server(server) {
            let message = format!("has `{server}`, which is not a host and a port");
            properties.error(SERVERS, &message, help);
        }
    }
    servers
}

pub(super) fn is_server(text: &str) -> bool {
    let authority = text
        .split_once("://")
        .map_or(text, |(_, authority)| authority);
    let port = authority
        .rsplit_once(':')
        .filter(|(host, _)| !host.is_empty());
    let port = port.and_then(|(_, port)| port.parse::<u16>().ok());
    port.is_some_and(|port| port > 0) && !text.contains(char::is_whitespace)
}

fn producer(has_token: bool, properties: &mut Properties) -> Vec<(String, KeySource)> {
    let written: Vec<(String, String)> = properties
        .iter()
        .filter_map(|own| {
            Some((
                own.name.strip_prefix(PRODUCER)?.to_owned(),
                own.value.clone(),
            ))
        })
        .filter(|(name, _)| name != SERVERS)
        .collect();
    let pairs: Vec<_> = written
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect();
    let Translated {
        settings,
        remarks,
        wants_token,
    } = kafka_java::translate(KafkaClient::Producer, &pairs);
    for remark in remarks {
        let name = format!("{PRODUCER}{}", remark.name);
        let help = remark.help.as_deref();
        properties.report(remark.severity, &name, &remark.message, help);
    }
    if wants_token && !has_token {
        let message = "is OAUTHBEARER, and how Java's classes get a token does not carry over";
        let help = "have a token in a file, and name it in `kafka.oauth_token` of the file that --config names";
        properties.error("producer.sasl.mechanism", message, help);
    }
    if properties.get("producer.bootstrap.servers").is_some() {
        let help = "the servers are `bootstrap.servers`";
        properties.warn("producer.bootstrap.servers", "has no effect", help);
    }
    settings
}
