//! Queues of absent and slow clients: how much, how long, and what is dropped when they are full.

use std::num::NonZeroU16;
use std::sync::Arc;

use messina::telemetry::metrics::GatewayMetrics;
use messina_mqtt::packet::{Ack, Connect, Packet, QoS, Version};
use messina_mqtt::reason::ReasonCode;

use super::bench::{Bench, Client, Machine, PATIENCE, connect, id, lasting, open_log, publish};

impl Bench {
    fn lost(&self, reason: &str) -> u64 {
        let by_reason = &self.metrics.gateway.dropped_deliveries;
        GatewayMetrics::counter(by_reason, "reason", reason).get()
    }

    /// Waits until the gateway's upkeep has dropped so many for `reason`.
    async fn has_lost(&self, reason: &str, count: u64) {
        let wait = async {
            while self.lost(reason) < count {
                tokio::time::sleep(std::time::Duration::from_millis(10)).await;
            }
        };
        tokio::time::timeout(PATIENCE, wait).await.unwrap();
    }

    fn looks_after(&self) {
        tokio::spawn(Arc::clone(&self.gateway).expire_sessions());
    }

    /// `name` subscribes to everything, and goes to sleep.
    async fn sleeper(&self, name: &str) {
        let mut sleeper = self.client(lasting(name)).await;
        sleeper.subscribe(QoS::ExactlyOnce).await;
        sleeper.cut().await;
    }

    /// Payloads that `name` finds when it comes back, each acknowledged.
    async fn finds(&self, name: &str) -> Vec<String> {
        let mut client = self.dial(Version::V5, 1 << 16);
        assert!(client.connect(lasting(name)).await.session_present);
        let found = taken(&mut client).await;
        client.cut().await;
        found
    }
}

/// What comes until a PINGRESP, each acknowledged; what the acknowledgements make room for too.
async fn taken(client: &mut Client) -> Vec<String> {
    let mut all = Vec::new();
    loop {
        let before = all.len();
        client.send(Packet::PingReq).await;
        loop {
            match client.next().await {
                Packet::Publish(publish) => {
                    all.push(String::from_utf8(publish.payload.to_vec()).unwrap());
                    let packet_id = publish.packet_id.unwrap();
                    assert_eq!(publish.qos, QoS::AtLeastOnce);
                    client.send(Packet::PubAck(Ack::success(packet_id))).await;
                }
                Packet::PingResp => break,
                other => panic!("{other:?} is not expected"),
            }
        }
        if all.len() == before {
            return all;
        }
    }
}

/// Takes one publish at a time.
fn slow(name: &str) -> Connect {
    let mut slow = connect(name);
    slow.properties.receive_maximum = NonZeroU16::new(1);
    slow
}

async fn send_all(bench: &Bench, payloads: &[&str]) {
    let mut sender = bench.client(connect("sender")).await;
    for (number, payload) in (1..).zip(payloads) {
        assert_eq!(sender.publish(payload, number).await, ReasonCode::Success);
    }
    sender.cut().await;
}

#[tokio::test]
async fn the_newest_stay_where_that_is_wanted_and_what_is_dropped_stays_dropped_over_a_crash() {
    let settings = "[gateway.session]\nqueue_full = 'drop_oldest'\nmax_queued_messages = 3\n";
    let machine = Machine::new(settings).await;
    machine.bench.sleeper("actuator").await;
    send_all(&machine.bench, &["1", "2", "3", "4", "5", "6"]).await;
    assert_eq!(machine.bench.lost("queue_full"), 3);
    assert_eq!(machine.bench.records().len(), 6, "the log has all of them");
    let machine = machine.crash().await;
    // The limit holds for what an earlier process has left too.
    send_all(&machine.bench, &["7"]).await;
    assert_eq!(machine.bench.finds("actuator").await, ["5", "6", "7"]);
    let machine = machine.crash().await;
    assert!(machine.bench.finds("actuator").await.is_empty());
}

#[tokio::test]
async fn by_bytes_as_many_of_the_oldest_make_way_as_it_takes() {
    let settings = "[gateway.session]\nqueue_full = 'drop_oldest'\nmax_queued_bytes = '40B'\n";
    let machine = Machine::new(settings).await;
    machine.bench.sleeper("actuator").await;
    // The topic counts 6 bytes.
    let (long, too_long) = ("x".repeat(24), "y".repeat(35));
    send_all(&machine.bench, &["1", "2", "3", "4", &long, &too_long]).await;
    assert_eq!(machine.bench.lost("queue_full"), 3 + 1);
    let machine = machine.crash().await;
    assert_eq!(machine.bench.finds("actuator").await, ["4", &long]);
}

#[tokio::test]
async fn a_slow_client_that_is_here_is_held_to_the_same_limits() {
    let dir = tempfile::tempdir().unwrap();
    let settings = "[gateway.session]\nqueue_full = 'drop_oldest'\nmax_queued_messages = 3\n";
    let bench = Bench::open(open_log(dir.path()), settings).await;
    let mut here = bench.client(slow("slow")).await;
    here.subscribe(QoS::AtLeastOnce).await;
    // One is with the client, one with its session, which takes what could leave next.
    send_all(&bench, &["1", "2", "3", "4", "5", "6", "7", "8"]).await;
    assert_eq!(taken(&mut here).await, ["1", "2", "6", "7", "8"]);
    assert_eq!(bench.lost("queue_full"), 3);
}

#[tokio::test]
async fn a_publish_for_a_slow_client_that_is_here_is_refused_where_that_is_wanted() {
    let dir = tempfile::tempdir().unwrap();
    let settings = "[gateway.session]\nqueue_full = 'reject'\nmax_queued_messages = 2\n";
    let bench = Bench::open(open_log(dir.path()), settings).await;
    let mut here = bench.client(slow("slow")).await;
    here.subscribe(QoS::AtLeastOnce).await;
    let mut sender = bench.client(connect("sender")).await;
    let mut number = 0;
    let refused = loop {
        number += 1;
        match sender.publish(&number.to_string(), number).await {
            ReasonCode::Success => {}
            refused => break refused,
        }
    };
    assert_eq!(refused, ReasonCode::QuotaExceeded);
    assert_eq!(number, 5, "one is sent, one is to be next, two wait");
    assert_eq!(bench.records(), ["1", "2", "3", "4"]);
    assert_eq!(bench.lost("queue_full"), 0);
    assert_eq!(bench.metrics.gateway.rejected_publishes.get(), 1);
    // QoS 0 cannot be refused: it is dropped for this client, and counted.
    sender.send(publish("plain", QoS::AtMostOnce, 0)).await;
    bench.has_lost("queue_full", 1).await;
    assert_eq!(taken(&mut here).await, ["1", "2", "3", "4"]);
    assert_eq!(sender.publish("6", 6).await, ReasonCode::Success);
}

#[tokio::test]
async fn all_queues_together_have_a_limit_that_holds_over_a_crash() {
    let machine = Machine::new("gateway.session.max_queued_bytes_total = '40B'").await;
    machine.bench.sleeper("one").await;
    machine.bench.sleeper("two").await;
    // 7 bytes each, for two clients.
    send_all(&machine.bench, &["1", "2", "3"]).await;
    assert_eq!(machine.bench.lost("total_full"), 1);
    let machine = machine.crash().await;
    send_all(&machine.bench, &["4"]).await;
    assert_eq!(machine.bench.lost("total_full"), 2);
    let mut found = machine.bench.finds("one").await;
    found.extend(machine.bench.finds("two").await);
    assert_eq!(found, ["1", "2", "3", "1", "2"]);
    // There is room again.
    send_all(&machine.bench, &["5"]).await;
    assert_eq!(machine.bench.finds("one").await, ["5"]);
}

#[tokio::test]
async fn what_has_waited_too_long_is_dropped_in_memory_and_in_the_log() {
    let machine = Machine::new("gateway.session.max_queued_age = '4s'").await;
    machine.bench.sleeper("actuator").await;
    send_all(&machine.bench, &["old"]).await;
    machine.bench.looks_after();
    machine.bench.has_lost("too_old", 1).await;
    send_all(&machine.bench, &["new"]).await;
    let machine = machine.crash().await;
    assert_eq!(machine.bench.finds("actuator").await, ["new"]);
    assert_eq!(machine.bench.gateway.sessions.waiting_bytes(), 0);
}

#[tokio::test]
async fn the_time_a_publish_waits_runs_on_over_a_crash() {
    let machine = Machine::new("gateway.session.max_queued_age = '2s'").await;
    machine.bench.sleeper("actuator").await;
    let sent = tokio::time::Instant::now();
    send_all(&machine.bench, &["old"]).await;
    tokio::time::sleep(std::time::Duration::from_millis(1500)).await;
    let machine = machine.crash().await;
    machine.bench.looks_after();
    machine.bench.has_lost("too_old", 1).await;
    assert!(sent.elapsed() >= std::time::Duration::from_millis(1990));
    assert!(machine.bench.finds("actuator").await.is_empty());
    let machine = machine.crash().await;
    assert!(machine.bench.finds("actuator").await.is_empty());
}

#[tokio::test]
async fn what_was_sent_and_not_acknowledged_is_neither_too_old_nor_driven_out() {
    let settings = "[gateway.session]\nqueue_full = 'drop_oldest'\nmax_queued_messages = 3\n\
                    max_queued_age = '4s'\n";
    let machine = Machine::new(settings).await;
    let mut actuator = machine.bench.client(lasting("actuator")).await;
    actuator.subscribe(QoS::ExactlyOnce).await;
    let mut sender = machine.bench.client(connect("sender")).await;
    for number in 1..=2 {
        sender.send(publish("sent", QoS::ExactlyOnce, number)).await;
        assert_eq!(
            sender.next().await,
            Packet::PubRec(Ack::success(id(number)))
        );
        assert!(matches!(actuator.next().await, Packet::Publish(_)));
    }
    machine.bench.looks_after();
    let machine = machine.crash().await;
    machine.bench.looks_after();
    send_all(&machine.bench, &["3", "4"]).await;
    assert_eq!(machine.bench.lost("queue_full"), 1);
    machine.bench.has_lost("too_old", 1).await;
    let mut actuator = machine.bench.dial(Version::V5, 1 << 16);
    assert!(actuator.connect(lasting("actuator")).await.session_present);
    for _ in 0..2 {
        match actuator.next().await {
            Packet::Publish(again) => assert!(again.dup && again.payload == "sent"),
            other => panic!("{other:?} is not a PUBLISH"),
        }
    }
    assert!(actuator.hears_nothing().await);
}

#[tokio::test]
async fn qos_0_does_not_wait_for_a_client_that_is_away() {
    let machine = Machine::new("").await;
    machine.bench.sleeper("actuator").await;
    let mut sender = machine.bench.client(connect("sender")).await;
    sender.send(publish("plain", QoS::AtMostOnce, 0)).await;
    assert_eq!(sender.publish("kept", 1).await, ReasonCode::Success);
    assert_eq!(machine.bench.finds("actuator").await, ["kept"]);
    assert_eq!(machine.bench.lost("away"), 1);
}

#[tokio::test]
async fn what_ends_with_its_session_is_counted() {
    let machine = Machine::new("").await;
    machine.bench.sleeper("actuator").await;
    send_all(&machine.bench, &["1", "2"]).await;
    machine.bench.client(connect("actuator")).await.cut().await;
    assert_eq!(machine.bench.lost("session_ended"), 2);
}
