//! Workers come, go and die while others write.

use messina_e2e::kafka::{self, produce_readings};
use messina_e2e::patience::until_within;
use messina_e2e::server::Site;

use crate::worker::{CATCH_UP, Cassandra, all_there, number, settled, sink, unique, worker};

/// Readings that go on coming, numbered from 0.
struct Feed<'a> {
    servers: &'a str,
    topic: &'a str,
    next: u64,
}

impl Feed<'_> {
    fn produce(&mut self, count: u64) {
        let numbers = self.next..self.next + count;
        self.next = numbers.end;
        produce_readings(self.servers, self.topic, numbers);
    }

    /// Goes on until the worker has written more rows than that. Whoever joins late finds what came before written.
    fn until_it_writes(&mut self, site: &Site, before: u64) {
        until_within(CATCH_UP, "the worker writes", || {
            self.produce(500);
            let sink = sink(site);
            (sink.is_object() && number(&sink, "rows") > before).then_some(())
        });
    }
}

#[test]
fn workers_that_join_leave_and_die_lose_no_row_and_the_books_count_each_record_once() {
    const TEST: &str = "workers join and leave";
    let Some(servers) = kafka::shared(TEST) else {
        return;
    };
    let Some(cassandra) = Cassandra::find(TEST, "messina_kafka_rebalance") else {
        return;
    };
    let topic = unique("joined");
    let member = || {
        let site = cassandra.of(worker(servers, &topic));
        site.set(
            "kafka.consumer={ \"session.timeout.ms\" = 6000, \"heartbeat.interval.ms\" = 1000 }",
        )
    };
    let sites = [member(), member(), member()];
    let mut feed = Feed {
        servers,
        topic: &topic,
        next: 0,
    };
    let first = sites[0].start();
    feed.until_it_writes(&sites[0], 0);
    // Each joins while the others write.
    feed.produce(10_000);
    let mut second = sites[1].start();
    feed.until_it_writes(&sites[1], 0);
    feed.produce(10_000);
    let third = sites[2].start();
    feed.until_it_writes(&sites[2], 0);
    std::thread::scope(|scope| {
        // It leaves in order.
        let leaving = scope.spawn(|| {
            second.terminate();
            second.wait_within(CATCH_UP).success()
        });
        while !leaving.is_finished() {
            feed.produce(500);
        }
        assert!(leaving.join().expect("no panic"), "{}", sites[1].said());
    });
    feed.produce(10_000);
    // It is killed; its partitions go to the third when it is missed.
    let before = number(&sink(&sites[2]), "rows");
    first.kill_9();
    feed.until_it_writes(&sites[2], before);
    feed.produce(1_000);
    // The third has every partition now, and with them the books of all who had them before.
    settled(&sites[2], feed.next, 0);
    all_there(&cassandra.numbers(), feed.next);
    drop(third);
}
