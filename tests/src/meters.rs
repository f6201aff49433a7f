//! The fleet of the tests in front of Kafka: meters of both versions at QoS 1 and 2, by hand and on our own device half.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread::JoinHandle;

use crate::fleet::{Profile, Report, Signals, device};
use crate::kafka;
use crate::own_device::own_device;

fn reading(number: u64) -> String {
    format!("{{\"n\": {number}}}")
}

fn profiles(kind: &str) -> [Profile; 4] {
    [("a", 4, 1), ("b", 5, 1), ("c", 4, 2), ("d", 5, 2)].map(|(name, version, qos)| Profile {
        client_id: format!("{kind}-{name}"),
        version,
        qos,
        topic: format!("meters/{kind}-{name}"),
        payload: reading,
    })
}

/// Running meters.
#[derive(Debug)]
pub struct Meters {
    /// What they share with the test.
    pub signals: Arc<Signals>,
    devices: Vec<JoinHandle<Report>>,
}

impl Meters {
    /// Starts them.
    pub fn start(address: SocketAddr) -> Self {
        let signals = Arc::new(Signals::default());
        let by_hand = |profile| device(profile, address, Arc::clone(&signals));
        let ours = |profile| own_device(profile, address, Arc::clone(&signals));
        let by_hand = profiles("hand").map(by_hand);
        let devices = by_hand
            .into_iter()
            .chain(profiles("ours").map(ours))
            .collect();
        Self { signals, devices }
    }

    /// Promises made so far.
    pub fn promises(&self) -> u64 {
        self.signals.promises.load(Ordering::Relaxed)
    }

    /// Has them finish what is in flight, and tells what they were promised.
    pub fn finish(self) -> Vec<Report> {
        self.signals.finish.store(true, Ordering::Relaxed);
        let reports = self.devices.into_iter();
        reports
            .map(|device| device.join().expect("the device ends"))
            .collect()
    }
}

/// The numbers of each meter's records in Kafka, in the order they are in, by its topic.
pub fn in_kafka(servers: &str, topic: &str) -> BTreeMap<String, Vec<u64>> {
    let mut found: BTreeMap<String, Vec<u64>> = BTreeMap::new();
    for line in kafka::consume(servers, topic, "%k\t%s\n").lines() {
        let (device, value) = line.split_once('\t').expect("a key");
        let number = value.trim_start_matches("{\"n\": ").trim_end_matches('}');
        let number = number.parse().expect("a number");
        found.entry(device.to_owned()).or_default().push(number);
    }
    found
}
