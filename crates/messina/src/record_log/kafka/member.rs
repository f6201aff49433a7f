//! A member of a consumer group while it is one: what it is told, in order, and the records of its partitions.
//!
//! librdkafka fetches in threads of its own and rings when a queue is no longer empty; nothing here blocks, and nothing
//! polls by the clock. Each partition has a queue of its own, so that news come through while no records are wanted,
//! and a queue that is full is what stops librdkafka from fetching more.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use rdkafka::TopicPartitionList;
use rdkafka::consumer::base_consumer::PartitionQueue;
use rdkafka::consumer::{CommitMode, Consumer as _};
use rdkafka::error::{KafkaError, KafkaResult, RDKafkaErrorCode};
use rdkafka::{Message as _, Offset};
use tokio::sync::Notify;
use tokio::task::JoinHandle;

use super::admin::{KafkaAdmin, WantedTopic};
use super::error::{Asked, KafkaLogError};
use super::gather::{Gather, size};
use super::news::{GroupEvents, Turn};
use super::positions::{Client, Ends, Start, go_on, starts};
use crate::record_log::{Assigned, Commit, Fetched, Polled, RecordLogError, SourcePartition};

/// A commit without an answer for this long has failed. It may still happen, which does no harm.
const COMMIT_PATIENCE: Duration = Duration::from_secs(10);

/// A partition that is ours.
struct Owned {
    source: SourcePartition,
    queue: PartitionQueue<GroupEvents>,
    /// Offset of the next record.
    position: i64,
    /// Whether the record at `position` is not there: it has to be found out where to go on.
    astray: bool,
}

/// Something that is being asked in a thread of its own, because librdkafka's call blocks.
enum Asking {
    Starts(TopicPartitionList, JoinHandle<KafkaResult<Vec<Start>>>),
    GoOn(SourcePartition, JoinHandle<KafkaResult<i64>>),
}

pub(super) struct Member {
    pub(super) client: Arc<Client>,
    pub(super) ring: Arc<Notify>,
    /// A group's member that is not heard of for half as long again and more is taken for dead.
    pub(super) keep_alive: Duration,
    pub(super) asked: Asked,
    pub(super) admin: KafkaAdmin,
    pub(super) topics: Vec<String>,
    pub(super) ends: Arc<Ends>,
    state: State,
}

#[derive(Default)]
struct State {
    partitions: Vec<Owned>,
    /// Whose turn it is to be read first.
    next: usize,
    asking: Option<Asking>,
    /// Partitions that the group wants back.
    leaving: Option<TopicPartitionList>,
    lost: VecDeque<Polled>,
    /// Whether the cluster or the topics may be away.
    doubt: bool,
    check: Option<JoinHandle<Result<(), KafkaLogError>>>,
    trouble: Option<KafkaLogError>,
    /// A commit without an answer yet.
    committing: Option<JoinHandle<KafkaResult<()>>>,
    gather: Gather,
}

impl Member {
    pub(super) fn new(
        client: Arc<Client>,
        ring: Arc<Notify>,
        keep_alive: Duration,
        asked: Asked,
        (admin, topics): (KafkaAdmin, Vec<String>),
        ends: Arc<Ends>,
    ) -> Self {
        let state = State {
            doubt: true,
            ..State::default()
        };
        Self {
            client,
            ring,
            keep_alive,
            asked,
            admin,
            topics,
            ends,
            state,
        }
    }

    pub(super) async fn poll(&mut self, max_bytes: usize) -> Result<Polled, KafkaLogError> {
        loop {
            self.hear();
            if let Some(polled) = self.turn().await? {
                return Ok(polled);
            }
            if let Some(lost) = self.state.lost.pop_front() {
                return Ok(lost);
            }
            let fetched = self.fetch(max_bytes);
            if !fetched.is_empty() {
                self.state.doubt = false;
                return Ok(Polled::Records(fetched));
            }
            if let Some(error) = self.state.trouble.take() {
                return Err(error);
            }
            if self.wait().await? {
                // The cluster and the topics are there: whoever waited for them hears it.
                return Ok(Polled::Records(Vec::new()));
            }
        }
    }

    /// Takes in everything that librdkafka has to say besides records.
    fn hear(&mut self) {
        let client = Arc::clone(&self.client);
        loop {
            let before = client.context().heard();
            match client.poll(Duration::ZERO) {
                Some(Err(error)) => self.hear_error(&error),
                // Its partition's queue was not there yet: it is fetched again, in order.
                Some(Ok(message)) => {
                    let (topic, partition) = (message.topic(), message.partition());
                    let mut own = self.state.partitions.iter_mut();
                    let own = own.find(|own| {
                        *own.source.topic == *topic && own.source.partition == partition
                    });
                    if let Some(own) = own {
                        own.astray = true;
                    }
                }
                // Something was heard, and there may be more.
                None if client.context().heard() != before => {}
                None => return,
            }
        }
    }

    fn hear_error(&mut self, error: &KafkaError) {
        use RDKafkaErrorCode as Code;
        let fatal = matches!(error, KafkaError::MessageConsumptionFatal(_));
        let code = error.rdkafka_error_code().unwrap_or(Code::Fail);
        let said = self.client.context().last_error().map(|(_, said)| said);
        match code {
            _ if fatal => self.trouble(Code::Fatal, said),
            Code::AllBrokersDown => {
                self.state.doubt = true;
                self.trouble(code, said);
            }
            Code::UnknownTopicOrPartition | Code::UnknownTopic => self.state.doubt = true,
            Code::Authentication
            | Code::SaslAuthenticationFailed
            | Code::TopicAuthorizationFailed
            | Code::GroupAuthorizationFailed
            | Code::ClusterAuthorizationFailed => self.trouble(code, said),
            // A broker of several, a leader that moves: librdkafka copes, and its events are logged.
            code => tracing::debug!(%code, group = self.asked.subject, "the consumer copes"),
        }
    }

    fn trouble(&mut self, code: RDKafkaErrorCode, said: Option<String>) {
        let mut asked = self.asked.clone();
        if code == RDKafkaErrorCode::TopicAuthorizationFailed {
            asked.subject = format!("`{}`", self.topics.join("`, `"));
        }
        let trouble = || asked.answered(code, said);
        self.state.trouble.get_or_insert_with(trouble);
    }

    /// The next turn of a rebalance, or the next answer that a turn waits for.
    async fn turn(&mut self) -> Result<Option<Polled>, KafkaLogError> {
        loop {
            if self.state.leaving.is_some() {
                return Ok(Some(Polled::Revoked(self.release())));
            }
            if self.state.asking.is_some() {
                return self.answer().await;
            }
            match self.client.context().next_turn() {
                Some(Turn::Assign(partitions)) if partitions.count() == 0 => {
                    self.take(&partitions);
                }
                Some(Turn::Assign(partitions)) => self.ask_starts(partitions),
                Some(Turn::Revoke { partitions, lost }) => {
                    let sources = self.owned(&partitions);
                    self.state.leaving = Some(partitions);
                    if sources.is_empty() || lost {
                        continue;
                    }
                    return Ok(Some(Polled::Leaving(sources)));
                }
                None => match self.state.partitions.iter().find(|own| own.astray) {
                    Some(own) => {
                        let (source, position) = (own.source.clone(), own.position);
                        self.ask_go_on(source, position);
                    }
                    None => return Ok(None),
                },
            }
        }
    }

    fn ask_starts(&mut self, partitions: TopicPartitionList) {
        let (client, asked) = (Arc::clone(&self.client), partitions.clone());
        let asking = tokio::task::spawn_blocking(move || starts(&client, asked));
        self.state.asking = Some(Asking::Starts(partitions, asking));
    }

    fn ask_go_on(&mut self, source: SourcePartition, position: i64) {
        let (client, asked) = (Arc::clone(&self.client), source.clone());
        let asking = tokio::task::spawn_blocking(move || go_on(&client, &asked, position));
        self.state.asking = Some(Asking::GoOn(source, asking));
    }

    async fn answer(&mut self) -> Result<Option<Polled>, KafkaLogError> {
        match &mut self.state.asking {
            None => Ok(None),
            Some(Asking::Starts(_, handle)) => {
                let answer = joined(handle.await);
                let Some(Asking::Starts(partitions, _)) = self.state.asking.take() else {
                    return Ok(None);
                };
                match answer {
                    Ok(starts) => Ok(self.begin(starts)),
                    Err(error) => {
                        // The group waits for us, and goes on without us if this takes too long.
                        self.client.context().put_back(Turn::Assign(partitions));
                        Err(self.asked.clone().failed(error))
                    }
                }
            }
            Some(Asking::GoOn(_, handle)) => {
                let answer = joined(handle.await);
                let Some(Asking::GoOn(source, _)) = self.state.asking.take() else {
                    return Ok(None);
                };
                let position = answer.map_err(|error| self.asked.clone().failed(error))?;
                Ok(self.go_on(&source, position))
            }
        }
    }

    /// Takes the partitions, each from where the group stands.
    fn begin(&mut self, starts: Vec<Start>) -> Option<Polled> {
        let mut list = TopicPartitionList::with_capacity(starts.len());
        let mut queues = Vec::with_capacity(starts.len());
        for start in &starts {
            // Before it is assigned, or its first records would go to the common queue.
            queues.push(self.queue(&start.source)?);
            add(&mut list, &start.source, start.position);
        }
        if !self.take(&list) {
            return None;
        }
        let mut assigned = Vec::with_capacity(starts.len());
        for (start, queue) in starts.into_iter().zip(queues) {
            let source = start.source;
            self.ends.add(source.clone(), &self.client);
            if start.position != start.offset {
                self.state.lost.push_back(Polled::Lost {
                    source: source.clone(),
                    from: start.offset,
                    to: start.position,
                });
            }
            self.state.partitions.push(Owned {
                source: source.clone(),
                queue,
                position: start.position,
                astray: false,
            });
            assigned.push(Assigned {
                source,
                offset: start.offset,
                metadata: start.metadata,
            });
        }
        Some(Polled::Assigned(assigned))
    }

    /// Reads a partition on from another position.
    fn go_on(&mut self, source: &SourcePartition, position: i64) -> Option<Polled> {
        let mut list = TopicPartitionList::with_capacity(1);
        add(&mut list, source, position);
        self.give_back(&list);
        let queue = self.queue(source)?;
        if !self.take(&list) {
            return None;
        }
        let mut own = self.state.partitions.iter_mut();
        let own = own.find(|own| own.source == *source)?;
        let from = std::mem::replace(&mut own.position, position);
        own.queue = queue;
        own.astray = false;
        (from != position).then(|| Polled::Lost {
            source: source.clone(),
            from,
            to: position,
        })
    }

    fn queue(&self, source: &SourcePartition) -> Option<PartitionQueue<GroupEvents>> {
        let queue = self
            .client
            .split_partition_queue(&source.topic, source.partition);
        let ring = Arc::clone(&self.ring);
        queue.map(|mut queue| {
            queue.set_nonempty_callback(move || ring.notify_one());
            queue
        })
    }

    /// Tells the group that we have these partitions; `false` if it has given them to others meanwhile.
    fn take(&self, partitions: &TopicPartitionList) -> bool {
        match self.client.incremental_assign(partitions) {
            Ok(()) => true,
            Err(error) => {
                tracing::debug!(%error, group = self.asked.subject, "the partitions were not for us any more");
                false
            }
        }
    }

    /// Tells the group that we no longer have these partitions.
    fn give_back(&self, partitions: &TopicPartitionList) {
        if let Err(error) = self.client.incremental_unassign(partitions) {
            tracing::debug!(%error, group = self.asked.subject, "the partitions were not ours any more");
        }
    }

    /// Those of `partitions` that are ours.
    fn owned(&self, partitions: &TopicPartitionList) -> Vec<SourcePartition> {
        let ours = |own: &&Owned| {
            let source = &own.source;
            partitions
                .find_partition(&source.topic, source.partition)
                .is_some()
        };
        let owned = self.state.partitions.iter().filter(ours);
        owned.map(|own| own.source.clone()).collect()
    }

    /// Gives up the partitions that the group wants back, and says which.
    pub(super) fn release(&mut self) -> Vec<SourcePartition> {
        let Some(partitions) = self.state.leaving.take() else {
            return Vec::new();
        };
        let sources = self.owned(&partitions);
        self.state
            .partitions
            .retain(|own| !sources.contains(&own.source));
        for source in &sources {
            self.ends.remove(source);
        }
        self.give_back(&partitions);
        sources
    }

    /// Records of as many partitions as have some, up to `max_bytes`, each call beginning with another partition.
    fn fetch(&mut self, max_bytes: usize) -> Vec<Fetched> {
        let count = self.state.partitions.len();
        let mut all = Vec::new();
        let mut left = max_bytes;
        let mut trouble = None;
        for turn in 0..count {
            if left == 0 {
                break;
            }
            let index = (self.state.next + turn) % count;
            let Some(own) = self.state.partitions.get_mut(index) else {
                break;
            };
            let (records, code) = own.take(&mut self.state.gather, &self.ends, &mut left);
            trouble = trouble.or(code.map(|code| (code, own.source.clone())));
            if !records.is_empty() {
                let source = own.source.clone();
                all.push(Fetched { source, records });
            }
            if left == 0 {
                self.state.next = (index + 1) % count;
            }
        }
        if let Some((code, source)) = trouble {
            let subject = format!("`{}`-{}", source.topic, source.partition);
            let asked = Asked {
                subject,
                ..self.asked.clone()
            };
            self.state.trouble = Some(asked.answered(code, None));
        }
        all
    }

    /// Waits until something rings. `true` if the cluster and the topics were in doubt, and are there.
    async fn wait(&mut self) -> Result<bool, KafkaLogError> {
        let state = &mut self.state;
        if state.doubt && state.check.is_none() {
            let (admin, wanted) = (self.admin.clone(), wanted(&self.topics, &self.admin));
            #[expect(
                clippy::disallowed_methods,
                reason = "watched by this consumer, which is told its end"
            )]
            let check = tokio::spawn(async move { admin.ensure(&wanted).await });
            state.check = Some(check);
        }
        let check = async {
            match &mut state.check {
                Some(check) => joined(check.await),
                None => std::future::pending().await,
            }
        };
        let checked = tokio::select! {
            () = self.ring.notified() => return Ok(false),
            () = tokio::time::sleep(self.keep_alive) => return Ok(false),
            checked = check => checked,
        };
        state.check = None;
        match checked {
            Ok(()) => {
                state.doubt = false;
                Ok(true)
            }
            Err(error @ KafkaLogError::Missing { .. }) if !state.partitions.is_empty() => {
                // The others are read; this one is once it is there.
                tracing::warn!(%error, "a sink's topic is missing");
                state.doubt = false;
                Ok(false)
            }
            Err(error) => Err(error),
        }
    }

    pub(super) async fn commit(&mut self, commits: Vec<Commit>) -> Result<(), KafkaLogError> {
        let mut list = TopicPartitionList::with_capacity(commits.len());
        for commit in commits {
            let ours = |own: &Owned| own.source == commit.source;
            if self.state.partitions.iter().any(ours) {
                let (topic, partition) = (&commit.source.topic, commit.source.partition);
                let mut element = list.add_partition(topic, partition);
                element.set_metadata(&commit.metadata);
                let offset = element.set_offset(Offset::Offset(commit.offset));
                offset.map_err(|error| self.asked.clone().failed(error))?;
            }
        }
        if list.count() == 0 {
            return Ok(());
        }
        let asked = Asked {
            operation: "commit the offsets of",
            ..self.asked.clone()
        };
        match tokio::time::timeout(COMMIT_PATIENCE, self.committed(list)).await {
            Ok(Ok(()) | Err(KafkaError::ConsumerCommit(RDKafkaErrorCode::NoOffset))) => Ok(()),
            Ok(Err(error)) => Err(asked.failed(error)),
            Err(_elapsed) => Err(asked.answered(RDKafkaErrorCode::OperationTimedOut, None)),
        }
    }

    /// Commits when the commit before, which nobody waited for any more, is answered: they may not overtake each other.
    async fn committed(&mut self, list: TopicPartitionList) -> KafkaResult<()> {
        if let Some(before) = &mut self.state.committing {
            let answer = joined(before.await);
            self.state.committing = None;
            if let Err(error) = answer {
                tracing::debug!(%error, group = self.asked.subject, "an earlier commit has failed");
            }
        }
        let client = Arc::clone(&self.client);
        // librdkafka tells the result only to who waits.
        let commit = tokio::task::spawn_blocking(move || client.commit(&list, CommitMode::Sync));
        let answer = joined(self.state.committing.insert(commit).await);
        self.state.committing = None;
        answer
    }

    /// Answers what the group waits for, so that it can be left.
    pub(super) fn settle(&mut self) {
        self.client.context().close();
        self.state.check = None;
        if let Some(Asking::Starts(partitions, _)) = self.state.asking.take() {
            self.take(&partitions);
        }
        self.release();
        while let Some(turn) = self.client.context().next_turn() {
            match turn {
                Turn::Assign(partitions) => {
                    self.take(&partitions);
                }
                Turn::Revoke { partitions, .. } => self.give_back(&partitions),
            }
        }
        for own in self.state.partitions.drain(..) {
            self.ends.freeze(&own.source);
        }
    }
}

impl Owned {
    /// Records that are there, until `left` bytes are used up; and what went wrong, if something did.
    fn take(
        &mut self,
        gather: &mut Gather,
        ends: &Ends,
        left: &mut usize,
    ) -> (
        Vec<messina_store::log::StoredRecord>,
        Option<RDKafkaErrorCode>,
    ) {
        use RDKafkaErrorCode as Code;
        let mut records = Vec::new();
        let mut reached = None;
        let mut trouble = None;
        while *left > 0 && !self.astray {
            match self.queue.poll(Duration::ZERO) {
                None => break,
                Some(Ok(message)) => {
                    let record = gather.record(&message);
                    self.position = record.offset + 1;
                    *left = left.saturating_sub(size(&record));
                    records.push(record);
                    reached = Some(None);
                }
                Some(Err(KafkaError::PartitionEOF(_))) => reached = Some(Some(self.position)),
                Some(Err(error)) => match error.rdkafka_error_code().unwrap_or(Code::Fail) {
                    Code::AutoOffsetReset | Code::OffsetOutOfRange => self.astray = true,
                    code @ (Code::TopicAuthorizationFailed | Code::Fatal) => trouble = Some(code),
                    // The group hears of it: partitions that are gone are revoked.
                    code => {
                        let (topic, partition) = (&self.source.topic, self.source.partition);
                        tracing::debug!(%code, %topic, partition, "the partition cannot be read now");
                    }
                },
            }
        }
        if let Some(reached) = reached {
            ends.reached(&self.source, reached);
        }
        (records, trouble)
    }
}

fn add(list: &mut TopicPartitionList, source: &SourcePartition, position: i64) {
    let mut element = list.add_partition(&source.topic, source.partition);
    if let Err(error) = element.set_offset(Offset::Offset(position)) {
        tracing::error!(%error, position, "an offset that is none");
    }
}

fn wanted(topics: &[String], admin: &KafkaAdmin) -> Vec<WantedTopic> {
    let partitions = admin.default_partitions();
    let wanted = |name: &String| WantedTopic {
        name: name.clone(),
        partitions,
        exact: false,
        settings: Vec::new(),
    };
    topics.iter().map(wanted).collect()
}

fn joined<T>(result: Result<T, tokio::task::JoinError>) -> T {
    match result {
        Ok(value) => value,
        Err(panicked) => std::panic::resume_unwind(panicked.into_panic()),
    }
}

/// The error of the log's trait, for whoever reads.
pub(super) fn reading(error: KafkaLogError) -> RecordLogError {
    error.of_log("be read")
}
