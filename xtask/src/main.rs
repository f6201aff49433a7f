//! The project's habits as commands: `cargo xtask ci` and the steps it is made of.
//!
//! Continuous integration runs `cargo xtask ci` and nothing else, so whatever it finds can be found on any
//! machine with the same words.

mod command;
mod source;

mod ci;
mod test;
mod tools;

mod tidy;

mod conformance;
mod generate;

mod fuzz;
mod kill9;
mod mutations;
mod services;

use std::process::ExitCode;

use anyhow::{Result, bail};

const USAGE: &str = "\
cargo xtask <command>

  ci                         exactly what CI runs, in its order: fmt lint test doc tidy conformance gen fuzz
  test [CARGO TEST ARGS]     every test; installs (CI, root) or names (elsewhere) the programs they need
                             by flag: MESSINA_ROUNDS=N kills of each kind (20), MESSINA_OUTAGE=SECONDS without Kafka
                             or Cassandra (60); `-p messina-e2e --test kafka -- --ignored` kills one of three nodes
  lint                       rustfmt --check, and clippy with warnings as errors
  doc                        the crates' documentation, warnings as errors
  tidy [--accept]            reads the source for what the compiler cannot hold; --accept rewrites the ratchet
  gen [--check]              writes docs/reference from the program; --check only compares
  conformance [--missing|--check]
                             the MQTT statements, and where code and tests name them; --check fails on
                             one that binds a server and has neither both nor a reason
  fuzz [--seconds N] [--seed S] [TARGET...]
  kill9 [--rounds N] [--seed S]
                             the process killed while devices publish, as often as wanted
  mutations [--list] [PART OF A PATH...]
                             the transforms' and converters' rules broken one by one: which the golden vectors
                             do not notice
  services up|down|status [kafka] [cassandra] [paho] [kafka3] [cassandra3]
                             the real ones, on loopback, under .services/, the last two of three nodes each; and
                             Paho's MQTT client";

fn main() -> ExitCode {
    match run(std::env::args().skip(1).collect()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            command::say(&format!("error: {error:#}"));
            ExitCode::FAILURE
        }
    }
}

fn run(mut arguments: Vec<String>) -> Result<()> {
    if arguments.is_empty() {
        bail!("name a command\n\n{USAGE}");
    }
    let name = arguments.remove(0);
    match name.as_str() {
        "ci" => ci::run(),
        "test" => test::run(&arguments),
        "lint" => ci::lint(),
        "doc" => ci::doc(),
        "tidy" => tidy::run(&arguments),
        "gen" => generate::run(&arguments),
        "conformance" => conformance::run(&arguments),
        "fuzz" => fuzz::run(&arguments),
        "kill9" => kill9::run(&arguments),
        "mutations" => mutations::run(&arguments),
        "services" => services::run(&arguments),
        "help" | "--help" | "-h" => {
            command::say(USAGE);
            Ok(())
        }
        other => bail!("there is no command `{other}`\n\n{USAGE}"),
    }
}
