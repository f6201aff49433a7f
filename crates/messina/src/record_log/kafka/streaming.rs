//! Appends whose records stand for themselves: each is sent at once, whatever is still under way before it. Kafka's
//! idempotent producer keeps their order and sends again what was lost on the way, for as long as it takes.

use std::sync::Arc;
use std::time::Duration;

use messina_store::log::{AppendError, NewRecord};
use rdkafka::ClientConfig;
use rdkafka::error::{KafkaError, KafkaResult, RDKafkaErrorCode};
use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::producer::{BaseRecord, Producer as _, PurgeConfig, ThreadedProducer};

use super::answers::Answers;
use super::catalog::{Catalog, KafkaPartition};
use super::client::ClientEvents;
use super::growth::Producers;
use super::in_flight::InFlight;
use super::queue::KafkaAppend;
use super::reports::{Fault, Reports, Undelivered};

/// How long a full queue of librdkafka is waited for before it is looked at again.
const A_MOMENT: Duration = Duration::from_millis(100);
/// How long reports of what was given up may take.
const UNTIL_GIVEN_UP: Duration = Duration::from_secs(5);

/// The producer of such appends.
pub(super) struct Streaming {
    config: ClientConfig,
    events: Arc<ClientEvents>,
    told: Told,
    producers: Arc<Producers>,
    producer: Arc<ThreadedProducer<Reports>>,
}

/// Who hears what became of records.
#[derive(Clone)]
struct Told {
    servers: Arc<str>,
    catalog: Arc<Catalog>,
    answers: Arc<Answers>,
    in_flight: Arc<InFlight>,
}

impl Told {
    fn reports(&self, events: &Arc<ClientEvents>) -> Reports {
        let told = self.clone();
        Reports::new(Arc::clone(events), move |number, result| {
            told.of_record(number, result);
        })
    }

    fn of_record(&self, number: usize, result: Result<(), Undelivered>) {
        let result = result.map_err(|undelivered| {
            if undelivered.fault() == Fault::TopicGone {
                self.catalog.forget(undelivered.topic());
            }
            match undelivered.code {
                RDKafkaErrorCode::PurgeQueue | RDKafkaErrorCode::PurgeInflight => {
                    AppendError::Closed
                }
                _ => undelivered.refusal(&self.servers),
            }
        });
        self.answers.give(self.in_flight.finish(number, result));
    }
}

impl Streaming {
    pub(super) fn open(
        (config, servers): (ClientConfig, Arc<str>),
        events: Arc<ClientEvents>,
        (catalog, producers): (Arc<Catalog>, Arc<Producers>),
        (answers, in_flight): (Arc<Answers>, Arc<InFlight>),
    ) -> KafkaResult<Self> {
        let told = Told {
            servers,
            catalog,
            answers,
            in_flight,
        };
        let producer = Arc::new(config.create_with_context(told.reports(&events))?);
        producers.add(&producer);
        Ok(Self {
            config,
            events,
            told,
            producers,
            producer,
        })
    }

    /// Sends an append's records. Waits for nothing but room in librdkafka's own queue.
    pub(super) fn send(&mut self, append: KafkaAppend) {
        let KafkaAppend { records, answer } = append;
        if records.is_empty() {
            self.told.answers.give([(answer, Ok(()))]);
            return;
        }
        let number = self.told.in_flight.begin(answer, records.len());
        let mut failed = false;
        for (partition, record) in &records {
            let wait = || self.told.in_flight.wait_for_one(A_MOMENT);
            if let Err(error) = send(&self.producer, partition, record, number, wait) {
                let undelivered = Undelivered::new(&error, &partition.topic.name, partition.index);
                failed |= undelivered.fault() == Fault::Passing;
                self.told.of_record(number, Err(undelivered));
            }
        }
        if failed {
            self.begin_anew();
        }
    }

    /// Waits until every record is answered for, or `patience` ends; says whether they are.
    pub(super) fn wait_for_all(&self, patience: Duration) -> bool {
        self.told.in_flight.wait_for_all(patience)
    }

    /// Gives up what Kafka has not answered for: it is refused.
    pub(super) fn give_up(&self) {
        self.producer
            .purge(PurgeConfig::default().queue().inflight());
        self.told.in_flight.wait_for_all(UNTIL_GIVEN_UP);
    }

    /// A producer that librdkafka has given up takes nothing any more: another takes its place. Records that it had
    /// are refused, and sent again by those who sent them.
    fn begin_anew(&mut self) {
        let Some((code, reason)) = self.producer.client().fatal_error() else {
            return;
        };
        tracing::error!(%code, reason, "the Kafka producer has failed and begins anew; what it had is refused");
        self.give_up();
        let reports = self.told.reports(&self.events);
        match self.config.create_with_context(reports) {
            Ok(producer) => {
                self.producer = Arc::new(producer);
                self.producers.add(&self.producer);
            }
            Err(error) => tracing::error!(%error, "no new Kafka producer can be had"),
        }
    }
}

/// Gives a record to a producer, which copies it; `wait` is called while its queue is full.
pub(super) fn send(
    producer: &ThreadedProducer<Reports>,
    partition: &KafkaPartition,
    record: &NewRecord,
    number: usize,
    wait: impl Fn(),
) -> Result<(), KafkaError> {
    let mut sending =
        BaseRecord::<[u8], [u8], usize>::with_opaque_to(&partition.topic.name, number)
            .partition(partition.index)
            .timestamp(record.timestamp);
    if let Some(key) = &record.key {
        sending = sending.key(key);
    }
    if let Some(value) = &record.value {
        sending = sending.payload(value);
    }
    if !record.headers.is_empty() {
        sending = sending.headers(headers(record));
    }
    loop {
        match producer.send(sending) {
            Ok(()) => return Ok(()),
            Err((KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull), back)) => {
                sending = back;
                wait();
            }
            Err((error, _)) => return Err(error),
        }
    }
}

fn headers(record: &NewRecord) -> OwnedHeaders {
    let all = OwnedHeaders::new_with_capacity(record.headers.len());
    record.headers.iter().fold(all, |all, header| {
        all.insert(Header {
            key: &String::from_utf8_lossy(&header.name),
            value: header.value.as_deref(),
        })
    })
}
