//! `cargo xtask mutations`: whether the golden vectors hold each rule of the transforms and converters.

use anyhow::Result;

use crate::command::run_package;

/// Runs the check with the arguments as they are: `--list`, parts of paths.
pub(crate) fn run(arguments: &[String]) -> Result<()> {
    run_package("messina-mutations", arguments)
}
