//! How fast the log makes appends durable: `cargo run --release --example append_rate [DIR [SECONDS]]`.
//!
//! For 64 and 1,000 waiters, each with one append of a 128-byte record in flight over 8 partitions, prints the rate,
//! the latency, and beside it what one `fdatasync` of 4 KiB costs on the same disk in the same run.
#![expect(clippy::print_stdout, reason = "it is what this program is for")]
#![expect(clippy::disallowed_methods, reason = "a measurement reads the clock")]

use std::error::Error;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use messina_store::disk::{Disk, RealDisk};
use messina_store::log::{
    Append, AppendWaiter, Log, LogOptions, NewRecord, PartitionHandle, TopicConfig,
};
use tokio::task::JoinSet;

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let dir = arguments
        .next()
        .map_or_else(std::env::temp_dir, PathBuf::from)
        .join("messina-append-rate");
    let seconds = arguments.next().map_or(Ok(3), |text| text.parse())?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .build()?;
    for waiters in [1, 64, 1_000] {
        match std::fs::remove_dir_all(&dir) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error.into()),
            _ => {}
        }
        let log = Log::open(&dir, LogOptions::default())?;
        log.create_topic_blocking(
            "t",
            &TopicConfig {
                partitions: 8,
                ..TopicConfig::default()
            },
        )?;
        let sync = fdatasync(&dir)?;
        let mut latencies = runtime.block_on(run(&log, waiters, Duration::from_secs(seconds)));
        latencies.sort_unstable();
        let at = |percent: usize| {
            latencies
                .get(latencies.len() * percent / 1000)
                .copied()
                .unwrap_or_default()
        };
        println!(
            "{waiters:>5} waiters: {:>8} appends/s, p50 {:?}, p99 {:?}, p99.9 {:?}; fdatasync p50 {sync:?}",
            latencies.len() as u64 / seconds,
            at(500),
            at(990),
            at(999),
        );
        log.close()?;
    }
    std::fs::remove_dir_all(&dir)?;
    Ok(())
}

async fn run(log: &Log, waiters: usize, time: Duration) -> Vec<Duration> {
    let partitions = log.partitions("t");
    let end = Instant::now() + time;
    let mut tasks = JoinSet::new();
    for handle in partitions.iter().cycle().take(waiters) {
        tasks.spawn(append_until(log.clone(), handle.clone(), end));
    }
    tasks.join_all().await.concat()
}

async fn append_until(log: Log, handle: PartitionHandle, end: Instant) -> Vec<Duration> {
    let waiter = AppendWaiter::new();
    let value = Bytes::from(vec![7; 128]);
    let (mut latencies, mut done) = (Vec::new(), Vec::new());
    loop {
        let begun = Instant::now();
        if begun >= end {
            return latencies;
        }
        let record = NewRecord {
            value: Some(value.clone()),
            timestamp: 1,
            ..NewRecord::default()
        };
        let permit = log.reserve(record.size_bound()).await;
        let records = vec![(handle.clone(), record)];
        log.append(Append {
            records,
            permit,
            waiter: Arc::clone(&waiter),
            ticket: 0,
            want_offsets: false,
        });
        waiter.notified().await;
        waiter.drain(&mut done);
        if done.drain(..).any(|completion| completion.result.is_err()) {
            return latencies;
        }
        latencies.push(begun.elapsed());
    }
}

/// The median time of 200 syncs of 4 KiB.
fn fdatasync(dir: &Path) -> Result<Duration, Box<dyn Error>> {
    let file = RealDisk.create(&dir.join("sync-probe"))?;
    file.write_at(&vec![0; 1 << 20], 0)?;
    file.sync()?;
    let mut times = Vec::new();
    for at in 0..200 {
        file.write_at(&[1; 4096], at % 256 * 4096)?;
        let begun = Instant::now();
        file.sync()?;
        times.push(begun.elapsed());
    }
    times.sort_unstable();
    RealDisk.remove(&dir.join("sync-probe"))?;
    Ok(times.get(100).copied().unwrap_or_default())
}
