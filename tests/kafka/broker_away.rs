//! The broker stops answering, dies, comes back: offsets hold, nothing is lost, all goes on.

use std::time::{Duration, Instant};

use messina_e2e::kafka::{Broker, produce_readings};
use messina_e2e::patience::until;

use crate::worker::{all_there, numbers, says, settled, unique, worker};

#[test]
fn a_worker_outlives_a_broker_that_stands_still_or_is_killed() {
    let Some(mut broker) = Broker::start("a broker is stopped and killed", |_, _| String::new())
    else {
        return;
    };
    let (servers, topic) = (broker.servers(), unique("away"));
    let site = worker(&servers, &topic).set("kafka.client={ \"socket.timeout.ms\" = 5000 }");
    let server = site.start();
    produce_readings(&servers, &topic, 0..3_000);
    settled(&site, 3_000, 0);

    // It stands still while records are on their way.
    std::thread::scope(|scope| {
        scope.spawn(|| produce_readings(&servers, &topic, 3_000..20_000));
        broker.freeze();
        let since = Instant::now();
        until("15 seconds", || {
            (since.elapsed() > Duration::from_secs(15)).then_some(())
        });
        assert!(site.admin().is_healthy(), "amber is not red");
        broker.thaw();
    });
    settled(&site, 20_000, 0);

    // It is killed under load, and is away for a while.
    std::thread::scope(|scope| {
        scope.spawn(|| produce_readings(&servers, &topic, 20_000..40_000));
        broker.kill();
        says(&site, "RETRYING", "is away");
        broker.up();
    });
    settled(&site, 40_000, 0);
    assert_eq!(site.admin().status()["sinks"][0]["state"], "RUNNING");
    all_there(&numbers(&site), 40_000);
    drop(server);

    // And a worker that is started while it is away says so, and ends.
    broker.kill();
    let (status, said) = site.refused();
    assert_eq!(status.code(), Some(1), "{said}");
    assert!(
        said.contains(&format!("Kafka at {servers} is away")),
        "{said}"
    );
}
