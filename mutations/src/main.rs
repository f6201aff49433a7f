//! The mutation check of the golden vectors: `cargo xtask mutations [--list] [PART OF A PATH...]`.
//!
//! Every small change of the transforms' and converters' source that the vectors do not notice is a rule that nothing
//! holds. All changes are built at once, each behind a switch, into a copy of the crate under `target/mutations`; the
//! vectors are then replayed with one of them on at a time, those that reach it only. What survives must be in
//! `mutations/accepted.txt`, with the reason why.

mod accepted;
mod build;
mod instrument;
mod mutant;
mod other;
mod places;
mod replay;
mod rules;
mod tree;

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Result, bail};

use mutant::Mutant;
use replay::Verdict;

/// Prints a line on standard output; a closed pipe is nobody's error.
fn say(text: &str) {
    let mut out = std::io::stdout().lock();
    drop(writeln!(out, "{text}"));
    drop(out.flush());
}

fn main() -> ExitCode {
    match run(std::env::args().skip(1).collect()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            say(&format!("error: {error:#}"));
            ExitCode::FAILURE
        }
    }
}

fn run(mut arguments: Vec<String>) -> Result<()> {
    let all = arguments.iter().any(|argument| argument == "--list");
    arguments.retain(|argument| argument != "--list");
    if let Some(option) = arguments.iter().find(|argument| argument.starts_with('-')) {
        bail!("there is no option `{option}`; known is --list");
    }
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("..")
        .canonicalize()?;
    let built = build::build(&root, &arguments)?;
    let (unviable, count) = (built.unviable, built.mutants.len());
    say(&format!(
        "{count} mutants, and {unviable} that do not compile; replaying"
    ));
    let verdicts = replay::replay(&built, &root.join("testdata/connect"))?;
    let judged: Vec<_> = built.mutants.iter().zip(verdicts).collect();
    if all {
        for (mutant, verdict) in &judged {
            say(&format!("{verdict}: {mutant}"));
        }
    }
    report(&judged);
    accepted::compare(&root, &judged, arguments.is_empty())
}

/// A line for each file, and the sum.
fn report(judged: &[(&Mutant, Verdict)]) {
    let mut files = BTreeMap::<&str, [usize; 3]>::new();
    let mut sum = [0; 3];
    for (mutant, verdict) in judged {
        let column = match verdict {
            Verdict::Caught(_) => 0,
            Verdict::Missed(_) => 1,
            Verdict::Unreached => 2,
        };
        for counts in [files.entry(&mutant.file).or_default(), &mut sum] {
            if let Some(count) = counts.get_mut(column) {
                *count += 1;
            }
        }
    }
    say("  caught  missed unreached");
    for (file, [caught, missed, unreached]) in &files {
        say(&format!("{caught:8}{missed:8}{unreached:10}  {file}"));
    }
    let [caught, missed, unreached] = sum;
    say(&format!("{caught:8}{missed:8}{unreached:10}  in all"));
}
