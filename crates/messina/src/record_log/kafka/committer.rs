//! Takes what is queued and makes it durable in Kafka: appends that stand for themselves stream, those with state of
//! the gateway go in transactions. Neither overtakes the other.

use std::sync::Arc;
use std::time::Duration;

use messina_store::log::AppendError;

use super::answers::Answers;
use super::queue::{KafkaAppend, Queue};
use super::standing::Standing;
use super::streaming::Streaming;
use super::transactional::{Outcome, Transactional};

/// Records of a transaction at most.
const GROUP_RECORDS: usize = 20_000;
/// Waits between tries of a group: doubled from the first to the longest.
const FIRST_WAIT: Duration = Duration::from_millis(100);
const LONGEST_WAIT: Duration = Duration::from_secs(5);
/// How often it is looked whether the end has come while Kafka is waited for.
const A_MOMENT: Duration = Duration::from_millis(500);
/// How long what is under way may take at the end.
const AT_THE_END: Duration = Duration::from_secs(4);

/// The committer, on a thread of its own.
pub(super) struct Committer {
    pub(super) queue: Arc<Queue>,
    pub(super) answers: Arc<Answers>,
    pub(super) standing: Arc<Standing>,
    pub(super) streaming: Streaming,
    /// None where nothing is remembered of clients.
    pub(super) transactional: Option<Transactional>,
}

impl Committer {
    /// Works until the queue has ended; what Kafka does not take by then is refused.
    pub(super) fn run(mut self) {
        while let Some(appends) = self.queue.take() {
            let mut group = Vec::new();
            let mut records = 0;
            for append in appends {
                if !append.has_state() && group.is_empty() {
                    self.stream(append);
                    continue;
                }
                // What comes after a transaction waits for it: order is kept.
                records += append.records.len();
                group.push(append);
                if records >= GROUP_RECORDS {
                    self.transact(std::mem::take(&mut group));
                    records = 0;
                }
            }
            if !group.is_empty() {
                self.transact(group);
            }
        }
        if !self.streaming.wait_for_all(AT_THE_END) {
            tracing::warn!("Kafka did not answer in time; what waits for it stays unacknowledged");
            self.streaming.give_up();
        }
        self.answers.end();
    }

    fn stream(&mut self, append: KafkaAppend) {
        match self.standing.failure() {
            Some(error) => self.answers.give([(append.answer, Err(error))]),
            None => self.streaming.send(append),
        }
    }

    fn transact(&mut self, group: Vec<KafkaAppend>) {
        let mut answers: Vec<Option<AppendError>> = group.iter().map(|_| None).collect();
        self.standing.transaction(true);
        let made = self.make_durable(&group, &mut answers);
        self.standing.transaction(false);
        if let Err(error) = made {
            for answer in &mut answers {
                answer.get_or_insert_with(|| error.clone());
            }
        }
        let told = group.into_iter().zip(answers);
        let told = told.map(|(append, error)| (append.answer, error.map_or(Ok(()), Err)));
        self.answers.give(told);
    }

    /// Makes a group durable but for appends that Kafka refuses, which get their error; or gives up.
    fn make_durable(
        &mut self,
        group: &[KafkaAppend],
        refused: &mut [Option<AppendError>],
    ) -> Result<(), AppendError> {
        if !self.is_streamed() {
            return Err(AppendError::Closed);
        }
        let mut wait = FIRST_WAIT;
        loop {
            if let Some(error) = self.standing.failure() {
                return Err(error);
            }
            let places =
                (0..group.len()).filter(|place| refused.get(*place).is_some_and(Option::is_none));
            let places: Vec<usize> = places.collect();
            let left: Vec<&KafkaAppend> = places.iter().filter_map(|at| group.get(*at)).collect();
            if left.is_empty() {
                return Ok(());
            }
            let Some(transactional) = &mut self.transactional else {
                return Err(AppendError::Closed);
            };
            match transactional.attempt(&left) {
                Outcome::Committed => {
                    self.standing.good();
                    return Ok(());
                }
                Outcome::Refused(errors) => {
                    for (number, error) in errors {
                        let place = places.get(number).copied();
                        if let Some(answer) = place.and_then(|place| refused.get_mut(place)) {
                            *answer = Some(error);
                        }
                    }
                }
                Outcome::Again(reason) => {
                    self.standing.waits(&reason);
                    if self.queue.is_ending() {
                        return Err(AppendError::Closed);
                    }
                    self.queue.pause(wait);
                    wait = wait.saturating_mul(2).min(LONGEST_WAIT);
                }
                Outcome::Fenced(reason) => self.standing.fail(&reason),
            }
        }
    }

    /// Waits until everything that was sent before is durable; false if the end comes first.
    fn is_streamed(&self) -> bool {
        loop {
            if self.streaming.wait_for_all(A_MOMENT) {
                return true;
            }
            if self.queue.is_ending() {
                return self.streaming.wait_for_all(AT_THE_END);
            }
        }
    }
}
