//! Devices, gateway, Kafka, worker, Cassandra: gateway and worker are killed together at random moments, and what devices
//! were promised is looked for in the rows, by a client that is not ours.

use std::collections::{BTreeMap, BTreeSet};
use std::thread::sleep;
use std::time::Duration;

use messina_e2e::fleet::Report;
use messina_e2e::kafka;
use messina_e2e::meters::{Meters, in_kafka};
use messina_e2e::patience::until_within;
use messina_e2e::random::{Random, seed};
use messina_e2e::server::Site;

use crate::worker::{CATCH_UP, Cassandra, number, sink, unique};

fn on_kafka(site: Site, servers: &str, topic: &str) -> Site {
    site.set(format!("kafka.bootstrap_servers={servers}"))
        .set(format!("kafka.gateway_id={topic}"))
        .set(format!("kafka.gateway_group={topic}"))
        .set("kafka.topics={ create = true, partitions = 3, replication = 1 }")
        // A member that is killed is missed after this time; its successor waits for that.
        .set("kafka.consumer={ \"session.timeout.ms\" = 6000, \"heartbeat.interval.ms\" = 1000 }")
        .set(format!(
            "route=[{{ name = \"all\", filter = \"#\", topic = \"{topic}\", key = \"$topic\" }}]"
        ))
        .set(format!("topic=[{{ name = \"{topic}\" }}]"))
}

fn worker(servers: &str, topic: &str) -> Site {
    on_kafka(Site::new().running("worker"), servers, topic)
        .set(
            "table=[{ name = \"readings\", partition_key = [\"device\"], clustering_key = [\"n\"], \
             columns = { device = \"text\", n = \"bigint\" } }]",
        )
        .set(format!(
            "sink=[{{ name = \"{topic}\", topics = \"{topic}\", \
             \"connect.cassandra.kcql\" = \"INSERT INTO readings SELECT _key AS device, n FROM {topic}\", \
             \"key.converter\" = \"String\", \
             \"value.converter\" = \"Json\", \"value.converter.schemas.enable\" = false }}]"
        ))
}

#[test]
fn what_devices_are_promised_becomes_rows_over_kills_of_gateway_and_worker() {
    const TEST: &str = "kill -9 of gateway and worker";
    let Some(servers) = kafka::shared(TEST) else {
        return;
    };
    let Some(cassandra) = Cassandra::find(TEST, "messina_kafka_chain") else {
        return;
    };
    let rounds = std::env::var("MESSINA_ROUNDS").ok();
    let rounds: u64 = rounds.and_then(|text| text.parse().ok()).unwrap_or(20);
    let seed = seed();
    println!("{TEST}: {rounds} rounds, seed {seed} (MESSINA_ROUNDS, MESSINA_SEED)");
    let mut random = Random::new(seed);
    let topic = unique("chain");
    let gateway = on_kafka(Site::new().running("gateway"), servers, &topic);
    let worker = cassandra.of(worker(servers, &topic));
    let meters = Meters::start(gateway.mqtt);
    for _ in 0..rounds {
        let (first, second) = (gateway.start(), worker.start());
        let goal = meters.promises() + random.below(200);
        until_within(CATCH_UP, "promises are made and rows written", || {
            let promised = meters.promises() >= goal;
            (promised && number(&sink(&worker), "rows") > random.below(200)).then_some(())
        });
        sleep(Duration::from_micros(random.below(50_000)));
        if random.below(2) == 0 {
            first.kill_9();
            second.kill_9();
        } else {
            second.kill_9();
            first.kill_9();
        }
    }
    let _running = (gateway.start(), worker.start());
    let reports = meters.finish();
    let in_kafka = in_kafka(servers, &topic);
    for report in &reports {
        judge(report, &in_kafka, &cassandra);
    }
}

fn judge(report: &Report, in_kafka: &BTreeMap<String, Vec<u64>>, cassandra: &Cassandra) {
    let topic = &report.profile.topic;
    let records = in_kafka.get(topic).map_or(&[][..], Vec::as_slice);
    let distinct: BTreeSet<u64> = records.iter().copied().collect();
    if report.profile.qos == 2 {
        assert_eq!(
            distinct.len(),
            records.len(),
            "{topic}: some of {} came twice",
            report.promised
        );
    }
    let select = format!("SELECT n FROM {{}}.readings WHERE device = '{topic}'");
    let rows = until_within(CATCH_UP, "every record is a row", || {
        let rows: BTreeSet<u64> = cassandra.numbers_of(&select).into_iter().collect();
        distinct.is_subset(&rows).then_some(rows)
    });
    assert_eq!(rows, distinct, "{topic}: rows and records are the same");
    let lost: Vec<u64> = (0..report.promised)
        .filter(|number| !rows.contains(number))
        .collect();
    assert!(lost.is_empty(), "{topic}: promised, and no row: {lost:?}");
}
