//! Retained publishes, as clients find them.

use messina_mqtt::packet::{
    Packet, Publish, PublishProperties, QoS, RetainHandling, Subscribe, SubscribeProperties,
    Subscription, SubscriptionOptions,
};
use messina_mqtt::topic::{Topic, TopicFilter};

use super::bench::{Bench, Client, Machine, connect, id, lasting, open_log};

/// Publishes at QoS 1 with the retain flag.
async fn retain(client: &mut Client, topic: &str, payload: &str, expiry: Option<u32>) {
    let mut publish = Publish::new(Topic::new(topic).unwrap(), payload.to_owned());
    publish.qos = QoS::AtLeastOnce;
    publish.retain = true;
    publish.packet_id = Some(id(1));
    publish.properties = expiry.map(|seconds| {
        Box::new(PublishProperties {
            message_expiry_interval: Some(seconds),
            ..PublishProperties::default()
        })
    });
    client.send(Packet::Publish(publish)).await;
    assert!(matches!(client.next().await, Packet::PubAck(_)));
}

/// Subscribes at QoS 0 and gives what the subscription is answered with: topic, payload, retain flag.
async fn answered(
    client: &mut Client,
    filter: &str,
    handling: RetainHandling,
) -> Vec<(String, String, bool)> {
    client
        .send(Packet::Subscribe(Subscribe {
            packet_id: id(2),
            properties: SubscribeProperties::default(),
            subscriptions: vec![Subscription {
                filter: TopicFilter::new(filter).unwrap(),
                options: SubscriptionOptions {
                    retain_handling: handling,
                    ..SubscriptionOptions::default()
                },
            }],
        }))
        .await;
    let mut all = Vec::new();
    loop {
        match client.next().await {
            Packet::Publish(publish) => all.push((
                publish.topic.as_str().to_owned(),
                String::from_utf8(publish.payload.to_vec()).unwrap(),
                publish.retain,
            )),
            // A PINGRESP comes after everything the subscription was answered with.
            Packet::SubAck(_) => client.send(Packet::PingReq).await,
            Packet::PingResp => return all,
            other => panic!("{other:?} is no answer"),
        }
    }
}

fn kept(topic: &str, payload: &str) -> (String, String, bool) {
    (topic.to_owned(), payload.to_owned(), true)
}

#[tokio::test]
async fn the_last_publish_of_each_topic_answers_a_subscription_and_survives_a_restart() {
    // [MQTT-3.3.1-5] [MQTT-3.3.1-6] [MQTT-3.3.1-7] [MQTT-3.3.1-8]
    let machine = Machine::new("").await;
    let bench = &machine.bench;
    let mut sender = bench.client(connect("sender")).await;
    retain(&mut sender, "room/1", "old", None).await;
    retain(&mut sender, "room/1", "20.5", None).await;
    retain(&mut sender, "room/2", "19.0", None).await;
    retain(&mut sender, "room", "all", None).await;
    retain(&mut sender, "rooms", "no", None).await;
    retain(&mut sender, "room/3", "gone", None).await;
    retain(&mut sender, "room/3", "", None).await;
    let expected = [
        kept("room", "all"),
        kept("room/1", "20.5"),
        kept("room/2", "19.0"),
    ];
    let mut early = bench.client(connect("early")).await;
    assert_eq!(
        answered(&mut early, "room/#", RetainHandling::Send).await,
        expected
    );
    let machine = machine.crash().await;
    let bench = &machine.bench;
    let mut late = bench.client(connect("late")).await;
    assert_eq!(
        answered(&mut late, "room/#", RetainHandling::Send).await,
        expected
    );
    assert_eq!(
        answered(&mut late, "+/2", RetainHandling::Send).await,
        [kept("room/2", "19.0")]
    );
    assert_eq!(
        answered(&mut late, "room/9", RetainHandling::Send).await,
        []
    );
    // To those who are subscribed already it comes as any other [MQTT-3.3.1-12].
    let mut sender = bench.client(connect("sender")).await;
    retain(&mut sender, "room/1", "21.0", None).await;
    match late.next().await {
        Packet::Publish(publish) => assert!(!publish.retain),
        other => panic!("{other:?} is not a PUBLISH"),
    }
}

#[tokio::test]
async fn retain_handling_says_when_a_subscription_is_answered() {
    // [MQTT-3.3.1-10] [MQTT-3.3.1-11]
    let dir = tempfile::tempdir().unwrap();
    let bench = Bench::open(open_log(dir.path()), "").await;
    let mut client = bench.client(lasting("meter")).await;
    retain(&mut client, "a", "1", None).await;
    let all = [kept("a", "1")];
    assert_eq!(
        answered(&mut client, "a", RetainHandling::DoNotSend).await,
        []
    );
    assert_eq!(
        answered(&mut client, "a", RetainHandling::SendIfNew).await,
        []
    );
    assert_eq!(answered(&mut client, "a", RetainHandling::Send).await, all);
    assert_eq!(
        answered(&mut client, "+", RetainHandling::SendIfNew).await,
        all
    );
}

#[tokio::test]
async fn what_has_expired_answers_nothing() {
    let machine = Machine::new("").await;
    let bench = &machine.bench;
    let mut client = bench.client(connect("meter")).await;
    retain(&mut client, "short", "1", Some(0)).await;
    retain(&mut client, "long", "2", Some(600)).await;
    let expected = [kept("long", "2")];
    assert_eq!(
        answered(&mut client, "#", RetainHandling::Send).await,
        expected
    );
    let machine = machine.crash().await;
    let bench = &machine.bench;
    assert_eq!(bench.gateway.retained.len(), 1);
}

#[tokio::test]
async fn beyond_the_limit_a_publish_is_delivered_and_not_retained() {
    let dir = tempfile::tempdir().unwrap();
    let settings = "gateway.retained.max_messages = 2";
    let bench = Bench::open(open_log(dir.path()), settings).await;
    let mut client = bench.client(connect("meter")).await;
    for topic in ["a", "b", "c"] {
        retain(&mut client, topic, topic, None).await;
    }
    retain(&mut client, "b", "new", None).await;
    let expected = [kept("a", "a"), kept("b", "new")];
    assert_eq!(
        answered(&mut client, "#", RetainHandling::Send).await,
        expected
    );
    assert_eq!(bench.metrics.gateway.unretained.get(), 1);
    assert_eq!(bench.records(), ["a", "b", "c", "new"]);
}

#[tokio::test]
async fn a_subscription_to_many_topics_is_answered_with_all_of_them() {
    const TOPICS: usize = 2_000;
    let dir = tempfile::tempdir().unwrap();
    let settings = "gateway.session.max_queued_messages = 10";
    let bench = Bench::open(open_log(dir.path()), settings).await;
    let mut sender = bench.client(connect("sender")).await;
    for number in 0..TOPICS {
        let mut publish = Publish::new(Topic::new(&format!("many/{number:05}")).unwrap(), "x");
        publish.retain = true;
        sender.send(Packet::Publish(publish)).await;
    }
    retain(&mut sender, "last", "x", None).await;
    let mut late = bench.client(connect("late")).await;
    let mut got = answered(&mut late, "many/#", RetainHandling::Send).await;
    // The PINGRESP may overtake what waits for the client to read.
    while got.len() < TOPICS {
        match late.next().await {
            Packet::Publish(publish) => {
                let payload = String::from_utf8(publish.payload.to_vec()).unwrap();
                got.push((publish.topic.as_str().to_owned(), payload, publish.retain));
            }
            other => panic!("{other:?} is not a PUBLISH"),
        }
    }
    assert!(got.is_sorted());
}
