//! Reads topics of the gateways as they grow: without a group, from a place that is said, on a thread of its own.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bytes::Bytes;
use rdkafka::consumer::{BaseConsumer, Consumer as _, ConsumerContext};
use rdkafka::error::{KafkaError, KafkaResult, RDKafkaErrorCode};
use rdkafka::message::{BorrowedMessage, Headers as _, Message as _};
use rdkafka::{Offset, TopicPartitionList};
use tokio::sync::mpsc;

/// How often it is looked whether nobody reads any more.
const A_MOMENT: Duration = Duration::from_millis(100);
/// Records handed over at once, and batches that wait.
const BATCH: usize = 500;
const BATCHES: usize = 4;

/// A record of such a topic.
#[derive(Debug, Clone)]
pub struct TailRecord {
    /// The topic.
    pub topic: Arc<str>,
    /// The partition.
    pub partition: i32,
    /// Its offset there.
    pub offset: i64,
    /// Its key.
    pub key: Option<Bytes>,
    /// Its value; `None` is a tombstone.
    pub value: Option<Bytes>,
    /// Its headers, those that are text and have a value.
    pub headers: Vec<(String, Bytes)>,
}

/// The end of a topic, or of several. Dropped, it reads no more.
#[derive(Debug)]
pub struct KafkaTail {
    batches: mpsc::Receiver<Vec<TailRecord>>,
    ended: Arc<AtomicBool>,
}

impl KafkaTail {
    /// Begins to read partitions, each at an offset; where that is gone, with the oldest record there is.
    pub(super) fn open<C: ConsumerContext + 'static>(
        consumer: BaseConsumer<C>,
        from: &[(Arc<str>, i32, i64)],
    ) -> KafkaResult<Self> {
        let mut places = TopicPartitionList::new();
        for (topic, partition, offset) in from {
            places.add_partition_offset(topic, *partition, Offset::Offset(*offset))?;
        }
        consumer.assign(&places)?;
        let (sender, batches) = mpsc::channel(BATCHES);
        let ended = Arc::<AtomicBool>::default();
        let reader = Reader {
            consumer,
            topics: from.iter().map(|(topic, ..)| Arc::clone(topic)).collect(),
            ended: Arc::clone(&ended),
        };
        let thread = std::thread::Builder::new().name("messina-kafka-tail".to_owned());
        let thread = thread.spawn(move || reader.run(&sender));
        thread.map_err(|error| KafkaError::ClientCreation(error.to_string()))?;
        Ok(Self { batches, ended })
    }

    /// The next records, at least one; `None` if reading has ended, which the log says the reason of.
    pub async fn next(&mut self) -> Option<Vec<TailRecord>> {
        self.batches.recv().await
    }
}

impl Drop for KafkaTail {
    fn drop(&mut self) {
        self.ended.store(true, Ordering::Relaxed);
    }
}

struct Reader<C: ConsumerContext + 'static> {
    consumer: BaseConsumer<C>,
    topics: Vec<Arc<str>>,
    ended: Arc<AtomicBool>,
}

impl<C: ConsumerContext> Reader<C> {
    fn run(&self, sender: &mpsc::Sender<Vec<TailRecord>>) {
        while !self.ended.load(Ordering::Relaxed) {
            let mut batch = Vec::new();
            let mut wait = A_MOMENT;
            while batch.len() < BATCH {
                match self.consumer.poll(wait) {
                    Some(Ok(message)) => batch.extend(self.record(&message)),
                    Some(Err(error)) => self.on_error(&error),
                    None => break,
                }
                // What is there already comes along.
                wait = Duration::ZERO;
            }
            if !batch.is_empty() && sender.blocking_send(batch).is_err() {
                return;
            }
        }
    }

    fn record(&self, message: &BorrowedMessage<'_>) -> Option<TailRecord> {
        let known = self.topics.iter();
        let topic = known.clone().find(|topic| ***topic == *message.topic())?;
        let headers = message.headers().into_iter().flat_map(|all| all.iter());
        let headers = headers.filter_map(|header| {
            let value = Bytes::copy_from_slice(header.value?);
            Some((header.key.to_owned(), value))
        });
        Some(TailRecord {
            topic: Arc::clone(topic),
            partition: message.partition(),
            offset: message.offset(),
            key: message.key().map(Bytes::copy_from_slice),
            value: message.payload().map(Bytes::copy_from_slice),
            headers: headers.collect(),
        })
    }

    /// Retention was faster than we are: what is left is read. All else passes, and is told by the client's events.
    fn on_error(&self, error: &KafkaError) {
        let code = error.rdkafka_error_code();
        let lost = [
            RDKafkaErrorCode::OffsetOutOfRange,
            RDKafkaErrorCode::AutoOffsetReset,
        ];
        if !code.is_some_and(|code| lost.contains(&code)) {
            return;
        }
        tracing::warn!(%error, "records of other gateways are gone before they were read; reading goes on with the oldest");
        let Ok(mut places) = self.consumer.position() else {
            return;
        };
        if places.set_all_offsets(Offset::Beginning).is_ok()
            && let Err(error) = self.consumer.assign(&places)
        {
            tracing::error!(%error, "the records of other gateways cannot be read");
        }
    }
}
