//! Load over raw sockets, and one table of figures: Messina beside Debian's mosquitto, in one run, on one machine.
//!
//! `cargo run --release -p messina-bench -- table` measures everything; a case's name measures that one. The
//! generator writes its few packets by hand, so that what is measured is the server. CPU seconds are user and
//! system time of the server's process; the generator shares the machine.

#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a command line tool's output"
)]
#![expect(clippy::disallowed_methods, reason = "measures real time")]
#![expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "figures for people: counts far below 2^52 as floating point numbers"
)]

mod packets;
mod process;
mod servers;

mod engine;
mod handshake;
mod latency;

mod cases;
mod report;

use std::time::Duration;

use anyhow::{Context as _, Result, bail};

/// How long and how large.
#[derive(Debug, Clone)]
pub(crate) struct Options {
    /// Each load runs this long.
    pub(crate) time: Duration,
    /// Publish to row runs this long.
    pub(crate) rows_time: Duration,
    /// Records that become rows of Cassandra, the warm-up's among them.
    pub(crate) records: u64,
    /// Rows that warm Cassandra up before any is counted.
    pub(crate) warm_up: u64,
    /// Where a Kafka is.
    pub(crate) kafka: String,
    /// Where a Cassandra is.
    pub(crate) cassandra: String,
    /// Idle connections opened.
    pub(crate) idle: usize,
    /// Sessions that come back at once.
    pub(crate) sessions: usize,
    /// Bytes of the log that a start is measured with.
    pub(crate) log_bytes: u64,
}

const USAGE: &str = "\
messina-bench [OPTIONS] table | CASE...
  cases: qos0 qos1 qos2 pairs fanout storm latency rows cql kafka worker idle start size
  --seconds N       each load (10)
  --rows-seconds N  publish to row (30)
  --records N       that become rows of Cassandra, the warm-up's among them (1200000)
  --warm-up N       rows that warm Cassandra up, and are not counted (400000)
  --kafka H:P       a Kafka (127.0.0.1:19092)
  --cassandra H:P   a Cassandra (127.0.0.1:19042)
  --idle N          idle connections (20000)
  --sessions N      sessions that come back at once (10000)
  --log-bytes N     log that a start recovers (1073741824)";

fn main() -> Result<()> {
    process::raise_descriptor_limit()?;
    let mut options = Options {
        time: Duration::from_secs(10),
        rows_time: Duration::from_secs(30),
        records: 1_200_000,
        // At first its virtual machine takes a quarter of what it takes later.
        warm_up: 400_000,
        // Where `cargo xtask services up` puts them.
        kafka: "127.0.0.1:19092".to_owned(),
        cassandra: "127.0.0.1:19042".to_owned(),
        idle: 20_000,
        sessions: 10_000,
        log_bytes: 1 << 30,
    };
    let mut names = Vec::new();
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        let mut value = || {
            let value = arguments.next();
            value.with_context(|| format!("{argument} needs a value"))
        };
        let mut number = || -> Result<u64> {
            let text = value()?;
            text.parse()
                .with_context(|| format!("`{text}` is not a number"))
        };
        match argument.as_str() {
            "--seconds" => options.time = Duration::from_secs(number()?),
            "--rows-seconds" => options.rows_time = Duration::from_secs(number()?),
            "--records" => options.records = number()?,
            "--warm-up" => options.warm_up = number()?,
            "--kafka" => options.kafka = value()?,
            "--cassandra" => options.cassandra = value()?,
            "--idle" => options.idle = usize::try_from(number()?)?,
            "--sessions" => options.sessions = usize::try_from(number()?)?,
            "--log-bytes" => options.log_bytes = number()?,
            name => names.push(name.to_owned()),
        }
    }
    if names.is_empty() {
        bail!("name a case\n{USAGE}");
    }
    report::print(&cases::run(&names, &options)?);
    Ok(())
}
