//! Where the workspace names a statement.

use std::collections::BTreeMap;

use anyhow::Result;

use super::statements::{Number, Statements};
use crate::source::{self, SourceFile};

/// Where a statement is named.
#[derive(Debug, Default)]
pub(crate) struct Places {
    pub(crate) code: Vec<String>,
    pub(crate) tests: Vec<String>,
}

impl Places {
    /// Whether both code and a test name it.
    pub(crate) fn are_both(&self) -> bool {
        !self.code.is_empty() && !self.tests.is_empty()
    }
}

/// The places of every statement, and the names that are no statement's, as `path:line: name`.
#[derive(Debug, Default)]
pub(crate) struct Found {
    pub(crate) places: BTreeMap<Number, Places>,
    pub(crate) unknown: Vec<String>,
}

/// Reads the source; a test is also a vector of `testdata/mqtt`.
pub(crate) fn find(statements: &Statements) -> Result<Found> {
    let mut found = Found::default();
    for file in source::files(&["rs", "txt", "py"])?
        .iter()
        .filter(|file| !file.path.starts_with("xtask/") && !file.path.ends_with("/statements.txt"))
    {
        let is_vector = file.path.starts_with("testdata/");
        for (line, text) in file.product_lines() {
            found.note(statements, file, (line, text), is_vector);
        }
        for (line, text) in file.test_lines() {
            found.note(statements, file, (line, text), true);
        }
    }
    Ok(found)
}

impl Found {
    fn note(
        &mut self,
        statements: &Statements,
        file: &SourceFile,
        (line, text): (usize, &str),
        is_test: bool,
    ) {
        for name in names(text) {
            let numbers: Option<Vec<_>> = numbers(name).and_then(|numbers| {
                numbers
                    .into_iter()
                    .map(|number| statements.listed(number))
                    .collect()
            });
            let Some(numbers) = numbers else {
                self.unknown.push(format!("{}:{line}: [{name}]", file.path));
                continue;
            };
            for number in numbers {
                let places = self.places.entry(number).or_default();
                let places = if is_test {
                    &mut places.tests
                } else {
                    &mut places.code
                };
                let name = short(file);
                if !places.contains(&name) {
                    places.push(name);
                }
            }
        }
    }
}

fn short(file: &SourceFile) -> String {
    file.path
        .trim_start_matches("crates/")
        .replace("/src/", "/")
}

/// What stands in brackets and begins as a statement's number does.
fn names(line: &str) -> impl Iterator<Item = &str> {
    line.split('[')
        .skip(1)
        .filter_map(|rest| Some(rest.split_once(']')?.0))
        .filter(|name| name.starts_with("MQTT-") || name.starts_with("MQTT3-"))
}

/// The numbers of a name: `MQTT-4.6.0-2`, or `MQTT-4.6.0-2..4` for three of them.
fn numbers(name: &str) -> Option<Vec<Number>> {
    match name.split_once("..") {
        None => Some(vec![Number::read(name)?]),
        Some((first, last)) => Some(Number::read(first)?.up_to(last.parse().ok()?).collect()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statements_are_read_singly_and_as_ranges() {
        let line =
            "x // [MQTT-3.3.1-4] and [MQTT-4.6.0-2..4], [MQTT3-3.1.2-22], not [x] nor [MQTT-1.2]";
        let found: Vec<_> = names(line).map(numbers).collect();
        let spelled =
            |text: &[&str]| Some(text.iter().filter_map(|text| Number::read(text)).collect());
        assert_eq!(
            found,
            [
                spelled(&["MQTT-3.3.1-4"]),
                spelled(&["MQTT-4.6.0-2", "MQTT-4.6.0-3", "MQTT-4.6.0-4"]),
                spelled(&["MQTT3-3.1.2-22"]),
                None,
            ]
        );
    }
}
