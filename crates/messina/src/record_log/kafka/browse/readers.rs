//! Readers that are kept between questions: to connect anew for each page of a topic would be most of the work.

use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::Semaphore;

use super::reader::Reader;
use crate::config::KafkaConfig;
use crate::record_log::kafka::KafkaLogError;
use crate::record_log::kafka::admin::blocking;

/// Questions asked of the cluster at one time; the others wait.
const MOST_AT_ONCE: usize = 8;
/// Readers kept for the next question.
const MOST_IDLE: usize = 2;

/// A topic and a partition.
pub(super) type Place = (String, i32);

/// The readers there are.
pub(super) struct Readers {
    config: Arc<KafkaConfig>,
    idle: Mutex<Vec<Reader>>,
    turns: Arc<Semaphore>,
}

impl Readers {
    pub(super) fn new(config: Arc<KafkaConfig>) -> Self {
        Self {
            config,
            idle: Mutex::default(),
            turns: Arc::new(Semaphore::new(MOST_AT_ONCE)),
        }
    }

    /// Asks a reader, one that has `place` open if there is one. Whoever stops waiting leaves the question to its end.
    pub(super) async fn with<T: Send + 'static>(
        self: &Arc<Self>,
        place: Option<Place>,
        ask: impl FnOnce(&mut Reader) -> Result<T, KafkaLogError> + Send + 'static,
    ) -> Result<T, KafkaLogError> {
        let turn = Arc::clone(&self.turns).acquire_owned().await;
        let readers = Arc::clone(self);
        blocking(move || {
            let _turn = turn;
            let mut reader = readers.take(place.as_ref())?;
            let answer = ask(&mut reader);
            // One that has failed may stand anywhere.
            if answer.is_ok() {
                readers.give_back(reader);
            }
            answer
        })
        .await
    }

    fn take(&self, place: Option<&Place>) -> Result<Reader, KafkaLogError> {
        let mut idle = self.idle.lock();
        let fits = |reader: &Reader| match place {
            Some(place) => reader.has_open(place),
            None => !reader.is_open(),
        };
        let found = idle
            .iter()
            .position(fits)
            .or_else(|| idle.len().checked_sub(1));
        if let Some(index) = found {
            return Ok(idle.swap_remove(index));
        }
        drop(idle);
        Reader::open(&self.config)
    }

    fn give_back(&self, reader: Reader) {
        let mut idle = self.idle.lock();
        idle.push(reader);
        let extra = (idle.len() > MOST_IDLE).then(|| idle.remove(0));
        drop(idle);
        // Its end takes a while, in which others may take theirs.
        drop(extra);
    }
}
