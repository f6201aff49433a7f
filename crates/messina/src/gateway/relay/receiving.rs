//! Takes in what other gateways have published.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use messina_mqtt::packet::Publish;
use messina_mqtt::topic::TopicFilter;
use messina_store::log::{AppendError, NewRecord};
use parking_lot::Mutex;

use super::super::partitioner::partition_of;
use super::super::publish::Published;
use super::super::retained;
use super::super::server::Gateway;
use super::interest::{Others, Own};
use super::position::Position;
use super::{announcing, letter};
use crate::record_log::kafka::{KafkaLogError, KafkaPartition, KafkaTail, KafkaWriter, TailRecord};
use crate::record_log::{LogPartition, LogWriter};

/// The topic of what gateways publish for each other.
const TOPIC: &str = "__messina_relay";
/// How often it is saved where the gateway stands while nothing has to be durable with it.
const SAVE_INTERVAL: Duration = Duration::from_secs(1);
/// A wait before Kafka is asked again.
const UNTIL_AGAIN: Duration = Duration::from_secs(1);

/// The names of the topics that the gateways have in common.
#[derive(Debug)]
struct SharedTopics {
    subscriptions: Arc<str>,
    publishes: Arc<str>,
    retained: Arc<str>,
}

/// The way between this gateway and the others.
#[derive(Debug)]
pub struct Relay {
    log: KafkaWriter,
    topics: SharedTopics,
    pub(super) id: Bytes,
    pub(super) subscriptions: KafkaPartition,
    publishes: Vec<LogPartition>,
    pub(super) others: Others,
    pub(super) own: Own,
    /// Up to where everything that has to be durable of others' publishes is.
    settled: Mutex<Position>,
    /// Offset of the first record of the others' filters that is not read yet.
    heard: i64,
}

impl Relay {
    /// Opens the topics, creating them where the configuration says so, and reads what the others want.
    pub async fn open(log: &KafkaWriter) -> Result<Self, KafkaLogError> {
        let topics = SharedTopics {
            subscriptions: log.shared_topic(announcing::TOPIC).into(),
            publishes: log.shared_topic(TOPIC).into(),
            retained: log.shared_topic(retained::TOPIC).into(),
        };
        let heard = async {
            let subscriptions = log.compacted(&topics.subscriptions).await?;
            let read = log.read_compacted(&topics.subscriptions).await?;
            Ok::<_, KafkaLogError>((subscriptions, read))
        };
        let standing = async {
            let publishes = log.provide(&topics.publishes).await?;
            let position = Position::open(log, &topics.publishes, publishes.len()).await?;
            Ok((publishes, position))
        };
        let ((subscriptions, read), (publishes, position)) = tokio::try_join!(heard, standing)?;
        let relay = Self {
            log: log.clone(),
            topics,
            id: Bytes::from(log.gateway_id().to_owned()),
            subscriptions,
            publishes: publishes.into_iter().map(LogPartition::Kafka).collect(),
            others: Others::default(),
            own: Own::default(),
            settled: Mutex::new(position),
            heard: read.next,
        };
        for key in read.latest.keys() {
            let Some((gateway, path)) = announcing::parse(key) else {
                continue;
            };
            if *gateway.as_bytes() == *relay.id {
                relay.own.was_told(path);
            } else if let Ok(filter) = TopicFilter::new(path) {
                relay.others.set(gateway, &filter, true);
            }
        }
        Ok(relay)
    }

    /// The record of a publish that another gateway wants; `now` in ms since 1970.
    pub fn letter(&self, publish: &Publish, now: i64) -> Option<(LogPartition, NewRecord)> {
        if !self.others.want(&publish.topic) {
            return None;
        }
        let record = letter::write(publish, &self.id, now)?;
        let partition = partition_of(publish.topic.as_bytes(), self.publishes.len());
        Some((self.publishes.get(partition)?.clone(), record))
    }

    /// There is a subscription more.
    pub fn subscribed(&self, filter: &TopicFilter) {
        self.own.add(filter);
    }

    /// There is one less.
    pub fn unsubscribed(&self, filter: &TopicFilter) {
        self.own.remove(filter);
    }

    /// Makes durable where a new gateway begins, before a session can begin here that waits for what comes next.
    pub async fn begin(&self, log: &LogWriter, now: i64) -> Result<(), AppendError> {
        let records = in_kafka(self.settled.lock().save(now));
        if records.is_empty() {
            return Ok(());
        }
        log.append_wait(records).await
    }

    /// The records that say where this gateway stands. They become durable with a subscription of a session that
    /// outlives the process: after a crash what came before it is not taken for what came after.
    pub fn standing(&self, now: i64) -> Vec<(LogPartition, NewRecord)> {
        in_kafka(self.settled.lock().records(now))
    }

    async fn tail(&self, position: &Position, retained: i64) -> Result<KafkaTail, KafkaLogError> {
        let topics = &self.topics;
        let mut from = position.places(&topics.publishes);
        from.push((Arc::clone(&topics.subscriptions), 0, self.heard));
        from.push((Arc::clone(&topics.retained), 0, retained));
        self.log.tail(from).await
    }

    /// A publish of another gateway, unless its time is over.
    fn read(&self, record: TailRecord, now: i64) -> Option<Publish> {
        let mut headers = record.headers.iter();
        let gateway = headers.find(|(name, _)| name == letter::GATEWAY);
        if gateway.is_some_and(|(_, gateway)| *gateway == self.id) {
            return None;
        }
        letter::read(record.value?, now)
    }
}

impl Gateway {
    /// Takes in what other gateways publish, retain and subscribe to, until the program stops.
    pub async fn listen_to_others(self: Arc<Self>) {
        let Some(relay) = &self.relay else { return };
        let mut position = relay.settled.lock().clone();
        let mut tail = loop {
            match relay.tail(&position, self.retained.read_to()).await {
                Ok(tail) => break tail,
                Err(error) => {
                    tracing::warn!(%error, "what other gateways publish cannot be read now");
                    tokio::select! {
                        () = tokio::time::sleep(UNTIL_AGAIN) => {}
                        () = self.shutdown.intake_stopped() => return,
                    }
                }
            }
        };
        let mut saved = self.clock.now();
        loop {
            let batch = tokio::select! {
                batch = tail.next() => batch,
                () = tokio::time::sleep(SAVE_INTERVAL) => Some(Vec::new()),
                () = self.shutdown.intake_stopped() => None,
            };
            let Some(batch) = batch else { break };
            if self
                .take_in(relay, &mut position, batch, &mut saved)
                .await
                .is_err()
            {
                return;
            }
        }
        let last = self.saving(&mut position);
        if !last.is_empty()
            && let Err(error) = self.log.append_wait(last).await
        {
            tracing::warn!(%error, "it is not durable how far other gateways' publishes are taken in");
        }
    }

    async fn take_in(
        &self,
        relay: &Relay,
        position: &mut Position,
        batch: Vec<TailRecord>,
        saved: &mut Instant,
    ) -> Result<(), AppendError> {
        let now = self.clock.unix_millis();
        let (mut records, mut published) = (Vec::new(), Vec::new());
        for record in batch {
            if record.topic == relay.topics.subscriptions {
                relay.heard(&record);
            } else if record.topic == relay.topics.retained {
                self.retained.take_in(record.key.as_ref(), record.value);
            } else {
                position.passed(record.partition, record.offset);
                if let Some(publish) = relay.read(record, now) {
                    self.events.relayed();
                    published.push(self.prepare_letter(&mut records, publish, now));
                }
            }
        }
        if !records.is_empty() || saved.elapsed() >= SAVE_INTERVAL {
            records.extend(self.saving(position));
            *saved = self.clock.now();
        }
        self.deliver_letters(records, published).await?;
        relay.settled.lock().clone_from(position);
        Ok(())
    }

    /// The records that say how far this gateway has come.
    fn saving(&self, position: &mut Position) -> Vec<(LogPartition, NewRecord)> {
        in_kafka(position.save(self.clock.unix_millis()))
    }

    /// Delivers letters once what has to be durable of them is. Tried until it is, or nothing ever will be.
    async fn deliver_letters(
        &self,
        records: Vec<(LogPartition, NewRecord)>,
        published: Vec<Published>,
    ) -> Result<(), AppendError> {
        let mut result = Ok(());
        while !records.is_empty() {
            result = self.log.append_wait(records.clone()).await;
            match &result {
                Ok(()) | Err(AppendError::Closed | AppendError::Failed(_)) => break,
                Err(error) => {
                    tracing::warn!(%error, "publishes of other gateways wait");
                    tokio::time::sleep(UNTIL_AGAIN).await;
                }
            }
        }
        let now = self.clock.now();
        for own in published {
            match &result {
                Ok(()) => self.complete(own, now),
                Err(error) => self.abandon(own, error),
            }
        }
        result
    }
}

fn in_kafka(records: Vec<(KafkaPartition, NewRecord)>) -> Vec<(LogPartition, NewRecord)> {
    let records = records.into_iter();
    records
        .map(|(topic, record)| (LogPartition::Kafka(topic), record))
        .collect()
}
