use std::num::NonZeroU32;

use super::*;
use crate::packet::{
    Ack, Auth, ClientId, ConnAck, Disconnect, PacketId, QoS, SubAck, Subscribe, SubscribeProperties,
};
use crate::reason::ReasonCode;
use crate::topic::Topic;

fn connect(version: Version) -> Connect {
    Connect::new(version, ClientId::new("c").unwrap())
}

fn connected(connect: Connect) -> Codec {
    let mut bytes = BytesMut::new();
    Codec::device(connect.version, 1000)
        .encode(&connect.into(), &mut bytes)
        .unwrap();
    let mut codec = Codec::server(1000);
    codec.decode(&mut bytes).unwrap().unwrap();
    codec
}

fn refusal(codec: &Codec, packet: &Packet) -> EncodeError {
    let mut out = BytesMut::from(&b"before"[..]);
    let error = codec.encode(packet, &mut out).unwrap_err();
    assert_eq!(
        out,
        b"before"[..],
        "a refused packet leaves the buffer as it was"
    );
    error
}

#[test]
fn a_publish_shares_the_bytes_it_was_read_from() {
    let mut buffer = BytesMut::from(&b"\x30\x06\x00\x01tabc\x30\x05\x00\x01uxy"[..]);
    let start = buffer.as_ptr() as usize;
    let range = start..start + buffer.len();
    let mut codec = Codec::device(Version::V311, 1000);
    for payload in [&b"abc"[..], b"xy"] {
        let Some(Packet::Publish(publish)) = codec.decode(&mut buffer).unwrap() else {
            panic!("a publish");
        };
        assert_eq!(publish.payload, payload);
        assert!(range.contains(&(publish.payload.as_ptr() as usize)));
        assert!(range.contains(&(publish.topic.as_bytes().as_ptr() as usize)));
    }
}

#[test]
fn what_lives_long_does_not_keep_the_read_buffer() {
    let mut bytes = BytesMut::new();
    Codec::device(Version::V5, 1000)
        .encode(&connect(Version::V5).into(), &mut bytes)
        .unwrap();
    let start = bytes.as_ptr() as usize;
    let range = start..start + bytes.len();
    let Some(Packet::Connect(connect)) = Codec::server(1000).decode(&mut bytes).unwrap() else {
        panic!("a CONNECT");
    };
    assert!(!range.contains(&(connect.client_id.as_str().as_ptr() as usize)));
}

#[test]
fn nothing_is_reserved_for_an_announced_length() {
    let mut codec = Codec::device(Version::V5, u32::MAX);
    let mut buffer = BytesMut::from(&b"\x30\xFF\xFF\xFF\x7F"[..]);
    let capacity = buffer.capacity();
    assert_eq!(codec.decode(&mut buffer), Ok(None));
    assert_eq!(buffer.capacity(), capacity);
}

#[test]
fn packets_are_small_where_they_are_many() {
    assert!(size_of::<Publish>() <= 96, "{}", size_of::<Publish>());
    assert!(size_of::<Packet>() <= 96, "{}", size_of::<Packet>());
    assert!(size_of::<Codec>() <= 16, "{}", size_of::<Codec>());
}

#[test]
fn a_packet_above_the_peers_limit_is_not_written() {
    let mut connect = connect(Version::V5);
    connect.properties.maximum_packet_size = NonZeroU32::new(20);
    let codec = connected(connect);
    assert_eq!(codec.peer_max_packet_size(), 20);
    // 2 of fixed header, 3 of topic, 1 of properties: 14 are left.
    let mut publish = Publish::new(Topic::new("t").unwrap(), vec![0; 14]);
    let mut out = BytesMut::new();
    codec
        .encode(&Packet::Publish(publish.clone()), &mut out)
        .unwrap();
    assert_eq!(out.len(), 20);
    publish.payload = vec![0; 15].into();
    let error = refusal(&codec, &Packet::Publish(publish));
    assert_eq!(
        error,
        EncodeError::TooLarge {
            size: 21,
            limit: 20
        }
    );
}

#[test]
fn a_device_learns_the_servers_limit() {
    let mut codec = Codec::device(Version::V5, 1000);
    let mut bytes = BytesMut::from(&b"\x20\x08\x00\x00\x05\x27\x00\x00\x00\x09"[..]);
    codec.decode(&mut bytes).unwrap().unwrap();
    assert_eq!(codec.peer_max_packet_size(), 9);
}

#[test]
fn an_unknown_level_is_answered_in_a_version_the_client_may_read() {
    for (bytes, version, answer) in [
        (
            &b"\x10\x0D\x00\x06MQIsdp\x03\x02\x00\x00\x00"[..],
            Version::V311,
            &b"\x20\x02\x00\x01"[..],
        ),
        (
            b"\x10\x0C\x00\x04MQTT\x03\x02\x00\x00\x00\x00",
            Version::V311,
            b"\x20\x02\x00\x01",
        ),
        (
            b"\x10\x0C\x00\x04MQTT\x06\x02\x00\x00\x00\x00",
            Version::V5,
            b"\x20\x03\x00\x84\x00",
        ),
    ] {
        let mut codec = Codec::server(1000);
        let error = codec.decode(&mut BytesMut::from(bytes)).unwrap_err();
        assert_eq!(error.reason(), ReasonCode::UnsupportedProtocolVersion);
        assert_eq!(codec.version(), Some(version));
        let mut out = BytesMut::new();
        codec
            .encode(&ConnAck::new(false, error.reason()).into(), &mut out)
            .unwrap();
        assert_eq!(out, answer);
    }
}

#[test]
fn what_cannot_be_said_is_refused() {
    let v5 = connected(connect(Version::V5));
    let v4 = connected(connect(Version::V311));
    let id = PacketId::new(1).unwrap();
    let auth = Packet::Auth(Auth {
        reason: ReasonCode::Success,
        properties: None,
    });
    assert!(matches!(
        refusal(&v4, &auth),
        EncodeError::NotInVersion { .. }
    ));
    let disconnect = Packet::Disconnect(Disconnect::new(ReasonCode::ServerBusy));
    assert!(matches!(
        refusal(&v4, &disconnect),
        EncodeError::NotInVersion { .. }
    ));
    assert_eq!(
        refusal(&Codec::server(9), &Packet::PingResp),
        EncodeError::VersionUnknown
    );
    let wrong = Packet::PubRel(Ack::with_reason(id, ReasonCode::NotAuthorized));
    assert!(matches!(
        refusal(&v5, &wrong),
        EncodeError::ReasonCode { .. }
    ));
    let unspeakable = ConnAck::new(false, ReasonCode::PacketTooLarge).into();
    assert!(matches!(
        refusal(&v4, &unspeakable),
        EncodeError::ReasonCode { .. }
    ));
    let present = ConnAck::new(true, ReasonCode::NotAuthorized).into();
    assert_eq!(refusal(&v5, &present), EncodeError::SessionPresent);
    let properties = SubscribeProperties::default();
    let empty = Subscribe {
        packet_id: id,
        properties,
        subscriptions: Vec::new(),
    };
    let empty = Packet::Subscribe(empty);
    assert_eq!(
        refusal(&v5, &empty),
        EncodeError::NoEntries(PacketType::Subscribe)
    );
    let mut publish = Publish::new(Topic::EMPTY, "x");
    assert_eq!(
        refusal(&v5, &Packet::Publish(publish.clone())),
        EncodeError::NoTopic
    );
    publish.topic = Topic::new("t").unwrap();
    publish.qos = QoS::AtLeastOnce;
    assert_eq!(
        refusal(&v5, &Packet::Publish(publish.clone())),
        EncodeError::PacketId
    );
    publish.qos = QoS::AtMostOnce;
    publish.packet_id = Some(id);
    assert_eq!(
        refusal(&v5, &Packet::Publish(publish)),
        EncodeError::PacketId
    );
    let mut alone = connect(Version::V311);
    alone.password = Some(Bytes::from_static(b"p"));
    assert_eq!(refusal(&v4, &alone.into()), EncodeError::PasswordAlone);
}

#[test]
fn a_suback_of_3_1_1_knows_one_failure() {
    let codec = connected(connect(Version::V311));
    let suback = Packet::SubAck(SubAck {
        packet_id: PacketId::new(1).unwrap(),
        properties: None,
        reasons: vec![ReasonCode::GrantedQoS2, ReasonCode::NotAuthorized],
    });
    let mut out = BytesMut::new();
    codec.encode(&suback, &mut out).unwrap();
    assert_eq!(out, b"\x90\x04\x00\x01\x02\x80"[..]);
}

#[test]
fn properties_that_repeat_have_a_limit() {
    use crate::packet::MqttString;
    use crate::property::MAX_REPEATED;

    let mut publish = Publish::new(Topic::new("t").unwrap(), "x");
    let pair = (MqttString::EMPTY, MqttString::EMPTY);
    for (count, is_taken) in [(MAX_REPEATED, true), (MAX_REPEATED + 1, false)] {
        publish.properties.get_or_insert_default().user_properties = vec![pair.clone(); count];
        let mut codec = Codec::device(Version::V5, 100_000);
        let mut bytes = BytesMut::new();
        codec
            .encode(&Packet::Publish(publish.clone()), &mut bytes)
            .unwrap();
        let result = codec.decode(&mut bytes);
        assert_eq!(result.is_ok(), is_taken);
        if let Err(error) = result {
            assert_eq!(error.reason(), ReasonCode::QuotaExceeded);
        }
    }
}

#[test]
fn a_password_is_not_printed() {
    let mut connect = connect(Version::V5);
    connect.password = Some(Bytes::from_static(b"secret"));
    assert!(!format!("{:?}", Packet::from(connect)).contains("secret"));
}
