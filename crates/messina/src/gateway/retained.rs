//! Retained publishes: the last of each topic, for subscribers that come later, in a compacted topic.
//!
//! The record's key is the MQTT topic; its value:
//!
//! | bytes | what |
//! |---|---|
//! | 1 | form: 1 |
//! | 1 | QoS |
//! | 8 | when it is no longer worth sending, ms since 1970, big-endian; 0 = never |
//! | rest | the PUBLISH as MQTT 5.0 sends it at QoS 0 |
//!
//! A null value forgets. The record enters the log in one append with the publish's own. What is retained is held
//! in memory too, within `gateway.retained`. In Kafka all gateways have one such topic, and read it as it grows.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::{Buf as _, BufMut as _, Bytes, BytesMut};
use messina_mqtt::packet::{Publish, QoS, RetainHandling, SharedPublish};
use messina_mqtt::session::{Forward, SessionSubscription};
use messina_mqtt::topic::{Topic, TopicFilter};
use messina_store::log::NewRecord;
use parking_lot::RwLock;

use super::state::StateError;
use super::state::delivery::{decode_plain, encode_plain};
use crate::config::RetainedLimits;
use crate::record_log::{LogPartition, LogWriter};

/// The compacted topic.
pub const TOPIC: &str = "__messina_retained";

const FORM: u8 = 1;

/// A retained publish.
#[derive(Debug, Clone)]
struct Kept {
    publish: Arc<SharedPublish>,
    qos: QoS,
    /// Milliseconds since 1970; 0 is never.
    expires: i64,
    size: usize,
}

impl Kept {
    fn is_over(&self, now: i64) -> bool {
        self.expires != 0 && self.expires <= now
    }
}

fn record(key: Bytes, value: Option<Bytes>, timestamp: i64) -> NewRecord {
    NewRecord {
        key: Some(key),
        value,
        headers: Vec::new(),
        timestamp,
    }
}

/// What a publish with the retain flag changes, once it is durable.
#[derive(Debug)]
pub struct Change {
    topic: Topic,
    kept: Option<Kept>,
}

#[derive(Debug, Default)]
struct Table {
    by_topic: BTreeMap<Topic, Kept>,
    bytes: usize,
}

impl Table {
    fn apply(&mut self, change: Change) {
        self.bytes += change.kept.as_ref().map_or(0, |kept| kept.size);
        let old = match change.kept {
            Some(kept) => self.by_topic.insert(change.topic, kept),
            None => self.by_topic.remove(&change.topic),
        };
        self.bytes -= old.map_or(0, |old| old.size);
    }
}

/// All retained publishes.
#[derive(Debug)]
pub struct Retained {
    partition: LogPartition,
    table: RwLock<Table>,
    read_to: i64,
    limits: RetainedLimits,
}

impl Retained {
    /// Opens the topic, creates it at the first start, and reads what an earlier run has kept; what is over at
    /// `now` (ms since 1970) is forgotten for good.
    pub async fn open(
        log: &LogWriter,
        limits: RetainedLimits,
        now: i64,
    ) -> Result<Self, StateError> {
        let partition = super::state::compacted(log, TOPIC, &log.shared_topic(TOPIC)).await?;
        let mut table = Table::default();
        let mut over = Vec::new();
        let kept = log.read_compacted(&log.shared_topic(TOPIC)).await?;
        for (key, value) in kept.latest {
            match read(value) {
                Some((_, kept)) if kept.is_over(now) => {
                    over.push((partition.clone(), record(key, None, now)));
                }
                Some((topic, kept)) => table.apply(Change {
                    topic,
                    kept: Some(kept),
                }),
                None => tracing::warn!(
                    ?key,
                    "a retained publish has no known form; it is passed over"
                ),
            }
        }
        if !over.is_empty()
            && let Err(error) = log.append_wait(over).await
        {
            tracing::warn!(%error, "expired retained publishes stay in the log until the next start");
        }
        Ok(Self {
            partition,
            table: RwLock::new(table),
            read_to: kept.next,
            limits,
        })
    }

    /// What a publish with the retain flag changes, and the record that makes it durable; `now` in ms since 1970.
    /// An empty payload forgets [MQTT-3.3.1-6] [MQTT-3.3.1-7]. None if there is no room: it is not retained.
    /// [MQTT-3.3.1-5]
    pub fn change(
        &self,
        publish: &Publish,
        now: i64,
    ) -> Option<(Change, (LogPartition, NewRecord))> {
        let topic = publish.topic.detached();
        let key = topic.as_bytes().clone();
        let (kept, value) = if publish.payload.is_empty() {
            (None, None)
        } else {
            let value = Self::value(publish, now)?;
            let (_, kept) = read(value.clone())?;
            self.has_room(&topic, kept.size).then_some(())?;
            (Some(kept), Some(value))
        };
        let record = record(key, value, now);
        Some((Change { topic, kept }, (self.partition.clone(), record)))
    }

    fn value(publish: &Publish, now: i64) -> Option<Bytes> {
        let plain = encode_plain(publish)?;
        let mut value = BytesMut::with_capacity(10 + plain.len());
        value.put_u8(FORM);
        value.put_u8(publish.qos.as_u8());
        value.put_i64(expiry(publish, now));
        value.put_slice(&plain);
        Some(value.freeze())
    }

    fn has_room(&self, topic: &Topic, size: usize) -> bool {
        let table = self.table.read();
        let old = table.by_topic.get(topic).map(|old| old.size);
        let count = table.by_topic.len() + usize::from(old.is_none());
        count <= self.limits.messages
            && table.bytes + size - old.unwrap_or_default() <= self.limits.bytes
    }

    /// Keeps what the server itself says, until it stops: it is not durable.
    pub fn say(&self, publish: &Publish) {
        let value = Self::value(publish, 0);
        if let Some((topic, kept)) = value.and_then(read) {
            let kept = Some(kept);
            self.apply(Change { topic, kept });
        }
    }

    /// Offset of the first record that an earlier process, or another gateway, has written since this was opened.
    pub fn read_to(&self) -> i64 {
        self.read_to
    }

    /// A record of the topic, in the order they are in Kafka: what is retained at one gateway is at all of them, and
    /// where two have spoken at once all end with the same.
    pub fn take_in(&self, key: Option<&Bytes>, value: Option<Bytes>) {
        let topic = key.and_then(|key| Topic::new(std::str::from_utf8(key).ok()?).ok());
        let Some(topic) = topic else { return };
        let kept = value.and_then(read).map(|(_, kept)| kept);
        self.apply(Change { topic, kept });
    }

    /// It is durable: it holds from now on.
    pub fn apply(&self, change: Change) {
        self.table.write().apply(change);
    }

    /// What a subscription is answered with [MQTT-3.3.1-9] [MQTT-3.3.1-10] [MQTT-3.3.1-11], in the order of topics.
    /// [MQTT-3.8.4-4] A shared subscription gets nothing. `now` is the same time twice: for the clock and in ms since
    /// 1970.
    pub fn matching(&self, own: &SessionSubscription, now: (Instant, i64)) -> Vec<Forward> {
        let wanted = match own.options.retain_handling {
            RetainHandling::Send => true,
            RetainHandling::SendIfNew => !own.replaces,
            RetainHandling::DoNotSend => false,
        };
        if !wanted || own.filter.is_shared() {
            return Vec::new();
        }
        let (clock, unix) = now;
        let forward = |kept: &Kept| Forward {
            publish: Arc::clone(&kept.publish),
            qos: kept.qos.min(own.options.qos),
            retain: true, // [MQTT3-3.3.1-8]
            subscription_ids: own.identifier.into_iter().collect(),
            expires: (kept.expires != 0).then(|| {
                let left = u64::try_from(kept.expires.saturating_sub(unix)).unwrap_or(0);
                clock + Duration::from_millis(left)
            }),
            packet_id: None,
            share: None,
        };
        let table = self.table.read();
        let all = table.of(&own.filter);
        let alive = all.filter(|kept| !kept.is_over(unix));
        alive.map(forward).collect()
    }

    /// Forgets what is over at `now`, in ms since 1970. Its records stay until the next start: a newer publish of
    /// the topic may be on its way into the log.
    pub fn forget_expired(&self, now: i64) {
        let mut table = self.table.write();
        let table = &mut *table;
        let over = table.by_topic.extract_if(.., |_, kept| kept.is_over(now));
        let freed: usize = over.map(|(_, kept)| kept.size).sum();
        table.bytes -= freed;
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.table.read().by_topic.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl Table {
    /// What a filter matches. Only topics that begin as the filter does, up to its first wildcard, are looked at.
    fn of<'a>(&'a self, filter: &'a TopicFilter) -> impl Iterator<Item = &'a Kept> {
        let path = filter.path();
        let wildcard = path.find(['+', '#']).unwrap_or(path.len());
        // `sport/#` matches `sport` too [MQTT-4.7.1-1].
        let begins = path.get(..wildcard).unwrap_or(path);
        let begins = begins.strip_suffix('/').unwrap_or(begins);
        let from = Topic::new(begins).unwrap_or(Topic::EMPTY);
        let range = (Bound::Included(from), Bound::Unbounded);
        self.by_topic
            .range::<Topic, _>(range)
            .take_while(move |(topic, _)| topic.as_str().starts_with(begins))
            .filter(|(topic, _)| filter.matches(topic))
            .map(|(_, kept)| kept)
    }
}

/// When a publish that came at `now` is over, in ms since 1970; 0 is never.
fn expiry(publish: &Publish, now: i64) -> i64 {
    publish
        .properties
        .as_ref()
        .and_then(|properties| properties.message_expiry_interval)
        .map_or(0, |seconds| now.saturating_add(i64::from(seconds) * 1000))
}

fn read(mut value: Bytes) -> Option<(Topic, Kept)> {
    if value.try_get_u8().ok()? != FORM {
        return None;
    }
    let qos = QoS::from_u8(value.try_get_u8().ok()?)?;
    let expires = value.try_get_i64().ok()?;
    let publish = decode_plain(&value)?;
    let topic = publish.topic.clone();
    let kept = Kept {
        size: topic.as_str().len() + publish.payload.len(),
        publish: Arc::new(SharedPublish::new(publish).ok()?),
        qos,
        expires,
    };
    Some((topic, kept))
}
