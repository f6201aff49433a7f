//! Wills that wait: what a client asked to be said if it goes without a word and stays away.
//!
//! The durable form, in the session's state:
//!
//! | bytes | what |
//! |---|---|
//! | 8 | when it is to be published, ms since 1970; 0 while its connection stands |
//! | 4 | its delay in seconds |
//! | 1 | QoS; 4 if it is to be retained; 8 if its author is known, 16 with a name, 32 with a token that grants the topic |
//! | 2, its bytes | the author's name, if it has one |
//! | rest | the PUBLISH as MQTT 5.0 sends it at QoS 0 |
//!
//! All numbers are big-endian. Earlier versions have written no author. It is for the rules in force when the will is
//! published: they need not be those of the CONNECT it came with.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::{Buf as _, BufMut as _, Bytes, BytesMut};
use messina_mqtt::packet::{Publish, QoS, Will};
use messina_mqtt::topic::{Topic, TopicFilter};

use super::state::delivery::{decode_plain, encode_plain};
use crate::access::{Grants, Identity, Method};

const QOS: u8 = 3;
const RETAIN: u8 = 4;
const AUTHOR: u8 = 8;
const NAMED: u8 = 16;
const GRANTED: u8 = 32;
/// Bytes before the author's name.
const HEAD: usize = 15;

/// A will that waits for its time.
#[derive(Debug, PartialEq, Eq)]
pub struct PendingWill {
    /// The publish it becomes.
    pub publish: Publish,
    /// When.
    pub due: Instant,
    /// Whose it is; None if an earlier version has not said.
    pub author: Option<Identity>,
}

/// The value of a will whose connection stands.
pub fn standing(will: &Will, author: &Identity) -> Option<Bytes> {
    let delay = will.properties.will_delay_interval.unwrap_or(0);
    value(&will.clone().into_publish(), Some(author), (0, delay))
}

/// The value of a will that is to be published at `due`, in ms since 1970.
pub fn pending(will: &PendingWill, due: i64) -> Option<Bytes> {
    value(&will.publish, will.author.as_ref(), (due, 0))
}

fn value(publish: &Publish, author: Option<&Identity>, (due, delay): (i64, u32)) -> Option<Bytes> {
    let plain = encode_plain(publish)?;
    let name = author.and_then(|author| author.user.as_deref());
    let flag = |is_set: bool, flag: u8| if is_set { flag } else { 0 };
    let is_granted = author.is_some_and(|author| grants(author, &publish.topic));
    let mut value = BytesMut::with_capacity(HEAD + name.map_or(0, str::len) + plain.len());
    value.put_i64(due);
    value.put_u32(delay);
    value.put_u8(
        publish.qos.as_u8()
            | flag(publish.retain, RETAIN)
            | flag(author.is_some(), AUTHOR)
            | flag(name.is_some(), NAMED)
            | flag(is_granted, GRANTED),
    );
    if let Some(name) = name {
        value.put_u16(u16::try_from(name.len()).ok()?);
        value.put_slice(name.as_bytes());
    }
    value.put_slice(&plain);
    Some(value.freeze())
}

/// Whether the token of `author` says that it may publish to `topic`.
fn grants(author: &Identity, topic: &Topic) -> bool {
    let grants = author.grants.as_deref();
    let publish = grants.and_then(|grants| grants.publish.as_deref());
    publish.is_some_and(|filters| filters.iter().any(|filter| filter.matches(topic)))
}

/// The author as flags and what follows them say; of what its token grants as much as the will needs.
fn author(value: &mut Bytes, flags: u8) -> Option<Identity> {
    let mut author = Identity::ANONYMOUS;
    if flags & NAMED != 0 {
        let length = usize::from(value.try_get_u16().ok()?);
        if length > value.len() {
            return None;
        }
        let name = value.split_to(length);
        author = Identity::user(std::str::from_utf8(&name).ok()?, Method::Password);
    }
    Some(author)
}

/// `author` with a token that grants `topic`.
fn with_token(author: Identity, topic: &Topic) -> Option<Identity> {
    let filter = TopicFilter::new(topic.as_str()).ok()?;
    Some(Identity {
        method: Method::Token,
        grants: Some(Arc::new(Grants {
            publish: Some(vec![filter.detached()]),
            subscribe: None,
        })),
        ..author
    })
}

/// Reads a value back. A will whose connection stood when the process ended is due its delay after `now`, which is
/// the same time twice: for the clock and in ms since 1970.
pub fn read(mut value: Bytes, now: (Instant, i64)) -> Option<PendingWill> {
    let due = value.try_get_i64().ok()?;
    let delay = Duration::from_secs(u64::from(value.try_get_u32().ok()?));
    let flags = value.try_get_u8().ok()?;
    let author = author(&mut value, flags)?;
    let mut publish = decode_plain(&value)?;
    publish.qos = QoS::from_u8(flags & QOS)?;
    publish.retain = flags & RETAIN != 0;
    let (clock, unix) = now;
    let left = match due {
        0 => delay,
        due => Duration::from_millis(u64::try_from(due.saturating_sub(unix)).unwrap_or(0)),
    };
    let author = if flags & GRANTED == 0 {
        author
    } else {
        with_token(author, &publish.topic)?
    };
    Some(PendingWill {
        publish,
        due: clock.checked_add(left)?,
        author: (flags & AUTHOR != 0).then_some(author),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::runtime::clock::{Clock as _, SystemClock};
    use messina_mqtt::packet::WillProperties;

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

    fn token(filter: &str) -> Identity {
        Identity {
            method: Method::Token,
            grants: Some(Arc::new(Grants {
                publish: Some(vec![TopicFilter::new(filter).unwrap()]),
                subscribe: None,
            })),
            ..Identity::user("ada", Method::Token)
        }
    }

    #[test]
    fn a_will_is_read_back_as_it_was_left() {
        let clock = SystemClock.now();
        let read_at = |value, unix| read(value, (clock, unix)).unwrap();
        let publish = will().into_publish();
        for author in [
            Identity::ANONYMOUS,
            Identity::user("ada", Method::Password),
            token("status/pump"),
        ] {
            let standing = read_at(standing(&will(), &author).unwrap(), 1_000);
            assert_eq!(standing.publish, publish);
            assert_eq!(standing.due, clock + Duration::from_secs(30));
            assert_eq!(standing.author.as_ref(), Some(&author));
            let pending = pending(&standing, 5_000).unwrap();
            let read = read_at(pending.clone(), 1_000);
            assert_eq!(read.due, clock + Duration::from_secs(4));
            assert_eq!(read.author, standing.author);
            assert_eq!(read_at(pending, 9_000).due, clock);
        }
    }

    #[test]
    fn of_a_token_only_what_the_will_needs_is_kept() {
        let now = (SystemClock.now(), 0);
        let author_of = |token: &Identity| {
            let value = standing(&will(), token).unwrap();
            read(value, now).unwrap().author.unwrap()
        };
        assert_eq!(author_of(&token("status/#")), token("status/pump"));
        let other = Identity::user("ada", Method::Password);
        assert_eq!(author_of(&token("other/#")), other);
    }

    #[test]
    fn what_an_earlier_version_has_written_is_read() {
        let new = standing(&will(), &Identity::ANONYMOUS).unwrap();
        let mut old = BytesMut::from(new.as_ref());
        if let Some(flags) = old.get_mut(12) {
            *flags &= !AUTHOR;
        }
        let read = read(old.freeze(), (SystemClock.now(), 0)).unwrap();
        assert_eq!(read.publish, will().into_publish());
        assert_eq!(read.author, None);
    }

    #[test]
    fn a_cut_value_is_no_will() {
        let value = standing(&will(), &token("status/#")).unwrap();
        let now = (SystemClock.now(), 0);
        for length in 0..value.len() {
            assert_eq!(read(value.slice(..length), now), None, "{length}");
        }
    }
}
