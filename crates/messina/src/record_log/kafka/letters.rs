//! Writes batches of records to Kafka that are few and must not be lost: dead letters, and what tools send.

use std::error::Error;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use messina_store::log::NewRecord;
use parking_lot::Mutex;
use rdkafka::ClientContext;
use rdkafka::client::OAuthToken;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{DeliveryResult, Header, OwnedHeaders};
use rdkafka::producer::{BaseRecord, Producer as _, ProducerContext, ThreadedProducer};
use tokio::sync::oneshot;

use super::client::{ClientEvents, ClientRole, client_config};
use super::error::{Asked, KafkaLogError};
use crate::config::KafkaConfig;

/// A batch on its way: answered once, when the last of its records is.
struct Batch {
    left: AtomicUsize,
    failed: Mutex<Option<RDKafkaErrorCode>>,
    done: Mutex<Option<oneshot::Sender<Result<(), RDKafkaErrorCode>>>>,
}

impl Batch {
    /// Counts `records` as answered.
    fn answered(&self, records: usize, failed: Option<RDKafkaErrorCode>) {
        if let Some(code) = failed {
            self.failed.lock().get_or_insert(code);
        }
        if self.left.fetch_sub(records, Ordering::AcqRel) == records
            && let Some(done) = self.done.lock().take()
        {
            let failed = *self.failed.lock();
            if done.send(failed.map_or(Ok(()), Err)).is_err() {
                tracing::debug!("nobody waits for these records any more");
            }
        }
    }
}

/// The context of the producer.
struct LetterEvents(ClientEvents);

impl ClientContext for LetterEvents {
    const ENABLE_REFRESH_OAUTH_TOKEN: bool = true;

    fn log(&self, level: RDKafkaLogLevel, facility: &str, text: &str) {
        self.0.log(level, facility, text);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        self.0.error(error, reason);
    }

    fn stats_raw(&self, statistics: &[u8]) {
        self.0.stats_raw(statistics);
    }

    fn generate_oauth_token(&self, config: Option<&str>) -> Result<OAuthToken, Box<dyn Error>> {
        self.0.generate_oauth_token(config)
    }
}

impl ProducerContext for LetterEvents {
    type DeliveryOpaque = Arc<Batch>;

    fn delivery(&self, result: &DeliveryResult<'_>, batch: Arc<Batch>) {
        let code = result.as_ref().err().map(|(error, _)| code(error));
        batch.answered(1, code);
    }
}

fn code(error: &KafkaError) -> RDKafkaErrorCode {
    let code = error.rdkafka_error_code();
    code.unwrap_or(RDKafkaErrorCode::Fail)
}

/// An idempotent producer.
pub(super) struct Letters(ThreadedProducer<LetterEvents>);

impl Letters {
    pub(super) fn open(config: &Arc<KafkaConfig>) -> Result<Self, KafkaLogError> {
        let mut settings = client_config(config, ClientRole::Producer)?;
        // librdkafka's five minutes would leave a sink without a word for as long.
        if settings.get("message.timeout.ms").is_none()
            && settings.get("delivery.timeout.ms").is_none()
        {
            settings.set("message.timeout.ms", "30000");
        }
        let asked = Asked {
            operation: "write to",
            subject: "any topic".to_owned(),
            servers: config.servers(),
        };
        let events = LetterEvents(ClientEvents::new(Arc::clone(config), "dead letters"));
        let producer = settings.create_with_context(events);
        producer.map(Self).map_err(|error| asked.failed(error))
    }

    pub(super) fn last_error(&self) -> Option<String> {
        self.0.context().0.last_error().map(|(_, said)| said)
    }

    /// Sends records; done when all of them are stored. Where it fails, some of them may be.
    pub(super) async fn send(
        &self,
        topic: &str,
        partition: i32,
        records: Vec<NewRecord>,
    ) -> Result<(), RDKafkaErrorCode> {
        let (done, answer) = oneshot::channel();
        let batch = Arc::new(Batch {
            // One more, so that it is not over before everything is sent.
            left: AtomicUsize::new(records.len() + 1),
            failed: Mutex::default(),
            done: Mutex::new(Some(done)),
        });
        let mut unsent = records.len();
        let mut failed = None;
        for record in &records {
            let sent = self.0.send(to_send(topic, partition, record, &batch));
            if let Err((error, _)) = sent {
                failed = Some(code(&error));
                break;
            }
            unsent -= 1;
        }
        batch.answered(unsent + 1, failed);
        answer.await.unwrap_or(Err(RDKafkaErrorCode::Fail))
    }
}

fn to_send<'r>(
    topic: &'r str,
    partition: i32,
    record: &'r NewRecord,
    batch: &Arc<Batch>,
) -> BaseRecord<'r, [u8], [u8], Arc<Batch>> {
    let mut headers = OwnedHeaders::new_with_capacity(record.headers.len());
    for header in &record.headers {
        let name = String::from_utf8_lossy(&header.name);
        headers = headers.insert(Header {
            key: &name,
            value: header.value.as_deref(),
        });
    }
    let mut message = BaseRecord::with_opaque_to(topic, Arc::clone(batch))
        .partition(partition)
        .timestamp(record.timestamp)
        .headers(headers);
    message.key = record.key.as_deref();
    message.payload = record.value.as_deref();
    message
}
