//! The gateway is killed with SIGKILL at random moments while devices publish into Kafka.

use std::collections::BTreeMap;
use std::thread::sleep;
use std::time::{Duration, Instant};

use messina_e2e::fleet::{Profile, Report};
use messina_e2e::meters::{Meters, in_kafka};
use messina_e2e::random::{Random, seed};
use messina_e2e::server::{Server, Site};

use messina_e2e::kafka::{self, SHARED};

/// A start waits for Kafka to end what the process before it had begun.
const UNTIL_PROMISES: Duration = Duration::from_mins(1);

/// A gateway with topics of its own in the shared Kafka.
pub(crate) fn site(topic: &str) -> Site {
    site_at(SHARED, topic)
}

/// The same in another Kafka.
pub(crate) fn site_at(servers: &str, topic: &str) -> Site {
    Site::new()
        .running("gateway")
        .set(format!("kafka.gateway_group={topic}"))
        .set(format!("kafka.bootstrap_servers={servers}"))
        .set(format!("kafka.gateway_id={topic}"))
        .set("kafka.topics={ create = true, partitions = 3, replication = 1 }")
        .set(format!(
            "route=[{{ name = \"all\", filter = \"#\", topic = \"{topic}\", key = \"$topic\" }}]"
        ))
}

#[test]
fn nothing_promised_is_lost_and_no_qos_2_publish_is_in_kafka_twice_over_kills_of_the_gateway() {
    if kafka::shared("kill -9 of a gateway in front of Kafka").is_none() {
        return;
    }
    let seed = seed();
    let rounds: u64 = std::env::var("MESSINA_ROUNDS")
        .ok()
        .and_then(|text| text.parse().ok())
        .unwrap_or(20);
    println!("kill -9 of the gateway: {rounds} rounds, seed {seed} (MESSINA_ROUNDS, MESSINA_SEED)");
    let topic = format!("kills-{}-{seed}", std::process::id());
    let site = site(&topic);
    let meters = Meters::start(site.mqtt);

    let mut random = Random::new(seed);
    for _ in 0..rounds {
        kill_at_a_random_moment(&site, &meters, &mut random);
    }
    let server = site.start();
    let reports = meters.finish();
    drop(server);

    let records = in_kafka(SHARED, &topic);
    for report in &reports {
        judge(report, &records);
    }
}

/// One life of the process: up to a random number of promises.
fn kill_at_a_random_moment(site: &Site, meters: &Meters, random: &mut Random) {
    let server: Server = site.start();
    let goal = meters.promises() + random.below(400);
    let start = Instant::now();
    while meters.promises() < goal {
        assert!(
            start.elapsed() < UNTIL_PROMISES,
            "no promises are made; it said:\n{}",
            site.said()
        );
        sleep(Duration::from_millis(1));
    }
    sleep(Duration::from_micros(random.below(20_000)));
    server.kill_9();
}

/// What a device was promised is there; QoS 2 once; new readings in order.
pub(crate) fn judge(report: &Report, records: &BTreeMap<String, Vec<u64>>) {
    let Profile { topic, qos, .. } = &report.profile;
    let records = records.get(topic).map_or(&[][..], Vec::as_slice);
    println!(
        "{topic}: QoS {qos}, {} promised, {} records, {} reconnects",
        report.promised,
        records.len(),
        report.reconnects
    );
    assert_eq!(report.forgotten, 0, "{topic}: a session was forgotten");
    let mut found: BTreeMap<u64, usize> = BTreeMap::new();
    let mut newest = None;
    for number in records {
        let times = found.entry(*number).or_default();
        *times += 1;
        if *times == 1 {
            assert!(
                newest.is_none_or(|newest| newest < *number),
                "{topic}: {number} comes after {newest:?}"
            );
            newest = Some(*number);
        }
    }
    let lost: Vec<u64> = (0..report.promised)
        .filter(|number| !found.contains_key(number))
        .collect();
    assert!(lost.is_empty(), "{topic}: promised, not in Kafka: {lost:?}");
    if *qos == 2 {
        let twice: Vec<_> = found.iter().filter(|(_, times)| **times > 1).collect();
        assert!(twice.is_empty(), "{topic}: more than once: {twice:?}");
    }
}
