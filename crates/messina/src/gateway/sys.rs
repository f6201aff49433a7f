//! `$SYS`: what mosquitto's users know to subscribe to, to see how the server is. Published at QoS 0 and retained in
//! memory, to subscribers only: none of it enters the log.
//!
//! A topic is published when its value has changed, and once after the start. Averages are mosquitto's: each interval
//! they move towards the rate of the interval, by a part that fades over 1, 5 or 15 minutes.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use messina_mqtt::packet::Publish;
use messina_mqtt::topic::Topic;

use super::events::Traffic;
use super::server::Gateway;
use super::sessions::SessionKey;

/// The periods of the averages, with their names.
const PERIODS: [(&str, f64); 3] = [("1min", 60.0), ("5min", 300.0), ("15min", 900.0)];

/// What is counted, as numbers that only grow.
#[derive(Debug, Clone, Copy, Default)]
struct Counts {
    /// In the order of [`RATES`].
    all: [u64; RATES.len()],
}

/// The topics of averages, below `$SYS/broker/load/`.
const RATES: [&str; 7] = [
    "publish/received",
    "publish/sent",
    "publish/dropped",
    "bytes/received",
    "bytes/sent",
    "connections",
    "sockets",
];

impl Counts {
    fn of(traffic: &Traffic) -> Self {
        Self {
            all: [
                traffic.received,
                traffic.sent,
                traffic.dropped,
                traffic.bytes_received,
                traffic.bytes_sent,
                traffic.connections,
                traffic.connections,
            ],
        }
    }
}

/// The values of `$SYS`, and what was published of them.
#[derive(Debug)]
pub struct Sys {
    start: Instant,
    last: Instant,
    before: Counts,
    /// Per minute, by rate and period.
    averages: [[f64; PERIODS.len()]; RATES.len()],
    most_connected: usize,
    published: HashMap<String, String>,
}

impl Sys {
    /// Of a server that starts now.
    pub fn new(now: Instant) -> Self {
        Self {
            start: now,
            last: now,
            before: Counts::default(),
            averages: Default::default(),
            most_connected: 0,
            published: HashMap::new(),
        }
    }

    /// What has changed: topics below `$SYS/broker/` and their values.
    pub fn changes(&mut self, gateway: &Gateway, now: Instant) -> Vec<(String, String)> {
        let traffic = gateway.events.traffic();
        self.average(Counts::of(&traffic), now);
        let mut values = self.values(gateway, &traffic, now);
        values.retain(|(topic, value)| self.published.get(topic) != Some(value));
        for (topic, value) in &values {
            self.published.insert(topic.clone(), value.clone());
        }
        values
    }

    fn average(&mut self, counts: Counts, now: Instant) {
        let seconds = now.saturating_duration_since(self.last).as_secs_f64();
        if seconds <= 0.0 {
            return;
        }
        let all = counts.all.iter().zip(self.before.all);
        for ((count, before), averages) in all.zip(&mut self.averages) {
            let grown = u32::try_from(count.saturating_sub(before)).unwrap_or(u32::MAX);
            let per_minute = f64::from(grown) * 60.0 / seconds;
            for (average, (_, period)) in averages.iter_mut().zip(PERIODS) {
                let fade = (-seconds / period).exp();
                *average = per_minute + fade * (*average - per_minute);
            }
        }
        (self.before, self.last) = (counts, now);
    }

    fn values(
        &mut self,
        gateway: &Gateway,
        traffic: &Traffic,
        now: Instant,
    ) -> Vec<(String, String)> {
        let (connected, asleep) = gateway.sessions.count();
        self.most_connected = self.most_connected.max(connected);
        let uptime = now.saturating_duration_since(self.start).as_secs();
        let retained = gateway.retained.len();
        let mut values: Vec<(String, String)> = [
            ("clients/connected", connected.to_string()),
            ("clients/active", connected.to_string()),
            ("clients/disconnected", asleep.to_string()),
            ("clients/inactive", asleep.to_string()),
            ("clients/total", (connected + asleep).to_string()),
            ("clients/maximum", self.most_connected.to_string()),
            ("clients/expired", traffic.expired_sessions.to_string()),
            ("publish/messages/received", traffic.received.to_string()),
            ("publish/messages/sent", traffic.sent.to_string()),
            ("publish/messages/dropped", traffic.dropped.to_string()),
            ("bytes/received", traffic.bytes_received.to_string()),
            ("bytes/sent", traffic.bytes_sent.to_string()),
            ("retained messages/count", retained.to_string()),
            (
                "subscriptions/count",
                gateway.subscriptions.len().to_string(),
            ),
            (
                "version",
                concat!("messina ", env!("CARGO_PKG_VERSION")).to_owned(),
            ),
            ("uptime", format!("{uptime} seconds")),
        ]
        .map(|(topic, value)| (topic.to_owned(), value))
        .into();
        for (rate, averages) in RATES.iter().zip(self.averages) {
            for (average, (period, _)) in averages.into_iter().zip(PERIODS) {
                values.push((format!("load/{rate}/{period}"), format!("{average:.2}")));
            }
        }
        values
    }
}

impl Gateway {
    /// Publishes `$SYS` every `interval`, until the program stops.
    pub async fn publish_sys(self: Arc<Self>, interval: Duration) {
        let mut sys = Sys::new(self.clock.now());
        loop {
            for (topic, value) in sys.changes(&self, self.clock.now()) {
                self.say(&format!("$SYS/broker/{topic}"), value);
            }
            tokio::select! {
                () = tokio::time::sleep(interval) => {}
                () = self.shutdown.intake_stopped() => return,
            }
        }
    }

    /// Gives subscribers something the server has to say, and keeps it for those who come later. Not durable.
    fn say(&self, topic: &str, value: String) {
        let Ok(topic) = Topic::new(topic) else { return };
        let mut publish = Publish::new(topic, Bytes::from(value));
        publish.retain = true;
        self.retained.say(&publish);
        let recipients = self.subscriptions.select(&publish.topic, SessionKey::NONE);
        let missed = recipients.deliver(publish, &self.subscriptions, self.clock.now());
        self.missed(missed);
    }
}
