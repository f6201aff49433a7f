//! What a fleet was promised, what arrived, and whether the two agree.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use serde::Serialize;

/// A payload that was sent, by its hash.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Sent {
    /// Hash of the payload.
    pub(super) hash: u64,
    /// Which device.
    pub(super) device: u32,
    /// Its number among the device's.
    pub(super) sequence: u64,
    /// Whether the server answered for it with success.
    pub(super) acknowledged: bool,
    /// How often it was published on purpose.
    pub(super) copies: u32,
}

/// What one device did.
#[derive(Debug, Default)]
pub(super) struct DeviceReport {
    pub(super) sent: Vec<Sent>,
    pub(super) refused: u64,
    pub(super) published: u64,
    pub(super) acknowledged: u64,
    pub(super) reconnects: u64,
    pub(super) latencies: Vec<Duration>,
}

/// What all devices did: what the server promised them, and how fast.
#[derive(Debug, Default)]
pub struct Promises {
    sent: Vec<Sent>,
    published: u64,
    acknowledged: u64,
    refused: u64,
    reconnects: u64,
    latencies: Vec<Duration>,
    /// How long it took.
    pub elapsed: Duration,
}

/// Percentiles of the time from when a publish was due to its acknowledgement, milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Latency {
    /// Half were faster.
    pub p50_ms: f64,
    /// 99 of 100 were faster.
    pub p99_ms: f64,
    /// 999 of 1000 were faster.
    pub p999_ms: f64,
    /// The slowest.
    pub max_ms: f64,
}

/// What arrived of what was promised.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Verdict {
    /// Different payloads found in the log.
    pub arrived: u64,
    /// Acknowledged and not in the log: must be 0.
    pub missing: u64,
    /// In the log more often than published: allowed for QoS 1 after a lost connection, never for QoS 2.
    pub repeated: u64,
    /// First arrivals after a later one of the same device: must be 0 without lost connections at QoS 0.
    pub out_of_order: u64,
}

/// The whole report.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Report {
    /// Seconds it took.
    pub seconds: f64,
    /// Publishes made.
    pub published: u64,
    /// Publishes the server answered for with success (QoS 0: that were sent).
    pub acknowledged: u64,
    /// Publishes the server refused.
    pub refused: u64,
    /// Connections made again.
    pub reconnects: u64,
    /// Acknowledgements a second.
    pub rate: f64,
    /// How fast they came; absent when there were none.
    pub latency: Option<Latency>,
    /// What arrived; absent when nobody looked.
    pub verdict: Option<Verdict>,
}

impl Promises {
    pub(super) fn add(&mut self, device: DeviceReport) {
        self.published += device.published;
        self.acknowledged += device.acknowledged;
        self.refused += device.refused;
        self.reconnects += device.reconnects;
        self.latencies.extend(device.latencies);
        self.sent.extend(device.sent);
    }

    /// The hashes of all that was published: what else is in the log is of others.
    pub fn hashes(&self) -> HashSet<u64> {
        self.sent.iter().map(|sent| sent.hash).collect()
    }

    /// Compares with the hashes of what is in the log, each partition in order.
    pub fn compare(&self, arrived: &[u64]) -> Verdict {
        let sent: HashMap<u64, &Sent> = self.sent.iter().map(|sent| (sent.hash, sent)).collect();
        let mut seen: HashMap<u64, u32> = HashMap::new();
        let mut last: HashMap<u32, u64> = HashMap::new();
        let mut verdict = Verdict::default();
        for hash in arrived {
            let Some(sent) = sent.get(hash) else { continue };
            let times = seen.entry(*hash).or_default();
            *times += 1;
            if *times > sent.copies {
                verdict.repeated += 1;
            }
            if *times > 1 {
                continue;
            }
            verdict.arrived += 1;
            let newest = last.entry(sent.device).or_insert(sent.sequence);
            if sent.sequence < *newest {
                verdict.out_of_order += 1;
            }
            *newest = sent.sequence.max(*newest);
        }
        let is_missing = |sent: &&Sent| sent.acknowledged && !seen.contains_key(&sent.hash);
        verdict.missing = self.sent.iter().filter(is_missing).count() as u64;
        verdict
    }

    /// The report, with what [`Self::compare`] found if somebody looked.
    pub fn report(&mut self, verdict: Option<Verdict>) -> Report {
        let seconds = self.elapsed.as_secs_f64();
        #[expect(clippy::cast_precision_loss, reason = "a rate for people")]
        let rate = self.acknowledged as f64 / seconds.max(0.001);
        Report {
            seconds,
            published: self.published,
            acknowledged: self.acknowledged,
            refused: self.refused,
            reconnects: self.reconnects,
            rate,
            latency: latency(&mut self.latencies),
            verdict,
        }
    }
}

fn latency(latencies: &mut [Duration]) -> Option<Latency> {
    latencies.sort_unstable();
    let at = |thousandth: usize| {
        let index = latencies.len() * thousandth / 1000;
        let found = latencies.get(index.min(latencies.len().saturating_sub(1)));
        found.map(|latency| latency.as_secs_f64() * 1000.0)
    };
    Some(Latency {
        p50_ms: at(500)?,
        p99_ms: at(990)?,
        p999_ms: at(999)?,
        max_ms: at(1000)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sent(hash: u64, device: u32, sequence: u64, acknowledged: bool) -> Sent {
        Sent {
            hash,
            device,
            sequence,
            acknowledged,
            copies: 1,
        }
    }

    #[test]
    fn the_verdict_comes_from_what_devices_were_promised() {
        let mut promises = Promises::default();
        promises.add(DeviceReport {
            sent: vec![
                sent(1, 0, 0, true),
                sent(2, 0, 1, true),
                sent(3, 0, 2, true),
                sent(4, 0, 3, false),
            ],
            ..DeviceReport::default()
        });
        let verdict = promises.compare(&[2, 1, 1, 99]);
        let expected = Verdict {
            arrived: 2,
            missing: 1,
            repeated: 1,
            out_of_order: 1,
        };
        assert_eq!(verdict, expected);
        assert_eq!(promises.compare(&[1, 2, 3, 4]).missing, 0);
    }

    #[test]
    fn percentiles_are_of_the_sorted_latencies() {
        let mut latencies: Vec<Duration> = (1..=1000).rev().map(Duration::from_millis).collect();
        let latency = latency(&mut latencies).unwrap();
        assert!(
            (latency.p50_ms - 501.0).abs() < 0.1 && (latency.max_ms - 1000.0).abs() < 0.1,
            "{latency:?}"
        );
    }
}
