//! Wills with a delay, and sessions whose time runs on while the program does not.

use std::sync::Arc;
use std::time::Duration;

use messina::telemetry::metrics::GatewayMetrics;
use messina_mqtt::packet::{Connect, Disconnect, Packet, QoS, Version, Will, WillProperties};
use messina_mqtt::reason::ReasonCode;
use messina_mqtt::topic::Topic;

use super::bench::{Bench, Client, Machine, PATIENCE, connect, lasting, open_log};

/// A session of ten minutes, with a will that waits `delay` seconds.
fn with_will(delay: u32) -> Connect {
    let mut connect = lasting("pump");
    connect.will = Some(Will {
        qos: QoS::AtLeastOnce,
        retain: false,
        topic: Topic::new("status/pump").unwrap(),
        payload: "gone".into(),
        properties: WillProperties {
            will_delay_interval: Some(delay),
            ..WillProperties::default()
        },
    });
    connect
}

impl Bench {
    /// Lets time have its effect.
    fn look_after_sessions(&self) {
        tokio::spawn(Arc::clone(&self.gateway).expire_sessions());
    }

    async fn witness(&self) -> Client {
        let mut witness = self.client(connect("witness")).await;
        witness.subscribe(QoS::AtMostOnce).await;
        witness
    }
}

async fn is_gone(witness: &mut Client) {
    match witness.next().await {
        Packet::Publish(will) => assert_eq!(will.payload, "gone"),
        other => panic!("{other:?} is not the will"),
    }
}

#[tokio::test]
async fn a_will_waits_and_is_published_once() {
    // [MQTT-3.1.2-8] [MQTT-3.1.2-10]
    let machine = Machine::new("").await;
    machine.bench.look_after_sessions();
    let mut witness = machine.bench.witness().await;
    machine.bench.client(with_will(1)).await.cut().await;
    assert!(witness.hears_nothing().await);
    is_gone(&mut witness).await;
    assert_eq!(machine.bench.records(), ["gone"]);

    let machine = machine.crash().await;
    machine.bench.look_after_sessions();
    let mut witness = machine.bench.witness().await;
    machine.bench.client(connect("pump")).await.cut().await;
    assert!(witness.hears_nothing().await);
    assert_eq!(machine.bench.records(), ["gone"]);
}

#[tokio::test]
async fn a_client_that_is_back_in_time_is_not_said_to_be_gone() {
    // [MQTT-3.1.3-9]
    let machine = Machine::new("").await;
    machine.bench.look_after_sessions();
    let mut witness = machine.bench.witness().await;
    machine.bench.client(with_will(1)).await.cut().await;
    let back = machine.bench.client(lasting("pump")).await;
    tokio::time::sleep(Duration::from_millis(2500)).await;
    assert!(witness.hears_nothing().await);
    back.cut().await;
    let machine = machine.crash().await;
    machine.bench.look_after_sessions();
    tokio::time::sleep(Duration::from_millis(1500)).await;
    assert_eq!(machine.bench.records(), [""; 0]);
}

#[tokio::test]
async fn a_will_does_not_outlive_its_session() {
    let machine = Machine::new("").await;
    let mut witness = machine.bench.witness().await;
    machine.bench.client(with_will(600)).await.cut().await;
    assert!(witness.hears_nothing().await);
    // A clean start ends the session.
    let _anew = machine.bench.client(connect("pump")).await;
    is_gone(&mut witness).await;
}

#[tokio::test]
async fn a_crash_is_the_end_of_every_connection() {
    let machine = Machine::new("").await;
    let _connected = machine.bench.client(with_will(0)).await;
    let machine = machine.crash().await;
    let mut witness = machine.bench.witness().await;
    machine.bench.look_after_sessions();
    is_gone(&mut witness).await;
    let machine = machine.crash().await;
    let mut witness = machine.bench.witness().await;
    machine.bench.look_after_sessions();
    tokio::time::sleep(Duration::from_millis(1500)).await;
    assert!(witness.hears_nothing().await);
    assert_eq!(machine.bench.records(), ["gone"]);
}

#[tokio::test]
async fn a_will_that_waits_survives_a_crash() {
    let machine = Machine::new("").await;
    machine.bench.client(with_will(1)).await.cut().await;
    let machine = machine.crash().await;
    let mut witness = machine.bench.witness().await;
    machine.bench.look_after_sessions();
    is_gone(&mut witness).await;
    assert_eq!(machine.bench.records(), ["gone"]);
}

#[tokio::test]
async fn after_a_goodbye_no_crash_brings_the_will() {
    let machine = Machine::new("").await;
    let mut polite = machine.bench.client(with_will(0)).await;
    let goodbye = Disconnect::new(ReasonCode::Success);
    polite.send(Packet::Disconnect(goodbye)).await;
    polite.cut().await;
    let machine = machine.crash().await;
    let mut witness = machine.bench.witness().await;
    machine.bench.look_after_sessions();
    tokio::time::sleep(Duration::from_millis(1500)).await;
    assert!(witness.hears_nothing().await);
}

#[tokio::test]
async fn a_sessions_time_runs_on_over_a_crash() {
    // [MQTT-4.1.0-2]
    // [MQTT-3.1.2-23]
    let machine = Machine::new("").await;
    let mut short = lasting("pump");
    short.properties.session_expiry_interval = Some(1);
    machine.bench.client(short).await.cut().await;
    machine.bench.client(lasting("valve")).await.cut().await;
    tokio::time::sleep(Duration::from_millis(1100)).await;
    let machine = machine.crash().await;
    let mut pump = machine.bench.dial(Version::V5, 1 << 16);
    assert!(!pump.connect(lasting("pump")).await.session_present);
    let mut valve = machine.bench.dial(Version::V5, 1 << 16);
    assert!(valve.connect(lasting("valve")).await.session_present);
}

#[tokio::test]
async fn a_will_that_waits_over_a_restart_is_published_by_the_rules_of_then() {
    let dir = tempfile::tempdir().unwrap();
    let rules = dir.path().join("acl");
    let settings = format!(
        "[mqtt.access]\nacl_file = '{}'\nanonymous = 'always'\n",
        rules.display()
    );
    std::fs::write(&rules, "topic write status/#\n").unwrap();
    let bench = Bench::open(open_log(&dir.path().join("log")), &settings).await;
    bench.client(with_will(1)).await.cut().await;
    bench.log.close().unwrap();
    drop(bench);

    std::fs::write(&rules, "topic write other/#\n").unwrap();
    let bench = Bench::open(open_log(&dir.path().join("log")), &settings).await;
    bench.look_after_sessions();
    let denied = GatewayMetrics::counter(&bench.metrics.gateway.denied, "action", "will");
    let wait = async {
        while denied.get() == 0 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(PATIENCE, wait).await.unwrap();
    assert_eq!(bench.records(), [""; 0]);
}
