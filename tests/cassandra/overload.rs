//! A Cassandra that is given more than it can take in the time it allows itself: that is not the rows' fault.

use std::thread::sleep;
use std::time::Duration;

use messina_e2e::cassandra::Node;
use messina_e2e::patience::until_within;
use messina_e2e::server::Site;

use crate::readings::{CATCH_UP, number, rows_are, settled, sink, site, under_load};

/// How long it stands still at a time, and then works.
const STILL: Duration = Duration::from_millis(800);
const WORKS: Duration = Duration::from_millis(400);

/// A node that is short of time, and how it says so.
struct Short {
    keyspace: &'static str,
    yaml: &'static str,
    /// What the driver says of its answer.
    said: &'static str,
}

/// It gives writes up at once.
const IMPATIENT: Short = Short {
    keyspace: "messina_e2e_impatient",
    yaml: "write_request_timeout: 100ms\nconcurrent_writes: 2\nnative_transport_max_threads: 4\n",
    said: "responded to the write request in time",
};

/// It answers what has waited longer than that for its only thread with `Overloaded`, and does not begin with it.
const REFUSING: Short = Short {
    keyspace: "messina_e2e_overload",
    yaml: "native_transport_timeout: 50ms\nnative_transport_max_threads: 1\n",
    said: "coordinator node is overloaded",
};

impl Short {
    /// How often rows had to wait because of it.
    fn waits(&self, site: &Site) -> usize {
        let said = site.said();
        let lines = said
            .lines()
            .filter(|line| line.contains("the cluster has not taken rows"));
        lines.filter(|line| line.contains(self.said)).count()
    }

    /// Publishes, does something to the node again and again until it has been short of time, and looks at the rows.
    fn is_waited_for(&self, something: impl Fn(&Node)) {
        let Some(mut node) = Node::start("Cassandra is overloaded", "") else {
            return;
        };
        let site = site(&node.python, self.keyspace).logging("info,messina::table=debug");
        let _server = site.start();
        // Its tables are there; from now on it has little time.
        node.kill();
        node.begin(self.yaml);
        let records = under_load(&site, || {
            until_within(CATCH_UP, "rows that have to wait", || {
                something(&node);
                (self.waits(&site) >= 3).then_some(())
            });
        });
        println!("{records} readings, {} times", self.waits(&site));
        settled(&site, records, 0);
        assert_eq!(number(&sink(&site), "accepted"), records);
        rows_are(&node.python, self.keyspace, records);
    }
}

#[test]
fn what_a_cluster_that_cannot_keep_up_gives_up_is_a_row_once_and_no_dead_letter() {
    IMPATIENT.is_waited_for(|node| {
        node.freeze();
        sleep(STILL);
        node.thaw();
        sleep(WORKS);
    });
}

#[test]
fn what_an_overloaded_cluster_refuses_is_a_row_once_and_no_dead_letter() {
    // What the device sends is enough.
    REFUSING.is_waited_for(|_node| ());
}
