//! What the specifications say about CONNECT, CONNACK, DISCONNECT and sessions, in both versions.

use std::sync::Arc;
use std::time::Duration;

use messina_mqtt::packet::{
    Ack, ClientId, Connect, Disconnect, Packet, QoS, Version, Will, WillProperties,
};
use messina_mqtt::reason::ReasonCode;
use messina_mqtt::topic::Topic;
use tokio::io::AsyncReadExt as _;

use super::bench::{Bench, Client, Machine, PATIENCE, id, publish};

const BOTH: [Version; 2] = [Version::V311, Version::V5];

async fn bench() -> (tempfile::TempDir, Bench) {
    let dir = tempfile::tempdir().unwrap();
    let bench = Bench::in_dir(dir.path()).await;
    (dir, bench)
}

fn named(version: Version, name: &str) -> Connect {
    Connect::new(version, ClientId::new(name).unwrap())
}

/// A session that outlives its connection.
fn kept(version: Version, name: &str) -> Connect {
    let mut connect = named(version, name);
    connect.clean_start = false;
    connect.properties.session_expiry_interval = (version == Version::V5).then_some(600);
    connect
}

impl Client {
    /// All that comes until the connection is closed, as bytes.
    async fn last_words(mut self) -> Vec<u8> {
        let mut all = Vec::new();
        let read = tokio::time::timeout(PATIENCE, self.stream.read_to_end(&mut all));
        read.await.unwrap().unwrap();
        all
    }

    async fn pings(&mut self) {
        self.send(Packet::PingReq).await;
        assert_eq!(self.next().await, Packet::PingResp);
    }

    async fn publish_as(&mut self, payload: &str) -> Packet {
        self.send(publish(payload, QoS::AtLeastOnce, 1)).await;
        self.next().await
    }
}

#[tokio::test]
async fn a_connect_of_the_wrong_form_is_closed_without_a_word() {
    // [MQTT-3.1.4-1] [MQTT-3.14.0-1]
    let (_dir, bench) = bench().await;
    // Neither a name nor a level; then one whose reserved flag is set.
    for bytes in [
        &[0x10, 2, 0, 4][..],
        &[0x10, 12, 0, 4, b'M', b'Q', b'T', b'T', 5, 1, 0, 0, 0, 0],
    ] {
        let mut client = bench.dial(Version::V5, 1 << 16);
        client.raw(bytes).await;
        assert_eq!(client.last_words().await, [0_u8; 0]);
    }
}

#[tokio::test]
async fn another_level_of_the_protocol_is_told_so_and_closed() {
    // [MQTT3-3.1.2-2] [MQTT-3.1.2-2]
    let (_dir, bench) = bench().await;
    for (level, answer) in [(3, &[0x20, 2, 0, 1][..]), (6, &[0x20, 3, 0, 0x84, 0])] {
        let mut client = bench.dial(Version::V5, 1 << 16);
        let connect = [
            0x10, 13, 0, 4, b'M', b'Q', b'T', b'T', level, 2, 0, 0, 0, 1, b'a',
        ];
        client.raw(&connect).await;
        assert_eq!(client.last_words().await, answer, "level {level}");
    }
}

#[tokio::test]
async fn a_client_without_identifier_gets_one_of_its_own() {
    // [MQTT-3.1.3-6] [MQTT-3.1.3-7] [MQTT-3.2.2-16]
    let (_dir, bench) = bench().await;
    let mut names = Vec::new();
    for _ in 0..2 {
        let mut client = bench.dial(Version::V5, 1 << 16);
        let connack = client
            .connect(Connect::new(Version::V5, ClientId::default()))
            .await;
        let name = connack.properties.assigned_client_identifier.unwrap();
        client.pings().await;
        names.push((name, client));
    }
    assert_ne!(names[0].0, names[1].0);
    for (_, client) in &mut names {
        client.pings().await;
    }
    // 3.1.1 cannot tell it, and does not take one client for the other.
    let nameless = || Connect::new(Version::V311, ClientId::default());
    let mut one = bench.client(nameless()).await;
    let mut other = bench.client(nameless()).await;
    one.pings().await;
    other.pings().await;
}

#[tokio::test]
async fn a_refused_client_identifier_is_told_so_and_closed() {
    // [MQTT3-3.1.3-8] [MQTT3-3.1.3-9] [MQTT-3.1.4-6]
    let (_dir, bench) = bench().await;
    let mut client = bench.dial(Version::V311, 1 << 16);
    let mut bytes = vec![0x10, 12, 0, 4, b'M', b'Q', b'T', b'T', 4, 0, 0, 0, 0, 0];
    // A PUBLISH of QoS 0 follows at once; nobody looks at it.
    bytes.extend([0x30, 4, 0, 1, b'a', b'x']);
    client.raw(&bytes).await;
    assert_eq!(client.last_words().await, [0x20, 2, 0, 2]);
    assert_eq!(bench.records(), [""; 0]);
}

#[tokio::test]
async fn nothing_after_a_refused_connect_is_looked_at() {
    // [MQTT-3.1.4-6] [MQTT-3.1.4-2]
    let dir = tempfile::tempdir().unwrap();
    let settings = "[mqtt.access]\nanonymous = \"never\"\n";
    let bench = Bench::open(super::bench::open_log(dir.path()), settings).await;
    for version in BOTH {
        let mut client = bench.dial(version, 1 << 16);
        client
            .send(Packet::Connect(Box::new(named(version, "a"))))
            .await;
        client.send(publish("x", QoS::AtMostOnce, 0)).await;
        let Packet::ConnAck(connack) = client.next().await else {
            panic!("a CONNACK");
        };
        assert_eq!(connack.reason, ReasonCode::NotAuthorized);
        assert!(client.receive().await.is_none());
    }
    assert_eq!(bench.records(), [""; 0]);
}

#[tokio::test]
async fn connack_comes_first_and_once() {
    // [MQTT-3.2.0-1] [MQTT-3.2.0-2] [MQTT-3.1.4-5] [MQTT-3.1.3-5]
    let (_dir, bench) = bench().await;
    let name = "abcdefghijklmnopqrstuvw";
    let other = "ABCXYZ0123456789";
    for (version, name) in [(BOTH[0], name), (BOTH[1], name), (BOTH[0], other)] {
        let mut client = bench.dial(version, 1 << 16);
        client
            .send(Packet::Connect(Box::new(named(version, name))))
            .await;
        client.send(Packet::PingReq).await;
        match client.next().await {
            Packet::ConnAck(connack) => assert_eq!(connack.reason, ReasonCode::Success),
            other => panic!("{other:?} comes before CONNACK"),
        }
        assert_eq!(client.next().await, Packet::PingResp);
        // Goodbyes are one-sided: nothing follows, least of all another CONNACK.
        client
            .send(Packet::Disconnect(Disconnect::new(ReasonCode::Success)))
            .await;
        assert!(client.receive().await.is_none());
    }
}

#[tokio::test]
async fn nothing_after_a_disconnect_is_looked_at_and_the_connection_closes() {
    // [MQTT-3.14.4-1] [MQTT-3.14.4-2]
    let (_dir, bench) = bench().await;
    for version in BOTH {
        let mut client = bench.client(named(version, "polite")).await;
        let mut both = vec![0xe0, 0];
        both.extend([0x30, if version == Version::V5 { 5 } else { 4 }, 0, 1, b'a']);
        both.extend(if version == Version::V5 {
            &b"\0x"[..]
        } else {
            b"x"
        });
        client.raw(&both).await;
        assert_eq!(client.last_words().await, [0_u8; 0]);
    }
    assert_eq!(bench.records(), [""; 0]);
    // The server's own goodbye is its last packet too.
    let mut wrong = bench.client(named(Version::V5, "wrong")).await;
    wrong
        .raw(&[0xc0, 0, 0x36, 5, 0, 1, b'a', 0, 1, 0xc0, 0])
        .await;
    assert_eq!(wrong.last_words().await, [0xd0, 0, 0xe0, 1, 0x81]);
}

#[tokio::test]
async fn a_session_is_resumed_where_that_is_wanted_and_gathers_what_came_meanwhile() {
    // [MQTT-3.1.2-5] [MQTT-3.1.2-6] [MQTT3-3.1.2-4] [MQTT3-3.1.2-5] [MQTT3-3.1.2-6] [MQTT-4.5.0-1]
    let (_dir, bench) = bench().await;
    for version in BOTH {
        let mut actuator = bench.dial(version, 1 << 16);
        assert!(
            !actuator
                .connect(kept(version, "actuator"))
                .await
                .session_present
        );
        actuator.subscribe(QoS::ExactlyOnce).await;
        actuator.cut().await;
        let mut sender = bench.client(named(version, "sender")).await;
        sender.publish_as("on").await;
        let mut actuator = bench.dial(version, 1 << 16);
        assert!(
            actuator
                .connect(kept(version, "actuator"))
                .await
                .session_present
        );
        let Packet::Publish(came) = actuator.next().await else {
            panic!("a PUBLISH");
        };
        assert_eq!(
            (&came.payload[..], came.qos),
            (&b"on"[..], QoS::AtLeastOnce)
        );
        actuator
            .send(Packet::PubAck(Ack::success(came.packet_id.unwrap())))
            .await;
        actuator.pings().await;
        actuator.cut().await;
        // A clean session begins without it, and leaves nothing.
        for _ in 0..2 {
            let mut actuator = bench.dial(version, 1 << 16);
            assert!(
                !actuator
                    .connect(named(version, "actuator"))
                    .await
                    .session_present
            );
            sender.publish_as("off").await;
            actuator.pings().await;
            actuator.subscribe(QoS::AtMostOnce).await;
            actuator.cut().await;
        }
    }
}

#[tokio::test]
async fn a_session_outlives_its_expiry_while_it_is_connected() {
    // [MQTT-4.1.0-1]
    let (_dir, bench) = bench().await;
    tokio::spawn(Arc::clone(&bench.gateway).expire_sessions());
    let mut short = kept(Version::V5, "short");
    short.properties.session_expiry_interval = Some(1);
    let mut short = bench.client(short).await;
    short.subscribe(QoS::AtMostOnce).await;
    tokio::time::sleep(Duration::from_millis(2500)).await;
    bench
        .client(named(Version::V311, "sender"))
        .await
        .publish_as("on")
        .await;
    assert!(matches!(short.next().await, Packet::Publish(_)));
}

fn with_will(version: Version, retain: bool) -> Connect {
    let mut connect = named(version, "meter");
    let mut properties = WillProperties::default();
    if version == Version::V5 {
        let pair = |key: &str, value: &str| (key.try_into().unwrap(), value.try_into().unwrap());
        properties.user_properties = vec![pair("b", "1"), pair("a", "2"), pair("b", "0")];
    }
    connect.will = Some(Will {
        qos: QoS::AtMostOnce,
        retain,
        topic: Topic::new("status").unwrap(),
        payload: "gone".into(),
        properties,
    });
    connect
}

#[tokio::test]
async fn a_will_is_retained_if_it_says_so_and_none_comes_without_one() {
    // [MQTT-3.1.2-14] [MQTT-3.1.2-15] [MQTT-3.1.3-10] [MQTT3-3.1.2-12] [MQTT3-3.1.2-7] [MQTT3-3.3.1-8]
    for version in BOTH {
        let machine = Machine::new("").await;
        let bench = &machine.bench;
        let mut witness = bench.client(named(Version::V5, "witness")).await;
        witness.subscribe(QoS::AtMostOnce).await;
        bench.client(named(version, "meter")).await.cut().await;
        assert!(witness.hears_nothing().await);
        for retain in [false, true] {
            bench.client(with_will(version, retain)).await.cut().await;
            let Packet::Publish(will) = witness.next().await else {
                panic!("the will");
            };
            let order: Vec<_> = will
                .properties
                .iter()
                .flat_map(|all| &all.user_properties)
                .collect();
            let order: Vec<_> = order
                .iter()
                .map(|(key, value)| format!("{key}{value}"))
                .collect();
            let expected: &[&str] = if version == Version::V5 {
                &["b1", "a2", "b0"]
            } else {
                &[]
            };
            assert_eq!(order, expected);
            let mut late = bench.client(named(version, "late")).await;
            late.subscribe(QoS::AtMostOnce).await;
            if retain {
                // Its client's session is long gone.
                match late.next().await {
                    Packet::Publish(kept) => assert!(kept.retain && kept.payload == "gone"),
                    other => panic!("{other:?} is not what is retained"),
                }
            }
            late.pings().await;
        }
    }
}

#[tokio::test]
async fn what_a_client_refuses_is_not_sent_again() {
    // [MQTT-4.4.0-2] [MQTT-4.8.2-6]
    let (_dir, bench) = bench().await;
    let mut display = bench.client(kept(Version::V5, "display")).await;
    display.subscribe(QoS::ExactlyOnce).await;
    let mut sender = bench.client(named(Version::V5, "sender")).await;
    for qos in [QoS::AtLeastOnce, QoS::ExactlyOnce] {
        sender.send(publish("on", qos, 1)).await;
        sender.next().await;
        let Packet::Publish(came) = display.next().await else {
            panic!("a PUBLISH");
        };
        let no = Ack::with_reason(came.packet_id.unwrap(), ReasonCode::UnspecifiedError);
        let no = if qos == QoS::AtLeastOnce {
            Packet::PubAck(no)
        } else {
            Packet::PubRec(no)
        };
        display.send(no).await;
        sender.send(Packet::PubRel(Ack::success(id(1)))).await;
        sender.next().await;
    }
    display.pings().await;
    display.cut().await;
    let mut display = bench.client(kept(Version::V5, "display")).await;
    display.pings().await;
}
