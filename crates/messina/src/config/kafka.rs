//! `[kafka]` in its checked form.

use super::KeySource;
use super::check_kafka::default_gateway_id;

/// The group of gateways that are told nothing else, and the name of one on a machine that has none.
pub(super) const DEFAULT_GROUP: &str = "messina";

/// Where Apache Kafka is, and how it is spoken to.
#[derive(Debug, Clone)]
pub struct KafkaConfig {
    /// Brokers to begin with, each a host and a port; the others are learned from them.
    pub bootstrap_servers: Vec<String>,
    /// What this gateway is called in Kafka: its transactional identifier and its own topics begin with it. No two
    /// gateways of a cluster may have the same.
    pub gateway_id: String,
    /// The gateways that belong together: what is published at one reaches subscribers at the others.
    pub gateway_group: String,
    /// The token of SASL/OAUTHBEARER, a JSON web token. A file is read again whenever a new one is wanted.
    pub oauth_token: Option<KeySource>,
    /// Settings of librdkafka for every client.
    pub client: Vec<KafkaSetting>,
    /// Settings of librdkafka for producers; they win over [`client`](Self::client).
    pub producer: Vec<KafkaSetting>,
    /// Settings of librdkafka for consumers; they win over [`client`](Self::client).
    pub consumer: Vec<KafkaSetting>,
    /// Settings of librdkafka for what looks after topics and groups; they win over [`client`](Self::client).
    pub admin: Vec<KafkaSetting>,
    /// Where a group begins that has never committed.
    pub begin: GroupBegin,
    /// Topics that do not exist.
    pub topics: KafkaTopicConfig,
}

/// Where a consumer group begins in a partition in which it has never committed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum GroupBegin {
    /// With the first record there is.
    #[default]
    Start,
    /// With the next that comes.
    End,
}

/// A setting of librdkafka that exists there and takes this value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KafkaSetting {
    /// Its name there.
    pub name: String,
    /// Its value, which may be a secret: no value is ever printed.
    pub value: KeySource,
}

/// What happens where a topic is missing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KafkaTopicConfig {
    /// Whether it is created.
    pub create: bool,
    /// Partitions of topics that say nothing else.
    pub partitions: u32,
    /// Replicas of each partition; `None` for as many as the brokers think right.
    pub replication: Option<u16>,
    /// Settings of Kafka for topics that are created, such as `min.insync.replicas`.
    pub settings: Vec<(String, String)>,
}

impl KafkaConfig {
    /// The cluster at these servers, and everything else as where nothing is said.
    pub fn at(bootstrap_servers: Vec<String>, partitions: u32) -> Self {
        Self {
            bootstrap_servers,
            gateway_id: default_gateway_id(),
            gateway_group: DEFAULT_GROUP.to_owned(),
            oauth_token: None,
            client: Vec::new(),
            producer: Vec::new(),
            consumer: Vec::new(),
            admin: Vec::new(),
            begin: GroupBegin::Start,
            topics: KafkaTopicConfig {
                create: false,
                partitions,
                replication: None,
                settings: Vec::new(),
            },
        }
    }

    /// The brokers to begin with, as librdkafka and Kafka's own tools want them.
    pub fn servers(&self) -> String {
        self.bootstrap_servers.join(",")
    }

    /// What this gateway calls a topic of its own.
    pub fn own_topic(&self, name: &str) -> String {
        topic_of(&self.gateway_id, name)
    }

    /// Where the log is, for people and for tools that ask whether it is the one they mean.
    pub fn place(&self) -> String {
        format!("Kafka at {}", self.servers())
    }

    /// What the gateways that belong together call a topic of theirs.
    pub fn shared_topic(&self, name: &str) -> String {
        format!("{name}.{}", self.gateway_group)
    }
}

/// What a gateway calls a topic of its own.
pub fn topic_of(gateway: &str, name: &str) -> String {
    format!("{name}.{gateway}")
}
