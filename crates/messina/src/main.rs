//! `messina`: parse, load, run, print the error, choose the exit code.

use std::process::ExitCode;

use messina::cli;

fn main() -> ExitCode {
    let command_line = match cli::parse(std::env::args_os()) {
        Ok(command_line) => command_line,
        // Help and version go to standard output and end with 0, mistakes to standard error and end with 2.
        Err(answer) => return cli::print_answer(&answer),
    };
    match cli::run(command_line) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => cli::print_error(&error),
    }
}
