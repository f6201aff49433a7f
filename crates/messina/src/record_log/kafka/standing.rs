//! How the way to Kafka is: what a person is told, and whether anything is taken at all.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use messina_store::log::AppendError;
use parking_lot::Mutex;
use tokio::time::Instant;

use crate::record_log::WriterHealth;

/// Kafka may take this long before it is said to be away.
const PATIENCE: Duration = Duration::from_secs(5);

/// How it is. Shared behind an `Arc`.
#[derive(Debug)]
pub(super) struct Standing {
    gateway_id: String,
    health: Mutex<WriterHealth>,
    failed: AtomicBool,
    /// When the group began that is a transaction now.
    transaction: Mutex<Option<Instant>>,
}

impl Standing {
    pub(super) fn new(gateway_id: &str) -> Self {
        Self {
            gateway_id: gateway_id.to_owned(),
            health: Mutex::new(WriterHealth::Good),
            failed: AtomicBool::new(false),
            transaction: Mutex::default(),
        }
    }

    /// Kafka takes what it is given.
    pub(super) fn good(&self) {
        let mut health = self.health.lock();
        if matches!(*health, WriterHealth::Waiting(_)) {
            tracing::info!("Kafka takes records again");
            *health = WriterHealth::Good;
        }
    }

    /// Kafka does not take records now; they are sent again.
    pub(super) fn waits(&self, reason: &str) {
        let mut health = self.health.lock();
        if matches!(*health, WriterHealth::Good) {
            tracing::warn!(reason, "records wait for Kafka; publishes wait with them");
            *health = WriterHealth::Waiting(reason.into());
        }
    }

    /// Kafka takes nothing from this process any more.
    pub(super) fn fail(&self, reason: &str) {
        let id = &self.gateway_id;
        let reason = format!(
            "another gateway has taken the name `{id}` in Kafka ({reason}); give each its own `kafka.gateway_id`, and start this one again"
        );
        tracing::error!(reason, "this gateway acknowledges nothing any more");
        *self.health.lock() = WriterHealth::Failed(reason.into());
        self.failed.store(true, Ordering::Release);
    }

    /// What appends are refused with.
    pub(super) fn failure(&self) -> Option<AppendError> {
        if !self.failed.load(Ordering::Acquire) {
            return None;
        }
        match &*self.health.lock() {
            WriterHealth::Failed(reason) => Some(AppendError::Failed(Arc::clone(reason))),
            WriterHealth::Good | WriterHealth::Waiting(_) => None,
        }
    }

    /// A group is on its way, or none is.
    pub(super) fn transaction(&self, under_way: bool) {
        *self.transaction.lock() = under_way.then(Instant::now);
    }

    /// How it is, if what streams has not moved for so long.
    pub(super) fn health(&self, stalled: Duration) -> WriterHealth {
        let since = *self.transaction.lock();
        let stalled = stalled.max(since.map_or(Duration::ZERO, |since| since.elapsed()));
        match &*self.health.lock() {
            WriterHealth::Good if stalled > PATIENCE => {
                let seconds = stalled.as_secs();
                let reason = format!("Kafka has not answered for {seconds} s; publishes wait");
                WriterHealth::Waiting(reason.into())
            }
            health => health.clone(),
        }
    }
}
