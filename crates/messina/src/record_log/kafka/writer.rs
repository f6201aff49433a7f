//! Apache Kafka as the log that the gateway writes to: appends in, answers out, in order.

use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use messina_store::log::{AppendError, AppendWaiter, Completion, NewRecord, Permit};
use parking_lot::Mutex;
use rdkafka::consumer::Consumer as _;
use rdkafka::error::{KafkaResult, RDKafkaErrorCode};
use tokio::sync::Semaphore;

use super::admin::{KafkaAdmin, WantedTopic};
use super::answers::{Answer, Answers};
use super::catalog::{Catalog, KafkaPartition};
use super::client::{ClientEvents, ClientRole, client_config};
use super::committer::Committer;
use super::compacted::{self, Compacted};
use super::error::{Asked, KafkaLogError};
use super::growth::{End, Growth, Producers};
use super::in_flight::InFlight;
use super::name::Name;
use super::queue::{KafkaAppend, Queue};
use super::settings::{self, reader};
use super::standing::Standing;
use super::streaming::Streaming;
use super::tail::KafkaTail;
use super::transactional::Transactional;
use crate::config::KafkaConfig;
use crate::record_log::WriterHealth;

/// How long Kafka may take at the start to let this process take its name.
const UNTIL_IT_IS_OURS: Duration = Duration::from_mins(1);

/// librdkafka's own default of `message.max.bytes`.
const MAX_RECORD: usize = 1_000_000;
/// How long Kafka may take for an answer.
const ANSWER: Duration = Duration::from_secs(10);

/// The log. Cheap to clone; all clones are the same.
#[derive(Debug, Clone)]
pub struct KafkaWriter {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    config: Arc<KafkaConfig>,
    admin: KafkaAdmin,
    catalog: Arc<Catalog>,
    queue: Arc<Queue>,
    in_flight: Arc<InFlight>,
    standing: Arc<Standing>,
    room: Arc<Semaphore>,
    queue_bytes: usize,
    max_record: usize,
    remembers: bool,
    threads: Mutex<Vec<JoinHandle<()>>>,
    end: Arc<End>,
}

impl KafkaWriter {
    /// Takes this gateway's name in Kafka, and with it what a process before it had begun: that is aborted. No more
    /// than `queue_bytes` of records wait for Kafka at a time. A gateway that `remembers` nothing of its clients needs
    /// no name, no topic of its own and no transaction.
    pub async fn open(
        config: &Arc<KafkaConfig>,
        queue_bytes: usize,
        remembers: bool,
    ) -> Result<Self, KafkaLogError> {
        let settings = client_config(config, ClientRole::Producer)?;
        let max_record = settings.get("message.max.bytes");
        let inner = Inner {
            config: Arc::clone(config),
            admin: KafkaAdmin::new(Arc::clone(config)),
            catalog: Arc::default(),
            queue: Arc::default(),
            in_flight: Arc::default(),
            standing: Arc::new(Standing::new(&config.gateway_id)),
            room: Arc::new(Semaphore::new(queue_bytes)),
            queue_bytes,
            max_record: max_record
                .and_then(|text| text.parse().ok())
                .unwrap_or(MAX_RECORD),
            remembers,
            threads: Mutex::default(),
            end: Arc::default(),
        };
        let refresh = settings::refresh(&settings::streaming(config)?);
        let (writer, name) = blocking(move || {
            let answers = Arc::<Answers>::default();
            let name = remembers.then(|| Name::new(&inner.config)).transpose()?;
            let producers = Arc::<Producers>::default();
            let committer = inner.committer(&answers, &producers, name.clone())?;
            let threads = [
                thread("messina-kafka-writer", move || committer.run())?,
                thread("messina-kafka-answers", move || answers.run())?,
            ];
            inner.threads.lock().extend(threads);
            if let Some(between) = refresh {
                let growth = inner.growth(producers, between);
                // It may have to wait for Kafka: nobody waits for it.
                drop(thread("messina-kafka-growth", move || growth.run())?);
            }
            let writer = Self {
                inner: Arc::new(inner),
            };
            Ok::<_, KafkaLogError>((writer, name))
        })
        .await?;
        if let Some(name) = name {
            writer.take(&name).await?;
        }
        Ok(writer)
    }

    /// Says in Kafka that the gateway's name is this process's.
    async fn take(&self, name: &Name) -> Result<(), KafkaLogError> {
        let topic = name.topic();
        let partition = self.compacted(&topic).await?;
        let taken = self.append_wait(vec![(partition, name.record())]).await;
        taken.map_err(|error| {
            let asked = Asked {
                operation: "write to",
                subject: format!("`{topic}`"),
                servers: self.inner.config.servers(),
            };
            asked.answered(RDKafkaErrorCode::Fail, Some(error.to_string()))
        })
    }

    /// Appends records, all or none, and waits until they are durable.
    pub async fn append_wait(
        &self,
        records: Vec<(KafkaPartition, NewRecord)>,
    ) -> Result<(), AppendError> {
        let bytes = records.iter().map(|(_, record)| record.size_bound()).sum();
        let permit = self.reserve(bytes).await;
        let waiter = AppendWaiter::new();
        self.append(records, (Arc::clone(&waiter), 0, permit));
        let mut done = Vec::new();
        loop {
            waiter.drain(&mut done);
            match done.pop() {
                Some(completion) => return completion.result.map(drop),
                None => waiter.notified().await,
            }
        }
    }

    /// Whether it keeps anything of its clients.
    pub fn remembers(&self) -> bool {
        self.inner.remembers
    }

    /// What this gateway is called.
    pub fn gateway_id(&self) -> &str {
        &self.inner.config.gateway_id
    }

    /// What this gateway calls a topic of its own.
    pub fn own_topic(&self, name: &str) -> String {
        self.inner.config.own_topic(name)
    }

    /// What the gateways that belong together call a topic of theirs.
    pub fn shared_topic(&self, name: &str) -> String {
        self.inner.config.shared_topic(name)
    }

    /// The partitions of a topic in order; empty if nothing is known of it.
    pub fn partitions(&self, topic: &str) -> Vec<KafkaPartition> {
        self.inner.catalog.partitions(topic)
    }

    /// How many topics are known.
    pub fn topics(&self) -> usize {
        self.inner.catalog.len()
    }

    /// The partitions of a topic of records. It is created where the configuration says so, with as many as it says.
    pub async fn provide(&self, topic: &str) -> Result<Vec<KafkaPartition>, KafkaLogError> {
        self.provide_all(&[topic]).await?;
        Ok(self.partitions(topic))
    }

    /// Makes several topics of records known at once, creating what is missing as [`provide`](Self::provide) does.
    pub async fn provide_all(&self, topics: &[&str]) -> Result<(), KafkaLogError> {
        let configured = i32::try_from(self.inner.config.topics.partitions).unwrap_or(1);
        let mut known = self.inner.admin.topics().await?;
        let missing = |name: &&&str| known.iter().all(|own| own.name != ***name);
        let wanted = topics.iter().filter(missing).map(|name| WantedTopic {
            name: (*name).to_owned(),
            partitions: configured,
            exact: false,
            settings: Vec::new(),
        });
        let wanted: Vec<_> = wanted.collect();
        if !wanted.is_empty() {
            self.inner.admin.ensure(&wanted).await?;
            // Somebody else may have been faster, with another number of partitions.
            known = self.inner.admin.topics().await?;
        }
        for topic in known {
            if topics.contains(&topic.name.as_str()) {
                self.inner.catalog.add(&topic.name, topic.partitions, false);
            }
        }
        Ok(())
    }

    /// The partition of a compacted topic of ours, which is created where the configuration says so.
    pub async fn compacted(&self, topic: &str) -> Result<KafkaPartition, KafkaLogError> {
        let settings = vec![("cleanup.policy".to_owned(), "compact".to_owned())];
        let wanted = WantedTopic {
            name: topic.to_owned(),
            partitions: 1,
            exact: false,
            settings,
        };
        self.inner.admin.ensure(&[wanted]).await?;
        let partitions = self.inner.catalog.add(topic, 1, true).into_iter();
        let mut first = partitions.take(1);
        first.next().ok_or_else(|| KafkaLogError::Missing {
            topics: vec![topic.to_owned()],
            command: String::new(),
        })
    }

    /// What such a topic holds.
    pub async fn read_compacted(&self, topic: &str) -> Result<Compacted, KafkaLogError> {
        let (config, topic) = (Arc::clone(&self.inner.config), topic.to_owned());
        blocking(move || compacted::read_topic(&config, &topic)).await
    }

    /// The offsets that come next in each of so many partitions of a topic.
    pub async fn ends(&self, topic: &str, partitions: i32) -> Result<Vec<i64>, KafkaLogError> {
        let (config, topic) = (Arc::clone(&self.inner.config), topic.to_owned());
        blocking(move || {
            let asked = Asked {
                operation: "find the end of",
                subject: format!("`{topic}`"),
                servers: config.servers(),
            };
            let ends = reader(&config)?.and_then(|consumer| {
                let end = |partition| consumer.fetch_watermarks(&topic, partition, ANSWER);
                let ends = (0..partitions).map(|partition| Ok(end(partition)?.1));
                ends.collect::<KafkaResult<Vec<i64>>>()
            });
            ends.map_err(|error| asked.failed(error))
        })
        .await
    }

    /// Reads topics as they grow, each partition from its place.
    pub async fn tail(&self, from: Vec<(Arc<str>, i32, i64)>) -> Result<KafkaTail, KafkaLogError> {
        let config = Arc::clone(&self.inner.config);
        blocking(move || {
            let asked = Asked {
                operation: "read",
                subject: "what other gateways publish".to_owned(),
                servers: config.servers(),
            };
            let tail = reader(&config)?.and_then(|consumer| KafkaTail::open(consumer, &from));
            tail.map_err(|error| asked.failed(error))
        })
        .await
    }

    /// Waits for room in the queue. More than the whole queue counts as the whole queue.
    pub async fn reserve(&self, bytes: usize) -> Permit {
        let room = Arc::clone(&self.inner.room);
        room.acquire_many_owned(self.clamp(bytes))
            .await
            .map_or_else(|_| Permit::none(), Permit::of)
    }

    /// Room in the queue if there is any now.
    pub fn try_reserve(&self, bytes: usize) -> Option<Permit> {
        let room = Arc::clone(&self.inner.room);
        room.try_acquire_many_owned(self.clamp(bytes))
            .ok()
            .map(Permit::of)
    }

    fn clamp(&self, bytes: usize) -> u32 {
        u32::try_from(bytes.min(self.inner.queue_bytes)).unwrap_or(u32::MAX)
    }

    /// The largest record Kafka is sent, in bytes.
    pub fn max_record(&self) -> usize {
        self.inner.max_record
    }

    /// Queues an append and returns at once; its waiter is told.
    pub(in crate::record_log) fn append(
        &self,
        records: Vec<(KafkaPartition, NewRecord)>,
        (waiter, ticket, permit): (Arc<AppendWaiter>, u64, Permit),
    ) {
        let answer = Answer {
            waiter,
            ticket,
            permit,
        };
        if let Some(refused) = self.inner.queue.push(KafkaAppend { records, answer }) {
            let Answer { waiter, ticket, .. } = refused.answer;
            let result = Err(self.inner.standing.failure().unwrap_or(AppendError::Closed));
            if waiter.push(Completion { ticket, result }) {
                waiter.wake();
            }
        }
    }

    /// How it is.
    pub fn health(&self) -> WriterHealth {
        let stalled = self.inner.in_flight.stalled();
        self.inner.standing.health(stalled)
    }

    /// Takes no more, and waits for what is under way: a few seconds for what streams, then it is refused; for a
    /// transaction as long as librdkafka takes to give it up, a minute if `[kafka.producer]` says nothing else. Blocks.
    pub fn close(&self) {
        self.inner.queue.end();
        self.inner.end.tell();
        for thread in std::mem::take(&mut *self.inner.threads.lock()) {
            drop(thread.join());
        }
    }
}

impl Inner {
    fn growth(&self, producers: Arc<Producers>, between: Duration) -> Growth {
        Growth {
            catalog: Arc::clone(&self.catalog),
            producers,
            between,
            end: Arc::clone(&self.end),
        }
    }

    fn committer(
        &self,
        answers: &Arc<Answers>,
        producers: &Arc<Producers>,
        own: Option<Name>,
    ) -> Result<Committer, KafkaLogError> {
        let asked = |operation, subject: &str| Asked {
            operation,
            subject: subject.to_owned(),
            servers: self.config.servers(),
        };
        let servers: Arc<str> = self.config.servers().into();
        let events = ClientEvents::new(Arc::clone(&self.config), "gateway");
        let events = Arc::new(events);
        let streaming = Streaming::open(
            (settings::streaming(&self.config)?, Arc::clone(&servers)),
            Arc::clone(&events),
            (Arc::clone(&self.catalog), Arc::clone(producers)),
            (Arc::clone(answers), Arc::clone(&self.in_flight)),
        );
        let transactional = if let Some(own) = own {
            let name = settings::transactional_id(&self.config);
            let opened = Transactional::open(
                (settings::transactional(&self.config, &name)?, servers),
                events,
                (Arc::clone(&self.catalog), Arc::clone(producers)),
                (own, UNTIL_IT_IS_OURS),
            );
            Some(opened.map_err(|error| asked("begin transactions as", &name).failed(error))?)
        } else {
            None
        };
        Ok(Committer {
            queue: Arc::clone(&self.queue),
            answers: Arc::clone(answers),
            standing: Arc::clone(&self.standing),
            streaming: streaming.map_err(|error| asked("write", "records").failed(error))?,
            transactional,
        })
    }
}

/// librdkafka's calls and the ends of its clients block.
async fn blocking<T: Send + 'static>(call: impl FnOnce() -> T + Send + 'static) -> T {
    match tokio::task::spawn_blocking(call).await {
        Ok(result) => result,
        Err(panicked) => std::panic::resume_unwind(panicked.into_panic()),
    }
}

fn thread(
    name: &str,
    work: impl FnOnce() + Send + 'static,
) -> Result<JoinHandle<()>, KafkaLogError> {
    let thread = thread::Builder::new().name(name.to_owned()).spawn(work);
    thread.map_err(|source| KafkaLogError::Settings {
        said: format!("a thread cannot be started: {source}"),
    })
}
