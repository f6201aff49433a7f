//! A publish that Kafka would not take is refused alone: what comes with it and after it is not.

use messina_e2e::kafka::{self, SHARED};
use messina_e2e::outside::{mosquitto, require};
use messina_e2e::wire::{Wire, publish};

use crate::kills::site;

/// Above librdkafka's `message.max.bytes` of 1,000,000, below the gateway's `max_packet_size` of 1 MiB.
const TOO_LARGE: usize = 1_020_000;

#[test]
fn a_publish_too_large_for_kafka_is_refused_alone() {
    let test = "a publish too large for Kafka";
    if require("mosquitto_pub", test).is_none() || kafka::shared(test).is_none() {
        return;
    }
    let topic = format!("sizes-{}", std::process::id());
    let site = site(&topic);
    let server = site.start();
    let large = "x".repeat(TOO_LARGE);

    // 3.1.1 cannot be told: it is acknowledged and counted as refused, or the device would send it again for ever.
    let mut wire = Wire::connected(site.mqtt, 4, "old");
    for (id, payload) in [(1, "before"), (2, large.as_str()), (3, "after")] {
        wire.send(&publish(4, 1, id, "meters/old", payload.as_bytes()));
    }
    for id in 1..=3 {
        assert_eq!(wire.frame().expect("a PUBACK").number(0), id);
    }
    let file = tempfile::NamedTempFile::new().expect("a file");
    std::fs::write(file.path(), &large).expect("it can be written");
    let path = file.path().to_str().expect("a path");
    let arguments = ["-V", "5", "-q", "1", "-t", "meters/new", "-f", path];
    let output = mosquitto("mosquitto_pub", site.mqtt, &arguments);
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("Implementation specific error"), "{said}");

    assert_eq!(kafka::consume(SHARED, &topic, "%s "), "before after ");
    let status = site.admin().status();
    let refused = &status["routes"][0]["refused"];
    assert_eq!(refused.as_u64(), Some(2), "{status}");
    drop(server);
}
