//! Shared subscriptions, as their members find them.

use std::collections::BTreeSet;

use messina_mqtt::packet::SubscriptionOptions;
use messina_mqtt::packet::{Ack, Packet, QoS, Subscribe, SubscribeProperties, Subscription};
use messina_mqtt::topic::TopicFilter;

use super::bench::{Bench, Client, Machine, connect, id, lasting, open_log};

async fn join(client: &mut Client, filter: &str) {
    client
        .send(Packet::Subscribe(Subscribe {
            packet_id: id(1),
            properties: SubscribeProperties::default(),
            subscriptions: vec![Subscription {
                filter: TopicFilter::new(filter).unwrap(),
                options: SubscriptionOptions::with_qos(QoS::AtLeastOnce),
            }],
        }))
        .await;
    assert!(matches!(client.next().await, Packet::SubAck(_)));
}

/// Takes and acknowledges what has come until a PINGRESP, and gives the payloads.
async fn taken(client: &mut Client) -> Vec<String> {
    client.send(Packet::PingReq).await;
    let mut all = Vec::new();
    loop {
        match client.next().await {
            Packet::Publish(publish) => {
                all.push(String::from_utf8(publish.payload.to_vec()).unwrap());
                let ack = Ack::success(publish.packet_id.unwrap());
                client.send(Packet::PubAck(ack)).await;
            }
            Packet::PingResp => return all,
            other => panic!("{other:?} is no publish"),
        }
    }
}

#[tokio::test]
async fn each_publish_goes_to_one_member_of_each_group_in_turn() {
    // [MQTT-4.8.2-3]
    let dir = tempfile::tempdir().unwrap();
    let bench = Bench::open(open_log(dir.path()), "").await;
    let mut members = Vec::new();
    for name in ["a", "b", "c"] {
        let mut member = bench.client(connect(name)).await;
        join(&mut member, "$share/work/room/+").await;
        members.push(member);
    }
    let mut other = bench.client(connect("other")).await;
    join(&mut other, "$share/audit/room/+").await;
    let mut plain = bench.client(connect("plain")).await;
    join(&mut plain, "room/+").await;
    let mut sender = bench.client(connect("sender")).await;
    for number in 0..30_u16 {
        sender.publish(&number.to_string(), number + 1).await;
    }
    let mut all = BTreeSet::new();
    for member in &mut members {
        let got = taken(member).await;
        assert_eq!(got.len(), 10, "the turns are fair");
        for payload in got {
            assert!(all.insert(payload), "one member gets it");
        }
    }
    assert_eq!(all.len(), 30);
    assert_eq!(taken(&mut other).await.len(), 30);
    assert_eq!(taken(&mut plain).await.len(), 30);
}

#[tokio::test]
async fn a_member_that_is_away_is_passed_over_while_another_is_there() {
    let machine = Machine::new("").await;
    let bench = &machine.bench;
    let mut here = bench.client(lasting("here")).await;
    join(&mut here, "$share/work/#").await;
    let mut away = bench.client(lasting("away")).await;
    join(&mut away, "$share/work/#").await;
    away.cut().await;
    let mut sender = bench.client(connect("sender")).await;
    for number in 0..4_u16 {
        sender.publish(&number.to_string(), number + 1).await;
    }
    assert_eq!(taken(&mut here).await, ["0", "1", "2", "3"]);
    here.cut().await;
    // Nobody is there: it waits for a member, over a restart of the process too.
    sender.publish("late", 9).await;
    let machine = machine.crash().await;
    let bench = &machine.bench;
    let mut got = Vec::new();
    for name in ["here", "away"] {
        let mut member = bench.client(lasting(name)).await;
        got.extend(taken(&mut member).await);
    }
    assert_eq!(got, ["late"]);
}
