//! The worker itself: what it starts with, and the loop that follows what the topics and the group say.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::{Notify, mpsc};
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;

use super::super::error::HerderError;
use super::super::factory::Factory;
use super::config_writer::ConfigWriter;
use super::membership::{Membership, TURNS, Turn};
use super::roster::Seat;
use super::running::{OwnConnector, RunningTask, TaskKey};
use super::status_writer::StatusWriter;
use super::tail::{Tail, TailNews};
use crate::config::{DistributedConfig, KafkaConfig};
use crate::record_log::kafka::{KafkaGroups, StorageTopics};
use crate::runtime::clock::Clock;
use crate::runtime::tasks::Tasks;

/// How often states are written down that nobody tells of: a task that has failed, a topic that is read.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

/// What a worker is made of.
#[derive(Debug)]
pub struct SharedParts {
    /// Makes connectors.
    pub factory: Factory,
    /// Runs their tasks, and what looks after them.
    pub tasks: Tasks,
    /// Ends all of it.
    pub stop: CancellationToken,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// What this worker is called: where the others find its REST API, `host:port`.
    pub worker_id: String,
    /// Connectors at most.
    pub max_connectors: usize,
    /// What the cluster calls itself.
    pub cluster: String,
    /// The cluster that has the topics.
    pub kafka: Arc<KafkaConfig>,
    /// The group.
    pub config: DistributedConfig,
}

/// One worker of several.
#[derive(Debug)]
pub struct SharedHerder {
    pub(super) parts: SharedParts,
    pub(super) groups: KafkaGroups,
    pub(super) tail: Tail,
    pub(super) statuses: StatusWriter,
    /// Partitions of the topic of statuses.
    pub(super) slots: usize,
    pub(super) seat: Mutex<Seat>,
    /// Held while something is changed: one change at a time. There is a pen while this worker leads.
    pub(super) pen: tokio::sync::Mutex<Option<ConfigWriter>>,
    pub(super) running: Mutex<BTreeMap<TaskKey, RunningTask>>,
    pub(super) own: Mutex<BTreeMap<String, OwnConnector>>,
    /// Tasks of this worker that are to be started again.
    pub(super) again: Mutex<BTreeSet<TaskKey>>,
    /// A task has ended, or is to be started again.
    pub(super) stirred: Notify,
}

impl SharedHerder {
    /// Makes sure of the topics, reads them, and joins the group. Connectors run as soon as the group has given this
    /// worker its share.
    pub async fn open(parts: SharedParts) -> Result<Arc<Self>, HerderError> {
        let SharedParts { kafka, config, .. } = &parts;
        let topics = [&config.configs, &config.offsets, &config.statuses];
        // What stands below `admin.` is for connectors' topics.
        let of_worker = Arc::new(KafkaConfig {
            admin: Vec::new(),
            ..KafkaConfig::clone(kafka)
        });
        let topics = StorageTopics::provide(&of_worker, topics).await?;
        let (kafka, config) = (Arc::clone(kafka), config.clone());
        let slots = topics.partitions(&config.statuses.name);
        let opened = tokio::task::spawn_blocking(move || {
            let tail = Tail::open(&kafka, &config, slots)?;
            Ok::<_, HerderError>((tail, StatusWriter::open(&kafka, &config)?))
        });
        let (tail, statuses) = finished(opened.await)?;
        tail.whole().await?;
        let herder = Arc::new(Self {
            groups: KafkaGroups::new(Arc::clone(&parts.kafka)),
            parts,
            tail,
            statuses,
            slots,
            seat: Mutex::default(),
            pen: tokio::sync::Mutex::default(),
            running: Mutex::default(),
            own: Mutex::default(),
            again: Mutex::default(),
            stirred: Notify::new(),
        });
        herder.join().await?;
        Ok(herder)
    }

    /// How the others ask this worker.
    pub(super) fn address(&self) -> String {
        self.parts.config.address(&self.parts.worker_id)
    }

    async fn join(self: &Arc<Self>) -> Result<(), HerderError> {
        let (turns, taken) = mpsc::channel(TURNS);
        let parts = &self.parts;
        let (kafka, config) = (Arc::clone(&parts.kafka), parts.config.clone());
        let address = self.address();
        let joined =
            tokio::task::spawn_blocking(move || Membership::join(&kafka, &config, &address, turns));
        let membership = finished(joined.await)?;
        let news = self.tail.news();
        let herder = Arc::clone(self);
        parts.tasks.spawn("connect", async move {
            herder.follow(taken, news, membership).await;
        });
        Ok(())
    }

    /// Does what the group and the topics say until the program stops; then gives everything up and leaves.
    async fn follow(
        self: Arc<Self>,
        mut turns: mpsc::Receiver<Turn>,
        mut news: TailNews,
        membership: Membership,
    ) {
        let mut look = tokio::time::interval(LOOK_AGAIN);
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                biased;
                () = self.parts.stop.cancelled() => break,
                Some(turn) = turns.recv() => self.turned(turn).await,
                () = news.more() => {}
                () = self.stirred.notified() => {}
                _ = look.tick() => self.doubt(),
            }
            self.settle().await;
            self.lead().await;
        }
        self.give_up().await;
        let ended = tokio::task::spawn_blocking(move || {
            // A turn that still waits for an answer gets none.
            drop(turns);
            membership.leave();
            self.tail.close();
        });
        if let Err(error) = ended.await {
            tracing::error!(%error, "leaving the workers' group has failed");
        }
    }

    /// Takes another seat: what is no longer this worker's has ended when the group is answered.
    async fn turned(self: &Arc<Self>, turn: Turn) {
        let Turn { seat, done } = turn;
        let (slots, leads) = (seat.slots.len(), seat.leads);
        let before = std::mem::replace(&mut *self.seat.lock(), seat.clone());
        if before != seat {
            let of = self.slots;
            tracing::info!(slots, of, leads, "this worker's share of the group");
        }
        if let Some(done) = done {
            self.settle().await;
            if done.send(()).is_err() {
                tracing::debug!("the group does not wait for this worker any more");
            }
        }
    }
}

/// The result of a call that blocked; a panic in it goes on here.
pub(super) fn finished<T>(joined: Result<T, tokio::task::JoinError>) -> T {
    joined.unwrap_or_else(|panicked| std::panic::resume_unwind(panicked.into_panic()))
}
