//! Three nodes of Cassandra, of which one is killed and comes back under load: at QUORUM rows go on, and none is lost.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::sleep;
use std::time::Duration;

use messina_e2e::cassandra::Python;
use messina_e2e::kafka::{self, produce_readings};
use messina_e2e::patience::{Ends, until_within};
use messina_e2e::server::Site;

use crate::three::Three;
use crate::worker::{Cassandra, all_there, number, settled, sink, unique, worker};

const NODES: Three = Three("cassandra3");
const POINTS: &str = "[\"127.0.0.2:19042\", \"127.0.0.3:19042\", \"127.0.0.4:19042\"]";

/// Rows that are written with a node away, and again once it is back.
const ROWS: u64 = 1_500;

/// Three nodes on two cores, one of them starting.
const UNTIL_ROWS: Duration = Duration::from_mins(10);

/// Waits until so many rows more are written.
fn goes_on(site: &Site, what: &str) {
    let goal = number(&sink(site), "written") + ROWS;
    until_within(UNTIL_ROWS, what, || {
        let sink = sink(site);
        assert_ne!(sink["state"], "FAILED", "{sink}");
        (number(&sink, "written") >= goal).then_some(())
    });
}

#[test]
#[ignore = "takes three nodes, which it starts and kills: `cargo xtask services down cassandra3` ends them"]
fn one_of_three_nodes_that_is_killed_and_comes_back_under_load_loses_no_row_at_quorum() {
    let Some(servers) = kafka::shared("one of three nodes of Cassandra is killed") else {
        return;
    };
    NODES.up();
    let python = Python {
        consistency: "ALL",
        ..Python::at("127.0.0.3:19042")
    };
    let cassandra = Cassandra::at(python, 3, "messina_kafka_ring");
    let topic = unique("ring");
    let site = cassandra
        .of(worker(servers, &topic))
        .set(format!("cql.contact_points={POINTS}"))
        .set("cql.consistency=quorum");
    let _server = site.start();
    let (done, produced) = (AtomicBool::new(false), AtomicU64::new(0));
    std::thread::scope(|scope| {
        let producing = || {
            while !done.load(Ordering::Relaxed) {
                let from = produced.load(Ordering::Relaxed);
                produce_readings(servers, &topic, from..from + 500);
                produced.store(from + 500, Ordering::Relaxed);
                sleep(Duration::from_millis(200));
            }
        };
        scope.spawn(producing);
        let ends = Ends(&done);
        goes_on(&site, "rows are written by three nodes");
        // The last to join, then the seed of the others.
        for node in [4, 2] {
            NODES.kill_9(node);
            goes_on(&site, "rows are written by two nodes");
            NODES.up();
            goes_on(&site, "rows are written by three nodes again");
        }
        drop(ends);
    });
    let produced = produced.load(Ordering::Relaxed);
    println!("{produced} records produced, two nodes killed one after the other");
    settled(&site, produced, 0);
    // Every replica of every row is asked.
    all_there(&cassandra.numbers(), produced);
}
