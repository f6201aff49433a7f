//! SIGTERM finishes what is promised; a second one stops at once; neither loses anything.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use messina_e2e::fleet::{Profile, Signals, device};
use messina_e2e::patience::until;
use messina_e2e::server::Site;

/// What one SIGTERM may take.
const DRAIN: Duration = Duration::from_secs(10);
/// What a second one may take.
const AT_ONCE: Duration = Duration::from_secs(3);

fn profile(qos: u8) -> Profile {
    let topic = format!("meters/{qos}");
    Profile {
        client_id: format!("device-{qos}"),
        version: 5,
        qos,
        topic,
        payload: |number| format!("{{\"n\": {number}}}"),
    }
}

fn stops_and_loses_nothing(signals_sent: u32, limit: Duration) {
    let site = Site::new();
    let mut server = site.start();
    let signals = Arc::new(Signals::default());
    let devices = [1, 2].map(|qos| device(profile(qos), site.mqtt, Arc::clone(&signals)));
    until("a thousand promises", || {
        (signals.promises.load(Ordering::Relaxed) > 1000).then_some(())
    });
    for _ in 0..signals_sent {
        server.terminate();
    }
    let status = server.wait_within(limit);
    assert!(
        status.code().is_some() || signals_sent > 1,
        "it ended by itself: {status}; it said:\n{}",
        site.said()
    );

    let _server = site.start();
    signals.finish.store(true, Ordering::Relaxed);
    let reports = devices.map(|device| device.join().expect("the device ends"));
    let admin = site.admin();
    for report in reports {
        let topic = &report.profile.topic;
        let rows = format!(
            "SELECT count(*), count(DISTINCT number) FROM readings WHERE topic = '{topic}'"
        );
        let (all, distinct) = until(
            &format!("every promised reading of {topic} in the table"),
            || {
                let row = admin.query(&rows).pop()?;
                let (all, distinct) = (row[0].as_u64()?, row[1].as_u64()?);
                (distinct >= report.promised).then_some((all, distinct))
            },
        );
        assert_eq!(distinct, report.promised, "{topic}");
        assert!(
            report.profile.qos == 1 || all == distinct,
            "{topic}: {all} rows of {distinct} readings"
        );
    }
}

#[test]
fn one_sigterm_drains_within_ten_seconds() {
    stops_and_loses_nothing(1, DRAIN);
}

#[test]
fn a_second_sigterm_stops_at_once() {
    stops_and_loses_nothing(2, AT_ONCE);
}
