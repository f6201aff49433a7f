//! Reads topics of the gateways as they grow: without a group, from a place that is said, on a thread of its own.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bytes::Bytes;
use rdkafka::consumer::{BaseConsumer, Consumer as _, ConsumerContext};
use rdkafka::error::{KafkaError, KafkaResult, RDKafkaErrorCode};
use rdkafka::message::{BorrowedMessage, Headers as _, Message as _};
use rdkafka::{Offset, TopicPartitionList};
use tokio::sync::mpsc;
use tokio::time::Instant;

/// How often it is looked whether nobody reads any more.
const A_MOMENT: Duration = Duration::from_millis(100);
/// How often it is looked whether a topic has more partitions, and how long the answer may take.
const BETWEEN_LOOKS: Duration = Duration::from_secs(10);
const UNTIL_TOLD: Duration = Duration::from_secs(2);
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
        let mut topics = BTreeMap::new();
        for (topic, partition, _) in from {
            let partitions = topics.entry(Arc::clone(topic)).or_insert(0);
            *partitions = (partition + 1).max(*partitions);
        }
        let mut reader = Reader {
            consumer,
            topics,
            look_at: Instant::now() + BETWEEN_LOOKS,
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
    /// How many partitions each has.
    topics: BTreeMap<Arc<str>, i32>,
    look_at: Instant,
    ended: Arc<AtomicBool>,
}

impl<C: ConsumerContext> Reader<C> {
    fn run(&mut self, sender: &mpsc::Sender<Vec<TailRecord>>) {
        while !self.ended.load(Ordering::Relaxed) {
            if self.look_at <= Instant::now() {
                self.grow();
                self.look_at = Instant::now() + BETWEEN_LOOKS;
            }
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
        let (topic, _) = self.topics.get_key_value(message.topic())?;
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

    /// Reads partitions that a topic has got since, from their start.
    fn grow(&mut self) {
        for (topic, known) in &mut self.topics {
            let Ok(metadata) = self.consumer.fetch_metadata(Some(topic), UNTIL_TOLD) else {
                return;
            };
            let now = metadata
                .topics()
                .first()
                .map_or(0, |own| own.partitions().len());
            let now = i32::try_from(now).unwrap_or(i32::MAX);
            if now <= *known {
                continue;
            }
            let mut more = TopicPartitionList::new();
            for partition in *known..now {
                more.add_partition(topic, partition);
            }
            let assigned = more.set_all_offsets(Offset::Beginning);
            match assigned.and_then(|()| self.consumer.incremental_assign(&more)) {
                Ok(()) => {
                    tracing::info!(%topic, before = *known, partitions = now, "a topic of the gateways has more partitions now");
                    *known = now;
                }
                Err(error) => {
                    tracing::warn!(%topic, %error, "partitions that a topic of the gateways has got cannot be read now");
                }
            }
        }
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
