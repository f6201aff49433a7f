//! Reads a compacted topic of ours from its beginning to its end.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use rdkafka::Message as _;
use rdkafka::consumer::{BaseConsumer, Consumer as _, ConsumerContext};
use rdkafka::error::{KafkaError, KafkaResult, RDKafkaErrorCode};
use rdkafka::{Offset, TopicPartitionList};
use tokio::time::Instant;

use super::error::{Asked, KafkaLogError};
use super::settings::reader;
use crate::config::KafkaConfig;

/// How long Kafka may say nothing.
const SILENCE: Duration = Duration::from_mins(1);
const A_MOMENT: Duration = Duration::from_millis(200);

/// What a compacted topic holds.
#[derive(Debug, Default)]
pub struct Compacted {
    /// The latest value of every key; deleted keys are left out.
    pub latest: BTreeMap<Bytes, Bytes>,
    /// Offset of the record after the last that was read; 0 where nobody goes on from there.
    pub next: i64,
}

/// Reads such a topic of this cluster. Blocks.
pub(super) fn read_topic(
    config: &Arc<KafkaConfig>,
    topic: &str,
) -> Result<Compacted, KafkaLogError> {
    let asked = Asked {
        operation: "read",
        subject: format!("`{topic}`"),
        servers: config.servers(),
    };
    let read = reader(config)?.and_then(|consumer| read(&consumer, topic));
    read.map_err(|error| asked.failed(error))
}

/// Reads partition 0; the consumer says where the partition ends and reads committed records only. Blocks.
fn read<C: ConsumerContext>(consumer: &BaseConsumer<C>, topic: &str) -> KafkaResult<Compacted> {
    let mut from = TopicPartitionList::new();
    from.add_partition_offset(topic, 0, Offset::Beginning)?;
    consumer.assign(&from)?;
    let mut read = Compacted::default();
    let mut heard = Instant::now();
    loop {
        match consumer.poll(A_MOMENT) {
            Some(Ok(message)) => {
                heard = Instant::now();
                read.next = message.offset() + 1;
                let Some(key) = message.key().map(Bytes::copy_from_slice) else {
                    continue;
                };
                match message.payload() {
                    Some(value) => drop(read.latest.insert(key, Bytes::copy_from_slice(value))),
                    None => drop(read.latest.remove(&key)),
                }
            }
            Some(Err(KafkaError::PartitionEOF(_))) => return Ok(read),
            Some(Err(error)) if is_final(&error) => return Err(error),
            Some(Err(_)) | None => {
                if heard.elapsed() > SILENCE {
                    return Err(KafkaError::MessageConsumption(
                        RDKafkaErrorCode::OperationTimedOut,
                    ));
                }
            }
        }
    }
}

/// Whether waiting changes nothing.
fn is_final(error: &KafkaError) -> bool {
    matches!(
        error.rdkafka_error_code(),
        Some(
            RDKafkaErrorCode::TopicAuthorizationFailed
                | RDKafkaErrorCode::UnknownTopicOrPartition
                | RDKafkaErrorCode::UnknownTopic
                | RDKafkaErrorCode::Authentication
                | RDKafkaErrorCode::SaslAuthenticationFailed
        )
    )
}
