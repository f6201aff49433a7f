//! PUBACK, PUBREC, PUBREL and PUBCOMP, which have the same shape.

use super::header::{PacketId, PacketType, Version};
use super::{DecodeError, EncodeError, MqttString, Reader, Sink};
use crate::property::{Properties, UserProperty, has_fields, properties, write_boxed};
use crate::reason::ReasonCode;

/// A step of the handshake of one PUBLISH; the variant of [`super::Packet`] says which.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ack {
    /// The identifier of the PUBLISH.
    pub packet_id: PacketId,
    /// Success, or why not; always success in 3.1.1, which has no place for it.
    pub reason: ReasonCode,
    /// Properties; `None` if there are none.
    pub properties: Option<Box<AckProperties>>,
}

properties! {
    /// Properties of every acknowledgement: of PUBLISH, SUBSCRIBE and UNSUBSCRIBE.
    pub struct AckProperties {
        /// Why, for people.
        pub reason_string: Option<MqttString> = ReasonString,
        /// User properties.
        pub user_properties: Vec<UserProperty> = UserProperty,
    }
}

impl Ack {
    /// Success, without properties.
    pub fn success(packet_id: PacketId) -> Self {
        Self::with_reason(packet_id, ReasonCode::Success)
    }

    /// A reason, without properties.
    pub fn with_reason(packet_id: PacketId, reason: ReasonCode) -> Self {
        Self {
            packet_id,
            reason,
            properties: None,
        }
    }

    pub(super) fn decode(
        mut body: Reader,
        packet: PacketType,
        version: Version,
    ) -> Result<Self, DecodeError> {
        let packet_id = body.packet_id()?;
        let mut ack = Self::success(packet_id);
        if version == Version::V5 && !body.is_empty() {
            ack.reason = read_reason(&mut body, packet)?;
            if !body.is_empty() {
                ack.properties = AckProperties::read_boxed(&mut body)?;
            }
        }
        body.finish()?;
        Ok(ack)
    }

    pub(super) fn write<S: Sink>(
        &self,
        packet: PacketType,
        version: Version,
        out: &mut S,
    ) -> Result<(), EncodeError> {
        out.u16(self.packet_id.get());
        if version == Version::V5 {
            write_reason_and_properties(self.reason, self.properties.as_deref(), packet, out)?;
        }
        Ok(())
    }
}

/// A reason code this packet may carry.
pub(super) fn read_reason(
    body: &mut Reader,
    packet: PacketType,
) -> Result<ReasonCode, DecodeError> {
    let code = body.u8()?;
    ReasonCode::from_u8(code)
        .filter(|reason| reason.is_allowed_in(packet)) // [MQTT-3.4.2-1] [MQTT-3.14.2-1] [MQTT-3.15.2-1] [MQTT-3.5.2-1] [MQTT-3.6.2-1] [MQTT-3.7.2-1]
        .ok_or(DecodeError::ReasonCode { packet, code })
}

/// Writes a reason code this packet may carry.
pub(super) fn write_reason<S: Sink>(
    reason: ReasonCode,
    packet: PacketType,
    out: &mut S,
) -> Result<(), EncodeError> {
    if !reason.is_allowed_in(packet) {
        return Err(EncodeError::ReasonCode { packet, reason });
    }
    out.u8(reason.as_u8());
    Ok(())
}

/// The end of a packet that leaves out a success without properties.
pub(super) fn write_reason_and_properties<P: Properties, S: Sink>(
    reason: ReasonCode,
    properties: Option<&P>,
    packet: PacketType,
    out: &mut S,
) -> Result<(), EncodeError> {
    let has_fields = has_fields(properties)?;
    if reason == ReasonCode::Success && !has_fields {
        return Ok(());
    }
    write_reason(reason, packet, out)?;
    // AUTH may leave the length out only together with the reason code (3.15.2.1).
    if has_fields || packet == PacketType::Auth {
        write_boxed(properties, out)?;
    }
    Ok(())
}
