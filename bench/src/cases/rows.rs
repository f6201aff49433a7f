//! From a QoS 2 publish to a row somebody can see, with the built-in configuration.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use serde_json::{Value, json};

use super::paced::quantiles;
use crate::Options;
use crate::engine::{self, Connection, Outcome, Pace, Role};
use crate::handshake;
use crate::latency::Latencies;
use crate::packets::Template;
use crate::report::{Figure, thousands};
use crate::servers::Server;

const CONNECTIONS: usize = 100;
const WINDOW: usize = 20;
/// Half of the bar's 40,000 rows a second.
const HALF_RATE: u32 = 20_000;
/// How long the sink may take to catch up when publishing has ended.
const CATCH_UP: Duration = Duration::from_mins(10);

/// Sustained rate with the sink's last row included; then the way of a reading at half the bar's rate.
pub(super) fn publish_to_row(options: &Options) -> Result<Vec<Figure>> {
    let server = Server::start_default()?;
    let before = server.cpu_seconds()?;
    let start = Instant::now();
    let outcome = engine::run(&mut publishers(&server)?, Pace::Window, options.rows_time)?;
    let published_at = outcome.published as f64 / outcome.time.as_secs_f64();
    wait_for_rows(&server, outcome.published)?;
    let rate = outcome.published as f64 / start.elapsed().as_secs_f64();
    let cpu = (server.cpu_seconds()? - before) * 1e6 / outcome.published as f64;
    let what = format!(
        "QoS 2 publish to visible row, embedded, {} s and catching up",
        options.rows_time.as_secs()
    );
    let text = format!(
        "{} rows/s ({}/s published), {cpu:.1} CPU s per million, {} MB data, RSS {} MB",
        thousands(rate),
        thousands(published_at),
        server.data_bytes() / 1_000_000,
        server.resident_bytes()? / 1_000_000
    );
    eprintln!("  {text}");
    let sustained = Figure::new(what, ">= 40,000/s").messina(text);
    drop(server);
    Ok(vec![sustained, visible_after(options)?])
}

pub(super) fn publishers(server: &Server) -> Result<Vec<Connection>> {
    let connection = |index| {
        let stream = handshake::open(server.mqtt, &format!("bench-{index}"), None)?;
        let template = Template::new(2, &format!("meters/{index}"), b"17.25");
        Connection::new(
            stream,
            Role::Publisher {
                qos: 2,
                window: WINDOW,
                template,
            },
        )
    };
    (0..CONNECTIONS).map(connection).collect()
}

/// The way of a reading: a record is seen to be a row when the sink's newest `seq` has reached it. Records of one
/// partition become rows in their order, so the newest row's `seq` says that all before it are there as well.
fn visible_after(options: &Options) -> Result<Figure> {
    let server = Server::start_default()?;
    let mut connections = publishers(&server)?;
    let over = AtomicBool::new(false);
    let start = Instant::now();
    let (outcome, seen) = thread::scope(|scope| -> Result<(Outcome, VecDeque<(Instant, u64)>)> {
        let watcher = scope.spawn(|| watch(&server, &over));
        let outcome = engine::run(&mut connections, Pace::PerSecond(HALF_RATE), options.time);
        let outcome =
            outcome.and_then(|outcome| wait_for_rows(&server, outcome.published).map(|()| outcome));
        over.store(true, Ordering::Relaxed);
        let seen = watcher.join().ok().context("the watcher panicked")??;
        Ok((outcome?, seen))
    })?;
    let latencies = ways(start, outcome.published, seen);
    let what = format!(
        "the same at a paced {}/s: intended send to visible row",
        thousands(f64::from(HALF_RATE))
    );
    let text = quantiles(&latencies);
    eprintln!("  {text}");
    Ok(Figure::new(what, "p99 < 250 ms").messina(text))
}

/// For each message, the time from its intended send to the first look that saw its row.
fn ways(start: Instant, published: u64, mut seen: VecDeque<(Instant, u64)>) -> Latencies {
    let mut latencies = Latencies::default();
    for number in 0..published {
        while seen.front().is_some_and(|(_, rows)| *rows <= number) {
            seen.pop_front();
        }
        let Some((at, _)) = seen.front() else { break };
        let intended = start + Duration::from_secs_f64(number as f64 / f64::from(HALF_RATE));
        latencies.add(at.saturating_duration_since(intended));
    }
    latencies
}

/// Looks every few milliseconds how many records have become rows.
fn watch(server: &Server, over: &AtomicBool) -> Result<VecDeque<(Instant, u64)>> {
    let mut seen = VecDeque::new();
    while !over.load(Ordering::Relaxed) {
        let rows = rows(server)?;
        seen.push_back((Instant::now(), rows));
        thread::sleep(Duration::from_millis(5));
    }
    Ok(seen)
}

fn wait_for_rows(server: &Server, wanted: u64) -> Result<()> {
    let start = Instant::now();
    while rows(server)? < wanted {
        if start.elapsed() > CATCH_UP {
            bail!(
                "the sink does not catch up: {} rows of {wanted}",
                rows(server)?
            );
        }
        thread::sleep(Duration::from_millis(20));
    }
    Ok(())
}

/// How many records are rows: the newest `seq` of any device, plus one, as `seq` is the record's offset.
fn rows(server: &Server) -> Result<u64> {
    // The newest of each device by the primary key; the newest of those is the newest of all.
    let newest: Vec<String> = (0..CONNECTIONS)
        .map(|index| {
            format!(
                "SELECT * FROM (SELECT seq FROM readings WHERE topic = 'meters/{index}' AND field = 'value' \
                 ORDER BY ts DESC, seq DESC LIMIT 1)"
            )
        })
        .collect();
    let sql = format!("SELECT max(seq) FROM ({})", newest.join(" UNION ALL "));
    let answer =
        ureq::post(format!("http://{}/api/query", server.admin)).send_json(json!({ "sql": sql }));
    let answer: Value = answer
        .context("the admin API does not answer")?
        .body_mut()
        .read_json()?;
    let newest = answer.pointer("/rows/0/0").and_then(Value::as_u64);
    Ok(newest.map_or(0, |newest| newest + 1))
}
