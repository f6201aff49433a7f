//! Shared subscriptions when a member is gone: what its client has not taken goes to the others.
//!
//! While its client is away only members that are connected get it, once its session has ended any. A QoS 2 publish
//! that was sent is finished with its client or with nobody [MQTT-4.8.2-4] [MQTT-4.8.2-5]. That it is on its way to the
//! one and not to the other any more enters the log in one append.

use std::sync::Arc;
use std::time::{Duration, Instant};

use messina_mqtt::packet::{ClientId, QoS};
use messina_mqtt::session::{Forward, Session};
use messina_mqtt::topic::TopicFilter;
use messina_store::log::NewRecord;

use super::mailbox::Mailbox;
use super::recipients::{Recipient, size_of};
use super::recurring::Line;
use super::room::{Place, Room, Waiting};
use super::server::Gateway;
use super::sessions::SessionKey;
use super::state::delivery::{Body, Delivery};
use crate::record_log::LogPartition;

/// Publishes that are passed on in one append.
const AT_ONCE: usize = 500;

/// Who is gone.
#[derive(Debug, Clone, Copy)]
pub(super) struct Leaver<'a> {
    pub(super) key: SessionKey,
    pub(super) mailbox: &'a Mailbox,
    /// Its session has ended, and its client cannot come back to it.
    pub(super) for_good: bool,
}

/// Finds those who take over, and keeps their places.
struct Search<'a> {
    gateway: &'a Gateway,
    leaver: Leaver<'a>,
    /// In the order in which publishes were offered.
    found: Vec<Found>,
    /// Shared subscriptions of which nobody takes anything now.
    closed: Vec<Arc<TopicFilter>>,
}

/// Who takes a publish over.
struct Found {
    to: Recipient,
    /// What the publish counts for in the limits.
    size: usize,
}

/// A publish between two members.
struct Passing {
    /// What the one is not sent any more.
    old: Waiting,
    /// What the other gets.
    new: Forward,
    to: Recipient,
}

impl Search<'_> {
    /// Whether somebody takes `forward`.
    fn offer(&mut self, forward: &Forward) -> bool {
        let Some(share) = &forward.share else {
            return false;
        };
        if self.found.len() >= AT_ONCE || self.closed.contains(share) {
            return false;
        }
        let Leaver { key, for_good, .. } = self.leaver;
        let subscriptions = &self.gateway.subscriptions;
        let limits = subscriptions.limits();
        let topic = &forward.publish.publish().topic;
        let other = subscriptions.another_member(share, topic, key, !for_good);
        let Some(other) = other.filter(|other| other.mailbox.has_room(&limits)) else {
            self.closed.push(Arc::clone(share));
            return false;
        };
        let found = self.place_at(other, forward);
        let is_found = found.is_some();
        self.found.extend(found);
        is_found
    }

    fn place_at(&self, mut to: Recipient, forward: &Forward) -> Option<Found> {
        let size = size_of(forward.publish.publish());
        if forward.qos.min(to.qos) > QoS::AtMostOnce {
            let limits = self.gateway.subscriptions.limits();
            match to.mailbox.reserve_if_free(size, &limits) {
                Room::Found(place, _) => to.place = place,
                Room::None(_) => return None,
            }
        } else if !to.mailbox.is_attached() {
            return None;
        }
        Some(Found { to, size })
    }
}

impl Gateway {
    /// Passes on what the members have that are away.
    pub(super) async fn pass_on_from_sleepers(&self) {
        for client in self.sessions.sharers() {
            let Some((key, mailbox, mut asleep)) = self.sessions.borrow(&client) else {
                continue;
            };
            let leaver = Leaver {
                key,
                mailbox: &mailbox,
                for_good: false,
            };
            self.pass_on(leaver, &mut asleep.session).await;
            self.sessions.put_back(asleep);
        }
    }

    /// Passes on what `session`, which has no connection, has for its client by shared subscriptions, as far as others
    /// have room.
    pub(super) async fn pass_on(&self, leaver: Leaver<'_>, session: &mut Session) {
        while self.pass_some_on(leaver, session).await > 0 {}
    }

    async fn pass_some_on(&self, leaver: Leaver<'_>, session: &mut Session) -> usize {
        let now = (self.clock.now(), self.clock.unix_millis());
        let (mut records, mut passing) = (Vec::new(), Vec::new());
        for (old, found) in self.take_out(leaver, session, now.0) {
            let Found { to, size } = found;
            let Some(old) = old else {
                // It has made way for another meanwhile.
                to.mailbox.cancel(to.place, size);
                continue;
            };
            let (publish, seen) = (&old.forward.publish, (old.forward.qos, old.forward.retain));
            let new = to.forward(Arc::clone(publish), seen, old.forward.expires);
            if let Some(key) = old.key {
                let owner = leaver.mailbox.owner();
                records.push(self.state.delivered(owner, key, now.1));
            }
            records.extend(self.record(to.mailbox.owner(), &new, (to.place, old.too_old), now));
            passing.push(Passing { old, new, to });
        }
        if passing.is_empty() {
            return 0;
        }
        if let Err(error) = self.log.append_wait(records).await {
            // It is tried every second for every member that is away.
            if let Some(left_out) = self.turn(Line::NotPassedOn) {
                tracing::warn!(client_id = %leaver.mailbox.owner(), %error, left_out, "publishes of a shared subscription cannot be passed on now");
            }
            stay(passing, leaver.mailbox);
            return 0;
        }
        self.arrive(passing, leaver.mailbox)
    }

    /// Takes out what others have room for, each with who takes it.
    fn take_out(
        &self,
        leaver: Leaver<'_>,
        session: &mut Session,
        now: Instant,
    ) -> Vec<(Option<Waiting>, Found)> {
        let mut search = Search {
            gateway: self,
            leaver,
            found: Vec::new(),
            closed: Vec::new(),
        };
        let mailbox = leaver.mailbox;
        let of_session = session.pass_on(|forward| search.offer(forward));
        // The mailboxes of others are looked at: its own is not held meanwhile.
        let mut offered = mailbox.shared(AT_ONCE);
        offered.retain(|forward| search.offer(forward));
        let of_mailbox = mailbox.pass_on(&offered);
        let age = self.subscriptions.limits().age;
        let of_session = of_session.into_iter().map(|forward| {
            let packet_id = forward.packet_id;
            // What was sent waits anew.
            Some(Waiting {
                key: packet_id.and_then(|packet_id| mailbox.free(packet_id)),
                size: size_of(forward.publish.publish()),
                too_old: age.and_then(|age| now.checked_add(age)),
                forward,
            })
        });
        of_session.chain(of_mailbox).zip(search.found).collect()
    }

    /// What says that `new` is on its way to `client`, if it is to outlive the process.
    fn record(
        &self,
        client: &ClientId,
        new: &Forward,
        (place, too_old): (Place, Option<Instant>),
        (clock, unix): (Instant, i64),
    ) -> Option<(LogPartition, NewRecord)> {
        let millis = |time: Duration| i64::try_from(time.as_millis()).unwrap_or(i64::MAX);
        let until =
            |time: Instant| unix.saturating_add(millis(time.saturating_duration_since(clock)));
        let age = self.subscriptions.limits().age;
        let since = match (too_old, age) {
            (Some(too_old), Some(age)) => until(too_old).saturating_sub(millis(age)),
            _ => unix,
        };
        let expires = new.expires.map_or(0, until);
        let Place::Reserved(sequence) = place else {
            return None;
        };
        let body = Body::again(new.publish.publish(), since, expires)?;
        let delivery = Delivery {
            sequence,
            qos: new.qos,
            retain: new.retain,
            identifiers: &new.subscription_ids,
            share: new.share.as_deref(),
        };
        Some(self.state.sending(client, &body, &delivery, unix))
    }

    /// It is durable who has what.
    fn arrive(&self, passing: Vec<Passing>, from: &Mailbox) -> usize {
        let limits = self.subscriptions.limits();
        let count = passing.len();
        for Passing { old, new, to } in passing {
            let one = Waiting {
                forward: new,
                key: to.place.key(),
                ..old
            };
            for (why, lost) in to.mailbox.post(one, to.place, &limits) {
                self.events.lost(to.mailbox.owner(), why, lost);
            }
        }
        self.events.passed_on(from.owner(), count);
        count
    }
}

/// The log has refused it: everything stays where it was.
fn stay(passing: Vec<Passing>, from: &Mailbox) {
    let mut back = Vec::with_capacity(passing.len());
    for Passing { old, to, .. } in passing {
        to.mailbox.cancel(to.place, old.size);
        back.push(old);
    }
    from.put_back(back);
}
