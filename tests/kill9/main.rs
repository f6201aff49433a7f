//! The process is killed with SIGKILL at random moments while devices publish; what they were promised is then
//! looked for in the log and in the table.
//!
//! `MESSINA_ROUNDS` says how many kills (20), `MESSINA_SEED` repeats a run's choices; `cargo xtask kill9
//! --rounds N --seed S` sets both. The verdict comes from the devices, never from the server's counters.

#![expect(
    clippy::disallowed_methods,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout,
    reason = "a test of a real process, in real time, that prints what it did"
)]

mod publishers;
mod verdict;

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread::sleep;
use std::time::{Duration, Instant};

use messina_e2e::fleet::{Profile, Report, Signals, device};
use messina_e2e::outside::require;
use messina_e2e::own_device::own_device;
use messina_e2e::random::{Random, seed};
use messina_e2e::server::{Server, Site};

/// Devices, written by hand or on our own device half: who they are and what they publish.
fn profiles(kind: &str) -> Vec<Profile> {
    let profile = |name: &str, version, qos, payload| Profile {
        client_id: format!("{kind}-{name}"),
        version,
        qos,
        topic: format!("meters/{kind}-{name}"),
        payload,
    };
    let mut profiles = vec![
        profile("a", 4, 1, meter),
        profile("b", 5, 1, meter),
        profile("c", 4, 2, meter),
        profile("d", 5, 2, meter),
    ];
    if kind == "hand" {
        profiles.push(Profile {
            topic: "temperature".to_owned(),
            ..profile("e", 5, 2, demo)
        });
    }
    profiles
}

fn meter(number: u64) -> String {
    format!("{{\"n\": {number}}}")
}

fn demo(number: u64) -> String {
    format!("{number},2.10# 2.13# 2.19")
}

#[test]
fn nothing_promised_is_lost_and_no_qos_2_reading_comes_twice_over_kills() {
    let seed = seed();
    let rounds: u64 = std::env::var("MESSINA_ROUNDS")
        .ok()
        .and_then(|text| text.parse().ok())
        .unwrap_or(20);
    println!(
        "kill -9: {rounds} rounds, seed {seed}; again with `cargo xtask kill9 --rounds {rounds} --seed {seed}`"
    );
    let site = Site::new();
    let signals = Arc::new(Signals::default());
    let by_hand = |profile| device(profile, site.mqtt, Arc::clone(&signals));
    let ours = |profile| own_device(profile, site.mqtt, Arc::clone(&signals));
    let devices: Vec<_> = profiles("hand")
        .into_iter()
        .map(by_hand)
        .chain(profiles("ours").into_iter().map(ours))
        .collect();
    let outsiders = require("mosquitto_pub", "kill -9: readings of mosquitto_pub")
        .map(|_| [1, 2].map(|qos| publishers::start(qos, site.mqtt, Arc::clone(&signals))));

    let mut random = Random::new(seed);
    for round in 1..=rounds {
        kill_at_a_random_moment(&site, &signals, &mut random);
        if round % 5 == 0 {
            println!(
                "kill -9: round {round}, {} promises so far",
                signals.promises.load(Ordering::Relaxed)
            );
        }
    }
    let server = site.start();
    signals.finish.store(true, Ordering::Relaxed);
    let reports: Vec<Report> = devices
        .into_iter()
        .map(|device| device.join().expect("the device ends"))
        .collect();
    let outside = outsiders
        .map(|outsiders| outsiders.map(|thread| thread.join().expect("the publisher ends")));

    let mut verdict = verdict::Verdict::new(site.admin());
    for report in &reports {
        verdict.device(report);
    }
    for report in outside.iter().flatten() {
        verdict.outsider(report);
    }
    verdict.print(seed);
    drop(server);
}

/// One life of the process: up to a random number of promises, or, one time in four, not even to the end of its
/// recovery.
fn kill_at_a_random_moment(site: &Site, signals: &Signals, random: &mut Random) {
    if random.below(4) == 0 {
        let server = site.spawn();
        sleep(Duration::from_millis(random.below(120)));
        server.kill_9();
    }
    let server: Server = site.start();
    let goal = signals.promises.load(Ordering::Relaxed) + random.below(1000);
    let start = Instant::now();
    while signals.promises.load(Ordering::Relaxed) < goal {
        assert!(
            start.elapsed() < Duration::from_secs(30),
            "no promises are made; it said:\n{}",
            site.said()
        );
        sleep(Duration::from_millis(1));
    }
    sleep(Duration::from_micros(random.below(20_000)));
    server.kill_9();
}
