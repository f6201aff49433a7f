//! Runs the replay, and goes on behind a mutant with which it hangs or dies.

use std::fmt;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::time::Duration;

use anyhow::{Context as _, Result, bail};

use crate::build::Built;

/// How long the replay may read, and look which case reaches what.
const READING: Duration = Duration::from_mins(15);
/// How long one mutant may take.
const SILENCE: Duration = Duration::from_mins(3);
/// Memory of the replay in KiB: a mutant may want all there is.
const MEMORY: u32 = 3_000_000;

/// What became of a mutant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// The case that noticed it, or how it ended.
    Caught(String),
    /// How many cases did not notice it.
    Missed(usize),
    /// No case comes there.
    Unreached,
}

impl fmt::Display for Verdict {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Caught(case) => write!(formatter, "caught by {case}"),
            Self::Missed(cases) => write!(formatter, "missed by {cases}"),
            Self::Unreached => formatter.write_str("unreached"),
        }
    }
}

/// The verdict on each mutant, in order.
pub(crate) fn replay(built: &Built, vectors: &Path) -> Result<Vec<Verdict>> {
    let mut verdicts = Vec::new();
    while verdicts.len() < built.mutants.len() {
        let mut child = start(built, vectors, verdicts.len() + 1)?;
        let lines = lines(&mut child)?;
        let tried = follow(&lines, &mut verdicts)?;
        drop(child.kill());
        let status = child.wait().context("cannot wait for the replay")?;
        if verdicts.len() < built.mutants.len() {
            if !tried {
                bail!("the replay ended with {status} before it tried a mutant");
            }
            verdicts.push(Verdict::Caught("an end of the replay, or none".to_owned()));
        }
    }
    Ok(verdicts)
}

fn start(built: &Built, vectors: &Path, first: usize) -> Result<Child> {
    Command::new("sh")
        .args(["-c", &format!("ulimit -v {MEMORY}; exec \"$@\""), "sh"])
        .arg(&built.program)
        .args([built.mutants.len().to_string(), first.to_string()])
        .arg(vectors)
        .stdout(Stdio::piped())
        .spawn()
        .context("cannot start the replay")
}

/// The lines of the child's output, as they come.
fn lines(child: &mut Child) -> Result<Receiver<String>> {
    let out = BufReader::new(child.stdout.take().context("no output")?);
    let (sender, receiver) = sync_channel(1024);
    std::thread::spawn(move || {
        out.lines()
            .map_while(Result::ok)
            .try_for_each(|line| sender.send(line))
    });
    Ok(receiver)
}

/// Takes verdicts until the replay ends or is silent; whether a mutant is being tried then.
fn follow(lines: &Receiver<String>, verdicts: &mut Vec<Verdict>) -> Result<bool> {
    let mut tried = false;
    loop {
        let line = match lines.recv_timeout(if tried { SILENCE } else { READING }) {
            Ok(line) => line,
            Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => return Ok(tried),
        };
        let words: Vec<_> = line.split(' ').collect();
        verdicts.push(match words[..] {
            ["try", _] => {
                tried = true;
                continue;
            }
            ["caught", _, case] => Verdict::Caught(case.trim_matches('"').to_owned()),
            ["missed", _, cases] => Verdict::Missed(cases.parse()?),
            ["unreached", _] => Verdict::Unreached,
            _ => bail!("the replay says `{line}`"),
        });
    }
}
