//! `gateway.publish_only` and `unmatched = "disconnect"`: how a proxy that only takes publishes behaves.

use messina_mqtt::packet::{
    ClientId, Connect, Packet, Publish, QoS, SubAck, Subscribe, SubscribeProperties, Subscription,
    SubscriptionOptions, Version, Will, WillProperties,
};
use messina_mqtt::reason::ReasonCode;
use messina_mqtt::topic::{Topic, TopicFilter};

use super::bench::{Bench, connect, id, lasting, open_log};

const SETTINGS: &str = "[gateway]\npublish_only = true\nunmatched = \"disconnect\"\n\
                        [gateway.limits]\nmax_packet_size = 200\n";

fn old(name: &str) -> Connect {
    Connect::new(Version::V311, ClientId::new(name).unwrap())
}

fn subscribe(filters: &[&str]) -> Packet {
    let subscription = |filter: &&str| Subscription {
        filter: TopicFilter::new(filter).unwrap(),
        options: SubscriptionOptions::default(),
    };
    Packet::Subscribe(Subscribe {
        packet_id: id(7),
        properties: SubscribeProperties::default(),
        subscriptions: filters.iter().map(subscription).collect(),
    })
}

fn to(topic: &str, payload: &str, retain: bool) -> Packet {
    let mut publish = Publish::new(Topic::new(topic).unwrap(), payload.to_owned());
    publish.qos = QoS::AtLeastOnce;
    publish.packet_id = Some(id(3));
    publish.retain = retain;
    Packet::Publish(publish)
}

async fn bench(dir: &tempfile::TempDir) -> Bench {
    Bench::open(open_log(dir.path()), SETTINGS).await
}

#[tokio::test]
async fn every_filter_of_a_subscribe_is_refused_and_nothing_is_delivered() {
    let dir = tempfile::tempdir().unwrap();
    let bench = bench(&dir).await;
    for (hello, code) in [
        (old("a"), ReasonCode::UnspecifiedError),
        (connect("b"), ReasonCode::NotAuthorized),
    ] {
        let mut client = bench.client(hello).await;
        client.send(subscribe(&["#", "room/1", "$share/g/x"])).await;
        match client.next().await {
            Packet::SubAck(SubAck { reasons, .. }) => assert_eq!(reasons, [code; 3]),
            other => panic!("{other:?} is not a SUBACK"),
        }
        client.send(to("room/1", "hello", false)).await;
        assert!(matches!(client.next().await, Packet::PubAck(_)));
        // Whatever was to be delivered would come before the answer to this.
        client.send(Packet::PingReq).await;
        assert!(matches!(client.next().await, Packet::PingResp));
    }
    assert_eq!(bench.records(), ["hello", "hello"]);
}

#[tokio::test]
async fn nothing_is_retained_and_clients_of_version_5_are_told() {
    let dir = tempfile::tempdir().unwrap();
    let bench = bench(&dir).await;
    let mut client = bench.client(old("a")).await;
    client.send(to("room/1", "kept?", true)).await;
    assert!(matches!(client.next().await, Packet::PubAck(_)));
    assert_eq!(bench.gateway.retained.len(), 0);
    assert_eq!(bench.records(), ["kept?"]);

    let mut client = bench.dial(Version::V5, 1 << 16);
    let connack = client.connect(connect("b")).await;
    assert_eq!(connack.properties.retain_available, Some(false));
    client.send(to("room/1", "kept?", true)).await;
    client.is_told_to_go(ReasonCode::RetainNotSupported).await;
    assert_eq!(bench.records().len(), 1);
}

#[tokio::test]
async fn no_session_outlives_its_connection() {
    let dir = tempfile::tempdir().unwrap();
    let bench = bench(&dir).await;
    let mut persistent = old("a");
    persistent.clean_start = false;
    for hello in [lasting("b"), lasting("b"), persistent.clone(), persistent] {
        let mut client = bench.dial(hello.version, 1 << 16);
        let is_new = hello.version == Version::V5;
        let connack = client.connect(hello).await;
        assert!(!connack.session_present);
        if is_new {
            assert_eq!(connack.properties.session_expiry_interval, Some(0));
        }
        client.cut().await;
    }
    assert_eq!(bench.gateway.sessions.count(), (0, 0));
}

#[tokio::test]
async fn a_will_takes_the_route_of_every_publish() {
    let dir = tempfile::tempdir().unwrap();
    let bench = bench(&dir).await;
    let mut hello = old("a");
    hello.will = Some(Will {
        qos: QoS::ExactlyOnce,
        retain: true,
        topic: Topic::new("room/1").unwrap(),
        payload: "gone".into(),
        properties: WillProperties::default(),
    });
    bench.client(hello).await.cut().await;
    assert_eq!(bench.records(), ["gone"]);
    assert_eq!(bench.gateway.retained.len(), 0);
}

#[tokio::test]
async fn a_publish_that_no_route_takes_ends_its_connection_and_is_counted() {
    let dir = tempfile::tempdir().unwrap();
    let bench = bench(&dir).await;
    let mut client = bench.client(old("a")).await;
    client.send(to("$elsewhere/1", "x", false)).await;
    assert!(client.receive().await.is_none());

    let mut client = bench.client(connect("b")).await;
    client.send(to("$elsewhere/1", "x", false)).await;
    client.is_told_to_go(ReasonCode::TopicNameInvalid).await;
    assert_eq!(bench.gateway.events.unrouted_books().rejected, 2);
    assert_eq!(bench.records(), [""; 0]);
}

#[tokio::test]
async fn a_publish_that_is_too_large_ends_its_connection() {
    let dir = tempfile::tempdir().unwrap();
    let bench = bench(&dir).await;
    let mut client = bench.client(old("a")).await;
    // Fixed header 3, topic 2 + 6, packet identifier 2: 200 bytes in all.
    client.send(to("room/1", &"x".repeat(187), false)).await;
    assert!(matches!(client.next().await, Packet::PubAck(_)));
    client.send(to("room/1", &"x".repeat(188), false)).await;
    assert!(client.receive().await.is_none());
    assert_eq!(bench.records().len(), 1);
}
