use std::num::NonZeroU32;
use std::time::{Duration, Instant};

use super::*;
use crate::packet::{
    Ack, ClientId, ConnAck, ConnAckProperties, Packet, PacketId, Publish, QoS, SubAck,
    Subscription, SubscriptionOptions,
};
use crate::reason::ReasonCode;
use crate::topic::{Topic, TopicFilter};

struct Bench {
    now: Instant,
    device: Device,
    wait: Option<Instant>,
}

impl Bench {
    #[expect(clippy::disallowed_methods, reason = "some instant to count from")]
    fn new() -> Self {
        let now = Instant::now();
        let device = Device::new(Options::new(ClientId::new("meter-7").unwrap()), now);
        Self {
            now,
            device,
            wait: None,
        }
    }

    fn open() -> Self {
        let mut bench = Self::new();
        bench.connect(ConnAckProperties::default(), false);
        bench
    }

    fn connect(&mut self, properties: ConnAckProperties, session_present: bool) -> Vec<Output> {
        let outputs = self.input(Input::Opened);
        assert!(matches!(&outputs[..], [Output::Send(Packet::Connect(_))])); // [MQTT-3.1.0-1]
        let connack = ConnAck {
            session_present,
            reason: ReasonCode::Success,
            properties,
        };
        let mut outputs = self.packet(Packet::ConnAck(Box::new(connack)));
        assert!(self.device.is_open());
        outputs.retain(|output| !matches!(output, Output::Connected(_)));
        outputs
    }

    fn input(&mut self, input: Input) -> Vec<Output> {
        self.device.handle(self.now, input);
        let mut outputs = Vec::new();
        loop {
            match self.device.poll() {
                Output::Wait(wait) => {
                    self.wait = wait;
                    return outputs;
                }
                output => outputs.push(output),
            }
        }
    }

    fn packet(&mut self, packet: Packet) -> Vec<Output> {
        self.input(Input::Packet(packet))
    }

    fn publish(&mut self, token: u64, qos: QoS) -> Vec<Output> {
        self.input(Input::Publish(Token(token), publish(0, qos)))
    }
}

fn id(value: u16) -> PacketId {
    PacketId::new(value).unwrap()
}

fn publish(packet_id: u16, qos: QoS) -> Publish {
    let mut publish = Publish::new(Topic::new("temperature").unwrap(), "4.3");
    publish.qos = qos;
    publish.packet_id = PacketId::new(packet_id);
    publish
}

/// The PUBLISH packets of these outputs: identifier and dup.
fn published(outputs: &[Output]) -> Vec<(u16, bool)> {
    let publish = |output: &Output| match output {
        Output::Send(Packet::Publish(publish)) => {
            Some((publish.packet_id.map_or(0, PacketId::get), publish.dup))
        }
        _ => None,
    };
    outputs.iter().filter_map(publish).collect()
}

#[test]
fn what_is_published_before_the_connection_waits_for_it() {
    let mut bench = Bench::new();
    assert!(bench.publish(1, QoS::AtLeastOnce).is_empty());
    assert_eq!(bench.device.queued(), 1);
    assert_eq!(
        published(&bench.connect(ConnAckProperties::default(), false)),
        [(1, false)]
    );
}

#[test]
fn a_qos_2_publish_is_over_with_its_pubcomp() {
    // [MQTT-4.3.3-2] [MQTT-4.3.3-4]
    let mut bench = Bench::open();
    assert_eq!(published(&bench.publish(9, QoS::ExactlyOnce)), [(1, false)]);
    let outputs = bench.packet(Packet::PubRec(Ack::success(id(1))));
    assert!(matches!(&outputs[..], [Output::Send(Packet::PubRel(_))]));
    let outputs = bench.packet(Packet::PubComp(Ack::success(id(1))));
    assert!(matches!(
        outputs[..],
        [Output::Published(Token(9), ReasonCode::Success)]
    ));
    assert_eq!(bench.device.inflight(), 0);
}

#[test]
fn a_kept_session_repeats_with_dup_and_a_lost_one_starts_over() {
    // [MQTT-4.4.0-1] [MQTT-3.3.1-1] [MQTT-3.3.1-2]
    for session_present in [true, false] {
        let mut bench = Bench::open();
        bench.publish(1, QoS::ExactlyOnce);
        bench.publish(2, QoS::AtLeastOnce);
        bench.packet(Packet::PubRec(Ack::success(id(1))));
        bench.input(Input::Closed);
        let outputs = bench.connect(ConnAckProperties::default(), session_present);
        if session_present {
            assert!(
                matches!(&outputs[0], Output::Send(Packet::PubRel(ack)) if ack.packet_id == id(1))
            );
            assert_eq!(published(&outputs), [(2, true)]);
        } else {
            assert!(matches!(
                outputs[0],
                Output::Published(Token(1), ReasonCode::Success)
            ));
            assert_eq!(published(&outputs), [(3, false)]);
        }
    }
}

#[test]
fn a_repeated_qos_2_publish_is_received_once() {
    // [MQTT-4.3.3-10]
    let mut bench = Bench::open();
    let outputs = bench.packet(Packet::Publish(publish(7, QoS::ExactlyOnce)));
    assert!(matches!(
        &outputs[..],
        [Output::Received(_), Output::Send(Packet::PubRec(_))]
    ));
    let outputs = bench.packet(Packet::Publish(publish(7, QoS::ExactlyOnce)));
    assert!(matches!(&outputs[..], [Output::Send(Packet::PubRec(_))]));
}

#[test]
fn a_subscription_keeps_its_identifier_to_itself_until_the_suback() {
    // [MQTT-2.2.1-3]
    let mut bench = Bench::open();
    let filter = TopicFilter::new("#").unwrap();
    let options = SubscriptionOptions::with_qos(QoS::ExactlyOnce);
    bench.input(Input::Subscribe(
        vec![Subscription { filter, options }],
        None,
    ));
    assert_eq!(published(&bench.publish(1, QoS::AtLeastOnce)), [(2, false)]);
    let reasons = vec![ReasonCode::GrantedQoS2];
    let suback = SubAck {
        packet_id: id(1),
        properties: None,
        reasons: reasons.clone(),
    };
    let outputs = bench.packet(Packet::SubAck(suback));
    assert!(matches!(&outputs[..], [Output::Subscribed(_, got)] if *got == reasons));
}

#[test]
fn silence_is_broken_by_a_ping_and_a_ping_without_answer_ends_the_connection() {
    // [MQTT-3.1.2-20]
    let mut bench = Bench::open();
    bench.now += Duration::from_secs(59);
    assert!(bench.input(Input::Tick).is_empty());
    bench.now = bench.wait.unwrap();
    assert!(matches!(
        &bench.input(Input::Tick)[..],
        [Output::Send(Packet::PingReq)]
    ));
    assert!(bench.packet(Packet::PingResp).is_empty());
    bench.now = bench.wait.unwrap();
    bench.input(Input::Tick);
    bench.now = bench.wait.unwrap();
    let outputs = bench.input(Input::Tick);
    assert!(matches!(
        outputs.last(),
        Some(Output::Close(ReasonCode::KeepAliveTimeout))
    ));
}

#[test]
fn a_publish_the_server_would_not_take_is_refused_here() {
    // [MQTT-3.2.2-15]
    let mut bench = Bench::new();
    let small = NonZeroU32::new(12);
    bench.connect(
        ConnAckProperties {
            maximum_packet_size: small,
            ..Default::default()
        },
        false,
    );
    let outputs = bench.publish(1, QoS::AtLeastOnce);
    assert!(matches!(
        outputs[..],
        [Output::Published(Token(1), ReasonCode::PacketTooLarge)]
    ));
    assert_eq!(bench.device.inflight(), 0);
}

#[test]
fn a_refusal_is_told_and_closes() {
    let mut bench = Bench::new();
    bench.input(Input::Opened);
    let connack = ConnAck::new(false, ReasonCode::NotAuthorized);
    let outputs = bench.packet(Packet::ConnAck(Box::new(connack)));
    assert!(matches!(
        &outputs[..],
        [
            Output::Connected(_),
            Output::Close(ReasonCode::NotAuthorized)
        ]
    ));
}

/// A publish whose topic is `topic`, with an alias for it.
fn aliased(topic: &str, alias: u16) -> Publish {
    let mut publish = publish(0, QoS::AtMostOnce);
    publish.topic = match topic {
        "" => Topic::EMPTY,
        topic => Topic::new(topic).unwrap(),
    };
    publish.properties = Some(Box::new(crate::packet::PublishProperties {
        topic_alias: std::num::NonZeroU16::new(alias),
        ..Default::default()
    }));
    publish
}

#[test]
fn an_alias_stands_for_its_topic_until_the_connection_ends() {
    let mut bench = Bench::new();
    bench.device = {
        let mut options = Options::new(ClientId::new("meter-7").unwrap());
        options.properties.topic_alias_maximum = Some(2);
        Device::new(options, bench.now)
    };
    bench.connect(ConnAckProperties::default(), false);
    let topic_of = |bench: &mut Bench, publish| {
        let outputs = bench.packet(Packet::Publish(publish));
        match outputs.into_iter().next() {
            Some(Output::Received(publish)) => Ok(publish.topic.as_str().to_owned()),
            Some(Output::Send(Packet::Disconnect(disconnect))) => Err(disconnect.reason),
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(topic_of(&mut bench, aliased("a", 1)).unwrap(), "a");
    assert_eq!(topic_of(&mut bench, aliased("b", 2)).unwrap(), "b");
    assert_eq!(topic_of(&mut bench, aliased("", 1)).unwrap(), "a");
    assert_eq!(topic_of(&mut bench, aliased("c", 1)).unwrap(), "c");
    assert_eq!(topic_of(&mut bench, aliased("", 1)).unwrap(), "c");
    let above = topic_of(&mut bench, aliased("d", 3));
    assert_eq!(above, Err(ReasonCode::TopicAliasInvalid));
    bench.input(Input::Closed);
    bench.connect(ConnAckProperties::default(), true);
    // [MQTT-3.3.2-7]
    let forgotten = topic_of(&mut bench, aliased("", 1));
    assert_eq!(forgotten, Err(ReasonCode::ProtocolError));
}
