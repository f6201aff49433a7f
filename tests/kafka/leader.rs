//! Three brokers, of which one is killed under load: leaders move, nothing is lost.

use std::path::PathBuf;
use std::process::Command;

use messina_e2e::kafka::produce_readings;

use crate::worker::{all_there, numbers, settled, unique, worker};

const SERVERS: &str = "127.0.0.2:19092,127.0.0.3:19092,127.0.0.4:19092";

fn services() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../.services/kafka3"))
}

fn kill_9(node: u8) {
    let pid = services().join(node.to_string()).join("pid");
    let pid = std::fs::read_to_string(pid).expect("the service runs");
    let status = Command::new("kill").args(["-KILL", pid.trim()]).status();
    assert!(status.expect("`kill` runs").success());
}

fn up() {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let status = Command::new(cargo)
        .args(["xtask", "services", "up", "kafka3"])
        .status();
    assert!(status.expect("cargo runs").success());
}

#[test]
#[ignore = "takes three brokers, which it starts and kills: `cargo xtask services down kafka3` ends them"]
fn leaders_that_move_because_a_broker_is_killed_lose_nothing() {
    up();
    let topic = unique("leaders");
    let site = worker(SERVERS, &topic)
        .set("kafka.topics={ create = true, partitions = 6, replication = 3, config = { \"min.insync.replicas\" = 2 } }");
    let _server = site.start();
    produce_readings(SERVERS, &topic, 0..5_000);
    settled(&site, 5_000, 0);
    let mut produced = 5_000;
    for node in [3, 2] {
        std::thread::scope(|scope| {
            scope.spawn(|| produce_readings(SERVERS, &topic, produced..produced + 20_000));
            kill_9(node);
        });
        produced += 20_000;
        settled(&site, produced, 0);
        up();
    }
    all_there(&numbers(&site), produced);
}
