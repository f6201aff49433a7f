//! What is looked after once a second, until the program stops: sessions and wills whose time has come, members of
//! shared subscriptions that are away, and publishes that have waited too long.

use std::sync::Arc;
use std::time::Duration;

use messina_mqtt::packet::ClientId;
use messina_store::log::AppendWaiter;

use super::recurring::Line;
use super::room::Loss;
use super::server::Gateway;
use super::sessions::Due;
use super::slots::SendingKey;
use crate::record_log::Append;

/// How often it is looked.
const INTERVAL: Duration = Duration::from_secs(1);

/// Every so many times it is said what was dropped, and what was left unsaid.
const LOOKS_PER_REPORT: u32 = 10;

impl Gateway {
    /// Ends sessions whose time is over, publishes wills whose delay is, passes on what members of shared subscriptions
    /// have not taken, and drops publishes that have waited too long, until the program stops.
    pub async fn expire_sessions(self: Arc<Self>) {
        let waiter = AppendWaiter::new();
        for looks in 1_u32.. {
            tokio::select! {
                () = tokio::time::sleep(INTERVAL) => {}
                () = self.shutdown.intake_stopped() => break,
            }
            self.end_expired().await;
            for Due { key, asleep, will } in self.sessions.take_due(self.clock.now()) {
                self.publish_will(asleep.session.client_id(), key, *will)
                    .await;
                self.sessions.put_back(asleep);
            }
            self.pass_on_from_sleepers().await;
            self.sweep(&waiter);
            self.retained.forget_expired(self.clock.unix_millis());
            self.events.retained(self.retained.len());
            let (connected, asleep) = self.sessions.count();
            self.events.sessions(connected + asleep);
            self.events.waiting(self.sessions.waiting_bytes());
            if looks.is_multiple_of(LOOKS_PER_REPORT) {
                self.events.report(self.clock.now());
            }
        }
        self.events.report(self.clock.now());
    }

    async fn end_expired(&self) {
        for ended in self.sessions.take_expired(self.clock.now()) {
            let client = ended.session.client_id().clone();
            self.events.expired();
            self.end(ended).await;
            self.sessions.end(&client);
        }
    }

    /// Drops what has waited too long, in memory and in the log.
    fn sweep(&self, waiter: &Arc<AppendWaiter>) {
        let now = self.clock.now();
        for mailbox in self.sessions.mailboxes() {
            let owner = mailbox.owner();
            let forget = |keys: &[SendingKey]| self.forget(owner, keys, waiter);
            loop {
                let (old, expired) = mailbox.sweep(now, forget);
                if old + expired == 0 {
                    break;
                }
                self.events.lost(owner, Loss::TooOld, old);
                self.events.lost(owner, Loss::Expired, expired);
            }
        }
        let mut done = Vec::new();
        waiter.drain(&mut done);
        for error in done.into_iter().filter_map(|one| one.result.err()) {
            if let Some(left_out) = self.turn(Line::SweepLost) {
                tracing::warn!(%error, left_out, "publishes that have waited too long stay in the log; they are dropped again after a restart");
            }
        }
    }

    /// Hands to the log that these publishes are not on their way any more; false if it has no room now.
    fn forget(&self, client: &ClientId, keys: &[SendingKey], waiter: &Arc<AppendWaiter>) -> bool {
        let now = self.clock.unix_millis();
        let records = keys
            .iter()
            .map(|key| self.state.delivered(client, *key, now));
        let records: Vec<_> = records.collect();
        let bytes = records.iter().map(|(_, record)| record.size_bound()).sum();
        let Some(permit) = self.log.try_reserve(bytes) else {
            return false;
        };
        self.log.append(Append {
            records,
            permit,
            waiter: Arc::clone(waiter),
            ticket: 0,
        });
        true
    }
}
