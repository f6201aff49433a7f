//! Writes records and says where each of them is.

use std::sync::Arc;

use messina_store::log::NewRecord;
use rdkafka::error::KafkaError;
use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::producer::{DeliveryFuture, FutureProducer, FutureRecord};

use crate::config::KafkaConfig;
use crate::record_log::kafka::client::{ClientEvents, ClientRole, client_config};
use crate::record_log::kafka::{Asked, KafkaLogError};

/// An idempotent producer.
pub(super) struct Sender(FutureProducer<ClientEvents>);

impl Sender {
    pub(super) fn open(config: &Arc<KafkaConfig>, asked: Asked) -> Result<Self, KafkaLogError> {
        let mut settings = client_config(config, ClientRole::Producer)?;
        // librdkafka's five minutes would leave a person without a word for as long.
        if settings.get("message.timeout.ms").is_none()
            && settings.get("delivery.timeout.ms").is_none()
        {
            settings.set("message.timeout.ms", "30000");
        }
        let events = ClientEvents::new(Arc::clone(config), "tools");
        let producer = settings.create_with_context(events);
        producer.map(Self).map_err(|error| asked.failed(error))
    }

    /// Sends records, each to the partition beside it; done when all of them are stored, or the first is not.
    pub(super) async fn send(
        &self,
        topic: &str,
        records: Vec<(i32, NewRecord)>,
        asked: &Asked,
    ) -> Result<Vec<i64>, KafkaLogError> {
        let mut sent = Vec::with_capacity(records.len());
        let mut refused = None;
        for (partition, record) in &records {
            match self.0.send_result(to_send(topic, *partition, record)) {
                Ok(delivery) => sent.push(delivery),
                Err((error, _)) => {
                    refused = Some(error);
                    break;
                }
            }
        }
        let mut offsets = Vec::with_capacity(sent.len());
        for delivery in sent {
            match delivered(delivery).await {
                Ok(offset) => offsets.push(offset),
                Err(error) => refused = refused.or(Some(error)),
            }
        }
        match refused {
            None => Ok(offsets),
            Some(error) => Err(asked.clone().failed(error)),
        }
    }
}

async fn delivered(delivery: DeliveryFuture) -> Result<i64, KafkaError> {
    match delivery.await {
        Ok(Ok(delivery)) => Ok(delivery.offset),
        Ok(Err((error, _))) => Err(error),
        Err(_closed) => Err(KafkaError::Canceled),
    }
}

fn to_send<'r>(
    topic: &'r str,
    partition: i32,
    record: &'r NewRecord,
) -> FutureRecord<'r, [u8], [u8]> {
    let mut headers = OwnedHeaders::new_with_capacity(record.headers.len());
    for header in &record.headers {
        let name = String::from_utf8_lossy(&header.name);
        headers = headers.insert(Header {
            key: &name,
            value: header.value.as_deref(),
        });
    }
    let mut message = FutureRecord::to(topic)
        .partition(partition)
        .timestamp(record.timestamp)
        .headers(headers);
    message.key = record.key.as_deref();
    message.payload = record.value.as_deref();
    message
}
