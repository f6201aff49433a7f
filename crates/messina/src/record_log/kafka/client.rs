//! What every client of librdkafka has in common: its settings, its log lines, its tokens.

use std::collections::BTreeMap;
use std::error::Error;
use std::sync::Arc;

use parking_lot::Mutex;
use rdkafka::client::OAuthToken;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::ConsumerContext;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::{ClientConfig, ClientContext};
use tokio::time::Instant;

use super::error::KafkaLogError;
use super::token;
use crate::config::{KafkaConfig, KafkaSetting, KeySource};
use crate::telemetry::recurring::Kind;

/// Kinds of lines told apart.
const MAX_KINDS: usize = 64;

/// What a client is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClientRole {
    /// Writes records; idempotent, and with every replica in sync.
    Producer,
    /// Reads records as a member of a group.
    Consumer,
    /// Looks at the cluster and changes topics.
    Admin,
}

/// The settings of a client: what the operator wrote, and what the promises need.
///
/// Reads files with secrets.
pub fn client_config(
    config: &KafkaConfig,
    role: ClientRole,
) -> Result<ClientConfig, KafkaLogError> {
    let mut client = ClientConfig::new();
    // What may be written over.
    client
        .set("client.id", config.gateway_id.as_str())
        .set("allow.auto.create.topics", "false")
        .set("socket.keepalive.enable", "true")
        .set("reconnect.backoff.max.ms", "2000");
    if role == ClientRole::Consumer {
        client
            // Topics that come later, and new partitions, are seen within this time.
            .set("topic.metadata.refresh.interval.ms", "5000")
            // Of each partition. A small record takes a multiple of its bytes in librdkafka's queue: its own 100,000
            // records and 64 MiB would be most of the memory of a worker.
            .set("queued.min.messages", "1000")
            .set("queued.max.messages.kbytes", "1024")
            // So long a partition with that many is not fetched. librdkafka's own second empties a queue this small
            // many times over, and the sink waits for it.
            .set("fetch.queue.backoff.ms", "5")
            // Else the first fetch of a partition waits half a second behind an empty one.
            .set("fetch.wait.max.ms", "100");
    }
    let own = match role {
        ClientRole::Producer => config.producer.as_slice(),
        ClientRole::Consumer => config.consumer.as_slice(),
        ClientRole::Admin => config.admin.as_slice(),
    };
    for setting in config.client.iter().chain(own) {
        client.set(setting.name.as_str(), value_of(setting)?);
    }
    find_authorities(&mut client);
    // It has two names.
    let fetched = ["fetch.message.max.bytes", "max.partition.fetch.bytes"];
    if role == ClientRole::Consumer && fetched.iter().all(|name| client.get(name).is_none()) {
        client.set("fetch.message.max.bytes", "131072");
    }
    // What may not.
    client.set("bootstrap.servers", config.servers());
    match role {
        ClientRole::Producer => {
            client.set("enable.idempotence", "true").set("acks", "all");
        }
        ClientRole::Consumer => {
            client
                .set("enable.auto.commit", "false")
                .set("enable.auto.offset.store", "false")
                .set("isolation.level", "read_committed")
                .set("auto.offset.reset", "error")
                .set("partition.assignment.strategy", "cooperative-sticky")
                .set("enable.partition.eof", "true");
        }
        ClientRole::Admin => {}
    }
    client.set_log_level(RDKafkaLogLevel::Info);
    Ok(client)
}

fn value_of(setting: &KafkaSetting) -> Result<String, KafkaLogError> {
    read_secret(&setting.value)
}

fn read_secret(source: &KeySource) -> Result<String, KafkaLogError> {
    match source {
        KeySource::Inline(secret) => Ok(secret.reveal().clone()),
        KeySource::File(path) => match std::fs::read_to_string(path) {
            Ok(text) => Ok(text.trim_end_matches(['\r', '\n']).to_owned()),
            Err(source) => Err(KafkaLogError::File {
                path: path.clone(),
                source,
            }),
        },
    }
}

/// OpenSSL is built in, and does not know where the system keeps its certificate authorities: librdkafka finds out.
fn find_authorities(client: &mut ClientConfig) {
    let named = ["ssl.ca.location", "ssl.ca.pem", "ssl.ca.certificate.stores"];
    let encrypted = client
        .get("security.protocol")
        .is_some_and(|protocol| protocol.to_ascii_lowercase().contains("ssl"));
    if encrypted && named.iter().all(|name| client.get(name).is_none()) {
        client.set("ssl.ca.location", "probe");
    }
}

/// What librdkafka says besides answers: log lines and errors become ours, each kind now and then; tokens are renewed.
#[derive(Debug)]
pub struct ClientEvents {
    config: Arc<KafkaConfig>,
    client: String,
    kinds: Mutex<BTreeMap<String, Kind>>,
    last: Mutex<Option<(RDKafkaErrorCode, String)>>,
}

impl ClientEvents {
    /// Events of the client that log lines call `client`: a connector's consumer, the gateway's producer.
    pub fn new(config: Arc<KafkaConfig>, client: impl Into<String>) -> Self {
        Self {
            config,
            client: client.into(),
            kinds: Mutex::default(),
            last: Mutex::default(),
        }
    }

    /// What the client was made of.
    pub(super) fn config(&self) -> &KafkaConfig {
        &self.config
    }

    /// The last error that librdkafka has told about the client as a whole, for the error of a call that failed without
    /// saying why.
    pub fn last_error(&self) -> Option<(RDKafkaErrorCode, String)> {
        self.last.lock().clone()
    }

    /// The token as it is now.
    pub fn token(&self) -> Result<OAuthToken, KafkaLogError> {
        let source = self.config.oauth_token.as_ref();
        let source = source.ok_or(KafkaLogError::Token {
            said: "it is missing",
        })?;
        token::parse(&read_secret(source)?)
    }

    /// How many lines of a kind were left out since the last that was said; `None` if this one is to be left out.
    fn turn(&self, kind: &str, now: Instant) -> Option<u64> {
        let mut kinds = self.kinds.lock();
        if kinds.len() >= MAX_KINDS && !kinds.contains_key(kind) {
            return Some(0);
        }
        kinds
            .entry(kind.to_owned())
            .or_default()
            .turn(now.into_std())
    }
}

impl ClientContext for ClientEvents {
    const ENABLE_REFRESH_OAUTH_TOKEN: bool = true;

    fn log(&self, level: RDKafkaLogLevel, facility: &str, text: &str) {
        // Connections that fail are told as errors too, with the same words.
        let told = matches!(facility, "FAIL" | "ERROR");
        let client = self.client.as_str();
        match level {
            RDKafkaLogLevel::Emerg
            | RDKafkaLogLevel::Alert
            | RDKafkaLogLevel::Critical
            | RDKafkaLogLevel::Error
            | RDKafkaLogLevel::Warning
                if !told =>
            {
                if let Some(left_out) = self.turn(facility, Instant::now()) {
                    tracing::warn!(
                        client,
                        facility,
                        text,
                        left_out,
                        "Kafka's client library warns"
                    );
                }
            }
            _ => tracing::debug!(client, facility, text, "Kafka's client library speaks"),
        }
    }

    fn stats_raw(&self, statistics: &[u8]) {
        let json = String::from_utf8_lossy(statistics);
        tracing::debug!(client = self.client, %json, "Kafka's client library counts");
    }

    fn error(&self, error: KafkaError, reason: &str) {
        let code = error.rdkafka_error_code();
        let code = code.unwrap_or(RDKafkaErrorCode::Fail);
        if code == RDKafkaErrorCode::PartitionEOF {
            return;
        }
        // "All brokers are down" follows the reason why, which is worth more.
        if code != RDKafkaErrorCode::AllBrokersDown || self.last.lock().is_none() {
            *self.last.lock() = Some((code, reason.to_owned()));
        }
        if let Some(left_out) = self.turn(&code.to_string(), Instant::now()) {
            tracing::warn!(client = self.client, %code, reason, left_out, "Kafka cannot be reached, or refuses us");
        }
    }

    fn generate_oauth_token(&self, _config: Option<&str>) -> Result<OAuthToken, Box<dyn Error>> {
        Ok(self.token()?)
    }
}

impl ConsumerContext for ClientEvents {}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Inputs, Secret, Source, load_text};
    use crate::telemetry::recurring::QUIET;

    fn config(text: &str) -> KafkaConfig {
        let text = format!("[kafka]\nbootstrap_servers = \"a:9092\"\n{text}");
        let file = Source::new("messina.toml", text);
        let loaded = load_text(Some(&file), &Inputs::default()).unwrap();
        loaded.config.kafka.unwrap()
    }

    #[test]
    fn settings_reach_the_clients_they_are_for_and_the_promises_stay() {
        let config = config(
            "[kafka.client]\n\"security.protocol\" = \"ssl\"\n[kafka.producer]\n\"linger.ms\" = 3\n\
             [kafka.consumer]\n\"queued.max.messages.kbytes\" = 9\n",
        );
        let producer = client_config(&config, ClientRole::Producer).unwrap();
        assert_eq!(producer.get("linger.ms"), Some("3"));
        assert_eq!(producer.get("enable.idempotence"), Some("true"));
        assert_eq!(producer.get("ssl.ca.location"), Some("probe"));
        let consumer = client_config(&config, ClientRole::Consumer).unwrap();
        assert_eq!(consumer.get("queued.max.messages.kbytes"), Some("9"));
        assert_eq!(consumer.get("isolation.level"), Some("read_committed"));
        assert_eq!(consumer.get("linger.ms"), None);
        // A queue that holds a fetch or two must not wait librdkafka's second for the next.
        assert_eq!(consumer.get("fetch.queue.backoff.ms"), Some("5"));
        for role in [
            ClientRole::Producer,
            ClientRole::Consumer,
            ClientRole::Admin,
        ] {
            let client = client_config(&config, role).unwrap();
            assert_eq!(client.get("bootstrap.servers"), Some("a:9092"));
            client.create_native_config().unwrap();
        }
    }

    #[test]
    fn a_secret_is_read_from_its_file_and_a_file_that_is_not_there_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("password");
        let mut config = config("");
        config.client = vec![KafkaSetting {
            name: "sasl.password".to_owned(),
            value: KeySource::File(path.clone()),
        }];
        let error = client_config(&config, ClientRole::Admin).unwrap_err();
        assert!(
            error.to_string().contains("password` of `[kafka]`"),
            "{error}"
        );
        std::fs::write(&path, "hunter2\n").unwrap();
        let client = client_config(&config, ClientRole::Admin).unwrap();
        assert_eq!(client.get("sasl.password"), Some("hunter2"));
    }

    #[test]
    fn the_same_kind_of_line_is_said_now_and_then_and_the_others_are_counted() {
        let mut config = config("");
        config.oauth_token = Some(KeySource::Inline(Secret::new("x".to_owned())));
        let events = ClientEvents::new(Arc::new(config), "test");
        let now = Instant::now();
        assert_eq!(events.turn("FAIL", now), Some(0));
        assert_eq!(events.turn("FAIL", now + QUIET / 2), None);
        assert_eq!(events.turn("OTHER", now), Some(0));
        assert_eq!(events.turn("FAIL", now + QUIET / 2), None);
        assert_eq!(events.turn("FAIL", now + QUIET), Some(2));
        assert!(events.token().is_err());
        let down = || KafkaError::Global(RDKafkaErrorCode::AllBrokersDown);
        events.error(
            KafkaError::Global(RDKafkaErrorCode::Resolve),
            "no such host",
        );
        events.error(down(), "1/1 brokers are down");
        let last = events.last_error().unwrap();
        assert_eq!(last, (RDKafkaErrorCode::Resolve, "no such host".to_owned()));
    }
}
