//! What the operator typed.
//! Takes the command line.
//! Gives a checked configuration to `runtime`, and questions to the admin API.

use std::process::ExitCode;

/// Runs the command line; the exit code says how it went.
pub fn main() -> ExitCode {
    ExitCode::SUCCESS
}
