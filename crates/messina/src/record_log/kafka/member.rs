//! A member of a consumer group while it is one: what it is told, in order, and the records of its partitions.
//!
//! librdkafka fetches in threads of its own and rings when a queue is no longer empty; nothing here blocks, and nothing
//! polls by the clock. Each partition has a queue of its own, so that news come through while no records are wanted,
//! and a queue that is full is what stops librdkafka from fetching more.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use rdkafka::consumer::Consumer as _;
use rdkafka::error::{KafkaError, KafkaResult, RDKafkaErrorCode};
use rdkafka::{Message as _, TopicPartitionList};
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tokio::time::Instant;

use super::admin::{KafkaAdmin, WantedTopic};
use super::error::{Asked, KafkaLogError};
use super::gather::Gather;
use super::news::Turn;
use super::owned::Owned;
use super::positions::{Client, Ends};
use super::turns::{Asking, Looking};
use crate::record_log::{Fetched, Polled, RecordLogError};

pub(super) struct Member {
    pub(super) client: Arc<Client>,
    pub(super) ring: Arc<Notify>,
    /// A group's member that is not heard of for half as long again and more is taken for dead.
    pub(super) keep_alive: Duration,
    pub(super) asked: Asked,
    pub(super) admin: KafkaAdmin,
    pub(super) topics: Vec<String>,
    pub(super) ends: Arc<Ends>,
    pub(super) state: State,
}

pub(super) struct State {
    pub(super) partitions: Vec<Owned>,
    /// Whose turn it is to be read first.
    pub(super) next: usize,
    pub(super) asking: Option<Asking>,
    /// Partitions that the group wants back.
    pub(super) leaving: Option<TopicPartitionList>,
    pub(super) lost: VecDeque<Polled>,
    /// Whether the cluster or the topics may be away.
    pub(super) doubt: bool,
    pub(super) check: Option<JoinHandle<Result<(), KafkaLogError>>>,
    pub(super) trouble: Option<KafkaLogError>,
    /// A commit without an answer yet.
    pub(super) committing: Option<JoinHandle<KafkaResult<()>>>,
    pub(super) gather: Gather,
    /// The topics' identifiers, asked for now and then.
    pub(super) looking: Option<Looking>,
    pub(super) look_at: Instant,
}

impl State {
    /// Of a member that has just joined: the cluster and the topics may be away.
    fn new() -> Self {
        Self {
            partitions: Vec::new(),
            next: 0,
            asking: None,
            leaving: None,
            lost: VecDeque::new(),
            doubt: true,
            check: None,
            trouble: None,
            committing: None,
            gather: Gather::default(),
            looking: None,
            look_at: Instant::now(),
        }
    }
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
        Self {
            client,
            ring,
            keep_alive,
            asked,
            admin,
            topics,
            ends,
            state: State::new(),
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
    pub(super) fn hear(&mut self) {
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
        let until = Instant::now() + self.keep_alive;
        let until = self.next_look().map_or(until, |look| look.min(until));
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
            () = tokio::time::sleep_until(until) => return Ok(false),
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

/// The topics that must be there. One that begins with `^` is an expression: the client library reads what matches it,
/// as topics come and go.
fn wanted(topics: &[String], admin: &KafkaAdmin) -> Vec<WantedTopic> {
    let partitions = admin.default_partitions();
    let wanted = |name: &String| WantedTopic {
        name: name.clone(),
        partitions,
        exact: false,
        settings: Vec::new(),
    };
    let named = topics.iter().filter(|name| !name.starts_with('^'));
    named.map(wanted).collect()
}

/// The result of a task that does not panic.
pub(super) fn joined<T>(result: Result<T, tokio::task::JoinError>) -> T {
    match result {
        Ok(value) => value,
        Err(panicked) => std::panic::resume_unwind(panicked.into_panic()),
    }
}

/// The error of the log's trait, for whoever reads.
pub(super) fn reading(error: KafkaLogError) -> RecordLogError {
    error.of_log("be read")
}
