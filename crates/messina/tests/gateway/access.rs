//! Who may come in and what they may do, as clients find it.

use std::path::Path;

use messina_mqtt::packet::{
    Connect, ConnectProperties, Packet, Publish, QoS, Subscribe, SubscribeProperties, Subscription,
    SubscriptionOptions, Version, Will, WillProperties,
};
use messina_mqtt::reason::ReasonCode;
use messina_mqtt::topic::{Topic, TopicFilter};

use super::bench::{Bench, Client, connect, id, lasting, open_log};

const RULES: &str = "topic read public/#\n\
                     user ada\ntopic write lamps/+\ntopic read lamps/#\n\
                     pattern readwrite home/%u/#\n";

/// A gateway that knows `ada` and `bob`, whose passwords are their names.
async fn guarded(dir: &Path, more: &str) -> Bench {
    let entries = ["ada", "bob"].map(|user| {
        let entry = messina::access::entry_for(user, user.as_bytes(), None).unwrap();
        format!("{entry}\n")
    });
    std::fs::write(dir.join("passwords"), entries.concat()).unwrap();
    std::fs::write(dir.join("acl"), RULES).unwrap();
    let settings = format!(
        "[mqtt.access]\npassword_file = '{0}/passwords'\nacl_file = '{0}/acl'\n{more}\n",
        dir.display()
    );
    Bench::open(open_log(&dir.join("log")), &settings).await
}

fn named(name: &str) -> Connect {
    let mut named = lasting(&format!("device-of-{name}"));
    named.user_name = Some(name.try_into().unwrap());
    named.password = Some(name.to_owned().into());
    named
}

/// Publishes at QoS 1, and tells the answer.
async fn publish_to(client: &mut Client, topic: &str) -> ReasonCode {
    let mut publish = Publish::new(Topic::new(topic).unwrap(), "on");
    publish.qos = QoS::AtLeastOnce;
    publish.packet_id = Some(id(1));
    client.send(Packet::Publish(publish)).await;
    match client.next().await {
        Packet::PubAck(ack) => ack.reason,
        other => panic!("{other:?} is not a PUBACK"),
    }
}

/// Subscribes at QoS 1, and tells the answer.
async fn subscribe_to(client: &mut Client, filter: &str) -> ReasonCode {
    client
        .send(Packet::Subscribe(Subscribe {
            packet_id: id(2),
            properties: SubscribeProperties::default(),
            subscriptions: vec![Subscription {
                filter: TopicFilter::new(filter).unwrap(),
                options: SubscriptionOptions::with_qos(QoS::AtLeastOnce),
            }],
        }))
        .await;
    match client.next().await {
        Packet::SubAck(suback) => *suback.reasons.first().unwrap(),
        other => panic!("{other:?} is not a SUBACK"),
    }
}

async fn refused(bench: &Bench, connect: Connect) -> ReasonCode {
    let mut client = bench.dial(connect.version, 1 << 16);
    let reason = client.connect(connect).await.reason;
    assert!(client.receive().await.is_none(), "the connection is closed");
    reason
}

#[tokio::test]
async fn only_known_users_come_in() {
    // [MQTT-3.1.4-2]
    let dir = tempfile::tempdir().unwrap();
    let bench = guarded(dir.path(), "").await;
    bench.client(named("ada")).await;
    assert_eq!(
        refused(&bench, connect("nobody")).await,
        ReasonCode::NotAuthorized
    );
    let mut wrong = named("ada");
    wrong.password = Some("bob".into());
    assert_eq!(
        refused(&bench, wrong).await,
        ReasonCode::BadUserNameOrPassword
    );
    let mut stranger = named("eve");
    stranger.version = Version::V311;
    stranger.properties = ConnectProperties::default();
    assert_eq!(
        refused(&bench, stranger).await,
        ReasonCode::BadUserNameOrPassword
    );
}

#[tokio::test]
async fn a_client_does_what_it_may_and_nothing_else() {
    let dir = tempfile::tempdir().unwrap();
    let bench = guarded(dir.path(), "").await;
    let mut ada = bench.client(named("ada")).await;
    let mut bob = bench.client(named("bob")).await;
    assert_eq!(publish_to(&mut ada, "lamps/1").await, ReasonCode::Success);
    let denied = ReasonCode::NotAuthorized;
    assert_eq!(publish_to(&mut bob, "lamps/1").await, denied);
    assert_eq!(publish_to(&mut bob, "home/ada/door").await, denied);
    assert_eq!(
        publish_to(&mut ada, "home/ada/door").await,
        ReasonCode::Success
    );
    assert_eq!(subscribe_to(&mut bob, "lamps/#").await, denied);
    assert_eq!(
        subscribe_to(&mut ada, "lamps/#").await,
        ReasonCode::GrantedQoS1
    );
    assert_eq!(
        subscribe_to(&mut ada, "$share/all/lamps/#").await,
        ReasonCode::GrantedQoS1
    );
    // What a filter matches beyond what may be read is not delivered, awake or asleep.
    assert_eq!(
        subscribe_to(&mut bob, "home/#").await,
        ReasonCode::GrantedQoS1
    );
    bob.cut().await;
    assert_eq!(
        publish_to(&mut ada, "home/ada/door").await,
        ReasonCode::Success
    );
    let mut bob = bench.client(named("bob")).await;
    assert!(bob.hears_nothing().await);
    assert_eq!(
        publish_to(&mut ada, "home/ada/door").await,
        ReasonCode::Success
    );
    assert!(bob.hears_nothing().await);
    let denied = &bench.metrics.gateway.denied;
    let count = |action: &str| {
        denied
            .get_or_create_owned(&[("action", action.to_owned())])
            .get()
    };
    assert_eq!(
        (count("publish"), count("subscribe"), count("delivery")),
        (2, 1, 2)
    );
    assert_eq!(
        bench.records().len(),
        4,
        "what was denied is not in the log"
    );
}

#[tokio::test]
async fn a_will_needs_the_right_to_publish_it() {
    let dir = tempfile::tempdir().unwrap();
    let bench = guarded(dir.path(), "").await;
    let mut leaving = named("bob");
    leaving.will = Some(Will {
        topic: Topic::new("lamps/1").unwrap(),
        payload: "gone".into(),
        qos: QoS::AtLeastOnce,
        retain: false,
        properties: WillProperties::default(),
    });
    assert_eq!(refused(&bench, leaving).await, ReasonCode::NotAuthorized);
}

#[tokio::test]
async fn a_reload_ends_who_is_gone_and_changes_what_the_others_may() {
    let dir = tempfile::tempdir().unwrap();
    let bench = guarded(dir.path(), "").await;
    let mut ada = bench.client(named("ada")).await;
    let mut bob = bench.client(named("bob")).await;
    let passwords = dir.path().join("passwords");
    let kept: String = std::fs::read_to_string(&passwords).unwrap();
    let kept: Vec<&str> = kept
        .lines()
        .filter(|line| line.starts_with("bob"))
        .collect();
    std::fs::write(&passwords, kept.join("\n") + "\n").unwrap();
    std::fs::write(dir.path().join("acl"), "user bob\ntopic write lamps/#\n").unwrap();
    bench.gateway.reload().await;
    assert_eq!(publish_to(&mut bob, "lamps/9").await, ReasonCode::Success);
    ada.send(Packet::PingReq).await;
    ada.is_told_to_go(ReasonCode::NotAuthorized).await;
    // Wrong rules change nothing.
    std::fs::write(dir.path().join("acl"), "topik write #\n").unwrap();
    bench.gateway.reload().await;
    assert_eq!(publish_to(&mut bob, "lamps/9").await, ReasonCode::Success);
}

#[tokio::test]
async fn a_client_over_its_budget_is_read_later_and_loses_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let bench = guarded(dir.path(), "limits.publishes_per_second = 20").await;
    let mut ada = bench.client(named("ada")).await;
    let start = std::time::Instant::now();
    for _ in 0..30 {
        assert_eq!(publish_to(&mut ada, "lamps/1").await, ReasonCode::Success);
    }
    // A second's worth at once, the other ten at twenty a second.
    assert!(start.elapsed().as_millis() >= 400, "{:?}", start.elapsed());
}
