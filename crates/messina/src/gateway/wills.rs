//! Wills that wait: what a client asked to be said if it goes without a word and stays away.
//!
//! The durable form, in the session's state:
//!
//! | bytes | what |
//! |---|---|
//! | 8 | when it is to be published, ms since 1970; 0 while its connection stands |
//! | 4 | its delay in seconds |
//! | 1 | QoS, and 4 if it is to be retained |
//! | rest | the PUBLISH as MQTT 5.0 sends it at QoS 0 |
//!
//! All numbers are big-endian.

use std::time::{Duration, Instant};

use bytes::{Buf as _, BufMut as _, Bytes, BytesMut};
use messina_mqtt::packet::{Publish, QoS, Will};

use super::state::delivery::{decode_plain, encode_plain};

const RETAIN: u8 = 4;
const QOS: u8 = 3;
/// Bytes before the PUBLISH.
const HEAD: usize = 13;

/// A will that waits for its time.
#[derive(Debug, PartialEq, Eq)]
pub struct PendingWill {
    /// The publish it becomes.
    pub publish: Publish,
    /// When.
    pub due: Instant,
}

/// The value of a will whose connection stands.
pub fn standing(will: &Will) -> Option<Bytes> {
    let delay = will.properties.will_delay_interval.unwrap_or(0);
    value(&will.clone().into_publish(), 0, delay)
}

/// The value of a will that is to be published at `due`, in ms since 1970.
pub fn pending(publish: &Publish, due: i64) -> Option<Bytes> {
    value(publish, due, 0)
}

fn value(publish: &Publish, due: i64, delay: u32) -> Option<Bytes> {
    let plain = encode_plain(publish)?;
    let mut value = BytesMut::with_capacity(HEAD + plain.len());
    value.put_i64(due);
    value.put_u32(delay);
    value.put_u8(publish.qos.as_u8() | if publish.retain { RETAIN } else { 0 });
    value.put_slice(&plain);
    Some(value.freeze())
}

/// Reads a value back. A will whose connection stood when the process ended is due its delay after `now`, which is
/// the same time twice: for the clock and in ms since 1970.
pub fn read(mut value: Bytes, now: (Instant, i64)) -> Option<PendingWill> {
    let due = value.try_get_i64().ok()?;
    let delay = Duration::from_secs(u64::from(value.try_get_u32().ok()?));
    let flags = value.try_get_u8().ok()?;
    let mut publish = decode_plain(&value)?;
    publish.qos = QoS::from_u8(flags & QOS)?;
    publish.retain = flags & RETAIN != 0;
    let (clock, unix) = now;
    let left = match due {
        0 => delay,
        due => Duration::from_millis(u64::try_from(due.saturating_sub(unix)).unwrap_or(0)),
    };
    Some(PendingWill {
        publish,
        due: clock.checked_add(left)?,
    })
}

#[cfg(test)]
mod tests {
    use messina_mqtt::packet::WillProperties;
    use messina_mqtt::topic::Topic;

    use super::*;
    use crate::runtime::clock::{Clock as _, SystemClock};

    fn will() -> Will {
        Will {
            qos: QoS::ExactlyOnce,
            retain: true,
            topic: Topic::new("status/pump").unwrap(),
            payload: "gone".into(),
            properties: WillProperties {
                will_delay_interval: Some(30),
                message_expiry_interval: Some(60),
                ..WillProperties::default()
            },
        }
    }

    #[test]
    fn a_will_is_read_back_as_it_was_left() {
        let clock = SystemClock.now();
        let read_at = |value, unix| read(value, (clock, unix)).unwrap();
        let publish = will().into_publish();
        let standing = read_at(standing(&will()).unwrap(), 1_000);
        assert_eq!(standing.publish, publish);
        assert_eq!(standing.due, clock + Duration::from_secs(30));
        let pending = pending(&publish, 5_000).unwrap();
        assert_eq!(
            read_at(pending.clone(), 1_000).due,
            clock + Duration::from_secs(4)
        );
        assert_eq!(read_at(pending, 9_000).due, clock);
    }

    #[test]
    fn a_cut_value_is_no_will() {
        let value = standing(&will()).unwrap();
        let now = (SystemClock.now(), 0);
        for length in 0..value.len() {
            assert_eq!(read(value.slice(..length), now), None, "{length}");
        }
    }
}
