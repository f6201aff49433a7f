//! Gateway, worker and connectors where everything is right.

use messina_e2e::admin::Admin;
use messina_e2e::kafka::consume;
use messina_e2e::patience::until_within;
use messina_e2e::server::{Site, free_addresses};
use messina_e2e::wire::{Wire, publish};
use serde_json::Value;
use std::time::Duration;

use crate::services::{KEYSPACE, PASSWORD, RIGHT, Services, TOPIC, USER};

/// Processes, a broker and a node on two slow cores.
pub(crate) const CATCH_UP: Duration = Duration::from_mins(3);

/// Readings a device publishes.
const READINGS: u16 = 200;

/// The options of a connector that writes them into a table.
fn sink(table: &str) -> String {
    format!(
        "\"topics\" = \"{TOPIC}\", \
         \"connect.cassandra.kcql\" = \"INSERT INTO {table} SELECT n FROM {TOPIC}\", \
         \"value.converter\" = \"Json\", \"value.converter.schemas.enable\" = false"
    )
}

/// A worker with a table for the readings.
pub(crate) fn worker() -> Site {
    Site::new()
        .running("worker")
        .set(
            "table=[{ name = \"readings\", partition_key = [\"n\"], columns = { n = \"bigint\" } }]",
        )
        .set(format!(
            "sink=[{{ name = \"secured\", {} }}]",
            sink("readings")
        ))
}

/// Every number of a table, sorted, by a client that is not ours.
fn numbers(services: &Services, table: &str) -> Vec<u64> {
    let python = &services.node.python;
    let rows = python.ask(&format!("SELECT n FROM {KEYSPACE}.{table}"));
    let mut numbers: Vec<u64> = rows.iter().map(|row| row[0].as_u64().expect("n")).collect();
    numbers.sort_unstable();
    numbers
}

fn all_there(services: &Services, admin: &Admin, table: &str) {
    until_within(CATCH_UP, "every reading is a row", || {
        let status = admin.status();
        (status["sinks"][0]["written"] == u64::from(READINGS)).then_some(())
    });
    let all: Vec<u64> = (0..u64::from(READINGS)).collect();
    assert_eq!(numbers(services, table), all);
}

pub(crate) fn gateway_and_worker(services: &Services) {
    let gateway = services.on_kafka(Site::new().running("gateway"), &RIGHT);
    let worker = services.on_kafka(worker(), &RIGHT);
    let trust = &services.trust;
    let worker = services.on_cassandra(worker, Some(PASSWORD), trust, Some(&services.identity));
    let (_gateway, _worker) = (gateway.start(), worker.start());
    let mut wire = Wire::connected(gateway.mqtt, 4, "device");
    for n in 0..READINGS {
        let payload = format!("{{\"n\": {n}}}");
        wire.send(&publish(4, 1, n + 1, "meters/1", payload.as_bytes()));
        assert_eq!(wire.frame().expect("a PUBACK").number(0), n + 1);
    }
    // A session that outlives its connection: a transaction, whose producer logs in too.
    let output = messina_e2e::outside::mosquitto(
        "mosquitto_pub",
        gateway.mqtt,
        &["-q", "2", "-c", "-i", "kept", "-t", "meters/2", "-m", "{}"],
    );
    assert!(output.status.success(), "{output:?}");
    let consumed = consume(&services.plain(), TOPIC, "%s\n");
    assert_eq!(consumed.lines().count(), usize::from(READINGS) + 1);
    all_there(services, &worker.admin(), "readings");
    for site in [&gateway, &worker] {
        assert!(!site.said().contains(PASSWORD), "no password in the log");
    }
}

/// The files of `connect-standalone`, with that password of the connector's.
pub(crate) fn standalone(services: &Services, name: &str, password: &str) -> Site {
    let (trust, identity) = (services.trust.display(), services.identity.display());
    let [rest] = free_addresses();
    let worker = services.file(
        "worker.properties",
        &format!(
            "bootstrap.servers={}\nsecurity.protocol=SASL_SSL\nsasl.mechanism=SCRAM-SHA-512\n\
             sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required \
             username=\"{USER}\" password=\"{PASSWORD}\";\n\
             ssl.truststore.type=PEM\nssl.truststore.location={trust}\n\
             ssl.keystore.type=PEM\nssl.keystore.location={identity}\n\
             key.converter=org.apache.kafka.connect.storage.StringConverter\n\
             value.converter=org.apache.kafka.connect.json.JsonConverter\nvalue.converter.schemas.enable=false\n\
             offset.storage.file.filename=/tmp/connect.offsets\nlisteners=http://{rest}\n",
            services.kafka
        ),
    );
    let address = services.node.address;
    let sink = services.file(
        &format!("{name}.properties"),
        &format!(
            "name={name}\n\
             connector.class=io.lenses.streamreactor.connect.cassandra.sink.CassandraSinkConnector\n\
             tasks.max=1\ntopics={TOPIC}\nconnect.cassandra.contact.points={}\nconnect.cassandra.port={}\n\
             connect.cassandra.username={USER}\nconnect.cassandra.password={password}\n\
             connect.cassandra.key.space={KEYSPACE}\n\
             connect.cassandra.kcql=INSERT INTO again SELECT n FROM {TOPIC}\n\
             connect.cassandra.ssl.enabled=true\nconnect.cassandra.ssl.client.cert.auth=true\n\
             connect.cassandra.trust.store.path={trust}\nconnect.cassandra.key.store.path={identity}\n",
            address.ip(),
            address.port()
        ),
    );
    Site::new()
        .running("connect-standalone")
        .argument(worker.display().to_string())
        .argument(sink.display().to_string())
}

pub(crate) fn connect_standalone(services: &Services) {
    services.node.python.ask(&format!(
        "CREATE TABLE {KEYSPACE}.again (n bigint PRIMARY KEY)"
    ));
    let site = standalone(services, "right", PASSWORD);
    let _running = site.start();
    // The record of the kept session has no `n`: without a key it is no row, and the connector tolerates none.
    until_within(CATCH_UP, "every reading is a row", || {
        (numbers(services, "again").len() == usize::from(READINGS)).then_some(())
    });
    assert!(!site.said().contains(PASSWORD), "no password in the log");
}

/// What the one sink of a site says.
pub(crate) fn sink_of(site: &Site) -> Value {
    site.admin().status()["sinks"][0].clone()
}
