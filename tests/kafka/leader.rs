//! Three brokers, of which one is killed under load: leaders move, nothing is lost.

use messina_e2e::kafka::produce_readings;

use crate::three::Three;
use crate::worker::{all_there, numbers, settled, unique, worker};

const BROKERS: Three = Three("kafka3");
const SERVERS: &str = "127.0.0.2:19092,127.0.0.3:19092,127.0.0.4:19092";

#[test]
#[ignore = "takes three brokers, which it starts and kills: `cargo xtask services down kafka3` ends them"]
fn leaders_that_move_because_a_broker_is_killed_lose_nothing() {
    BROKERS.up();
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
            BROKERS.kill_9(node);
        });
        produced += 20_000;
        settled(&site, produced, 0);
        BROKERS.up();
    }
    all_there(&numbers(&site), produced);
}
