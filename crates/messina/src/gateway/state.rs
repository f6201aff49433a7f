//! What of a session survives the process: that it exists, and its QoS 2 identifiers, in a compacted topic.
//!
//! | record key | value | meaning |
//! |---|---|---|
//! | `s` client identifier | session expiry interval, 4 bytes big-endian | the session exists |
//! | `q` packet identifier (2 bytes big-endian) client identifier | empty | a QoS 2 PUBLISH with this identifier is in the log and not released |
//!
//! A null value forgets. The `q` record enters the log in one append with the publish's own record, so that a
//! crash leaves both or neither [MQTT-4.3.3-10].

use std::collections::BTreeMap;

use bytes::{BufMut, Bytes, BytesMut};
use messina_mqtt::packet::{ClientId, MqttString, PacketId};
use messina_mqtt::session::Restored;
use messina_store::log::{
    Cleanup, Log, NewRecord, PartitionHandle, ReadError, TopicConfig, TopicError,
};

/// The compacted topic.
pub const TOPIC: &str = "__messina_sessions";

/// Why the sessions of an earlier run could not be read.
#[derive(Debug, thiserror::Error)]
pub enum StateError {
    /// The topic could not be made.
    #[error("cannot create the topic `{TOPIC}`")]
    Create(#[from] TopicError),
    /// It could not be read.
    #[error("cannot read the topic `{TOPIC}`")]
    Read(#[from] ReadError),
}

/// Writes and reads the durable state of sessions.
#[derive(Debug)]
pub struct SessionState {
    partition: PartitionHandle,
}

impl SessionState {
    /// Opens the topic, and creates it at the first start.
    pub async fn open(log: &Log) -> Result<Self, StateError> {
        let config = TopicConfig {
            cleanup: Cleanup::Compact,
            ..TopicConfig::default()
        };
        match log.create_topic(TOPIC, config).await {
            Ok(()) | Err(TopicError::Exists(_)) => {}
            Err(error) => return Err(error.into()),
        }
        let partition = log
            .partition(TOPIC, 0)
            .ok_or_else(|| TopicError::Unknown(TOPIC.to_owned()))?;
        Ok(Self { partition })
    }

    /// The sessions that an earlier run has left, sorted by client identifier.
    pub fn restore(&self, log: &Log) -> Result<Vec<Restored>, StateError> {
        let mut sessions: BTreeMap<ClientId, Restored> = BTreeMap::new();
        for (key, value) in log.read_compacted(TOPIC)? {
            let Some((client, fact)) = parse(&key, &value) else {
                tracing::warn!(
                    ?key,
                    "a record of the session state has a key of no known form; it is passed over"
                );
                continue;
            };
            let restored = sessions.entry(client.clone()).or_default();
            restored.client_id = client;
            match fact {
                Fact::Exists(expiry) => restored.expiry = expiry,
                Fact::Received(packet_id) => restored.received.push(packet_id),
            }
        }
        Ok(sessions.into_values().collect())
    }

    /// The record that says a session exists.
    pub fn begun(&self, client: &ClientId, expiry: u32, now: i64) -> (PartitionHandle, NewRecord) {
        self.record(
            session_key(client),
            Some(Bytes::copy_from_slice(&expiry.to_be_bytes())),
            now,
        )
    }

    /// The record that says it exists no more.
    pub fn ended(&self, client: &ClientId, now: i64) -> (PartitionHandle, NewRecord) {
        self.record(session_key(client), None, now)
    }

    /// The record that goes into the log with a QoS 2 publish.
    pub fn received(
        &self,
        client: &ClientId,
        packet_id: PacketId,
        now: i64,
    ) -> (PartitionHandle, NewRecord) {
        self.record(received_key(client, packet_id), Some(Bytes::new()), now)
    }

    /// The record that forgets the identifier.
    pub fn released(
        &self,
        client: &ClientId,
        packet_id: PacketId,
        now: i64,
    ) -> (PartitionHandle, NewRecord) {
        self.record(received_key(client, packet_id), None, now)
    }

    fn record(
        &self,
        key: Bytes,
        value: Option<Bytes>,
        timestamp: i64,
    ) -> (PartitionHandle, NewRecord) {
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

enum Fact {
    Exists(u32),
    Received(PacketId),
}

fn parse(key: &Bytes, value: &Bytes) -> Option<(ClientId, Fact)> {
    match key.split_first()? {
        (b's', client) => {
            let expiry = u32::from_be_bytes(value.as_ref().try_into().ok()?);
            Some((client_id(client)?, Fact::Exists(expiry)))
        }
        (b'q', rest) => {
            let (packet_id, client) = rest.split_first_chunk::<2>()?;
            let packet_id = PacketId::new(u16::from_be_bytes(*packet_id))?;
            Some((client_id(client)?, Fact::Received(packet_id)))
        }
        _ => None,
    }
}

fn client_id(bytes: &[u8]) -> Option<ClientId> {
    MqttString::try_from(Bytes::copy_from_slice(bytes))
        .ok()
        .map(ClientId::from)
}

fn session_key(client: &ClientId) -> Bytes {
    let mut key = BytesMut::with_capacity(1 + client.as_str().len());
    key.put_u8(b's');
    key.put_slice(client.as_str().as_bytes());
    key.freeze()
}

fn received_key(client: &ClientId, packet_id: PacketId) -> Bytes {
    let mut key = BytesMut::with_capacity(3 + client.as_str().len());
    key.put_u8(b'q');
    key.put_u16(packet_id.get());
    key.put_slice(client.as_str().as_bytes());
    key.freeze()
}
