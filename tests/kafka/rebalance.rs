//! Workers come, go and die while others write.

use messina_e2e::kafka::{self, produce_readings};
use messina_e2e::patience::until_within;
use messina_e2e::server::Site;

use crate::worker::{CATCH_UP, Cassandra, all_there, number, settled, sink, unique, worker};

/// Waits until the worker has written rows since it started.
fn writes(site: &Site, before: u64) {
    until_within(CATCH_UP, "the worker writes", || {
        let sink = sink(site);
        (sink.is_object() && number(&sink, "rows") > before).then_some(())
    });
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
    let produce = |numbers| produce_readings(servers, &topic, numbers);
    let first = sites[0].start();
    produce(0..4_000);
    writes(&sites[0], 0);
    let mut second = std::thread::scope(|scope| {
        scope.spawn(|| produce(4_000..16_000));
        // It joins while the first writes.
        let second = sites[1].start();
        produce(16_000..20_000);
        writes(&sites[1], 0);
        second
    });
    let third = std::thread::scope(|scope| {
        scope.spawn(|| produce(20_000..30_000));
        let third = sites[2].start();
        produce(30_000..34_000);
        writes(&sites[2], 0);
        // It leaves in order.
        second.terminate();
        assert!(
            second.wait_within(CATCH_UP).success(),
            "{}",
            sites[1].said()
        );
        third
    });
    std::thread::scope(|scope| {
        scope.spawn(|| produce(34_000..44_000));
        // It is killed; its partitions go to the third when it is missed.
        let before = number(&sink(&sites[2]), "rows");
        first.kill_9();
        writes(&sites[2], before);
    });
    produce(44_000..45_000);
    // The third has every partition now, and with them the books of all who had them before.
    settled(&sites[2], 45_000, 0);
    all_there(&cassandra.numbers(), 45_000);
    drop(third);
}
