//! Reason codes of MQTT 5.0, and their one-byte ancestors in MQTT 3.1.1's CONNACK.

use crate::numbered::numbered;
use crate::packet::PacketType;

numbered! {
    /// The result of an operation, as MQTT 5.0 numbers it; 0x80 and above is a failure.
    ///
    /// Version 3.1.1 knows only a few: [`ReasonCode::to_v311_connack`] and the SUBACK's 0x80.
    enum ReasonCode;
    /// The reason code with this number, if there is one.
    fn from_u8(u8);
    /// The specification's words for this reason code, in lower case.
    fn text();
    /// Success; in DISCONNECT normal disconnection, in SUBACK granted QoS 0.
    Success = 0x00, "success";
    /// Granted QoS 1.
    GrantedQoS1 = 0x01, "granted QoS 1";
    /// Granted QoS 2.
    GrantedQoS2 = 0x02, "granted QoS 2";
    /// The client disconnects, and its will shall be published.
    DisconnectWithWill = 0x04, "disconnect with will message";
    /// The publish was accepted, and nobody subscribes to it.
    NoMatchingSubscribers = 0x10, "no matching subscribers";
    /// There was no such subscription to remove.
    NoSubscriptionExisted = 0x11, "no subscription existed";
    /// Authentication goes on with another step.
    ContinueAuthentication = 0x18, "continue authentication";
    /// The client starts authentication again.
    ReAuthenticate = 0x19, "re-authenticate";
    /// Refused, and the reason is kept back or has no code.
    UnspecifiedError = 0x80, "unspecified error";
    /// The packet cannot be parsed.
    MalformedPacket = 0x81, "malformed packet";
    /// The packet can be parsed, and the protocol does not allow it.
    ProtocolError = 0x82, "protocol error";
    /// Valid, and not accepted by this implementation.
    ImplementationSpecificError = 0x83, "implementation specific error";
    /// The protocol's name or level is not supported.
    UnsupportedProtocolVersion = 0x84, "unsupported protocol version";
    /// The client identifier is not allowed.
    ClientIdentifierNotValid = 0x85, "client identifier not valid";
    /// User name or password are refused.
    BadUserNameOrPassword = 0x86, "bad user name or password";
    /// The client may not do this.
    NotAuthorized = 0x87, "not authorized";
    /// The server is not available.
    ServerUnavailable = 0x88, "server unavailable";
    /// The server is busy; try again later.
    ServerBusy = 0x89, "server busy";
    /// This client is banned.
    Banned = 0x8A, "banned";
    /// The server stops.
    ServerShuttingDown = 0x8B, "server shutting down";
    /// The authentication method is not supported, or not the one in use.
    BadAuthenticationMethod = 0x8C, "bad authentication method";
    /// Nothing came for one and a half times the keep alive.
    KeepAliveTimeout = 0x8D, "keep alive timeout";
    /// Another connection took this client identifier over.
    SessionTakenOver = 0x8E, "session taken over";
    /// The topic filter is well formed and not accepted.
    TopicFilterInvalid = 0x8F, "topic filter invalid";
    /// The topic name is well formed and not accepted.
    TopicNameInvalid = 0x90, "topic name invalid";
    /// The packet identifier is already in use.
    PacketIdentifierInUse = 0x91, "packet identifier in use";
    /// The packet identifier is not known.
    PacketIdentifierNotFound = 0x92, "packet identifier not found";
    /// More publishes are in flight than Receive Maximum allows.
    ReceiveMaximumExceeded = 0x93, "receive maximum exceeded";
    /// The topic alias is zero, or above Topic Alias Maximum.
    TopicAliasInvalid = 0x94, "topic alias invalid";
    /// The packet is larger than Maximum Packet Size.
    PacketTooLarge = 0x95, "packet too large";
    /// Messages arrive too fast.
    MessageRateTooHigh = 0x96, "message rate too high";
    /// A limit on this client or server was reached.
    QuotaExceeded = 0x97, "quota exceeded";
    /// The connection is closed by an operator.
    AdministrativeAction = 0x98, "administrative action";
    /// The payload is not what its payload format indicator says.
    PayloadFormatInvalid = 0x99, "payload format invalid";
    /// Retained messages are not supported.
    RetainNotSupported = 0x9A, "retain not supported";
    /// The QoS is above Maximum QoS.
    QoSNotSupported = 0x9B, "QoS not supported";
    /// The client should use another server for now.
    UseAnotherServer = 0x9C, "use another server";
    /// The client should use another server from now on.
    ServerMoved = 0x9D, "server moved";
    /// Shared subscriptions are not supported.
    SharedSubscriptionsNotSupported = 0x9E, "shared subscriptions not supported";
    /// Connections come too fast.
    ConnectionRateExceeded = 0x9F, "connection rate exceeded";
    /// The connection has lasted for as long as it may.
    MaximumConnectTime = 0xA0, "maximum connect time";
    /// Subscription identifiers are not supported.
    SubscriptionIdentifiersNotSupported = 0xA1, "subscription identifiers not supported";
    /// Wildcard subscriptions are not supported.
    WildcardSubscriptionsNotSupported = 0xA2, "wildcard subscriptions not supported";
}

impl ReasonCode {
    /// DISCONNECT's name for 0x00.
    pub const NORMAL_DISCONNECTION: Self = Self::Success;
    /// SUBACK's name for 0x00.
    pub const GRANTED_QOS_0: Self = Self::Success;

    /// The number on the wire.
    pub const fn as_u8(self) -> u8 {
        self as u8
    }

    /// Whether the operation failed.
    pub const fn is_error(self) -> bool {
        self.as_u8() >= 0x80
    }

    /// The SUBACK code that grants this QoS.
    pub const fn granted(qos: crate::packet::QoS) -> Self {
        match qos {
            crate::packet::QoS::AtMostOnce => Self::GRANTED_QOS_0,
            crate::packet::QoS::AtLeastOnce => Self::GrantedQoS1,
            crate::packet::QoS::ExactlyOnce => Self::GrantedQoS2,
        }
    }

    /// The CONNACK return code of MQTT 3.1.1 that says the same, or the nearest thing to it.
    ///
    /// `None`: there is none, so the connection is closed without a CONNACK [MQTT3-3.2.2-6].
    pub const fn to_v311_connack(self) -> Option<u8> {
        match self {
            Self::Success => Some(0x00),
            Self::UnsupportedProtocolVersion => Some(0x01),
            Self::ClientIdentifierNotValid => Some(0x02),
            Self::ServerUnavailable
            | Self::ServerBusy
            | Self::ServerShuttingDown
            | Self::UseAnotherServer
            | Self::ServerMoved
            | Self::QuotaExceeded
            | Self::ConnectionRateExceeded => Some(0x03),
            Self::BadUserNameOrPassword | Self::BadAuthenticationMethod => Some(0x04),
            Self::NotAuthorized | Self::Banned => Some(0x05),
            _ => None,
        }
    }

    /// The reason code that says the same as a CONNACK return code of MQTT 3.1.1.
    pub const fn from_v311_connack(code: u8) -> Option<Self> {
        match code {
            0x00 => Some(Self::Success),
            0x01 => Some(Self::UnsupportedProtocolVersion),
            0x02 => Some(Self::ClientIdentifierNotValid),
            0x03 => Some(Self::ServerUnavailable),
            0x04 => Some(Self::BadUserNameOrPassword),
            0x05 => Some(Self::NotAuthorized),
            _ => None,
        }
    }

    /// Whether MQTT 5.0 lets this packet carry this reason code (section 2.4 and each packet's table).
    pub const fn is_allowed_in(self, packet: PacketType) -> bool {
        let code = self.as_u8();
        match packet {
            PacketType::ConnAck => matches!(
                code,
                0x00 | 0x80..=0x8A | 0x8C | 0x90 | 0x95 | 0x97 | 0x99..=0x9D | 0x9F
            ),
            PacketType::PubAck | PacketType::PubRec => {
                matches!(
                    code,
                    0x00 | 0x10 | 0x80 | 0x83 | 0x87 | 0x90 | 0x91 | 0x97 | 0x99
                )
            }
            PacketType::PubRel | PacketType::PubComp => matches!(code, 0x00 | 0x92),
            PacketType::SubAck => matches!(
                code,
                0x00..=0x02 | 0x80 | 0x83 | 0x87 | 0x8F | 0x91 | 0x97 | 0x9E | 0xA1 | 0xA2
            ),
            PacketType::UnsubAck => {
                matches!(code, 0x00 | 0x11 | 0x80 | 0x83 | 0x87 | 0x8F | 0x91)
            }
            PacketType::Disconnect => matches!(
                code,
                0x00 | 0x04 | 0x80..=0x83 | 0x87 | 0x89 | 0x8B..=0x90 | 0x93..=0xA2
            ),
            PacketType::Auth => matches!(code, 0x00 | 0x18 | 0x19),
            _ => false,
        }
    }
}

impl std::fmt::Display for ReasonCode {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} (0x{:02X})", self.text(), self.as_u8())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_number_leads_back_to_its_code() {
        for value in 0..=u8::MAX {
            if let Some(code) = ReasonCode::from_u8(value) {
                assert_eq!(code.as_u8(), value);
            }
        }
        assert_eq!(ReasonCode::ALL.len(), 43);
    }

    #[test]
    fn return_codes_of_3_1_1_survive_a_round_trip() {
        for code in 0..=5 {
            let reason = ReasonCode::from_v311_connack(code).unwrap();
            assert_eq!(reason.to_v311_connack(), Some(code));
        }
        assert_eq!(ReasonCode::from_v311_connack(6), None);
        assert_eq!(ReasonCode::KeepAliveTimeout.to_v311_connack(), None);
    }

    #[test]
    fn every_code_belongs_to_some_packet() {
        for code in ReasonCode::ALL {
            assert!(
                PacketType::ALL
                    .iter()
                    .any(|packet| code.is_allowed_in(*packet)),
                "{code}"
            );
        }
    }
}
