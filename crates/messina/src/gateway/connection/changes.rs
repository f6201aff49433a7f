//! Changes of a session that must be durable before its client is told: subscriptions, and what is done with.

use messina_mqtt::session::Input;
use tokio::io::{AsyncRead, AsyncWrite};

use super::publishing::{Batch, Work};
use super::{Change, Connection};

impl<S: AsyncRead + AsyncWrite + Unpin> Connection<S> {
    /// Adds a change of the session to the batch; one of a session that ends with its connection is made at once.
    pub(super) fn add_change(&mut self, batch: &mut Batch, change: Change, now: i64) {
        let change = self.put_in_force(change);
        let Some(identity) = &self.identity else {
            return;
        };
        let (state, client) = (&self.gateway.state, &identity.client);
        if self.session.expiry() == 0 && !matches!(change, Change::Delivered(_)) {
            self.changed(change);
            self.poll_session();
            return;
        }
        match &change {
            Change::Release(packet_id) => {
                batch.records.push(state.released(client, *packet_id, now));
            }
            Change::Record(packet_id) => {
                let key = identity.mailbox.key(*packet_id);
                batch
                    .records
                    .extend(key.map(|key| state.taken(client, key, now)));
            }
            Change::Delivered(packet_id) => {
                batch.delivered.push(*packet_id);
                return;
            }
            Change::WillPublished => {
                batch.records.push(state.will_done(client, now));
                return;
            }
            Change::Subscribe(asked) => {
                let granted = asked.granted();
                let relay = self.gateway.relay.iter();
                let standing = relay.flat_map(|relay| relay.standing(now));
                batch.records.extend(standing);
                batch
                    .records
                    .extend(granted.map(|own| state.subscribed(client, own, now)));
            }
            Change::Unsubscribe(request) => {
                let unsubscribed = request.filters.iter();
                batch
                    .records
                    .extend(unsubscribed.map(|filter| state.unsubscribed(client, filter, now)));
            }
        }
        batch.work.push(Work::Changed(change));
    }

    /// A subscription holds from here on, for publishes that come after it; its client is told when it is durable.
    fn put_in_force(&self, mut change: Change) -> Change {
        let Some(identity) = &self.identity else {
            return change;
        };
        let subscriptions = &self.gateway.subscriptions;
        match &mut change {
            Change::Subscribe(asked) => {
                subscriptions.insert(identity.key, &identity.mailbox, asked.granted());
                let now = (self.gateway.clock.now(), self.gateway.clock.unix_millis());
                let retained = asked
                    .granted()
                    .flat_map(|own| self.gateway.retained.matching(own, now));
                asked.replay = retained.collect();
            }
            Change::Unsubscribe(request) => {
                subscriptions.remove(identity.key, request.filters.iter());
            }
            Change::Release(_)
            | Change::Record(_)
            | Change::Delivered(_)
            | Change::WillPublished => {}
        }
        change
    }

    /// The log has refused a change: what subscriptions of the session are in force is what it knows of.
    pub(super) fn undo(&self, change: &Change) {
        let Some(identity) = &self.identity else {
            return;
        };
        let filters: Vec<_> = match change {
            Change::Subscribe(asked) => asked.granted().map(|own| &own.filter).collect(),
            Change::Unsubscribe(request) => request.filters.iter().collect(),
            Change::Release(_)
            | Change::Record(_)
            | Change::Delivered(_)
            | Change::WillPublished => return,
        };
        let subscriptions = &self.gateway.subscriptions;
        subscriptions.remove(identity.key, filters.iter().copied());
        let known = self.session.subscriptions().iter();
        let known = known.filter(|own| filters.contains(&&own.filter));
        subscriptions.insert(identity.key, &identity.mailbox, known);
    }

    /// A change of the session is as durable as it is to be: it is made.
    pub(super) fn changed(&mut self, change: Change) {
        let now = self.gateway.clock.now();
        let mut replay = Vec::new();
        let answer = match change {
            Change::Release(packet_id) => Input::Released(packet_id),
            Change::Record(packet_id) => Input::Recorded(packet_id),
            Change::Delivered(_) | Change::WillPublished => return,
            Change::Subscribe(asked) => {
                replay = asked.replay;
                Input::Subscribed(asked.request.packet_id, asked.codes)
            }
            Change::Unsubscribe(request) => Input::Unsubscribed(request.packet_id),
        };
        self.session.handle(now, answer);
        self.replay.extend(replay);
    }
}
