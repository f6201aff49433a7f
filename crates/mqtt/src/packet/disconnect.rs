//! DISCONNECT: the end of a connection, and why.

use super::ack::{read_reason, write_reason_and_properties};
use super::header::{PacketType, Version};
use super::{DecodeError, EncodeError, MqttString, Reader, Sink};
use crate::property::{Properties, UserProperty, properties};
use crate::reason::ReasonCode;

/// DISCONNECT. In 3.1.1 only a client sends it, and it says nothing but that.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Disconnect {
    /// Why; always a normal disconnection in 3.1.1.
    pub reason: ReasonCode,
    /// Properties; `None` if there are none.
    pub properties: Option<Box<DisconnectProperties>>,
}

properties! {
    /// Properties of DISCONNECT.
    pub struct DisconnectProperties {
        /// A new session expiry interval in seconds; never from a server [MQTT-3.14.2-2].
        pub session_expiry_interval: Option<u32> = SessionExpiryInterval,
        /// Why, for people.
        pub reason_string: Option<MqttString> = ReasonString,
        /// User properties.
        pub user_properties: Vec<UserProperty> = UserProperty,
        /// Another server to use.
        pub server_reference: Option<MqttString> = ServerReference,
    }
}

impl Disconnect {
    /// A reason, without properties.
    pub fn new(reason: ReasonCode) -> Self {
        Self {
            reason,
            properties: None,
        }
    }

    pub(super) fn decode(mut body: Reader, version: Version) -> Result<Self, DecodeError> {
        let mut disconnect = Self::new(ReasonCode::NORMAL_DISCONNECTION);
        if version == Version::V5 && !body.is_empty() {
            disconnect.reason = read_reason(&mut body, PacketType::Disconnect)?; // [MQTT-3.14.2-1]
            if !body.is_empty() {
                disconnect.properties = DisconnectProperties::read_boxed(&mut body)?;
            }
        }
        body.finish()?;
        Ok(disconnect)
    }

    pub(super) fn write<S: Sink>(&self, version: Version, out: &mut S) -> Result<(), EncodeError> {
        let packet = PacketType::Disconnect;
        match version {
            Version::V311 => Ok(()),
            Version::V5 => {
                write_reason_and_properties(self.reason, self.properties.as_deref(), packet, out)
            }
        }
    }
}
