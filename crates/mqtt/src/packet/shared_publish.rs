//! A publish for many subscribers: encoded once, copied and patched for each of them.

use std::num::NonZeroU16;

use bytes::{BufMut, Bytes, BytesMut};

use super::header::{MAX_REMAINING_LENGTH, PacketId, QoS, Version, varint_len};
use super::publish::first_byte;
use super::{EncodeError, Length, Publish, Sink};
use crate::property::{Properties, PropertyId, SubscriptionId, write_length};

/// One [`Publish`] that is fanned out.
///
/// Topic and payload are kept as they were read, the properties in the form they are sent in. What
/// differs between subscribers is written around the copies of these three: [`Delivery`].
#[derive(Debug)]
pub struct SharedPublish {
    publish: Publish,
    expiry: Option<u32>,
    /// The properties of version 5, without the expiry, which changes while the publish waits.
    fields: Bytes,
}

/// What differs from one subscriber to the next.
#[derive(Debug, Clone, Copy)]
pub struct Delivery<'a> {
    /// The QoS of this delivery, not above the publish's own.
    pub qos: QoS,
    /// The retain flag of this delivery.
    pub retain: bool,
    /// Whether it is sent again.
    pub dup: bool,
    /// Present if and only if the QoS is 1 or 2.
    pub packet_id: Option<PacketId>,
    /// The identifiers of the subscriptions it is sent for [MQTT-3.3.4-3]. [MQTT-3.3.4-4]
    pub subscription_ids: &'a [SubscriptionId],
    /// The alias that stands for the topic on this connection, version 5 only.
    pub topic_alias: Option<TopicAlias>,
    /// The seconds left of the message expiry interval [MQTT-3.3.2-6]; `None` leaves it as published.
    pub expiry: Option<u32>,
}

/// A topic alias towards a client [MQTT-3.1.2-26] [MQTT-3.1.2-27].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TopicAlias {
    /// The alias, not above the client's Topic Alias Maximum.
    pub number: NonZeroU16,
    /// Whether the client knows it: then the topic is left out.
    pub known: bool,
}

impl TopicAlias {
    /// The bytes the property takes.
    pub const LEN: usize = 3;
}

impl SharedPublish {
    /// Prepares a publish for others than its sender: its topic alias and its subscription identifiers,
    /// which mean something on one connection only, are dropped.
    ///
    /// Fails without a topic, and if a property cannot be written.
    pub fn new(mut publish: Publish) -> Result<Self, EncodeError> {
        if publish.topic.is_empty() {
            return Err(EncodeError::NoTopic);
        }
        let mut fields = BytesMut::new();
        let mut expiry = None;
        if let Some(properties) = publish.properties.as_deref_mut() {
            properties.topic_alias = None;
            properties.subscription_identifiers.clear();
            expiry = properties.message_expiry_interval.take();
            properties.write_fields(&mut fields)?; // [MQTT-3.3.2-4] [MQTT-3.3.2-15] [MQTT-3.3.2-16] [MQTT-3.3.2-17] [MQTT-3.3.2-18] [MQTT-3.3.2-20]
            properties.message_expiry_interval = expiry;
        }
        Ok(Self {
            publish,
            expiry,
            fields: fields.freeze(),
        })
    }

    /// What is shared.
    pub fn publish(&self) -> &Publish {
        &self.publish
    }

    /// The bytes a delivery takes.
    pub fn encoded_len(&self, version: Version, delivery: &Delivery<'_>) -> usize {
        let body = self.body_len(version, delivery);
        1 + varint_len(u32::try_from(body).unwrap_or(u32::MAX)) + body
    }

    /// Appends a PUBLISH of at most `limit` bytes, or leaves the buffer as it is.
    pub fn write_to(
        &self,
        out: &mut BytesMut,
        version: Version,
        delivery: &Delivery<'_>,
        limit: usize,
    ) -> Result<(), EncodeError> {
        if (delivery.qos == QoS::AtMostOnce) != delivery.packet_id.is_none() {
            return Err(EncodeError::PacketId); // [MQTT-2.2.1-2] [MQTT-2.2.1-3]
        }
        let body = self.body_len(version, delivery);
        let size = self.encoded_len(version, delivery);
        let remaining = u32::try_from(body).unwrap_or(u32::MAX);
        if remaining > MAX_REMAINING_LENGTH || size > limit {
            return Err(EncodeError::TooLarge { size, limit }); // [MQTT-3.1.2-24] [MQTT-3.1.2-25]
        }
        out.reserve(size);
        out.u8(first_byte(delivery.qos, delivery.retain, delivery.dup));
        out.varint(remaining);
        out.binary(self.topic(version, delivery))?;
        if let Some(id) = delivery.packet_id {
            out.u16(id.get());
        }
        if version == Version::V5 {
            write_length(self.properties_len(delivery), out)?;
            out.put_slice(&self.fields);
            self.write_own_properties(delivery, out);
        }
        out.put_slice(&self.publish.payload);
        Ok(())
    }

    fn body_len(&self, version: Version, delivery: &Delivery<'_>) -> usize {
        let properties = match version {
            Version::V311 => 0,
            Version::V5 => {
                let length = self.properties_len(delivery);
                length + varint_len(u32::try_from(length).unwrap_or(u32::MAX))
            }
        };
        let id = if delivery.packet_id.is_some() { 2 } else { 0 };
        2 + self.topic(version, delivery).len() + id + properties + self.publish.payload.len()
    }

    /// The topic as it is written: empty where an alias stands for it.
    fn topic(&self, version: Version, delivery: &Delivery<'_>) -> &[u8] {
        match delivery.topic_alias {
            Some(TopicAlias { known: true, .. }) if version == Version::V5 => &[],
            _ => self.publish.topic.as_bytes(),
        }
    }

    fn properties_len(&self, delivery: &Delivery<'_>) -> usize {
        let mut own = Length::default();
        self.write_own_properties(delivery, &mut own);
        self.fields.len() + own.0
    }

    fn write_own_properties<S: Sink>(&self, delivery: &Delivery<'_>, out: &mut S) {
        if let Some(published) = self.expiry {
            out.u8(PropertyId::MessageExpiryInterval as u8);
            out.u32(delivery.expiry.unwrap_or(published));
        }
        if let Some(alias) = delivery.topic_alias {
            out.u8(PropertyId::TopicAlias as u8);
            out.u16(alias.number.get());
        }
        for id in delivery.subscription_ids {
            out.u8(PropertyId::SubscriptionIdentifier as u8);
            out.varint(id.get());
        }
    }
}
