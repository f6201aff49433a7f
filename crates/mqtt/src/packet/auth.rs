//! AUTH: a step of an extended authentication, in version 5 only.

use bytes::Bytes;

use super::ack::{read_reason, write_reason_and_properties};
use super::header::{PacketType, Version};
use super::{DecodeError, EncodeError, MqttString, Reader, Sink};
use crate::property::{Properties, UserProperty, properties};
use crate::reason::ReasonCode;

/// AUTH.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Auth {
    /// Success, continue, or start again.
    pub reason: ReasonCode,
    /// Properties; `None` if there are none.
    pub properties: Option<Box<AuthProperties>>,
}

properties! {
    /// Properties of AUTH.
    pub struct AuthProperties {
        /// The name of the extended authentication.
        pub authentication_method: Option<MqttString> = AuthenticationMethod,
        /// This step's data.
        pub authentication_data: Option<Bytes> = AuthenticationData,
        /// Why, for people.
        pub reason_string: Option<MqttString> = ReasonString,
        /// User properties.
        pub user_properties: Vec<UserProperty> = UserProperty,
    }
}

impl Auth {
    pub(super) fn decode(mut body: Reader) -> Result<Self, DecodeError> {
        let mut auth = Self {
            reason: ReasonCode::Success,
            properties: None,
        };
        if !body.is_empty() {
            auth.reason = read_reason(&mut body, PacketType::Auth)?; // [MQTT-3.15.2-1]
            auth.properties = AuthProperties::read_boxed(&mut body)?;
        }
        body.finish()?;
        if auth.lacks_method() {
            return Err(DecodeError::AuthenticationMethod);
        }
        Ok(auth)
    }

    pub(super) fn write<S: Sink>(&self, version: Version, out: &mut S) -> Result<(), EncodeError> {
        let packet = PacketType::Auth;
        if version == Version::V311 {
            return Err(EncodeError::NotInVersion { packet, version });
        }
        if self.lacks_method() {
            return Err(EncodeError::AuthenticationMethod);
        }
        write_reason_and_properties(self.reason, self.properties.as_deref(), packet, out)
    }

    /// Every AUTH names its method (3.15.2.2.2), but for a success so short that it has no properties.
    fn lacks_method(&self) -> bool {
        let Some(properties) = self.properties.as_deref() else {
            return self.reason != ReasonCode::Success;
        };
        properties.authentication_method.is_none()
    }
}
