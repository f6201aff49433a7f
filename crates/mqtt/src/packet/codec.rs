//! Frames: how many bytes a packet has, who may send it, and the way to and from its body.

use bytes::{Buf, Bytes, BytesMut};

use super::connect::read_level;
use super::header::{MAX_REMAINING_LENGTH, PacketType, Version, varint_len};
use super::publish::read_flags;
use super::reader::read_varint;
use super::{
    Connect, DecodeError, Delivery, EncodeError, Length, Packet, Publish, Reader, SharedPublish,
    Sink,
};

/// Which end of a connection decodes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Role {
    /// Reads what clients send.
    Server,
    /// Reads what servers send.
    Device,
}

/// Turns bytes into packets and packets into bytes, for one connection.
///
/// The server's half learns the version from CONNECT. Both halves learn the peer's Maximum Packet Size
/// from CONNECT or CONNACK and refuse to write more.
#[derive(Debug, Clone)]
pub struct Codec {
    role: Role,
    version: Option<Version>,
    has_connect: bool,
    max_packet_size: u32,
    peer_max_packet_size: u32,
}

/// The largest packet the protocol can express.
const MAX_PACKET_SIZE: u32 = MAX_REMAINING_LENGTH + 5;

impl Codec {
    /// The server's half, which takes packets of at most so many bytes.
    pub fn server(max_packet_size: u32) -> Self {
        Self::new(Role::Server, None, max_packet_size)
    }

    /// A client's half, in the version its CONNECT will name.
    pub fn device(version: Version, max_packet_size: u32) -> Self {
        Self::new(Role::Device, Some(version), max_packet_size)
    }

    fn new(role: Role, version: Option<Version>, max_packet_size: u32) -> Self {
        Self {
            role,
            version,
            has_connect: false,
            max_packet_size: max_packet_size.min(MAX_PACKET_SIZE),
            peer_max_packet_size: MAX_PACKET_SIZE,
        }
    }

    /// The version, once it is known. After a CONNECT of an unknown level it is the one to answer in.
    pub fn version(&self) -> Option<Version> {
        self.version
    }

    /// The largest packet the peer takes.
    pub fn peer_max_packet_size(&self) -> u32 {
        self.peer_max_packet_size
    }

    /// Takes one packet from the front of the buffer; `None` if it is not whole yet.
    ///
    /// What comes out shares the buffer's bytes; only CONNECT and SUBSCRIBE, whose parts live long, have a
    /// copy of their own.
    /// Nothing is reserved for a length the peer only announced. After an error the connection is over.
    pub fn decode(&mut self, buffer: &mut BytesMut) -> Result<Option<Packet>, DecodeError> {
        let Some(first) = buffer.first().copied() else {
            return Ok(None);
        };
        let packet = self.check_first_byte(first)?;
        let Some((remaining, used)) = read_varint(buffer.get(1..).unwrap_or_default())? else {
            return Ok(None);
        };
        let header = 1 + used;
        let limit = self.max_packet_size as usize;
        let size = header.saturating_add(remaining as usize);
        if size > limit {
            return Err(DecodeError::TooLarge { size, limit }); // [MQTT-3.1.2-24]
        }
        if buffer.len() < size {
            return Ok(None);
        }
        let mut frame = buffer.split_to(size);
        frame.advance(header);
        if packet == PacketType::Publish {
            return self.decode_publish(first, frame.freeze()).map(Some);
        }
        let body = match packet {
            // Client identifier, will and filters outlive the read buffer by hours.
            PacketType::Connect | PacketType::Subscribe => Bytes::copy_from_slice(&frame),
            _ => frame.freeze(),
        };
        self.decode_body(packet, first, body).map(Some)
    }

    /// Appends a packet to the buffer, or leaves the buffer as it is.
    pub fn encode(&self, packet: &Packet, out: &mut BytesMut) -> Result<(), EncodeError> {
        let version = self.version_for(packet)?;
        let mut length = Length::default();
        packet.write_body(version, &mut length)?;
        let (remaining, size) = self.check_size(length.0)?;
        out.reserve(size);
        out.u8(packet.first_byte());
        out.varint(remaining);
        packet.write_body(version, out)
    }

    /// Appends a publish that is shared with other connections, or leaves the buffer as it is.
    pub fn encode_shared(
        &self,
        publish: &SharedPublish,
        delivery: &Delivery<'_>,
        out: &mut BytesMut,
    ) -> Result<(), EncodeError> {
        let version = self.version.ok_or(EncodeError::VersionUnknown)?;
        publish.write_to(out, version, delivery, self.peer_max_packet_size as usize)
    }

    /// The version to write a packet in, if this end sends such a packet at all.
    fn version_for(&self, packet: &Packet) -> Result<Version, EncodeError> {
        if let Packet::Connect(connect) = packet {
            return Ok(connect.version);
        }
        let version = self.version.ok_or(EncodeError::VersionUnknown)?;
        match (packet, self.role, version) {
            // In 3.1.1 a server closes the connection without a word.
            (Packet::Disconnect(_), Role::Server, Version::V311) => {
                Err(EncodeError::NotInVersion {
                    packet: PacketType::Disconnect,
                    version,
                })
            }
            _ => Ok(version),
        }
    }

    fn check_size(&self, body: usize) -> Result<(u32, usize), EncodeError> {
        let limit = self.peer_max_packet_size as usize;
        let remaining = u32::try_from(body).unwrap_or(u32::MAX);
        let size = body.saturating_add(1 + varint_len(remaining.min(MAX_REMAINING_LENGTH)));
        if remaining > MAX_REMAINING_LENGTH || size > limit {
            return Err(EncodeError::TooLarge { size, limit }); // [MQTT-3.1.2-24] [MQTT-3.2.2-15]
        }
        Ok((remaining, size))
    }

    /// Refuses what this end never receives, before its bytes are waited for.
    fn check_first_byte(&self, first: u8) -> Result<PacketType, DecodeError> {
        let number = first >> 4;
        let packet = PacketType::from_u8(number).ok_or(DecodeError::ReservedType(number))?;
        if packet == PacketType::Auth && self.version == Some(Version::V311) {
            return Err(DecodeError::ReservedType(number));
        }
        let flags = first & 0x0F;
        if packet == PacketType::Publish {
            read_flags(flags)?;
        } else if flags != packet.reserved_flags() {
            return Err(DecodeError::Flags { packet, flags }); // [MQTT-2.1.3-1] [MQTT3-2.2.2-2]
        }
        match self.role {
            Role::Server => self.check_from_client(packet)?,
            Role::Device => self.check_from_server(packet)?,
        }
        Ok(packet)
    }

    fn check_from_client(&self, packet: PacketType) -> Result<(), DecodeError> {
        match packet {
            PacketType::Connect if self.has_connect => Err(DecodeError::SecondConnect), // [MQTT-3.1.0-2]
            PacketType::Connect => Ok(()),
            PacketType::ConnAck
            | PacketType::SubAck
            | PacketType::UnsubAck
            | PacketType::PingResp => Err(DecodeError::Direction(packet)),
            _ if !self.has_connect => Err(DecodeError::ConnectMissing(packet)), // [MQTT-3.1.0-1]
            _ => Ok(()),
        }
    }

    fn check_from_server(&self, packet: PacketType) -> Result<(), DecodeError> {
        match packet {
            PacketType::Connect
            | PacketType::Subscribe
            | PacketType::Unsubscribe
            | PacketType::PingReq => Err(DecodeError::Direction(packet)),
            PacketType::Disconnect if self.version == Some(Version::V311) => {
                Err(DecodeError::Direction(packet))
            }
            _ => Ok(()),
        }
    }

    fn decode_publish(&self, first: u8, body: Bytes) -> Result<Packet, DecodeError> {
        let version = self
            .version
            .ok_or(DecodeError::ConnectMissing(PacketType::Publish))?;
        let publish = Publish::decode(Reader::new(body), first & 0x0F, version)?;
        let has_subscription_ids = publish
            .properties
            .as_deref()
            .is_some_and(|fields| !fields.subscription_identifiers.is_empty());
        if self.role == Role::Server && has_subscription_ids {
            return Err(DecodeError::SubscriptionIdFromClient); // [MQTT-3.3.4-6]
        }
        Ok(Packet::Publish(publish))
    }

    fn decode_body(
        &mut self,
        packet: PacketType,
        first: u8,
        body: Bytes,
    ) -> Result<Packet, DecodeError> {
        let mut body = Reader::new(body);
        if packet == PacketType::Connect {
            let version = self.read_version(&mut body)?;
            let connect = Connect::decode(body, version)?;
            self.has_connect = true;
            self.learn_peer_limit(connect.properties.maximum_packet_size);
            return Ok(connect.into());
        }
        let version = self.version.ok_or(DecodeError::ConnectMissing(packet))?;
        let decoded = Packet::decode_body(packet, first & 0x0F, body, version)?;
        match &decoded {
            Packet::ConnAck(connack) => {
                self.learn_peer_limit(connack.properties.maximum_packet_size);
            }
            Packet::Disconnect(disconnect) if self.role == Role::Device => {
                let fields = disconnect.properties.as_deref();
                if fields.is_some_and(|fields| fields.session_expiry_interval.is_some()) {
                    return Err(DecodeError::SessionExpiryFromServer); // [MQTT-3.14.2-2]
                }
            }
            _ => {}
        }
        Ok(decoded)
    }

    /// Fixes the version of the connection; the one to refuse in, if the level is unknown.
    fn read_version(&mut self, body: &mut Reader) -> Result<Version, DecodeError> {
        let level = read_level(body).inspect_err(|error| {
            if matches!(error, DecodeError::ProtocolName) {
                self.version = Some(Version::V311); // what `MQIsdp`, MQTT 3.1, can read
            }
        })?;
        let version = if level < Version::V5.level() {
            Version::V311
        } else {
            Version::V5
        };
        self.version = Some(version);
        if level == version.level() {
            Ok(version)
        } else {
            Err(DecodeError::ProtocolLevel(level))
        } // [MQTT-3.1.2-2]
    }

    fn learn_peer_limit(&mut self, limit: Option<std::num::NonZeroU32>) {
        if let Some(limit) = limit {
            self.peer_max_packet_size = limit.get().min(MAX_PACKET_SIZE);
        }
    }
}

#[cfg(test)]
mod tests;
