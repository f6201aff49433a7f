//! Cassandra stands still, is killed and stays away, all under load; offsets stand, nothing is lost, all goes on.

use std::time::{Duration, Instant};

use messina_e2e::cassandra::Node;
use messina_e2e::patience::{until, until_within};
use messina_e2e::server::Site;
use messina_e2e::wire::{Wire, publish};

use crate::readings::{
    CATCH_UP, number, pass, publish_some, rows_are, settled, sink, site, under_load,
};

const KEYSPACE: &str = "messina_e2e_up";

/// How long it stands still.
const STILL: Duration = Duration::from_secs(15);

#[test]
fn what_is_acknowledged_becomes_a_row_in_cassandra_whoever_stops_in_between() {
    let Some(mut node) = Node::start("Cassandra is stopped and killed", "") else {
        return;
    };
    let site = site(&node.python, KEYSPACE);
    let server = site.start();
    the_demo(&node, &site);
    publish_some(&site, 2_000);
    settled(&site, 2_000, 0);

    // It does not answer for a while.
    let since = Instant::now();
    node.freeze();
    publish_some(&site, 3_000);
    holds(&site, 2_000);
    pass(since, STILL);
    assert!(site.admin().is_healthy(), "amber is not red");
    node.thaw();
    settled(&site, 5_000, 0);
    rows_are(&node.python, KEYSPACE, 5_000);

    // It is killed, and away for longer.
    let more = away_under_load(&mut node, &site);
    let mut records = 5_000 + more;
    settled(&site, records, 0);
    rows_are(&node.python, KEYSPACE, records);

    // We are killed with records on their way.
    publish_some(&site, 5_000);
    records += 5_000;
    server.kill_9();
    let _server = site.start();
    settled(&site, records, 0);
    rows_are(&node.python, KEYSPACE, records);

    poison(&node, &site, records);
}

/// The demo's payload, read back by a client that is not ours.
fn the_demo(node: &Node, site: &Site) {
    let mut wire = Wire::connected(site.mqtt, 4, "demo");
    let readings = b"99999,2.10# 2.13# 2.19# ";
    wire.send(&publish(4, 1, 1, "temperature", readings));
    assert_eq!(wire.frame().expect("a PUBACK").number(0), 1);
    let select = format!("SELECT event_id, idx, reading FROM {KEYSPACE}.temperature");
    let rows = until("three rows", || {
        let rows = node.python.ask(&select);
        (rows.len() == 3).then_some(rows)
    });
    assert_eq!(
        rows,
        [
            serde_json::json!([99999, 0, 2.1]),
            serde_json::json!([99999, 1, 2.13]),
            serde_json::json!([99999, 2, 2.19]),
        ]
    );
}

/// Publishes are acknowledged, offsets stand, and the sink says why.
fn holds(site: &Site, written: u64) {
    let held = until_within(CATCH_UP, "the sink shows that its table is away", || {
        Some(sink(site)).filter(|sink| sink["state"] == "RETRYING")
    });
    assert_eq!(number(&held, "written"), written, "{held}");
    assert!(number(&held, "lag") > 0, "{held}");
}

/// Kills it while devices publish, leaves it away, and brings it back; says how many readings were acknowledged.
fn away_under_load(node: &mut Node, site: &Site) -> u64 {
    let outage = std::env::var("MESSINA_OUTAGE").ok();
    let outage = Duration::from_secs(outage.and_then(|text| text.parse().ok()).unwrap_or(60));
    let count = under_load(site, || {
        let before = number(&sink(site), "written");
        until("rows are written while it runs", || {
            (number(&sink(site), "written") > before).then_some(())
        });
        let since = Instant::now();
        node.kill();
        until_within(CATCH_UP, "the sink shows that its table is away", || {
            (sink(site)["state"] == "RETRYING").then_some(())
        });
        let held = number(&sink(site), "written");
        pass(since, outage);
        let after = sink(site);
        assert_eq!(number(&after, "written"), held, "{after}");
        assert!(site.admin().is_healthy(), "amber is not red");
        node.up();
        until_within(CATCH_UP, "rows are written again", || {
            (number(&sink(site), "written") > held).then_some(())
        });
    });
    println!("{count} readings while Cassandra was killed and away for {outage:?}");
    count
}

/// A key of more than 64 KiB is what Cassandra refuses and we do not.
fn poison(node: &Node, site: &Site, records: u64) {
    let mut wire = Wire::connected(site.mqtt, 4, "poison");
    let long = format!("{{\"{}\": 1}}", "x".repeat(70_000));
    for (id, payload) in [(1, "1"), (2, long.as_str()), (3, "3")] {
        wire.send(&publish(4, 1, id, "house/poison", payload.as_bytes()));
        assert_eq!(wire.frame().expect("a PUBACK").number(0), id);
    }
    settled(site, records + 2, 1);
    let rows = node.python.ask(&format!(
        "SELECT seq FROM {KEYSPACE}.readings WHERE topic = 'house/poison' AND field = 'value'"
    ));
    assert_eq!(rows.len(), 2, "{rows:?}");
    let letters = site.admin().consume_all("messina.dead-letters");
    assert_eq!(letters.len(), 1);
    assert!(letters[0].json.to_string().contains("ConnectException"));

    let count = "SELECT count(*) FROM readings";
    let output = site.messina(&["query", "--json", count]).output().unwrap();
    assert_eq!(
        String::from_utf8_lossy(&output.stdout),
        format!("{{\"count\":{}}}\n", records + 2),
        "{output:?}"
    );
}
