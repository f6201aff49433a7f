//! Publishes that the client is done with, and that the log has refused to forget.
//!
//! Their identifiers stay taken: another process would send the earlier publish under an identifier that the client
//! has for a later one. The log is asked again after a while, when the connection ends, and at the session's next one.

use std::time::{Duration, Instant};

use messina_mqtt::packet::PacketId;
use tokio::io::{AsyncRead, AsyncWrite};

use super::publishing::Batch;
use super::{Change, Connection};

/// How long the log is left alone.
const ASK_AGAIN_AFTER: Duration = Duration::from_secs(1);

/// Identifiers that are free once the log has forgotten their publishes.
#[derive(Debug)]
pub(super) struct Unforgotten {
    packet_ids: Vec<PacketId>,
    pub(super) ask_again: Instant,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Connection<S> {
    /// Adds to the batch that its publishes the client is done with are not on their way any more: behind what is to be
    /// known of them before. `now` is in ms since 1970.
    pub(super) fn add_delivered(&self, batch: &mut Batch, now: i64) {
        let Some(identity) = self
            .identity
            .as_ref()
            .filter(|_| !batch.delivered.is_empty())
        else {
            return;
        };
        let keys = identity.mailbox.keys_of(&batch.delivered).into_iter();
        let state = &self.gateway.state;
        let records = keys.map(|key| state.delivered(&identity.client, key, now));
        batch.records.extend(records);
    }

    /// The log has forgotten these publishes.
    pub(super) fn free(&self, delivered: &[PacketId]) {
        let Some(identity) = &self.identity else {
            return;
        };
        if !delivered.is_empty() {
            identity.mailbox.free_all(delivered);
        }
    }

    /// The log has refused to forget these publishes.
    pub(super) fn keep_taken(&mut self, mut delivered: Vec<PacketId>, now: Instant) {
        let Some(identity) = &self.identity else {
            return;
        };
        delivered.retain(|packet_id| identity.mailbox.key(*packet_id).is_some());
        if delivered.is_empty() {
            return;
        }
        let ask_again = now + ASK_AGAIN_AFTER;
        match &mut self.unforgotten {
            Some(own) => own.packet_ids.append(&mut delivered),
            None => {
                self.unforgotten = Some(Box::new(Unforgotten {
                    packet_ids: delivered,
                    ask_again,
                }));
            }
        }
    }

    /// Asks the log again, if it is time.
    pub(super) fn forget_at(&mut self, now: Instant) {
        let due = self.unforgotten.take_if(|own| own.ask_again <= now);
        self.forget(due.map(|own| own.packet_ids).unwrap_or_default());
    }

    /// Asks the log to forget these publishes.
    pub(super) fn forget(&mut self, delivered: Vec<PacketId>) {
        for packet_id in delivered {
            self.ask(Change::Delivered(packet_id));
        }
    }

    /// What the log is still to forget.
    pub(super) fn take_unforgotten(&mut self) -> Vec<PacketId> {
        let unforgotten = self.unforgotten.take();
        unforgotten.map(|own| own.packet_ids).unwrap_or_default()
    }
}
