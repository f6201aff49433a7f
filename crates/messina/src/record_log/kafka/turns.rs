//! Turns of a rebalance: partitions are taken from where the group stands, and given up when they are done with.

use std::sync::Arc;

use rdkafka::TopicPartitionList;
use rdkafka::consumer::Consumer as _;
use rdkafka::consumer::base_consumer::PartitionQueue;
use rdkafka::error::KafkaResult;
use tokio::task::JoinHandle;

use super::error::KafkaLogError;
use super::member::{Member, joined};
use super::news::{GroupEvents, Turn};
use super::owned::{Owned, add};
use super::positions::{Start, go_on, starts};
use crate::record_log::{Assigned, Polled, SourcePartition};

/// Something that is being asked in a thread of its own, because librdkafka's call blocks.
pub(super) enum Asking {
    Starts(TopicPartitionList, JoinHandle<KafkaResult<Vec<Start>>>),
    GoOn(SourcePartition, JoinHandle<KafkaResult<i64>>),
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
