//! Turns of a rebalance: partitions are taken from where the group stands, and given up when they are done with.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use rdkafka::TopicPartitionList;
use rdkafka::consumer::Consumer as _;
use rdkafka::consumer::base_consumer::PartitionQueue;
use rdkafka::error::KafkaResult;
use tokio::sync::oneshot;
use tokio::sync::oneshot::error::TryRecvError;
use tokio::task::JoinHandle;
use tokio::time::Instant;

use super::error::KafkaLogError;
use super::member::{Member, joined};
use super::news::{GroupEvents, Turn};
use super::owned::{Owned, add};
use super::positions::{Start, go_on, is_another, starts};
use super::topic_ids::{TopicId, topic_ids};
use crate::record_log::{Assigned, Polled, SourcePartition};

/// How often it is looked whether a topic that is read is still the same.
const BETWEEN_LOOKS: Duration = Duration::from_secs(5);

/// The identifiers of the topics that are read, as they are now.
pub(super) type Looking = oneshot::Receiver<KafkaResult<BTreeMap<Arc<str>, TopicId>>>;

/// Something that is being asked in a thread of its own, because librdkafka's call blocks.
pub(super) enum Asking {
    Starts(TopicPartitionList, JoinHandle<KafkaResult<Vec<Start>>>),
    GoOn(
        SourcePartition,
        JoinHandle<KafkaResult<(i64, Option<TopicId>)>>,
    ),
}

impl Member {
    /// The next turn of a rebalance, or the next answer that a turn waits for.
    pub(super) async fn turn(&mut self) -> Result<Option<Polled>, KafkaLogError> {
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
                None => {
                    self.look();
                    match self.state.partitions.iter().find(|own| own.astray) {
                        Some(own) => {
                            let from = (own.position, own.id.clone());
                            self.ask_go_on(own.source.clone(), from);
                        }
                        None => return Ok(None),
                    }
                }
            }
        }
    }

    /// Looks now and then whether the topics are the same: one that is deleted and made again in a moment has records
    /// at the old offsets perhaps, and nobody else tells.
    fn look(&mut self) {
        if self.next_look().is_some_and(|due| due <= Instant::now()) {
            self.begin_to_look();
        }
        let Some(looking) = &mut self.state.looking else {
            return;
        };
        match looking.try_recv() {
            Err(TryRecvError::Empty) => return,
            Ok(Ok(ids)) => self.compare(&ids),
            Ok(Err(error)) => {
                tracing::debug!(%error, group = self.asked.subject, "the topics' identifiers are not known now");
            }
            Err(TryRecvError::Closed) => {}
        }
        self.state.looking = None;
        self.state.look_at = Instant::now() + BETWEEN_LOOKS;
    }

    /// When to look next; `None` while an answer is waited for, and where there is nothing to look at.
    pub(super) fn next_look(&self) -> Option<Instant> {
        let state = &self.state;
        let may_change =
            state.looking.is_none() && state.partitions.iter().any(|own| own.id.is_some());
        may_change.then_some(state.look_at)
    }

    fn begin_to_look(&mut self) {
        let own = self.state.partitions.iter();
        let names: BTreeSet<Arc<str>> = own.map(|own| Arc::clone(&own.source.topic)).collect();
        let (client, ring) = (Arc::clone(&self.client), Arc::clone(&self.ring));
        let (sender, looking) = oneshot::channel();
        self.state.looking = Some(looking);
        tokio::task::spawn_blocking(move || {
            // Nobody may wait for it any more.
            if sender.send(topic_ids(&client, &names)).is_ok() {
                ring.notify_one();
            }
        });
    }

    fn compare(&mut self, ids: &BTreeMap<Arc<str>, TopicId>) {
        for own in &mut self.state.partitions {
            let now = ids.get(&own.source.topic);
            if is_another(own.id.as_ref(), now) {
                let (topic, partition) = (&own.source.topic, own.source.partition);
                tracing::warn!(%topic, partition, group = self.asked.subject, "the topic was deleted and made again");
                own.astray = true;
            }
        }
    }

    fn ask_starts(&mut self, partitions: TopicPartitionList) {
        let (client, asked) = (Arc::clone(&self.client), partitions.clone());
        let asking = tokio::task::spawn_blocking(move || starts(&client, asked));
        self.state.asking = Some(Asking::Starts(partitions, asking));
    }

    fn ask_go_on(&mut self, source: SourcePartition, from: (i64, Option<TopicId>)) {
        let (client, asked) = (Arc::clone(&self.client), source.clone());
        let asking = tokio::task::spawn_blocking(move || {
            let (position, then) = from;
            go_on(&client, &asked, (position, then.as_ref()))
        });
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
                let on = answer.map_err(|error| self.asked.clone().failed(error))?;
                Ok(self.go_on(&source, on))
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
                id: start.id,
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
    fn go_on(
        &mut self,
        source: &SourcePartition,
        (position, id): (i64, Option<TopicId>),
    ) -> Option<Polled> {
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
        self.ends.reached(source, None);
        own.id = id.or_else(|| own.id.take());
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
    pub(super) fn take(&self, partitions: &TopicPartitionList) -> bool {
        match self.client.incremental_assign(partitions) {
            Ok(()) => true,
            Err(error) => {
                tracing::debug!(%error, group = self.asked.subject, "the partitions were not for us any more");
                false
            }
        }
    }

    /// Tells the group that we no longer have these partitions.
    pub(super) fn give_back(&self, partitions: &TopicPartitionList) {
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
}
