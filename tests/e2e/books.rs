//! accepted = written + dead-lettered + filtered + skipped + in flight, at every moment, in `/api/status` and in `/metrics`.

use messina_e2e::patience::until;
use messina_e2e::server::Site;
use messina_e2e::wire::{Wire, publish};
use serde_json::Value;

/// Publishes `good` readings and `bad` ones, each acknowledged.
fn publish_some(site: &Site, good: u16, bad: u16) {
    let mut wire = Wire::connected(site.mqtt, 4, "device");
    for id in 1..=good + bad {
        let payload = if id <= good {
            id.to_string()
        } else {
            "neither number nor JSON".to_owned()
        };
        wire.send(&publish(4, 1, id, "house/door", payload.as_bytes()));
        assert_eq!(wire.frame().expect("a PUBACK").number(0), id);
    }
}

/// What the books of the sink `readings` hold: accepted, written, dead-lettered, and the records behind the
/// committed offset. They are read only where they balance.
fn books(status: &Value) -> [u64; 4] {
    let sinks = status["sinks"].as_array().expect("the status lists sinks");
    let sink = sinks
        .iter()
        .find(|sink| sink["name"] == "readings")
        .expect("the sink is there");
    let number = |name: &str| {
        sink[name]
            .as_u64()
            .unwrap_or_else(|| panic!("no `{name}` in {sink}"))
    };
    let spent = [
        "written",
        "dead_lettered",
        "filtered",
        "skipped",
        "in_flight",
    ]
    .map(number);
    assert_eq!(number("accepted"), spent.iter().sum::<u64>(), "{sink}");
    ["accepted", "written", "dead_lettered", "lag"].map(number)
}

#[test]
fn the_books_balance_in_the_status_before_and_after_a_kill() {
    let site = Site::new();
    let server = site.start();
    let admin = site.admin();
    publish_some(&site, 30, 3);
    let settled = |expected: [u64; 4]| {
        until(&format!("books of {expected:?}"), || {
            (books(&admin.status()) == expected).then_some(())
        });
    };
    settled([33, 30, 3, 0]);
    server.kill_9();
    let _server = site.start();
    settled([33, 30, 3, 0]);
    publish_some(&site, 5, 0);
    settled([38, 35, 3, 0]);
}

#[test]
fn the_metrics_tell_the_same_books() {
    let site = Site::new();
    let _server = site.start();
    let admin = site.admin();
    publish_some(&site, 10, 2);
    let number = |text: &str, name: &str| -> Option<f64> {
        let line = text
            .lines()
            .find(|line| line.starts_with(name) && line.contains("readings"))?;
        line.rsplit(' ').next()?.parse().ok()
    };
    until("the metrics tell 10 written and 2 dead letters", || {
        let text = admin.text("/metrics");
        let written = number(&text, "messina_sink_written_records_total");
        let dead = number(&text, "messina_sink_dead_lettered_records_total");
        (written == Some(10.0) && dead == Some(2.0)).then_some(())
    });
    assert!(
        admin.text("/metrics").ends_with("# EOF\n"),
        "OpenMetrics ends with EOF"
    );
}
