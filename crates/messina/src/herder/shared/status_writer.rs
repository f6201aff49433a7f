//! Writes what every worker may write: statuses, and levels of loggers; for the other workers and for tools.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use rdkafka::error::{KafkaError, KafkaResult, RDKafkaErrorCode};
use rdkafka::producer::{DeliveryFuture, FutureProducer, FutureRecord};

use super::super::state_topic::Change;
use crate::config::{DistributedConfig, KafkaConfig};
use crate::record_log::kafka::{Asked, ClientEvents, ClientRole, KafkaLogError, client_config};

/// How long is waited for Kafka to have them.
const PATIENCE: Duration = Duration::from_secs(5);

/// Writes to the topic of statuses, and to that of configurations what needs no leader.
pub(super) struct StatusWriter {
    producer: FutureProducer<ClientEvents>,
    topic: String,
    configs: Asked,
    configs_topic: String,
}

impl std::fmt::Debug for StatusWriter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("StatusWriter")
            .field("topic", &self.topic)
            .finish_non_exhaustive()
    }
}

impl StatusWriter {
    pub(super) fn open(
        kafka: &Arc<KafkaConfig>,
        config: &DistributedConfig,
    ) -> Result<Self, KafkaLogError> {
        let topic = config.statuses.name.clone();
        let asked = Asked {
            operation: "write",
            subject: format!("`{topic}`"),
            servers: kafka.servers(),
        };
        let mut settings = client_config(kafka, ClientRole::Producer)?;
        settings
            // Java's: the same key has to come to the same partition whoever writes it, or compaction keeps both.
            .set("partitioner", "murmur2_random")
            .set("message.timeout.ms", "30000");
        let events = ClientEvents::new(Arc::clone(kafka), "writer of statuses");
        let producer = settings.create_with_context(events);
        let configs = Asked {
            subject: format!("`{}`", config.configs.name),
            ..asked.clone()
        };
        Ok(Self {
            producer: producer.map_err(|error| asked.failed(error))?,
            topic,
            configs,
            configs_topic: config.configs.name.clone(),
        })
    }

    /// Writes statuses; whether Kafka has them.
    pub(super) async fn write(&self, changes: Vec<Change>) -> bool {
        if changes.is_empty() {
            return true;
        }
        let mut sent = Vec::with_capacity(changes.len());
        for change in &changes {
            match self.send(&self.topic, change) {
                Ok(delivery) => sent.push(delivery),
                Err(error) => {
                    tracing::warn!(%error, "the state of a connector could not be written down");
                    return false;
                }
            }
        }
        let delivered = tokio::time::timeout(PATIENCE, join_all(sent)).await;
        let all = delivered.is_ok_and(|all| all.iter().all(|one| matches!(one, Ok(Ok(_)))));
        if !all {
            tracing::warn!("Kafka has not taken the state of a connector; it is written again");
        }
        all
    }

    /// Writes a configuration that needs no leader; done when it is durable.
    pub(super) async fn write_configuration(&self, change: Change) -> Result<(), KafkaLogError> {
        let failed = |error| self.configs.clone().failed(error);
        let sent = self.send(&self.configs_topic, &change).map_err(failed)?;
        let silent = KafkaError::MessageProduction(RDKafkaErrorCode::OperationTimedOut);
        match tokio::time::timeout(PATIENCE, sent).await {
            Ok(Ok(Ok(_))) => Ok(()),
            Ok(Ok(Err((error, _)))) => Err(failed(error)),
            Ok(Err(_)) | Err(_) => Err(failed(silent)),
        }
    }

    fn send(&self, topic: &str, (key, value): &Change) -> KafkaResult<DeliveryFuture> {
        let value = value.as_ref().map(ToString::to_string);
        let mut record = FutureRecord::to(topic).key(key);
        if let Some(value) = &value {
            record = record.payload(value);
        }
        let sent = self.producer.send_result(record);
        sent.map_err(|(error, _)| error)
    }
}
