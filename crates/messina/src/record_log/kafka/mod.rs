//! Apache Kafka behind the log's traits, over librdkafka.
//! Takes `[kafka]` from the configuration: servers, settings, what happens to topics that are missing.
//! Gives clients whose errors say what to do, and topics that are as the configuration wants them.

mod error;

pub use error::{Asked, KafkaLogError};

mod client;

pub use client::{ClientEvents, ClientRole, client_config};

mod token;

mod admin;

pub use admin::{KafkaAdmin, TopicDescription, WantedTopic};
