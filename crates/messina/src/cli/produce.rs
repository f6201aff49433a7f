//! `messina produce`: records from standard input, a line each, or from files, a file each. kcat's flags.

use std::io::{BufRead, BufReader, Read};
use std::path::PathBuf;

use clap::Args as ClapArgs;

use crate::console::api::{Octets, Produce, ProduceRecord};

use super::CommandError;
use super::output::Output;
use super::source::Target;
use super::way::Way;

/// Records sent in one request when input is faster than the network.
const BATCH: usize = 1_000;

/// Bytes of one request, roughly.
const BATCH_BYTES: usize = 4 << 20;

/// `messina produce`
#[derive(Debug, ClapArgs)]
#[command(after_help = "\
Each line of standard input is a record; with FILES each file is one. Exit code 0 means every record is durable.

  echo 'hello' | messina produce -t greetings
  printf 'k1:v1\\nk2:v2\\n' | messina produce -t pairs -K :")]
pub(super) struct Args {
    /// Topic
    #[arg(short, long)]
    topic: String,
    /// Partition; by the key's hash if absent
    #[arg(short, long)]
    partition: Option<i32>,
    /// Key of every record
    #[arg(short, long, conflicts_with = "key_delimiter")]
    key: Option<String>,
    /// The line up to this text is the key
    #[arg(short = 'K', long, value_name = "TEXT")]
    key_delimiter: Option<String>,
    /// A header of every record
    #[arg(short = 'H', long = "header", value_name = "NAME=VALUE")]
    headers: Vec<String>,
    /// An empty value is null (a tombstone)
    #[arg(short = 'Z', long)]
    null: bool,
    /// Print partition and offset of every record as JSON
    #[arg(long)]
    json: bool,
    /// Files, each of which is the value of a record
    files: Vec<PathBuf>,
    #[command(flatten)]
    target: Target,
}

pub(super) fn run(args: &Args, out: &mut Output) -> Result<(), CommandError> {
    let mut sender = Sender {
        way: args.target.way()?,
        args,
        headers: headers(&args.headers)?,
        batch: Vec::new(),
        bytes: 0,
        out,
    };
    if args.files.is_empty() {
        sender.lines()?;
    }
    for path in &args.files {
        let value = std::fs::read(path).map_err(|source| CommandError::File {
            action: "read",
            path: path.display().to_string(),
            source,
        })?;
        sender.add(args.key.as_deref().map(str::as_bytes), &value)?;
    }
    sender.send()
}

struct Sender<'a> {
    way: Way,
    args: &'a Args,
    headers: Vec<(String, Option<Octets>)>,
    batch: Vec<ProduceRecord>,
    bytes: usize,
    out: &'a mut Output,
}

impl Sender<'_> {
    /// One record for each line; what has been read is sent before waiting for more.
    fn lines(&mut self) -> Result<(), CommandError> {
        let mut input = BufReader::with_capacity(1 << 16, std::io::stdin());
        let mut line = Vec::new();
        loop {
            line.clear();
            let limit = 64 << 20;
            let read = input.by_ref().take(limit).read_until(b'\n', &mut line);
            if read.map_err(CommandError::Input)? == 0 {
                return Ok(());
            }
            if line.last() == Some(&b'\n') {
                line.pop();
            }
            let (key, value) = self.split(&line);
            self.add(key, value)?;
            if input.buffer().is_empty() {
                self.send()?;
            }
        }
    }

    fn split<'l>(&self, line: &'l [u8]) -> (Option<&'l [u8]>, &'l [u8]) {
        let Some(delimiter) = self.args.key_delimiter.as_deref().map(str::as_bytes) else {
            return (None, line);
        };
        let mut windows = line.windows(delimiter.len().max(1));
        match windows.position(|window| window == delimiter) {
            Some(at) => {
                let value = line.get(at + delimiter.len()..).unwrap_or_default();
                (line.get(..at), value)
            }
            None => (None, line),
        }
    }

    fn add(&mut self, key: Option<&[u8]>, value: &[u8]) -> Result<(), CommandError> {
        let key = key.or(self.args.key.as_deref().map(str::as_bytes));
        self.bytes += value.len();
        self.batch.push(ProduceRecord {
            key: key.map(Octets::of),
            value: (!(self.args.null && value.is_empty())).then(|| Octets::of(value)),
            headers: self.headers.clone(),
            partition: self.args.partition,
            timestamp: None,
        });
        if self.batch.len() >= BATCH || self.bytes >= BATCH_BYTES {
            self.send()?;
        }
        Ok(())
    }

    fn send(&mut self) -> Result<(), CommandError> {
        if self.batch.is_empty() {
            return Ok(());
        }
        self.bytes = 0;
        let request = Produce {
            topic: self.args.topic.clone(),
            records: std::mem::take(&mut self.batch),
        };
        let produced = self.way.produce(request)?;
        if self.args.json {
            for position in &produced.records {
                self.out.json(position)?;
            }
        }
        Ok(())
    }
}

fn headers(written: &[String]) -> Result<Vec<(String, Option<Octets>)>, CommandError> {
    let header = |text: &String| match text.split_once('=') {
        Some((name, value)) => Ok((name.to_owned(), Some(Octets::of(value.as_bytes())))),
        None => Err(CommandError::Usage(format!(
            "`-H {text}` must be name=value"
        ))),
    };
    written.iter().map(header).collect()
}
