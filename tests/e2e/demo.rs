//! The main job: what the demo's device script publishes becomes rows.

use messina_e2e::outside::{mosquitto_pub, require};
use messina_e2e::patience::until;
use messina_e2e::server::Site;
use messina_e2e::wire::{Wire, publish};

/// Event id, comma, 210 readings joined by `# `.
fn payload(event_id: u64) -> String {
    let readings: Vec<String> = (0..210)
        .map(|index| format!("{}.{:02}", 2 + index / 100, index % 100))
        .collect();
    format!("{event_id},{}# ", readings.join("# "))
}

#[test]
fn a_payload_of_210_readings_from_mosquitto_pub_becomes_210_rows() {
    if require("mosquitto_pub", "the demo").is_none() {
        return;
    }
    let site = Site::new();
    let _server = site.start();
    let status = mosquitto_pub(site.mqtt)
        .args(["-q", "2", "-t", "temperature", "-m", &payload(99999)])
        .status();
    assert!(status.expect("mosquitto_pub starts").success());

    let admin = site.admin();
    let records = admin.consume_all("temperature");
    assert_eq!(records.len(), 1, "one publish is one record");
    assert!(
        records[0].value.starts_with("99999,2.00# 2.01# "),
        "{}",
        records[0].value
    );
    assert_eq!(records[0].key, "temperature");
    let count = "SELECT count(*) FROM temperature WHERE event_id = 99999";
    until("210 rows", || (admin.count(count) == 210).then_some(()));
    let rows =
        admin.query("SELECT idx, reading FROM temperature WHERE event_id = 99999 ORDER BY idx");
    assert_eq!(rows[0][1].as_f64(), Some(2.0), "{:?}", rows[0]);
    assert_eq!(rows[209][1].as_f64(), Some(4.09), "{:?}", rows[209]);
}

#[test]
fn json_and_plain_numbers_of_any_other_topic_become_readings() {
    let site = Site::new();
    let _server = site.start();
    let mut wire = Wire::connected(site.mqtt, 4, "meter");
    wire.send(&publish(
        4,
        1,
        1,
        "house/meter",
        b"{\"power\": 230.5, \"phase\": {\"l1\": 1.5, \"name\": \"x\"}}",
    ));
    wire.send(&publish(4, 1, 2, "house/door", b"17.25"));
    for id in [1, 2] {
        assert_eq!(wire.frame().expect("a PUBACK").number(0), id);
    }
    let admin = site.admin();
    until("four readings", || {
        (admin.count("SELECT count(*) FROM readings") == 4).then_some(())
    });
    let rows = admin.query("SELECT topic, field, number, text FROM readings ORDER BY topic, field");
    let shown: Vec<String> = rows.iter().map(|row| format!("{row:?}")).collect();
    assert_eq!(rows[0][..2], ["house/door", "value"], "{shown:?}");
    assert_eq!(rows[0][2].as_f64(), Some(17.25), "{shown:?}");
    assert_eq!(rows[1][..2], ["house/meter", "phase.l1"], "{shown:?}");
    assert_eq!(rows[2][3].as_str(), Some("x"), "{shown:?}");
    assert_eq!(rows[3][2].as_f64(), Some(230.5), "{shown:?}");
}

#[test]
fn the_table_file_opens_in_sqlite_while_writing_goes_on() {
    if require("sqlite3", "the table's file in another tool").is_none() {
        return;
    }
    let site = Site::new();
    let _server = site.start();
    let mut wire = Wire::connected(site.mqtt, 5, "meter");
    wire.send(&publish(5, 1, 1, "house/door", b"17.25"));
    assert_eq!(wire.frame().expect("a PUBACK").packet_type(), 4);
    let admin = site.admin();
    until("a reading", || {
        (admin.count("SELECT count(*) FROM readings") == 1).then_some(())
    });
    let mut sqlite = std::process::Command::new("sqlite3");
    let output = sqlite
        .arg("-readonly")
        .arg(site.data().join("tables.db"))
        .arg("SELECT number FROM readings")
        .output();
    assert_eq!(
        String::from_utf8_lossy(&output.expect("sqlite3 starts").stdout).trim(),
        "17.25"
    );
}
