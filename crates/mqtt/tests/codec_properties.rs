//! Every valid packet survives the wire, another implementation reads it the same way, and no bytes panic.
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]
#![expect(
    clippy::indexing_slicing,
    reason = "an index out of bounds is a failed test"
)]

mod support;

use std::num::NonZeroU16;

use bytes::{BufMut, BytesMut};
use messina_mqtt::packet::{
    Codec, Delivery, EncodeError, Packet, PacketId, Publish, PublishProperties, QoS, SharedPublish,
    TopicAlias, Version,
};
use messina_mqtt::property::SubscriptionId;
use messina_mqtt::reason::ReasonCode;
use messina_mqtt::topic::Topic;
use mqtt_protocol_core::mqtt::packet::{v3_1_1, v5_0};
use proptest::prelude::*;
use support::{decode, encode, publish, receiver, server, versioned};

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_packet_comes_back_as_it_was((version, packet) in versioned()) {
        let bytes = encode(&packet, version);
        let back = decode(&mut receiver(&packet, version), &bytes);
        prop_assert_eq!(back, Ok(Some(packet)));
    }

    #[test]
    fn another_implementation_reads_and_writes_the_same((version, packet) in versioned()) {
        prop_assume!(is_known_to_both(&packet));
        let bytes = encode(&packet, version);
        let theirs = rewrite(&bytes, version);
        prop_assert!(theirs.is_some(), "refused {:?}", packet);
        let back = decode(&mut receiver(&packet, version), &theirs.unwrap());
        prop_assert_eq!(back, Ok(Some(packet)));
    }

    #[test]
    fn a_truncated_packet_is_awaited((version, packet) in versioned()) {
        let bytes = encode(&packet, version);
        for length in 0..bytes.len() {
            let part = decode(&mut receiver(&packet, version), &bytes[..length]);
            prop_assert_eq!(part, Ok(None), "{} of {} bytes", length, bytes.len());
        }
    }

    #[test]
    fn a_body_cut_short_never_reads_as_the_same_packet((version, packet) in versioned()) {
        let bytes = encode(&packet, version);
        let (first, body) = split(&bytes);
        for length in 0..body.len() {
            let back = decode(&mut receiver(&packet, version), &frame(first, &body[..length]));
            prop_assert_ne!(back, Ok(Some(packet.clone())));
        }
    }

    #[test]
    fn damaged_packets_do_not_panic(
        (version, packet) in versioned(), at in any::<prop::sample::Index>(), byte in any::<u8>(),
    ) {
        let mut bytes = encode(&packet, version);
        let index = at.index(bytes.len());
        bytes[index] = byte;
        let mut codec = receiver(&packet, version);
        if let Ok(Some(other)) = codec.decode(&mut bytes) {
            // Whatever was accepted can be said again, and then means the same.
            let version = codec.version().unwrap();
            let again = encode(&other, version);
            let mut codec = receiver(&packet, version);
            prop_assert_eq!(decode(&mut codec, &again), Ok(Some(other)));
        }
    }

    #[test]
    fn random_bytes_do_not_panic(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
        for version in [Version::V311, Version::V5] {
            for mut codec in [server(version), Codec::device(version, 1000), Codec::server(1000)] {
                let mut buffer = BytesMut::from(bytes.as_slice());
                while let Ok(Some(_)) = codec.decode(&mut buffer) {}
            }
        }
    }

    #[test]
    fn random_bodies_do_not_panic(
        first in any::<u8>(), body in prop::collection::vec(any::<u8>(), 0..64),
    ) {
        for version in [Version::V311, Version::V5] {
            for mut codec in [server(version), Codec::device(version, 1000), Codec::server(1000)] {
                let mut buffer = BytesMut::from(frame(first, &body).as_slice());
                if let Ok(packet) = codec.decode(&mut buffer) {
                    prop_assert!(packet.is_some() && buffer.is_empty());
                }
            }
        }
    }

    #[test]
    fn packets_in_one_stream_come_out_one_by_one(
        packets in prop::collection::vec(publish(Version::V5), 1..8), step in 1_usize..40,
    ) {
        let mut stream = BytesMut::new();
        for packet in &packets {
            stream.unsplit(encode(&Packet::Publish(packet.clone()), Version::V5));
        }
        let mut codec = Codec::device(Version::V5, u32::MAX);
        let mut buffer = BytesMut::new();
        let mut back = Vec::new();
        for chunk in stream.chunks(step) {
            buffer.put_slice(chunk);
            while let Some(packet) = codec.decode(&mut buffer).unwrap() {
                back.push(packet);
            }
        }
        let packets: Vec<Packet> = packets.into_iter().map(Packet::Publish).collect();
        prop_assert_eq!(back, packets);
    }

    #[test]
    fn a_shared_publish_is_written_as_each_subscriber_gets_it(
        source in publish(Version::V5).prop_filter("needs a topic", |publish| !publish.topic.is_empty()),
        (retain, dup) in any::<(bool, bool)>(), id in 0_u16..9, left in proptest::option::of(0_u32..9),
        subscriptions in prop::collection::vec(1_u32..300, 0..3),
        alias in proptest::option::of((1_u16..9, any::<bool>())),
    ) {
        let subscription_ids: Vec<_> = subscriptions.into_iter().filter_map(SubscriptionId::new).collect();
        let packet_id = PacketId::new(id);
        let qos = if packet_id.is_some() { QoS::AtLeastOnce } else { QoS::AtMostOnce };
        let topic_alias = alias.and_then(|(number, known)| {
            NonZeroU16::new(number).map(|number| TopicAlias { number, known })
        });
        let delivery = Delivery {
            topic_alias, qos, retain, dup, packet_id, subscription_ids: &subscription_ids, expiry: left,
        };
        let shared = SharedPublish::new(source.clone()).unwrap();
        for version in [Version::V311, Version::V5] {
            let mut out = BytesMut::new();
            shared.write_to(&mut out, version, &delivery, usize::MAX).unwrap();
            prop_assert_eq!(out.len(), shared.encoded_len(version, &delivery));
            let back = decode(&mut Codec::device(version, u32::MAX), &out);
            prop_assert_eq!(back, Ok(Some(expected(&source, version, &delivery))));
            let size = out.len();
            out.clear();
            let refused = shared.write_to(&mut out, version, &delivery, size - 1);
            prop_assert_eq!(refused, Err(EncodeError::TooLarge { size, limit: size - 1 }));
            prop_assert!(out.is_empty());
        }
    }
}

/// What a subscriber of a shared publish receives.
fn expected(source: &Publish, version: Version, delivery: &Delivery<'_>) -> Packet {
    let mut publish = source.clone();
    publish.qos = delivery.qos;
    publish.retain = delivery.retain;
    publish.dup = delivery.dup && delivery.packet_id.is_some();
    publish.packet_id = delivery.packet_id;
    let mut fields = publish.properties.take().unwrap_or_default();
    fields.topic_alias = delivery.topic_alias.map(|alias| alias.number);
    if version == Version::V5 && delivery.topic_alias.is_some_and(|alias| alias.known) {
        publish.topic = Topic::EMPTY;
    }
    fields.subscription_identifiers = delivery.subscription_ids.to_vec();
    fields.message_expiry_interval = fields
        .message_expiry_interval
        .map(|published| delivery.expiry.unwrap_or(published));
    let is_kept = version == Version::V5 && *fields != PublishProperties::default();
    publish.properties = is_kept.then_some(fields);
    Packet::Publish(publish)
}

/// The first byte and the body.
fn split(bytes: &[u8]) -> (u8, &[u8]) {
    let length = bytes[1..]
        .iter()
        .take_while(|byte| **byte & 0x80 != 0)
        .count()
        + 1;
    (bytes[0], &bytes[1 + length..])
}

fn frame(first: u8, body: &[u8]) -> Vec<u8> {
    let mut bytes = vec![first];
    let mut length = body.len();
    while length > 0x7F {
        bytes.push(u8::try_from(length & 0x7F).unwrap() | 0x80);
        length >>= 7;
    }
    bytes.push(u8::try_from(length).unwrap());
    bytes.extend_from_slice(body);
    bytes
}

/// What `mqtt-protocol-core` refuses and version 5 allows: a password without a user name (3.1.2.9), and
/// DISCONNECT with bad authentication method (2.4 has it, the table in 3.14.2.1 leaves it out).
fn is_known_to_both(packet: &Packet) -> bool {
    match packet {
        Packet::Connect(connect) => connect.password.is_none() || connect.user_name.is_some(),
        Packet::Disconnect(disconnect) => disconnect.reason != ReasonCode::BadAuthenticationMethod,
        _ => true,
    }
}

/// Reads and writes a packet with `mqtt-protocol-core`.
fn rewrite(bytes: &[u8], version: Version) -> Option<Vec<u8>> {
    let (first, body) = split(bytes);
    macro_rules! parse {
        ($($number:literal => $module:ident :: $name:ident),+) => {
            match first >> 4 {
                3 => match version {
                    Version::V311 => {
                        v3_1_1::Publish::parse(first & 0x0F, body.into()).ok()?.0.to_continuous_buffer()
                    }
                    Version::V5 => {
                        v5_0::Publish::parse(first & 0x0F, body.into()).ok()?.0.to_continuous_buffer()
                    }
                },
                $($number if version == Version::V5 => {
                    v5_0::$name::parse(body).ok()?.0.to_continuous_buffer()
                })+
                $($number => parse!($module $name),)+
                _ => return None,
            }
        };
        (both $name:ident) => { v3_1_1::$name::parse(body).ok()?.0.to_continuous_buffer() };
        (new $name:ident) => { return None };
    }
    let written = parse!(
        1 => both::Connect, 2 => both::Connack, 4 => both::Puback, 5 => both::Pubrec, 6 => both::Pubrel,
        7 => both::Pubcomp, 8 => both::Subscribe, 9 => both::Suback, 10 => both::Unsubscribe,
        11 => both::Unsuback, 12 => both::Pingreq, 13 => both::Pingresp, 14 => both::Disconnect,
        15 => new::Auth
    );
    Some(written)
}
