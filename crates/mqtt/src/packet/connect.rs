//! CONNECT: who a client is, and what it leaves behind if it vanishes.

use std::num::{NonZeroU16, NonZeroU32};

use bytes::Bytes;

use super::header::{PacketType, QoS, Version};
use super::reader::{Reader, qos_of};
use super::{DecodeError, EncodeError, MqttString, Publish, PublishProperties, Sink, StringError};
use crate::property::{PayloadFormat, Properties, UserProperty, properties};
use crate::topic::Topic;

const CLEAN_START: u8 = 0x02;
const WILL: u8 = 0x04;
const WILL_RETAIN: u8 = 0x20;
const PASSWORD: u8 = 0x40;
const USER_NAME: u8 = 0x80;

/// The name a client gives itself; empty if it leaves the choice to the server.
#[derive(Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ClientId(MqttString);

impl ClientId {
    /// Checks text and copies it.
    pub fn new(text: &str) -> Result<Self, StringError> {
        MqttString::new(text).map(Self)
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }

    /// The name as a string of the protocol.
    pub fn as_mqtt_string(&self) -> &MqttString {
        &self.0
    }

    /// The same name in an allocation of its own size, for keeping.
    #[must_use]
    pub fn detached(&self) -> Self {
        Self(self.0.detached())
    }

    /// Whether the client leaves the choice to the server.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl From<MqttString> for ClientId {
    fn from(text: MqttString) -> Self {
        Self(text)
    }
}

impl std::fmt::Display for ClientId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        std::fmt::Display::fmt(&self.0, f)
    }
}

impl std::fmt::Debug for ClientId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        std::fmt::Debug::fmt(&self.0, f)
    }
}

/// CONNECT. Its version decides how everything after it is written. `Debug` hides the password.
#[derive(Clone, PartialEq, Eq)]
pub struct Connect {
    /// The protocol version of the connection.
    pub version: Version,
    /// Forget the session there was; called clean session in 3.1.1.
    pub clean_start: bool,
    /// Seconds between packets at most; 0 turns the check off.
    pub keep_alive: u16,
    /// Who connects.
    pub client_id: ClientId,
    /// What to publish if the client vanishes.
    pub will: Option<Will>,
    /// The user name.
    pub user_name: Option<MqttString>,
    /// The password, which is bytes.
    pub password: Option<Bytes>,
    /// Properties, all absent in 3.1.1.
    pub properties: ConnectProperties,
}

/// The publish a server sends on behalf of a client that vanished.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Will {
    /// Its QoS.
    pub qos: QoS,
    /// Whether it is retained.
    pub retain: bool,
    /// Its topic.
    pub topic: Topic,
    /// Its payload.
    pub payload: Bytes,
    /// Properties, all absent in 3.1.1.
    pub properties: WillProperties,
}

impl Will {
    /// The same in memory of its own. A will waits as long as its connection lasts, and must not keep the buffer it
    /// was read into.
    #[must_use]
    pub fn detached(&self) -> Self {
        let properties = &self.properties;
        let user_properties = properties.user_properties.iter();
        Self {
            qos: self.qos,
            retain: self.retain,
            topic: self.topic.detached(),
            payload: Bytes::copy_from_slice(&self.payload),
            properties: WillProperties {
                content_type: properties.content_type.as_ref().map(MqttString::detached),
                response_topic: properties.response_topic.as_ref().map(Topic::detached),
                correlation_data: properties
                    .correlation_data
                    .as_ref()
                    .map(|data| Bytes::copy_from_slice(data)),
                user_properties: user_properties
                    .map(|(name, value)| (name.detached(), value.detached()))
                    .collect(),
                ..*properties
            },
        }
    }

    /// The PUBLISH a will becomes. [MQTT-3.1.2-14] [MQTT-3.1.2-15]
    pub fn into_publish(self) -> Publish {
        let Self {
            qos,
            retain,
            topic,
            payload,
            properties,
        } = self;
        let properties = PublishProperties {
            payload_format_indicator: properties.payload_format_indicator,
            message_expiry_interval: properties.message_expiry_interval,
            content_type: properties.content_type,
            response_topic: properties.response_topic,
            correlation_data: properties.correlation_data,
            user_properties: properties.user_properties, // [MQTT-3.1.3-10]
            ..PublishProperties::default()
        };
        let properties = (properties != PublishProperties::default()).then(|| Box::new(properties));
        Publish {
            qos,
            retain,
            properties,
            ..Publish::new(topic, payload)
        }
    }
}

properties! {
    /// Properties of CONNECT.
    pub struct ConnectProperties {
        /// Seconds the session outlives the connection; 0xFFFFFFFF is for ever.
        pub session_expiry_interval: Option<u32> = SessionExpiryInterval,
        /// How many QoS 1 and 2 publishes the client takes before it acknowledges.
        pub receive_maximum: Option<NonZeroU16> = ReceiveMaximum,
        /// The largest packet the client takes, in bytes.
        pub maximum_packet_size: Option<NonZeroU32> = MaximumPacketSize,
        /// The highest topic alias the client takes.
        pub topic_alias_maximum: Option<u16> = TopicAliasMaximum,
        /// Whether the client wants Response Information in CONNACK.
        pub request_response_information: Option<bool> = RequestResponseInformation,
        /// Whether the client wants reason strings and user properties with failures.
        pub request_problem_information: Option<bool> = RequestProblemInformation,
        /// User properties.
        pub user_properties: Vec<UserProperty> = UserProperty,
        /// The name of an extended authentication.
        pub authentication_method: Option<MqttString> = AuthenticationMethod,
        /// The first step of an extended authentication.
        pub authentication_data: Option<Bytes> = AuthenticationData,
    }
}

properties! {
    /// Properties of a [`Will`].
    pub struct WillProperties {
        /// Seconds between the loss of the connection and the will.
        pub will_delay_interval: Option<u32> = WillDelayInterval,
        /// What the payload is.
        pub payload_format_indicator: Option<PayloadFormat> = PayloadFormatIndicator,
        /// Seconds the will stays of interest.
        pub message_expiry_interval: Option<u32> = MessageExpiryInterval,
        /// The payload's content type.
        pub content_type: Option<MqttString> = ContentType,
        /// Where an answer is expected.
        pub response_topic: Option<Topic> = ResponseTopic,
        /// What an answer carries along.
        pub correlation_data: Option<Bytes> = CorrelationData,
        /// User properties.
        pub user_properties: Vec<UserProperty> = UserProperty,
    }
}

impl Connect {
    /// A clean CONNECT without keep alive, will and credentials.
    pub fn new(version: Version, client_id: ClientId) -> Self {
        Self {
            version,
            clean_start: true,
            keep_alive: 0,
            client_id,
            will: None,
            user_name: None,
            password: None,
            properties: ConnectProperties::default(),
        }
    }

    pub(super) fn decode(mut body: Reader, version: Version) -> Result<Self, DecodeError> {
        // [MQTT-3.1.4-1]
        let flags = ConnectFlags::read(&mut body, version)?;
        let keep_alive = body.u16()?;
        let properties = read_properties::<ConnectProperties>(&mut body, version)?;
        if properties.authentication_data.is_some() && properties.authentication_method.is_none() {
            return Err(DecodeError::AuthenticationMethod);
        }
        let client_id = ClientId(body.string()?); // [MQTT-3.1.3-1] [MQTT-3.1.3-3] [MQTT-3.1.3-4] [MQTT-3.1.3-5]
        let clean_start = flags.0 & CLEAN_START != 0;
        let will = if flags.has(WILL) {
            Some(Will::read(&mut body, flags, version)?)
        } else {
            None
        };
        let user_name = flags.has(USER_NAME).then(|| body.string()).transpose()?; // [MQTT-3.1.3-12] [MQTT-3.1.2-16] [MQTT-3.1.2-17]
        let password = flags.has(PASSWORD).then(|| body.binary()).transpose()?; // [MQTT-3.1.2-18] [MQTT-3.1.2-19]
        body.finish()?;
        Ok(Self {
            version,
            clean_start,
            keep_alive,
            client_id,
            will,
            user_name,
            password,
            properties,
        })
    }

    pub(super) fn write<S: Sink>(&self, out: &mut S) -> Result<(), EncodeError> {
        if self.version == Version::V311 && self.password.is_some() && self.user_name.is_none() {
            return Err(EncodeError::PasswordAlone); // 3.1.1 [MQTT3-3.1.2-22]
        }
        let method = &self.properties.authentication_method;
        if self.properties.authentication_data.is_some() && method.is_none() {
            return Err(EncodeError::AuthenticationMethod);
        }
        out.binary(b"MQTT")?; // [MQTT-3.1.2-1]
        out.u8(self.version.level());
        out.u8(self.flags());
        out.u16(self.keep_alive);
        if self.version == Version::V5 {
            self.properties.write(out)?;
        }
        out.binary(self.client_id.0.as_bytes())?;
        if let Some(will) = &self.will {
            will.write(self.version, out)?;
        }
        if let Some(user_name) = &self.user_name {
            out.binary(user_name.as_bytes())?;
        }
        if let Some(password) = &self.password {
            out.binary(password)?;
        }
        Ok(())
    }

    fn flags(&self) -> u8 {
        let bit = |is_set: bool, flag: u8| if is_set { flag } else { 0 };
        let will = self.will.as_ref().map_or(0, |will| {
            WILL | will.qos.as_u8() << 3 | bit(will.retain, WILL_RETAIN)
        });
        will | bit(self.clean_start, CLEAN_START)
            | bit(self.user_name.is_some(), USER_NAME)
            | bit(self.password.is_some(), PASSWORD)
    }
}

impl std::fmt::Debug for Connect {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Connect")
            .field("version", &self.version)
            .field("clean_start", &self.clean_start)
            .field("keep_alive", &self.keep_alive)
            .field("client_id", &self.client_id)
            .field("will", &self.will)
            .field("user_name", &self.user_name)
            .field(
                "password",
                &self.password.as_ref().map(|_| format_args!("***")),
            )
            .field("properties", &self.properties)
            .finish()
    }
}

/// Reads the protocol's name and level, which say how the rest of a CONNECT is to be read.
pub(super) fn read_level(body: &mut Reader) -> Result<u8, DecodeError> {
    if body.binary()?.as_ref() != b"MQTT" {
        return Err(DecodeError::ProtocolName); // [MQTT-3.1.2-1]
    }
    body.u8()
}

#[derive(Clone, Copy)]
struct ConnectFlags(u8);

impl ConnectFlags {
    fn read(body: &mut Reader, version: Version) -> Result<Self, DecodeError> {
        let flags = Self(body.u8()?);
        let is_reserved_set = flags.has(0x01); // [MQTT-3.1.2-3]
        let is_will_set_in_part = !flags.has(WILL) && flags.has(0x38); // [MQTT-3.1.2-11] [MQTT-3.1.2-13]
        let is_will_qos_3 = flags.0 & 0x18 == 0x18; // [MQTT-3.1.2-12]
        let is_password_alone =
            version == Version::V311 && flags.has(PASSWORD) && !flags.has(USER_NAME); // 3.1.1 [MQTT3-3.1.2-22]
        if is_reserved_set || is_will_set_in_part || is_will_qos_3 || is_password_alone {
            return Err(DecodeError::ConnectFlags(flags.0));
        }
        Ok(flags)
    }

    /// Whether any of these bits is set.
    fn has(self, bits: u8) -> bool {
        self.0 & bits != 0
    }
}

impl Will {
    fn read(body: &mut Reader, flags: ConnectFlags, version: Version) -> Result<Self, DecodeError> {
        Ok(Self {
            qos: qos_of(flags.0 >> 3)?,
            retain: flags.has(WILL_RETAIN),
            properties: read_properties(body, version)?,
            topic: body.topic()?, // [MQTT-3.1.3-11] [MQTT-3.1.2-9] [MQTT-3.1.3-1]
            payload: body.binary()?,
        })
    }

    fn write<S: Sink>(&self, version: Version, out: &mut S) -> Result<(), EncodeError> {
        if self.topic.is_empty() {
            return Err(EncodeError::NoTopic);
        }
        if version == Version::V5 {
            self.properties.write(out)?;
        }
        out.binary(self.topic.as_bytes())?;
        out.binary(&self.payload)
    }
}

/// Properties where the version has them.
pub(super) fn read_properties<P: Properties>(
    body: &mut Reader,
    version: Version,
) -> Result<P, DecodeError> {
    match version {
        Version::V5 => P::read(body),
        Version::V311 => Ok(P::default()),
    }
}

impl From<Connect> for super::Packet {
    fn from(connect: Connect) -> Self {
        Self::Connect(Box::new(connect))
    }
}

const _: () = assert!(PacketType::Connect.first_byte() == 0x10, "CONNECT is 0x10");
