//! A gateway and a worker with Kafka between them, looked at with the tools of an operator.

use messina_e2e::outside::{mosquitto, require};
use messina_e2e::patience::until;
use serde_json::Value;

use crate::house::House;
use crate::kafka::{configuration, name};
use crate::kcat;

fn sink(status: &Value, count: &str) -> u64 {
    status["sinks"][0][count].as_u64().unwrap_or_default()
}

#[test]
fn each_half_shows_what_is_its_own_and_the_dead_letters_of_the_worker_go_back() {
    let test = "status and dead letters of a gateway and a worker";
    if require("mosquitto_pub", test).is_none() || !kcat::found(test) {
        return;
    }
    let name = name("roles");
    let [front, back] = [(), ()].map(|()| House::new(&configuration(&name)));
    let _gateway = front.start("gateway");
    let _worker = back.start("worker");
    for (topic, payload) in [("house/meter", "21.5"), ("house/door", "nonsense")] {
        let arguments = ["-q", "1", "-t", topic, "-m", payload];
        let output = mosquitto("mosquitto_pub", front.mqtt, &arguments);
        assert!(output.status.success(), "{output:?}");
    }
    until("a row and a dead letter", || {
        let status = back.json(&["status", "--json"]);
        let done = (sink(&status, "written"), sink(&status, "dead_lettered")) == (1, 1);
        (done && sink(&status, "lag") == 0).then_some(())
    });

    let status = front.json(&["status", "--json"]);
    assert_eq!(status["role"], "gateway");
    assert_eq!(status["routes"][0]["accepted"], 2, "{status}");
    let shown = front.ok(&["status"]);
    assert!(shown.contains("log in Kafka at 127.0.0.1:19092"), "{shown}");
    assert!(
        shown.contains("ROUTE") && !shown.contains("SINK"),
        "{shown}"
    );
    let shown = back.ok(&["status"]);
    assert!(shown.starts_with("messina worker "), "{shown}");
    assert!(shown.contains("no MQTT in this process"), "{shown}");
    assert!(shown.contains("log in Kafka at 127.0.0.1:19092"), "{shown}");
    assert!(
        shown.contains("SINK") && !shown.contains("ROUTE"),
        "{shown}"
    );

    // Through either half: the letter is in Kafka.
    for house in [&front, &back] {
        let list = house.json(&["dlq", "list", "--json"]);
        let letters = list["dead_letters"].as_array().expect("a list");
        assert_eq!(letters.len(), 1, "{list}");
        assert_eq!(letters[0]["record"]["value"], "nonsense", "{list}");
        assert_eq!(letters[0]["connector"], name.as_str(), "{list}");
    }
    assert_eq!(front.ok(&["dlq", "replay", "--all"]), "1 put back\n");
    until("it is a dead letter again", || {
        let status = back.json(&["status", "--json"]);
        (sink(&status, "dead_lettered") == 2).then_some(())
    });
    let values: Vec<String> = kcat::read(&name);
    let nonsense = values.iter().filter(|line| line.ends_with("nonsense"));
    assert_eq!(nonsense.count(), 2, "{values:?}");
}

#[test]
fn a_simulated_fleet_finds_in_kafka_what_it_was_promised() {
    if !kcat::found("a simulated fleet in front of Kafka") {
        return;
    }
    let name = name("fleet");
    let house = House::new(&configuration(&name));
    let _gateway = house.start("gateway");
    let server = house.mqtt.to_string();
    let simulate = [
        "simulate",
        "--server",
        &server,
        "--count",
        "5",
        "--rate",
        "200",
        "--duration",
        "2s",
        "--qos",
        "2",
        "--profile",
        "json",
        "--drops",
        "0.01",
        "--kafka-topic",
        &name,
        "--json",
    ];
    let report = house.json(&simulate);
    let number = |count: &Value| count.as_u64().expect("a number");
    let arrived = number(&report["verdict"]["arrived"]);
    assert!(arrived > 100, "{report}");
    assert!(arrived >= number(&report["acknowledged"]), "{report}");
    assert_eq!(number(&report["verdict"]["missing"]), 0, "{report}");
    assert_eq!(number(&report["verdict"]["repeated"]), 0, "{report}");
    // Behind the last record of a transaction is a mark that nobody is shown: reading ends nevertheless.
    let consumed = house.ok(&["consume", "-t", &name, "-e"]);
    assert_eq!(consumed.lines().count(), kcat::read(&name).len());
    assert_eq!(consumed.lines().count() as u64, arrived, "{report}");
}
