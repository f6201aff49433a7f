//! `messina topics`: list, create, describe, delete.

use clap::{Args as ClapArgs, Subcommand};

use crate::config::units::{format_duration, format_size, parse_duration, parse_size};
use crate::console::api::{CreateTopic, TopicEntry};

use super::CommandError;
use super::output::Output;
use super::source::Target;
use super::way::Way;

/// `messina topics`
#[derive(Debug, ClapArgs)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// List topics with the number of records in them
    List {
        /// Also topics Messina made for itself
        #[arg(long)]
        internal: bool,
        /// Print JSON
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        target: Target,
    },
    /// Create a topic
    Create {
        /// Its name
        name: String,
        /// Partitions; the configuration's default if absent
        #[arg(short, long, value_parser = clap::value_parser!(i32).range(1..=10_000))]
        partitions: Option<i32>,
        /// Delete records older than this, for example 7d
        #[arg(long, value_parser = duration)]
        retention: Option<std::time::Duration>,
        /// Delete the oldest records of a partition larger than this, for example 1GiB
        #[arg(long, value_parser = size)]
        retention_bytes: Option<u64>,
        /// Keep the latest record of each key instead
        #[arg(long)]
        compact: bool,
        #[command(flatten)]
        target: Target,
    },
    /// Show one topic with its partitions and offsets
    Describe {
        /// Its name
        name: String,
        /// Print JSON
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        target: Target,
    },
    /// Delete a topic and its records
    Delete {
        /// Its name
        name: String,
        #[command(flatten)]
        target: Target,
    },
}

/// clap's parser of durations.
pub(super) fn duration(text: &str) -> Result<std::time::Duration, String> {
    parse_duration(text).ok_or_else(|| "a duration such as 500ms, 5s or 7d is needed".to_owned())
}

/// clap's parser of sizes.
pub(super) fn size(text: &str) -> Result<u64, String> {
    parse_size(text).ok_or_else(|| "a size such as 64KiB or 1MiB is needed".to_owned())
}

pub(super) fn run(args: &Args, out: &mut Output) -> Result<(), CommandError> {
    match &args.command {
        Command::List {
            internal,
            json,
            target,
        } => list(target, *internal, *json, out),
        Command::Create {
            name,
            partitions,
            retention,
            retention_bytes,
            compact,
            target,
        } => {
            let topic = CreateTopic {
                name: name.clone(),
                partitions: *partitions,
                retention_ms: retention
                    .map(|age| u64::try_from(age.as_millis()).unwrap_or(u64::MAX)),
                retention_bytes: *retention_bytes,
                compact: *compact,
            };
            target.way()?.create(&topic)?;
            out.line(format_args!("created `{name}`"))
        }
        Command::Describe { name, json, target } => {
            let topic = describe(&target.way()?, name)?;
            if *json {
                out.json(&topic)
            } else {
                show(&topic, out)
            }
        }
        Command::Delete { name, target } => {
            check_name(name)?;
            target.way()?.delete(name)?;
            out.line(format_args!("deleted `{name}`"))
        }
    }
}

/// One topic.
pub(super) fn describe(way: &Way, name: &str) -> Result<TopicEntry, CommandError> {
    let mut topics = way.topics()?.topics.into_iter();
    let found = topics.find(|topic| topic.name == name);
    found.ok_or_else(|| CommandError::Refused(format!("there is no topic `{name}`")))
}

/// A name that is safe in a path.
fn check_name(name: &str) -> Result<(), CommandError> {
    let legal = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    if !name.is_empty() && name.chars().all(legal) && !name.chars().all(|c| c == '.') {
        return Ok(());
    }
    Err(CommandError::Usage(format!(
        "`{name}` is not a name for a Kafka topic"
    )))
}

fn list(target: &Target, internal: bool, json: bool, out: &mut Output) -> Result<(), CommandError> {
    let mut topics = target.way()?.topics()?;
    topics.topics.retain(|topic| internal || !topic.internal);
    if json {
        return out.json(&topics);
    }
    let rows: Vec<Vec<String>> = topics
        .topics
        .iter()
        .map(|topic| {
            let records: i64 = topic
                .partitions
                .iter()
                .map(|partition| partition.end - partition.start)
                .sum();
            vec![
                topic.name.clone(),
                topic.partitions.len().to_string(),
                records.to_string(),
                kept(topic),
            ]
        })
        .collect();
    out.table(
        &["TOPIC", "PARTITIONS", "RECORDS", "KEPT"],
        &[false, true, true, false],
        &rows,
    )
}

fn kept(topic: &TopicEntry) -> String {
    match topic.cleanup.as_str() {
        "compact" => return "latest of each key".to_owned(),
        "unknown" => return topic.cleanup.clone(),
        _ => {}
    }
    let age = topic
        .retention_ms
        .map(|age| format_duration(std::time::Duration::from_millis(age)));
    let bytes = topic
        .retention_bytes
        .map(|bytes| format!("{} a partition", format_size(bytes)));
    match (age, bytes) {
        (None, None) => "for ever".to_owned(),
        (Some(age), None) => age,
        (None, Some(bytes)) => bytes,
        (Some(age), Some(bytes)) => format!("{age}, {bytes}"),
    }
}

fn show(topic: &TopicEntry, out: &mut Output) -> Result<(), CommandError> {
    out.line(format_args!("{}, kept: {}", topic.name, kept(topic)))?;
    let rows: Vec<Vec<String>> = topic
        .partitions
        .iter()
        .map(|partition| {
            vec![
                partition.partition.to_string(),
                partition.start.to_string(),
                partition.end.to_string(),
                (partition.end - partition.start).to_string(),
            ]
        })
        .collect();
    out.table(&["PARTITION", "START", "END", "RECORDS"], &[true; 4], &rows)
}
