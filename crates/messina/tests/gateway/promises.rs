//! What the gateway promises devices, and what it does to those who break the rules.

use std::num::NonZeroU16;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bytes::BytesMut;
use messina::gateway::connection::Connection;
use messina::telemetry::metrics::GatewayMetrics;
use messina_mqtt::packet::{
    Ack, ClientId, Codec, Connect, Packet, QoS, Version, Will, WillProperties,
};
use messina_mqtt::reason::ReasonCode;
use messina_mqtt::topic::Topic;
use messina_store::disk::{CrashKeeps, SimDisk};
use messina_store::log::{Log, LogOptions};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use super::bench::*;

#[tokio::test]
async fn a_malformed_packet_ends_its_own_connection_and_no_other() {
    // [MQTT-4.13.1-1] [MQTT-4.13.2-1]
    let dir = tempfile::tempdir().unwrap();
    let bench = Bench::in_dir(dir.path()).await;
    let mut neighbour = bench.client(connect("good")).await;
    let mut wrong = bench.client(connect("bad")).await;
    // A PUBLISH of QoS 3 [MQTT-3.3.1-4].
    wrong.raw(&[0x36, 5, 0, 1, b'a', 0, 1]).await;
    wrong.is_told_to_go(ReasonCode::MalformedPacket).await;
    // Reserved flags of SUBSCRIBE [MQTT-3.8.1-1].
    let mut wrong = bench.client(connect("bad")).await;
    wrong.raw(&[0x80, 0]).await;
    wrong.is_told_to_go(ReasonCode::MalformedPacket).await;
    let mut old = bench
        .client(Connect::new(Version::V311, ClientId::new("old").unwrap()))
        .await;
    old.raw(&[0xf0, 0]).await;
    assert!(old.receive().await.is_none());
    assert_eq!(neighbour.publish("21.5", 1).await, ReasonCode::Success);
    assert_eq!(bench.records(), ["21.5"]);
}

#[tokio::test]
async fn what_was_acknowledged_is_there_after_a_crash() {
    let disk = SimDisk::new();
    let options = |disk: &SimDisk| LogOptions {
        disk: Arc::new(disk.clone()),
        wal_bytes: 1 << 20,
        segment_bytes: 1 << 20,
        ..LogOptions::default()
    };
    let dir = Path::new("/log");
    let bench = Bench::open(Log::open(dir, options(&disk)).unwrap(), "").await;
    let mut device = bench.client(lasting("meter")).await;
    for number in 1..=20_u16 {
        let qos = if number % 2 == 0 {
            QoS::AtLeastOnce
        } else {
            QoS::ExactlyOnce
        };
        device.send(publish(&number.to_string(), qos, number)).await;
        let ack = match device.next().await {
            Packet::PubAck(ack) | Packet::PubRec(ack) => ack,
            other => panic!("{other:?} acknowledges nothing"),
        };
        assert_eq!(ack, Ack::success(id(number)));
        let crashed = disk.after_crash(CrashKeeps::Synced);
        let log = Log::open(dir, options(&crashed)).unwrap();
        assert_eq!(payloads(&log).len(), usize::from(number));
        log.close().unwrap();
    }
}

#[tokio::test]
async fn a_qos_2_identifier_is_known_after_a_restart_and_its_publish_kept_once() {
    let dir = tempfile::tempdir().unwrap();
    let bench = Bench::in_dir(dir.path()).await;
    let mut device = bench.client(lasting("meter")).await;
    device.send(publish("once", QoS::ExactlyOnce, 7)).await;
    assert_eq!(device.next().await, Packet::PubRec(Ack::success(id(7))));
    // The process is gone before the PUBREL.
    device.served.abort();
    assert!(device.served.await.unwrap_err().is_cancelled());
    bench.log.close().unwrap();
    drop(bench);

    let bench = Bench::in_dir(dir.path()).await;
    let mut device = bench.dial(Version::V5, 1 << 16);
    assert!(device.connect(lasting("meter")).await.session_present);
    let Packet::Publish(mut again) = publish("once", QoS::ExactlyOnce, 7) else {
        panic!("a PUBLISH");
    };
    again.dup = true;
    device.send(Packet::Publish(again)).await;
    assert_eq!(device.next().await, Packet::PubRec(Ack::success(id(7))));
    device.send(Packet::PubRel(Ack::success(id(7)))).await;
    assert_eq!(device.next().await, Packet::PubComp(Ack::success(id(7))));
    assert_eq!(bench.records(), ["once"]);
    // Released, the identifier is free for another publish.
    device.send(publish("twice", QoS::ExactlyOnce, 7)).await;
    assert_eq!(device.next().await, Packet::PubRec(Ack::success(id(7))));
    assert_eq!(bench.records(), ["once", "twice"]);
}

#[tokio::test]
async fn a_second_connection_takes_the_session_over() {
    // [MQTT-3.1.4-3] [MQTT-3.1.3-2]
    let dir = tempfile::tempdir().unwrap();
    let bench = Bench::in_dir(dir.path()).await;
    let mut first = bench.client(lasting("meter")).await;
    let mut second = bench.dial(Version::V5, 1 << 16);
    let connack = second.connect(lasting("meter")).await;
    assert!(connack.session_present);
    first.is_told_to_go(ReasonCode::SessionTakenOver).await;
    assert_eq!(second.publish("mine", 1).await, ReasonCode::Success);
    assert_eq!(bench.gateway.sessions.count(), (1, 0));
}

#[tokio::test]
async fn a_full_queue_of_the_log_holds_publishers_back_and_loses_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let bench = Bench::in_dir(dir.path()).await;
    let mut device = bench.client(connect("meter")).await;
    assert_eq!(device.publish("0", 1).await, ReasonCode::Success);
    let everything = bench.log.reserve(QUEUE).await;
    for number in 1..=50_u16 {
        device
            .send(publish(&number.to_string(), QoS::AtLeastOnce, number))
            .await;
    }
    assert!(device.hears_nothing().await);
    assert_eq!(bench.accepted(), 1);
    drop(everything);
    for number in 1..=50 {
        assert_eq!(
            device.next().await,
            Packet::PubAck(Ack::success(id(number)))
        );
    }
    let expected: Vec<String> = (0..=50).map(|number| number.to_string()).collect();
    assert_eq!(bench.records(), expected);
    assert_eq!(bench.accepted(), 51);
}

#[tokio::test]
async fn a_record_the_log_cannot_hold_is_refused_and_counted() {
    let dir = tempfile::tempdir().unwrap();
    let settings = "gateway.limits.max_packet_size = \"4MiB\"";
    let bench = Bench::open(open_log(dir.path()), settings).await;
    let large = "x".repeat(2 << 20);
    let mut device = bench.client(connect("meter")).await;
    assert_eq!(device.publish(&large, 1).await, ReasonCode::QuotaExceeded);
    assert_eq!(device.publish("small", 2).await, ReasonCode::Success);
    let books = bench.metrics.route("all");
    assert_eq!((books.refused.get(), books.accepted.get()), (1, 1));
    // 3.1.1 has no refusal: its connection ends unanswered.
    let mut old = bench
        .client(Connect::new(Version::V311, ClientId::new("old").unwrap()))
        .await;
    old.send(publish(&large, QoS::AtLeastOnce, 1)).await;
    assert!(old.receive().await.is_none());
    assert_eq!(bench.records(), ["small"]);
}

#[tokio::test]
async fn a_packet_larger_than_was_announced_ends_its_connection() {
    let dir = tempfile::tempdir().unwrap();
    let bench = Bench::in_dir(dir.path()).await;
    let mut device = bench.client(connect("meter")).await;
    // The header alone announces 2 MiB; nothing of it has to come.
    device.raw(&[0x32, 0x80, 0x80, 0x80, 0x01]).await;
    device.is_told_to_go(ReasonCode::PacketTooLarge).await;
}

#[tokio::test]
async fn a_slow_subscriber_costs_what_the_limits_say_and_its_losses_are_counted() {
    const SENT: u16 = 600;
    let dir = tempfile::tempdir().unwrap();
    let settings = "[gateway]\nlimits.max_outgoing_bytes = \"4KiB\"\n\
                    session.max_queued_messages = 10\n";
    let bench = Bench::open(open_log(dir.path()), settings).await;
    let mut slow = bench.dial(Version::V5, 256);
    slow.connect(connect("slow")).await;
    slow.subscribe(QoS::AtMostOnce).await;
    let mut device = bench.client(connect("meter")).await;
    let payload = "x".repeat(100);
    for number in 1..=SENT {
        assert_eq!(device.publish(&payload, number).await, ReasonCode::Success);
    }
    let by_reason = &bench.metrics.gateway.dropped_deliveries;
    let full = GatewayMetrics::counter(by_reason, "reason", "queue_full");
    let lost = full.get();
    assert!(lost > u64::from(SENT) / 2, "{lost}");
    // What was not lost is still to be had, and the books agree.
    for _ in lost..u64::from(SENT) {
        assert!(matches!(slow.next().await, Packet::Publish(_)));
    }
    assert!(slow.hears_nothing().await);
    assert_eq!(full.get(), lost);
    assert_eq!(bench.records().len(), usize::from(SENT));
}

#[tokio::test]
async fn a_will_is_published_when_a_connection_breaks_and_not_after_a_goodbye() {
    let dir = tempfile::tempdir().unwrap();
    let bench = Bench::in_dir(dir.path()).await;
    let mut witness = bench.client(connect("witness")).await;
    witness.subscribe(QoS::AtMostOnce).await;
    let with_will = || {
        let mut connect = connect("meter");
        connect.will = Some(Will {
            qos: QoS::AtLeastOnce,
            retain: false,
            topic: Topic::new("status/meter").unwrap(),
            payload: "gone".into(),
            properties: WillProperties::default(),
        });
        connect
    };
    let mut polite = bench.client(with_will()).await;
    polite
        .send(Packet::Disconnect(messina_mqtt::packet::Disconnect::new(
            ReasonCode::Success,
        )))
        .await;
    polite.cut().await;
    assert_eq!(bench.records(), [""; 0]);
    bench.client(with_will()).await.cut().await;
    match witness.next().await {
        Packet::Publish(will) => assert_eq!(will.payload, "gone"),
        other => panic!("{other:?} is not the will"),
    }
    assert_eq!(bench.records(), ["gone"]);
}

#[tokio::test]
async fn a_silent_peer_is_ended_after_one_and_a_half_keep_alives() {
    let dir = tempfile::tempdir().unwrap();
    let bench = Bench::in_dir(dir.path()).await;
    let mut asked = connect("meter");
    asked.keep_alive = 1;
    let mut silent = bench.client(asked).await;
    silent.is_told_to_go(ReasonCode::KeepAliveTimeout).await;
}

#[tokio::test]
async fn topics_beyond_the_limits_and_messinas_own_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let route = "[[route]]\nname = \"each\"\nfilter = \"to/+\"\ntopic = \"$1\"\n";
    let bench = Bench::open(open_log(dir.path()), route).await;
    let mut device = bench.client(connect("meter")).await;
    for topic in ["to/__messina_sessions", &"a/".repeat(40)] {
        let Packet::Publish(mut own) = publish("forged", QoS::AtLeastOnce, 1) else {
            panic!("a PUBLISH");
        };
        own.topic = Topic::new(topic).unwrap();
        device.send(Packet::Publish(own)).await;
        let refused = Ack::with_reason(id(1), ReasonCode::TopicNameInvalid);
        assert_eq!(device.next().await, Packet::PubAck(refused));
    }
    assert_eq!(bench.metrics.route("each").refused.get(), 1);
    let sessions = bench.log.read_compacted("__messina_sessions").unwrap();
    assert!(sessions.is_empty());
}

#[tokio::test]
async fn the_books_of_many_devices_agree_with_the_log() {
    let dir = tempfile::tempdir().unwrap();
    let bench = Bench::in_dir(dir.path()).await;
    let mut devices = Vec::new();
    for number in 0..8_u16 {
        let mut device = bench.client(connect(&format!("meter-{number}"))).await;
        devices.push(tokio::spawn(async move {
            for packet_id in 1..=50 {
                device
                    .send(publish("21.5", QoS::AtLeastOnce, packet_id))
                    .await;
            }
            // The last device goes without waiting for a single acknowledgement.
            if number < 7 {
                for _ in 1..=50 {
                    assert!(matches!(device.next().await, Packet::PubAck(_)));
                }
            }
            device.cut().await;
        }));
    }
    for device in devices {
        device.await.unwrap();
    }
    let books = bench.metrics.route("all");
    assert_eq!(books.in_flight.get(), 0);
    assert_eq!(books.refused.get(), 0);
    assert_eq!(bench.records().len() as u64, books.accepted.get());
    assert!(books.accepted.get() >= 7 * 50);
}

#[tokio::test]
async fn a_subscription_is_in_force_for_what_its_client_publishes_next() {
    let machine = Machine::new("").await;
    for own in [connect("short"), lasting("long")] {
        let mut device = machine.bench.client(own).await;
        let mut both = BytesMut::new();
        let subscribe = Packet::Subscribe(subscribe_all(QoS::AtMostOnce));
        device.codec.encode(&subscribe, &mut both).unwrap();
        let own = publish("mine", QoS::AtMostOnce, 0);
        device.codec.encode(&own, &mut both).unwrap();
        device.raw(&both).await;
        assert!(matches!(device.next().await, Packet::SubAck(_)));
        match device.next().await {
            Packet::Publish(own) => assert_eq!(own.payload, "mine"),
            other => panic!("{other:?} is not the publish"),
        }
        device.cut().await;
    }
}

#[tokio::test]
async fn a_client_that_takes_topic_aliases_gets_them() {
    // [MQTT-3.3.2-11]
    // [MQTT-3.1.2-26] [MQTT-3.1.2-27]
    let dir = tempfile::tempdir().unwrap();
    let bench = Bench::in_dir(dir.path()).await;
    let mut own = connect("display");
    own.properties.topic_alias_maximum = Some(1);
    let mut display = bench.client(own).await;
    display.subscribe(QoS::AtMostOnce).await;
    let mut sender = bench.client(connect("meter")).await;
    let mut topics = Vec::new();
    for topic in ["room/1", "room/1", "room/2", "room/1"] {
        let Packet::Publish(mut reading) = publish("21.5", QoS::AtMostOnce, 0) else {
            panic!("a PUBLISH");
        };
        reading.topic = Topic::new(topic).unwrap();
        sender.send(Packet::Publish(reading)).await;
        match display.next().await {
            Packet::Publish(got) => {
                let alias = got.properties.and_then(|own| own.topic_alias);
                topics.push((got.topic.as_str().to_owned(), alias));
            }
            other => panic!("{other:?} is not a PUBLISH"),
        }
    }
    let got = |topic: &str, alias| (topic.to_owned(), Option::and_then(alias, NonZeroU16::new));
    assert_eq!(
        topics,
        [
            got("room/1", Some(1)),
            got("", Some(1)),
            got("room/2", None),
            got("", Some(1))
        ]
    );
}

#[tokio::test]
async fn a_peer_that_is_still_sending_reads_why_it_is_closed() {
    let dir = tempfile::tempdir().unwrap();
    let bench = Bench::in_dir(dir.path()).await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut peer = TcpStream::connect(listener.local_addr().unwrap())
        .await
        .unwrap();
    let (stream, address) = listener.accept().await.unwrap();
    let mut served =
        tokio::spawn(Connection::new(Arc::clone(&bench.gateway), stream, address.into()).serve());
    let codec = Codec::device(Version::V5, 1 << 20);
    let mut bytes = BytesMut::new();
    let own = Packet::Connect(Box::new(connect("babbler")));
    codec.encode(&own, &mut bytes).unwrap();
    bytes.resize(256 * 1024, 0);
    peer.write_all(&bytes).await.unwrap();
    // Were the socket closed by now, with bytes unread, the peer would find a reset.
    let closed = tokio::time::timeout(Duration::from_millis(100), &mut served).await;
    assert!(closed.is_err());
    peer.write_all(b"more").await.unwrap();
    let mut answers = Vec::new();
    peer.read_to_end(&mut answers).await.unwrap();
    let malformed = ReasonCode::MalformedPacket as u8;
    assert!(
        answers.ends_with(&[0xE0, 2, malformed, 0]) || answers.ends_with(&[0xE0, 1, malformed]),
        "{answers:?}"
    );
    drop(peer);
    served.await.unwrap();
}
