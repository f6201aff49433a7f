//! `messina dlq`: records that could not become rows, why, and putting them back.

use clap::{Args as ClapArgs, Subcommand};

use crate::console::api::{Consume, DeadLetterEntry, DeadLetterList, Replay, Replayed};

use super::CommandError;
use super::dead_letters::entry;
use super::format::octets;
use super::output::Output;
use super::source::{self, Target, open_log};
use super::timestamp::format_millis;

/// The topic dead letters are in.
pub(super) const TOPIC: &str = "messina.dead-letters";

/// `messina dlq`
#[derive(Debug, ClapArgs)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// List dead letters, oldest first, with the reason
    List {
        /// Begin at this offset; -N for the last N
        #[arg(short, long, allow_hyphen_values = true)]
        offset: Option<i64>,
        /// Most to show
        #[arg(short, long, default_value_t = 100)]
        count: usize,
        /// Print JSON
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        target: Target,
    },
    /// Show one dead letter with its key, headers and value
    Show {
        /// Its offset, as `list` prints it
        offset: i64,
        /// Print JSON
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        target: Target,
    },
    /// Append dead letters to the topics they came from; the dead letter itself stays
    Replay {
        /// Offsets, as `list` prints them
        #[arg(required_unless_present = "all")]
        offsets: Vec<i64>,
        /// All there are
        #[arg(long, conflicts_with = "offsets")]
        all: bool,
        #[command(flatten)]
        target: Target,
    },
}

pub(super) fn run(args: &Args, out: &mut Output) -> Result<(), CommandError> {
    match &args.command {
        Command::List {
            offset,
            count,
            json,
            target,
        } => list(target, *offset, *count, *json, out),
        Command::Show {
            offset,
            json,
            target,
        } => {
            let found = letters(target, Some(*offset), 1)?
                .dead_letters
                .into_iter()
                .next();
            let letter = found
                .filter(|letter| letter.offset == *offset)
                .ok_or_else(|| {
                    CommandError::Refused(format!(
                        "there is no dead letter at offset {offset}; see `messina dlq list`"
                    ))
                })?;
            if *json {
                out.json(&letter)
            } else {
                show(&letter, out)
            }
        }
        Command::Replay {
            offsets,
            all,
            target,
        } => {
            let replay = Replay {
                offsets: offsets.clone(),
                all: *all,
            };
            let replayed: Replayed = target.admin()?.post("/api/dlq/replay", &replay)?;
            out.line(format_args!("{} put back", replayed.replayed))
        }
    }
}

fn letters(
    target: &Target,
    offset: Option<i64>,
    count: usize,
) -> Result<DeadLetterList, CommandError> {
    target.ask(
        |admin| {
            let mut parameters = vec![("max", count.to_string())];
            parameters.extend(offset.map(|offset| ("offset", offset.to_string())));
            admin.get("/api/dlq", &parameters)
        },
        |config| {
            let wanted = Consume {
                topic: TOPIC.to_owned(),
                partition: 0,
                offset,
                max: Some(count),
                wait: 0,
            };
            let consumed = source::consume(&open_log(config)?, &wanted)?;
            Ok(DeadLetterList {
                dead_letters: consumed.records.into_iter().map(entry).collect(),
                next: consumed.next,
                end: consumed.end,
            })
        },
    )
}

fn list(
    target: &Target,
    offset: Option<i64>,
    count: usize,
    json: bool,
    out: &mut Output,
) -> Result<(), CommandError> {
    let letters = letters(target, offset, count)?;
    if json {
        return out.json(&letters);
    }
    if letters.dead_letters.is_empty() {
        return out.line("no dead letters");
    }
    let rows: Vec<Vec<String>> = letters
        .dead_letters
        .iter()
        .map(|letter| {
            vec![
                letter.offset.to_string(),
                format_millis(letter.record.timestamp),
                letter.connector.clone(),
                position(letter),
                letter.stage.clone(),
                letter.reason.lines().next().unwrap_or_default().to_owned(),
            ]
        })
        .collect();
    let headings = ["OFFSET", "TIME", "SINK", "RECORD", "STAGE", "REASON"];
    out.table(&headings, &[true, false, false, false, false, false], &rows)?;
    if letters.next < letters.end {
        let left = letters.end - letters.next;
        out.line(format_args!(
            "{left} more: `messina dlq list --offset {}`",
            letters.next
        ))?;
    }
    Ok(())
}

/// Topic, partition and offset the record had.
fn position(letter: &DeadLetterEntry) -> String {
    let number =
        |number: Option<i64>| number.map_or_else(|| "?".to_owned(), |number| number.to_string());
    let partition = number(letter.partition.map(i64::from));
    format!(
        "{}[{partition}]@{}",
        letter.topic,
        number(letter.record_offset)
    )
}

fn show(letter: &DeadLetterEntry, out: &mut Output) -> Result<(), CommandError> {
    out.line(format_args!("record     {}", position(letter)))?;
    out.line(format_args!(
        "time       {}",
        format_millis(letter.record.timestamp)
    ))?;
    out.line(format_args!("sink       {}", letter.connector))?;
    out.line(format_args!("stage      {}", letter.stage))?;
    out.line(format_args!("reason     {}", letter.reason))?;
    let text = |bytes: Option<bytes::Bytes>| match bytes {
        None => "null".to_owned(),
        Some(bytes) => match std::str::from_utf8(&bytes) {
            Ok(text) => text.to_owned(),
            Err(_) => super::format::hex(&bytes),
        },
    };
    out.line(format_args!(
        "key        {}",
        text(octets(letter.record.key.as_ref()))
    ))?;
    for (name, value) in &letter.record.headers {
        if !name.starts_with("__connect.errors.") {
            out.line(format_args!(
                "header     {name}: {}",
                text(octets(value.as_ref()))
            ))?;
        }
    }
    out.line(format_args!(
        "value      {}",
        text(octets(letter.record.value.as_ref()))
    ))
}
