//! SUBSCRIBE: filters, and how each wants to be served.

use super::connect::read_properties;
use super::header::{PacketId, PacketType, QoS, Version};
use super::{DecodeError, EncodeError, Reader, Sink};
use crate::property::{Properties, SubscriptionId, UserProperty, properties};
use crate::topic::TopicFilter;

/// SUBSCRIBE.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subscribe {
    /// The identifier SUBACK repeats.
    pub packet_id: PacketId,
    /// Properties, all absent in 3.1.1.
    pub properties: SubscribeProperties,
    /// At least one subscription [MQTT-3.8.3-2].
    pub subscriptions: Vec<Subscription>,
}

properties! {
    /// Properties of SUBSCRIBE.
    pub struct SubscribeProperties {
        /// The number that publishes for these subscriptions carry.
        pub subscription_identifier: Option<SubscriptionId> = SubscriptionIdentifier,
        /// User properties.
        pub user_properties: Vec<UserProperty> = UserProperty,
    }
}

/// One filter of a SUBSCRIBE.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subscription {
    /// What to receive.
    pub filter: TopicFilter,
    /// How.
    pub options: SubscriptionOptions,
}

/// How a subscription wants to be served; all but the QoS are defaults in 3.1.1.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct SubscriptionOptions {
    /// The highest QoS to send with.
    pub qos: QoS,
    /// Not what the client publishes itself.
    pub no_local: bool,
    /// Keep the retain flag as the publisher set it.
    pub retain_as_published: bool,
    /// Whether retained messages are sent now.
    pub retain_handling: RetainHandling,
}

/// Whether a subscription is answered with the retained messages it matches.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum RetainHandling {
    /// Always.
    #[default]
    Send = 0,
    /// Only if the subscription is new.
    SendIfNew = 1,
    /// Never.
    DoNotSend = 2,
}

impl SubscriptionOptions {
    /// The options of 3.1.1: a QoS and nothing else.
    pub fn with_qos(qos: QoS) -> Self {
        Self {
            qos,
            ..Self::default()
        }
    }

    /// The options byte of version 5.
    pub const fn to_byte(self) -> u8 {
        self.qos.as_u8()
            | (self.no_local as u8) << 2
            | (self.retain_as_published as u8) << 3
            | (self.retain_handling as u8) << 4
    }

    /// Reads the options byte.
    pub fn from_byte(byte: u8, version: Version) -> Result<Self, DecodeError> {
        let reserved = match version {
            Version::V311 => 0xFC, // 3.1.1 [MQTT3-3.8.3-4]
            Version::V5 => 0xC0,   // [MQTT-3.8.3-5]
        };
        if byte & reserved != 0 {
            return Err(DecodeError::SubscriptionOptions(byte));
        }
        Ok(Self {
            qos: QoS::from_u8(byte & 0b11).ok_or(match version {
                Version::V311 => DecodeError::QoS,
                Version::V5 => DecodeError::SubscriptionQoS, // a protocol error by 3.8.3.1
            })?,
            no_local: byte & 0x04 != 0,
            retain_as_published: byte & 0x08 != 0,
            retain_handling: match byte >> 4 {
                0 => RetainHandling::Send,
                1 => RetainHandling::SendIfNew,
                2 => RetainHandling::DoNotSend,
                _ => return Err(DecodeError::RetainHandling),
            },
        })
    }
}

impl Subscribe {
    pub(super) fn decode(mut body: Reader, version: Version) -> Result<Self, DecodeError> {
        let packet_id = body.packet_id()?;
        let properties = read_properties(&mut body, version)?;
        let mut subscriptions = Vec::new();
        while !body.is_empty() {
            subscriptions.push(Subscription::read(&mut body, version)?);
        }
        if subscriptions.is_empty() {
            return Err(DecodeError::NoFilters(PacketType::Subscribe)); // [MQTT-3.8.3-2]
        }
        Ok(Self {
            packet_id,
            properties,
            subscriptions,
        })
    }

    pub(super) fn write<S: Sink>(&self, version: Version, out: &mut S) -> Result<(), EncodeError> {
        if self.subscriptions.is_empty() {
            return Err(EncodeError::NoEntries(PacketType::Subscribe)); // [MQTT-3.8.3-2]
        }
        out.u16(self.packet_id.get());
        if version == Version::V5 {
            self.properties.write(out)?;
        }
        for Subscription { filter, options } in &self.subscriptions {
            out.binary(filter.as_mqtt_string().as_bytes())?;
            match version {
                Version::V311 => out.u8(options.qos.as_u8()),
                Version::V5 if options.no_local && filter.is_shared() => {
                    return Err(EncodeError::SharedNoLocal); // [MQTT-3.8.3-4]
                }
                Version::V5 => out.u8(options.to_byte()),
            }
        }
        Ok(())
    }
}

impl Subscription {
    fn read(body: &mut Reader, version: Version) -> Result<Self, DecodeError> {
        let filter = body.filter()?; // [MQTT-3.8.3-1]
        let options = SubscriptionOptions::from_byte(body.u8()?, version)?;
        if options.no_local && filter.is_shared() {
            return Err(DecodeError::SharedNoLocal); // [MQTT-3.8.3-4]
        }
        Ok(Self { filter, options })
    }
}
