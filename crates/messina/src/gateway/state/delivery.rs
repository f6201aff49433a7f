//! A publish on its way to a client whose session outlives the process, as the durable state keeps it.
//!
//! | bytes | what |
//! |---|---|
//! | 1 | form: 3 = to be sent, 2 = the client has taken it (QoS 2, PUBREC); then nothing follows |
//! | 8 | place in the session's order |
//! | 1 | QoS, and 4 if the retain flag is seen |
//! | 8 | when it is no longer worth sending, ms since 1970; 0 = never |
//! | 8 | since when it waits, ms since 1970 |
//! | 2, 4 each | subscription identifiers |
//! | 2, its bytes | filter of the shared subscription it came by; empty for none |
//! | rest | the PUBLISH as MQTT 5.0 sends it at QoS 0 |
//!
//! All numbers are big-endian. Form 1, of earlier versions, is form 3 without the times it waits since and the shared
//! subscription.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::{Buf as _, BufMut as _, Bytes, BytesMut};
use messina_mqtt::packet::{Codec, Packet, Publish, QoS, SharedPublish, Version};
use messina_mqtt::property::SubscriptionId;
use messina_mqtt::session::Forward;
use messina_mqtt::topic::TopicFilter;

use super::super::slots::SendingKey;

const OLD_TO_SEND: u8 = 1;
const TAKEN: u8 = 2;
const TO_SEND: u8 = 3;
const RETAIN: u8 = 4;
const QOS: u8 = 3;

/// The value of a publish the client has taken.
pub(super) fn taken() -> Bytes {
    Bytes::from_static(&[TAKEN])
}

/// A publish as MQTT 5.0 sends it at QoS 0: what is the same for whoever gets it, whenever.
pub fn encode_plain(publish: &Publish) -> Option<Bytes> {
    let mut plain = publish.clone();
    plain.qos = QoS::AtMostOnce;
    plain.packet_id = None;
    plain.dup = false;
    plain.retain = false;
    let mut encoded = BytesMut::new();
    let codec = Codec::device(Version::V5, u32::MAX);
    codec.encode(&Packet::Publish(plain), &mut encoded).ok()?;
    Some(encoded.freeze())
}

/// Reads such a publish, into memory of its own.
pub fn decode_plain(bytes: &[u8]) -> Option<Publish> {
    let mut codec = Codec::device(Version::V5, u32::MAX);
    match codec.decode(&mut BytesMut::from(bytes)) {
        Ok(Some(Packet::Publish(publish))) => Some(publish),
        _ => None,
    }
}

/// What is the same for every receiver of a publish: its bytes, since when it waits, and when it is over.
#[derive(Debug)]
pub struct Body {
    publish: Bytes,
    since: i64,
    expires: i64,
}

impl Body {
    /// The body of `publish`, which came at `now` (ms since 1970). None if it cannot be encoded, which a decoded
    /// publish always can.
    pub fn new(publish: &Publish, now: i64) -> Option<Self> {
        let expires = publish
            .properties
            .as_ref()
            .and_then(|properties| properties.message_expiry_interval)
            .map_or(0, |seconds| now.saturating_add(i64::from(seconds) * 1000));
        Self::again(publish, now, expires)
    }

    /// The body of a publish that waits since `since` and is over at `expires` (ms since 1970; 0 is never).
    pub fn again(publish: &Publish, since: i64, expires: i64) -> Option<Self> {
        Some(Self {
            publish: encode_plain(publish)?,
            since,
            expires,
        })
    }

    /// The value for one receiver.
    pub(super) fn value(&self, to: &Delivery<'_>) -> Bytes {
        let share = to
            .share
            .map_or(&[][..], |filter| filter.as_str().as_bytes());
        let head = 30 + 4 * to.identifiers.len() + share.len();
        let mut value = BytesMut::with_capacity(head + self.publish.len());
        value.put_u8(TO_SEND);
        value.put_u64(to.sequence);
        value.put_u8(to.qos.as_u8() | if to.retain { RETAIN } else { 0 });
        value.put_i64(self.expires);
        value.put_i64(self.since);
        value.put_u16(u16::try_from(to.identifiers.len()).unwrap_or(u16::MAX));
        for identifier in to.identifiers.iter().take(usize::from(u16::MAX)) {
            value.put_u32(identifier.get());
        }
        // A filter is a string of the protocol: it has at most 65,535 bytes.
        value.put_u16(u16::try_from(share.len()).unwrap_or(0));
        value.put_slice(share);
        value.put_slice(&self.publish);
        value.freeze()
    }
}

/// What is one receiver's own of a publish.
#[derive(Debug)]
pub struct Delivery<'a> {
    /// Its place in the session's order.
    pub sequence: u64,
    /// The QoS the receiver gets.
    pub qos: QoS,
    /// The retain flag the receiver sees.
    pub retain: bool,
    /// The subscriptions that match.
    pub identifiers: &'a [SubscriptionId],
    /// The shared subscription it came by.
    pub share: Option<&'a TopicFilter>,
}

/// What the durable state says about a publish on its way to a client.
#[derive(Debug)]
pub(super) enum Kept {
    /// A publish to be sent.
    ToSend(Box<ToSend>),
    /// The client has taken the publish.
    Taken,
    /// A publish that was over before it could be sent.
    Expired,
}

/// A publish to be sent.
#[derive(Debug)]
pub struct ToSend {
    /// What the durable state calls it.
    pub key: SendingKey,
    /// Its place in the session's order.
    pub sequence: u64,
    /// Since when it waits, ms since 1970; None if an earlier version has not said.
    pub since: Option<i64>,
    /// What goes to the client.
    pub forward: Forward,
}

/// Publishes as they are read back: those for several receivers are in memory once, as they were before.
#[derive(Debug, Default)]
pub(super) struct Bodies {
    by_bytes: HashMap<Bytes, Arc<SharedPublish>>,
}

impl Bodies {
    fn publish(&mut self, bytes: Bytes) -> Option<Arc<SharedPublish>> {
        if let Some(known) = self.by_bytes.get(&bytes) {
            return Some(Arc::clone(known));
        }
        let publish = Arc::new(SharedPublish::new(decode_plain(&bytes)?).ok()?);
        self.by_bytes.insert(bytes, Arc::clone(&publish));
        Some(publish)
    }
}

/// Reads a value back. `now` is the same time twice: for the clock and in ms since 1970.
pub(super) fn read(
    key: SendingKey,
    mut value: Bytes,
    now: (Instant, i64),
    bodies: &mut Bodies,
) -> Option<Kept> {
    let form = value.try_get_u8().ok()?;
    match form {
        TAKEN => return Some(Kept::Taken),
        TO_SEND | OLD_TO_SEND => {}
        _ => return None,
    }
    let (clock, unix) = now;
    let sequence = value.try_get_u64().ok()?;
    let flags = value.try_get_u8().ok()?;
    let expires = value.try_get_i64().ok()?;
    let since = match form {
        TO_SEND => Some(value.try_get_i64().ok()?),
        _ => None,
    };
    let mut subscription_ids = Vec::new();
    for _ in 0..value.try_get_u16().ok()? {
        subscription_ids.push(SubscriptionId::new(value.try_get_u32().ok()?)?);
    }
    let share = match form {
        TO_SEND => filter_of(&mut value).ok()?,
        _ => None,
    };
    if expires != 0 && expires <= unix {
        return Some(Kept::Expired);
    }
    let left = u64::try_from(expires.saturating_sub(unix)).unwrap_or(0);
    let forward = Forward {
        publish: bodies.publish(value)?,
        qos: QoS::from_u8(flags & QOS)?,
        retain: flags & RETAIN != 0,
        subscription_ids,
        expires: (expires != 0).then(|| clock + Duration::from_millis(left)),
        packet_id: Some(key.packet_id()),
        share: share.map(Arc::new),
    };
    Some(Kept::ToSend(Box::new(ToSend {
        key,
        sequence,
        since,
        forward,
    })))
}

/// The filter at the front of `value`, if it is not empty.
fn filter_of(value: &mut Bytes) -> Result<Option<TopicFilter>, NoFilter> {
    let length = usize::from(value.try_get_u16().map_err(|_short| NoFilter)?);
    if length > value.len() {
        return Err(NoFilter);
    }
    let filter = value.split_to(length);
    if filter.is_empty() {
        return Ok(None);
    }
    let text = std::str::from_utf8(&filter).map_err(|_bytes| NoFilter)?;
    let filter = TopicFilter::new(text).map_err(|_text| NoFilter)?;
    Ok(Some(filter.detached()))
}

/// What is to be a filter is none.
#[derive(Debug)]
struct NoFilter;

#[cfg(test)]
mod tests {
    use messina_mqtt::topic::Topic;

    use super::*;
    use crate::runtime::clock::{Clock as _, SystemClock};

    fn value(share: Option<&TopicFilter>) -> Bytes {
        let publish = Publish::new(Topic::new("valve/7").unwrap(), "open");
        let body = Body::again(&publish, 5_000, 90_000).unwrap();
        body.value(&Delivery {
            sequence: 12,
            qos: QoS::ExactlyOnce,
            retain: true,
            identifiers: &[SubscriptionId::new(7).unwrap()],
            share,
        })
    }

    fn read_at(value: Bytes, now: i64) -> Option<Kept> {
        let now = (SystemClock.now(), now);
        read(SendingKey::Place(12), value, now, &mut Bodies::default())
    }

    fn to_send(value: Bytes) -> ToSend {
        match read_at(value, 10_000) {
            Some(Kept::ToSend(read)) => *read,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_publish_on_its_way_is_read_back_as_it_was() {
        let share = TopicFilter::new("$share/crew/valve/+").unwrap();
        for share in [None, Some(&share)] {
            let read = to_send(value(share));
            assert_eq!((read.sequence, read.since), (12, Some(5_000)));
            assert_eq!(read.forward.share.as_deref(), share);
            assert_eq!(read.forward.qos, QoS::ExactlyOnce);
            assert!(read.forward.retain);
            assert_eq!(read.forward.publish.publish().payload, "open");
            assert_eq!(read.forward.subscription_ids.len(), 1);
            assert!(matches!(read_at(value(share), 90_000), Some(Kept::Expired)));
        }
    }

    #[test]
    fn a_publish_for_several_receivers_is_in_memory_once() {
        let share = TopicFilter::new("$share/crew/valve/+").unwrap();
        let mut bodies = Bodies::default();
        let mut body_of = |value| {
            let now = (SystemClock.now(), 10_000);
            match read(SendingKey::Place(12), value, now, &mut bodies) {
                Some(Kept::ToSend(read)) => read.forward.publish,
                other => panic!("{other:?}"),
            }
        };
        let (one, other) = (body_of(value(None)), body_of(value(Some(&share))));
        assert!(Arc::ptr_eq(&one, &other));
    }

    #[test]
    fn what_an_earlier_version_has_written_is_read() {
        // Form 1: neither the time it waits since nor a shared subscription.
        let new = value(None);
        let mut old = BytesMut::from(&[OLD_TO_SEND][..]);
        old.put_slice(new.get(1..18).unwrap());
        old.put_slice(new.get(26..32).unwrap());
        old.put_slice(new.get(34..).unwrap());
        let read = to_send(old.freeze());
        assert_eq!((read.sequence, read.since), (12, None));
        assert_eq!(read.forward.publish.publish().payload, "open");
        assert_eq!(read.forward.subscription_ids.len(), 1);
        assert_eq!(read.forward.share, None);
    }

    #[test]
    fn a_cut_value_is_nothing() {
        let share = TopicFilter::new("$share/crew/valve/+").unwrap();
        let whole = value(Some(&share));
        for length in 0..whole.len() {
            assert!(read_at(whole.slice(..length), 10_000).is_none(), "{length}");
        }
    }
}
