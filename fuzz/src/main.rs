//! Drives the targets: `--seconds N` each (3), `--seed S` (1), then the targets' names (all).

#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a command line tool's output"
)]
#![expect(
    clippy::disallowed_methods,
    reason = "it runs for a time, in real time"
)]

use std::panic::catch_unwind;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use messina::simulator::Random;
use messina_fuzz::mutator::{below, mutate};
use messina_fuzz::targets::{ALL, Target};

struct Options {
    seconds: u64,
    seed: u64,
    names: Vec<String>,
}

fn main() -> Result<()> {
    let options = parse(std::env::args().skip(1))?;
    for name in &options.names {
        if ALL.iter().all(|target| target.name != name) {
            bail!("there is no target `{name}`; there are {}", names());
        }
    }
    let wanted = |target: &&Target| {
        options.names.is_empty() || options.names.iter().any(|name| name == target.name)
    };
    for target in ALL.iter().filter(wanted) {
        fuzz(target, &options)?;
    }
    Ok(())
}

fn parse(mut arguments: impl Iterator<Item = String>) -> Result<Options> {
    let mut options = Options {
        seconds: 3,
        seed: 1,
        names: Vec::new(),
    };
    while let Some(argument) = arguments.next() {
        let mut number = || {
            arguments
                .next()
                .context("a number is missing")?
                .parse()
                .context("not a number")
        };
        match argument.as_str() {
            "--seconds" => options.seconds = number()?,
            "--seed" => options.seed = number()?,
            name => options.names.push(name.to_owned()),
        }
    }
    Ok(options)
}

fn names() -> String {
    ALL.iter()
        .map(|target| target.name)
        .collect::<Vec<_>>()
        .join(", ")
}

fn fuzz(target: &Target, options: &Options) -> Result<()> {
    let mut random = Random::new(options.seed);
    let mut inputs: Vec<Vec<u8>> = target.seeds.iter().map(|seed| seed.to_vec()).collect();
    for input in &inputs {
        attempt(target, input, options.seed)?;
    }
    let end = Instant::now() + Duration::from_secs(options.seconds);
    let mut runs: u64 = 0;
    while Instant::now() < end {
        let pick = |random: &mut Random, inputs: &[Vec<u8>]| {
            inputs
                .get(below(random, inputs.len()))
                .cloned()
                .unwrap_or_default()
        };
        let (base, other) = (pick(&mut random, &inputs), pick(&mut random, &inputs));
        let input = mutate(&mut random, &base, &other);
        attempt(target, &input, options.seed)?;
        runs += 1;
        // Without coverage to tell which are interesting, a few changed inputs are kept to go further from.
        if runs.is_multiple_of(512) {
            let seeds = target.seeds.len();
            if inputs.len() > seeds + 64 {
                inputs.truncate(seeds);
            }
            inputs.push(input);
        }
    }
    println!(
        "fuzz {}: {runs} inputs in {} s, seed {}, no finding",
        target.name, options.seconds, options.seed
    );
    Ok(())
}

fn attempt(target: &Target, input: &[u8], seed: u64) -> Result<()> {
    if catch_unwind(|| (target.run)(input)).is_err() {
        eprintln!(
            "the input, as Rust writes it: b\"{}\"",
            input.escape_ascii()
        );
        bail!(
            "target `{}` panicked; seed {seed}; make that input a named test",
            target.name
        );
    }
    Ok(())
}
