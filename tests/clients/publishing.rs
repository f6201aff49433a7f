//! What mosquitto's clients publish arrives, whichever way and version each of them has chosen.

use std::io::Write as _;
use std::process::{Command, Stdio};

use messina_e2e::outside::require;

use crate::house::{House, VERSIONS};

/// One line of what is published: who, how, and with what.
struct Line {
    topic: String,
    qos: u8,
    is_retained: bool,
}

/// Every way in, version, QoS, retained or not.
fn publish_all(house: &House) -> Vec<Line> {
    let mut lines = Vec::new();
    for entrance in [&house.plain, &house.tls] {
        for version in VERSIONS {
            for qos in 0..=2_u8 {
                for is_retained in [false, true] {
                    let kind = if is_retained { "kept" } else { "live" };
                    let topic = format!("matrix/{}/{version}/{qos}/{kind}", entrance.name);
                    let text = qos.to_string();
                    let mut arguments =
                        vec!["-V", version, "-q", &text, "-t", &topic, "-m", &topic];
                    if is_retained {
                        arguments.push("-r");
                    }
                    entrance.publish(&arguments);
                    lines.push(Line {
                        topic,
                        qos,
                        is_retained,
                    });
                }
            }
        }
    }
    lines
}

#[test]
fn every_qos_version_and_way_in_reaches_every_other() {
    if require("mosquitto_sub", "mosquitto's clients: publishing").is_none() {
        return;
    }
    let house = House::open();
    let mut subscribers = Vec::new();
    for entrance in [&house.plain, &house.tls] {
        for version in VERSIONS {
            for qos in 0..=2_u8 {
                let text = qos.to_string();
                let arguments = ["-V", version, "-q", &text, "-t", "matrix/#"];
                let subscriber = entrance.subscribe(&arguments, "%t %q %r %p");
                subscribers.push((
                    qos,
                    format!("{} {version} {qos}", entrance.name),
                    subscriber,
                ));
            }
        }
    }
    let lines = publish_all(&house);
    // [MQTT-3.3.1-9] What is live is not marked as retained; [MQTT-3.8.4-8] the lower QoS of both counts.
    for (granted, name, subscriber) in &subscribers {
        let mut heard: Vec<String> = lines.iter().map(|_| subscriber.next()).collect();
        let expected = |line: &Line| {
            let Line { topic, qos, .. } = line;
            format!("{topic} {} 0 {topic}", qos.min(granted))
        };
        let mut expected: Vec<String> = lines.iter().map(expected).collect();
        heard.sort();
        expected.sort();
        assert_eq!(heard, expected, "{name}");
    }
    drop(subscribers);
    what_is_retained_stays_until_it_is_deleted(&house, &lines);
}

fn what_is_retained_stays_until_it_is_deleted(house: &House, lines: &[Line]) {
    let kept: Vec<&Line> = lines.iter().filter(|line| line.is_retained).collect();
    for version in VERSIONS {
        let late = house
            .tls
            .subscribe(&["-V", version, "-q", "2", "-t", "matrix/#"], "%t %q %r %p");
        house
            .plain
            .publish(&["-q", "2", "-t", "matrix/end", "-m", "end"]);
        let mut heard = late.until(" end");
        heard.sort();
        let line = |line: &&Line| format!("{0} {1} 1 {0}", line.topic, line.qos);
        let mut expected: Vec<String> = kept.iter().map(line).collect();
        expected.sort();
        assert_eq!(heard, expected, "{version}");
    }
    for line in &kept {
        let version = if line.qos == 1 { "mqttv311" } else { "mqttv5" };
        house
            .tls
            .publish(&["-V", version, "-q", "1", "-t", &line.topic, "-r", "-n"]);
    }
    let late = house.plain.subscribe(&["-t", "matrix/#"], "%t %q %r %p");
    house
        .plain
        .publish(&["-q", "2", "-t", "matrix/end", "-m", "end"]);
    assert_eq!(late.until(" end"), Vec::<String>::new());
}

#[test]
fn a_large_payload_and_many_small_ones_come_whole_and_in_order() {
    if require("mosquitto_sub", "mosquitto's clients: sizes and order").is_none() {
        return;
    }
    let house = House::open();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("payload");
    let large: Vec<u8> = (0..900_000_u32).map(|at| b'a' + (at % 23) as u8).collect();
    std::fs::write(&file, &large).unwrap();
    for (from, to) in [(&house.plain, &house.tls), (&house.tls, &house.plain)] {
        for version in VERSIONS {
            let subscriber = to.subscribe(&["-V", version, "-q", "2", "-t", "large"], "%l %p");
            let path = file.display().to_string();
            from.publish(&["-V", version, "-q", "2", "-t", "large", "-f", &path]);
            let expected = format!("900000 {}", String::from_utf8_lossy(&large));
            assert!(subscriber.next() == expected, "{} {version}", from.name);

            let subscriber = to.subscribe(&["-V", version, "-q", "2", "-t", "small"], "%p");
            let mut command = Command::new("mosquitto_pub");
            let (host, port) = (
                from.address.ip().to_string(),
                from.address.port().to_string(),
            );
            command
                .args(["-h", &host, "-p", &port])
                .args(&from.arguments);
            command.args(["-V", version, "-q", "2", "-t", "small", "-l"]);
            let mut child = command.stdin(Stdio::piped()).spawn().expect("it starts");
            let mut input = child.stdin.take().expect("a pipe");
            for number in 0..500 {
                writeln!(input, "{number}").expect("it reads");
            }
            drop(input);
            assert!(child.wait().unwrap().success());
            for number in 0..500 {
                assert_eq!(subscriber.next(), number.to_string(), "{version}");
            }
        }
    }
}

#[test]
fn members_of_a_share_divide_what_comes_between_them() {
    if require("mosquitto_sub", "mosquitto's clients: shared subscriptions").is_none() {
        return;
    }
    let house = House::open();
    let member = |version| {
        house.plain.subscribe(
            &[
                "-V",
                version,
                "-q",
                "1",
                "-t",
                "$share/crew/work/#",
                "-t",
                "end",
            ],
            "%p",
        )
    };
    let members = VERSIONS.map(member);
    for number in 0..40 {
        let text = number.to_string();
        house
            .plain
            .publish(&["-q", "1", "-t", "work/1", "-m", &text]);
    }
    house.plain.publish(&["-q", "1", "-t", "end", "-m", "end"]);
    let [first, second] = members.map(|member| member.until("end"));
    assert!(
        !first.is_empty() && !second.is_empty(),
        "{first:?} {second:?}"
    );
    let mut all: Vec<u32> = first
        .iter()
        .chain(&second)
        .map(|text| text.parse().unwrap())
        .collect();
    all.sort_unstable();
    assert_eq!(all, (0..40).collect::<Vec<u32>>());
}
