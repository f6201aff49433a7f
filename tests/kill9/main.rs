//! The process is killed with SIGKILL at random moments while devices publish, subscribers sleep and wake, and clients
//! leave wills and retained publishes; what they were promised is then looked for in the log, in the table and with
//! those it was for.
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
mod retained;
mod sleepers;
mod verdict;
mod wills;

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

/// Subscribers that sleep, and whose readings they are for.
fn sleepers() -> Vec<sleepers::Profile> {
    let profile = |name: &str, version, source: &str, qos, share: &str| sleepers::Profile {
        client_id: format!("sleeper-{name}"),
        version,
        filter: format!("{share}meters/{source}"),
        qos,
        topic: format!("meters/{source}"),
        is_exact: share.is_empty() && matches!(source, "hand-c" | "hand-d" | "ours-d"),
    };
    vec![
        profile("a", 4, "hand-a", 1, ""),
        profile("c", 4, "hand-c", 2, ""),
        profile("d", 5, "hand-d", 1, ""),
        profile("e", 5, "ours-d", 2, ""),
        profile("f", 5, "hand-b", 1, "$share/crew/"),
        profile("g", 4, "hand-b", 1, "$share/crew/"),
    ]
}

/// All sleepers, subscribed at a process that is killed then.
fn subscribed(site: &Site, seed: u64) -> Vec<sleepers::Sleeper> {
    let server = site.start();
    let crew = sleepers::Seen::default();
    let subscribe = |(profile, seed): (sleepers::Profile, u64)| {
        let shared = if profile.filter.starts_with("$share/") {
            Arc::clone(&crew)
        } else {
            sleepers::Seen::default()
        };
        sleepers::Sleeper::subscribed(profile, site.mqtt, shared, seed)
    };
    let all = sleepers().into_iter().zip(seed..).map(subscribe).collect();
    server.kill_9();
    all
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
    let asleep = subscribed(&site, seed);
    let asleep = asleep.into_iter().map(sleepers::Sleeper::start);
    let (asleep, goals): (Vec<_>, Vec<_>) = asleep.unzip();
    let mourned = wills::start(site.mqtt, Arc::clone(&signals));
    let keeper = retained::start(site.mqtt, Arc::clone(&signals));
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

    for (profile, goal) in sleepers().iter().zip(&goals) {
        let source = |report: &&Report| report.profile.topic == profile.topic;
        let promised = reports.iter().find(source).map(|report| report.promised);
        goal.store(promised.expect("its publisher"), Ordering::Relaxed);
    }
    let asleep: Vec<_> = asleep
        .into_iter()
        .map(|sleeper| sleeper.join().expect("the sleeper ends"))
        .collect();
    let mourned = mourned.join().expect("the one with the wills ends");
    let keeper = keeper
        .join()
        .expect("the one with the retained publish ends");

    let mut verdict = verdict::Verdict::new(site.admin());
    for report in &asleep {
        verdict.sleeper(report);
    }
    verdict.wills(&mourned);
    verdict.retained(&keeper);
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
