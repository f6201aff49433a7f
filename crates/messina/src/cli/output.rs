//! Standard output: buffered, without colour when piped, and tables with columns that line up.

use std::fmt;
use std::io::{self, BufWriter, IsTerminal, Stdout, Write};

use serde::Serialize;

use super::CommandError;

/// Where a command's answer goes.
#[derive(Debug)]
pub(super) struct Output {
    writer: BufWriter<Stdout>,
    terminal: bool,
    colour: bool,
}

impl Output {
    /// The process's standard output.
    pub(super) fn stdout() -> Self {
        let terminal = io::stdout().is_terminal();
        Self {
            writer: BufWriter::new(io::stdout()),
            terminal,
            colour: terminal && std::env::var_os("NO_COLOR").is_none(),
        }
    }

    /// Whether colour may be used.
    pub(super) fn colour(&self) -> bool {
        self.colour
    }

    /// Writes a line.
    pub(super) fn line(&mut self, text: impl fmt::Display) -> Result<(), CommandError> {
        writeln!(self.writer, "{text}").map_err(CommandError::Output)
    }

    /// Writes bytes as they are.
    pub(super) fn bytes(&mut self, bytes: &[u8]) -> Result<(), CommandError> {
        self.writer.write_all(bytes).map_err(CommandError::Output)
    }

    /// Writes a value as JSON: indented for a person, on one line for a program.
    pub(super) fn json(&mut self, value: &impl Serialize) -> Result<(), CommandError> {
        let written = if self.terminal {
            serde_json::to_writer_pretty(&mut self.writer, value)
        } else {
            serde_json::to_writer(&mut self.writer, value)
        };
        written.map_err(|error| CommandError::Output(error.into()))?;
        self.line("")
    }

    /// Writes a value as JSON on one line.
    pub(super) fn json_line(&mut self, value: &impl Serialize) -> Result<(), CommandError> {
        let written = serde_json::to_writer(&mut self.writer, value);
        written.map_err(|error| CommandError::Output(error.into()))?;
        self.line("")
    }

    /// Writes rows below their headings, columns as wide as their widest cell; `right` says which lean right.
    pub(super) fn table(
        &mut self,
        headings: &[&str],
        right: &[bool],
        rows: &[Vec<String>],
    ) -> Result<(), CommandError> {
        let width = |column: usize| {
            let cells = rows.iter().filter_map(|row| row.get(column));
            let widest = cells.map(|cell| cell.chars().count()).max().unwrap_or(0);
            widest.max(
                headings
                    .get(column)
                    .map_or(0, |heading| heading.chars().count()),
            )
        };
        let widths: Vec<usize> = (0..headings.len()).map(width).collect();
        let headings: Vec<String> = headings
            .iter()
            .map(|heading| (*heading).to_owned())
            .collect();
        for row in std::iter::once(&headings).chain(rows) {
            let mut line = String::new();
            for (index, (cell, width)) in row.iter().zip(&widths).enumerate() {
                let pad = " ".repeat(width.saturating_sub(cell.chars().count()));
                if index > 0 {
                    line.push_str("  ");
                }
                let leans_right = right.get(index).copied().unwrap_or(false);
                let (first, second) = if leans_right {
                    (pad.as_str(), cell.as_str())
                } else {
                    (cell.as_str(), pad.as_str())
                };
                line.push_str(first);
                line.push_str(second);
            }
            self.line(line.trim_end())?;
        }
        Ok(())
    }

    /// Hands everything to the system.
    pub(super) fn flush(&mut self) -> Result<(), CommandError> {
        self.writer.flush().map_err(CommandError::Output)
    }
}
