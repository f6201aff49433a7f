//! The session, rule by rule. One file above 800 lines on purpose: every test is a few lines over the one bench at its top, and
//! a reader looks for a statement number, not for a file.

use std::num::{NonZeroU16, NonZeroU32};
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::*;
use crate::packet::{
    Ack, ClientId, ConnAck, Connect, Disconnect, Packet, PacketId, Publish, PublishProperties, QoS,
    SharedPublish, Subscribe, SubscribeProperties, Subscription, SubscriptionOptions, Unsubscribe,
    UnsubscribeProperties, Version, Will, WillProperties,
};
use crate::reason::ReasonCode;
use crate::topic::{Topic, TopicFilter, TopicLimits};

/// A session under test, its clock, and what it has asked for.
struct Bench {
    now: Instant,
    session: Session,
    wait: Option<Instant>,
}

impl Bench {
    #[expect(clippy::disallowed_methods, reason = "some instant to count from")]
    fn new(limits: Limits) -> Self {
        let now = Instant::now();
        let session = Session::new(Arc::new(limits), now);
        Self {
            now,
            session,
            wait: None,
        }
    }

    fn open(version: Version) -> Self {
        Self::open_with(Limits::default(), connect(version), None)
    }

    fn open_with(limits: Limits, connect: Connect, previous: Option<Box<Session>>) -> Self {
        let mut bench = Self::new(limits);
        bench.admit(connect, previous);
        assert!(bench.session.is_open());
        bench
    }

    fn admit(&mut self, connect: Connect, previous: Option<Box<Session>>) -> Vec<Output> {
        let asked = self.packet(Packet::Connect(Box::new(connect)));
        let [Output::Connect(connect)] = <[Output; 1]>::try_from(asked).unwrap() else {
            panic!("it asks whether the client may come in");
        };
        let assigned = connect
            .client_id
            .is_empty()
            .then(|| ClientId::new("made").unwrap());
        self.input(Input::Admit(Box::new(Admission {
            connect,
            assigned,
            previous,
        })))
    }

    fn input(&mut self, input: Input) -> Vec<Output> {
        self.session.handle(self.now, input);
        let mut outputs = Vec::new();
        loop {
            match self.session.poll() {
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

    /// Sends a PUBLISH that must be handed on, and returns its ticket.
    fn publish(&mut self, id: u16, qos: QoS) -> Ticket {
        match one(self.packet(Packet::Publish(publish(id, qos)))) {
            Output::Deliver(_, Some(ticket)) => ticket,
            other => panic!("{other:?} is not a publish handed on"),
        }
    }

    fn accept(&mut self, ticket: Ticket) -> Vec<Packet> {
        sent(self.input(Input::Accepted(ticket, ReasonCode::Success)))
    }
}

fn connect(version: Version) -> Connect {
    let mut connect = Connect::new(version, ClientId::new("meter-7").unwrap());
    connect.clean_start = false;
    connect.properties.session_expiry_interval = (version == Version::V5).then_some(600);
    connect
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

fn forward(payload: &'static str, qos: QoS) -> Input {
    let publish = Publish::new(Topic::new("brightness").unwrap(), payload);
    Input::Publish(Forward {
        publish: Arc::new(SharedPublish::new(publish).unwrap()),
        qos,
        retain: false,
        subscription_ids: Vec::new(),
        expires: None,
        packet_id: None,
        share: None,
    })
}

fn one<T: std::fmt::Debug>(all: Vec<T>) -> T {
    let [one] = <[T; 1]>::try_from(all).unwrap();
    one
}

/// The packets of these outputs, which must be nothing else.
fn sent(outputs: Vec<Output>) -> Vec<Packet> {
    let packet = |output| match output {
        Output::Send(packet) => packet,
        other => panic!("{other:?} is not a packet"),
    };
    outputs.into_iter().map(packet).collect()
}

/// The publishes of these outputs: payload, identifier, dup.
fn publishes(outputs: &[Output]) -> Vec<(String, u16, bool)> {
    let publish = |output: &Output| match output {
        Output::SendPublish(outgoing) => {
            let payload = String::from_utf8(outgoing.publish.publish().payload.to_vec()).unwrap();
            Some((
                payload,
                outgoing.packet_id.map_or(0, PacketId::get),
                outgoing.dup,
            ))
        }
        _ => None,
    };
    outputs.iter().filter_map(publish).collect()
}

fn is_closed(outputs: &[Output], reason: ReasonCode) -> bool {
    matches!(outputs.last(), Some(Output::Close(closed)) if *closed == reason)
}

fn disconnected(outputs: &[Output]) -> Option<ReasonCode> {
    outputs.iter().find_map(|output| match output {
        Output::Send(Packet::Disconnect(disconnect)) => Some(disconnect.reason),
        _ => None,
    })
}

fn connack(outputs: Vec<Output>) -> ConnAck {
    match outputs.into_iter().next() {
        Some(Output::Send(Packet::ConnAck(connack))) => *connack,
        other => panic!("{other:?} is not a CONNACK"),
    }
}

fn filter(text: &str) -> TopicFilter {
    TopicFilter::new(text).unwrap()
}

fn subscribe(packet_id: u16, filters: &[&str]) -> Packet {
    let subscriptions = filters.iter().map(|text| Subscription {
        filter: filter(text),
        options: SubscriptionOptions::with_qos(QoS::ExactlyOnce),
    });
    Packet::Subscribe(Subscribe {
        packet_id: id(packet_id),
        properties: SubscribeProperties::default(),
        subscriptions: subscriptions.collect(),
    })
}

#[test]
fn the_first_packet_must_be_connect() {
    // [MQTT-3.1.0-1]
    let mut bench = Bench::new(Limits::default());
    let outputs = bench.packet(Packet::PingReq);
    assert_eq!(outputs.len(), 1);
    assert!(is_closed(&outputs, ReasonCode::ProtocolError));
}

#[test]
fn a_second_connect_is_a_protocol_error() {
    // [MQTT-3.1.0-2]
    let mut bench = Bench::open(Version::V5);
    let outputs = bench.packet(Packet::Connect(Box::new(connect(Version::V5))));
    assert_eq!(disconnected(&outputs), Some(ReasonCode::ProtocolError));
    assert!(is_closed(&outputs, ReasonCode::ProtocolError));
}

#[test]
fn a_connection_without_connect_is_closed_after_the_timeout() {
    let mut bench = Bench::new(Limits::default());
    assert!(bench.input(Input::Tick).is_empty());
    bench.now = bench.wait.unwrap();
    assert!(is_closed(
        &bench.input(Input::Tick),
        ReasonCode::KeepAliveTimeout
    ));
}

#[test]
fn connack_tells_the_limits_and_the_identifier_the_server_made() {
    // [MQTT-3.2.2-16] [MQTT-3.2.2-21] [MQTT-3.2.2-9]
    let limits = Limits {
        keep_alive: Some(30),
        maximum_qos: QoS::AtLeastOnce,
        shared_subscriptions_available: false,
        ..Limits::default()
    };
    let mut bench = Bench::new(limits);
    let mut anonymous = Connect::new(Version::V5, ClientId::default());
    anonymous.keep_alive = 600;
    let connack = connack(bench.admit(anonymous, None));
    let properties = connack.properties;
    assert_eq!(
        properties.assigned_client_identifier.unwrap().as_str(),
        "made"
    );
    assert_eq!(properties.server_keep_alive, Some(30));
    assert_eq!(properties.maximum_qos, Some(QoS::AtLeastOnce));
    assert_eq!(properties.receive_maximum, NonZeroU16::new(256));
    assert_eq!(properties.topic_alias_maximum, Some(32));
    assert_eq!(properties.shared_subscription_available, Some(false));
    assert_eq!(properties.retain_available, None);
    assert_eq!(bench.session.client_id().as_str(), "made");
}

#[test]
fn a_refused_client_gets_a_connack_and_nothing_else() {
    // [MQTT-3.2.2-6] [MQTT-3.2.2-7]
    let mut bench = Bench::new(Limits::default());
    bench.packet(Packet::Connect(Box::new(connect(Version::V5))));
    let outputs = bench.input(Input::Refuse(ReasonCode::NotAuthorized));
    assert!(is_closed(&outputs, ReasonCode::NotAuthorized));
    assert_eq!(
        connack(outputs),
        ConnAck::new(false, ReasonCode::NotAuthorized)
    );
}

#[test]
fn a_protocol_of_an_unknown_level_is_answered() {
    // [MQTT-3.1.2-2]
    let mut bench = Bench::new(Limits::default());
    let reason = ReasonCode::UnsupportedProtocolVersion;
    assert_eq!(
        connack(bench.input(Input::Disconnect(reason))).reason,
        reason
    );
}

#[test]
fn silence_for_one_and_a_half_keep_alives_ends_the_connection() {
    // [MQTT-3.2.2-22]
    // [MQTT-3.1.2-22]
    let mut connect = connect(Version::V5);
    connect.keep_alive = 10;
    let mut bench = Bench::open_with(Limits::default(), connect, None);
    bench.now += Duration::from_secs(14);
    assert_eq!(sent(bench.packet(Packet::PingReq)), [Packet::PingResp]); // [MQTT-3.12.4-1]
    bench.now += Duration::from_secs(14);
    assert!(bench.input(Input::Tick).is_empty());
    bench.now += Duration::from_secs(1);
    let outputs = bench.input(Input::Tick);
    assert_eq!(disconnected(&outputs), Some(ReasonCode::KeepAliveTimeout));
}

#[test]
fn acks_leave_in_order_when_the_log_answers_out_of_order() {
    // [MQTT-2.2.1-5] [MQTT-3.3.4-1]
    // [MQTT-4.6.0-2] [MQTT-4.6.0-3] [MQTT-4.3.2-4] [MQTT-4.3.3-8]
    let mut bench = Bench::open(Version::V311);
    let first = bench.publish(10, QoS::AtLeastOnce);
    let second = bench.publish(4, QoS::ExactlyOnce);
    let third = bench.publish(7, QoS::AtLeastOnce);
    assert!(bench.accept(third).is_empty());
    assert!(bench.accept(second).is_empty());
    let acks = bench.accept(first);
    assert_eq!(
        acks,
        [
            Packet::PubAck(Ack::success(id(10))),
            Packet::PubRec(Ack::success(id(4))),
            Packet::PubAck(Ack::success(id(7))),
        ]
    );
}

#[test]
fn qos_0_is_handed_on_without_a_ticket() {
    let mut bench = Bench::open(Version::V311);
    let output = one(bench.packet(Packet::Publish(publish(0, QoS::AtMostOnce))));
    assert!(matches!(output, Output::Deliver(_, None)));
}

#[test]
fn a_repeated_qos_2_publish_is_answered_and_not_handed_on() {
    // [MQTT-4.3.3-10]
    let mut bench = Bench::open(Version::V5);
    let ticket = bench.publish(5, QoS::ExactlyOnce);
    bench.accept(ticket);
    let again = bench.packet(Packet::Publish(publish(5, QoS::ExactlyOnce)));
    assert_eq!(sent(again), [Packet::PubRec(Ack::success(id(5)))]);
}

#[test]
fn pubcomp_waits_until_the_release_is_durable_and_frees_the_identifier() {
    // [MQTT-4.3.3-11] [MQTT-4.3.3-12]
    let mut bench = Bench::open(Version::V5);
    let ticket = bench.publish(5, QoS::ExactlyOnce);
    bench.accept(ticket);
    let release = one(bench.packet(Packet::PubRel(Ack::success(id(5)))));
    assert!(matches!(release, Output::Release(released) if released == id(5)));
    let pubcomp = sent(bench.input(Input::Released(id(5))));
    assert_eq!(pubcomp, [Packet::PubComp(Ack::success(id(5)))]);
    bench.publish(5, QoS::ExactlyOnce);
}

#[test]
fn a_pubrel_nobody_knows_is_completed() {
    let mut bench = Bench::open(Version::V5);
    let pubcomp = sent(bench.packet(Packet::PubRel(Ack::success(id(9)))));
    let reason = ReasonCode::PacketIdentifierNotFound;
    assert_eq!(pubcomp, [Packet::PubComp(Ack::with_reason(id(9), reason))]);
}

#[test]
fn a_refused_publish_is_told_so_in_5_0_and_ends_a_3_1_1_connection() {
    // [MQTT3-3.3.5-2] [MQTT3-4.8.0-2]
    // [MQTT-4.3.3-9]
    let mut bench = Bench::open(Version::V5);
    let ticket = bench.publish(5, QoS::ExactlyOnce);
    let reason = ReasonCode::QuotaExceeded;
    let acks = sent(bench.input(Input::Accepted(ticket, reason)));
    assert_eq!(acks, [Packet::PubRec(Ack::with_reason(id(5), reason))]);
    bench.publish(5, QoS::ExactlyOnce);

    let mut bench = Bench::open(Version::V311);
    let ticket = bench.publish(5, QoS::AtLeastOnce);
    let outputs = bench.input(Input::Accepted(ticket, reason));
    assert_eq!(outputs.len(), 1);
    assert!(is_closed(&outputs, reason));
}

#[test]
fn more_publishes_than_receive_maximum_are_refused() {
    // [MQTT-3.3.4-7]
    let limits = Limits {
        receive_maximum: 2,
        ..Limits::default()
    };
    let mut bench = Bench::open_with(limits, connect(Version::V5), None);
    let first = bench.publish(1, QoS::AtLeastOnce);
    bench.publish(2, QoS::ExactlyOnce);
    assert!(!bench.session.reads());
    bench.accept(first);
    assert!(bench.session.reads());
    bench.publish(3, QoS::AtLeastOnce);
    let outputs = bench.packet(Packet::Publish(publish(4, QoS::AtLeastOnce)));
    assert_eq!(
        disconnected(&outputs),
        Some(ReasonCode::ReceiveMaximumExceeded)
    );
}

#[test]
fn an_answer_for_an_earlier_connection_is_not_sent_on_the_next() {
    let mut bench = Bench::open(Version::V5);
    let lost = bench.publish(1, QoS::AtLeastOnce);
    let kept = bench.publish(2, QoS::ExactlyOnce);
    let outputs = bench.input(Input::Closed);
    assert!(is_closed(&outputs, ReasonCode::Success));
    let previous = Box::new(bench.session);
    let mut bench = Bench::open_with(Limits::default(), connect(Version::V5), Some(previous));
    // The client repeats what was not acknowledged; QoS 2 is under way already.
    let again = bench.publish(1, QoS::AtLeastOnce);
    assert!(
        bench
            .packet(Packet::Publish(publish(2, QoS::ExactlyOnce)))
            .is_empty()
    );
    assert!(bench.accept(lost).is_empty());
    assert!(bench.accept(kept).is_empty());
    let acks = bench.accept(again);
    let expected = [
        Packet::PubAck(Ack::success(id(1))),
        Packet::PubRec(Ack::success(id(2))),
    ];
    assert_eq!(acks, expected);
}

#[test]
fn a_restored_session_knows_its_qos_2_identifiers() {
    // [MQTT-4.3.3-10]
    let bench = Bench::new(Limits::default());
    let restored = Restored {
        received: vec![id(8)],
        expiry: 600,
        ..Restored::default()
    };
    let previous = Session::restore(Arc::new(Limits::default()), restored, bench.now);
    let mut bench = Bench::new(Limits::default());
    let connack = connack(bench.admit(connect(Version::V311), Some(Box::new(previous))));
    assert!(connack.session_present); // [MQTT-3.2.2-3]
    let again = bench.packet(Packet::Publish(publish(8, QoS::ExactlyOnce)));
    assert_eq!(sent(again), [Packet::PubRec(Ack::success(id(8)))]);
}

#[test]
fn publishes_with_identifiers_from_outside_go_on_after_a_restart() {
    // [MQTT-4.4.0-1] [MQTT-4.3.3-6]
    let with_id = |payload, qos, packet_id| match forward(payload, qos) {
        Input::Publish(forward) => Forward {
            packet_id: Some(id(packet_id)),
            ..forward
        },
        other => panic!("{other:?} is not a publish"),
    };
    let restored = Restored {
        deliveries: vec![
            with_id("one", QoS::AtLeastOnce, 7),
            with_id("two", QoS::ExactlyOnce, 3),
        ],
        taken: vec![id(9)],
        expiry: 600,
        ..Restored::default()
    };
    let mut bench = Bench::new(Limits::default());
    let previous = Session::restore(Arc::new(Limits::default()), restored, bench.now);
    let outputs = bench.admit(connect(Version::V5), Some(Box::new(previous)));
    assert!(outputs.iter().any(|output| matches!(
        output,
        Output::Send(Packet::PubRel(ack)) if ack.packet_id == id(9)
    )));
    let again = [("one".to_owned(), 7, true), ("two".to_owned(), 3, true)];
    assert_eq!(publishes(&outputs), again);

    let acknowledged = one(bench.packet(Packet::PubAck(Ack::success(id(7)))));
    assert!(matches!(acknowledged, Output::Delivered(done) if done == id(7)));
    // The PUBREL waits until no later process can send the publish again.
    let taken = one(bench.packet(Packet::PubRec(Ack::success(id(3)))));
    assert!(matches!(taken, Output::Record(recorded) if recorded == id(3)));
    let released = sent(bench.input(Input::Recorded(id(3))));
    assert_eq!(released, [Packet::PubRel(Ack::success(id(3)))]);
    for packet_id in [3, 9] {
        let over = one(bench.packet(Packet::PubComp(Ack::success(id(packet_id)))));
        assert!(matches!(over, Output::Delivered(done) if done == id(packet_id)));
    }
    assert_eq!(bench.session.inflight(), 0);
}

#[test]
fn a_dropped_publish_gives_its_identifier_back() {
    let limits = Limits {
        queued: 1,
        overflow: Overflow::DropNewest,
        ..Limits::default()
    };
    let mut bench = Bench::new(limits);
    let mut given_back = Vec::new();
    bench.session.handle(bench.now, Input::Closed);
    for packet_id in 1..=4 {
        let Input::Publish(mut forward) = forward("late", QoS::AtLeastOnce) else {
            panic!("a publish");
        };
        forward.packet_id = Some(id(packet_id));
        given_back.extend(
            bench
                .input(Input::Publish(forward))
                .into_iter()
                .filter_map(|output| match output {
                    Output::Delivered(packet_id) => Some(packet_id),
                    _ => None,
                }),
        );
    }
    assert_eq!(given_back, [id(2), id(3), id(4)]);
}

#[test]
fn a_clean_start_forgets_the_session() {
    // [MQTT-3.1.4-4] [MQTT3-3.1.2-6]
    // [MQTT-3.1.2-4] [MQTT-3.2.2-2]
    let bench = Bench::new(Limits::default());
    let restored = Restored {
        received: vec![id(8)],
        expiry: 600,
        ..Restored::default()
    };
    let previous = Session::restore(Arc::new(Limits::default()), restored, bench.now);
    let mut clean = connect(Version::V311);
    clean.clean_start = true;
    let mut bench = Bench::new(Limits::default());
    assert!(!connack(bench.admit(clean, Some(Box::new(previous)))).session_present);
    assert_eq!(bench.session.expiry(), 0);
    bench.publish(8, QoS::ExactlyOnce);
}

#[test]
fn a_topic_alias_stands_for_its_topic_on_this_connection_only() {
    // [MQTT-3.3.2-7] [MQTT-3.3.2-8] [MQTT-3.3.2-9] [MQTT-3.3.2-12]
    let aliased = |topic: Topic, alias: u16| {
        let mut publish = Publish::new(topic, "4.3");
        publish.properties = Some(Box::new(PublishProperties {
            topic_alias: NonZeroU16::new(alias),
            ..PublishProperties::default()
        }));
        Packet::Publish(publish)
    };
    let mut bench = Bench::open(Version::V5);
    bench.packet(aliased(Topic::new("a/b").unwrap(), 3));
    match one(bench.packet(aliased(Topic::EMPTY, 3))) {
        Output::Deliver(publish, None) => assert_eq!(publish.topic.as_str(), "a/b"),
        other => panic!("{other:?} is not a publish handed on"),
    }
    let outputs = bench.packet(aliased(Topic::new("a/b").unwrap(), 33));
    assert_eq!(disconnected(&outputs), Some(ReasonCode::TopicAliasInvalid));
    let previous = Some(Box::new(bench.session));
    let mut bench = Bench::open_with(Limits::default(), connect(Version::V5), previous);
    let outputs = bench.packet(aliased(Topic::EMPTY, 3));
    assert_eq!(disconnected(&outputs), Some(ReasonCode::ProtocolError));
}

/// Topics of two levels and ten bytes at most.
fn narrow() -> Limits {
    Limits {
        topics: TopicLimits {
            max_length: 10,
            max_levels: 2,
        },
        ..Limits::default()
    }
}

fn publish_to(topic: &str, packet_id: u16, qos: QoS) -> Packet {
    let mut publish = publish(packet_id, qos);
    publish.topic = Topic::new(topic).unwrap();
    Packet::Publish(publish)
}

#[test]
fn a_topic_beyond_the_limits_is_refused_by_its_acknowledgement_in_5_0() {
    let mut bench = Bench::open_with(narrow(), connect(Version::V5), None);
    let refused = Ack::with_reason(id(1), ReasonCode::TopicNameInvalid);
    let answer = sent(bench.packet(publish_to("a/b/c", 1, QoS::AtLeastOnce)));
    assert_eq!(one(answer), Packet::PubAck(refused.clone()));
    let answer = sent(bench.packet(publish_to("elevenbytes", 1, QoS::ExactlyOnce)));
    assert_eq!(one(answer), Packet::PubRec(refused));
    // The identifier is free again, and the connection lives.
    let ticket = match one(bench.packet(publish_to("a/b", 1, QoS::ExactlyOnce))) {
        Output::Deliver(_, Some(ticket)) => ticket,
        other => panic!("{other:?}"),
    };
    assert_eq!(bench.accept(ticket).len(), 1);
}

#[test]
fn a_refusal_of_a_topic_keeps_its_place_among_the_acknowledgements() {
    let mut bench = Bench::open_with(narrow(), connect(Version::V5), None);
    let first = match one(bench.packet(publish_to("a", 1, QoS::AtLeastOnce))) {
        Output::Deliver(_, Some(ticket)) => ticket,
        other => panic!("{other:?}"),
    };
    assert!(
        bench
            .packet(publish_to("a/b/c", 2, QoS::AtLeastOnce))
            .is_empty()
    );
    assert_eq!(bench.accept(first).len(), 2);
}

#[test]
fn a_topic_beyond_the_limits_ends_a_connection_that_cannot_be_told_otherwise() {
    let reason = ReasonCode::TopicNameInvalid;
    let mut old = Bench::open_with(narrow(), connect(Version::V311), None);
    assert!(is_closed(
        &old.packet(publish_to("a/b/c", 1, QoS::AtLeastOnce)),
        reason
    ));
    let mut bench = Bench::open_with(narrow(), connect(Version::V5), None);
    let outputs = bench.packet(publish_to("a/b/c", 0, QoS::AtMostOnce));
    assert_eq!(disconnected(&outputs), Some(reason));
    let mut bench = Bench::open_with(narrow(), connect(Version::V5), None);
    let Packet::Publish(mut aliased) = publish_to("a/b/c", 1, QoS::AtLeastOnce) else {
        panic!("a PUBLISH");
    };
    aliased.properties = Some(Box::new(PublishProperties {
        topic_alias: NonZeroU16::new(1),
        ..PublishProperties::default()
    }));
    let outputs = bench.packet(Packet::Publish(aliased));
    assert_eq!(disconnected(&outputs), Some(reason));
}

#[test]
fn a_will_beyond_the_limits_keeps_its_client_out() {
    for version in [Version::V5, Version::V311] {
        let mut connect = connect_with_will(version);
        connect.will.as_mut().unwrap().topic = Topic::new("a/b/c").unwrap();
        let outputs = Bench::new(narrow()).packet(Packet::Connect(Box::new(connect)));
        assert!(is_closed(&outputs, ReasonCode::TopicNameInvalid));
        // 3.1.1 has no code for this [MQTT3-3.2.2-6].
        let told = usize::from(version == Version::V5);
        assert_eq!(outputs.len(), told + 1);
    }
}

#[test]
fn a_filter_beyond_the_limits_is_refused_beside_one_that_is_not() {
    for (version, code) in [
        (Version::V5, ReasonCode::TopicFilterInvalid),
        (Version::V311, ReasonCode::UnspecifiedError),
    ] {
        let mut bench = Bench::open_with(narrow(), connect(version), None);
        let asked = bench.packet(subscribe(7, &["a/+/#", "a/#"]));
        let Output::Subscribe(request) = one(asked) else {
            panic!("one filter is asked for");
        };
        assert_eq!(request.subscriptions.len(), 1);
        let granted = vec![ReasonCode::Success];
        let Packet::SubAck(suback) = one(sent(bench.input(Input::Subscribed(id(7), granted))))
        else {
            panic!("a SUBACK");
        };
        assert_eq!(suback.reasons, [code, ReasonCode::Success]);
    }
}

#[test]
fn suback_joins_what_the_session_and_the_index_say() {
    // [MQTT-2.2.1-6] [MQTT-3.8.4-2] [MQTT-3.9.3-1] [MQTT-3.2.2-10]
    // [MQTT-3.8.4-1] [MQTT-3.8.4-5] [MQTT-3.8.4-6] [MQTT-3.8.4-7]
    let limits = Limits {
        wildcards_available: false,
        maximum_qos: QoS::AtLeastOnce,
        ..Limits::default()
    };
    let mut bench = Bench::open_with(limits, connect(Version::V5), None);
    let Output::Subscribe(request) = one(bench.packet(subscribe(3, &["a", "b/#", "c"]))) else {
        panic!("it asks the index");
    };
    assert_eq!(request.subscriptions.len(), 2);
    assert_eq!(request.subscriptions[0].options.qos, QoS::AtLeastOnce);
    let codes = vec![ReasonCode::NotAuthorized, ReasonCode::GrantedQoS1];
    let Packet::SubAck(suback) = one(sent(bench.input(Input::Subscribed(id(3), codes)))) else {
        panic!("it answers");
    };
    let expected = [
        ReasonCode::NotAuthorized,
        ReasonCode::WildcardSubscriptionsNotSupported,
        ReasonCode::GrantedQoS1,
    ];
    assert_eq!(suback.reasons, expected);
    assert_eq!(bench.session.subscriptions().len(), 1);
    assert_eq!(bench.session.subscriptions()[0].filter, filter("c"));
}

#[test]
fn a_subscription_to_the_same_filter_replaces_the_old_one() {
    // [MQTT-3.8.4-3]
    let mut bench = Bench::open(Version::V5);
    for (packet_id, replaces) in [(1, false), (2, true)] {
        let Output::Subscribe(request) = one(bench.packet(subscribe(packet_id, &["a"]))) else {
            panic!("it asks the index");
        };
        assert_eq!(request.subscriptions[0].replaces, replaces);
        bench.input(Input::Subscribed(
            id(packet_id),
            vec![ReasonCode::GrantedQoS2],
        ));
    }
    assert_eq!(bench.session.subscriptions().len(), 1);
}

#[test]
fn a_session_has_a_limit_on_subscriptions() {
    let limits = Limits {
        subscriptions: 1,
        ..Limits::default()
    };
    let mut bench = Bench::open_with(limits, connect(Version::V311), None);
    bench.packet(subscribe(1, &["a", "b"]));
    let granted = vec![ReasonCode::GrantedQoS2];
    let Packet::SubAck(suback) = one(sent(bench.input(Input::Subscribed(id(1), granted)))) else {
        panic!("it answers");
    };
    assert_eq!(
        suback.reasons,
        [ReasonCode::GrantedQoS2, ReasonCode::UnspecifiedError]
    );
}

#[test]
fn no_local_on_a_shared_subscription_is_a_protocol_error() {
    // [MQTT-3.8.3-4]
    let mut bench = Bench::open(Version::V5);
    let Packet::Subscribe(mut packet) = subscribe(1, &["$share/g/a"]) else {
        unreachable!()
    };
    packet.subscriptions[0].options.no_local = true;
    let outputs = bench.packet(Packet::Subscribe(packet));
    assert_eq!(disconnected(&outputs), Some(ReasonCode::ProtocolError));
}

#[test]
fn unsuback_says_which_subscriptions_existed() {
    // [MQTT-2.2.1-6] [MQTT-3.10.4-1] [MQTT-3.10.4-6] [MQTT-3.11.3-1]
    // [MQTT-3.10.4-4] [MQTT-3.10.4-5]
    let mut bench = Bench::open(Version::V5);
    bench.packet(subscribe(1, &["a"]));
    bench.input(Input::Subscribed(id(1), vec![ReasonCode::GrantedQoS2]));
    let unsubscribe = Packet::Unsubscribe(Unsubscribe {
        packet_id: id(2),
        properties: UnsubscribeProperties::default(),
        filters: vec![filter("x"), filter("a")],
    });
    let Output::Unsubscribe(request) = one(bench.packet(unsubscribe)) else {
        panic!("it asks the index");
    };
    assert_eq!(request.filters, [filter("a")]);
    let Packet::UnsubAck(unsuback) = one(sent(bench.input(Input::Unsubscribed(id(2))))) else {
        panic!("it answers");
    };
    assert_eq!(
        unsuback.reasons,
        [ReasonCode::NoSubscriptionExisted, ReasonCode::Success]
    );
    assert!(bench.session.subscriptions().is_empty());
}

#[test]
fn deliveries_keep_to_the_clients_receive_maximum() {
    // [MQTT-2.2.1-4] [MQTT-4.3.2-2] [MQTT-4.3.3-1] [MQTT-4.3.3-2] [MQTT-4.9.0-1] [MQTT-4.9.0-2]
    // [MQTT-3.3.4-9] [MQTT-4.3.2-1] [MQTT-4.3.3-4]
    let mut small = connect(Version::V5);
    small.properties.receive_maximum = NonZeroU16::new(2);
    let mut bench = Bench::open_with(Limits::default(), small, None);
    assert_eq!(
        publishes(&bench.input(forward("a", QoS::AtLeastOnce))),
        [("a".into(), 1, false)]
    );
    assert_eq!(
        publishes(&bench.input(forward("b", QoS::ExactlyOnce))),
        [("b".into(), 2, false)]
    );
    assert!(bench.input(forward("c", QoS::AtLeastOnce)).is_empty());
    let outputs = bench.packet(Packet::PubAck(Ack::success(id(1))));
    assert_eq!(publishes(&outputs), [("c".into(), 3, false)]);
    assert!(bench.input(forward("d", QoS::AtLeastOnce)).is_empty());
    let pubrel = sent(bench.packet(Packet::PubRec(Ack::success(id(2)))));
    assert_eq!(pubrel, [Packet::PubRel(Ack::success(id(2)))]);
    let outputs = bench.packet(Packet::PubComp(Ack::success(id(2))));
    assert_eq!(publishes(&outputs), [("d".into(), 4, false)]);
}

#[test]
fn what_was_not_acknowledged_goes_again_in_order_after_a_reconnect() {
    // [MQTT-4.3.2-3] [MQTT-4.3.3-3] [MQTT-4.3.3-5]
    // [MQTT-4.4.0-1] [MQTT-4.6.0-1] [MQTT-4.6.0-4] [MQTT-3.3.1-1]
    let mut bench = Bench::open(Version::V5);
    bench.input(forward("a", QoS::ExactlyOnce));
    bench.input(forward("b", QoS::AtLeastOnce));
    bench.input(forward("c", QoS::ExactlyOnce));
    bench.packet(Packet::PubRec(Ack::success(id(1))));
    bench.input(Input::Closed);
    bench.input(forward("d", QoS::AtLeastOnce));
    bench.input(forward("lost", QoS::AtMostOnce));
    assert_eq!(bench.session.take_dropped().away, 1);
    let mut next = Bench::new(Limits::default());
    let outputs = next.admit(connect(Version::V5), Some(Box::new(bench.session)));
    assert!(
        matches!(&outputs[0], Output::Send(Packet::ConnAck(connack)) if connack.session_present)
    );
    assert!(matches!(&outputs[1], Output::Send(Packet::PubRel(ack)) if ack.packet_id == id(1)));
    let expected = [
        ("b".into(), 2, true),
        ("c".into(), 3, true),
        ("d".into(), 4, false),
    ];
    assert_eq!(publishes(&outputs), expected);
}

#[test]
fn a_full_queue_drops_and_counts() {
    for (overflow, kept) in [
        (Overflow::DropNewest, ["b", "c"]),
        (Overflow::DropOldest, ["c", "d"]),
    ] {
        let limits = Limits {
            inflight: 1,
            queued: 2,
            overflow,
            ..Limits::default()
        };
        let mut bench = Bench::open_with(limits, connect(Version::V5), None);
        for payload in ["a", "b", "c", "d"] {
            bench.input(forward(payload, QoS::AtLeastOnce));
        }
        assert_eq!(bench.session.take_dropped().overflow, 1);
        for (packet_id, payload) in [1, 2].into_iter().zip(kept) {
            let outputs = bench.packet(Packet::PubAck(Ack::success(id(packet_id))));
            assert_eq!(
                publishes(&outputs),
                [(payload.into(), packet_id + 1, false)]
            );
        }
    }
}

#[test]
fn another_member_gets_what_was_not_sent_and_at_qos_1_what_was_not_acknowledged() {
    // [MQTT-4.8.2-4] [MQTT-4.8.2-5]
    let limits = Limits {
        inflight: 4,
        ..Limits::default()
    };
    let mut bench = Bench::open_with(limits, connect(Version::V5), None);
    let share = Arc::new(TopicFilter::new("$share/crew/brightness").unwrap());
    let all = [
        ("own", QoS::AtLeastOnce, false),
        ("one", QoS::AtLeastOnce, true),
        ("two", QoS::ExactlyOnce, true),
        ("kept", QoS::AtLeastOnce, true),
        ("two waits", QoS::ExactlyOnce, true),
        ("own waits", QoS::AtLeastOnce, false),
    ];
    for (payload, qos, is_shared) in all {
        let Input::Publish(forward) = forward(payload, qos) else {
            unreachable!()
        };
        let share = is_shared.then(|| Arc::clone(&share));
        bench.input(Input::Publish(Forward { share, ..forward }));
    }
    bench.input(Input::Closed);
    let payload =
        |forward: &Forward| String::from_utf8(forward.publish.publish().payload.to_vec()).unwrap();
    let passed = bench.session.pass_on(|forward| payload(forward) != "kept");
    let passed: Vec<_> = passed.iter().map(payload).collect();
    assert_eq!(passed, ["one", "two waits"]);
    assert_eq!(bench.session.undelivered(), 4);
    // The client is back: what stayed comes again, with its identifier, and what waited after it.
    let mut back = Bench::new(Limits::default());
    let outputs = back.admit(connect(Version::V5), Some(Box::new(bench.session)));
    let expected = [
        ("own".into(), 1, true),
        ("two".into(), 3, true),
        ("kept".into(), 4, true),
        ("own waits".into(), 5, false),
    ];
    assert_eq!(publishes(&outputs), expected);
}

#[test]
fn publishes_wait_while_the_socket_takes_no_more() {
    let mut bench = Bench::open(Version::V5);
    bench.input(Input::Writable(false));
    assert!(bench.input(forward("a", QoS::AtMostOnce)).is_empty());
    assert_eq!(
        publishes(&bench.input(Input::Writable(true))),
        [("a".into(), 0, false)]
    );
}

#[test]
fn a_publish_larger_than_the_client_takes_is_dropped_and_counted() {
    // [MQTT-3.1.2-24] [MQTT-3.1.2-25]
    let mut small = connect(Version::V5);
    small.properties.maximum_packet_size = NonZeroU32::new(20);
    let mut bench = Bench::open_with(Limits::default(), small, None);
    assert!(
        bench
            .input(forward("0123456789", QoS::AtLeastOnce))
            .is_empty()
    );
    assert_eq!(bench.session.take_dropped().too_large, 1);
    assert_eq!(bench.session.inflight(), 0);
    assert_eq!(
        publishes(&bench.input(forward("a", QoS::AtLeastOnce))).len(),
        1
    );
}

#[test]
fn a_publish_that_waited_too_long_is_dropped_and_one_in_time_says_what_is_left() {
    // [MQTT-3.3.2-5] [MQTT-3.3.2-6]
    let mut bench = Bench::open(Version::V5);
    bench.input(Input::Writable(false));
    for seconds in [5, 60] {
        let Input::Publish(mut forward) = forward("a", QoS::AtLeastOnce) else {
            unreachable!()
        };
        forward.expires = Some(bench.now + Duration::from_secs(seconds));
        bench.input(Input::Publish(forward));
    }
    bench.now += Duration::from_secs(20);
    let outputs = bench.input(Input::Writable(true));
    assert!(matches!(&outputs[..], [Output::SendPublish(outgoing)] if outgoing.expiry == Some(40)));
    assert_eq!(bench.session.take_dropped().expired, 1);
}

fn connect_with_will(version: Version) -> Connect {
    let mut connect = connect(version);
    connect.will = Some(Will {
        qos: QoS::AtLeastOnce,
        retain: false,
        topic: Topic::new("gone").unwrap(),
        payload: "meter-7".into(),
        properties: WillProperties {
            will_delay_interval: Some(3600),
            ..WillProperties::default()
        },
    });
    connect
}

#[test]
fn a_lost_connection_publishes_the_will_no_later_than_the_session_ends() {
    // [MQTT-3.1.2-7]
    // [MQTT-3.1.2-8]
    let mut bench = Bench::open_with(Limits::default(), connect_with_will(Version::V5), None);
    let outputs = bench.input(Input::Closed);
    let Output::Will(publish, delay) = &outputs[0] else {
        panic!("the will comes first")
    };
    assert_eq!(
        (publish.topic.as_str(), publish.qos),
        ("gone", QoS::AtLeastOnce)
    );
    assert_eq!(*delay, Duration::from_mins(10));
    assert!(bench.input(Input::Closed).is_empty());
}

#[test]
fn a_will_beyond_what_the_server_does_keeps_its_client_out() {
    // [MQTT-3.2.2-12] [MQTT-3.2.2-13]
    let limits = Limits {
        maximum_qos: QoS::AtMostOnce,
        retain_available: false,
        ..Limits::default()
    };
    for version in [Version::V311, Version::V5] {
        for (qos, retain, reason) in [
            (QoS::AtLeastOnce, false, ReasonCode::QoSNotSupported),
            (QoS::AtMostOnce, true, ReasonCode::RetainNotSupported),
        ] {
            let mut connect = connect_with_will(version);
            let will = connect.will.as_mut().unwrap();
            (will.qos, will.retain) = (qos, retain);
            let mut bench = Bench::new(limits.clone());
            let outputs = bench.packet(Packet::Connect(Box::new(connect)));
            if retain && version == Version::V311 {
                // Nobody could have told it; what it leaves is published, and not retained.
                assert!(matches!(&outputs[..], [Output::Connect(_), ..]));
                continue;
            }
            assert!(is_closed(&outputs, reason));
            if version == Version::V5 {
                assert_eq!(connack(outputs).reason, reason);
            }
        }
    }
}

#[test]
fn a_goodbye_drops_the_will_unless_it_says_otherwise() {
    // [MQTT-3.14.4-3] [MQTT-3.1.2-10]
    for (reason, wills) in [
        (ReasonCode::Success, 0),
        (ReasonCode::DisconnectWithWill, 1),
    ] {
        let mut bench = Bench::open_with(Limits::default(), connect_with_will(Version::V5), None);
        let outputs = bench.packet(Packet::Disconnect(Disconnect::new(reason)));
        let count = outputs
            .iter()
            .filter(|output| matches!(output, Output::Will(..)))
            .count();
        assert_eq!(count, wills);
        assert!(is_closed(&outputs, reason));
    }
}

#[test]
fn flows_of_an_earlier_connection_count_against_the_receive_maximum() {
    let mut small = connect(Version::V5);
    small.properties.receive_maximum = NonZeroU16::new(1);
    let mut bench = Bench::open(Version::V5);
    bench.input(forward("a", QoS::ExactlyOnce));
    bench.input(forward("b", QoS::ExactlyOnce));
    bench.packet(Packet::PubRec(Ack::success(id(1))));
    bench.packet(Packet::PubRec(Ack::success(id(2))));
    bench.input(Input::Closed);
    bench.input(forward("c", QoS::AtLeastOnce));
    let mut next = Bench::new(Limits::default());
    assert!(publishes(&next.admit(small, Some(Box::new(bench.session)))).is_empty());
    assert!(next.packet(Packet::PubComp(Ack::success(id(1)))).is_empty());
    let outputs = next.packet(Packet::PubComp(Ack::success(id(2))));
    assert_eq!(publishes(&outputs), [("c".into(), 3, false)]);
}

#[test]
fn a_client_that_counts_only_this_connection_is_not_refused() {
    let limits = Limits {
        receive_maximum: 1,
        ..Limits::default()
    };
    let mut bench = Bench::open_with(limits.clone(), connect(Version::V5), None);
    let ticket = bench.publish(1, QoS::ExactlyOnce);
    bench.accept(ticket);
    bench.input(Input::Closed);
    let previous = Some(Box::new(bench.session));
    let mut bench = Bench::open_with(limits, connect(Version::V5), previous);
    bench.packet(Packet::PubRel(Ack::success(id(1))));
    bench.input(Input::Released(id(1)));
    bench.publish(2, QoS::AtLeastOnce);
    bench.publish(3, QoS::AtLeastOnce);
    let outputs = bench.packet(Packet::Publish(publish(4, QoS::AtLeastOnce)));
    assert_eq!(
        disconnected(&outputs),
        Some(ReasonCode::ReceiveMaximumExceeded)
    );
}

#[test]
fn an_idle_session_is_small() {
    assert!(
        size_of::<Session>() <= 480,
        "{} bytes",
        size_of::<Session>()
    );
}
