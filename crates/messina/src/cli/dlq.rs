//! `messina dlq`: records that could not become rows, why, and putting them back.

use clap::{Args as ClapArgs, Subcommand};

use crate::console::api::{DeadLetterEntry, DeadLetterList, ListDeadLetters, Replay};

use super::CommandError;
use super::format::octets;
use super::output::Output;
use super::place::Place;
use super::source::Target;
use super::timestamp::format_millis;
use super::topics::describe;
use super::way::Way;

/// `messina dlq`
#[derive(Debug, ClapArgs)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// List dead letters with the reason, of every topic that connectors keep them in
    List {
        /// Only those in this topic
        #[arg(short, long)]
        topic: Option<String>,
        /// Begin at this offset of each partition; -N for the last N
        #[arg(short, long, allow_hyphen_values = true)]
        offset: Option<i64>,
        /// Most to show of each partition
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
        /// Its offset, as `list` prints it: OFFSET, PARTITION:OFFSET or TOPIC:PARTITION:OFFSET
        #[arg(value_name = "OFFSET")]
        letter: Place,
        /// Print JSON
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        target: Target,
    },
    /// Append dead letters to the topics they came from; the dead letter itself stays
    Replay {
        /// Offsets, as `list` prints them
        #[arg(value_name = "OFFSETS", required_unless_present = "all")]
        letters: Vec<Place>,
        /// All there are
        #[arg(long, conflicts_with = "letters")]
        all: bool,
        #[command(flatten)]
        target: Target,
    },
}

pub(super) fn run(args: &Args, out: &mut Output) -> Result<(), CommandError> {
    match &args.command {
        Command::List {
            topic,
            offset,
            count,
            json,
            target,
        } => {
            let pages = pages(&target.way()?, topic.as_deref(), *offset, *count)?;
            if *json {
                return json_list(pages, out);
            }
            list(&pages, out)
        }
        Command::Show {
            letter,
            json,
            target,
        } => {
            let found = find(&target.way()?, letter)?;
            if *json {
                out.json(&found)
            } else {
                show(&found, out)
            }
        }
        Command::Replay {
            letters,
            all,
            target,
        } => {
            let replayed = replay(&target.way()?, letters, *all)?;
            out.line(format_args!("{replayed} put back"))
        }
    }
}

/// Dead letters of one partition.
struct Page {
    topic: String,
    partition: i32,
    letters: DeadLetterList,
}

impl Page {
    fn place(&self, offset: i64) -> Place {
        Place {
            topic: self.topic.clone(),
            partition: self.partition,
            offset,
        }
    }
}

/// A page of each partition of `topic`, or, if it is absent, of all topics with dead letters.
fn pages(
    way: &Way,
    topic: Option<&str>,
    offset: Option<i64>,
    count: usize,
) -> Result<Vec<Page>, CommandError> {
    let ask = |topic: Option<String>, partition: i32| {
        way.dead_letters(&ListDeadLetters {
            topic,
            partition,
            offset,
            max: Some(count),
        })
    };
    let partitions: Vec<(String, i32)> = if let Some(name) = topic {
        let partitions = describe(way, name)?.partitions.into_iter();
        partitions
            .map(|own| (name.to_owned(), own.partition))
            .collect()
    } else {
        let there = ask(None, 0)?.topics.into_iter();
        let each = there.flat_map(|topic| {
            let partitions = 0..topic.partitions;
            partitions.map(move |number| (topic.name.clone(), number))
        });
        each.collect()
    };
    let pages = partitions.into_iter().map(|(topic, partition)| {
        Ok(Page {
            letters: ask(Some(topic.clone()), partition)?,
            topic,
            partition,
        })
    });
    pages.collect()
}

fn find(way: &Way, place: &Place) -> Result<DeadLetterEntry, CommandError> {
    let letters = way.dead_letters(&ListDeadLetters {
        topic: Some(place.topic.clone()),
        partition: place.partition,
        offset: Some(place.offset),
        max: Some(1),
    })?;
    let found = letters.dead_letters.into_iter().next();
    found
        .filter(|letter| letter.offset == place.offset)
        .ok_or_else(|| {
            CommandError::Refused(format!(
                "there is no dead letter at offset {place}; see `messina dlq list`"
            ))
        })
}

fn replay(way: &Way, places: &[Place], all: bool) -> Result<u64, CommandError> {
    if all {
        let all = Replay {
            all,
            ..Replay::default()
        };
        return way.replay(&all);
    }
    let mut replayed = 0;
    // In the order they were named, those of one partition together.
    for same in places.chunk_by(|a, b| a.topic == b.topic && a.partition == b.partition) {
        let Some(first) = same.first() else { continue };
        replayed += way.replay(&Replay {
            topic: Some(first.topic.clone()),
            partition: first.partition,
            offsets: same.iter().map(|place| place.offset).collect(),
            all: false,
        })?;
    }
    Ok(replayed)
}

/// The letters with where they are; what is behind the last page is not there to be seen in one list.
fn json_list(pages: Vec<Page>, out: &mut Output) -> Result<(), CommandError> {
    let mut places = Vec::new();
    let mut dead_letters = Vec::new();
    for page in pages {
        places.push(serde_json::json!({
            "topic": page.topic,
            "partition": page.partition,
            "next": page.letters.next,
            "end": page.letters.end,
        }));
        for letter in page.letters.dead_letters {
            let place = Place {
                topic: page.topic.clone(),
                partition: page.partition,
                offset: letter.offset,
            };
            let mut shown = serde_json::json!(letter);
            if let Some(fields) = shown.as_object_mut() {
                fields.insert("place".to_owned(), place.to_string().into());
            }
            dead_letters.push(shown);
        }
    }
    out.json(&serde_json::json!({ "dead_letters": dead_letters, "partitions": places }))
}

fn list(pages: &[Page], out: &mut Output) -> Result<(), CommandError> {
    let mut letters: Vec<(Place, &DeadLetterEntry)> = Vec::new();
    for page in pages {
        let own = page.letters.dead_letters.iter();
        letters.extend(own.map(|letter| (page.place(letter.offset), letter)));
    }
    if letters.is_empty() {
        return out.line("no dead letters");
    }
    // Within a partition they stay in order, whatever the clocks say.
    letters.sort_by_key(|(_, letter)| letter.record.timestamp);
    let rows: Vec<Vec<String>> = letters.iter().map(|(place, own)| row(place, own)).collect();
    let headings = ["OFFSET", "TIME", "SINK", "RECORD", "STAGE", "REASON"];
    out.table(&headings, &[true, false, false, false, false, false], &rows)?;
    for page in pages {
        let (next, end) = (page.letters.next, page.letters.end);
        if next < end {
            let left = end - next;
            out.line(format_args!(
                "{left} more in `{}` partition {}: `messina dlq list --topic {} --offset {next}`",
                page.topic, page.partition, page.topic
            ))?;
        }
    }
    Ok(())
}

fn row(place: &Place, letter: &DeadLetterEntry) -> Vec<String> {
    vec![
        place.to_string(),
        format_millis(letter.record.timestamp),
        letter.connector.clone(),
        position(letter),
        letter.stage.clone(),
        letter.reason.lines().next().unwrap_or_default().to_owned(),
    ]
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
