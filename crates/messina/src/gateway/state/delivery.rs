//! A publish on its way to a client whose session outlives the process, as the durable state keeps it.
//!
//! | bytes | what |
//! |---|---|
//! | 1 | form: 1 = to be sent, 2 = the client has taken it (QoS 2, PUBREC); then nothing follows |
//! | 8 | place in the session's order |
//! | 1 | QoS, and 4 if the retain flag is seen |
//! | 8 | when it is no longer worth sending, ms since 1970; 0 = never |
//! | 2, 4 each | subscription identifiers |
//! | rest | the PUBLISH as MQTT 5.0 sends it at QoS 0 |
//!
//! All numbers are big-endian.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::{Buf as _, BufMut as _, Bytes, BytesMut};
use messina_mqtt::packet::{Codec, Packet, PacketId, Publish, QoS, SharedPublish, Version};
use messina_mqtt::property::SubscriptionId;
use messina_mqtt::session::Forward;

const TO_SEND: u8 = 1;
const TAKEN: u8 = 2;
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

/// What is the same for every receiver of a publish: its bytes, and when it is over.
#[derive(Debug)]
pub struct Body {
    publish: Bytes,
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
        Some(Self {
            publish: encode_plain(publish)?,
            expires,
        })
    }

    /// The value for one receiver.
    pub(super) fn value(&self, to: &Delivery<'_>) -> Bytes {
        let mut value = BytesMut::with_capacity(20 + 4 * to.identifiers.len() + self.publish.len());
        value.put_u8(TO_SEND);
        value.put_u64(to.sequence);
        value.put_u8(to.qos.as_u8() | if to.retain { RETAIN } else { 0 });
        value.put_i64(self.expires);
        value.put_u16(u16::try_from(to.identifiers.len()).unwrap_or(u16::MAX));
        for identifier in to.identifiers.iter().take(usize::from(u16::MAX)) {
            value.put_u32(identifier.get());
        }
        value.put_slice(&self.publish);
        value.freeze()
    }
}

/// What is one receiver's own of a publish.
#[derive(Debug)]
pub struct Delivery<'a> {
    /// The identifier it is sent with.
    pub packet_id: PacketId,
    /// Its place in the session's order.
    pub sequence: u64,
    /// The QoS the receiver gets.
    pub qos: QoS,
    /// The retain flag the receiver sees.
    pub retain: bool,
    /// The subscriptions that match.
    pub identifiers: &'a [SubscriptionId],
}

/// What the durable state says about a packet identifier of a session.
#[derive(Debug)]
pub(super) enum Kept {
    /// A publish to be sent, and its place in the session's order.
    ToSend(u64, Box<Forward>),
    /// The client has taken the publish.
    Taken,
    /// A publish that was over before it could be sent.
    Expired,
}

/// Reads a value back. `now` is the same time twice: for the clock and in ms since 1970.
pub(super) fn read(packet_id: PacketId, mut value: Bytes, now: (Instant, i64)) -> Option<Kept> {
    match value.try_get_u8().ok()? {
        TAKEN => return Some(Kept::Taken),
        TO_SEND => {}
        _ => return None,
    }
    let sequence = value.try_get_u64().ok()?;
    let flags = value.try_get_u8().ok()?;
    let expires = value.try_get_i64().ok()?;
    let mut subscription_ids = Vec::new();
    for _ in 0..value.try_get_u16().ok()? {
        subscription_ids.push(SubscriptionId::new(value.try_get_u32().ok()?)?);
    }
    let (clock, unix) = now;
    if expires != 0 && expires <= unix {
        return Some(Kept::Expired);
    }
    let left = u64::try_from(expires.saturating_sub(unix)).unwrap_or(0);
    let publish = decode_plain(&value)?;
    let forward = Forward {
        publish: Arc::new(SharedPublish::new(publish).ok()?),
        qos: QoS::from_u8(flags & QOS)?,
        retain: flags & RETAIN != 0,
        subscription_ids,
        expires: (expires != 0).then(|| clock + Duration::from_millis(left)),
        packet_id: Some(packet_id),
    };
    Some(Kept::ToSend(sequence, Box::new(forward)))
}
