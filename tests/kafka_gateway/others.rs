//! Two gateways in front of one Kafka: what is published at one reaches who subscribes at the other.

use std::collections::BTreeSet;

use messina_e2e::kafka;
use messina_e2e::outside::{MosquittoSub, mosquitto, require};
use messina_e2e::patience::until;
use messina_e2e::server::{Server, Site};
use messina_e2e::wire::{Wire, connect};

use crate::kills::site;

/// The group of a test's gateways.
fn group(test: &str) -> String {
    format!("others-{test}-{}", std::process::id())
}

/// Two gateways of one group, whose names end in `a` and `b`.
fn pair(test: &str) -> [Site; 2] {
    let topic = group(test);
    ["a", "b"].map(|name| site(&topic).set(format!("kafka.gateway_id={topic}-{name}")))
}

fn publish(site: &Site, arguments: &[&str]) {
    let output = mosquitto("mosquitto_pub", site.mqtt, arguments);
    assert!(output.status.success(), "{output:?}");
}

fn possible(test: &str) -> bool {
    require("mosquitto_sub", test).is_some() && kafka::shared(test).is_some()
}

/// Publishes at one gateway until a subscriber of the other has got something: that it subscribes is known there soon,
/// not at once.
fn wait_until_heard(from: &Site, to: &MosquittoSub, topic: &str) {
    let mut number = 0;
    until("the other gateway has heard of the subscription", || {
        number += 1;
        publish(
            from,
            &["-q", "1", "-t", topic, "-m", &format!("try {number}")],
        );
        to.try_next()
    });
    publish(from, &["-q", "1", "-t", topic, "-m", "heard"]);
    to.until(" heard");
}

#[test]
fn a_command_published_at_one_gateway_reaches_a_subscriber_at_another() {
    if !possible("two gateways in front of Kafka") {
        return;
    }
    let [a, b] = pair("live");
    let _running: [Server; 2] = [a.start(), b.start()];
    let at_b = MosquittoSub::start(b.mqtt, "valve/+", 2);
    wait_until_heard(&a, &at_b, "valve/1");
    for qos in ["0", "1", "2"] {
        publish(
            &a,
            &["-q", qos, "-t", "valve/1", "-m", &format!("open {qos}")],
        );
        assert_eq!(at_b.next(), format!("valve/1 {qos} open {qos}"));
    }
    // Its own gateway's publishes come once, not again through Kafka.
    publish(&b, &["-q", "1", "-t", "valve/2", "-m", "from here"]);
    publish(&a, &["-q", "1", "-t", "valve/2", "-m", "from there"]);
    assert_eq!(at_b.next(), "valve/2 1 from here");
    assert_eq!(at_b.next(), "valve/2 1 from there");
}

#[test]
fn what_is_retained_at_one_gateway_is_retained_at_all() {
    if !possible("retained publishes of two gateways in front of Kafka") {
        return;
    }
    let [a, b] = pair("retained");
    let _first = a.start();
    publish(&a, &["-q", "1", "-r", "-t", "state/early", "-m", "1"]);
    let _second = b.start();
    let at_b = MosquittoSub::start(b.mqtt, "state/#", 1);
    assert_eq!(at_b.next(), "state/early 1 1");
    publish(&a, &["-q", "1", "-r", "-t", "state/late", "-m", "2"]);
    let retained = until("the other gateway retains it", || {
        let arguments = ["-t", "state/late", "-C", "1", "-W", "1"];
        let output = mosquitto("mosquitto_sub", b.mqtt, &arguments);
        output.status.success().then_some(output.stdout)
    });
    assert_eq!(retained, b"2\n");
}

#[test]
fn a_sleeping_session_gets_what_was_published_elsewhere_while_its_gateway_was_down() {
    if !possible("a sleeping session of two gateways in front of Kafka") {
        return;
    }
    let [a, b] = pair("asleep");
    let _first = a.start();
    let second = b.start();
    // The other gateway hears of filters, not of sessions: this one has told it before the session begins.
    let ear = MosquittoSub::start(b.mqtt, "valve/9", 0);
    wait_until_heard(&a, &ear, "valve/9");
    let session = ["-i", "actuator", "-c", "-t", "valve/9", "-q", "2"];
    MosquittoSub::start_with(b.mqtt, &session, "%t %q %p").leave();
    publish(&a, &["-q", "2", "-t", "valve/9", "-m", "one"]);
    second.kill_9();
    publish(&a, &["-q", "2", "-t", "valve/9", "-m", "two"]);
    publish(&a, &["-q", "2", "-t", "valve/9", "-m", "three"]);
    let _second = b.start();
    let at_b = MosquittoSub::start_with(b.mqtt, &session, "%t %q %p");
    let got: Vec<String> = (0..3).map(|_| at_b.next()).collect();
    assert_eq!(got, ["valve/9 2 one", "valve/9 2 two", "valve/9 2 three"]);
}

/// What `messina gateways` says, with those arguments.
fn gateways(site: &Site, group: &str, arguments: &[&str]) -> String {
    let mut command = site.messina(&[&["gateways"], arguments].concat());
    command.args([
        "--set",
        &format!("kafka.bootstrap_servers={}", kafka::SHARED),
    ]);
    command.args(["--set", &format!("kafka.gateway_group={group}")]);
    let output = command.output().expect("the binary starts");
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).expect("text")
}

#[test]
fn a_gateway_that_is_gone_is_forgotten_and_one_that_runs_after_all_says_again_what_it_wants() {
    if !possible("a gateway that is gone for good") {
        return;
    }
    let (group, [a, b]) = (group("gone"), pair("gone"));
    let name = format!("{group}-b");
    let wants = || {
        let list = gateways(&a, &group, &["list", "--json"]);
        let list: serde_json::Value = serde_json::from_str(&list).expect("JSON");
        list.get(&name).and_then(serde_json::Value::as_u64)
    };
    let _first = a.start();
    let second = b.start();
    let session = ["-i", "actuator", "-c", "-t", "valve/1", "-q", "1"];
    let at_b = MosquittoSub::start_with(b.mqtt, &session, "%t %q %p");
    wait_until_heard(&a, &at_b, "valve/1");
    at_b.leave();
    second.kill_9();
    assert_eq!(wants(), Some(1));
    // It is relayed to while nobody says that it is gone.
    let relay = format!("__messina_relay.{group}");
    let relayed = || {
        kafka::consume(kafka::SHARED, &relay, "%o\n")
            .lines()
            .count()
    };
    let grows = || {
        let before = relayed();
        publish(&a, &["-q", "1", "-t", "valve/1", "-m", "to whom?"]);
        relayed() > before
    };
    assert!(grows());
    let said = gateways(&a, &group, &["forget", &name]);
    assert!(
        said.contains(&format!("forgot 1 filters of `{name}`"))
            && said.contains(&format!("__messina_sessions.{name}")),
        "{said}"
    );
    assert_eq!(wants(), None);
    until("nothing is relayed any more", || (!grows()).then_some(()));
    // It comes back after all, and is forgotten by mistake.
    let _second = b.start();
    until("it has said what it wants", wants);
    gateways(&a, &group, &["forget", &name]);
    until("it has said so again", wants);
    let at_b = MosquittoSub::start_with(b.mqtt, &session, "%t %q %p");
    wait_until_heard(&a, &at_b, "valve/1");
}

#[test]
fn a_gateway_reads_the_partitions_that_the_relay_gets_while_it_runs_and_while_it_is_down() {
    if !possible("the relay of two gateways gets more partitions") {
        return;
    }
    let (group, [a, b]) = (group("wider"), pair("wider"));
    let relay = format!("__messina_relay.{group}");
    let widen = |partitions: &str| {
        let alter = ["--alter", "--topic", &relay, "--partitions", partitions];
        kafka::topics(kafka::SHARED, &alter);
    };
    let second = b.start();
    let session = ["-i", "actuator", "-c", "-t", "valve/+", "-q", "1"];
    let at_b = MosquittoSub::start_with(b.mqtt, &session, "%p");
    until("it has said what it wants", || {
        let list = gateways(&b, &group, &["list", "--json"]);
        list.contains(&group).then_some(())
    });
    // The other starts when there are more, and uses all of them at once.
    let publish_at_a = |from: usize| {
        let _first = a.start();
        for number in from..from + 24 {
            let topic = format!("valve/{number}");
            publish(&a, &["-q", "1", "-t", &topic, "-m", &number.to_string()]);
        }
    };
    // At QoS 1 the last one may come again after a kill.
    let come = |to: &MosquittoSub, from: usize| {
        let mut missing = (from..from + 24).collect::<BTreeSet<usize>>();
        while !missing.is_empty() {
            missing.remove(&to.next().parse().expect("a number"));
        }
    };
    widen("6");
    publish_at_a(0);
    come(&at_b, 0);
    at_b.leave();
    second.kill_9();
    widen("9");
    publish_at_a(24);
    let used = kafka::consume(kafka::SHARED, &relay, "%p\n");
    let used: BTreeSet<&str> = used.lines().collect();
    assert!(
        ["3", "4", "5", "6", "7"]
            .iter()
            .all(|new| used.contains(new)),
        "{used:?}"
    );
    let _second = b.start();
    let at_b = MosquittoSub::start_with(b.mqtt, &session, "%p");
    come(&at_b, 24);
}

#[test]
fn a_client_that_goes_to_another_gateway_begins_a_session_there_and_finds_its_old_one_where_it_was()
{
    if kafka::shared("a client that moves between gateways").is_none() {
        return;
    }
    let [a, b] = pair("moves");
    let _running: [Server; 2] = [a.start(), b.start()];
    // Session present, and success.
    let comes_to = |site: &Site| {
        let mut wire = Wire::open(site.mqtt);
        wire.send(&connect(4, "meter", false));
        let answer = wire.frame().expect("a CONNACK").number(0);
        wire.send(&[0xe0, 0]);
        assert_eq!(wire.frame(), None);
        answer
    };
    assert_eq!(comes_to(&a), 0);
    assert_eq!(comes_to(&b), 0);
    assert_eq!(comes_to(&a), 0x100);
    assert_eq!(comes_to(&b), 0x100);
}

#[test]
fn a_shared_subscriptions_group_is_each_gateways_own() {
    if !possible("a shared subscription at two gateways in front of Kafka") {
        return;
    }
    let [a, b] = pair("shares");
    let _running: [Server; 2] = [a.start(), b.start()];
    let member = |site: &Site| MosquittoSub::start(site.mqtt, "$share/crew/valve/1", 1);
    let (at_a, too, at_b) = (member(&a), member(&a), member(&b));
    wait_until_heard(&a, &at_b, "valve/1");
    for number in 0..20 {
        publish(
            &a,
            &["-q", "1", "-t", "valve/1", "-m", &format!("n{number}")],
        );
    }
    publish(&a, &["-q", "1", "-t", "valve/1", "-m", "last"]);
    publish(&a, &["-q", "1", "-t", "valve/1", "-m", "last"]);
    let until_last = |member: &MosquittoSub| {
        let all = std::iter::from_fn(|| Some(member.next()));
        let all = all.take_while(|line| !line.ends_with("last"));
        all.filter(|line| line.contains(" n")).count()
    };
    // One of the two here has each, in turn, and so has the only one there.
    assert_eq!((until_last(&at_a), until_last(&too)), (10, 10));
    assert_eq!(until_last(&at_b), 20);
}

#[test]
fn a_gateway_whose_name_another_has_taken_acknowledges_nothing_any_more() {
    if !possible("two gateways of one name in front of Kafka") {
        return;
    }
    let topic = format!("others-name-{}", std::process::id());
    let (a, b) = (site(&topic), site(&topic));
    let _first = a.start();
    let session = ["-q", "2", "-c", "-i", "device", "-t", "meters/1", "-m", "1"];
    publish(&a, &session);
    let _second = b.start();
    // It finds out with the next thing that has to be remembered of a client.
    let refused = mosquitto("mosquitto_pub", a.mqtt, &session);
    assert!(!refused.status.success(), "{refused:?}");
    let status = a.admin().status().to_string();
    assert!(
        status.contains("another gateway has taken the name"),
        "{status}"
    );
    publish(&b, &session);
    assert_eq!(kafka::consume(kafka::SHARED, &topic, "%s "), "1 1 ");
}
