//! `cargo xtask fuzz`: the seeded mutator over the fuzz targets, for a few seconds each.

use anyhow::Result;

use crate::command::run_package;

/// Runs the mutator with the arguments as they are: `--seconds`, `--seed`, names of targets.
pub(crate) fn run(arguments: &[String]) -> Result<()> {
    run_package("messina-fuzz", arguments)
}
