//! Kafka stops answering, is killed, and comes back, while devices publish.
//!
//! `MESSINA_OUTAGE` says for how many seconds it is away (60) once it is killed.

use std::thread::sleep;
use std::time::{Duration, Instant};

use messina_e2e::kafka::Broker;
use messina_e2e::meters::{Meters, in_kafka};
use messina_e2e::patience::until;
use messina_e2e::server::Site;
use serde_json::Value;

use crate::kills::{judge, site_at};

/// How long it stands still.
const STILL: Duration = Duration::from_secs(15);

/// librdkafka finds a broker again within its back-off, and a transaction's coordinator after that.
const UNTIL_PROMISES: Duration = Duration::from_mins(4);

/// Waits until so many promises more are made.
fn promises(site: &Site, meters: &Meters, more: u64) {
    let goal = meters.promises() + more;
    let start = Instant::now();
    while meters.promises() < goal {
        assert!(
            start.elapsed() < UNTIL_PROMISES,
            "no promises are made; it said:\n{}",
            site.said()
        );
        sleep(Duration::from_millis(10));
    }
}

/// Waits until the light of the way to Kafka has that colour.
fn light(site: &Site, colour: &str) {
    until(&format!("the way to Kafka is {colour}"), || {
        let status = site.admin().status();
        let is = |own: &Value| {
            own.get("name").is_some_and(|name| name == "kafka")
                && own.get("light").is_some_and(|light| light == colour)
        };
        let components = status.get("components").and_then(Value::as_array);
        components
            .is_some_and(|all| all.iter().any(is))
            .then_some(())
    });
}

#[test]
fn while_kafka_is_away_nothing_is_acknowledged_and_afterwards_nothing_is_lost() {
    let broker = Broker::start("Kafka stops under a gateway", |_, _| String::new());
    let Some(mut broker) = broker else { return };
    let outage = std::env::var("MESSINA_OUTAGE").ok();
    let outage = Duration::from_secs(outage.and_then(|text| text.parse().ok()).unwrap_or(60));
    let servers = broker.servers();
    // Kafka gives up transactions in this time: the gateway has to find out that its name still is its own.
    let site =
        site_at(&servers, "outage").set("kafka.producer={ \"transaction.timeout.ms\" = 10000 }");
    let server = site.start();
    let meters = Meters::start(site.mqtt);
    promises(&site, &meters, 500);

    // It stands still, then is killed: promises stop, the gateway stays, and says so.
    for (kill, time) in [(false, STILL), (true, outage)] {
        let since = Instant::now();
        if kill {
            broker.kill();
        } else {
            broker.freeze();
        }
        light(&site, "amber");
        let made = meters.promises();
        sleep(time.saturating_sub(since.elapsed()));
        assert_eq!(meters.promises(), made);
        if kill {
            broker.up();
        } else {
            broker.thaw();
        }
        promises(&site, &meters, 500);
        light(&site, "green");
    }
    let reports = meters.finish();
    let records = in_kafka(&servers, "outage");
    for report in &reports {
        judge(report, &records);
    }
    drop(server);
}
