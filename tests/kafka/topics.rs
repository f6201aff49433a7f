//! Topics that are missing, deleted and made again, or do not take what they are sent.

use std::collections::BTreeSet;

use messina_e2e::kafka::{self, consume, produce, produce_readings};
use messina_e2e::outside::{mosquitto, require};
use messina_e2e::patience::{until, until_within};
use messina_e2e::wire::{Wire, publish};

use crate::rows::gateway;
use crate::worker::{all_there, number, numbers, says, settled, sink, unique, worker};

#[test]
fn a_topic_that_is_deleted_and_made_again_is_read_from_its_new_beginning() {
    let Some(servers) = kafka::shared("a topic is made again") else {
        return;
    };
    let topic = unique("anew");
    let create = || {
        let partitions = ["--partitions", "6"];
        kafka::topics(
            servers,
            &[&["--create", "--topic", &topic][..], &partitions].concat(),
        );
    };
    create();
    // Else the worker would be the one who makes it again.
    let site = worker(servers, &topic).set("kafka.topics={ create = false, partitions = 6 }");
    let _server = site.start();
    produce_readings(servers, &topic, 0..2_000);
    settled(&site, 2_000, 0);
    kafka::topics(servers, &["--delete", "--topic", &topic]);
    create();
    produce_readings(servers, &topic, 2_000..3_000);
    until_within(crate::worker::CATCH_UP, "3000 rows", || {
        (site.admin().count("SELECT COUNT(*) FROM readings") == 3_000).then_some(())
    });
    all_there(&numbers(&site), 3_000);
    until("nothing is left to do", || {
        (number(&sink(&site), "lag") == 0).then_some(())
    });
}

#[test]
fn a_topic_that_is_made_again_with_more_records_than_were_read_is_read_from_its_beginning_too() {
    let Some(servers) = kafka::shared("a topic is made again and has more records") else {
        return;
    };
    let topic = unique("more");
    let create = || {
        kafka::topics(
            servers,
            &["--create", "--topic", &topic, "--partitions", "3"],
        );
    };
    create();
    let site = worker(servers, &topic)
        .set("kafka.topics={ create = false, partitions = 3 }")
        // It must not be taken for dead while it sees nothing of what happens.
        .set("kafka.consumer={ \"session.timeout.ms\" = 300000 }");
    let mut server = site.start();
    produce_readings(servers, &topic, 0..500);
    settled(&site, 500, 0);
    server.freeze();
    kafka::topics(servers, &["--delete", "--topic", &topic]);
    create();
    // In every partition more than the group has committed: its offsets are all there.
    produce_readings(servers, &topic, 500..5_000);
    server.thaw();
    until_within(crate::worker::CATCH_UP, "5000 rows", || {
        (site.admin().count("SELECT COUNT(*) FROM readings") == 5_000).then_some(())
    });
    all_there(&numbers(&site), 5_000);
    let done = until("nothing is left to do", || {
        let sink = sink(&site);
        (number(&sink, "lag") == 0).then_some(sink)
    });
    // Those at the old offsets may have been read twice.
    assert!(number(&done, "written") >= 5_000, "{done}");
    // The next worker does not begin it anew again.
    server.terminate();
    server.wait_within(crate::worker::CATCH_UP);
    let _next = site.start();
    produce_readings(servers, &topic, 5_000..5_100);
    until_within(crate::worker::CATCH_UP, "5100 rows", || {
        (site.admin().count("SELECT COUNT(*) FROM readings") == 5_100).then_some(())
    });
    let started = site.admin().status();
    assert_eq!(number(&started["sinks"][0], "rows"), 100, "{started}");
}

#[test]
fn partitions_that_a_topic_gets_are_written_to_and_read_while_gateway_and_worker_run() {
    const TEST: &str = "a topic gets more partitions";
    let Some(servers) = kafka::shared(TEST) else {
        return;
    };
    if require("mosquitto_pub", TEST).is_none() {
        return;
    }
    let topic = unique("grown");
    kafka::topics(
        servers,
        &["--create", "--topic", &topic, "--partitions", "2"],
    );
    let gateway = gateway(servers, &topic)
        .set("kafka.producer={ \"topic.metadata.refresh.interval.ms\" = 1000 }");
    let worker = worker(servers, &topic);
    let (_gateway, _worker) = (gateway.start(), worker.start());
    let reading = |n: u16| format!("{{\"device\": \"d{}\", \"n\": {n}, \"v\": {n}.5}}", n % 60);
    // Of its transactions both producers' knowledge is needed.
    let kept = |n: u16| {
        let (meter, payload) = (format!("meters/{}", n % 60), reading(n));
        let kept = ["-q", "2", "-c", "-i", "kept", "-t", &meter, "-m", &payload];
        let published = mosquitto("mosquitto_pub", gateway.mqtt, &kept);
        assert!(published.status.success(), "{published:?}");
    };
    let mut wire = Wire::connected(gateway.mqtt, 4, "device");
    let mut streamed = |n: u16| {
        let meter = format!("meters/{}", n % 60);
        wire.send(&publish(4, 1, n + 1, &meter, reading(n).as_bytes()));
        assert_eq!(wire.frame().expect("a PUBACK").number(0), n + 1);
    };
    let written = || {
        let partitions = consume(servers, &topic, "%p\n");
        partitions
            .lines()
            .map(str::to_owned)
            .collect::<BTreeSet<_>>()
    };
    (0..60).for_each(&mut streamed);
    kept(60);
    assert_eq!(written().len(), 2);
    kafka::topics(
        servers,
        &["--alter", "--topic", &topic, "--partitions", "6"],
    );
    let mut next = 61;
    until("all 6 partitions are written to", || {
        (next..next + 60).for_each(&mut streamed);
        next += 60;
        (written().len() == 6).then_some(())
    });
    (next..next + 60).for_each(kept);
    next += 60;
    settled(&worker, next.into(), 0);
    all_there(&numbers(&worker), next.into());
}

#[test]
fn a_topic_that_is_missing_is_named_with_the_command_that_creates_it() {
    let Some(servers) = kafka::shared("a topic is missing") else {
        return;
    };
    let topic = unique("missing");
    let site = worker(servers, &topic).set("kafka.topics={ create = false, partitions = 3 }");
    let command = format!(
        "kafka-topics.sh --bootstrap-server {servers} --create --topic {topic} --partitions 3"
    );
    let (status, said) = site.refused();
    assert_eq!(status.code(), Some(1), "{said}");
    assert!(
        said.contains(&command) && said.contains("`kafka.topics.create = true`"),
        "{said}"
    );
    // Where only the sink names it, the worker waits for it and says so.
    let site = site.set("topic=[]");
    let _server = site.start();
    says(&site, "RETRYING", &command);
    kafka::topics(
        servers,
        &["--create", "--topic", &topic, "--partitions", "3"],
    );
    produce_readings(servers, &topic, 0..100);
    settled(&site, 100, 0);
}

#[test]
fn another_number_of_partitions_than_stated_is_refused_with_the_command_that_adds_them() {
    let Some(servers) = kafka::shared("another number of partitions") else {
        return;
    };
    let topic = unique("partitions");
    kafka::topics(
        servers,
        &["--create", "--topic", &topic, "--partitions", "2"],
    );
    let stated = format!("topic=[{{ name = \"{topic}\", partitions = 5 }}]");
    let (_, said) = worker(servers, &topic).set(stated).refused();
    assert!(
        said.contains("has 2 partitions, the configuration says 5") && said.contains("--alter"),
        "{said}"
    );
    // Partitions cannot be taken away.
    let stated = format!("topic=[{{ name = \"{topic}\", partitions = 1 }}]");
    let (_, said) = worker(servers, &topic).set(stated).refused();
    assert!(
        said.contains("has 2 partitions, the configuration says 1") && !said.contains("--alter"),
        "{said}"
    );
}

#[test]
fn a_dead_letter_that_its_topic_does_not_take_fails_the_task_and_says_what_to_raise() {
    let Some(servers) = kafka::shared("a dead letter is too large") else {
        return;
    };
    let topic = unique("large");
    let dead = format!("{topic}.dead");
    let small = ["--create", "--topic", &dead, "--partitions", "1"];
    let limit = ["--config", "max.message.bytes=1000"];
    kafka::topics(servers, &[&small[..], &limit[..]].concat());
    let site = worker(servers, &topic);
    let _server = site.start_unwatched();
    produce(
        servers,
        &topic,
        &format!("poison:{{{}\n", "x".repeat(5_000)),
    );
    says(&site, "FAILED", "max.message.bytes");
    let sink = sink(&site);
    assert_eq!(
        (number(&sink, "dead_lettered"), number(&sink, "lag")),
        (0, 1),
        "{sink}"
    );
}
