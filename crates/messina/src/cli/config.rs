//! `messina config default`: the built-in configuration, a file to start from.

use clap::{Args as ClapArgs, Subcommand};

use super::CommandError;
use super::output::Output;

/// `messina config`
#[derive(Debug, ClapArgs)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Print the built-in configuration, every setting with its reason: a file to start from
    Default,
}

pub(super) fn run(args: &Args, out: &mut Output) -> Result<(), CommandError> {
    match args.command {
        Command::Default => out.bytes(crate::config::DEFAULT.as_bytes()),
    }
}
