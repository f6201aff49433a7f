//! The worker is killed with SIGKILL at random moments while records come in.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::sleep;
use std::time::Duration;

use messina_e2e::kafka::{self, produce_readings};
use messina_e2e::patience::until_within;
use messina_e2e::random::{Random, seed};

use crate::worker::{CATCH_UP, Cassandra, all_there, number, settled, sink, unique, worker};

#[test]
fn no_record_is_lost_and_the_books_count_each_once_over_kills_of_the_worker() {
    const TEST: &str = "kill -9 of a worker";
    let Some(servers) = kafka::shared(TEST) else {
        return;
    };
    let Some(cassandra) = Cassandra::find(TEST, "messina_kafka_kills") else {
        return;
    };
    let rounds = std::env::var("MESSINA_ROUNDS").ok();
    let rounds: u64 = rounds.and_then(|text| text.parse().ok()).unwrap_or(20);
    let seed = seed();
    println!("kill -9 of a worker: {rounds} rounds, seed {seed} (MESSINA_ROUNDS, MESSINA_SEED)");
    let mut random = Random::new(seed);
    let topic = unique("killed");
    let partitions = ["--partitions", "6"];
    kafka::topics(
        servers,
        &[&["--create", "--topic", &topic][..], &partitions].concat(),
    );
    // A member that is killed is missed after this time; its successor waits for that.
    let site = cassandra
        .of(worker(servers, &topic))
        .set("kafka.consumer={ \"session.timeout.ms\" = 6000, \"heartbeat.interval.ms\" = 1000 }");
    let (done, produced) = (AtomicBool::new(false), AtomicU64::new(0));
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !done.load(Ordering::Relaxed) {
                let from = produced.load(Ordering::Relaxed);
                produce_readings(servers, &topic, from..from + 500);
                produced.store(from + 500, Ordering::Relaxed);
                sleep(Duration::from_millis(200));
            }
        });
        for _ in 0..rounds {
            let server = site.start();
            until_within(CATCH_UP, "the worker writes rows", || {
                (number(&sink(&site), "rows") > random.below(2_000)).then_some(())
            });
            sleep(Duration::from_micros(random.below(300_000)));
            server.kill_9();
        }
        done.store(true, Ordering::Relaxed);
    });
    let produced = produced.load(Ordering::Relaxed);
    println!("{produced} records produced");
    let _server = site.start();
    settled(&site, produced, 0);
    all_there(&cassandra.numbers(), produced);
}
