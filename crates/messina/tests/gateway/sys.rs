//! What the server says of itself below `$SYS/`.

use std::sync::Arc;
use std::time::Duration;

use messina_mqtt::packet::{
    Packet, QoS, Subscribe, SubscribeProperties, Subscription, SubscriptionOptions,
};
use messina_mqtt::reason::ReasonCode;
use messina_mqtt::topic::{Topic, TopicFilter};

use super::bench::{Bench, Client, connect, id, open_log, publish};

async fn subscribe(client: &mut Client, filter: &str) {
    let subscribe = Subscribe {
        packet_id: id(1),
        properties: SubscribeProperties::default(),
        subscriptions: vec![Subscription {
            filter: TopicFilter::new(filter).unwrap(),
            options: SubscriptionOptions::default(),
        }],
    };
    client.send(Packet::Subscribe(subscribe)).await;
    assert!(matches!(client.next().await, Packet::SubAck(_)));
}

/// Waits until `topic` has a value as it is looked for.
async fn until(client: &mut Client, topic: &str, wanted: impl Fn(&str) -> bool) {
    loop {
        match client.next().await {
            Packet::Publish(said) => {
                let text = String::from_utf8(said.payload.to_vec()).unwrap();
                if said.topic.as_str() == topic && wanted(&text) {
                    return;
                }
            }
            other => panic!("{other:?} is not a PUBLISH"),
        }
    }
}

#[tokio::test]
async fn the_server_says_how_it_is() {
    let dir = tempfile::tempdir().unwrap();
    let bench = Bench::in_dir(dir.path()).await;
    let mut everything = bench.client(connect("everything")).await;
    everything.subscribe(QoS::AtMostOnce).await;
    let mut sender = bench.client(connect("meter")).await;
    for number in 1..=3 {
        sender.publish("21.5", number).await;
    }
    let interval = Duration::from_millis(50);
    tokio::spawn(Arc::clone(&bench.gateway).publish_sys(interval));

    // One who comes later gets what is kept, and then what changes.
    let mut operator = bench.client(connect("operator")).await;
    subscribe(&mut operator, "$SYS/broker/#").await;
    let is = |value: &'static str| move |said: &str| said == value;
    until(&mut operator, "$SYS/broker/clients/connected", is("3")).await;
    sender.publish("21.6", 4).await;
    let received = "$SYS/broker/publish/messages/received";
    until(&mut operator, received, is("4")).await;
    let load = "$SYS/broker/load/publish/received/1min";
    until(&mut operator, load, |said| said != "0.00").await;
    let mut late = bench.client(connect("late")).await;
    subscribe(&mut late, "$SYS/broker/+").await;
    until(&mut late, "$SYS/broker/version", |said| {
        said.starts_with("messina ")
    })
    .await;

    // A wildcard at the first level stands for none of it [MQTT-4.7.2-1], and none of it enters the log.
    for _ in 0..4 {
        match everything.next().await {
            Packet::Publish(own) => assert_eq!(own.topic.as_str(), "room/1"),
            other => panic!("{other:?} is not a PUBLISH"),
        }
    }
    assert!(everything.hears_nothing().await);
    assert_eq!(bench.records().len(), 4);
}

#[tokio::test]
async fn nobody_else_says_it() {
    let dir = tempfile::tempdir().unwrap();
    let bench = Bench::open(open_log(dir.path()), "").await;
    let mut liar = bench.client(connect("liar")).await;
    let Packet::Publish(mut own) = publish("99", QoS::AtLeastOnce, 1) else {
        panic!("a PUBLISH");
    };
    own.topic = Topic::new("$SYS/broker/clients/connected").unwrap();
    liar.send(Packet::Publish(own)).await;
    match liar.next().await {
        Packet::PubAck(ack) => assert_eq!(ack.reason, ReasonCode::NotAuthorized),
        other => panic!("{other:?} is not a PUBACK"),
    }
    assert!(bench.gateway.retained.is_empty());
}
