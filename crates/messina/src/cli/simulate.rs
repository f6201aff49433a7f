//! `messina simulate`: a fleet of devices, and whether what it was promised arrived.

use std::collections::{BTreeMap, HashSet};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use clap::{Args as ClapArgs, ValueEnum};
use messina_mqtt::packet::QoS;

use crate::console::api::Consume;
use crate::runtime::clock::{Clock, SystemClock};
use crate::simulator::{
    Faults, FleetPlan, Profile, Promises, Random, Report, Verdict, payload_hash,
};
use crate::sink::dead_letter::DEAD_LETTER_TOPIC;

use super::CommandError;
use super::format::octets;
use super::mqtt::{Protocol, qos, seed};
use super::output::Output;
use super::source::Target;
use super::topics::duration;
use super::way::Way;

/// Records asked for at once while looking for what arrived.
const PAGE: usize = 1_000;

/// Records of others that are read for it at most: beyond that the topics have to be named.
const MOST_OF_OTHERS: u64 = 1_000_000;

/// How long until it is looked again for what has not arrived.
const LOOK_AGAIN: Duration = Duration::from_millis(100);

/// `messina simulate`
#[derive(Debug, ClapArgs)]
#[command(after_help = "\
After the run the log is read, through the admin API or from Kafka itself: every acknowledged payload must be
there, at QoS 2 exactly as often as it was published. Exit code 1 if not. The verdict comes from what devices
were promised, not from the server's counters.

  messina simulate                                          the demo: 10 devices, 100 a second, QoS 2
  messina simulate --count 1000 --rate 5000 --profile json --drops 0.001 --storms 5s --seed 7")]
pub(super) struct Args {
    /// Server
    #[arg(long, default_value = "127.0.0.1:1883", value_name = "HOST:PORT")]
    server: String,
    /// Devices
    #[arg(short = 'n', long, default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    count: u32,
    /// Publishes a second, all devices together
    #[arg(short, long, default_value_t = 100.0)]
    rate: f64,
    /// How long to publish
    #[arg(short, long, default_value = "10s", value_parser = duration)]
    duration: Duration,
    /// Quality of service
    #[arg(short, long, default_value = "2", value_parser = qos)]
    qos: QoS,
    /// Protocol version
    #[arg(short = 'V', long = "protocol-version", value_enum, default_value_t = Protocol::V5)]
    version: Protocol,
    /// Publishes each device may have unacknowledged
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u16).range(1..))]
    window: u16,
    /// What devices say
    #[arg(short, long, value_enum, default_value_t = Shape::Demo)]
    profile: Shape,
    /// The file whose lines are payloads, for --profile file
    #[arg(short, long, required_if_eq("profile", "file"))]
    file: Option<PathBuf>,
    /// Topic; {device} is the device's number
    #[arg(short, long)]
    topic: Option<String>,
    /// Probability that a device loses its connection when it publishes
    #[arg(long, default_value_t = 0.0, value_name = "P")]
    drops: f64,
    /// Every so often all devices lose their connection at once
    #[arg(long, value_parser = duration, value_name = "EVERY")]
    storms: Option<Duration>,
    /// Probability that a payload is published twice
    #[arg(long, default_value_t = 0.0, value_name = "P")]
    duplicates: f64,
    /// Probability that a reading is published after the one that follows it
    #[arg(long, default_value_t = 0.0, value_name = "P")]
    late: f64,
    /// Seed of everything left to chance; a new one if absent
    #[arg(long)]
    seed: Option<u64>,
    /// How long to wait for the last acknowledgements
    #[arg(long, default_value = "10s", value_parser = duration)]
    patience: Duration,
    /// Kafka topic in which to look for it, may be given several times; every topic that grows if absent
    #[arg(long, value_name = "TOPIC")]
    kafka_topic: Vec<String>,
    /// Do not look whether everything arrived
    #[arg(long)]
    no_verify: bool,
    /// Print the report as JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    target: Target,
}

/// What devices say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Shape {
    /// The demo's script: event id and 210 readings, 1.2 kB, to `temperature`
    Demo,
    /// A JSON object with three values, to `meters/{device}`
    Json,
    /// The lines of --file in turn
    File,
}

pub(super) fn run(args: &Args, out: &mut Output) -> Result<(), CommandError> {
    let seed = args.seed.unwrap_or_else(|| seed() % 1_000_000);
    let plan = plan(args, seed)?;
    let verify = !args.no_verify && plan.profile.is_unique();
    let mut watch = if verify {
        Some(Watch::begin(args.target.way()?, &args.kafka_topic)?)
    } else {
        None
    };
    let patience = plan.patience;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(CommandError::Runtime)?;
    let mut promises = runtime.block_on(crate::simulator::run(plan))?;
    let verdict = match &mut watch {
        Some(watch) => Some(watch.verdict(&promises, patience)?),
        None => None,
    };
    let report = promises.report(verdict);
    if args.json {
        out.json(&report)?;
    } else {
        show(&report, seed, out)?;
    }
    judge(args, &report, seed, out)
}

fn plan(args: &Args, seed: u64) -> Result<FleetPlan, CommandError> {
    let profile = match (args.profile, &args.file) {
        (Shape::Demo, _) => Profile::Demo,
        (Shape::Json, _) => Profile::Json,
        (Shape::File, Some(path)) => Profile::Lines(lines(path)?),
        (Shape::File, None) => {
            return Err(CommandError::Usage(
                "`--profile file` needs `--file`".to_owned(),
            ));
        }
    };
    if !(args.rate.is_finite() && args.rate > 0.0) {
        return Err(CommandError::Usage(
            "`--rate` must be more than 0".to_owned(),
        ));
    }
    Ok(FleetPlan {
        address: args.server.clone(),
        count: args.count,
        rate: args.rate,
        duration: args.duration,
        qos: args.qos,
        version: args.version.version(),
        window: args.window,
        topic: args
            .topic
            .clone()
            .unwrap_or_else(|| profile.topic().to_owned()),
        profile,
        faults: Faults {
            drops: args.drops,
            storms: args.storms,
            duplicates: args.duplicates,
            late: args.late,
        },
        seed,
        run: Random::new(super::mqtt::seed()).below(1_000_000),
        patience: args.patience,
        started_millis: jiff::Timestamp::now().as_millisecond(),
    })
}

fn lines(path: &PathBuf) -> Result<Arc<[Bytes]>, CommandError> {
    let contents = std::fs::read(path).map_err(|source| CommandError::File {
        action: "read",
        path: path.display().to_string(),
        source,
    })?;
    let contents = Bytes::from(contents);
    let lines = contents
        .split(|byte| *byte == b'\n')
        .filter(|line| !line.is_empty());
    Ok(lines.map(|line| contents.slice_ref(line)).collect())
}

/// What comes into the log while devices publish.
struct Watch {
    way: Way,
    /// Where reading goes on, by topic and partition.
    positions: BTreeMap<(String, i32), i64>,
    /// The Kafka topics that are looked at; all if there are none here.
    topics: Vec<String>,
    arrived: Arrived,
}

/// What came.
#[derive(Debug, Default)]
struct Arrived {
    /// The hashes of what came of the fleet, each partition in order.
    hashes: BTreeMap<(String, i32), Vec<u64>>,
    /// How many records were of others.
    others: u64,
}

impl Arrived {
    /// Keeps what is the fleet's own of a page, and bounds what is not.
    fn take(
        &mut self,
        own: &HashSet<u64>,
        place: &(String, i32),
        page: &[u64],
    ) -> Result<(), CommandError> {
        let hashes = self.hashes.entry(place.clone()).or_default();
        let before = hashes.len();
        hashes.extend(page.iter().filter(|hash| own.contains(*hash)));
        self.others += (page.len() - (hashes.len() - before)) as u64;
        if self.others <= MOST_OF_OTHERS {
            return Ok(());
        }
        Err(CommandError::Found(format!(
            "more than {MOST_OF_OTHERS} records of others came into the log meanwhile; name the fleet's Kafka topics with \
             `--kafka-topic`, or do not look: `--no-verify`"
        )))
    }
}

impl Watch {
    /// Begins where each partition ends now.
    fn begin(way: Way, topics: &[String]) -> Result<Self, CommandError> {
        let mut watch = Self {
            way,
            positions: BTreeMap::new(),
            topics: topics.to_vec(),
            arrived: Arrived::default(),
        };
        watch.positions = watch.ends()?;
        Ok(watch)
    }

    /// Compares what devices were promised with what came. What is acknowledged is durable, yet readers of committed
    /// records may see it a moment later: a mark of its transaction may be on its way.
    fn verdict(
        &mut self,
        promises: &Promises,
        patience: Duration,
    ) -> Result<Verdict, CommandError> {
        let begun = SystemClock.now();
        let own = promises.hashes();
        loop {
            self.read(&own)?;
            let arrived: Vec<u64> = self.arrived.hashes.values().flatten().copied().collect();
            let verdict = promises.compare(&arrived);
            let waited = SystemClock.now().duration_since(begun);
            if verdict.missing == 0 || waited > patience {
                return Ok(verdict);
            }
            std::thread::sleep(LOOK_AGAIN);
        }
    }

    /// Reads everything that came since, and keeps what is the fleet's own.
    fn read(&mut self, own: &HashSet<u64>) -> Result<(), CommandError> {
        for (place, end) in self.ends()? {
            let mut position = self.positions.get(&place).copied().unwrap_or(0);
            while position < end {
                let page = self.way.consume(&Consume {
                    topic: place.0.clone(),
                    partition: place.1,
                    offset: Some(position),
                    max: Some(PAGE),
                    wait: 0,
                });
                let page = match page {
                    // Others may delete their topics while we look.
                    Err(CommandError::Refused(_)) if !self.ends()?.contains_key(&place) => {
                        break;
                    }
                    page => page?,
                };
                let values = page.records.iter();
                let values = values.filter_map(|record| octets(record.value.as_ref()));
                let hashes: Vec<u64> = values.map(|value| payload_hash(&value)).collect();
                self.arrived.take(own, &place, &hashes)?;
                if page.next <= position {
                    break;
                }
                position = page.next;
            }
            self.positions.insert(place, position);
        }
        Ok(())
    }

    /// Where each partition of the operator's topics, or of those that were named, ends now.
    fn ends(&self) -> Result<BTreeMap<(String, i32), i64>, CommandError> {
        let topics = self.way.topics()?.topics.into_iter();
        let named = &self.topics;
        let theirs = topics.filter(|topic| !topic.internal && topic.name != DEAD_LETTER_TOPIC);
        let looked_at = theirs.filter(|topic| named.is_empty() || named.contains(&topic.name));
        let ends = looked_at.flat_map(|topic| {
            let partitions = topic.partitions.into_iter();
            partitions.map(move |own| ((topic.name.clone(), own.partition), own.end))
        });
        Ok(ends.collect())
    }
}

fn show(report: &Report, seed: u64, out: &mut Output) -> Result<(), CommandError> {
    out.line(format_args!(
        "promised  {} published, {} acknowledged, {} refused, in {:.1} s: {:.0} a second; {} reconnects, seed {seed}",
        report.published, report.acknowledged, report.refused, report.seconds, report.rate, report.reconnects
    ))?;
    if let Some(latency) = &report.latency {
        out.line(format_args!(
            "latency   p50 {:.2} ms, p99 {:.2} ms, p99.9 {:.2} ms, most {:.2} ms",
            latency.p50_ms, latency.p99_ms, latency.p999_ms, latency.max_ms
        ))?;
    }
    match &report.verdict {
        Some(verdict) => out.line(format_args!(
            "arrived   {} payloads; {} acknowledged ones missing, {} repeated, {} out of order",
            verdict.arrived, verdict.missing, verdict.repeated, verdict.out_of_order
        )),
        None => out.line("arrived   not looked at"),
    }
}

fn judge(args: &Args, report: &Report, seed: u64, out: &mut Output) -> Result<(), CommandError> {
    let Verdict {
        missing, repeated, ..
    } = report.verdict.unwrap_or_default();
    let twice = if args.qos == QoS::ExactlyOnce {
        repeated
    } else {
        0
    };
    if args.qos == QoS::AtMostOnce || (missing == 0 && twice == 0) {
        return Ok(());
    }
    out.flush()?;
    let message =
        format!("{missing} acknowledged readings are missing, {twice} came twice; seed {seed}");
    Err(CommandError::Found(message))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_others_write_is_not_kept_and_read_to_a_bound() {
        let (own, place) = (HashSet::from([1, 2]), ("t".to_owned(), 0));
        let mut arrived = Arrived::default();
        arrived.take(&own, &place, &[1, 7, 2, 1]).unwrap();
        assert_eq!(arrived.hashes[&place], [1, 2, 1]);
        let others = vec![9; 1_000];
        let pages = (0..).take_while(|_| arrived.take(&own, &place, &others).is_ok());
        assert_eq!(pages.count() as u64, MOST_OF_OTHERS / 1_000 - 1);
        assert_eq!(arrived.hashes[&place].len(), 3);
        let error = arrived.take(&own, &place, &[]).unwrap_err();
        assert!(error.to_string().contains("--kafka-topic"), "{error}");
    }
}
