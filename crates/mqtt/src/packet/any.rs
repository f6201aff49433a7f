//! The sum of all packets.

use super::header::{PacketType, Version};
use super::{
    Ack, Auth, ConnAck, Connect, DecodeError, Disconnect, EncodeError, Publish, Reader, Sink,
    SubAck, Subscribe, UnsubAck, Unsubscribe,
};

/// Any control packet. Rare and large ones are boxed, so that a PUBLISH sets the size.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Packet {
    /// CONNECT
    Connect(Box<Connect>),
    /// CONNACK
    ConnAck(Box<ConnAck>),
    /// PUBLISH
    Publish(Publish),
    /// PUBACK
    PubAck(Ack),
    /// PUBREC
    PubRec(Ack),
    /// PUBREL
    PubRel(Ack),
    /// PUBCOMP
    PubComp(Ack),
    /// SUBSCRIBE
    Subscribe(Subscribe),
    /// SUBACK
    SubAck(SubAck),
    /// UNSUBSCRIBE
    Unsubscribe(Unsubscribe),
    /// UNSUBACK
    UnsubAck(UnsubAck),
    /// PINGREQ
    PingReq,
    /// PINGRESP
    PingResp,
    /// DISCONNECT
    Disconnect(Disconnect),
    /// AUTH
    Auth(Auth),
}

impl Packet {
    /// Which packet this is.
    pub const fn packet_type(&self) -> PacketType {
        match self {
            Self::Connect(_) => PacketType::Connect,
            Self::ConnAck(_) => PacketType::ConnAck,
            Self::Publish(_) => PacketType::Publish,
            Self::PubAck(_) => PacketType::PubAck,
            Self::PubRec(_) => PacketType::PubRec,
            Self::PubRel(_) => PacketType::PubRel,
            Self::PubComp(_) => PacketType::PubComp,
            Self::Subscribe(_) => PacketType::Subscribe,
            Self::SubAck(_) => PacketType::SubAck,
            Self::Unsubscribe(_) => PacketType::Unsubscribe,
            Self::UnsubAck(_) => PacketType::UnsubAck,
            Self::PingReq => PacketType::PingReq,
            Self::PingResp => PacketType::PingResp,
            Self::Disconnect(_) => PacketType::Disconnect,
            Self::Auth(_) => PacketType::Auth,
        }
    }

    pub(super) fn first_byte(&self) -> u8 {
        match self {
            Self::Publish(publish) => publish.first_byte(),
            other => other.packet_type().first_byte(),
        }
    }

    /// Decodes the body of every packet but CONNECT, whose version is not known before.
    pub(super) fn decode_body(
        packet: PacketType,
        flags: u8,
        body: Reader,
        version: Version,
    ) -> Result<Self, DecodeError> {
        match packet {
            PacketType::Connect => Err(DecodeError::SecondConnect),
            PacketType::ConnAck => ConnAck::decode(body, version)
                .map(Box::new)
                .map(Self::ConnAck),
            PacketType::Publish => Publish::decode(body, flags, version).map(Self::Publish),
            PacketType::PubAck => Ack::decode(body, packet, version).map(Self::PubAck),
            PacketType::PubRec => Ack::decode(body, packet, version).map(Self::PubRec),
            PacketType::PubRel => Ack::decode(body, packet, version).map(Self::PubRel),
            PacketType::PubComp => Ack::decode(body, packet, version).map(Self::PubComp),
            PacketType::Subscribe => Subscribe::decode(body, version).map(Self::Subscribe),
            PacketType::SubAck => SubAck::decode(body, version).map(Self::SubAck),
            PacketType::Unsubscribe => Unsubscribe::decode(body, version).map(Self::Unsubscribe),
            PacketType::UnsubAck => UnsubAck::decode(body, version).map(Self::UnsubAck),
            PacketType::PingReq => body.finish().map(|()| Self::PingReq),
            PacketType::PingResp => body.finish().map(|()| Self::PingResp),
            PacketType::Disconnect => Disconnect::decode(body, version).map(Self::Disconnect),
            PacketType::Auth => Auth::decode(body).map(Self::Auth),
        }
    }

    pub(super) fn write_body<S: Sink>(
        &self,
        version: Version,
        out: &mut S,
    ) -> Result<(), EncodeError> {
        let packet = self.packet_type();
        match self {
            Self::Connect(connect) => connect.write(out),
            Self::ConnAck(connack) => connack.write(version, out),
            Self::Publish(publish) => publish.write(version, out),
            Self::PubAck(ack) | Self::PubRec(ack) | Self::PubRel(ack) | Self::PubComp(ack) => {
                ack.write(packet, version, out)
            }
            Self::Subscribe(subscribe) => subscribe.write(version, out),
            Self::SubAck(suback) => suback.write(version, out),
            Self::Unsubscribe(unsubscribe) => unsubscribe.write(version, out),
            Self::UnsubAck(unsuback) => unsuback.write(version, out),
            Self::PingReq | Self::PingResp => Ok(()),
            Self::Disconnect(disconnect) => disconnect.write(version, out),
            Self::Auth(auth) => auth.write(version, out),
        }
    }
}
