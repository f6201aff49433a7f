//! `messina`: parse, load, run, print the error, choose the exit code.

use std::process::ExitCode;

fn main() -> ExitCode {
    messina::cli::main()
}
