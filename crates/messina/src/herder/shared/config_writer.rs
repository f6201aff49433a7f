//! The leader's pen: configurations are written in transactions under one name, which only the last worker that took
//! it can use. A worker that has lost its place and does not know it yet writes nothing (KIP-98).

use std::sync::Arc;
use std::time::Duration;

use rdkafka::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::error::{KafkaError, KafkaResult, RDKafkaErrorCode};
use rdkafka::producer::{DeliveryFuture, FutureProducer, FutureRecord, Producer as _};
use rdkafka::{Message as _, Offset, TopicPartitionList};

use super::super::state_topic::Change;
use crate::config::{DistributedConfig, KafkaConfig};
use crate::record_log::kafka::{Asked, ClientEvents, ClientRole, KafkaLogError, client_config};

/// How long Kafka may take with one step of a transaction.
const PATIENCE: Duration = Duration::from_secs(20);
const A_MOMENT: Duration = Duration::from_millis(200);

/// Writes configurations, all of a call or none.
#[derive(Clone)]
pub(super) struct ConfigWriter {
    producer: FutureProducer<ClientEvents>,
    asked: Asked,
    topic: String,
}

impl std::fmt::Debug for ConfigWriter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ConfigWriter")
            .field("topic", &self.topic)
            .finish_non_exhaustive()
    }
}

impl ConfigWriter {
    /// Takes the pen from whoever had it; gives the offset of the last configuration that was written with it, if
    /// there is any. Blocks.
    pub(super) fn open(
        kafka: &Arc<KafkaConfig>,
        config: &DistributedConfig,
    ) -> Result<(Self, Option<i64>), KafkaLogError> {
        let asked = Asked {
            operation: "write",
            subject: format!("`{}`", config.configs.name),
            servers: kafka.servers(),
        };
        let mut settings = client_config(kafka, ClientRole::Producer)?;
        // Java's leaders use the same name where they write in transactions: one pen for both.
        settings.set(
            "transactional.id",
            format!("connect-cluster-{}", config.group),
        );
        let opened = open(&settings, kafka);
        let writer = Self {
            producer: opened.map_err(|error| asked.clone().failed(error))?,
            asked: asked.clone(),
            topic: config.configs.name.clone(),
        };
        let last = last_offset(kafka, config)?.map_err(|error| asked.failed(error))?;
        Ok((writer, last))
    }

    /// Writes changes; done when they are durable. Gives the offset of the last. Blocks.
    pub(super) fn write(&self, changes: &[Change]) -> Result<i64, KafkaLogError> {
        self.attempt(changes).map_err(|error| {
            if let Err(error) = self.producer.abort_transaction(PATIENCE) {
                tracing::debug!(%error, "a transaction was not aborted; its name's next owner does it");
            }
            self.asked.clone().failed(error)
        })
    }

    fn attempt(&self, changes: &[Change]) -> KafkaResult<i64> {
        self.producer.begin_transaction()?;
        let sent: KafkaResult<Vec<DeliveryFuture>> =
            changes.iter().map(|change| self.send(change)).collect();
        let sent = sent?;
        self.producer.commit_transaction(PATIENCE)?;
        let runtime = tokio::runtime::Handle::current();
        let mut last = -1;
        for delivery in sent {
            // Committed, so it was delivered.
            if let Ok(Ok(delivered)) = runtime.block_on(delivery) {
                last = last.max(delivered.offset);
            }
        }
        Ok(last)
    }

    fn send(&self, (key, value): &Change) -> KafkaResult<DeliveryFuture> {
        let value = value.as_ref().map(ToString::to_string);
        let mut record = FutureRecord::to(&self.topic).key(key).partition(0);
        if let Some(value) = &value {
            record = record.payload(value);
        }
        self.producer
            .send_result(record)
            .map_err(|(error, _)| error)
    }
}

fn open(
    settings: &ClientConfig,
    kafka: &Arc<KafkaConfig>,
) -> KafkaResult<FutureProducer<ClientEvents>> {
    let events = ClientEvents::new(Arc::clone(kafka), "the leader's writer");
    let producer: FutureProducer<ClientEvents> = settings.create_with_context(events)?;
    producer.init_transactions(PATIENCE)?;
    Ok(producer)
}

/// The offset of the last record of the topic that was committed.
fn last_offset(
    kafka: &Arc<KafkaConfig>,
    config: &DistributedConfig,
) -> Result<KafkaResult<Option<i64>>, KafkaLogError> {
    let mut settings = client_config(kafka, ClientRole::Consumer)?;
    settings.set("group.id", &config.group);
    let events = ClientEvents::new(Arc::clone(kafka), "the leader's reader");
    let consumer: KafkaResult<BaseConsumer<ClientEvents>> = settings.create_with_context(events);
    Ok(consumer.and_then(|consumer| read_to_end(&consumer, &config.configs.name)))
}

fn read_to_end(consumer: &BaseConsumer<ClientEvents>, topic: &str) -> KafkaResult<Option<i64>> {
    let mut from = TopicPartitionList::new();
    from.add_partition_offset(topic, 0, Offset::Beginning)?;
    consumer.assign(&from)?;
    let mut last = None;
    let mut silence = Duration::ZERO;
    while silence < PATIENCE {
        match consumer.poll(A_MOMENT) {
            Some(Ok(message)) => {
                last = Some(message.offset());
                silence = Duration::ZERO;
            }
            Some(Err(KafkaError::PartitionEOF(_))) => return Ok(last),
            Some(Err(error)) => tracing::debug!(%error, "the configurations cannot be read now"),
            None => silence += A_MOMENT,
        }
    }
    let silent = RDKafkaErrorCode::OperationTimedOut;
    Err(KafkaError::MessageConsumption(silent))
}
