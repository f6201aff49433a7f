//! `messina consume`: the records of a topic. kcat's flags.

use std::collections::BTreeMap;
use std::str::FromStr;

use clap::Args as ClapArgs;

use crate::console::api::{Consume, ConsumedRecord};

use super::CommandError;
use super::format::Format;
use super::output::Output;
use super::source::Target;
use super::topics::describe;
use super::way::Way;

/// Most records asked for at once.
const PAGE: usize = 1_000;

/// How long a request waits for a record, milliseconds.
const WAIT: u64 = 500;

/// `messina consume`
#[derive(Debug, ClapArgs)]
#[command(after_help = "\
FORMAT knows %t topic, %p partition, %o offset, %k key, %K its length, %s value, %S its length, %T timestamp,
%h headers, %% and \\n \\r \\t \\0 \\\\ \\xHH; the default is '%s\\n'.

  messina consume -t readings -e                      everything there is
  messina consume -t readings -o -5 -e                the last five of each partition
  messina consume -t readings -f '%o %k: %s\\n'        and go on with what comes")]
pub(super) struct Args {
    /// Topic
    #[arg(short, long)]
    topic: String,
    /// Partition; all if absent
    #[arg(short, long)]
    partition: Option<i32>,
    /// Where to begin: beginning, end, an offset, or -N for the last N records
    #[arg(short, long, default_value = "beginning", allow_hyphen_values = true)]
    offset: Begin,
    /// How to print a record
    #[arg(short, long, value_name = "FORMAT", conflicts_with = "json")]
    format: Option<String>,
    /// Print the key and this text before the value
    #[arg(short = 'K', long, value_name = "TEXT", conflicts_with_all = ["format", "json"])]
    key_delimiter: Option<String>,
    /// Stop after so many records
    #[arg(short, long, value_name = "N")]
    count: Option<usize>,
    /// Stop at the end instead of waiting for more
    #[arg(short, long)]
    exit: bool,
    /// Print each record as a line of JSON, headers and all
    #[arg(short = 'J', long)]
    json: bool,
    #[command(flatten)]
    target: Target,
}

/// Where to begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Begin {
    Start,
    End,
    Offset(i64),
    Last(i64),
}

impl FromStr for Begin {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "beginning" | "earliest" => return Ok(Self::Start),
            "end" | "latest" => return Ok(Self::End),
            _ => {}
        }
        match text.parse::<i64>() {
            Ok(back) if back < 0 => Ok(Self::Last(-back)),
            Ok(offset) => Ok(Self::Offset(offset)),
            Err(_) => Err("beginning, end, an offset or -N is needed".to_owned()),
        }
    }
}

pub(super) fn run(args: &Args, out: &mut Output) -> Result<(), CommandError> {
    let format = match &args.format {
        Some(text) => Format::parse(text)?,
        None => Format::plain(args.key_delimiter.as_deref()),
    };
    let way = args.target.way()?;
    let topic = describe(&way, &args.topic)?;
    let wanted = |partition: &i32| args.partition.is_none_or(|only| only == *partition);
    let positions: BTreeMap<i32, i64> = topic
        .partitions
        .iter()
        .filter(|partition| wanted(&partition.partition))
        .map(|partition| {
            let position = match args.offset {
                Begin::Start => partition.start,
                Begin::End => partition.end,
                Begin::Offset(offset) => offset.max(partition.start),
                Begin::Last(count) => (partition.end - count).max(partition.start),
            };
            (partition.partition, position)
        })
        .collect();
    if positions.is_empty() {
        let partition = args.partition.unwrap_or(0);
        let message = format!(
            "there is no partition {partition} of topic `{}`",
            args.topic
        );
        return Err(CommandError::Refused(message));
    }
    let mut printer = Printer {
        args,
        format,
        left: args.count.unwrap_or(usize::MAX),
        line: Vec::new(),
        out,
        way,
    };
    printer.follow(positions)
}

struct Printer<'a> {
    args: &'a Args,
    format: Format,
    left: usize,
    line: Vec<u8>,
    out: &'a mut Output,
    way: Way,
}

impl Printer<'_> {
    /// Prints until told to stop, or until nothing more can come.
    fn follow(&mut self, mut positions: BTreeMap<i32, i64>) -> Result<(), CommandError> {
        loop {
            let ended = self.drain(&mut positions)?;
            if self.left == 0 || (ended && (self.args.exit || !self.way.is_live())) {
                return Ok(());
            }
            if ended {
                self.out.flush()?;
                let first = positions.iter().next();
                let Some((partition, offset)) = first else {
                    return Ok(());
                };
                let wait = self.wanted(*partition, *offset, 1, WAIT);
                // Only to wait: what came is read with everything else in the next round.
                self.way.consume(&wait)?;
            }
        }
    }

    /// Prints what there is of each partition; true when each was read to its end.
    fn drain(&mut self, positions: &mut BTreeMap<i32, i64>) -> Result<bool, CommandError> {
        let mut ended = true;
        for (partition, position) in positions {
            loop {
                if self.left == 0 {
                    return Ok(false);
                }
                let wanted = self.wanted(*partition, *position, PAGE.min(self.left), 0);
                let page = self.way.consume(&wanted)?;
                let none = page.records.is_empty();
                for record in &page.records {
                    self.print(record)?;
                }
                *position = page.next;
                if none || page.next >= page.end {
                    ended &= page.next >= page.end;
                    break;
                }
            }
        }
        Ok(ended)
    }

    fn wanted(&self, partition: i32, offset: i64, max: usize, wait: u64) -> Consume {
        Consume {
            topic: self.args.topic.clone(),
            partition,
            offset: Some(offset),
            max: Some(max),
            wait,
        }
    }

    fn print(&mut self, record: &ConsumedRecord) -> Result<(), CommandError> {
        self.left = self.left.saturating_sub(1);
        if self.args.json {
            return self.out.json_line(record);
        }
        self.line.clear();
        self.format.write(&self.args.topic, record, &mut self.line);
        self.out.bytes(&self.line)
    }
}
