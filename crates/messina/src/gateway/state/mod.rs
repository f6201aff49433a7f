//! What of a session survives the process, in a compacted topic: that it exists, what it subscribes to, what was
//! not delivered to its client yet, and the QoS 2 identifiers its client has sent.
//!
//! | record key | value | meaning |
//! |---|---|---|
//! | `s` client identifier | session expiry interval (4 bytes big-endian), since when its client is away (8 bytes, ms since 1970), the place that came next in its order when it left (8 bytes); neither while it is connected | the session exists |
//! | `u` length of the client identifier (2 bytes) client identifier, filter | subscription options (1 byte), subscription identifier (4 bytes, 0 = none) | the session has this subscription |
//! | `p` place in the session's order (8 bytes) client identifier | see [`delivery`] | a publish is on its way to the client |
//! | `d` packet identifier (2 bytes) client identifier | the same | the same, of earlier versions |
//! | `w` client identifier | see [`wills`](super::wills) | its client has left a will |
//! | `q` packet identifier (2 bytes big-endian) client identifier | empty | a QoS 2 PUBLISH with this identifier is in the log and not released |
//!
//! A null value forgets. The `q` record enters the log in one append with the publish's own record, so that a
//! crash leaves both or neither [MQTT-4.3.3-10]; so do the `p` records of all its receivers.

pub mod delivery;
mod restoring;

use std::time::Instant;

use bytes::{BufMut as _, Bytes, BytesMut};
use messina_mqtt::packet::{ClientId, PacketId};
use messina_mqtt::property::SubscriptionId;
use messina_mqtt::session::SessionSubscription;
use messina_mqtt::topic::TopicFilter;
use messina_store::log::{AppendError, NewRecord};

use self::delivery::{Body, Delivery};
pub use self::restoring::Left;
use super::slots::SendingKey;
use crate::record_log::kafka::KafkaLogError;
use crate::record_log::{LogPartition, LogWriter, WriterError};

/// The compacted topic.
pub const TOPIC: &str = "__messina_sessions";

/// Records of expired publishes that are forgotten in one append.
const FORGOTTEN_AT_ONCE: usize = 1_000;

/// Why the sessions of an earlier run could not be read.
#[derive(Debug, thiserror::Error)]
pub enum StateError {
    /// A topic could not be made.
    #[error("cannot create the topic `{topic}`")]
    Create {
        /// The topic.
        topic: &'static str,
        /// Why.
        source: WriterError,
    },
    /// A topic of ours could not be read.
    #[error("cannot read what an earlier run has left of sessions and retained publishes")]
    Read(#[from] WriterError),
    /// What other gateways want could not be read.
    #[error(transparent)]
    Others(#[from] KafkaLogError),
    /// Where a new gateway begins could not be made durable.
    #[error("cannot begin to listen to other gateways")]
    Begin(#[from] AppendError),
}

/// The one partition of a compacted topic of ours, created at the first start. `name` is what it is called there.
pub(super) async fn compacted(
    log: &LogWriter,
    topic: &'static str,
    name: &str,
) -> Result<LogPartition, StateError> {
    let opened = log.compacted(name).await;
    opened.map_err(|source| StateError::Create { topic, source })
}

/// Writes and reads the durable state of sessions.
#[derive(Debug)]
pub struct SessionState {
    partition: LogPartition,
}

impl SessionState {
    /// Opens the topic, and creates it at the first start.
    pub async fn open(log: &LogWriter) -> Result<Self, StateError> {
        let partition = compacted(log, TOPIC, &log.own_topic(TOPIC)).await?;
        Ok(Self { partition })
    }

    /// The same, with the sessions that an earlier run has left.
    pub async fn restored(
        log: &LogWriter,
        now: (Instant, i64),
    ) -> Result<(Self, Vec<Left>), StateError> {
        let state = Self::open(log).await?;
        let left = state.restore(log, now).await?;
        Ok((state, left))
    }

    /// The sessions that an earlier run has left, sorted by client identifier. `now` is the same time twice: for the
    /// clock and in ms since 1970.
    pub async fn restore(
        &self,
        log: &LogWriter,
        now: (Instant, i64),
    ) -> Result<Vec<Left>, StateError> {
        let records = log.read_compacted(&log.own_topic(TOPIC)).await?;
        let mut left = restoring::sessions(records.latest, now);
        self.forget_expired(log, &mut left, now.1).await;
        Ok(left)
    }

    /// What was over before it could be sent is not on its way any more.
    async fn forget_expired(&self, log: &LogWriter, left: &mut [Left], now: i64) {
        let mut all = Vec::new();
        for own in left {
            let client = &own.session.client_id;
            let keys = own.expired.drain(..);
            all.extend(keys.map(|key| self.delivered(client, key, now)));
        }
        while !all.is_empty() {
            let some = all.split_off(all.len().saturating_sub(FORGOTTEN_AT_ONCE));
            if let Err(error) = log.append_wait(some).await {
                tracing::warn!(%error, "expired publishes of sessions stay in the log until the next start");
                return;
            }
        }
    }

    /// The record that says a session exists.
    pub fn begun(&self, client: &ClientId, expiry: u32, now: i64) -> (LogPartition, NewRecord) {
        self.record(
            session_key(client),
            Some(Bytes::copy_from_slice(&expiry.to_be_bytes())),
            now,
        )
    }

    /// The record that says a session exists and its client is away since `now`; `next` is the place that comes next in
    /// its order.
    pub fn asleep(
        &self,
        client: &ClientId,
        expiry: u32,
        next: u64,
        now: i64,
    ) -> (LogPartition, NewRecord) {
        let mut value = BytesMut::with_capacity(20);
        value.put_u32(expiry);
        value.put_i64(now);
        value.put_u64(next);
        self.record(session_key(client), Some(value.freeze()), now)
    }

    /// The record that keeps a will: `value` is of [`wills`](super::wills).
    pub fn will(&self, client: &ClientId, value: Bytes, now: i64) -> (LogPartition, NewRecord) {
        self.record(will_key(client), Some(value), now)
    }

    /// The record that says there is none: it was published, or is not to be.
    pub fn will_done(&self, client: &ClientId, now: i64) -> (LogPartition, NewRecord) {
        self.record(will_key(client), None, now)
    }

    /// The record that says it exists no more.
    pub fn ended(&self, client: &ClientId, now: i64) -> (LogPartition, NewRecord) {
        self.record(session_key(client), None, now)
    }

    /// The record that goes into the log with a QoS 2 publish.
    pub fn received(
        &self,
        client: &ClientId,
        packet_id: PacketId,
        now: i64,
    ) -> (LogPartition, NewRecord) {
        self.record(packet_key(b'q', client, packet_id), Some(Bytes::new()), now)
    }

    /// The record that forgets the identifier.
    pub fn released(
        &self,
        client: &ClientId,
        packet_id: PacketId,
        now: i64,
    ) -> (LogPartition, NewRecord) {
        self.record(packet_key(b'q', client, packet_id), None, now)
    }

    /// The record that says a session has a subscription.
    pub fn subscribed(
        &self,
        client: &ClientId,
        subscription: &SessionSubscription,
        now: i64,
    ) -> (LogPartition, NewRecord) {
        let mut value = BytesMut::with_capacity(5);
        value.put_u8(subscription.options.to_byte());
        value.put_u32(subscription.identifier.map_or(0, SubscriptionId::get));
        let key = subscription_key(client, &subscription.filter);
        self.record(key, Some(value.freeze()), now)
    }

    /// The record that says it has it no more.
    pub fn unsubscribed(
        &self,
        client: &ClientId,
        filter: &TopicFilter,
        now: i64,
    ) -> (LogPartition, NewRecord) {
        self.record(subscription_key(client, filter), None, now)
    }

    /// The record that says a publish is on its way to `client`.
    pub fn sending(
        &self,
        client: &ClientId,
        body: &Body,
        to: &Delivery<'_>,
        now: i64,
    ) -> (LogPartition, NewRecord) {
        let key = sending_key(client, SendingKey::Place(to.sequence));
        self.record(key, Some(body.value(to)), now)
    }

    /// The record that says `client` has taken a QoS 2 publish: it is not to be sent again [MQTT-4.3.3-6].
    pub fn taken(&self, client: &ClientId, key: SendingKey, now: i64) -> (LogPartition, NewRecord) {
        self.record(sending_key(client, key), Some(delivery::taken()), now)
    }

    /// The record that says a publish is done with.
    pub fn delivered(
        &self,
        client: &ClientId,
        key: SendingKey,
        now: i64,
    ) -> (LogPartition, NewRecord) {
        self.record(sending_key(client, key), None, now)
    }

    fn record(
        &self,
        key: Bytes,
        value: Option<Bytes>,
        timestamp: i64,
    ) -> (LogPartition, NewRecord) {
        (
            self.partition.clone(),
            NewRecord {
                key: Some(key),
                value,
                headers: Vec::new(),
                timestamp,
            },
        )
    }
}

fn session_key(client: &ClientId) -> Bytes {
    client_key(b's', client)
}

fn will_key(client: &ClientId) -> Bytes {
    client_key(b'w', client)
}

fn client_key(kind: u8, client: &ClientId) -> Bytes {
    let mut key = BytesMut::with_capacity(1 + client.as_str().len());
    key.put_u8(kind);
    key.put_slice(client.as_str().as_bytes());
    key.freeze()
}

fn sending_key(client: &ClientId, key: SendingKey) -> Bytes {
    let place = match key {
        SendingKey::Place(place) => place,
        SendingKey::Identifier(packet_id) => return packet_key(b'd', client, packet_id),
    };
    let mut key = BytesMut::with_capacity(9 + client.as_str().len());
    key.put_u8(b'p');
    key.put_u64(place);
    key.put_slice(client.as_str().as_bytes());
    key.freeze()
}

fn packet_key(kind: u8, client: &ClientId, packet_id: PacketId) -> Bytes {
    let mut key = BytesMut::with_capacity(3 + client.as_str().len());
    key.put_u8(kind);
    key.put_u16(packet_id.get());
    key.put_slice(client.as_str().as_bytes());
    key.freeze()
}

fn subscription_key(client: &ClientId, filter: &TopicFilter) -> Bytes {
    let (client, filter) = (client.as_str().as_bytes(), filter.as_str().as_bytes());
    let mut key = BytesMut::with_capacity(3 + client.len() + filter.len());
    key.put_u8(b'u');
    // A client identifier is a string of the protocol: it has at most 65,535 bytes.
    key.put_u16(u16::try_from(client.len()).unwrap_or(u16::MAX));
    key.put_slice(client);
    key.put_slice(filter);
    key.freeze()
}
