//! `messina log check` and `repair`: a log that is not in use, looked at byte by byte.

use clap::{Args as ClapArgs, Subcommand};
use messina_store::disk::RealDisk;
use messina_store::log::check::{self, CheckReport};
use messina_store::log::{Damage, LogOptions};

use crate::config::units::format_size;

use super::error::plural;
use super::output::Output;
use super::{CommandError, Settings};

/// `messina log`
#[derive(Debug, ClapArgs)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Read the whole log and say what is damaged; changes nothing
    #[command(
        after_help = "Exits with 1 when something is damaged. `messina up` must not be running."
    )]
    Check {
        /// Print JSON
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        settings: Settings,
    },
    /// Save what can be read of a damaged log; the damaged one is set aside, not deleted
    #[command(after_help = "\
Needs as much free space as the log has. Says which offsets are lost. `messina up` must not be running.")]
    Repair {
        #[command(flatten)]
        settings: Settings,
    },
}

pub(super) fn run(args: &Args, out: &mut Output) -> Result<(), CommandError> {
    match &args.command {
        Command::Check { json, settings } => look(settings, *json, out),
        Command::Repair { settings } => repair(settings, out),
    }
}

fn look(settings: &Settings, json: bool, out: &mut Output) -> Result<(), CommandError> {
    let log = settings.load()?.config.log;
    super::source::exists(&log.dir)?;
    let report = check::check(&log.dir, &RealDisk)?;
    if json {
        as_json(&report, out)?;
    } else {
        show(&report, out)?;
    }
    if report.damage.is_empty() {
        return Ok(());
    }
    out.flush()?;
    let count = report.damage.len();
    let places = plural(count, "place is", "places are");
    Err(CommandError::Found(format!(
        "{count} {places} damaged; `messina log repair` saves what can be read"
    )))
}

fn show(report: &CheckReport, out: &mut Output) -> Result<(), CommandError> {
    let rows: Vec<Vec<String>> = report
        .partitions
        .iter()
        .map(|partition| {
            vec![
                partition.topic.clone(),
                partition.partition.to_string(),
                partition.start.to_string(),
                partition.next.to_string(),
                partition.segments.to_string(),
                format_size(partition.bytes),
            ]
        })
        .collect();
    let headings = [
        "TOPIC",
        "PARTITION",
        "START",
        "IN SEGMENTS TO",
        "SEGMENTS",
        "SIZE",
    ];
    out.table(&headings, &[false, true, true, true, true, true], &rows)?;
    let groups = plural(
        usize::try_from(report.frames).unwrap_or(usize::MAX),
        "commit",
        "commits",
    );
    out.line(format_args!(
        "{} {groups} in the write-ahead log",
        report.frames
    ))?;
    damage(&report.damage, out)
}

fn damage(list: &[Damage], out: &mut Output) -> Result<(), CommandError> {
    if list.is_empty() {
        return out.line("no damage");
    }
    for damage in list {
        out.line(damage)?;
    }
    Ok(())
}

fn as_json(report: &CheckReport, out: &mut Output) -> Result<(), CommandError> {
    let partitions: Vec<serde_json::Value> = report
        .partitions
        .iter()
        .map(|partition| {
            serde_json::json!({
                "topic": partition.topic,
                "partition": partition.partition,
                "start": partition.start,
                "next": partition.next,
                "segments": partition.segments,
                "bytes": partition.bytes,
            })
        })
        .collect();
    let damage: Vec<serde_json::Value> = report
        .damage
        .iter()
        .map(|damage| {
            serde_json::json!({
                "file": damage.file.display().to_string(),
                "position": damage.position,
                "missing": damage.missing,
            })
        })
        .collect();
    out.json(&serde_json::json!({
        "partitions": partitions,
        "commits": report.frames,
        "damage": damage,
    }))
}

fn repair(settings: &Settings, out: &mut Output) -> Result<(), CommandError> {
    let log = settings.load()?.config.log;
    super::source::exists(&log.dir)?;
    let options = LogOptions {
        wal_bytes: log.wal_size,
        segment_bytes: log.segment_size,
        ..LogOptions::default()
    };
    let report = check::repair(&log.dir, &options)?;
    damage(&report.damage, out)?;
    for lost in &report.lost {
        out.line(format_args!("lost: {lost}"))?;
    }
    match &report.set_aside {
        Some(aside) => out.line(format_args!(
            "the log is repaired; the damaged one is in `{}`: delete it when you no longer need it",
            aside.display()
        )),
        None => out.line("nothing was done"),
    }
}
