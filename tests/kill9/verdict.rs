//! What was promised, held against what is in the log and in the table.

use std::collections::{BTreeMap, BTreeSet};

use messina_e2e::admin::{Admin, Consumed};
use messina_e2e::fleet::Report;
use messina_e2e::patience::until;
use serde_json::Value;

use crate::publishers::OutsideReport;
use crate::{retained, sleepers, wills};

/// Rows asked for at once, below what a query may return.
const PAGE: u64 = 1000;

/// How often each number was found.
type Found = BTreeMap<u64, u64>;

/// Collects the verdict, reading by reading.
pub(crate) struct Verdict {
    admin: Admin,
    readings: Vec<Consumed>,
    temperatures: Vec<Consumed>,
    lines: Vec<String>,
    checked: u64,
}

impl Verdict {
    /// Reads the log.
    pub(crate) fn new(admin: Admin) -> Self {
        let readings = admin.consume_all("readings");
        let temperatures = admin.consume_all("temperature");
        Self {
            admin,
            readings,
            temperatures,
            lines: Vec::new(),
            checked: 0,
        }
    }

    /// The verdict on one of our devices.
    pub(crate) fn device(&mut self, report: &Report) {
        let topic = &report.profile.topic;
        let promised: BTreeSet<u64> = (0..report.promised).collect();
        self.lines.push(format!(
            "{topic}: QoS {}, {} promised, {} reconnects, session forgotten {} times",
            report.profile.qos, report.promised, report.reconnects, report.forgotten
        ));
        assert_eq!(
            report.forgotten, 0,
            "{topic}: a persistent session was forgotten"
        );
        let numbers = if topic == "temperature" {
            self.temperatures
                .iter()
                .map(|record| demo_number(&record.value))
                .collect()
        } else {
            numbers_of(&self.readings, topic)
        };
        in_order(topic, &numbers);
        self.hold(topic, report.profile.qos, &promised, &numbers);
    }

    /// The verdict on what a sleeper, or the crew it is of, has received.
    pub(crate) fn sleeper(&mut self, report: &sleepers::Report) {
        let sleepers::Report {
            profile,
            seen,
            goal,
            ..
        } = report;
        let name = &profile.client_id;
        self.lines.push(format!(
            "{name}: {} at QoS {}, {} received of {goal}, {} came again, slept {} times",
            profile.filter,
            profile.qos,
            report.received.len(),
            report.repeated,
            report.sleeps
        ));
        assert_eq!(report.forgotten, 0, "{name}: its session was forgotten");
        let seen = seen.lock().expect("whole");
        let missing: Vec<_> = (0..*goal).filter(|number| !seen.contains(number)).collect();
        assert!(missing.is_empty(), "{name}: not received: {missing:?}");
        let twice = &report.twice;
        assert!(twice.is_empty(), "{name}: received twice: {twice:?}");
        if profile.is_exact {
            in_order(name, &report.received);
            let disordered = &report.disordered;
            assert!(
                disordered.is_empty(),
                "{name}: out of order: {disordered:?}"
            );
        }
        self.checked += report.received.len() as u64;
    }

    /// The verdict on wills: each that is due is in the log, once.
    pub(crate) fn wills(&mut self, report: &wills::Report) {
        let admin = &self.admin;
        let found = until("all wills are in the log", || {
            let found = numbers_of(&admin.consume_all("readings"), wills::TOPIC);
            let all: BTreeSet<_> = found.iter().copied().collect();
            let has_all = report.promised.iter().all(|number| all.contains(number));
            has_all.then_some(found)
        });
        let mut counted = Found::new();
        for number in &found {
            *counted.entry(*number).or_default() += 1;
        }
        let twice: Vec<_> = counted.iter().filter(|(_, times)| **times > 1).collect();
        assert!(twice.is_empty(), "wills published twice: {twice:?}");
        let recalled = report.recalled.iter();
        let wrong: Vec<_> = recalled
            .filter(|number| counted.contains_key(number))
            .collect();
        assert!(
            wrong.is_empty(),
            "wills of clients that were back: {wrong:?}"
        );
        self.lines.push(format!(
            "wills: {} promised of {} tried, {} recalled",
            report.promised.len(),
            report.tried,
            report.recalled.len()
        ));
        self.checked += (report.promised.len() + report.recalled.len()) as u64;
    }

    /// The verdict on what is retained.
    pub(crate) fn retained(&mut self, report: &retained::Report) {
        let wrong = &report.wrong;
        assert!(
            wrong.is_empty(),
            "retained, promised and tried do not agree: {wrong:?}"
        );
        assert!(report.answered > 0, "nobody was answered");
        self.lines.push(format!(
            "retained: {} promised, {} subscriptions answered",
            report.promised, report.answered
        ));
        self.checked += report.answered;
    }

    /// The verdict on what `mosquitto_pub` published.
    pub(crate) fn outsider(&mut self, report: &OutsideReport) {
        let OutsideReport {
            qos,
            topic,
            promised,
            tried,
        } = report;
        self.lines.push(format!(
            "{topic}: QoS {qos}, {} promised of {tried} tried",
            promised.len()
        ));
        let numbers = numbers_of(&self.readings, topic);
        self.hold(topic, *qos, &promised.iter().copied().collect(), &numbers);
    }

    /// Says what was done and held.
    pub(crate) fn print(&self, seed: u64) {
        for line in &self.lines {
            println!("kill -9: {line}");
        }
        println!("kill -9: {} promises kept, seed {seed}", self.checked);
    }

    fn hold(&mut self, topic: &str, qos: u8, promised: &BTreeSet<u64>, numbers: &[u64]) {
        let mut in_log = Found::new();
        for number in numbers {
            *in_log.entry(*number).or_default() += 1;
        }
        judge(topic, "log", qos, promised, &in_log);
        let in_table = self.table_with(topic, &in_log);
        judge(topic, "table", qos, promised, &in_table);
        self.checked += u64::try_from(promised.len()).unwrap_or_default();
    }

    /// The table once it has every number the log has.
    fn table_with(&self, topic: &str, in_log: &Found) -> Found {
        until(&format!("the table has every record of `{topic}`"), || {
            let in_table = self.table(topic);
            in_log
                .keys()
                .all(|number| in_table.contains_key(number))
                .then_some(in_table)
        })
    }

    /// Numbers of a topic in the table, by how many rows of each reading there are.
    fn table(&self, topic: &str) -> Found {
        let from = if topic == "temperature" {
            "SELECT event_id, max(rows) FROM (SELECT event_id, idx, count(*) AS rows FROM temperature \
             GROUP BY event_id, idx) GROUP BY event_id ORDER BY event_id"
                .to_owned()
        } else {
            format!(
                "SELECT number, count(*) FROM readings WHERE topic = '{topic}' AND field = 'n' \
                 GROUP BY number ORDER BY number"
            )
        };
        let mut found = Found::new();
        for page in 0.. {
            let rows = self
                .admin
                .query(&format!("{from} LIMIT {PAGE} OFFSET {}", page * PAGE));
            if rows.is_empty() {
                break;
            }
            found.extend(rows.iter().map(|row| (whole(&row[0]), whole(&row[1]))));
        }
        found
    }
}

fn judge(topic: &str, place: &str, qos: u8, promised: &BTreeSet<u64>, found: &Found) {
    let missing: Vec<_> = promised
        .iter()
        .filter(|number| !found.contains_key(number))
        .collect();
    assert!(
        missing.is_empty(),
        "{topic}: acknowledged, but not in the {place}: {missing:?}"
    );
    if qos == 2 {
        let twice: Vec<_> = found.iter().filter(|(_, times)| **times > 1).collect();
        assert!(
            twice.is_empty(),
            "{topic}: more than once in the {place}: {twice:?}"
        );
    }
}

/// A device's readings lie in the log in the order it made them; one sent again may lie there again.
fn in_order(topic: &str, numbers: &[u64]) {
    let mut seen = BTreeSet::new();
    let firsts: Vec<u64> = numbers
        .iter()
        .copied()
        .filter(|number| seen.insert(*number))
        .collect();
    assert!(
        firsts.is_sorted(),
        "{topic}: out of order in the log: {firsts:?}"
    );
}

fn numbers_of(records: &[Consumed], topic: &str) -> Vec<u64> {
    let of_topic = records.iter().filter(|record| record.key == topic);
    of_topic.map(|record| meter_number(&record.value)).collect()
}

/// The number of a reading.
pub(crate) fn meter_number(value: &str) -> u64 {
    let json: Value =
        serde_json::from_str(value).unwrap_or_else(|error| panic!("{error}: {value}"));
    json["n"]
        .as_u64()
        .unwrap_or_else(|| panic!("no number in {value}"))
}

fn demo_number(value: &str) -> u64 {
    let number = value.split(',').next().and_then(|text| text.parse().ok());
    number.unwrap_or_else(|| panic!("no event id in {value}"))
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "counts, small and whole"
)]
fn whole(value: &Value) -> u64 {
    value
        .as_u64()
        .or_else(|| value.as_f64().map(|number| number as u64))
        .unwrap_or_else(|| panic!("{value}"))
}
