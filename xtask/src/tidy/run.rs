//! Runs the readers one after another and prints what they found.

use anyhow::{Result, bail};

use super::{borders, links, ratchet, words};
use crate::command::say;
use crate::source;

/// Reads everything; `--accept` first rewrites the ratchet list with the sizes of today.
pub(crate) fn run(arguments: &[String]) -> Result<()> {
    let rust = source::files(&["rs"])?;
    let markdown = source::files(&["md"])?;
    if arguments.iter().any(|argument| argument == "--accept") {
        ratchet::accept(&rust)?;
    }
    let mut faults = Vec::new();
    for file in &rust {
        borders::read(file, &mut faults);
        words::read(file, &mut faults);
    }
    ratchet::read(&rust, &mut faults)?;
    links::read(&markdown, &mut faults);
    for fault in &faults {
        say(fault);
    }
    if !faults.is_empty() {
        bail!(
            "{} faults in {} files read",
            faults.len(),
            rust.len() + markdown.len()
        );
    }
    say(&format!(
        "tidy: {} Rust files and {} Markdown files read, no fault",
        rust.len(),
        markdown.len()
    ));
    Ok(())
}
