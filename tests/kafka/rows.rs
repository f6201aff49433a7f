//! From a device through the gateway's process, Kafka and the worker's process to a row, and back by clients that are
//! not ours.

use messina_e2e::kafka::{self, consume, produce, produce_readings};
use messina_e2e::outside::{mosquitto, require};
use messina_e2e::server::Site;
use messina_e2e::wire::{Wire, publish};

use crate::worker::{Cassandra, all_there, number, numbers, settled, sink, unique, worker};

/// A gateway whose publishes all go into `topic`.
pub(crate) fn gateway(servers: &str, topic: &str) -> Site {
    Site::new()
        .running("gateway")
        .set(format!("kafka.bootstrap_servers={servers}"))
        .set(format!("kafka.gateway_id={topic}"))
        .set("kafka.topics={ create = true, partitions = 6, replication = 1 }")
        .set("topic=[]")
        .set(format!(
            "route=[{{ name = \"all\", filter = \"#\", topic = \"{topic}\", key = \"$topic\" }}]"
        ))
}

#[test]
fn a_reading_goes_through_gateway_kafka_and_worker_to_cassandra_and_poison_to_the_dead_letters() {
    const TEST: &str = "gateway, Kafka, worker, Cassandra";
    let Some(servers) = kafka::shared(TEST) else {
        return;
    };
    let Some(cassandra) = Cassandra::find(TEST, "messina_kafka_rows") else {
        return;
    };
    let topic = unique("rows");
    let gateway = gateway(servers, &topic);
    let worker = cassandra.of(worker(servers, &topic));
    let (_gateway, _worker) = (gateway.start(), worker.start());

    let mut wire = Wire::connected(gateway.mqtt, 4, "device");
    for n in 0..500_u16 {
        let qos = 1 + u8::from(n % 5 == 0);
        let payload = format!("{{\"device\": \"d{}\", \"n\": {n}, \"v\": {n}.5}}", n % 7);
        wire.send(&publish(
            4,
            qos,
            n + 1,
            &format!("meters/{}", n % 7),
            payload.as_bytes(),
        ));
        assert_eq!(wire.frame().expect("an acknowledgement").number(0), n + 1);
        if qos == 2 {
            let [high, low] = (n + 1).to_be_bytes();
            wire.send(&[0x62, 2, high, low]);
            assert_eq!(wire.frame().expect("a PUBCOMP").number(0), n + 1);
        }
    }
    wire.send(&publish(4, 1, 501, "meters/poison", b"{not json"));
    assert_eq!(wire.frame().expect("a PUBACK").number(0), 501);
    settled(&worker, 500, 1);
    all_there(&cassandra.numbers(), 500);
    let letters = consume(servers, &format!("{topic}.dead"), "%s|%h\n");
    assert!(letters.starts_with("{not json|"), "{letters}");
    assert!(
        letters.contains(&format!("__connect.errors.topic={topic}"))
            && letters.contains("invalid JSON"),
        "{letters}"
    );

    // Each half says what it is of.
    let (front, back) = (gateway.admin().status(), worker.admin().status());
    assert_eq!(front["sinks"].as_array().unwrap().len(), 0, "{front}");
    assert_eq!(number(&front["routes"][0], "accepted"), 501, "{front}");
    assert_eq!(back["listen"].as_array().unwrap().len(), 0, "{back}");
    let shown = worker.messina(&["status"]).output().unwrap();
    let shown = String::from_utf8_lossy(&shown.stdout).into_owned();
    assert!(shown.contains("no MQTT in this process"), "{shown}");
}

#[test]
fn markers_of_transactions_are_gaps_in_the_books_and_nothing_is_skipped() {
    const TEST: &str = "markers of transactions";
    let Some(servers) = kafka::shared(TEST) else {
        return;
    };
    if require("mosquitto_pub", TEST).is_none() {
        return;
    }
    let topic = unique("markers");
    let gateway = gateway(servers, &topic);
    let worker = worker(servers, &topic);
    let (_gateway, _worker) = (gateway.start(), worker.start());
    for n in 0..20 {
        let payload = format!("{{\"device\": \"d{}\", \"n\": {n}, \"v\": {n}.5}}", n % 7);
        let meter = format!("meters/{}", n % 7);
        // Its session is kept, so that the record comes in a transaction.
        let kept = [
            "-q", "2", "-c", "-i", "device", "-t", &meter, "-m", &payload,
        ];
        let published = mosquitto("mosquitto_pub", gateway.mqtt, &kept);
        assert!(published.status.success(), "{published:?}");
    }
    settled(&worker, 20, 0);
    all_there(&numbers(&worker), 20);
    let sink = sink(&worker);
    // One behind each record at least, but behind the last of each of 6 partitions nothing shows it.
    assert!(number(&sink, "gaps") >= 20 - 6, "{sink}");
    let shown = worker.messina(&["status"]).output().unwrap();
    let shown = String::from_utf8_lossy(&shown.stdout).into_owned();
    assert!(
        shown.contains("yes") && !shown.contains("retention"),
        "{shown}"
    );
}

#[test]
fn a_worker_goes_on_where_the_one_before_it_committed() {
    let Some(servers) = kafka::shared("a worker's restart") else {
        return;
    };
    let topic = unique("again");
    let site = worker(servers, &topic);
    let mut server = site.start();
    produce_readings(servers, &topic, 0..5_000);
    // A tombstone is no reading, an empty value neither; both are answered for.
    produce(servers, &topic, "poison:\npoison:[1]\n");
    settled(&site, 5_000, 2);
    server.terminate();
    assert!(
        server
            .wait_within(std::time::Duration::from_secs(30))
            .success()
    );

    produce_readings(servers, &topic, 5_000..8_000);
    let server = site.start();
    settled(&site, 8_000, 2);
    assert_eq!(
        number(&sink(&site), "rows"),
        3_000,
        "none was written again"
    );
    all_there(&numbers(&site), 8_000);
    drop(server);
}

#[test]
fn half_of_the_chain_without_kafka_is_refused_with_what_to_do() {
    for command in ["gateway", "worker"] {
        let (status, said) = Site::new().running(command).refused();
        assert_eq!(status.code(), Some(1), "{said}");
        let told = said.contains(&format!(
            "`messina {command}` needs the log to be Apache Kafka"
        ));
        assert!(told && said.contains("`bootstrap_servers`"), "{said}");
    }
}
