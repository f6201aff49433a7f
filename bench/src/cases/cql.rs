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

/// How long it may take.
const PATIENCE: Duration = Duration::from_mins(10);
pub(super) const BAR: &str = "<= 12 CPU s per million, <= 60 MB";

/// Rows a second, and the CPU time of our process for a million of them, once warm and nothing is published any more.
pub(super) fn log_to_cassandra(options: &Options) -> Result<Figure> {
    let keyspace = format!("messina_bench_{}", std::process::id());
    let server = Server::start_with(&format!(
        "[cql]\ncontact_points = \"{}\"\nkeyspace = \"{keyspace}\"\nreplication = 1\n",
        options.cassandra
    ))?;
    let published = fill(&server, options)?;
    let text = drained(&server, "readings", published, options)?;
    let what = "embedded log to one Cassandra node, JSON, rows written";
    Ok(Figure::new(what, BAR).messina(text))
}

/// Publishes the records that are to become rows; gives how many they are.
pub(super) fn fill(server: &Server, options: &Options) -> Result<u64> {
    let least = 2 * options.warm_up;
    if options.records < least {
        bail!(
            "{} records are too few for a warm-up of {}: --records {least} or more",
            options.records,
            options.warm_up
        );
    }
    let pace = Pace::Count(options.records);
    let outcome = engine::run(&mut publishers(server)?, pace, PATIENCE)?;
    eprintln!("  {} records to write", thousands(outcome.published as f64));
    Ok(outcome.published)
}

/// What the server's sink of that name does once it is warm, until `published` records are rows.
pub(super) fn drained(
    server: &Server,
    sink: &str,
    published: u64,
    options: &Options,
) -> Result<String> {
    let begun = wait_for(server, sink, options.warm_up).context("while it warms up")?;
    let (start, cpu) = (Instant::now(), server.cpu_seconds()?);
    let ended = wait_for(server, sink, published)?;
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
    Ok(text)
}

fn wait_for(server: &Server, sink: &str, wanted: u64) -> Result<u64> {
    let start = Instant::now();
    loop {
        let written = written(server, sink)?;
        if written >= wanted {
            return Ok(written);
        }
        if start.elapsed() > PATIENCE {
            bail!("the sink does not catch up: {written} records of {wanted}");
        }
        thread::sleep(Duration::from_millis(50));
    }
}

fn written(server: &Server, name: &str) -> Result<u64> {
    let answer = ureq::get(format!("http://{}/api/status", server.admin)).call();
    let status: Value = answer
        .context("the admin API does not answer")?
        .body_mut()
        .read_json()?;
    let sinks = status.get("sinks").and_then(Value::as_array);
    let named = |sink: &&Value| sink.get("name").and_then(Value::as_str) == Some(name);
    let sink = sinks.and_then(|sinks| sinks.iter().find(named));
    let written = sink.and_then(|sink| sink.get("written")?.as_u64());
    written.with_context(|| format!("no sink `{name}`"))
}
