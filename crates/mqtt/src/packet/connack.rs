//! CONNACK: the server's answer to CONNECT, and the limits it sets.

use std::num::{NonZeroU16, NonZeroU32};

use bytes::Bytes;

use super::connect::read_properties;
use super::header::{PacketType, QoS, Version};
use super::{DecodeError, EncodeError, MqttString, Reader, Sink};
use crate::property::{Properties, UserProperty, properties};
use crate::reason::ReasonCode;

/// CONNACK. In 3.1.1 the reason is mapped by [`ReasonCode::to_v311_connack`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConnAck {
    /// Whether the server goes on with a session it kept.
    pub session_present: bool,
    /// Accepted, or why not.
    pub reason: ReasonCode,
    /// Properties, not sent in 3.1.1.
    pub properties: ConnAckProperties,
}

properties! {
    /// Properties of CONNACK.
    pub struct ConnAckProperties {
        /// Seconds the server keeps the session, if not as asked.
        pub session_expiry_interval: Option<u32> = SessionExpiryInterval,
        /// How many QoS 1 and 2 publishes the server takes before it acknowledges.
        pub receive_maximum: Option<NonZeroU16> = ReceiveMaximum,
        /// The highest QoS, if it is not 2.
        pub maximum_qos: Option<QoS> = MaximumQoS,
        /// Whether retained messages are supported.
        pub retain_available: Option<bool> = RetainAvailable,
        /// The largest packet the server takes, in bytes.
        pub maximum_packet_size: Option<NonZeroU32> = MaximumPacketSize,
        /// The client identifier the server chose.
        pub assigned_client_identifier: Option<MqttString> = AssignedClientIdentifier,
        /// The highest topic alias the server takes.
        pub topic_alias_maximum: Option<u16> = TopicAliasMaximum,
        /// Why, for people.
        pub reason_string: Option<MqttString> = ReasonString,
        /// User properties.
        pub user_properties: Vec<UserProperty> = UserProperty,
        /// Whether wildcard subscriptions are supported.
        pub wildcard_subscription_available: Option<bool> = WildcardSubscriptionAvailable,
        /// Whether subscription identifiers are supported.
        pub subscription_identifier_available: Option<bool> = SubscriptionIdentifierAvailable,
        /// Whether shared subscriptions are supported.
        pub shared_subscription_available: Option<bool> = SharedSubscriptionAvailable,
        /// The keep alive the client must use, in seconds.
        pub server_keep_alive: Option<u16> = ServerKeepAlive,
        /// The start of the response topics the client may use.
        pub response_information: Option<MqttString> = ResponseInformation,
        /// Another server to use.
        pub server_reference: Option<MqttString> = ServerReference,
        /// The name of an extended authentication.
        pub authentication_method: Option<MqttString> = AuthenticationMethod,
        /// The last step of an extended authentication.
        pub authentication_data: Option<Bytes> = AuthenticationData,
    }
}

impl ConnAck {
    /// An answer without properties.
    pub fn new(session_present: bool, reason: ReasonCode) -> Self {
        Self {
            session_present,
            reason,
            properties: ConnAckProperties::default(),
        }
    }

    pub(super) fn decode(mut body: Reader, version: Version) -> Result<Self, DecodeError> {
        let flags = body.u8()?;
        let code = body.u8()?;
        let packet = PacketType::ConnAck;
        let reason = match version {
            Version::V311 => ReasonCode::from_v311_connack(code),
            Version::V5 => ReasonCode::from_u8(code).filter(|reason| reason.is_allowed_in(packet)),
        }
        .ok_or(DecodeError::ReasonCode { packet, code })?; // [MQTT-3.2.2-8]
        let session_present = flags & 1 != 0;
        if flags > 1 || (session_present && reason.is_error()) {
            return Err(DecodeError::ConnAckFlags(flags)); // [MQTT-3.2.2-1] [MQTT-3.2.2-6]
        }
        let properties = read_properties(&mut body, version)?;
        body.finish()?;
        Ok(Self {
            session_present,
            reason,
            properties,
        })
    }

    pub(super) fn write<S: Sink>(&self, version: Version, out: &mut S) -> Result<(), EncodeError> {
        if self.session_present && self.reason.is_error() {
            return Err(EncodeError::SessionPresent); // [MQTT-3.2.2-6]
        }
        out.u8(u8::from(self.session_present));
        let packet = PacketType::ConnAck;
        let refused = EncodeError::ReasonCode {
            packet,
            reason: self.reason,
        };
        match version {
            Version::V311 => out.u8(self.reason.to_v311_connack().ok_or(refused)?),
            Version::V5 if self.reason.is_allowed_in(packet) => {
                out.u8(self.reason.as_u8());
                self.properties.write(out)?;
            }
            Version::V5 => return Err(refused),
        }
        Ok(())
    }
}

impl From<ConnAck> for super::Packet {
    fn from(connack: ConnAck) -> Self {
        Self::ConnAck(Box::new(connack))
    }
}
