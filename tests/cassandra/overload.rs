//! A Cassandra that is given more than it can take in the time it allows itself: its time-outs are not the rows' fault.

use std::thread::sleep;
use std::time::Duration;

use messina_e2e::cassandra::Node;
use messina_e2e::patience::until_within;
use messina_e2e::server::Site;

use crate::readings::{CATCH_UP, number, rows_are, settled, sink, site, under_load};

const KEYSPACE: &str = "messina_e2e_overload";

/// It gives writes up at once.
const IMPATIENT: &str =
    "write_request_timeout: 100ms\nconcurrent_writes: 2\nnative_transport_max_threads: 4\n";

/// How long it stands still at a time, and then works.
const STILL: Duration = Duration::from_millis(800);
const WORKS: Duration = Duration::from_millis(400);

/// What the driver says of a node that has given a write up.
const TIMED_OUT: &str = "responded to the write request in time";

fn time_outs(site: &Site) -> usize {
    let said = site.said();
    let lines = said
        .lines()
        .filter(|line| line.contains("the cluster has not taken rows"));
    lines.filter(|line| line.contains(TIMED_OUT)).count()
}

#[test]
fn what_a_cluster_that_cannot_keep_up_gives_up_is_a_row_once_and_no_dead_letter() {
    let Some(mut node) = Node::start("Cassandra is overloaded", "") else {
        return;
    };
    let site = site(&node.python, KEYSPACE).logging("info,messina::table=debug");
    let _server = site.start();
    // Its tables are there; from now on it has little time.
    node.kill();
    node.begin(IMPATIENT);
    let records = under_load(&site, || {
        until_within(CATCH_UP, "writes that time out", || {
            node.freeze();
            sleep(STILL);
            node.thaw();
            sleep(WORKS);
            (time_outs(&site) >= 3).then_some(())
        });
    });
    println!("{records} readings, {} time-outs", time_outs(&site));
    settled(&site, records, 0);
    assert_eq!(number(&sink(&site), "accepted"), records);
    rows_are(&node.python, KEYSPACE, records);
}
