//! Where an encoder writes: a buffer, or a counter that learns the length first.

use bytes::{BufMut, BytesMut};

use super::error::EncodeError;

/// Takes bytes, so that one function both measures and writes a packet.
pub(crate) trait Sink {
    fn slice(&mut self, bytes: &[u8]);

    fn u8(&mut self, value: u8) {
        self.slice(&[value]);
    }

    fn u16(&mut self, value: u16) {
        self.slice(&value.to_be_bytes());
    }

    fn u32(&mut self, value: u32) {
        self.slice(&value.to_be_bytes());
    }

    /// A variable byte integer in its shortest form [MQTT-1.5.5-1].
    fn varint(&mut self, mut value: u32) {
        while value > 0x7F {
            self.u8((value & 0x7F) as u8 | 0x80);
            value >>= 7;
        }
        self.u8((value & 0x7F) as u8);
    }

    /// Bytes behind their length in two bytes.
    fn binary(&mut self, bytes: &[u8]) -> Result<(), EncodeError> {
        let length = u16::try_from(bytes.len())
            .map_err(|_overflow| EncodeError::FieldTooLong(bytes.len()))?;
        self.u16(length);
        self.slice(bytes);
        Ok(())
    }
}

impl Sink for BytesMut {
    fn slice(&mut self, bytes: &[u8]) {
        self.put_slice(bytes);
    }
}

/// Counts what would be written.
#[derive(Default)]
pub(crate) struct Length(pub(crate) usize);

impl Sink for Length {
    fn slice(&mut self, bytes: &[u8]) {
        self.0 += bytes.len();
    }
}
