//! Takes a packet's body apart from front to back, without copying.

use bytes::{Buf, Bytes};

use super::error::DecodeError;
use super::{MqttString, PacketId, QoS};
use crate::topic::{Topic, TopicFilter};

/// The rest of a packet's body. Every read either consumes what it returns or fails.
pub(crate) struct Reader {
    rest: Bytes,
}

impl Reader {
    pub(crate) fn new(body: Bytes) -> Self {
        Self { rest: body }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// Consumes a zero, if one is next: the length of absent properties.
    pub(crate) fn skip_zero(&mut self) -> bool {
        let is_zero = self.rest.first() == Some(&0);
        if is_zero {
            self.rest.advance(1);
        }
        is_zero
    }

    /// Everything that is left.
    pub(crate) fn rest(self) -> Bytes {
        self.rest
    }

    /// Fails if anything is left.
    pub(crate) fn finish(self) -> Result<(), DecodeError> {
        if self.rest.is_empty() {
            Ok(())
        } else {
            Err(DecodeError::TrailingBytes(self.rest.len()))
        }
    }

    pub(crate) fn u8(&mut self) -> Result<u8, DecodeError> {
        self.rest
            .try_get_u8()
            .map_err(|_short| DecodeError::Truncated)
    }

    pub(crate) fn u16(&mut self) -> Result<u16, DecodeError> {
        self.rest
            .try_get_u16()
            .map_err(|_short| DecodeError::Truncated)
    }

    pub(crate) fn u32(&mut self) -> Result<u32, DecodeError> {
        self.rest
            .try_get_u32()
            .map_err(|_short| DecodeError::Truncated)
    }

    pub(crate) fn varint(&mut self) -> Result<u32, DecodeError> {
        let (value, used) = read_varint(&self.rest)?.ok_or(DecodeError::Truncated)?;
        self.rest.advance(used);
        Ok(value)
    }

    pub(crate) fn take(&mut self, length: usize) -> Result<Bytes, DecodeError> {
        if length > self.rest.len() {
            return Err(DecodeError::Truncated);
        }
        Ok(self.rest.split_to(length))
    }

    pub(crate) fn binary(&mut self) -> Result<Bytes, DecodeError> {
        let length = self.u16()?;
        self.take(usize::from(length))
    }

    pub(crate) fn string(&mut self) -> Result<MqttString, DecodeError> {
        Ok(MqttString::try_from(self.binary()?)?)
    }

    pub(crate) fn topic(&mut self) -> Result<Topic, DecodeError> {
        Ok(Topic::try_from(self.string()?)?)
    }

    pub(crate) fn filter(&mut self) -> Result<TopicFilter, DecodeError> {
        Ok(TopicFilter::try_from(self.string()?)?)
    }

    pub(crate) fn packet_id(&mut self) -> Result<PacketId, DecodeError> {
        PacketId::new(self.u16()?).ok_or(DecodeError::PacketIdZero) // [MQTT-2.2.1-3]
    }

    /// A length as a variable byte integer, and a reader of that many bytes.
    pub(crate) fn section(&mut self) -> Result<Self, DecodeError> {
        let length = usize::try_from(self.varint()?).map_err(|_narrow| DecodeError::Truncated)?;
        self.take(length).map(Self::new)
    }
}

/// A variable byte integer and its length; `None` if the bytes end inside it.
pub(crate) fn read_varint(bytes: &[u8]) -> Result<Option<(u32, usize)>, DecodeError> {
    let mut value = 0;
    for (index, byte) in bytes.iter().take(4).enumerate() {
        value |= u32::from(byte & 0x7F) << (7 * index);
        if byte & 0x80 == 0 {
            let shortest = index == 0 || *byte != 0; // [MQTT-1.5.5-1]
            return if shortest {
                Ok(Some((value, index + 1)))
            } else {
                Err(DecodeError::VarInt)
            };
        }
    }
    if bytes.len() < 4 {
        Ok(None)
    } else {
        Err(DecodeError::VarInt)
    }
}

/// The QoS in the lowest two bits.
pub(crate) fn qos_of(bits: u8) -> Result<QoS, DecodeError> {
    QoS::from_u8(bits & 0b11).ok_or(DecodeError::QoS)
}
