//! Shared subscriptions, as their members find them.

use std::collections::BTreeSet;
use std::sync::Arc;

use messina::telemetry::metrics::GatewayMetrics;
use messina_mqtt::packet::{
    Ack, Packet, QoS, Subscribe, SubscribeProperties, Subscription, SubscriptionOptions,
};
use messina_mqtt::reason::ReasonCode;
use messina_mqtt::topic::TopicFilter;

use super::bench::{Bench, Client, Machine, PATIENCE, connect, id, lasting, open_log, publish};

impl Bench {
    /// Lets time have its effect, until so many publishes have gone to another member.
    async fn has_passed_on(&self, publishes: u64) {
        let upkeep = tokio::spawn(Arc::clone(&self.gateway).expire_sessions());
        let wait = async {
            while self.metrics.gateway.passed_on.get() < publishes {
                tokio::time::sleep(std::time::Duration::from_millis(10)).await;
            }
        };
        tokio::time::timeout(PATIENCE, wait).await.unwrap();
        upkeep.abort();
    }

    async fn member(&self, name: &str, qos: QoS) -> Client {
        let mut member = self.client(lasting(name)).await;
        join_at(&mut member, "$share/crew/room/+", qos).await;
        member
    }

    async fn work(&self, payloads: &[&str]) {
        let mut sender = self.client(connect("sender")).await;
        for (number, payload) in (1..).zip(payloads) {
            assert_eq!(sender.publish(payload, number).await, ReasonCode::Success);
        }
    }
}

/// The next packet, a publish that the client does not acknowledge.
async fn only_sees(client: &mut Client) -> (String, bool) {
    match client.next().await {
        Packet::Publish(publish) => {
            let payload = String::from_utf8(publish.payload.to_vec()).unwrap();
            (payload, publish.dup)
        }
        other => panic!("{other:?} is no publish"),
    }
}

async fn join(client: &mut Client, filter: &str) {
    join_at(client, filter, QoS::AtLeastOnce).await;
}

async fn join_at(client: &mut Client, filter: &str, qos: QoS) {
    client
        .send(Packet::Subscribe(Subscribe {
            packet_id: id(1),
            properties: SubscribeProperties::default(),
            subscriptions: vec![Subscription {
                filter: TopicFilter::new(filter).unwrap(),
                options: SubscriptionOptions::with_qos(qos),
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

#[tokio::test]
async fn those_who_are_there_take_turns_while_another_is_away() {
    let machine = Machine::new("").await;
    let bench = &machine.bench;
    let mut here = Vec::new();
    for name in ["a", "b", "c"] {
        here.push(bench.member(name, QoS::AtLeastOnce).await);
    }
    here.remove(1).cut().await;
    bench.work(&["1", "2", "3", "4", "5", "6"]).await;
    for member in &mut here {
        assert_eq!(taken(member).await.len(), 3);
    }
}

#[tokio::test]
async fn what_a_member_has_not_acknowledged_goes_to_another_when_it_leaves() {
    let machine = Machine::new("").await;
    let bench = &machine.bench;
    let mut one = bench.member("one", QoS::AtLeastOnce).await;
    bench.work(&["1", "2", "3"]).await;
    for number in ["1", "2", "3"] {
        assert_eq!(only_sees(&mut one).await, (number.to_owned(), false));
    }
    let mut other = bench.member("other", QoS::AtLeastOnce).await;
    one.cut().await;
    bench.has_passed_on(3).await;
    assert_eq!(taken(&mut other).await, ["1", "2", "3"]);
    // The first is not sent them again, by this process or the next.
    let mut one = bench.client(lasting("one")).await;
    assert_eq!(taken(&mut one).await, [""; 0]);
    let machine = machine.crash().await;
    for name in ["one", "other"] {
        let mut member = machine.bench.client(lasting(name)).await;
        assert_eq!(taken(&mut member).await, [""; 0]);
    }
}

#[tokio::test]
async fn what_has_gone_to_another_member_is_there_after_a_crash() {
    let machine = Machine::new("").await;
    let mut one = machine.bench.member("one", QoS::AtLeastOnce).await;
    machine.bench.work(&["1", "2"]).await;
    assert_eq!(only_sees(&mut one).await.0, "1");
    let _other = machine.bench.member("other", QoS::AtLeastOnce).await;
    one.cut().await;
    machine.bench.has_passed_on(2).await;
    let machine = machine.crash().await;
    let mut one = machine.bench.client(lasting("one")).await;
    assert_eq!(taken(&mut one).await, [""; 0]);
    let mut other = machine.bench.client(lasting("other")).await;
    assert_eq!(taken(&mut other).await, ["1", "2"]);
}

#[tokio::test]
async fn what_waits_for_a_member_that_does_not_come_back_after_a_crash_goes_to_one_that_does() {
    let machine = Machine::new("").await;
    let bench = &machine.bench;
    for name in ["gone", "back"] {
        bench.member(name, QoS::AtLeastOnce).await.cut().await;
    }
    let work: Vec<_> = (1..=10).map(|number: u8| number.to_string()).collect();
    let work: Vec<_> = work.iter().map(String::as_str).collect();
    bench.work(&work).await;
    let machine = machine.crash().await;
    let mut back = machine.bench.client(lasting("back")).await;
    machine.bench.has_passed_on(5).await;
    let got: BTreeSet<_> = taken(&mut back).await.into_iter().collect();
    assert_eq!(got, work.iter().map(|one| (*one).to_owned()).collect());
}

#[tokio::test]
async fn a_qos_2_publish_goes_to_another_member_only_if_it_was_not_sent() {
    // [MQTT-4.8.2-4] [MQTT-4.8.2-5]
    let machine = Machine::new("").await;
    let bench = &machine.bench;
    let mut one = bench.member("one", QoS::ExactlyOnce).await;
    let mut sender = bench.client(connect("sender")).await;
    let send = |number: u16| publish(&number.to_string(), QoS::ExactlyOnce, number);
    sender.send(send(1)).await;
    assert_eq!(sender.next().await, Packet::PubRec(Ack::success(id(1))));
    assert_eq!(only_sees(&mut one).await.0, "1");
    one.cut().await;
    sender.send(send(2)).await;
    assert_eq!(sender.next().await, Packet::PubRec(Ack::success(id(2))));
    let mut other = bench.member("other", QoS::ExactlyOnce).await;
    bench.has_passed_on(1).await;
    assert_eq!(only_sees(&mut other).await, ("2".to_owned(), false));
    // The first sees its own to the end, after a crash too.
    let machine = machine.crash().await;
    let mut one = machine.bench.client(lasting("one")).await;
    assert_eq!(only_sees(&mut one).await, ("1".to_owned(), true));
    assert!(one.hears_nothing().await);
}

#[tokio::test]
async fn an_ended_session_leaves_its_work_to_the_others_and_at_qos_2_what_was_sent_to_nobody() {
    // [MQTT-4.8.2-5]
    let machine = Machine::new("").await;
    let bench = &machine.bench;
    let mut brief = bench.client(connect("brief")).await;
    join_at(&mut brief, "$share/crew/room/+", QoS::ExactlyOnce).await;
    bench.work(&["1", "2"]).await;
    let mut sender = bench.client(connect("sender")).await;
    sender.send(publish("sent", QoS::ExactlyOnce, 3)).await;
    assert_eq!(sender.next().await, Packet::PubRec(Ack::success(id(3))));
    for payload in ["1", "2", "sent"] {
        assert_eq!(only_sees(&mut brief).await.0, payload);
    }
    // Nobody else is connected: it goes to one who is away.
    bench.member("away", QoS::ExactlyOnce).await.cut().await;
    brief.cut().await;
    assert_eq!(bench.metrics.gateway.passed_on.get(), 2);
    let by_reason = &bench.metrics.gateway.dropped_deliveries;
    let ended = GatewayMetrics::counter(by_reason, "reason", "session_ended");
    assert_eq!(ended.get(), 1);
    let machine = machine.crash().await;
    let mut away = machine.bench.client(lasting("away")).await;
    assert_eq!(taken(&mut away).await, ["1", "2"]);
}

#[tokio::test]
async fn of_a_lot_of_work_as_much_goes_to_another_member_as_it_has_room_for() {
    const WORK: u16 = 1_200;
    let machine = Machine::new("gateway.session.max_queued_messages = 2_000").await;
    let bench = &machine.bench;
    bench.member("one", QoS::AtLeastOnce).await.cut().await;
    let mut sender = bench.client(connect("sender")).await;
    for number in 1..=WORK {
        sender.publish(&number.to_string(), number).await;
    }
    // One that takes nothing has room for 1,000 of them beside its own.
    let mut own = bench.client(lasting("other")).await;
    join(&mut own, "$share/crew/room/+").await;
    join(&mut own, "alone").await;
    own.cut().await;
    for number in 1..=1_000 {
        let Packet::Publish(mut alone) = publish("own", QoS::AtLeastOnce, number) else {
            panic!("a PUBLISH");
        };
        alone.topic = messina_mqtt::topic::Topic::new("alone").unwrap();
        sender.send(Packet::Publish(alone)).await;
        assert!(matches!(sender.next().await, Packet::PubAck(_)));
    }
    let other = bench.client(lasting("other")).await;
    bench.has_passed_on(1_000).await;
    other.cut().await;
    let machine = machine.crash().await;
    let bench = &machine.bench;
    assert_eq!(bench.metrics.gateway.passed_on.get(), 0);
    let mut one = bench.client(lasting("one")).await;
    let left = taken_all(&mut one).await;
    assert_eq!(left.first().map(String::as_str), Some("1001"));
    assert_eq!(left.len(), 200);
}

/// What comes until nothing comes any more.
async fn taken_all(client: &mut Client) -> Vec<String> {
    let mut all = Vec::new();
    loop {
        let more = taken(client).await;
        if more.is_empty() {
            return all;
        }
        all.extend(more);
    }
}
