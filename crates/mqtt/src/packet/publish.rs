//! PUBLISH: the packet everything else is there for.

use std::num::NonZeroU16;

use bytes::Bytes;

use super::header::{PacketId, PacketType, QoS, Version};
use super::reader::{Reader, qos_of};
use super::{DecodeError, EncodeError, MqttString, Sink};
use crate::property::{
    PayloadFormat, Properties, SubscriptionId, UserProperty, properties, write_boxed,
};
use crate::topic::Topic;

const DUP: u8 = 0x08;
const RETAIN: u8 = 0x01;

/// PUBLISH. Topic, payload and properties are slices of the buffer they were read into.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Publish {
    /// Whether it is sent again.
    pub dup: bool,
    /// Its QoS.
    pub qos: QoS,
    /// Whether it is, or comes from, a retained message.
    pub retain: bool,
    /// Its topic; [`Topic::EMPTY`] if a topic alias stands for it.
    pub topic: Topic,
    /// Its identifier: present if and only if the QoS is 1 or 2.
    pub packet_id: Option<PacketId>,
    /// Properties; `None` if there are none, and not sent in 3.1.1.
    pub properties: Option<Box<PublishProperties>>,
    /// What is published.
    pub payload: Bytes,
}

properties! {
    /// Properties of PUBLISH.
    pub struct PublishProperties {
        /// What the payload is.
        pub payload_format_indicator: Option<PayloadFormat> = PayloadFormatIndicator,
        /// Seconds the publish stays of interest.
        pub message_expiry_interval: Option<u32> = MessageExpiryInterval,
        /// A number that stands for the topic on this connection.
        pub topic_alias: Option<NonZeroU16> = TopicAlias,
        /// Where an answer is expected.
        pub response_topic: Option<Topic> = ResponseTopic,
        /// What an answer carries along.
        pub correlation_data: Option<Bytes> = CorrelationData,
        /// User properties, whose order is kept.
        pub user_properties: Vec<UserProperty> = UserProperty,
        /// The subscriptions it is sent for; never from a client [MQTT-3.3.4-6].
        pub subscription_identifiers: Vec<SubscriptionId> = SubscriptionIdentifier,
        /// The payload's content type.
        pub content_type: Option<MqttString> = ContentType,
    }
}

impl Publish {
    /// A publish of QoS 0 without properties.
    pub fn new(topic: Topic, payload: impl Into<Bytes>) -> Self {
        Self {
            dup: false,
            qos: QoS::AtMostOnce,
            retain: false,
            topic,
            packet_id: None,
            properties: None,
            payload: payload.into(),
        }
    }

    pub(super) fn decode(
        mut body: Reader,
        flags: u8,
        version: Version,
    ) -> Result<Self, DecodeError> {
        let (dup, qos, retain) = read_flags(flags)?;
        let name = body.string()?; // [MQTT-3.3.2-1]
        let packet_id = match qos {
            QoS::AtMostOnce => None, // [MQTT-2.2.1-2]
            QoS::AtLeastOnce | QoS::ExactlyOnce => Some(body.packet_id()?),
        };
        let properties = match version {
            Version::V5 => PublishProperties::read_boxed(&mut body)?,
            Version::V311 => None,
        };
        let has_alias = properties
            .as_deref()
            .is_some_and(|fields| fields.topic_alias.is_some());
        let topic = match name.is_empty() {
            true if has_alias => Topic::EMPTY,
            true if version == Version::V5 => return Err(DecodeError::NoTopic),
            _ => Topic::try_from(name)?,
        };
        Ok(Self {
            dup,
            qos,
            retain,
            topic,
            packet_id,
            properties,
            payload: body.rest(),
        })
    }

    pub(super) fn first_byte(&self) -> u8 {
        first_byte(self.qos, self.retain, self.dup)
    }

    pub(super) fn write<S: Sink>(&self, version: Version, out: &mut S) -> Result<(), EncodeError> {
        if (self.qos == QoS::AtMostOnce) != self.packet_id.is_none() {
            return Err(EncodeError::PacketId); // [MQTT-2.2.1-2] [MQTT-2.2.1-3]
        }
        let fields = self.properties.as_deref();
        let has_alias =
            version == Version::V5 && fields.is_some_and(|fields| fields.topic_alias.is_some());
        if self.topic.is_empty() && !has_alias {
            return Err(EncodeError::NoTopic);
        }
        out.binary(self.topic.as_bytes())?;
        if let Some(id) = self.packet_id {
            out.u16(id.get());
        }
        if version == Version::V5 {
            write_boxed(fields, out)?;
        }
        out.slice(&self.payload);
        Ok(())
    }
}

/// The first byte of a PUBLISH.
pub(super) fn first_byte(qos: QoS, retain: bool, dup: bool) -> u8 {
    let is_repeated = dup && qos != QoS::AtMostOnce; // [MQTT-3.3.1-2]
    PacketType::Publish.first_byte()
        | if is_repeated { DUP } else { 0 }
        | qos.as_u8() << 1
        | if retain { RETAIN } else { 0 }
}

/// The lower half of the first byte: dup, QoS, retain.
pub(super) fn read_flags(flags: u8) -> Result<(bool, QoS, bool), DecodeError> {
    let qos = qos_of(flags >> 1)?; // [MQTT-3.3.1-4]
    let dup = flags & DUP != 0;
    if dup && qos == QoS::AtMostOnce {
        return Err(DecodeError::Dup); // [MQTT-3.3.1-2]
    }
    Ok((dup, qos, flags & RETAIN != 0))
}
