//! Packets for the tests: strategies that make every valid one, and a codec on the right end for each.

use std::num::{NonZeroU16, NonZeroU32};

use bytes::{Bytes, BytesMut};
use messina_mqtt::packet::{
    Ack, AckProperties, Auth, AuthProperties, ClientId, Codec, ConnAck, ConnAckProperties, Connect,
    ConnectProperties, DecodeError, Disconnect, DisconnectProperties, MqttString, Packet, PacketId,
    PacketType, Publish, PublishProperties, QoS, RetainHandling, SubAck, Subscribe,
    SubscribeProperties, Subscription, SubscriptionOptions, UnsubAck, Unsubscribe,
    UnsubscribeProperties, Version, Will, WillProperties,
};
use messina_mqtt::property::{PayloadFormat, SubscriptionId};
use messina_mqtt::reason::ReasonCode;
use messina_mqtt::topic::{Topic, TopicFilter};
use proptest::collection::vec;
use proptest::option::of;
use proptest::prelude::*;
use proptest::sample::select;

/// A codec that takes what a client sends, after a CONNECT of this version.
pub(crate) fn server(version: Version) -> Codec {
    server_with_limit(version, u32::MAX)
}

/// The same, which refuses larger packets.
pub(crate) fn server_with_limit(version: Version, limit: u32) -> Codec {
    let mut codec = Codec::server(limit);
    let connect = Connect::new(version, ClientId::new("c").unwrap());
    let mut bytes = BytesMut::new();
    Codec::device(version, u32::MAX)
        .encode(&connect.into(), &mut bytes)
        .unwrap();
    codec.decode(&mut bytes).unwrap().unwrap();
    codec
}

/// The codec that receives this packet.
pub(crate) fn receiver(packet: &Packet, version: Version) -> Codec {
    match packet {
        Packet::Connect(_) => Codec::server(u32::MAX),
        Packet::Subscribe(_) | Packet::Unsubscribe(_) | Packet::PingReq | Packet::Disconnect(_) => {
            server(version)
        }
        _ => Codec::device(version, u32::MAX),
    }
}

/// The bytes of a packet, written by its sender.
pub(crate) fn encode(packet: &Packet, version: Version) -> BytesMut {
    let mut bytes = BytesMut::new();
    Codec::device(version, u32::MAX)
        .encode(packet, &mut bytes)
        .unwrap();
    bytes
}

/// Decodes one packet, which must be all there is.
pub(crate) fn decode(codec: &mut Codec, bytes: &[u8]) -> Result<Option<Packet>, DecodeError> {
    let mut buffer = BytesMut::from(bytes);
    let packet = codec.decode(&mut buffer)?;
    assert!(
        packet.is_none() || buffer.is_empty(),
        "a whole packet uses all bytes"
    );
    Ok(packet)
}

fn text() -> impl Strategy<Value = MqttString> {
    "[^\0]{0,12}".prop_map(|text| MqttString::new(&text).unwrap())
}

pub(crate) fn topic() -> impl Strategy<Value = Topic> {
    "[$/a-cé]{1,9}".prop_map(|text| Topic::new(&text).unwrap())
}

pub(crate) fn filter() -> impl Strategy<Value = TopicFilter> {
    let level = select(vec!["", "a", "b", "c", "+", "$x", "é"]);
    let end = select(vec!["", "/#"]);
    let share = select(vec!["", "", "$share/g/"]);
    (share, vec(level, 1..5), end).prop_filter_map("empty", |(share, levels, end)| {
        TopicFilter::new(&format!("{share}{}{end}", levels.join("/"))).ok()
    })
}

fn data() -> impl Strategy<Value = Bytes> {
    vec(any::<u8>(), 0..20).prop_map(Bytes::from)
}

fn users() -> impl Strategy<Value = Vec<(MqttString, MqttString)>> {
    vec((text(), text()), 0..3)
}

fn packet_id() -> impl Strategy<Value = PacketId> {
    any::<NonZeroU16>().prop_map(PacketId)
}

fn qos() -> impl Strategy<Value = QoS> {
    select(vec![QoS::AtMostOnce, QoS::AtLeastOnce, QoS::ExactlyOnce])
}

fn format() -> impl Strategy<Value = PayloadFormat> {
    select(vec![PayloadFormat::Unspecified, PayloadFormat::Utf8])
}

fn subscription_id() -> impl Strategy<Value = SubscriptionId> {
    (1_u32..=268_435_455).prop_map(|number| SubscriptionId::new(number).unwrap())
}

fn reason(packet: PacketType) -> impl Strategy<Value = ReasonCode> {
    let all = ReasonCode::ALL.iter().copied();
    select(
        all.filter(|reason| reason.is_allowed_in(packet))
            .collect::<Vec<_>>(),
    )
}

/// `None` for no properties, as the decoder has it.
fn boxed<P: Default + PartialEq + std::fmt::Debug>(properties: P) -> Option<Box<P>> {
    (properties != P::default()).then(|| Box::new(properties))
}

prop_compose! {
    fn connect_properties()(
        limits in (of(any::<u32>()), of(any::<NonZeroU16>()), of(any::<NonZeroU32>()), of(any::<u16>())),
        requests in (of(any::<bool>()), of(any::<bool>())),
        user_properties in users(),
        authentication in of((text(), of(data()))),
    ) -> ConnectProperties {
        let (authentication_method, authentication_data) = authentication.unzip();
        ConnectProperties {
            session_expiry_interval: limits.0,
            receive_maximum: limits.1,
            maximum_packet_size: limits.2,
            topic_alias_maximum: limits.3,
            request_response_information: requests.0,
            request_problem_information: requests.1,
            user_properties,
            authentication_method,
            authentication_data: authentication_data.flatten(),
        }
    }
}

prop_compose! {
    fn will()(
        qos in qos(), retain in any::<bool>(), topic in topic(), payload in data(),
        times in (of(any::<u32>()), of(any::<u32>())),
        kind in (of(format()), of(text())),
        response in (of(topic()), of(data())),
        user_properties in users(),
    ) -> Will {
        Will { qos, retain, topic, payload, properties: WillProperties {
            will_delay_interval: times.0,
            message_expiry_interval: times.1,
            payload_format_indicator: kind.0,
            content_type: kind.1,
            response_topic: response.0,
            correlation_data: response.1,
            user_properties,
        }}
    }
}

prop_compose! {
    fn connect(version: Version)(
        clean_start in any::<bool>(), keep_alive in any::<u16>(), client_id in text(),
        will in of(will()), user_name in of(text()), password in of(data()),
        properties in connect_properties(),
    ) -> Packet {
        let mut connect = Connect {
            version, clean_start, keep_alive, will, user_name, password, properties,
            client_id: ClientId::from(client_id),
        };
        if version == Version::V311 {
            connect.clean_start |= connect.client_id.is_empty();
            connect.properties = ConnectProperties::default();
            if let Some(will) = &mut connect.will {
                will.properties = WillProperties::default();
            }
            connect.password = connect.password.filter(|_| connect.user_name.is_some());
        }
        connect.into()
    }
}

prop_compose! {
    fn connack_properties()(
        limits in (of(any::<u32>()), of(any::<NonZeroU16>()), of(any::<NonZeroU32>()), of(any::<u16>()), of(any::<u16>())),
        maximum_qos in of(select(vec![QoS::AtMostOnce, QoS::AtLeastOnce])),
        available in (of(any::<bool>()), of(any::<bool>()), of(any::<bool>()), of(any::<bool>())),
        texts in (of(text()), of(text()), of(text()), of(text())),
        user_properties in users(),
        authentication in (of(text()), of(data())),
    ) -> ConnAckProperties {
        ConnAckProperties {
            session_expiry_interval: limits.0,
            receive_maximum: limits.1,
            maximum_qos,
            retain_available: available.0,
            maximum_packet_size: limits.2,
            assigned_client_identifier: texts.0,
            topic_alias_maximum: limits.3,
            reason_string: texts.1,
            user_properties,
            wildcard_subscription_available: available.1,
            subscription_identifier_available: available.2,
            shared_subscription_available: available.3,
            server_keep_alive: limits.4,
            response_information: texts.2,
            server_reference: texts.3,
            authentication_method: authentication.0,
            authentication_data: authentication.1,
        }
    }
}

prop_compose! {
    fn connack(version: Version)(
        is_present in any::<bool>(), reason in reason(PacketType::ConnAck), properties in connack_properties(), code in 0_u8..=5,
    ) -> Packet {
        let mut connack = ConnAck { session_present: false, reason, properties };
        if version == Version::V311 {
            connack.reason = ReasonCode::from_v311_connack(code).unwrap();
            connack.properties = ConnAckProperties::default();
        }
        connack.session_present = is_present && !connack.reason.is_error();
        connack.into()
    }
}

prop_compose! {
    fn publish_properties()(
        kind in (of(format()), of(text())), message_expiry_interval in of(any::<u32>()),
        topic_alias in of(any::<NonZeroU16>()), response in (of(topic()), of(data())),
        user_properties in users(), subscription_identifiers in vec(subscription_id(), 0..3),
    ) -> PublishProperties {
        PublishProperties {
            payload_format_indicator: kind.0,
            message_expiry_interval,
            topic_alias,
            response_topic: response.0,
            correlation_data: response.1,
            user_properties,
            subscription_identifiers,
            content_type: kind.1,
        }
    }
}

prop_compose! {
    pub(crate) fn publish(version: Version)(
        dup in any::<bool>(), qos in qos(), retain in any::<bool>(), topic in topic(), id in packet_id(),
        properties in publish_properties(), payload in data(), by_alias in any::<bool>(),
    ) -> Publish {
        let properties = boxed(properties).filter(|_| version == Version::V5);
        let has_alias = properties.as_deref().is_some_and(|fields| fields.topic_alias.is_some());
        let is_numbered = qos != QoS::AtMostOnce;
        Publish {
            dup: dup && is_numbered,
            qos,
            retain,
            topic: if by_alias && has_alias { Topic::EMPTY } else { topic },
            packet_id: is_numbered.then_some(id),
            properties,
            payload,
        }
    }
}

prop_compose! {
    fn ack_properties(version: Version)(
        reason_string in of(text()), user_properties in users(),
    ) -> Option<Box<AckProperties>> {
        boxed(AckProperties { reason_string, user_properties }).filter(|_| version == Version::V5)
    }
}

fn ack(packet: PacketType, version: Version) -> impl Strategy<Value = Ack> {
    (packet_id(), reason(packet), ack_properties(version)).prop_map(
        move |(packet_id, reason, properties)| match version {
            Version::V311 => Ack::success(packet_id),
            Version::V5 => Ack {
                packet_id,
                reason,
                properties,
            },
        },
    )
}

prop_compose! {
    fn subscription(version: Version)(
        filter in filter(), qos in qos(), no_local in any::<bool>(), retain_as_published in any::<bool>(),
        retain_handling in select(vec![RetainHandling::Send, RetainHandling::SendIfNew, RetainHandling::DoNotSend]),
    ) -> Subscription {
        let no_local = no_local && !filter.is_shared();
        let options = match version {
            Version::V311 => SubscriptionOptions::with_qos(qos),
            Version::V5 => SubscriptionOptions { qos, no_local, retain_as_published, retain_handling },
        };
        Subscription { filter, options }
    }
}

fn subscribe(version: Version) -> impl Strategy<Value = Packet> {
    let entries = vec(subscription(version), 1..5);
    (packet_id(), of(subscription_id()), users(), entries).prop_map(
        move |(packet_id, subscription_identifier, user_properties, subscriptions)| {
            let properties = match version {
                Version::V311 => SubscribeProperties::default(),
                Version::V5 => SubscribeProperties {
                    subscription_identifier,
                    user_properties,
                },
            };
            Packet::Subscribe(Subscribe {
                packet_id,
                properties,
                subscriptions,
            })
        },
    )
}

fn suback(version: Version) -> impl Strategy<Value = Packet> {
    let reasons = vec(reason(PacketType::SubAck), 1..5);
    (packet_id(), ack_properties(version), reasons).prop_map(
        move |(packet_id, properties, mut reasons)| {
            if version == Version::V311 {
                for reason in reasons.iter_mut().filter(|reason| reason.is_error()) {
                    *reason = ReasonCode::UnspecifiedError;
                }
            }
            Packet::SubAck(SubAck {
                packet_id,
                properties,
                reasons,
            })
        },
    )
}

fn unsubscribe(version: Version) -> impl Strategy<Value = Packet> {
    (packet_id(), users(), vec(filter(), 1..5)).prop_map(
        move |(packet_id, user_properties, filters)| {
            let user_properties = if version == Version::V5 {
                user_properties
            } else {
                Vec::new()
            };
            let properties = UnsubscribeProperties { user_properties };
            Packet::Unsubscribe(Unsubscribe {
                packet_id,
                properties,
                filters,
            })
        },
    )
}

fn unsuback(version: Version) -> impl Strategy<Value = Packet> {
    let reasons = vec(reason(PacketType::UnsubAck), 1..5);
    (packet_id(), ack_properties(version), reasons).prop_map(
        move |(packet_id, properties, mut reasons)| {
            if version == Version::V311 {
                reasons.clear();
            }
            Packet::UnsubAck(UnsubAck {
                packet_id,
                properties,
                reasons,
            })
        },
    )
}

prop_compose! {
    fn disconnect(version: Version)(
        reason in reason(PacketType::Disconnect), session_expiry_interval in of(any::<u32>()),
        texts in (of(text()), of(text())), user_properties in users(),
    ) -> Packet {
        let properties = DisconnectProperties {
            session_expiry_interval,
            reason_string: texts.0,
            user_properties,
            server_reference: texts.1,
        };
        Packet::Disconnect(match version {
            Version::V311 => Disconnect::new(ReasonCode::NORMAL_DISCONNECTION),
            Version::V5 => Disconnect { reason, properties: boxed(properties) },
        })
    }
}

prop_compose! {
    fn auth()(
        reason in reason(PacketType::Auth), method in text(), authentication_data in of(data()),
        reason_string in of(text()), user_properties in users(), is_short in any::<bool>(),
    ) -> Packet {
        let properties = AuthProperties {
            authentication_method: Some(method),
            authentication_data,
            reason_string,
            user_properties,
        };
        let is_short = is_short && reason == ReasonCode::Success;
        Packet::Auth(Auth { reason, properties: boxed(properties).filter(|_| !is_short) })
    }
}

/// Any packet of a version.
pub(crate) fn packet(version: Version) -> BoxedStrategy<Packet> {
    let common = prop_oneof![
        2 => connect(version),
        1 => connack(version),
        3 => publish(version).prop_map(Packet::Publish),
        1 => ack(PacketType::PubAck, version).prop_map(Packet::PubAck),
        1 => ack(PacketType::PubRec, version).prop_map(Packet::PubRec),
        1 => ack(PacketType::PubRel, version).prop_map(Packet::PubRel),
        1 => ack(PacketType::PubComp, version).prop_map(Packet::PubComp),
        1 => subscribe(version),
        1 => suback(version),
        1 => unsubscribe(version),
        1 => unsuback(version),
        1 => select(vec![Packet::PingReq, Packet::PingResp]),
        1 => disconnect(version),
    ];
    match version {
        Version::V311 => common.boxed(),
        Version::V5 => prop_oneof![13 => common, 1 => auth()].boxed(),
    }
}

/// Any packet, and the version it is written in.
pub(crate) fn versioned() -> impl Strategy<Value = (Version, Packet)> {
    select(vec![Version::V311, Version::V5])
        .prop_flat_map(|version| packet(version).prop_map(move |packet| (version, packet)))
}
