//! The sink alone: records that wait in the embedded log become rows of a real Cassandra.

use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use serde_json::Value;

use super::rows::publishers;
use crate::Options;
use crate::engine::{self, Pace};
use crate::report::{Figure, thousands};
use crate::servers::Server;

/// Where `cargo xtask services up cassandra` puts it.
pub(super) const CASSANDRA: &str = "127.0.0.1:19042";
/// How long it may take.
const PATIENCE: Duration = Duration::from_mins(10);

/// Rows a second, and the CPU time of our process for a million of them, once warm and nothing is published any more.
pub(super) fn log_to_cassandra(options: &Options) -> Result<Figure> {
    let keyspace = format!("messina_bench_{}", std::process::id());
    let server = Server::start_with(&format!(
        "[cql]\ncontact_points = \"{CASSANDRA}\"\nkeyspace = \"{keyspace}\"\nreplication = 1\n"
    ))?;
    let outcome = engine::run(&mut publishers(&server)?, Pace::Window, options.rows_time)?;
    let begun = wait_for(&server, options.warm_up)?;
    let (start, cpu) = (Instant::now(), server.cpu_seconds()?);
    if outcome.published < begun + options.warm_up {
        bail!(
            "{} records are too few after a warm-up of {begun}; see --rows-seconds",
            outcome.published
        );
    }
    let ended = wait_for(&server, outcome.published)?;
    let rows = (ended - begun) as f64;
    let rate = rows / start.elapsed().as_secs_f64();
    let cpu = (server.cpu_seconds()? - cpu) * 1e6 / rows;
    let text = format!(
        "{} rows/s, {cpu:.1} CPU s per million, RSS {} MB ({} rows after {} to warm up)",
        thousands(rate),
        server.resident_bytes()? / 1_000_000,
        thousands(rows),
        thousands(begun as f64)
    );
    eprintln!("  {text}");
    let what = "embedded log to one Cassandra node, JSON, rows written";
    Ok(Figure::new(what, "<= 12 CPU s per million, <= 60 MB").messina(text))
}

pub(super) fn wait_for(server: &Server, wanted: u64) -> Result<u64> {
    let start = Instant::now();
    loop {
        let written = written(server)?;
        if written >= wanted {
            return Ok(written);
        }
        if start.elapsed() > PATIENCE {
            bail!("the sink does not catch up: {written} records of {wanted}");
        }
        thread::sleep(Duration::from_millis(50));
    }
}

fn written(server: &Server) -> Result<u64> {
    let answer = ureq::get(format!("http://{}/api/status", server.admin)).call();
    let status: Value = answer
        .context("the admin API does not answer")?
        .body_mut()
        .read_json()?;
    let sinks = status.get("sinks").and_then(Value::as_array);
    let named = |sink: &&Value| sink.get("name").and_then(Value::as_str) == Some("readings");
    let sink = sinks.and_then(|sinks| sinks.iter().find(named));
    let written = sink.and_then(|sink| sink.get("written")?.as_u64());
    written.context("no sink `readings`")
}
