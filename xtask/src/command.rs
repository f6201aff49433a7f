//! Running programs, and saying what is run.

use std::ffi::OsStr;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, bail};

/// Prints a line on standard output; a closed pipe is nobody's error.
pub(crate) fn say(text: &str) {
    let mut out = std::io::stdout().lock();
    drop(writeln!(out, "{text}"));
    drop(out.flush());
}

/// The root of the workspace.
pub(crate) fn root() -> PathBuf {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR"));
    manifest.parent().unwrap_or(manifest).to_path_buf()
}

/// Whether this is continuous integration, where a skipped test is a failed one.
pub(crate) fn in_ci() -> bool {
    std::env::var("CI").is_ok_and(|value| !value.is_empty() && value != "false" && value != "0")
}

/// A cargo command in the workspace's root.
pub(crate) fn cargo<I, S>(arguments: I) -> Command
where
    I: IntoIterator<Item = S>,
    S: AsRef<OsStr>,
{
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command.args(arguments).current_dir(root());
    command
}

/// Runs a program of the workspace to its end with these arguments.
pub(crate) fn run_package(package: &str, arguments: &[String]) -> Result<()> {
    let mut command = cargo(["run", "--quiet", "--locked", "--package", package, "--"]);
    check(command.args(arguments))
}

/// Runs a command to its end, showing it first; anything but success is an error.
pub(crate) fn check(command: &mut Command) -> Result<()> {
    say(&format!("$ {}", spelled(command)));
    let status = command
        .status()
        .with_context(|| format!("cannot start `{}`", spelled(command)))?;
    if !status.success() {
        bail!("`{}` ended with {status}", spelled(command));
    }
    Ok(())
}

/// Runs a command and hands back its standard output.
pub(crate) fn output(command: &mut Command) -> Result<String> {
    let output = command
        .stderr(Stdio::inherit())
        .output()
        .with_context(|| format!("cannot start `{}`", spelled(command)))?;
    if !output.status.success() {
        bail!("`{}` ended with {}", spelled(command), output.status);
    }
    String::from_utf8(output.stdout).context("the output is not UTF-8")
}

fn spelled(command: &Command) -> String {
    let program = Path::new(command.get_program())
        .file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned();
    let arguments = command
        .get_args()
        .map(|argument| argument.to_string_lossy().into_owned());
    std::iter::once(program)
        .chain(arguments)
        .collect::<Vec<_>>()
        .join(" ")
}
