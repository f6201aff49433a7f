//! What waits for the committer: appends in order, within the room their permits stand for.

use std::collections::VecDeque;

use messina_store::log::NewRecord;
use parking_lot::{Condvar, Mutex};

use super::answers::Answer;
use super::catalog::KafkaPartition;

/// An append on its way to Kafka.
#[derive(Debug)]
pub(super) struct KafkaAppend {
    pub(super) records: Vec<(KafkaPartition, NewRecord)>,
    pub(super) answer: Answer,
}

impl KafkaAppend {
    /// Whether it says something of the gateway's own state: then all of it becomes durable, or nothing.
    pub(super) fn has_state(&self) -> bool {
        let mut records = self.records.iter();
        records.any(|(partition, _)| partition.topic.is_state)
    }
}

/// The queue.
#[derive(Debug, Default)]
pub(super) struct Queue {
    state: Mutex<State>,
    news: Condvar,
}

#[derive(Debug, Default)]
struct State {
    appends: VecDeque<KafkaAppend>,
    ending: bool,
}

impl Queue {
    /// Adds an append; gives it back if the queue has ended.
    pub(super) fn push(&self, append: KafkaAppend) -> Option<KafkaAppend> {
        let mut state = self.state.lock();
        if state.ending {
            return Some(append);
        }
        state.appends.push_back(append);
        if state.appends.len() == 1 {
            self.news.notify_one();
        }
        None
    }

    /// Waits for appends and takes all there are, in order. None once the queue has ended and is empty.
    pub(super) fn take(&self) -> Option<VecDeque<KafkaAppend>> {
        let mut state = self.state.lock();
        while state.appends.is_empty() {
            if state.ending {
                return None;
            }
            self.news.wait(&mut state);
        }
        Some(std::mem::take(&mut state.appends))
    }

    /// Takes no more.
    pub(super) fn end(&self) {
        self.state.lock().ending = true;
        self.news.notify_one();
    }

    /// Whether it has ended.
    pub(super) fn is_ending(&self) -> bool {
        self.state.lock().ending
    }

    /// Waits so long, or until the queue ends.
    pub(super) fn pause(&self, long: std::time::Duration) {
        let mut state = self.state.lock();
        if !state.ending {
            self.news.wait_for(&mut state, long);
        }
    }
}
