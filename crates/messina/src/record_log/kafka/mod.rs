//! Apache Kafka behind the log's traits, over librdkafka.
//! Takes `[kafka]` from the configuration: servers, settings, what happens to topics that are missing.
//! Gives durable records to the gateway, records and offsets to sinks, topics as the configuration wants them, and
//! errors that say what to do.

mod error;

pub use error::{Asked, KafkaLogError};

mod client;

pub use client::{ClientEvents, ClientRole, client_config};

mod token;

mod admin;

pub use admin::{KafkaAdmin, TopicDescription, WantedTopic};

mod catalog;

mod growth;

mod answers;

mod queue;

mod in_flight;

mod reports;

mod streaming;

mod transactional;

mod standing;

mod committer;

mod settings;

mod compacted;

mod name;

pub use name::TOPIC as GATEWAY_TOPIC;

mod tail;

mod writer;

// What Kafka Connect's workers need besides.
mod storage_topics;

pub use storage_topics::StorageTopics;

mod group_topics;

pub use group_topics::GroupTopics;

mod group_offsets;

pub use group_offsets::{GroupOffset, KafkaGroups};

pub use catalog::KafkaPartition;
pub use compacted::Compacted;
pub use tail::{KafkaTail, TailRecord};
pub use writer::KafkaWriter;

// Reading: a member of a group, from the queue to the record.
mod consumer;

pub use consumer::KafkaConsumer;

mod member;

mod turns;

mod owned;

mod commits;

mod news;

pub use news::{GroupEvents, Turn as GroupTurn};

mod positions;

mod topic_ids;

mod gather;

mod letters;

mod log;

pub use log::KafkaLog;

// Another log's records.
mod carrier;

mod arrivals;

pub use carrier::{Carried, CarriedGroup, Carrier, CarryBatch};

// For people: what the tools show and write.
pub mod browse;
