//! Sessions that outlive their connection and the process: subscriptions, and publishes not yet delivered.

use std::time::Duration;

use bytes::BytesMut;
use messina_mqtt::packet::{
    Ack, ClientId, Connect, Packet, QoS, Unsubscribe, UnsubscribeProperties, Version,
};
use messina_mqtt::reason::ReasonCode;
use messina_mqtt::topic::TopicFilter;

use super::bench::{Client, Machine, PATIENCE, connect, id, lasting, publish};

impl Machine {
    /// `actuator`, which was here before.
    async fn returning(&self) -> Client {
        let mut actuator = self.bench.dial(Version::V5, 1 << 16);
        assert!(actuator.connect(lasting("actuator")).await.session_present);
        actuator
    }

    /// `actuator` subscribes to everything at QoS 2, and goes to sleep.
    async fn with_sleeper() -> Self {
        let machine = Self::new("").await;
        let mut actuator = machine.bench.client(lasting("actuator")).await;
        actuator.subscribe(QoS::ExactlyOnce).await;
        actuator.cut().await;
        machine
    }
}

/// The next packet as a publish: payload, identifier, dup.
async fn received(client: &mut Client) -> (String, u16, bool) {
    match client.next().await {
        Packet::Publish(publish) => {
            let payload = String::from_utf8(publish.payload.to_vec()).unwrap();
            (payload, publish.packet_id.unwrap().get(), publish.dup)
        }
        other => panic!("{other:?} is not a PUBLISH"),
    }
}

/// Publishes at QoS 2 to the end.
async fn publish_once(client: &mut Client, payload: &str, packet_id: u16) {
    client
        .send(publish(payload, QoS::ExactlyOnce, packet_id))
        .await;
    let answer = client.next().await;
    assert_eq!(answer, Packet::PubRec(Ack::success(id(packet_id))));
    client
        .send(Packet::PubRel(Ack::success(id(packet_id))))
        .await;
    let answer = client.next().await;
    assert_eq!(answer, Packet::PubComp(Ack::success(id(packet_id))));
}

#[tokio::test]
async fn publishes_for_a_sleeper_survive_a_crash_in_their_order() {
    // [MQTT-4.6.0-5] [MQTT-4.6.0-6] [MQTT-4.5.0-1]
    let machine = Machine::with_sleeper().await;
    let mut sender = machine.bench.client(connect("switch")).await;
    for number in 1..=10_u16 {
        sender.publish(&number.to_string(), number).await;
    }
    let machine = machine.crash().await;
    let mut actuator = machine.returning().await;
    for number in 1..=10 {
        let (payload, packet_id, _) = received(&mut actuator).await;
        assert_eq!(payload, number.to_string());
        actuator
            .send(Packet::PubAck(Ack::success(id(packet_id))))
            .await;
    }
    // All are acknowledged: none comes again, and the subscription holds.
    actuator.cut().await;
    let machine = machine.crash().await;
    let mut actuator = machine.returning().await;
    let mut sender = machine.bench.client(connect("switch")).await;
    sender.publish("new", 1).await;
    assert_eq!(received(&mut actuator).await.0, "new");
}

#[tokio::test]
async fn a_qos_2_publish_comes_once_wherever_the_crash_is() {
    // [MQTT-4.3.3-6] [MQTT-4.4.0-1]
    let machine = Machine::with_sleeper().await;
    let mut sender = machine.bench.client(connect("switch")).await;
    publish_once(&mut sender, "open", 1).await;
    publish_once(&mut sender, "close", 2).await;

    // Crash after the PUBLISH was sent: it comes again, with the same identifier.
    let machine = machine.crash().await;
    let mut actuator = machine.returning().await;
    let (first, second) = (received(&mut actuator).await, received(&mut actuator).await);
    assert_eq!((first.0.as_str(), second.0.as_str()), ("open", "close"));
    let machine = machine.crash().await;
    let mut actuator = machine.returning().await;
    assert_eq!(
        received(&mut actuator).await,
        ("open".to_owned(), first.1, true)
    );
    assert_eq!(
        received(&mut actuator).await,
        ("close".to_owned(), second.1, true)
    );

    // Crash after the PUBREL came: the PUBREL comes again, the PUBLISH does not.
    actuator
        .send(Packet::PubRec(Ack::success(id(first.1))))
        .await;
    let pubrel = Packet::PubRel(Ack::success(id(first.1)));
    assert_eq!(actuator.next().await, pubrel);
    let machine = machine.crash().await;
    let mut actuator = machine.returning().await;
    assert_eq!(actuator.next().await, pubrel);
    assert_eq!(
        received(&mut actuator).await,
        ("close".to_owned(), second.1, true)
    );
    assert!(actuator.hears_nothing().await);
}

#[tokio::test]
async fn an_ended_session_leaves_nothing() {
    let machine = Machine::with_sleeper().await;
    let mut sender = machine.bench.client(connect("switch")).await;
    sender.publish("late", 1).await;
    // A clean start [MQTT-3.1.2-4], and a session that ends with its connection.
    let mut actuator = machine.bench.dial(Version::V5, 1 << 16);
    assert!(!actuator.connect(connect("actuator")).await.session_present);
    assert!(actuator.hears_nothing().await);
    actuator.cut().await;
    let machine = machine.crash().await;
    let mut actuator = machine.bench.dial(Version::V5, 1 << 16);
    assert!(!actuator.connect(lasting("actuator")).await.session_present);
    assert!(actuator.hears_nothing().await);
    assert!(machine.bench.gateway.subscriptions.is_empty());
}

#[tokio::test]
async fn a_session_resumed_for_its_last_connection_ends_with_it() {
    let machine = Machine::with_sleeper().await;
    let mut last = lasting("actuator");
    last.properties.session_expiry_interval = None;
    let mut actuator = machine.bench.dial(Version::V5, 1 << 16);
    assert!(actuator.connect(last).await.session_present);
    actuator.cut().await;
    let machine = machine.crash().await;
    let mut actuator = machine.bench.dial(Version::V5, 1 << 16);
    assert!(!actuator.connect(lasting("actuator")).await.session_present);
}

#[tokio::test]
async fn an_unsubscribed_filter_stays_so_after_a_crash() {
    let machine = Machine::with_sleeper().await;
    let mut actuator = machine.returning().await;
    let unsubscribe = Unsubscribe {
        packet_id: id(9),
        properties: UnsubscribeProperties::default(),
        filters: vec![TopicFilter::new("#").unwrap()],
    };
    actuator.send(Packet::Unsubscribe(unsubscribe)).await;
    assert!(matches!(actuator.next().await, Packet::UnsubAck(_)));
    let machine = machine.crash().await;
    assert!(machine.bench.gateway.subscriptions.is_empty());
}

#[tokio::test]
async fn a_publish_for_a_full_queue_is_refused_where_that_is_wanted() {
    let settings = "[gateway.session]\nqueue_full = 'reject'\nmax_queued_messages = 2\n";
    let machine = Machine::new(settings).await;
    let mut actuator = machine.bench.client(lasting("actuator")).await;
    actuator.subscribe(QoS::ExactlyOnce).await;
    actuator.cut().await;
    let mut neighbour = machine.bench.client(connect("neighbour")).await;
    neighbour.subscribe(QoS::AtMostOnce).await;
    let mut sender = machine.bench.client(connect("switch")).await;
    assert_eq!(sender.publish("1", 1).await, ReasonCode::Success);
    publish_once(&mut sender, "2", 2).await;
    assert_eq!(sender.publish("3", 3).await, ReasonCode::QuotaExceeded);
    sender.send(publish("4", QoS::ExactlyOnce, 4)).await;
    let refused = Ack::with_reason(id(4), ReasonCode::QuotaExceeded);
    assert_eq!(sender.next().await, Packet::PubRec(refused));
    // Whoever cannot be told is not refused.
    let old = Connect::new(Version::V311, ClientId::new("old").unwrap());
    let mut old = machine.bench.client(old).await;
    assert_eq!(old.publish("5", 5).await, ReasonCode::Success);

    // What was refused is nowhere: not with the neighbour, not in the log, not after a crash.
    for payload in ["1", "2", "5"] {
        match neighbour.next().await {
            Packet::Publish(publish) => assert_eq!(publish.payload, payload),
            other => panic!("{other:?} is not a PUBLISH"),
        }
    }
    assert!(neighbour.hears_nothing().await);
    assert_eq!(machine.bench.records(), ["1", "2", "5"]);
    assert_eq!(machine.bench.metrics.gateway.rejected_publishes.get(), 2);
    let machine = machine.crash().await;
    let mut actuator = machine.returning().await;
    assert_eq!(received(&mut actuator).await.0, "1");
    assert_eq!(received(&mut actuator).await.0, "2");
    assert!(actuator.hears_nothing().await);
    // And there is room again for what comes, once the log has it that the first is done.
    actuator.send(Packet::PubAck(Ack::success(id(1)))).await;
    let mut sender = machine.bench.client(connect("switch")).await;
    let taken = async {
        while sender.publish("6", 6).await != ReasonCode::Success {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, taken).await.unwrap();
}

/// What the gateway's durable state says is on its way to the only session.
fn on_its_way(machine: &Machine) -> usize {
    let mailboxes = machine.bench.gateway.sessions.mailboxes();
    mailboxes.iter().map(|mailbox| mailbox.keys().len()).sum()
}

/// A full disk refuses that the only publish is done with, and what else the actuator has to say.
async fn with_full_disk() -> (Machine, Client) {
    let machine = Machine::with_sleeper().await;
    let mut sender = machine.bench.client(connect("switch")).await;
    sender.publish("1", 1).await;
    sender.cut().await;
    let mut actuator = machine.returning().await;
    let (payload, packet_id, _) = received(&mut actuator).await;
    assert_eq!(payload, "1");
    machine.is_full(true);
    actuator
        .send(Packet::PubAck(Ack::success(id(packet_id))))
        .await;
    let answer = actuator.publish("2", 2).await;
    assert_eq!(answer, ReasonCode::QuotaExceeded);
    assert_eq!(on_its_way(&machine), 1, "its identifier is taken");
    (machine, actuator)
}

/// The log has heard at last what the actuator is done with: nothing comes again.
async fn is_forgotten(machine: Machine) {
    let forgotten = async {
        while on_its_way(&machine) > 0 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(PATIENCE, forgotten).await.unwrap();
    let machine = machine.crash().await;
    let mut actuator = machine.returning().await;
    assert!(actuator.hears_nothing().await);
}

#[tokio::test]
async fn what_a_full_disk_has_refused_to_forget_is_forgotten_when_it_has_room() {
    let (machine, _actuator) = with_full_disk().await;
    machine.is_full(false);
    is_forgotten(machine).await;
}

#[tokio::test]
async fn what_a_full_disk_has_refused_to_forget_is_forgotten_at_the_next_connection() {
    let (machine, actuator) = with_full_disk().await;
    // It is asked once more, and refuses.
    actuator.cut().await;
    assert_eq!(on_its_way(&machine), 1);
    machine.is_full(false);
    let _actuator = machine.returning().await;
    is_forgotten(machine).await;
}

#[tokio::test]
async fn what_a_full_disk_has_refused_to_forget_is_forgotten_when_its_connection_ends() {
    let (machine, actuator) = with_full_disk().await;
    machine.is_full(false);
    actuator.cut().await;
    is_forgotten(machine).await;
}

#[tokio::test]
async fn more_wait_for_a_sleeper_over_a_crash_than_there_are_identifiers() {
    // [MQTT-2.2.1-4]
    const ALL: u32 = 66_000;
    const AT_ONCE: u32 = 1_000;
    let machine = Machine::with_sleeper().await;
    let mut sender = machine.bench.dial(Version::V5, 1 << 20);
    assert_eq!(
        sender.connect(connect("switch")).await.reason,
        ReasonCode::Success
    );
    for first in (0..ALL).step_by(AT_ONCE as usize) {
        let mut bytes = BytesMut::new();
        for packet_id in 1..=AT_ONCE {
            let payload = (first + packet_id - 1).to_string();
            let packet_id = u16::try_from(packet_id).unwrap();
            let packet = publish(&payload, QoS::AtLeastOnce, packet_id);
            sender.codec.encode(&packet, &mut bytes).unwrap();
        }
        sender.raw(&bytes).await;
        for _ in 0..AT_ONCE {
            let answer = sender.next().await;
            assert!(matches!(answer, Packet::PubAck(ack) if !ack.reason.is_error()));
        }
    }
    let machine = machine.crash().await;
    let mut actuator = machine.returning().await;
    let mut acks = BytesMut::new();
    for number in 0..ALL {
        let (payload, packet_id, _) = received(&mut actuator).await;
        assert_eq!(payload, number.to_string());
        let ack = Packet::PubAck(Ack::success(id(packet_id)));
        actuator.codec.encode(&ack, &mut acks).unwrap();
        if number % 100 == 99 {
            let acks = std::mem::take(&mut acks);
            actuator.raw(&acks).await;
        }
    }
    assert!(actuator.hears_nothing().await);
}
