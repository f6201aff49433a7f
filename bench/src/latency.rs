//! Quantiles of measured times, and the disk's own.

use std::fs::File;
use std::io::{Seek as _, Write as _};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};

/// Measured times.
#[derive(Debug, Default, Clone)]
pub(crate) struct Latencies(Vec<u32>);

impl Latencies {
    /// One more.
    pub(crate) fn add(&mut self, time: Duration) {
        self.0
            .push(u32::try_from(time.as_micros()).unwrap_or(u32::MAX));
    }

    /// How many.
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// The time that a share of all did not exceed, in milliseconds.
    pub(crate) fn quantile_ms(&self, share: f64) -> f64 {
        let mut sorted = self.0.clone();
        sorted.sort_unstable();
        let index = (share * sorted.len().saturating_sub(1) as f64).round() as usize;
        sorted
            .get(index)
            .map_or(0.0, |micros| f64::from(*micros) / 1000.0)
    }
}

/// What 4 KiB and an fdatasync cost here, over a file that has its blocks already, as a log's has.
pub(crate) fn of_fdatasync(count: usize) -> Result<Latencies> {
    let own = std::env::current_exe()?;
    let mut file = tempfile::tempfile_in(own.parent().context("this program lies in no folder")?)?;
    let block = [0x5A; 4096];
    let blocks = 256;
    for _ in 0..blocks {
        file.write_all(&block)?;
    }
    file.sync_all()?;
    let mut latencies = Latencies::default();
    for index in 0..count {
        write_one(&mut file, index % blocks, &block, &mut latencies)?;
    }
    Ok(latencies)
}

fn write_one(file: &mut File, index: usize, block: &[u8], latencies: &mut Latencies) -> Result<()> {
    if index == 0 {
        file.rewind()?;
    }
    let start = Instant::now();
    file.write_all(block)?;
    file.sync_data()?;
    latencies.add(start.elapsed());
    Ok(())
}
