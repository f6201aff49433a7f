//! Readings of one device, and what has become of them.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::sleep;
use std::time::{Duration, Instant};

use messina_e2e::cassandra::Python;
use messina_e2e::patience::{Ends, until_within};
use messina_e2e::server::Site;
use messina_e2e::wire::{Wire, publish};
use serde_json::Value;

/// A cold Cassandra on two slow cores, with everything it has to take in at once.
pub(crate) const CATCH_UP: Duration = Duration::from_mins(4);

/// Publishes between two looks at the clock.
const BURST: u16 = 50;
/// The time from one burst to the next: 500 publishes a second where the machine has time for them.
const PACE: Duration = Duration::from_millis(100);

/// `up` with its tables in a keyspace there.
pub(crate) fn site(python: &Python, keyspace: &str) -> Site {
    Site::new()
        .set(format!("cql.contact_points={}", python.address))
        .set(format!("cql.keyspace={keyspace}"))
        .set("cql.replication=1")
        .set("cql.request_timeout=2s")
}

/// The sink `readings` as the status shows it.
pub(crate) fn sink(site: &Site) -> Value {
    let status = site.admin().status();
    let sinks = status["sinks"].as_array().expect("the status lists sinks");
    let found = sinks.iter().find(|sink| sink["name"] == "readings");
    found.expect("the sink is there").clone()
}

pub(crate) fn number(sink: &Value, name: &str) -> u64 {
    sink[name]
        .as_u64()
        .unwrap_or_else(|| panic!("no `{name}` in {sink}"))
}

/// Publishes so many readings at QoS 1, each acknowledged before the next.
pub(crate) fn publish_some(site: &Site, count: u16) {
    let mut wire = Wire::connected(site.mqtt, 4, "device");
    for id in 1..=count {
        wire.send(&publish(4, 1, id, "house/door", b"17.25"));
        assert_eq!(wire.frame().expect("a PUBACK").number(0), id);
    }
}

/// Does something while a device publishes steadily; says how many readings were acknowledged.
pub(crate) fn under_load(site: &Site, something: impl FnOnce()) -> u64 {
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let publishing = scope.spawn(|| publish_until(site, &done));
        let ends = Ends(&done);
        something();
        drop(ends);
        publishing.join().expect("the device was answered")
    })
}

fn publish_until(site: &Site, done: &AtomicBool) -> u64 {
    let mut wire = Wire::connected(site.mqtt, 4, "steady");
    let mut count = 0;
    while !done.load(Ordering::Relaxed) {
        let begin = Instant::now();
        for id in 1..=BURST {
            wire.send(&publish(4, 1, id, "house/door", b"17.25"));
            assert_eq!(wire.frame().expect("a PUBACK").number(0), id);
            count += 1;
        }
        sleep(PACE.saturating_sub(begin.elapsed()));
    }
    count
}

/// Waits until so many records are rows and so many dead letters, and nothing is left to do.
pub(crate) fn settled(site: &Site, written: u64, dead_lettered: u64) {
    until_within(CATCH_UP, &format!("{written} records written"), || {
        let sink = sink(site);
        let done = number(&sink, "written") == written
            && number(&sink, "dead_lettered") == dead_lettered
            && number(&sink, "lag") == 0;
        done.then_some(())
    });
}

/// Every record is one row: none is lost, none is there twice.
pub(crate) fn rows_are(python: &Python, keyspace: &str, records: u64) {
    let rows = python.ask(&format!("SELECT seq FROM {keyspace}.readings"));
    let distinct: BTreeSet<u64> = rows.iter().map(|row| row[0].as_u64().unwrap()).collect();
    let missing = (0..records).filter(|seq| !distinct.contains(seq));
    let missing: Vec<u64> = missing.take(10).collect();
    assert!(missing.is_empty(), "of {records}: {missing:?}");
    assert_eq!(rows.len() as u64, records, "none is there twice");
}

/// Lets time pass: what is tested is that nothing happens in it.
pub(crate) fn pass(since: Instant, time: Duration) {
    sleep(time.saturating_sub(since.elapsed()));
}
