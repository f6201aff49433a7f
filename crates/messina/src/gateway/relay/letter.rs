//! A publish on its way from one gateway to the others.
//!
//! | bytes | what |
//! |---|---|
//! | 1 | form: 1 |
//! | 1 | QoS, and 4 if the publish has the retain flag |
//! | 8 | when it is no longer worth delivering, ms since 1970, big-endian; 0 = never |
//! | rest | the PUBLISH as MQTT 5.0 sends it at QoS 0 |
//!
//! The header `gateway` says whose letter it is.

use bytes::{Buf as _, BufMut as _, Bytes, BytesMut};
use messina_connect::record::RecordHeader;
use messina_mqtt::packet::{Publish, QoS};
use messina_store::log::NewRecord;

use super::super::state::delivery::{decode_plain, encode_plain};

/// The header that names the gateway.
pub(super) const GATEWAY: &str = "gateway";

const FORM: u8 = 1;
const RETAIN: u8 = 4;
const QOS: u8 = 3;

/// The record of a publish that came at `now`, ms since 1970. None if it cannot be encoded, which a decoded publish
/// always can.
pub(super) fn write(publish: &Publish, gateway: &Bytes, now: i64) -> Option<NewRecord> {
    let plain = encode_plain(publish)?;
    let expires = publish
        .properties
        .as_ref()
        .and_then(|properties| properties.message_expiry_interval)
        .map_or(0, |seconds| now.saturating_add(i64::from(seconds) * 1000));
    let mut value = BytesMut::with_capacity(10 + plain.len());
    value.put_u8(FORM);
    value.put_u8(publish.qos.as_u8() | if publish.retain { RETAIN } else { 0 });
    value.put_i64(expires);
    value.put_slice(&plain);
    Some(NewRecord {
        key: Some(publish.topic.as_bytes().clone()),
        value: Some(value.freeze()),
        headers: vec![RecordHeader {
            name: Bytes::from_static(GATEWAY.as_bytes()),
            value: Some(gateway.clone()),
        }],
        timestamp: now,
    })
}

/// Reads a letter at `now`, ms since 1970: its expiry counts from when it was written. None if its form is not known,
/// or if it is over.
pub(super) fn read(mut value: Bytes, now: i64) -> Option<Publish> {
    if value.try_get_u8().ok()? != FORM {
        return None;
    }
    let flags = value.try_get_u8().ok()?;
    let expires = value.try_get_i64().ok()?;
    let left = expires.saturating_sub(now);
    if expires != 0 && left <= 0 {
        return None;
    }
    let mut publish = decode_plain(&value)?;
    publish.qos = QoS::from_u8(flags & QOS)?;
    publish.retain = flags & RETAIN != 0;
    if let Some(properties) = publish.properties.as_mut().filter(|_| expires != 0) {
        let seconds = u32::try_from((left + 999) / 1000).unwrap_or(u32::MAX);
        properties.message_expiry_interval = Some(seconds);
    }
    Some(publish)
}

#[cfg(test)]
mod tests {
    use messina_mqtt::packet::PublishProperties;
    use messina_mqtt::topic::Topic;

    use super::*;

    #[test]
    fn a_letter_reads_as_it_was_written_and_its_time_goes_on() {
        let mut publish = Publish::new(Topic::new("room/1").unwrap(), Bytes::from_static(b"on"));
        (publish.qos, publish.retain) = (QoS::ExactlyOnce, true);
        let properties = PublishProperties {
            message_expiry_interval: Some(10),
            ..PublishProperties::default()
        };
        publish.properties = Some(Box::new(properties));
        let record = write(&publish, &Bytes::from_static(b"a"), 1_000).unwrap();
        assert_eq!(record.key.as_deref(), Some(b"room/1".as_slice()));
        let value = record.value.unwrap();
        let read_back = read(value.clone(), 4_000).unwrap();
        assert_eq!((read_back.qos, read_back.retain), (publish.qos, true));
        assert_eq!(read_back.payload, publish.payload);
        let left = read_back.properties.unwrap().message_expiry_interval;
        assert_eq!(left, Some(7));
        assert!(read(value.clone(), 11_000).is_none());
        assert!(read(value.slice(..9), 0).is_none());
        assert!(read(Bytes::new(), 0).is_none());
    }
}
