//! UNSUBSCRIBE.

use super::connect::read_properties;
use super::header::{PacketId, PacketType, Version};
use super::{DecodeError, EncodeError, Reader, Sink};
use crate::property::{Properties, UserProperty, properties};
use crate::topic::TopicFilter;

/// UNSUBSCRIBE.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unsubscribe {
    /// The identifier UNSUBACK repeats.
    pub packet_id: PacketId,
    /// Properties, all absent in 3.1.1.
    pub properties: UnsubscribeProperties,
    /// At least one filter [MQTT-3.10.3-2].
    pub filters: Vec<TopicFilter>,
}

properties! {
    /// Properties of UNSUBSCRIBE.
    pub struct UnsubscribeProperties {
        /// User properties.
        pub user_properties: Vec<UserProperty> = UserProperty,
    }
}

impl Unsubscribe {
    pub(super) fn decode(mut body: Reader, version: Version) -> Result<Self, DecodeError> {
        let packet_id = body.packet_id()?;
        let properties = read_properties(&mut body, version)?;
        let mut filters = Vec::new();
        while !body.is_empty() {
            filters.push(body.filter()?); // [MQTT-3.10.3-1]
        }
        if filters.is_empty() {
            return Err(DecodeError::NoFilters(PacketType::Unsubscribe)); // [MQTT-3.10.3-2]
        }
        Ok(Self {
            packet_id,
            properties,
            filters,
        })
    }

    pub(super) fn write<S: Sink>(&self, version: Version, out: &mut S) -> Result<(), EncodeError> {
        if self.filters.is_empty() {
            return Err(EncodeError::NoEntries(PacketType::Unsubscribe)); // [MQTT-3.10.3-2]
        }
        out.u16(self.packet_id.get());
        if version == Version::V5 {
            self.properties.write(out)?;
        }
        for filter in &self.filters {
            out.binary(filter.as_mqtt_string().as_bytes())?;
        }
        Ok(())
    }
}
