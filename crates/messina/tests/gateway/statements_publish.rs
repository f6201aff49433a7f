//! What the specifications say about PUBLISH, SUBSCRIBE and UNSUBSCRIBE, in both versions.

use std::num::NonZeroU16;
use std::time::Duration;

use messina_mqtt::packet::{
    Ack, ClientId, Connect, Packet, Publish, PublishProperties, QoS, Subscribe,
    SubscribeProperties, Subscription, SubscriptionOptions, Unsubscribe, UnsubscribeProperties,
    Version,
};
use messina_mqtt::property::{PayloadFormat, SubscriptionId};
use messina_mqtt::topic::{Topic, TopicFilter};

use super::bench::{Bench, Client, id};

const BOTH: [Version; 2] = [Version::V311, Version::V5];

async fn bench() -> (tempfile::TempDir, Bench) {
    let dir = tempfile::tempdir().unwrap();
    let bench = Bench::in_dir(dir.path()).await;
    (dir, bench)
}

fn named(version: Version, name: &str) -> Connect {
    Connect::new(version, ClientId::new(name).unwrap())
}

fn kept(version: Version, name: &str) -> Connect {
    let mut connect = named(version, name);
    connect.clean_start = false;
    connect.properties.session_expiry_interval = (version == Version::V5).then_some(600);
    connect
}

fn to(topic: &str, payload: &'static str, qos: QoS) -> Publish {
    let mut publish = Publish::new(Topic::new(topic).unwrap(), payload);
    publish.qos = qos;
    publish.packet_id = (qos != QoS::AtMostOnce).then(|| id(1));
    publish
}

fn retained(topic: &str, payload: &'static str) -> Publish {
    let mut publish = to(topic, payload, QoS::AtLeastOnce);
    publish.retain = true;
    publish
}

impl Client {
    /// Publishes to the end.
    async fn says(&mut self, publish: Publish) {
        let qos = publish.qos;
        self.send(Packet::Publish(publish)).await;
        match qos {
            QoS::AtMostOnce => {
                self.send(Packet::PingReq).await;
                assert_eq!(self.next().await, Packet::PingResp);
            }
            QoS::AtLeastOnce => assert_eq!(self.next().await, Packet::PubAck(Ack::success(id(1)))),
            QoS::ExactlyOnce => {
                assert_eq!(self.next().await, Packet::PubRec(Ack::success(id(1))));
                self.send(Packet::PubRel(Ack::success(id(1)))).await;
                assert_eq!(self.next().await, Packet::PubComp(Ack::success(id(1))));
            }
        }
    }

    async fn asks(&mut self, filter: &str, options: SubscriptionOptions, own: Option<u32>) {
        let properties = SubscribeProperties {
            subscription_identifier: own.and_then(SubscriptionId::new),
            ..SubscribeProperties::default()
        };
        let subscriptions = vec![Subscription {
            filter: TopicFilter::new(filter).unwrap(),
            options,
        }];
        let packet_id = id(1);
        self.send(Packet::Subscribe(Subscribe {
            packet_id,
            properties,
            subscriptions,
        }))
        .await;
        assert!(matches!(self.next().await, Packet::SubAck(_)));
    }

    /// So many publishes and whatever else has come by then, acknowledged to the end.
    async fn got(&mut self, count: usize) -> Vec<Publish> {
        let mut all = Vec::new();
        let mut has_asked = false;
        loop {
            if all.len() >= count && !has_asked {
                // One too many would be close behind.
                tokio::time::sleep(Duration::from_millis(30)).await;
                self.send(Packet::PingReq).await;
                has_asked = true;
            }
            match self.next().await {
                Packet::Publish(publish) => {
                    if let Some(packet_id) = publish.packet_id {
                        self.send(match publish.qos {
                            QoS::ExactlyOnce => Packet::PubRec(Ack::success(packet_id)),
                            _ => Packet::PubAck(Ack::success(packet_id)),
                        })
                        .await;
                    }
                    all.push(publish);
                }
                Packet::PubRel(ack) => {
                    self.send(Packet::PubComp(Ack::success(ack.packet_id)))
                        .await;
                }
                Packet::PingResp => return all,
                other => panic!("{other:?} is no publish"),
            }
        }
    }

    async fn got_payloads(&mut self, count: usize) -> Vec<String> {
        let text = |publish: Publish| String::from_utf8(publish.payload.to_vec()).unwrap();
        self.got(count).await.into_iter().map(text).collect()
    }
}

fn at(qos: QoS) -> SubscriptionOptions {
    SubscriptionOptions::with_qos(qos)
}

#[tokio::test]
async fn a_publish_comes_at_the_lower_qos_and_without_its_dup() {
    // [MQTT-3.8.4-8] [MQTT-3.3.1-3] [MQTT-4.3.1-1] [MQTT-4.3.2-5] [MQTT-3.3.4-1]
    const ALL: [QoS; 3] = [QoS::AtMostOnce, QoS::AtLeastOnce, QoS::ExactlyOnce];
    let (_dir, bench) = bench().await;
    for version in BOTH {
        let mut sender = bench.client(named(version, "sender")).await;
        for granted in ALL {
            let mut display = bench.client(named(version, "display")).await;
            display.asks("room/1", at(granted), None).await;
            for sent in ALL {
                let mut publish = to("room/1", "on", sent);
                publish.dup = sent != QoS::AtMostOnce;
                sender.says(publish).await;
                let all = display.got(1).await;
                let [came] = all.as_slice() else {
                    panic!("{all:?} is not one publish");
                };
                assert_eq!((came.qos, came.dup), (granted.min(sent), false));
            }
            display.got(0).await;
            display.cut().await;
        }
    }
    // The same identifier again and again: after its PUBACK, each is a new publish.
    assert_eq!(bench.records().len(), 2 * 3 * 3);
}

#[tokio::test]
async fn properties_are_handed_on_as_they_came() {
    // [MQTT-3.3.2-4] [MQTT-3.3.2-15..18] [MQTT-3.3.2-20]
    let (_dir, bench) = bench().await;
    let mut display = bench.client(named(Version::V5, "display")).await;
    display.asks("#", at(QoS::AtLeastOnce), None).await;
    let mut asleep = bench.client(kept(Version::V5, "asleep")).await;
    asleep.asks("#", at(QoS::AtLeastOnce), None).await;
    asleep.cut().await;
    let pair = |key: &str, value: &str| (key.try_into().unwrap(), value.try_into().unwrap());
    let properties = PublishProperties {
        payload_format_indicator: Some(PayloadFormat::Utf8),
        content_type: Some("text/plain".try_into().unwrap()),
        response_topic: Some(Topic::new("answer/here").unwrap()),
        correlation_data: Some(vec![0, 255, 7].into()),
        user_properties: vec![pair("b", "1"), pair("a", "2"), pair("b", "0")],
        ..PublishProperties::default()
    };
    let mut publish = to("room/1", "on", QoS::AtLeastOnce);
    publish.properties = Some(Box::new(properties.clone()));
    publish.retain = true;
    bench
        .client(named(Version::V5, "sender"))
        .await
        .says(publish)
        .await;
    let mut asleep = bench.client(kept(Version::V5, "asleep")).await;
    let mut late = bench.client(named(Version::V5, "late")).await;
    late.asks("#", at(QoS::AtLeastOnce), None).await;
    for client in [&mut display, &mut asleep, &mut late] {
        let all = client.got(1).await;
        assert_eq!(*all[0].properties.clone().unwrap(), properties);
    }
}

#[tokio::test]
async fn only_what_matches_comes_and_nothing_is_normalized() {
    // [MQTT-3.3.2-3] [MQTT-4.7.3-4] [MQTT-4.7.2-1]
    let (_dir, bench) = bench().await;
    for version in BOTH {
        let mut sender = bench.client(named(version, "sender")).await;
        for (filter, wanted) in [
            ("room/+", &["room/1", "room/"][..]),
            (
                "room/#",
                &["room", "room/", "room/1", "room//1", "room/1/x"],
            ),
            ("Room/1", &["Room/1"]),
            ("room//1", &["room//1"]),
            ("/room/1", &["/room/1"]),
            ("+", &["room"]),
        ] {
            let mut display = bench.client(named(version, "display")).await;
            display.asks(filter, at(QoS::AtMostOnce), None).await;
            for topic in [
                "room", "room/", "room/1", "Room/1", "/room/1", "room//1", "room/1/x", "rooms/1",
                "$room",
            ] {
                sender.says(to(topic, "x", QoS::AtLeastOnce)).await;
            }
            let all = display.got(wanted.len()).await;
            let mut topics: Vec<_> = all.iter().map(|publish| publish.topic.as_str()).collect();
            let mut wanted = wanted.to_vec();
            topics.sort_unstable();
            wanted.sort_unstable();
            assert_eq!(topics, wanted, "{filter}");
            display.cut().await;
        }
    }
}

#[tokio::test]
async fn overlapping_subscriptions_give_one_copy_with_all_identifiers() {
    // [MQTT-3.3.4-2] [MQTT-3.3.4-3] [MQTT-3.3.4-4]
    let (_dir, bench) = bench().await;
    for version in BOTH {
        let mut display = bench.client(named(version, "display")).await;
        let own = |number| (version == Version::V5).then_some(number);
        display.asks("room/#", at(QoS::AtMostOnce), own(7)).await;
        display.asks("room/1", at(QoS::ExactlyOnce), own(9)).await;
        display.asks("+/1", at(QoS::AtLeastOnce), None).await;
        let mut sender = bench.client(named(version, "sender")).await;
        sender.says(to("room/1", "on", QoS::ExactlyOnce)).await;
        let all = display.got(1).await;
        let [came] = all.as_slice() else {
            panic!("{all:?} is not one publish");
        };
        assert_eq!(came.qos, QoS::ExactlyOnce);
        let ids = came
            .properties
            .iter()
            .flat_map(|own| &own.subscription_identifiers);
        let mut ids: Vec<u32> = ids.map(|id| id.get()).collect();
        ids.sort_unstable();
        assert_eq!(
            ids,
            if version == Version::V5 {
                vec![7, 9]
            } else {
                vec![]
            }
        );
    }
}

#[tokio::test]
async fn a_full_receive_maximum_holds_up_publishes_and_nothing_else() {
    // [MQTT-3.3.4-10] [MQTT-4.9.0-2] [MQTT-4.9.0-3]
    let (_dir, bench) = bench().await;
    let mut small = named(Version::V5, "display");
    small.properties.receive_maximum = NonZeroU16::new(1);
    let mut display = bench.client(small).await;
    display.asks("#", at(QoS::AtLeastOnce), None).await;
    let mut sender = bench.client(named(Version::V5, "sender")).await;
    sender.says(to("a", "1", QoS::AtLeastOnce)).await;
    sender.says(to("a", "2", QoS::AtLeastOnce)).await;
    let Packet::Publish(first) = display.next().await else {
        panic!("a PUBLISH");
    };
    display.send(Packet::PingReq).await;
    assert_eq!(display.next().await, Packet::PingResp);
    display.asks("other", at(QoS::AtLeastOnce), None).await;
    assert!(display.hears_nothing().await);
    display
        .send(Packet::PubAck(Ack::success(first.packet_id.unwrap())))
        .await;
    assert_eq!(display.got_payloads(1).await, ["2"]);
}

#[tokio::test]
async fn no_local_keeps_a_clients_own_publishes_from_it() {
    // [MQTT-3.8.3-3]
    let (_dir, bench) = bench().await;
    let mut device = bench.client(named(Version::V5, "device")).await;
    let options = SubscriptionOptions {
        no_local: true,
        ..at(QoS::AtLeastOnce)
    };
    device.asks("#", options, None).await;
    device.says(to("a", "mine", QoS::AtLeastOnce)).await;
    let mut other = bench.client(named(Version::V5, "other")).await;
    other.says(to("a", "theirs", QoS::AtLeastOnce)).await;
    assert_eq!(device.got_payloads(1).await, ["theirs"]);
}

#[tokio::test]
async fn retain_is_as_published_only_where_that_is_asked_for() {
    // [MQTT-3.3.1-12] [MQTT-3.3.1-13] [MQTT-3.3.1-8]
    let (_dir, bench) = bench().await;
    let mut plain = bench.client(named(Version::V311, "plain")).await;
    plain.asks("#", at(QoS::AtMostOnce), None).await;
    let mut faithful = bench.client(named(Version::V5, "faithful")).await;
    let options = SubscriptionOptions {
        retain_as_published: true,
        ..at(QoS::AtMostOnce)
    };
    faithful.asks("#", options, None).await;
    let mut sender = bench.client(named(Version::V5, "sender")).await;
    sender.says(retained("a", "kept")).await;
    sender.says(to("a", "passing", QoS::AtLeastOnce)).await;
    for (client, expected) in [(&mut plain, [false, false]), (&mut faithful, [true, false])] {
        let all = client.got(2).await;
        let flags: Vec<_> = all.iter().map(|publish| publish.retain).collect();
        assert_eq!(flags, expected);
    }
    // What came without the flag has left what was retained alone.
    let mut late = bench.client(named(Version::V311, "late")).await;
    late.asks("#", at(QoS::AtMostOnce), None).await;
    assert_eq!(late.got_payloads(1).await, ["kept"]);
}

#[tokio::test]
async fn subscribing_again_brings_what_is_retained_again_and_loses_nothing() {
    // [MQTT-3.8.4-3] [MQTT-3.8.4-4] [MQTT-3.3.1-9] [MQTT3-3.3.1-8]
    let (_dir, bench) = bench().await;
    for version in BOTH {
        let mut sender = bench.client(named(version, "sender")).await;
        sender.says(retained("a", "kept")).await;
        let mut display = bench.client(named(version, "display")).await;
        for _ in 0..2 {
            display.asks("a", at(QoS::AtLeastOnce), None).await;
            let all = display.got(1).await;
            let [came] = all.as_slice() else {
                panic!("{all:?} is not one publish");
            };
            assert!(came.retain);
        }
        sender.says(to("a", "new", QoS::AtLeastOnce)).await;
        assert_eq!(
            display.got_payloads(1).await,
            ["new"],
            "one subscription, one copy"
        );
    }
}

#[tokio::test]
async fn what_is_under_way_is_delivered_after_unsubscribe_and_nothing_new_is() {
    // [MQTT-3.10.4-1] [MQTT-3.10.4-2] [MQTT-3.10.4-3]
    let (_dir, bench) = bench().await;
    for version in BOTH {
        let mut display = bench.client(kept(version, "display")).await;
        display.asks("a", at(QoS::ExactlyOnce), None).await;
        let mut sender = bench.client(named(version, "sender")).await;
        sender.says(to("a", "started", QoS::ExactlyOnce)).await;
        assert!(matches!(display.next().await, Packet::Publish(_)));
        let unsubscribe = Unsubscribe {
            packet_id: id(3),
            properties: UnsubscribeProperties::default(),
            filters: vec![TopicFilter::new("a").unwrap()],
        };
        display.send(Packet::Unsubscribe(unsubscribe)).await;
        assert!(matches!(display.next().await, Packet::UnsubAck(_)));
        sender.says(to("a", "new", QoS::AtLeastOnce)).await;
        display.cut().await;
        let mut display = bench.client(kept(version, "display")).await;
        assert_eq!(display.got_payloads(1).await, ["started"]);
        assert_eq!(display.got_payloads(0).await, [""; 0]);
        display.cut().await;
        bench.client(named(version, "display")).await.cut().await;
    }
}

#[tokio::test]
async fn an_exchange_that_has_begun_does_not_expire() {
    // [MQTT-4.3.3-7] [MQTT-4.3.3-13]
    let (_dir, bench) = bench().await;
    let mut display = bench.client(kept(Version::V5, "display")).await;
    display.asks("a", at(QoS::ExactlyOnce), None).await;
    let mut sender = bench.client(named(Version::V5, "sender")).await;
    let mut brief = to("a", "brief", QoS::ExactlyOnce);
    brief.properties = Some(Box::new(PublishProperties {
        message_expiry_interval: Some(1),
        ..PublishProperties::default()
    }));
    sender.send(Packet::Publish(brief)).await;
    assert_eq!(sender.next().await, Packet::PubRec(Ack::success(id(1))));
    assert!(matches!(display.next().await, Packet::Publish(_)));
    display.cut().await;
    tokio::time::sleep(Duration::from_millis(1200)).await;
    // From the client: the exchange goes to its end.
    sender.send(Packet::PubRel(Ack::success(id(1)))).await;
    assert_eq!(sender.next().await, Packet::PubComp(Ack::success(id(1))));
    // To the client: what was sent comes again, however old.
    let mut display = bench.client(kept(Version::V5, "display")).await;
    let all = display.got(1).await;
    assert!(matches!(all.as_slice(), [again] if again.dup && again.payload == "brief"));
}

#[tokio::test]
async fn a_shared_publish_under_way_at_qos_2_stays_with_its_member() {
    // [MQTT-4.8.2-4] [MQTT-4.8.2-5]
    let (_dir, bench) = bench().await;
    let mut one = bench.client(kept(Version::V5, "one")).await;
    one.asks("$share/g/a", at(QoS::ExactlyOnce), None).await;
    let mut sender = bench.client(named(Version::V5, "sender")).await;
    sender.says(to("a", "1", QoS::ExactlyOnce)).await;
    sender.says(to("a", "2", QoS::ExactlyOnce)).await;
    for _ in 0..2 {
        assert!(matches!(one.next().await, Packet::Publish(_)));
    }
    let mut other = bench.client(kept(Version::V5, "other")).await;
    other.asks("$share/g/a", at(QoS::ExactlyOnce), None).await;
    one.cut().await;
    assert_eq!(other.got_payloads(0).await, [""; 0]);
    // The member is back: both are sent to it again, and it takes one of them.
    let mut one = bench.client(kept(Version::V5, "one")).await;
    let Packet::Publish(again) = one.next().await else {
        panic!("a PUBLISH");
    };
    assert!(again.dup && again.payload == "1");
    assert!(matches!(one.next().await, Packet::Publish(_)));
    let packet_id = again.packet_id.unwrap();
    one.send(Packet::PubRec(Ack::success(packet_id))).await;
    assert_eq!(one.next().await, Packet::PubRel(Ack::success(packet_id)));
    one.cut().await;
    // Its session ends: what was sent to it is sent to nobody else.
    bench.client(named(Version::V5, "one")).await.cut().await;
    assert_eq!(other.got_payloads(0).await, [""; 0]);
}

#[tokio::test]
async fn of_several_copies_each_has_its_own_identifier() {
    // [MQTT-3.3.4-5]
    let (_dir, bench) = bench().await;
    let mut display = bench.client(named(Version::V5, "display")).await;
    display.asks("a", at(QoS::AtMostOnce), Some(1)).await;
    display
        .asks("$share/g/a", at(QoS::AtMostOnce), Some(2))
        .await;
    let mut sender = bench.client(named(Version::V5, "sender")).await;
    sender.says(to("a", "on", QoS::AtLeastOnce)).await;
    let own = |publish: Publish| publish.properties.unwrap().subscription_identifiers;
    let mut ids: Vec<_> = display.got(2).await.into_iter().map(own).collect();
    ids.sort_unstable();
    let one = |number| vec![SubscriptionId::new(number).unwrap()];
    assert_eq!(ids, [one(1), one(2)]);
}
