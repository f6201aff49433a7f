//! `cargo xtask mutations`: whether the golden vectors hold each rule of the transforms and converters.

use anyhow::Result;

use crate::command::{cargo, check};

/// Runs the check with the arguments as they are: `--list`, parts of paths.
pub(crate) fn run(arguments: &[String]) -> Result<()> {
    let mut command = cargo([
        "run",
        "--quiet",
        "--locked",
        "--package",
        "messina-mutations",
        "--",
    ]);
    check(command.args(arguments))
}
