//! This worker's place in the group: a consumer that holds partitions and reads nothing from them.
//!
//! Kafka's group protocol does what a cluster needs: who is there, who has what, and that nobody has it twice. The
//! partition of the topic of configurations is the leader's; those of the topic of statuses are slots for tasks.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use parking_lot::Mutex;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::error::{KafkaError, KafkaResult, RDKafkaErrorCode};
use rdkafka::{Offset, TopicPartitionList};
use tokio::sync::{mpsc, oneshot};

use super::roster::Seat;
use crate::config::{DistributedConfig, KafkaConfig};
use crate::record_log::kafka::{
    Asked, ClientEvents, ClientRole, GroupEvents, GroupTurn, KafkaLogError, client_config,
};

/// How long the thread does not look whether it is to end.
const A_MOMENT: Duration = Duration::from_millis(200);
/// Turns on their way; the thread waits for the worker beyond that.
pub(super) const TURNS: usize = 16;

/// The worker has another seat from now on.
#[derive(Debug)]
pub(super) struct Turn {
    pub(super) seat: Seat,
    /// The group waits for this: it is answered when nothing of what is gone runs any more.
    pub(super) done: Option<oneshot::Sender<()>>,
}

/// A member of the group until it is closed.
#[derive(Debug)]
pub(super) struct Membership {
    stop: Arc<AtomicBool>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl Membership {
    /// Joins. Blocks a moment.
    pub(super) fn join(
        kafka: &Arc<KafkaConfig>,
        config: &DistributedConfig,
        address: &str,
        turns: mpsc::Sender<Turn>,
    ) -> Result<Self, KafkaLogError> {
        let asked = Asked {
            operation: "join",
            subject: format!("the group `{}`", config.group),
            servers: kafka.servers(),
        };
        let mut settings = client_config(kafka, ClientRole::Consumer)?;
        let millis = |duration: Duration| duration.as_millis().to_string();
        settings
            .set("group.id", &config.group)
            .set("client.id", address)
            .set("session.timeout.ms", millis(config.session_timeout))
            .set("heartbeat.interval.ms", millis(config.heartbeat))
            .set(
                "max.poll.interval.ms",
                millis(config.rebalance_timeout.max(config.session_timeout)),
            );
        let events = ClientEvents::new(Arc::clone(kafka), "member of the workers' group");
        let events = GroupEvents::new(events);
        let topics = [config.configs.name.as_str(), config.statuses.name.as_str()];
        let joined =
            settings
                .create_with_context(events)
                .and_then(|consumer: BaseConsumer<GroupEvents>| {
                    consumer.subscribe(&topics)?;
                    Ok(consumer)
                });
        let member = Member {
            consumer: joined.map_err(|error| asked.failed(error))?,
            configs: config.configs.name.clone(),
            group: config.group.clone(),
            seat: Seat::default(),
            turns,
        };
        let stop = Arc::new(AtomicBool::new(false));
        let told = Arc::clone(&stop);
        let thread = thread::Builder::new()
            .name("messina-connect-member".to_owned())
            .spawn(move || member.run(&told));
        let thread = thread.map_err(|error| KafkaLogError::Settings {
            said: format!("no thread can be started: {error}"),
        })?;
        Ok(Self {
            stop,
            thread: Mutex::new(Some(thread)),
        })
    }

    /// Leaves the group, so that the others need not wait to find this worker gone. Blocks.
    pub(super) fn leave(&self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.lock().take()
            && thread.join().is_err()
        {
            tracing::error!("the member of the workers' group had panicked");
        }
    }
}

struct Member {
    consumer: BaseConsumer<GroupEvents>,
    configs: String,
    group: String,
    seat: Seat,
    turns: mpsc::Sender<Turn>,
}

impl Member {
    fn run(mut self, stop: &AtomicBool) {
        while !stop.load(Ordering::Relaxed) {
            if let Some(Err(error)) = self.consumer.poll(A_MOMENT) {
                self.failed(&error);
            }
            while let Some(turn) = self.consumer.context().next_turn() {
                if let Err(error) = self.take(turn) {
                    tracing::error!(%error, group = self.group, "the group's assignment could not be taken");
                }
            }
        }
        self.consumer.context().close();
        self.consumer.unsubscribe();
    }

    fn take(&mut self, turn: GroupTurn) -> KafkaResult<()> {
        match turn {
            GroupTurn::Assign(mut partitions) => {
                // Nothing is read: what the topics say every worker reads for itself.
                partitions.set_all_offsets(Offset::End)?;
                self.consumer.incremental_assign(&partitions)?;
                self.consumer.pause(&partitions)?;
                self.change(&partitions, true);
                self.tell(None);
                Ok(())
            }
            GroupTurn::Revoke { partitions, .. } => {
                self.change(&partitions, false);
                let (done, ended) = oneshot::channel();
                self.tell(Some(done));
                // A worker that has ended has no tasks either.
                drop(ended.blocking_recv());
                self.consumer.incremental_unassign(&partitions)
            }
        }
    }

    fn change(&mut self, partitions: &TopicPartitionList, here: bool) {
        for element in partitions.elements() {
            let slot = usize::try_from(element.partition()).unwrap_or(usize::MAX);
            if element.topic() == self.configs {
                self.seat.leads = here;
            } else if here {
                self.seat.slots.insert(slot);
            } else {
                self.seat.slots.remove(&slot);
            }
        }
    }

    fn tell(&self, done: Option<oneshot::Sender<()>>) {
        let seat = self.seat.clone();
        // Nobody is told once the worker has ended.
        drop(self.turns.blocking_send(Turn { seat, done }));
    }

    fn failed(&self, error: &KafkaError) {
        let group = self.group.as_str();
        let code = error.rdkafka_error_code();
        match code {
            Some(RDKafkaErrorCode::PartitionEOF) => {}
            Some(RDKafkaErrorCode::InconsistentGroupProtocol) => tracing::error!(
                group,
                "the group is one of other workers, Java's perhaps: stop those, or give these another `group.id`"
            ),
            _ => tracing::warn!(%error, group, "this worker has trouble with its group"),
        }
    }
}
