//! Wills of mosquitto's clients: published when one is killed, not when it says goodbye.

use messina_e2e::outside::require;

use crate::house::{House, VERSIONS};

/// What a client says that has a will, and nothing else to do.
fn with_will<'a>(version: &'a str, topic: &'a str, qos: &'a str, retain: bool) -> Vec<&'a str> {
    let mut arguments = vec!["-V", version, "-t", "nothing", "--will-topic", topic];
    arguments.extend(["--will-payload", "gone", "--will-qos", qos]);
    if retain {
        arguments.push("--will-retain");
    }
    arguments
}

#[test]
fn a_will_is_published_for_who_is_cut_off_and_not_for_who_leaves() {
    if require("mosquitto_sub", "mosquitto's clients: wills").is_none() {
        return;
    }
    let house = House::open();
    let watcher = house
        .plain
        .subscribe(&["-q", "2", "-t", "will/#"], "%t %q %r %p");
    for version in VERSIONS {
        for qos in 0..=2_u8 {
            for retain in [false, true] {
                let entrance = if retain { &house.tls } else { &house.plain };
                let (topic, text) = (format!("will/{version}/{qos}/{retain}"), qos.to_string());
                let own = with_will(version, &topic, &text, retain);
                let came = format!("{topic} {qos} 0 gone");
                // [MQTT-3.14.4-3] It says goodbye once it is subscribed.
                let output = entrance.run("mosquitto_sub", &[&own[..], &["-E"]].concat());
                assert!(output.status.success(), "{output:?}");
                house
                    .plain
                    .publish(&["-q", "2", "-t", "will/end", "-m", "end"]);
                assert_eq!(watcher.until(" end"), Vec::<String>::new(), "{topic}: left");
                // SIGKILL.
                drop(entrance.subscribe(&own, "%p"));
                assert_eq!(watcher.next(), came);
                // On SIGTERM it says goodbye as well, in version 5 with the word that its will be published.
                entrance.subscribe(&own, "%p").leave();
                house
                    .plain
                    .publish(&["-q", "2", "-t", "will/end", "-m", "end"]);
                let asked = if version == "mqttv5" {
                    vec![came]
                } else {
                    Vec::new()
                };
                assert_eq!(watcher.until(" end"), asked, "{topic}: terminated");
            }
        }
    }
    // [MQTT-3.1.2-17] Those that were to be retained are.
    let late = house
        .plain
        .subscribe(&["-q", "2", "-t", "will/#"], "%t %q %r %p");
    house
        .plain
        .publish(&["-q", "2", "-t", "will/end", "-m", "end"]);
    let mut heard = late.until(" end");
    heard.sort();
    let line = |version| (0..=2).map(move |qos| format!("will/{version}/{qos}/true {qos} 1 gone"));
    let expected: Vec<String> = VERSIONS.into_iter().flat_map(line).collect();
    assert_eq!(heard, expected);
}

#[test]
fn a_will_of_version_5_keeps_its_properties_and_waits_its_delay() {
    if require("mosquitto_sub", "mosquitto's clients: will properties").is_none() {
        return;
    }
    let house = House::open();
    let watcher = house
        .plain
        .subscribe(&["-V", "mqttv5", "-q", "2", "-t", "will"], "%C|%R|%D|%P|%p");
    let dying = |payload: &str| {
        let mut arguments = vec![
            "-V", "mqttv5", "-i", "dying", "-c", "-x", "60", "-t", "nothing",
        ];
        arguments.extend([
            "--will-topic",
            "will",
            "--will-payload",
            payload,
            "--will-qos",
            "1",
        ]);
        for property in [
            &["will-delay-interval", "1"][..],
            &["content-type", "text/plain"],
            &["response-topic", "answer"],
            &["correlation-data", "17"],
            &["user-property", "room", "7"],
        ] {
            arguments.extend(["-D", "will"]);
            arguments.extend(property);
        }
        house.plain.subscribe(&arguments, "%p")
    };
    // Back before the delay is over: the first will is never published.
    drop(dying("first"));
    let again = dying("second");
    drop(again);
    assert_eq!(watcher.next(), "text/plain|answer|17|room:7|second");
}
