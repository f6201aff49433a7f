//! `up` with its tables in a real Cassandra, which is stopped, restarted and asked by a client that is not ours.
//!
//! One test, because it stops the server that others would need.

#![expect(
    clippy::expect_used,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a failed expectation is a failed test"
)]
#![expect(
    clippy::disallowed_methods,
    reason = "tests of a real process run in real time"
)]

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

use messina_e2e::outside::skip;
use messina_e2e::patience::{until, until_within};
use messina_e2e::server::Site;
use messina_e2e::wire::{Wire, publish};
use serde_json::Value;

/// Where `cargo xtask services up cassandra` puts it.
const PORT: u16 = 19042;
const KEYSPACE: &str = "messina_e2e_up";
/// A cold Cassandra on two slow cores, with everything it has to take in at once.
const CATCH_UP: Duration = Duration::from_mins(3);

/// A running Cassandra and the Python client.
struct Cassandra {
    services: PathBuf,
}

impl Cassandra {
    fn find() -> Option<Self> {
        let services = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../.services"));
        let cassandra = Self { services };
        let listens = std::net::TcpStream::connect(("127.0.0.1", PORT)).is_ok();
        if listens && cassandra.python().exists() {
            return Some(cassandra);
        }
        skip("tables in Cassandra: it does not run, see `cargo xtask services up cassandra`");
        None
    }

    fn python(&self) -> PathBuf {
        self.services.join("python/bin/python")
    }

    /// The rows a statement gives to Python's driver.
    fn ask(&self, statement: &str) -> Vec<Value> {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/cassandra/read.py");
        let output = Command::new(self.python())
            .args([script, &PORT.to_string(), statement])
            .output()
            .expect("Python starts");
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
        let text = String::from_utf8(output.stdout).unwrap();
        text.lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    }

    fn signal(&self, signal: &str) {
        let pid = std::fs::read_to_string(self.services.join("cassandra/pid")).expect("a pid file");
        let status = Command::new("kill").args([signal, pid.trim()]).status();
        assert!(status.expect("`kill` runs").success());
    }

    fn restart(&self) {
        for verb in ["down", "up"] {
            let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
            let status = Command::new(cargo)
                .args(["xtask", "services", verb, "cassandra"])
                .current_dir(&self.services)
                .status();
            assert!(status.expect("cargo runs").success(), "services {verb}");
        }
    }
}

/// A process that is stopped goes on when the test ends, however it ends.
struct Stopped<'c>(&'c Cassandra);

impl Drop for Stopped<'_> {
    fn drop(&mut self) {
        self.0.signal("-CONT");
    }
}

/// The sink `readings` as the status shows it.
fn sink(site: &Site) -> Value {
    let status = site.admin().status();
    let sinks = status["sinks"].as_array().expect("the status lists sinks");
    let found = sinks.iter().find(|sink| sink["name"] == "readings");
    found.expect("the sink is there").clone()
}

fn number(sink: &Value, name: &str) -> u64 {
    sink[name]
        .as_u64()
        .unwrap_or_else(|| panic!("no `{name}` in {sink}"))
}

/// Publishes so many readings at QoS 1, each acknowledged before the next.
fn publish_some(site: &Site, count: u16) {
    let mut wire = Wire::connected(site.mqtt, 4, "device");
    for id in 1..=count {
        wire.send(&publish(4, 1, id, "house/door", b"17.25"));
        assert_eq!(wire.frame().expect("a PUBACK").number(0), id);
    }
}

fn settled(site: &Site, written: u64, dead_lettered: u64) {
    until_within(CATCH_UP, &format!("{written} records written"), || {
        let sink = sink(site);
        let done = number(&sink, "written") == written
            && number(&sink, "dead_lettered") == dead_lettered
            && number(&sink, "lag") == 0;
        done.then_some(())
    });
}

/// Every record is one row: none is lost, none is there twice.
fn rows_are(cassandra: &Cassandra, records: u64) {
    let rows = cassandra.ask(&format!("SELECT seq FROM {KEYSPACE}.readings"));
    let distinct: BTreeSet<u64> = rows.iter().map(|row| row[0].as_u64().unwrap()).collect();
    assert_eq!(
        (rows.len() as u64, distinct.len() as u64),
        (records, records)
    );
}

#[test]
#[expect(clippy::too_many_lines, reason = "a story in the order it happens")]
fn what_is_acknowledged_becomes_a_row_in_cassandra_whoever_stops_in_between() {
    let Some(cassandra) = Cassandra::find() else {
        return;
    };
    cassandra.ask(&format!("DROP KEYSPACE IF EXISTS {KEYSPACE}"));
    let site = Site::new()
        .set(format!("cql.contact_points=127.0.0.1:{PORT}"))
        .set(format!("cql.keyspace={KEYSPACE}"))
        .set("cql.replication=1")
        .set("cql.request_timeout=2s");
    let server = site.start();

    // The demo's payload, read back by a client that is not ours.
    let mut wire = Wire::connected(site.mqtt, 4, "demo");
    wire.send(&publish(
        4,
        1,
        1,
        "temperature",
        b"99999,2.10# 2.13# 2.19# ",
    ));
    assert_eq!(wire.frame().expect("a PUBACK").number(0), 1);
    let select = format!("SELECT event_id, idx, reading FROM {KEYSPACE}.temperature");
    let rows = until("three rows", || {
        let rows = cassandra.ask(&select);
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

    publish_some(&site, 2_000);
    settled(&site, 2_000, 0);

    // It does not answer for a while: publishes are acknowledged, offsets stand, nothing is lost.
    {
        cassandra.signal("-STOP");
        let stopped = Stopped(&cassandra);
        let since = Instant::now();
        publish_some(&site, 3_000);
        until("the sink shows that its table is away", || {
            (sink(&site)["state"] == "RETRYING").then_some(())
        });
        until("20 seconds", || {
            (since.elapsed() > Duration::from_secs(20)).then_some(())
        });
        let held = sink(&site);
        assert_eq!(
            (number(&held, "written"), number(&held, "lag")),
            (2_000, 3_000),
            "{held}"
        );
        drop(stopped);
    }
    settled(&site, 5_000, 0);
    rows_are(&cassandra, 5_000);

    // It is restarted under load.
    std::thread::scope(|scope| {
        scope.spawn(|| publish_some(&site, 5_000));
        cassandra.restart();
    });
    settled(&site, 10_000, 0);
    rows_are(&cassandra, 10_000);

    // We are killed with records on their way.
    publish_some(&site, 5_000);
    server.kill_9();
    let _server = site.start();
    settled(&site, 15_000, 0);
    rows_are(&cassandra, 15_000);

    // A key of more than 64 KiB is what Cassandra refuses and we do not.
    let mut wire = Wire::connected(site.mqtt, 4, "poison");
    let long = format!("{{\"{}\": 1}}", "x".repeat(70_000));
    for (id, payload) in [(1, "1"), (2, long.as_str()), (3, "3")] {
        wire.send(&publish(4, 1, id, "house/poison", payload.as_bytes()));
        assert_eq!(wire.frame().expect("a PUBACK").number(0), id);
    }
    settled(&site, 15_002, 1);
    let rows = cassandra.ask(&format!(
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
        "{\"count\":15002}\n",
        "{output:?}"
    );
}
