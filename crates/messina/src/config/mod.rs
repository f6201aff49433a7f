//! What the operator wrote, and what it means.
//! Takes the file, the environment and `--set` from the command line ([`load()`]).
//! Gives [`Config`], which cannot hold a wrong value, to everything else.

mod checked;

pub use checked::{
    AdminConfig, CleanupPolicy, Config, GatewayConfig, GatewayLimits, LogConfig, QueueFull,
    RetainedLimits, RouteConfig, RouteHeaders, RouteMatch, SessionLimits, TableConfig, TopicConfig,
    Unmatched,
};

mod access;

pub use access::{
    AccessConfig, AccessLimits, Anonymous, CertificateUser, KeySource, PasswordForm,
    RefusedSubscription, TokenAlgorithm, TokenKeyConfig,
};

mod listener;

pub use listener::{ClientCertificates, ListenerConfig, TlsConfig, TlsVersion, WebSocketConfig};

mod cql;

pub use cql::{CONSISTENCY_OPTION, ClientTls, CqlConfig, CqlConsistency, replication_map};

mod kafka;

pub use kafka::{GroupBegin, KafkaConfig, KafkaSetting, KafkaTopicConfig, topic_of};

mod rest;

pub use rest::{RestConfig, RestListener, RestPaths, TopicTracking};

mod distributed;

pub use distributed::{DistributedConfig, StorageTopic};

mod template;

pub use template::{Template, TemplateError, TemplatePart};

mod secret;

pub use secret::Secret;

// From text to the checked form, in the order it happens.
mod load;

pub use load::{DEFAULT, Inputs, LoadError, Loaded, load, load_text, read};

mod tree;

mod section;

mod check;

mod check_access;

mod check_listener;

mod check_name;

mod check_route;

mod check_table;

mod check_cql;

mod check_kafka;

mod check_sink;

pub use check_sink::{check_connector, find_table, is_on_cluster};

mod problem;

pub use problem::{Problem, Problems, Severity, Source, Span};

pub mod units;

// Kafka Connect's own file format, for connectors written elsewhere.
pub mod properties;

pub mod worker;

mod worker_kafka;

mod worker_group;

mod worker_rest;

pub use worker_rest::WorkerRest;

mod client_overrides;

pub use client_overrides::{ClientOverrides, OverridePolicy, clients_of};

pub mod mqtt_proxy;

// The words of Java's clients of Kafka, and of Java's log-ins and key stores.
pub mod kafka_java;

pub mod jaas;

mod java_store;

mod java_tls;

#[cfg(test)]
mod tests;
