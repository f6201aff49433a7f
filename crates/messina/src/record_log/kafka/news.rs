//! What librdkafka tells a consumer between records: partitions come and go.

use std::collections::VecDeque;
use std::error::Error;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use parking_lot::Mutex;
use rdkafka::client::OAuthToken;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::{BaseConsumer, Consumer as _, ConsumerContext};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::types::RDKafkaRespErr;
use rdkafka::{ClientContext, TopicPartitionList};

use super::client::ClientEvents;
use crate::config::GroupBegin;

/// A turn of a rebalance. The group waits until it is answered.
#[derive(Debug)]
pub enum Turn {
    /// Partitions that this member is to take.
    Assign(TopicPartitionList),
    /// Partitions that it is to give up.
    Revoke {
        /// Those.
        partitions: TopicPartitionList,
        /// Whether others may have them already.
        lost: bool,
    },
}

/// The context of a group's member, a sink's consumer or a worker among others: it notes what it is told, and the
/// member acts on it when it is its turn.
#[derive(Debug)]
pub struct GroupEvents {
    events: ClientEvents,
    /// Calls so far: while polling adds to them, the queue may hold more.
    heard: AtomicU64,
    turns: Mutex<VecDeque<Turn>>,
    /// Set when the consumer is on its way out: partitions are given up at once.
    closing: AtomicBool,
}

impl GroupEvents {
    /// Around what every client has.
    pub fn new(events: ClientEvents) -> Self {
        Self {
            events,
            heard: AtomicU64::new(0),
            turns: Mutex::default(),
            closing: AtomicBool::new(false),
        }
    }

    /// Where the group begins if it has never committed.
    pub(super) fn begin(&self) -> GroupBegin {
        self.events.config().begin
    }

    pub(super) fn heard(&self) -> u64 {
        self.heard.load(Ordering::Relaxed)
    }

    pub(super) fn last_error(&self) -> Option<(RDKafkaErrorCode, String)> {
        self.events.last_error()
    }

    /// The turn that has waited longest.
    pub fn next_turn(&self) -> Option<Turn> {
        self.turns.lock().pop_front()
    }

    /// A turn that could not be answered yet.
    pub(super) fn put_back(&self, turn: Turn) {
        self.turns.lock().push_front(turn);
    }

    /// From now on turns are answered at once: the member is on its way out.
    pub fn close(&self) {
        self.closing.store(true, Ordering::Relaxed);
    }

    fn hear(&self) {
        self.heard.fetch_add(1, Ordering::Relaxed);
    }
}

impl ClientContext for GroupEvents {
    const ENABLE_REFRESH_OAUTH_TOKEN: bool = true;

    fn log(&self, level: RDKafkaLogLevel, facility: &str, text: &str) {
        self.hear();
        self.events.log(level, facility, text);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        self.hear();
        self.events.error(error, reason);
    }

    fn stats_raw(&self, statistics: &[u8]) {
        self.hear();
        self.events.stats_raw(statistics);
    }

    fn generate_oauth_token(&self, config: Option<&str>) -> Result<OAuthToken, Box<dyn Error>> {
        self.hear();
        self.events.generate_oauth_token(config)
    }
}

impl ConsumerContext for GroupEvents {
    fn rebalance(
        &self,
        consumer: &BaseConsumer<Self>,
        kind: RDKafkaRespErr,
        partitions: &mut TopicPartitionList,
    ) {
        self.hear();
        let assign = kind == RDKafkaRespErr::RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS;
        if self.closing.load(Ordering::Relaxed) {
            let answered = if assign {
                consumer.incremental_assign(partitions)
            } else {
                consumer.incremental_unassign(partitions)
            };
            if let Err(error) = answered {
                tracing::debug!(%error, "the group was left in disorder");
            }
            return;
        }
        let partitions = partitions.clone();
        let turn = if assign {
            Turn::Assign(partitions)
        } else {
            let lost = consumer.assignment_lost();
            Turn::Revoke { partitions, lost }
        };
        self.turns.lock().push_back(turn);
    }
}
