//! Why bytes are no packet, and why a packet has no bytes.

use super::{PacketType, StringError, Version};
use crate::property::PropertyId;
use crate::reason::ReasonCode;
use crate::topic::{FilterError, TopicError};

/// Why bytes were refused. The connection ends with it; [`reason`](Self::reason) is what to say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// The first packet is not CONNECT [MQTT-3.1.0-1].
    #[error("the first packet is {0}, not CONNECT")]
    ConnectMissing(PacketType),
    /// A client sent CONNECT again [MQTT-3.1.0-2].
    #[error("a second CONNECT")]
    SecondConnect,
    /// This packet only travels the other way, or does not exist in this version.
    #[error("{0} is not sent in this direction")]
    Direction(PacketType),
    /// The packet type is 0, or AUTH in version 3.1.1.
    #[error("packet type {0} is reserved")]
    ReservedType(u8),
    /// The lower half of the first byte is not as it must be [MQTT-2.1.3-1].
    #[error("{packet} with the flags {flags:#06b}")]
    Flags {
        /// The packet.
        packet: PacketType,
        /// The lower half of its first byte.
        flags: u8,
    },
    /// The packet is larger than the receiver allows.
    #[error("a packet of {size} bytes, and {limit} is the limit")]
    TooLarge {
        /// All bytes of the packet.
        size: usize,
        /// The limit.
        limit: usize,
    },
    /// A variable byte integer has more than four bytes or is not in its shortest form [MQTT-1.5.5-1].
    #[error("a variable byte integer is too long")]
    VarInt,
    /// A field reaches beyond the end of the packet.
    #[error("the packet ends inside a field")]
    Truncated,
    /// The packet goes on after its last field.
    #[error("{0} bytes after the last field of the packet")]
    TrailingBytes(usize),
    /// A string is not one.
    #[error(transparent)]
    String(#[from] StringError),
    /// A topic name is not one.
    #[error(transparent)]
    Topic(TopicError),
    /// A PUBLISH has neither a topic name nor a topic alias.
    #[error("a PUBLISH without topic and topic alias")]
    NoTopic,
    /// A topic filter is not one.
    #[error(transparent)]
    Filter(FilterError),
    /// The protocol's name is not `MQTT` [MQTT-3.1.2-1].
    #[error("the protocol name is not `MQTT`")]
    ProtocolName,
    /// The protocol level is neither 4 nor 5 [MQTT-3.1.2-2].
    #[error("protocol level {0} is not supported")]
    ProtocolLevel(u8),
    /// The connect flags contradict each other or use the reserved one.
    #[error("connect flags {0:#010b}")]
    ConnectFlags(u8),
    /// A QoS of 3.
    #[error("QoS 3")]
    QoS,
    /// A PUBLISH of QoS 0 is marked as a repetition [MQTT-3.3.1-2].
    #[error("the DUP flag with QoS 0")]
    Dup,
    /// A packet identifier is zero [MQTT-2.2.1-3].
    #[error("packet identifier 0")]
    PacketIdZero,
    /// There is no such property.
    #[error("unknown property {0:#04x}")]
    UnknownProperty(u32),
    /// The property does not belong into this packet.
    #[error("{0} does not belong into this packet")]
    PropertyNotAllowed(PropertyId),
    /// A property that may come once comes again.
    #[error("{0} twice")]
    DuplicateProperty(PropertyId),
    /// A property has a value it may not have.
    #[error("{0} has a value that is not allowed")]
    PropertyValue(PropertyId),
    /// A property that may repeat comes more often than [`crate::property::MAX_REPEATED`] times.
    #[error("{0} too often")]
    TooManyProperties(PropertyId),
    /// A topic alias of zero [MQTT-3.3.2-8].
    #[error("topic alias 0")]
    TopicAliasZero,
    /// Authentication data, and no authentication method.
    #[error("authentication data without an authentication method")]
    AuthenticationMethod,
    /// SUBSCRIBE or UNSUBSCRIBE without a filter [MQTT-3.8.3-2] [MQTT-3.10.3-2].
    #[error("{0} without a topic filter")]
    NoFilters(PacketType),
    /// Reserved bits, or values that do not exist, in the options of a subscription [MQTT-3.8.3-5].
    #[error("subscription options {0:#010b}")]
    SubscriptionOptions(u8),
    /// QoS 3 in the options of a subscription.
    #[error("a subscription with QoS 3")]
    SubscriptionQoS,
    /// A client sent a subscription identifier in a PUBLISH [MQTT-3.3.4-6].
    #[error("a subscription identifier in a client's PUBLISH")]
    SubscriptionIdFromClient,
    /// A server sent a session expiry interval in DISCONNECT [MQTT-3.14.2-2].
    #[error("a session expiry interval in a server's DISCONNECT")]
    SessionExpiryFromServer,
    /// Retain handling 3.
    #[error("retain handling 3")]
    RetainHandling,
    /// No Local on a shared subscription [MQTT-3.8.3-4].
    #[error("no local on a shared subscription")]
    SharedNoLocal,
    /// A reserved bit of CONNACK's flags, or session present beside a failure [MQTT-3.2.2-1] [MQTT-3.2.2-6].
    #[error("connect acknowledge flags {0:#010b}")]
    ConnAckFlags(u8),
    /// The reason code does not exist or not for this packet.
    #[error("{packet} with reason code {code:#04x}")]
    ReasonCode {
        /// The packet.
        packet: PacketType,
        /// What it carries.
        code: u8,
    },
}

impl DecodeError {
    /// What to tell the peer in CONNACK or DISCONNECT [MQTT-4.13.1-1].
    pub const fn reason(self) -> ReasonCode {
        match self {
            Self::ConnectMissing(_)
            | Self::SecondConnect
            | Self::Direction(_)
            | Self::NoTopic
            | Self::PacketIdZero
            | Self::DuplicateProperty(_)
            | Self::PropertyValue(_)
            | Self::AuthenticationMethod
            | Self::NoFilters(_)
            | Self::RetainHandling
            | Self::SubscriptionQoS
            | Self::SubscriptionIdFromClient
            | Self::SessionExpiryFromServer
            | Self::SharedNoLocal => ReasonCode::ProtocolError,
            Self::ReservedType(_)
            | Self::Flags { .. }
            | Self::VarInt
            | Self::Truncated
            | Self::TrailingBytes(_)
            | Self::String(_)
            | Self::Topic(_)
            | Self::ConnectFlags(_)
            | Self::QoS
            | Self::Dup
            | Self::UnknownProperty(_)
            | Self::PropertyNotAllowed(_)
            | Self::SubscriptionOptions(_)
            | Self::ConnAckFlags(_)
            | Self::ReasonCode { .. } => ReasonCode::MalformedPacket,
            Self::Filter(error) => error.reason(),
            Self::TooLarge { .. } => ReasonCode::PacketTooLarge,
            Self::ProtocolName | Self::ProtocolLevel(_) => ReasonCode::UnsupportedProtocolVersion,
            Self::TooManyProperties(_) => ReasonCode::QuotaExceeded,
            Self::TopicAliasZero => ReasonCode::TopicAliasInvalid,
        }
    }
}

impl From<TopicError> for DecodeError {
    fn from(error: TopicError) -> Self {
        match error {
            TopicError::String(error) => Self::String(error),
            TopicError::Empty | TopicError::Wildcard => Self::Topic(error),
        }
    }
}

impl From<FilterError> for DecodeError {
    fn from(error: FilterError) -> Self {
        match error {
            FilterError::String(error) => Self::String(error),
            other => Self::Filter(other),
        }
    }
}

/// Why a packet was not written. Nothing was added to the buffer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum EncodeError {
    /// The packet is larger than the peer, or the protocol, allows; it is left out [MQTT-3.1.2-24] [MQTT-3.1.2-25].
    #[error("a packet of {size} bytes, and {limit} is the peer's limit")]
    TooLarge {
        /// All bytes of the packet.
        size: usize,
        /// The limit.
        limit: usize,
    },
    /// Binary data of more than 65,535 bytes.
    #[error("a field of {0} bytes, and 65535 is the limit")]
    FieldTooLong(usize),
    /// The server half wants to answer before a CONNECT said in which version.
    #[error("no CONNECT has named the version yet")]
    VersionUnknown,
    /// The packet does not exist in this version.
    #[error("{packet} does not exist in this version ({version:?})")]
    NotInVersion {
        /// The packet.
        packet: PacketType,
        /// The version.
        version: Version,
    },
    /// The reason code does not exist for this packet in this version.
    #[error("{packet} cannot say {reason}")]
    ReasonCode {
        /// The packet.
        packet: PacketType,
        /// What it shall carry.
        reason: ReasonCode,
    },
    /// A PUBLISH with QoS 1 or 2 without a packet identifier, or one of QoS 0 with it [MQTT-2.2.1-2] [MQTT-2.2.1-3].
    #[error("a packet identifier is needed for QoS 1 and 2 and refused for QoS 0")]
    PacketId,
    /// A PUBLISH without topic and topic alias.
    #[error("a PUBLISH without topic and topic alias")]
    NoTopic,
    /// SUBSCRIBE or UNSUBSCRIBE without a filter, or an acknowledgement without a reason.
    #[error("{0} without an entry")]
    NoEntries(PacketType),
    /// Session present beside a failure [MQTT-3.2.2-6].
    #[error("session present beside a failure")]
    SessionPresent,
    /// A password without a user name, which version 3.1.1 refuses [MQTT3-3.1.2-22].
    #[error("a password needs a user name in version 3.1.1")]
    PasswordAlone,
    /// Authentication data without a method.
    #[error("authentication data without an authentication method")]
    AuthenticationMethod,
    /// No Local on a shared subscription [MQTT-3.8.3-4].
    #[error("no local on a shared subscription")]
    SharedNoLocal,
}
