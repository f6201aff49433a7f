//! `messina import`: files of an installation, carried over to Kafka and CQL.

use std::path::PathBuf;

use clap::Args as ClapArgs;

use crate::config::{self, Inputs};
use crate::telemetry::logs::{self, LogFormat};

use super::output::Output;
use super::{CommandError, export};

/// `messina import`
#[derive(Debug, ClapArgs)]
#[command(after_help = "\
The folder is one that `messina export --out` has made, or an installation's data directory. Everything is as with
`messina export --to`.")]
pub(super) struct Args {
    /// The folder
    from: PathBuf,
    /// The configuration the installation is to go on with: `[kafka]`, `[cql]`, or both
    #[arg(long, value_name = "FILE")]
    to: PathBuf,
    #[command(flatten)]
    looks: export::Looks,
}

pub(super) fn run(args: &Args, out: &mut Output) -> Result<(), CommandError> {
    logs::start(-1, LogFormat::default());
    let from = config::load(&Inputs {
        data: Some(args.from.clone()),
        ..Inputs::default()
    })?;
    export::carry(&from.config, &args.to, &args.looks, out)
}
