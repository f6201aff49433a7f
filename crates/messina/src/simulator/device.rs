//! One simulated device: publishes when it is due, loses its connection when chance says so, comes back.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use messina_mqtt::device::{Input, Options, Token};
use messina_mqtt::packet::{ClientId, Publish};
use messina_mqtt::reason::ReasonCode;
use messina_mqtt::topic::Topic;
use tokio::time::{Instant, sleep, sleep_until, timeout_at};

use super::plan::{FleetError, FleetPlan};
use super::report::{DeviceReport, Sent};
use super::{Event, Link, Random};

/// Pause before another attempt to connect; the first of these, then up to ten times as long.
const PAUSE: Duration = Duration::from_millis(50);

/// A device of a fleet.
pub(super) struct Simulated {
    plan: Arc<FleetPlan>,
    number: u32,
    topic: Topic,
    start: Instant,
    random: Random,
    link: Link,
    /// Index into the report's list and due time of each publish that waits for its answer.
    waiting: HashMap<Token, (usize, Instant)>,
    report: DeviceReport,
    storms: u32,
    late: Option<(usize, Bytes)>,
    connected_before: bool,
}

/// The hash by which a payload is found again.
pub fn payload_hash(payload: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    payload.hash(&mut hasher);
    hasher.finish()
}

impl Simulated {
    pub(super) fn new(
        plan: Arc<FleetPlan>,
        number: u32,
        start: Instant,
    ) -> Result<Self, FleetError> {
        let text = plan.topic.replace("{device}", &number.to_string());
        let topic = Topic::new(&text).map_err(|source| FleetError::Topic {
            topic: text,
            source,
        })?;
        let name = format!("sim-{}-{number}", plan.run);
        let mut options = Options::new(ClientId::new(&name).unwrap_or_default());
        options.version = plan.version;
        options.inflight = plan.window;
        Ok(Self {
            random: Random::member(plan.seed, u64::from(number)),
            link: Link::new(options),
            plan,
            number,
            topic,
            start,
            waiting: HashMap::new(),
            report: DeviceReport::default(),
            storms: 0,
            late: None,
            connected_before: false,
        })
    }

    /// Publishes for the plan's duration, waits for answers, and tells what it was promised.
    pub(super) async fn run(mut self) -> DeviceReport {
        let interval =
            Duration::from_secs_f64(f64::from(self.plan.count) / self.plan.rate.max(0.001));
        // Devices begin at different points of the interval, as a real fleet would.
        let phase = interval.mul_f64(f64::from(self.number) / f64::from(self.plan.count.max(1)));
        let end = self.start + self.plan.duration;
        let mut due = self.start + phase;
        let mut sequence = 0;
        while due < end {
            self.until(due).await;
            self.publish(sequence, due);
            sequence += 1;
            due += interval;
        }
        self.flush_late(end);
        let patience = Instant::now() + self.plan.patience;
        while !self.waiting.is_empty() && Instant::now() < patience {
            let step = (Instant::now() + Duration::from_millis(100)).min(patience);
            self.until(step).await;
        }
        self.link.handle(Input::Disconnect(ReasonCode::Success));
        let deadline = Instant::now() + Duration::from_secs(1);
        while self.link.is_connected() {
            match timeout_at(deadline, self.link.next()).await {
                Ok(event) => self.on_event(&event),
                Err(_elapsed) => break,
            }
        }
        self.report
    }

    /// Keeps the connection alive, and makes it again, until `time`.
    async fn until(&mut self, time: Instant) {
        while Instant::now() < time {
            if !self.link.is_connected() && !self.reconnect(time).await {
                return;
            }
            tokio::select! {
                event = self.link.next() => self.on_event(&event),
                () = sleep_until(time) => return,
            }
        }
    }

    async fn reconnect(&mut self, time: Instant) -> bool {
        loop {
            let address = self.plan.address.clone();
            if let Ok(Ok(())) =
                timeout_at(time.max(Instant::now() + PAUSE), self.link.connect(address)).await
            {
                self.report.reconnects += u64::from(self.connected_before);
                self.connected_before = true;
                return true;
            }
            let pause = PAUSE * u32::try_from(1 + self.random.below(10)).unwrap_or(1);
            if Instant::now() + pause >= time {
                sleep_until(time).await;
                return false;
            }
            sleep(pause).await;
        }
    }

    fn on_event(&mut self, event: &Event) {
        let Event::Published(token, reason) = event else {
            return;
        };
        let Some((index, due)) = self.waiting.remove(token) else {
            return;
        };
        if reason.is_error() {
            self.report.refused += 1;
            return;
        }
        self.report.acknowledged += 1;
        self.report.latencies.push(due.elapsed());
        if let Some(sent) = self.report.sent.get_mut(index) {
            sent.acknowledged = true;
        }
    }

    fn publish(&mut self, sequence: u64, due: Instant) {
        let since = i64::try_from((due - self.start).as_millis()).unwrap_or(0);
        let millis = self.plan.started_millis + since;
        let plan = Arc::clone(&self.plan);
        let payload =
            plan.profile
                .payload(plan.run, self.number, sequence, millis, &mut self.random);
        let index = self.report.sent.len();
        self.report.sent.push(Sent {
            hash: payload_hash(&payload),
            device: self.number,
            sequence,
            acknowledged: false,
            copies: 0,
        });
        if self.late.is_none() && self.random.chance(plan.faults.late) {
            self.late = Some((index, payload));
            return;
        }
        self.send(index, &payload, due);
        self.flush_late(due);
        if self.random.chance(plan.faults.duplicates) {
            self.send(index, &payload, due);
        }
        if self.random.chance(plan.faults.drops) || self.storm(due) {
            self.link.cut();
        }
    }

    fn flush_late(&mut self, due: Instant) {
        if let Some((index, payload)) = self.late.take() {
            self.send(index, &payload, due);
        }
    }

    fn send(&mut self, index: usize, payload: &Bytes, due: Instant) {
        let token = Token(self.report.published);
        self.report.published += 1;
        if let Some(sent) = self.report.sent.get_mut(index) {
            if sent.copies == 0 {
                // Order is that of publishing: a reading that is late on purpose is in order when it comes late.
                sent.sequence = token.0;
            }
            sent.copies += 1;
        }
        self.waiting.insert(token, (index, due));
        let mut publish = Publish::new(self.topic.clone(), payload.clone());
        publish.qos = self.plan.qos;
        self.link.handle(Input::Publish(token, publish));
    }

    /// Whether a storm has come since the last look.
    fn storm(&mut self, now: Instant) -> bool {
        let Some(every) = self.plan.faults.storms else {
            return false;
        };
        let passed = (now - self.start).as_secs_f64() / every.as_secs_f64().max(0.001);
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a small positive number of storms"
        )]
        let storms = passed as u32;
        let new = storms > self.storms;
        self.storms = storms;
        new
    }
}
