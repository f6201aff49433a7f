//! Sessions from the records an earlier run has left of them.

use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant};

use bytes::{Buf as _, Bytes};
use messina_mqtt::packet::{ClientId, MqttString, PacketId, SubscriptionOptions, Version};
use messina_mqtt::property::SubscriptionId;
use messina_mqtt::session::{Restored, SessionSubscription};
use messina_mqtt::topic::TopicFilter;

use super::super::sessions::expiry;
use super::super::slots::SendingKey;
use super::super::wills::{self, PendingWill};
use super::delivery::{self, Bodies, Kept, ToSend};

/// The sessions that `records` tell of, sorted by client identifier. `now` is the same time twice: for the clock and in
/// ms since 1970.
pub(super) fn sessions(records: BTreeMap<Bytes, Bytes>, now: (Instant, i64)) -> Vec<Left> {
    let mut sessions: BTreeMap<ClientId, Restoring> = BTreeMap::new();
    let mut bodies = Bodies::default();
    for (key, value) in records {
        let Some((client, fact)) = parse(&key, value, now, &mut bodies) else {
            tracing::warn!(
                ?key,
                "a record of the session state has no known form; it is passed over"
            );
            continue;
        };
        sessions.entry(client).or_default().add(fact);
    }
    let restored = sessions
        .into_iter()
        .map(|(client, session)| session.finish(client, now));
    restored.collect()
}

/// What one record says about a session.
enum Fact {
    Exists(u32, Option<i64>, Option<u64>),
    Will(Box<PendingWill>),
    Received(PacketId),
    Subscribed(SessionSubscription),
    Kept(SendingKey, Kept),
}

/// A session that an earlier run has left.
#[derive(Debug)]
pub struct Left {
    /// The session, without what waits for it.
    pub session: Restored,
    /// What is on its way to it, in its order.
    pub waiting: VecDeque<ToSend>,
    /// What it has taken, of QoS 2, and is not done with.
    pub taken: Vec<SendingKey>,
    /// What was over before it could be sent: it is to be forgotten.
    pub expired: Vec<SendingKey>,
    /// The place that came next when its client left: from there on nothing was sent to it. None if it was connected to
    /// the end.
    pub left_at: Option<u64>,
    /// The place in its order that comes next.
    pub next: u64,
    /// When it ends; None is never.
    pub expires: Option<Instant>,
    /// Its client's will.
    pub will: Option<Box<PendingWill>>,
}

/// A session while its records are read.
#[derive(Default)]
struct Restoring {
    session: Restored,
    away_since: Option<i64>,
    left_at: Option<u64>,
    will: Option<Box<PendingWill>>,
    waiting: Vec<ToSend>,
    taken: Vec<SendingKey>,
    expired: Vec<SendingKey>,
}

impl Restoring {
    fn add(&mut self, fact: Fact) {
        match fact {
            Fact::Exists(expiry, away_since, left_at) => {
                self.session.expiry = expiry;
                self.away_since = away_since;
                self.left_at = left_at;
            }
            Fact::Will(will) => self.will = Some(will),
            Fact::Received(packet_id) => self.session.received.push(packet_id),
            Fact::Subscribed(subscription) => self.session.subscriptions.push(subscription),
            Fact::Kept(_, Kept::ToSend(own)) => self.waiting.push(*own),
            Fact::Kept(key, Kept::Taken) => self.taken.push(key),
            Fact::Kept(key, Kept::Expired) => self.expired.push(key),
        }
    }

    fn finish(mut self, client: ClientId, now: (Instant, i64)) -> Left {
        self.waiting.sort_by_key(|own| own.sequence);
        let behind_last = self.waiting.last().map_or(0, |last| last.sequence + 1);
        let behind = |key: &SendingKey| match key {
            SendingKey::Place(place) => place + 1,
            SendingKey::Identifier(_) => 0,
        };
        let behind_others = self.taken.iter().chain(&self.expired).map(behind);
        let next = behind_others.fold(behind_last.max(self.left_at.unwrap_or(0)), u64::max);
        self.session.taken = self.taken.iter().map(|key| key.packet_id()).collect();
        self.session.client_id = client;
        let (clock, unix) = now;
        // A client that was connected to the end is away from now on.
        let away = unix.saturating_sub(self.away_since.unwrap_or(unix));
        let away = Duration::from_millis(u64::try_from(away).unwrap_or(0));
        Left {
            expires: expiry(self.session.expiry, away, clock),
            session: self.session,
            waiting: self.waiting.into(),
            taken: self.taken,
            expired: self.expired,
            left_at: self.left_at,
            next,
            will: self.will,
        }
    }
}

fn parse(
    key: &Bytes,
    value: Bytes,
    now: (Instant, i64),
    bodies: &mut Bodies,
) -> Option<(ClientId, Fact)> {
    let (kind, rest) = key.split_first()?;
    match kind {
        b's' => {
            let mut value = value;
            let expiry = value.try_get_u32().ok()?;
            // Earlier versions have written less.
            let since = value.try_get_i64().ok();
            let left_at = value.try_get_u64().ok();
            Some((client_id(rest)?, Fact::Exists(expiry, since, left_at)))
        }
        b'w' => {
            let will = Box::new(wills::read(value, now)?);
            Some((client_id(rest)?, Fact::Will(will)))
        }
        b'q' => {
            let (packet_id, client) = packet_of(rest)?;
            Some((client, Fact::Received(packet_id)))
        }
        b'd' => {
            let (packet_id, client) = packet_of(rest)?;
            let key = SendingKey::Identifier(packet_id);
            let kept = delivery::read(key, value, now, bodies)?;
            Some((client, Fact::Kept(key, kept)))
        }
        b'p' => {
            let (place, client) = rest.split_first_chunk::<8>()?;
            let key = SendingKey::Place(u64::from_be_bytes(*place));
            let kept = delivery::read(key, value, now, bodies)?;
            Some((client_id(client)?, Fact::Kept(key, kept)))
        }
        b'u' => {
            let (length, rest) = rest.split_first_chunk::<2>()?;
            let (client, filter) =
                rest.split_at_checked(usize::from(u16::from_be_bytes(*length)))?;
            let subscription = subscription_of(filter, value)?;
            Some((client_id(client)?, Fact::Subscribed(subscription)))
        }
        _ => None,
    }
}

fn packet_of(bytes: &[u8]) -> Option<(PacketId, ClientId)> {
    let (packet_id, client) = bytes.split_first_chunk::<2>()?;
    let packet_id = PacketId::new(u16::from_be_bytes(*packet_id))?;
    Some((packet_id, client_id(client)?))
}

fn subscription_of(filter: &[u8], mut value: Bytes) -> Option<SessionSubscription> {
    let options = value.try_get_u8().ok()?;
    let identifier = value.try_get_u32().ok()?;
    Some(SessionSubscription {
        filter: TopicFilter::new(std::str::from_utf8(filter).ok()?).ok()?,
        options: SubscriptionOptions::from_byte(options, Version::V5).ok()?,
        identifier: SubscriptionId::new(identifier),
        replaces: true,
    })
}

fn client_id(bytes: &[u8]) -> Option<ClientId> {
    MqttString::try_from(Bytes::copy_from_slice(bytes))
        .ok()
        .map(ClientId::from)
}

#[cfg(test)]
mod tests {
    use messina_mqtt::packet::{Publish, QoS};
    use messina_mqtt::topic::Topic;

    use super::super::delivery::{Body, Delivery};
    use super::super::{sending_key, session_key};
    use super::*;
    use crate::runtime::clock::{Clock as _, SystemClock};

    fn value(sequence: u64, expires: i64) -> Bytes {
        let publish = Publish::new(Topic::new("valve/7").unwrap(), "open");
        let body = Body::again(&publish, 5_000, expires).unwrap();
        body.value(&Delivery {
            sequence,
            qos: QoS::AtLeastOnce,
            retain: false,
            identifiers: &[],
            share: None,
        })
    }

    #[test]
    fn publishes_of_earlier_versions_keep_their_identifiers_and_places_go_on_behind_all() {
        let client = ClientId::new("valve").unwrap();
        let old = SendingKey::Identifier(PacketId::new(7).unwrap());
        let place = SendingKey::Place;
        let records = BTreeMap::from([
            (session_key(&client), Bytes::from_static(&[0, 0, 0, 60])),
            (sending_key(&client, old), value(3, 0)),
            (sending_key(&client, place(70_000)), value(70_000, 0)),
            (sending_key(&client, place(70_004)), delivery::taken()),
            (sending_key(&client, place(70_009)), value(70_009, 9_000)),
        ]);
        let all = sessions(records, (SystemClock.now(), 10_000));
        let [left] = &all[..] else { panic!("{all:?}") };
        let waiting: Vec<_> = left.waiting.iter().map(|own| own.key).collect();
        assert_eq!(waiting, [old, place(70_000)]);
        let ids = left.waiting.iter().map(|own| own.forward.packet_id);
        let ids: Vec<_> = ids.flatten().map(PacketId::get).collect();
        // The 70,001st place: identifiers have gone round once.
        assert_eq!(ids, [7, 4_466]);
        assert_eq!(left.taken, [place(70_004)]);
        assert_eq!(left.session.taken, [place(70_004).packet_id()]);
        assert_eq!(left.expired, [place(70_009)]);
        assert_eq!(left.next, 70_010);
    }
}
