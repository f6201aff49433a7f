//! SUBACK and UNSUBACK: one reason for each filter.

use super::ack::{AckProperties, read_reason, write_reason};
use super::header::{PacketId, PacketType, Version};
use super::{DecodeError, EncodeError, Reader, Sink};
use crate::property::{Properties, write_boxed};
use crate::reason::ReasonCode;

/// SUBACK. In 3.1.1 every failure is 0x80.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SubAck {
    /// The identifier of the SUBSCRIBE.
    pub packet_id: PacketId,
    /// Properties; `None` if there are none.
    pub properties: Option<Box<AckProperties>>,
    /// One for each subscription, in order [MQTT-3.8.4-6].
    pub reasons: Vec<ReasonCode>,
}

/// UNSUBACK.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnsubAck {
    /// The identifier of the UNSUBSCRIBE.
    pub packet_id: PacketId,
    /// Properties; `None` if there are none.
    pub properties: Option<Box<AckProperties>>,
    /// One for each filter, in order [MQTT-3.11.3-1]; not sent in 3.1.1.
    pub reasons: Vec<ReasonCode>,
}

impl SubAck {
    pub(super) fn decode(mut body: Reader, version: Version) -> Result<Self, DecodeError> {
        let packet = PacketType::SubAck;
        let packet_id = body.packet_id()?;
        let properties = match version {
            Version::V5 => AckProperties::read_boxed(&mut body)?,
            Version::V311 => None,
        };
        let mut reasons = vec![read_suback(&mut body, version)?];
        while !body.is_empty() {
            reasons.push(read_suback(&mut body, version)?);
        }
        debug_assert!(
            reasons.iter().all(|reason| reason.is_allowed_in(packet)),
            "a SUBACK reason"
        );
        Ok(Self {
            packet_id,
            properties,
            reasons,
        })
    }

    pub(super) fn write<S: Sink>(&self, version: Version, out: &mut S) -> Result<(), EncodeError> {
        let packet = PacketType::SubAck;
        if self.reasons.is_empty() {
            return Err(EncodeError::NoEntries(packet));
        }
        out.u16(self.packet_id.get());
        if version == Version::V5 {
            write_boxed(self.properties.as_deref(), out)?;
        }
        for reason in &self.reasons {
            let reason = match version {
                Version::V311 if reason.is_error() => ReasonCode::UnspecifiedError, // 3.1.1 [MQTT3-3.9.3-2]
                _ => *reason,
            };
            write_reason(reason, packet, out)?; // [MQTT-3.9.3-2]
        }
        Ok(())
    }
}

fn read_suback(body: &mut Reader, version: Version) -> Result<ReasonCode, DecodeError> {
    let packet = PacketType::SubAck;
    let reason = read_reason(body, packet)?;
    let is_known = version == Version::V5 || matches!(reason.as_u8(), 0..=2 | 0x80); // 3.1.1 [MQTT3-3.9.3-2]
    is_known.then_some(reason).ok_or(DecodeError::ReasonCode {
        packet,
        code: reason.as_u8(),
    })
}

impl UnsubAck {
    pub(super) fn decode(mut body: Reader, version: Version) -> Result<Self, DecodeError> {
        let packet_id = body.packet_id()?;
        let mut unsuback = Self {
            packet_id,
            properties: None,
            reasons: Vec::new(),
        };
        if version == Version::V5 {
            unsuback.properties = AckProperties::read_boxed(&mut body)?;
            unsuback
                .reasons
                .push(read_reason(&mut body, PacketType::UnsubAck)?);
            while !body.is_empty() {
                unsuback
                    .reasons
                    .push(read_reason(&mut body, PacketType::UnsubAck)?);
            }
        }
        body.finish()?;
        Ok(unsuback)
    }

    pub(super) fn write<S: Sink>(&self, version: Version, out: &mut S) -> Result<(), EncodeError> {
        out.u16(self.packet_id.get());
        if version == Version::V311 {
            return Ok(());
        }
        if self.reasons.is_empty() {
            return Err(EncodeError::NoEntries(PacketType::UnsubAck));
        }
        write_boxed(self.properties.as_deref(), out)?;
        for reason in &self.reasons {
            write_reason(*reason, PacketType::UnsubAck, out)?; // [MQTT-3.11.3-2]
        }
        Ok(())
    }
}
