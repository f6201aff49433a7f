//! Session against Device over a link that delays and breaks, in virtual time.
//!
//! The link keeps the order of bytes and loses what is under way when it breaks, as TCP does. The oracle saw what
//! each side was promised: QoS 1 arrives at least once, QoS 2 exactly once, first arrivals in the order sent. One
//! seed is one run; a failure prints the seed.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may fail loudly"
)]

mod link;
mod world;

use messina_mqtt::packet::Version;
use world::{Faults, World};

const SEEDS: u64 = 150;

fn run(faults: Faults) {
    for seed in 0..SEEDS {
        for version in [Version::V311, Version::V5] {
            let mut world = World::new(seed, version, faults);
            world.run();
            world.judge();
        }
    }
}

#[test]
fn everything_arrives_in_order_over_a_link_that_only_delays() {
    run(Faults {
        breaks: false,
        restarts: false,
    });
}

#[test]
fn qos_1_arrives_at_least_once_and_qos_2_exactly_once_over_a_link_that_breaks() {
    run(Faults {
        breaks: true,
        restarts: false,
    });
}

#[test]
fn what_the_log_accepted_survives_a_server_that_restarts() {
    run(Faults {
        breaks: true,
        restarts: true,
    });
}

#[test]
fn the_same_seed_gives_the_same_run() {
    let runs = [(); 2].map(|()| {
        let mut world = World::new(
            7,
            Version::V5,
            Faults {
                breaks: true,
                restarts: true,
            },
        );
        world.run();
        world.story()
    });
    assert!(!runs[0].is_empty());
    assert_eq!(runs[0], runs[1]);
}
