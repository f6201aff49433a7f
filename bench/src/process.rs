//! What Linux knows of a process: its CPU time and memory; and the limit on open files.

use std::fs;
use std::os::unix::process::CommandExt as _;
use std::process::Command;

use anyhow::{Context as _, Result, bail};

/// Linux counts CPU time for `/proc` in hundredths of a second on every architecture we run on.
const TICKS_PER_SECOND: f64 = 100.0;

/// User and system time of a process, in seconds.
pub(crate) fn cpu_seconds(pid: u32) -> Result<f64> {
    let stat =
        fs::read_to_string(format!("/proc/{pid}/stat")).context("the server's process is gone")?;
    // The second field is the name in parentheses and may hold spaces; utime and stime are fields 14 and 15.
    let (_, fields) = stat
        .rsplit_once(')')
        .context("an unknown form of /proc/PID/stat")?;
    let ticks = fields
        .split_whitespace()
        .skip(11)
        .take(2)
        .filter_map(|field| field.parse::<f64>().ok());
    Ok(ticks.sum::<f64>() / TICKS_PER_SECOND)
}

/// Resident memory of a process, in bytes.
pub(crate) fn resident_bytes(pid: u32) -> Result<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status"))
        .context("the server's process is gone")?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))
        .context("no VmRSS")?;
    let kib: u64 = line
        .trim()
        .trim_end_matches("kB")
        .trim()
        .parse()
        .context("VmRSS is no number")?;
    Ok(kib * 1024)
}

/// Files this process and the servers it starts may have open.
pub(crate) fn descriptor_limit() -> Option<usize> {
    let limits = fs::read_to_string("/proc/self/limits").ok()?;
    let line = limits
        .lines()
        .find_map(|line| line.strip_prefix("Max open files"))?;
    line.split_whitespace().next()?.parse().ok()
}

/// Starts this program again under a higher limit of open files: enough for every case where root runs it,
/// elsewhere the hard limit. The servers it starts inherit that.
pub(crate) fn raise_descriptor_limit() -> Result<()> {
    if std::env::var_os("MESSINA_BENCH_RAISED").is_some() {
        return Ok(());
    }
    let own = std::env::current_exe().context("this program has no path")?;
    let mut shell = Command::new("sh");
    shell
        .args([
            "-c",
            "ulimit -n 65536 2>/dev/null || ulimit -n \"$(ulimit -H -n)\"; exec \"$0\" \"$@\"",
        ])
        .arg(own)
        .args(std::env::args_os().skip(1));
    bail!(
        "cannot start again under a higher limit: {}",
        shell.env("MESSINA_BENCH_RAISED", "1").exec()
    )
}

/// What machine this is, in a line.
pub(crate) fn machine() -> String {
    let cpu = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = cpu
        .lines()
        .find_map(|line| line.strip_prefix("model name"))
        .unwrap_or_default();
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    format!(
        "{cores} cores, {}, Linux {}",
        model.trim_start_matches([' ', '\t', ':']),
        kernel.trim()
    )
}
