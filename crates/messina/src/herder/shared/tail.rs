//! Reads the topics of configurations and statuses from their beginning and on, for as long as the program runs.

use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use parking_lot::Mutex;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::error::KafkaError;
use rdkafka::message::BorrowedMessage;
use rdkafka::{Message as _, Offset, TopicPartitionList};
use serde_json::Value;
use tokio::sync::watch;

use super::roster::{Roster, seat};
use super::view::{View, Wish};
use crate::config::{DistributedConfig, KafkaConfig};
use crate::record_log::kafka::{Asked, ClientEvents, ClientRole, KafkaLogError, client_config};

/// How long a thread that waits for records does not look whether it is to end.
const A_MOMENT: Duration = Duration::from_millis(200);
/// How long Kafka may take to say who is in the group.
const ROSTER_PATIENCE: Duration = Duration::from_secs(5);
/// How long the topics may take to be read at the start.
const START_PATIENCE: Duration = Duration::from_mins(1);
/// Wishes that are not carried out yet, at most; more are forgotten, the oldest first.
const MAX_WISHES: usize = 1000;

/// How far was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Progress {
    /// The offset after the last configuration.
    configurations: i64,
    /// Records so far.
    records: u64,
    /// Everything that was there at the start was read.
    whole: bool,
}

/// What the topics say, kept up to date by a thread.
#[derive(Debug)]
pub(super) struct Tail {
    shared: Arc<Shared>,
    progress: watch::Receiver<Progress>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

struct Shared {
    consumer: BaseConsumer<ClientEvents>,
    config: DistributedConfig,
    servers: String,
    view: Mutex<View>,
    wishes: Mutex<VecDeque<Wish>>,
    stop: AtomicBool,
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Shared")
            .field("config", &self.config)
            .finish_non_exhaustive()
    }
}

impl Tail {
    /// Reads both topics, of which that of statuses has `slots` partitions. Blocks.
    pub(super) fn open(
        kafka: &Arc<KafkaConfig>,
        config: &DistributedConfig,
        slots: usize,
    ) -> Result<Self, KafkaLogError> {
        let servers = kafka.servers();
        let asked = Asked {
            operation: "read",
            subject: format!("`{}` and `{}`", config.configs.name, config.statuses.name),
            servers: servers.clone(),
        };
        let mut settings = client_config(kafka, ClientRole::Consumer)?;
        settings
            .set("group.id", &config.group)
            // The topic was made anew: what it holds now counts.
            .set("auto.offset.reset", "earliest");
        let events = ClientEvents::new(Arc::clone(kafka), "reader of the workers' topics");
        let opened = settings.create_with_context(events).and_then(
            |consumer: BaseConsumer<ClientEvents>| {
                consumer.assign(&everything(config, slots)?)?;
                Ok(consumer)
            },
        );
        let shared = Arc::new(Shared {
            consumer: opened.map_err(|error| asked.clone().failed(error))?,
            config: config.clone(),
            servers,
            view: Mutex::default(),
            wishes: Mutex::default(),
            stop: AtomicBool::new(false),
        });
        let (told, progress) = watch::channel(Progress::default());
        let reader = Arc::clone(&shared);
        let thread = thread::Builder::new()
            .name("messina-connect-tail".to_owned())
            .spawn(move || reader.run(&told, slots + 1));
        let thread = thread.map_err(|error| KafkaLogError::Settings {
            said: format!("no thread can be started: {error}"),
        })?;
        Ok(Self {
            shared,
            progress,
            thread: Mutex::new(Some(thread)),
        })
    }

    /// Waits until everything was read that was there at the start.
    pub(super) async fn whole(&self) -> Result<(), KafkaLogError> {
        let mut progress = self.progress.clone();
        let whole = progress.wait_for(|progress| progress.whole);
        match tokio::time::timeout(START_PATIENCE, whole).await {
            Ok(Ok(_)) => Ok(()),
            _ => Err(self.silent("read", "the workers' topics")),
        }
    }

    /// Waits until the configuration at `offset` was read.
    pub(super) async fn reached(&self, offset: i64) -> bool {
        let mut progress = self.progress.clone();
        let reached = progress.wait_for(|progress| progress.configurations > offset);
        matches!(
            tokio::time::timeout(START_PATIENCE, reached).await,
            Ok(Ok(_))
        )
    }

    fn silent(&self, operation: &'static str, subject: &str) -> KafkaLogError {
        let last = self.shared.consumer.context().last_error();
        let said = last.map_or_else(|| "it says nothing".to_owned(), |(_, said)| said);
        KafkaLogError::Away {
            asked: Asked {
                operation,
                subject: subject.to_owned(),
                servers: self.shared.servers.clone(),
            },
            said,
        }
    }

    /// Tells when more was read.
    pub(super) fn news(&self) -> TailNews {
        TailNews(self.progress.clone())
    }

    /// Looks at what was read so far.
    pub(super) fn look<T>(&self, at: impl FnOnce(&View) -> T) -> T {
        at(&self.shared.view.lock())
    }

    /// What was wished for since the last call.
    pub(super) fn wishes(&self) -> Vec<Wish> {
        self.shared.wishes.lock().drain(..).collect()
    }

    /// Asks Kafka who is in the group and has what.
    pub(super) async fn roster(&self) -> Result<Roster, KafkaLogError> {
        let shared = Arc::clone(&self.shared);
        let asked = tokio::task::spawn_blocking(move || shared.roster()).await;
        // The bindings panic where another client has a name that is no text: nothing can be told of the group then.
        asked.unwrap_or_else(|_panicked| Ok(Roster::default()))
    }

    /// Ends the thread, and waits for it. Blocks.
    pub(super) fn close(&self) {
        self.shared.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.lock().take()
            && thread.join().is_err()
        {
            tracing::error!("the reader of the workers' topics had panicked");
        }
    }
}

/// Waits for more to be read.
pub(super) struct TailNews(watch::Receiver<Progress>);

impl TailNews {
    /// Resolves when more was read since the last call; never once nothing is read any more.
    pub(super) async fn more(&mut self) {
        if self.0.changed().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

fn everything(config: &DistributedConfig, slots: usize) -> Result<TopicPartitionList, KafkaError> {
    let mut all = TopicPartitionList::new();
    all.add_partition_offset(&config.configs.name, 0, Offset::Beginning)?;
    for slot in 0..slots {
        let slot = i32::try_from(slot).unwrap_or(i32::MAX);
        all.add_partition_offset(&config.statuses.name, slot, Offset::Beginning)?;
    }
    Ok(all)
}

impl Shared {
    /// Reads until it is told to stop. The topics are whole once the end of each of `partitions` was reached.
    fn run(&self, told: &watch::Sender<Progress>, partitions: usize) {
        let mut progress = Progress::default();
        let (mut ends, mut ended) = (0, BTreeSet::new());
        while !self.stop.load(Ordering::Relaxed) {
            match self.consumer.poll(A_MOMENT) {
                None => continue,
                Some(Ok(message)) => self.take(&message, &mut progress),
                // Which topic's end it is is not told: of partition 0 there are two.
                Some(Err(KafkaError::PartitionEOF(partition))) => {
                    ends += usize::from(partition == 0);
                    ended.insert(partition);
                    progress.whole |= ends >= 2 && ended.len() + 1 >= partitions;
                }
                Some(Err(error)) => {
                    tracing::warn!(%error, "the workers' topics cannot be read now");
                    continue;
                }
            }
            told.send_replace(progress);
        }
    }

    fn take(&self, message: &BorrowedMessage<'_>, progress: &mut Progress) {
        progress.records += 1;
        let is_configuration = message.topic() == self.config.configs.name;
        if is_configuration {
            progress.configurations = message.offset() + 1;
        }
        let key = message.key().and_then(|key| std::str::from_utf8(key).ok());
        let value = message
            .payload()
            .map(serde_json::from_slice::<Value>)
            .transpose();
        let (Some(key), Ok(value)) = (key, value) else {
            let (topic, offset) = (message.topic(), message.offset());
            tracing::warn!(
                topic,
                offset,
                "a record that is not Kafka Connect's is left alone"
            );
            return;
        };
        if !is_configuration {
            self.view.lock().status(key, value);
            return;
        }
        let wish = self.view.lock().configuration(key, value.as_ref());
        // What was wished for before this worker was there is done with.
        if let Some(wish) = wish.filter(|_| progress.whole) {
            let mut wishes = self.wishes.lock();
            if wishes.len() == MAX_WISHES {
                wishes.pop_front();
            }
            wishes.push_back(wish);
        }
    }

    fn roster(&self) -> Result<Roster, KafkaLogError> {
        let group = &self.config.group;
        let listed = self.consumer.fetch_group_list(Some(group), ROSTER_PATIENCE);
        let listed = listed.map_err(|error| {
            let asked = Asked {
                operation: "describe",
                subject: format!("the group `{group}`"),
                servers: self.servers.clone(),
            };
            asked.failed(error)
        })?;
        let mut groups = listed.groups().iter();
        let stable = groups.find(|own| own.name() == group && own.state() == "Stable");
        let members = stable
            .map(rdkafka::groups::GroupInfo::members)
            .unwrap_or_default()
            .iter();
        let (configs, statuses) = (&self.config.configs.name, &self.config.statuses.name);
        let member = |member: &rdkafka::groups::GroupMemberInfo| {
            let assignment = member.assignment().unwrap_or_default();
            (
                member.client_id().to_owned(),
                seat(assignment, configs, statuses),
            )
        };
        Ok(Roster {
            members: members.map(member).collect(),
        })
    }
}
