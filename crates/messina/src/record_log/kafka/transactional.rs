//! Appends that say something of the gateway's own state: a group of them is one transaction, so that records and what
//! is remembered of their senders are both in Kafka, or neither (KIP-98). Whoever reads committed records sees each
//! once, however often the group had to be tried.
//!
//! What it costs: a transaction takes some milliseconds, in which the next group gathers.

use std::sync::Arc;
use std::time::Duration;

use messina_store::log::AppendError;
use parking_lot::{Condvar, Mutex};
use rdkafka::ClientConfig;
use rdkafka::error::{KafkaError, KafkaResult, RDKafkaError, RDKafkaErrorCode};
use rdkafka::producer::{Producer as _, ThreadedProducer};
use tokio::time::Instant;

use super::catalog::Catalog;
use super::client::ClientEvents;
use super::growth::Producers;
use super::name::Name;
use super::queue::KafkaAppend;
use super::reports::{Fault, Reports, Undelivered};
use super::streaming::send;

/// How long one request to the transaction's coordinator may take before it is asked again.
const REQUEST: Duration = Duration::from_secs(10);
/// How long librdkafka is waited for before it is looked at again.
const A_MOMENT: Duration = Duration::from_millis(100);

/// What became of a try.
#[derive(Debug)]
pub(super) enum Outcome {
    /// Every record is durable.
    Committed,
    /// Nothing is; these appends, by their place in the group, will not be taken.
    Refused(Vec<(usize, AppendError)>),
    /// Nothing is; nothing is wrong with the group.
    Again(String),
    /// Nothing is, and nothing will be from this process: another has taken its name.
    Fenced(String),
}

/// The producer of such groups.
pub(super) struct Transactional {
    config: ClientConfig,
    events: Arc<ClientEvents>,
    servers: Arc<str>,
    catalog: Arc<Catalog>,
    group: Arc<Group>,
    name: Name,
    producers: Arc<Producers>,
    producer: Arc<ThreadedProducer<Reports>>,
}

/// What Kafka has said of the group that is under way.
#[derive(Debug, Default)]
struct Group {
    state: Mutex<GroupState>,
    progress: Condvar,
}

#[derive(Debug, Default)]
struct GroupState {
    unanswered: usize,
    undelivered: Vec<(usize, Undelivered)>,
}

impl Group {
    fn finish(&self, number: usize, result: Result<(), Undelivered>) {
        let mut state = self.state.lock();
        state.unanswered = state.unanswered.saturating_sub(1);
        if let Err(undelivered) = result {
            state.undelivered.push((number, undelivered));
        }
        self.progress.notify_all();
    }

    fn begin(&self, records: usize) {
        let mut state = self.state.lock();
        state.unanswered = records;
        state.undelivered.clear();
    }

    /// Waits until Kafka has said something of every record. librdkafka gives each up within the transaction's time.
    fn wait_for_all(&self) -> Vec<(usize, Undelivered)> {
        let mut state = self.state.lock();
        while state.unanswered > 0 {
            self.progress.wait(&mut state);
        }
        std::mem::take(&mut state.undelivered)
    }

    fn wait_for_one(&self) {
        let mut state = self.state.lock();
        self.progress.wait_for(&mut state, A_MOMENT);
    }
}

impl Transactional {
    /// A producer under a transactional identifier of its own. Whoever had it before can commit nothing any more, and
    /// what it had not committed is aborted. Blocks for `patience` at most.
    pub(super) fn open(
        (config, servers): (ClientConfig, Arc<str>),
        events: Arc<ClientEvents>,
        (catalog, producers): (Arc<Catalog>, Arc<Producers>),
        (name, patience): (Name, Duration),
    ) -> KafkaResult<Self> {
        let group = Arc::<Group>::default();
        let producer = Arc::new(producer(&config, &events, &group)?);
        producer.init_transactions(patience)?;
        producers.add(&producer);
        Ok(Self {
            config,
            events,
            servers,
            catalog,
            group,
            name,
            producers,
            producer,
        })
    }

    /// Tries to make a group durable, whole.
    pub(super) fn attempt(&mut self, group: &[&KafkaAppend]) -> Outcome {
        let tried = self.try_once(group);
        match tried {
            Outcome::Fenced(reason) if self.is_fenced() => match self.name.is_ours() {
                // Kafka has given up our transaction, which took too long.
                Ok(true) => self.begin_anew(reason),
                Ok(false) => Outcome::Fenced(reason),
                Err(error) => Outcome::Again(error.to_string()),
            },
            Outcome::Fenced(reason) => self.begin_anew(reason),
            outcome => outcome,
        }
    }

    fn try_once(&self, group: &[&KafkaAppend]) -> Outcome {
        if let Err(error) = self.producer.begin_transaction() {
            return self.failed(&error);
        }
        let undelivered = self.send(group);
        if !undelivered.is_empty() {
            return match self.abort() {
                Ok(()) => self.judge(&undelivered),
                Err(outcome) => outcome,
            };
        }
        self.wait_until_counted();
        loop {
            match self.producer.commit_transaction(REQUEST) {
                Ok(()) => return Outcome::Committed,
                Err(error) if is_retriable(&error) => {}
                Err(error) => return self.failed(&error),
            }
        }
    }

    fn send(&self, group: &[&KafkaAppend]) -> Vec<(usize, Undelivered)> {
        self.group
            .begin(group.iter().map(|append| append.records.len()).sum());
        for (number, append) in group.iter().enumerate() {
            for (partition, record) in &append.records {
                let wait = || self.group.wait_for_one();
                if let Err(error) = send(&self.producer, partition, record, number, wait) {
                    let name = &partition.topic.name;
                    let undelivered = Undelivered::new(&error, name, partition.index);
                    self.group.finish(number, Err(undelivered));
                }
            }
        }
        self.group.wait_for_all()
    }

    /// librdkafka counts a record as under way until its report has been put away, a moment after we were told. Who
    /// commits in that moment sleeps for 100 ms in the client library's `flush`.
    fn wait_until_counted(&self) {
        let patience = Instant::now() + A_MOMENT;
        while self.producer.in_flight_count() > 0 && Instant::now() < patience {
            std::thread::yield_now();
        }
    }

    /// Nothing of the transaction is to be seen.
    fn abort(&self) -> Result<(), Outcome> {
        loop {
            match self.producer.abort_transaction(REQUEST) {
                Ok(()) => return Ok(()),
                Err(error) if is_retriable(&error) => {}
                Err(error) => return Err(fatal(&error)),
            }
        }
    }

    fn failed(&self, error: &KafkaError) -> Outcome {
        match error {
            KafkaError::Transaction(inner) if inner.txn_requires_abort() => match self.abort() {
                Ok(()) => Outcome::Again(error.to_string()),
                Err(outcome) => outcome,
            },
            KafkaError::Transaction(inner) if !inner.is_fatal() => {
                Outcome::Again(error.to_string())
            }
            error => fatal(error),
        }
    }

    /// Which appends are to blame, if any is.
    fn judge(&self, undelivered: &[(usize, Undelivered)]) -> Outcome {
        let mut refused: Vec<(usize, AppendError)> = Vec::new();
        for (number, undelivered) in undelivered {
            match undelivered.fault() {
                Fault::Passing => continue,
                Fault::TopicGone => self.catalog.forget(undelivered.topic()),
                Fault::Record => {}
            }
            if refused.last().is_none_or(|(last, _)| last != number) {
                refused.push((*number, undelivered.refusal(&self.servers)));
            }
        }
        if refused.is_empty() {
            let first = undelivered.first();
            let reason =
                first.map(|(_, undelivered)| undelivered.refusal(&self.servers).to_string());
            return Outcome::Again(reason.unwrap_or_default());
        }
        refused.sort_by_key(|(number, _)| *number);
        refused.dedup_by_key(|(number, _)| *number);
        Outcome::Refused(refused)
    }

    /// Whether Kafka has said that another process has this one's name, or that this one's transaction was given up.
    fn is_fenced(&self) -> bool {
        let fatal = self.producer.client().fatal_error();
        fatal.is_some_and(|(code, _)| {
            matches!(
                code,
                RDKafkaErrorCode::Fenced | RDKafkaErrorCode::ProducerFenced
            )
        })
    }

    /// A producer that librdkafka has given up commits nothing any more: another takes its place, and aborts what was
    /// under way.
    fn begin_anew(&mut self, reason: String) -> Outcome {
        tracing::warn!(
            reason,
            "the transactional Kafka producer was given up, and begins anew"
        );
        let opened = producer(&self.config, &self.events, &self.group);
        let opened = opened.and_then(|opened| {
            opened.init_transactions(REQUEST)?;
            Ok(opened)
        });
        match opened {
            Ok(producer) => {
                self.producer = Arc::new(producer);
                self.producers.add(&self.producer);
                Outcome::Again(reason)
            }
            Err(error) => Outcome::Again(format!("{reason}; {error}")),
        }
    }
}

fn producer(
    config: &ClientConfig,
    events: &Arc<ClientEvents>,
    group: &Arc<Group>,
) -> KafkaResult<ThreadedProducer<Reports>> {
    let group = Arc::clone(group);
    let report = move |number, result| group.finish(number, result);
    config.create_with_context(Reports::new(Arc::clone(events), report))
}

fn is_retriable(error: &KafkaError) -> bool {
    matches!(error, KafkaError::Transaction(inner) if inner.is_retriable())
        || matches!(error, KafkaError::Flush(_))
}

fn fatal(error: &KafkaError) -> Outcome {
    let text = |inner: &RDKafkaError| inner.string();
    match error {
        KafkaError::Transaction(inner) => Outcome::Fenced(text(inner)),
        error => Outcome::Fenced(error.to_string()),
    }
}
