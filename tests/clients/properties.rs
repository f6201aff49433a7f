//! Version 5 between mosquitto's clients: properties, requests and their answers.

use messina_e2e::outside::require;

use crate::house::{House, VERSIONS};

const PROPERTIES: [&[&str]; 7] = [
    &["content-type", "text/plain"],
    &["response-topic", "answers/7"],
    &["correlation-data", "c-17"],
    &["message-expiry-interval", "3600"],
    &["payload-format-indicator", "1"],
    &["user-property", "room", "7"],
    &["user-property", "floor", "2"],
];

#[test]
fn properties_of_a_publish_reach_who_can_read_them() {
    if require("mosquitto_sub", "mosquitto's clients: properties").is_none() {
        return;
    }
    let house = House::open();
    for (from, to) in [(&house.plain, &house.tls), (&house.tls, &house.plain)] {
        let identified = ["-V", "mqttv5", "-q", "1", "-t", "with/+", "-D", "subscribe"];
        let identified = [&identified[..], &["subscription-identifier", "42"]].concat();
        let new = to.subscribe(&identified, "%C|%R|%D|%E|%F|%P|%S|%p");
        let old = to.subscribe(&["-V", "mqttv311", "-q", "1", "-t", "with/+"], "%t %p");
        let mut arguments = vec!["-V", "mqttv5", "-q", "1", "-t", "with/all", "-m", "text"];
        for property in PROPERTIES {
            arguments.extend(["-D", "publish"]);
            arguments.extend(property);
        }
        from.publish(&arguments);
        let heard = new.next();
        // The expiry counts down from 3600 s.
        let parts: Vec<&str> = heard.split('|').collect();
        let expiry: u32 = parts[3].parse().unwrap();
        assert!((3000..=3600).contains(&expiry), "{heard}");
        let others = [&parts[..3], &parts[4..]].concat().join("|");
        assert_eq!(others, "text/plain|answers/7|c-17|1|room:7 floor:2|42|text");
        assert_eq!(old.next(), "with/all text");
    }
}

#[test]
fn a_publish_expires_while_its_subscriber_is_away() {
    if require("mosquitto_sub", "mosquitto's clients: expiry").is_none() {
        return;
    }
    let house = House::open();
    let own = ["-V", "mqttv5", "-c", "-i", "late", "-q", "1", "-t", "news"];
    let output = house
        .plain
        .run("mosquitto_sub", &[&own[..], &["-E"]].concat());
    assert!(output.status.success(), "{output:?}");
    for (payload, seconds) in [("short", "1"), ("long", "3600")] {
        let mut arguments = vec!["-V", "mqttv5", "-q", "1", "-t", "news", "-m", payload];
        arguments.extend(["-D", "publish", "message-expiry-interval", seconds]);
        house.plain.publish(&arguments);
    }
    // Its second is over when that of a publish made later is.
    let watcher = house
        .plain
        .subscribe(&["-V", "mqttv5", "-q", "1", "-t", "gone"], "%p");
    let mut arguments = vec![
        "-V", "mqttv5", "-i", "dying", "-c", "-x", "60", "-t", "nothing",
    ];
    arguments.extend([
        "--will-topic",
        "gone",
        "--will-payload",
        "2 s later",
        "--will-qos",
        "1",
    ]);
    arguments.extend(["-D", "will", "will-delay-interval", "2"]);
    drop(house.plain.subscribe(&arguments, "%p"));
    assert_eq!(watcher.next(), "2 s later");
    let back = house.plain.subscribe(&own, "%p");
    assert_eq!(back.next(), "long");
}

#[test]
fn a_request_gets_its_answer() {
    if require("mosquitto_rr", "mosquitto's clients: request and response").is_none() {
        return;
    }
    let house = House::open();
    for version in VERSIONS {
        let format = if version == "mqttv5" {
            "%R|%D|%p"
        } else {
            "answers||%p"
        };
        let responder = house
            .plain
            .subscribe(&["-V", version, "-q", "1", "-t", "questions"], format);
        std::thread::scope(|scope| {
            let asks = scope.spawn(|| {
                let own = ["-V", version, "-q", "1", "-t", "questions", "-e", "answers"];
                let own = [&own[..], &["-m", "how warm?", "-W", "60"]].concat();
                house.tls.run("mosquitto_rr", &own)
            });
            let request = responder.next();
            let parts: Vec<&str> = request.split('|').collect();
            assert_eq!((parts[0], parts[2]), ("answers", "how warm?"));
            let mut answer = vec!["-V", version, "-q", "1", "-t", parts[0], "-m", "21.5"];
            if version == "mqttv5" {
                answer.extend(["-D", "publish", "correlation-data", parts[1]]);
            }
            house.plain.publish(&answer);
            let output = asks.join().expect("mosquitto_rr ran");
            assert!(output.status.success(), "{version}: {output:?}");
            assert_eq!(output.stdout, b"21.5\n", "{version}");
        });
    }
}

#[test]
fn the_server_says_what_it_is_below_sys() {
    if require("mosquitto_sub", "mosquitto's clients: $SYS").is_none() {
        return;
    }
    let house = House::open();
    for version in VERSIONS {
        let own = [
            "-V",
            version,
            "-t",
            "$SYS/broker/version",
            "-C",
            "1",
            "-W",
            "60",
        ];
        let output = house.plain.run("mosquitto_sub", &own);
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(said.contains("messina"), "{version}: {output:?}");
    }
}
