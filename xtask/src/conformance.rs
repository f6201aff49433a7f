//! `cargo xtask conformance`: which of the specification's numbered statements the code names, and which
//! the tests name.

use std::collections::BTreeMap;

use anyhow::Result;

use crate::command::say;
use crate::source::{self, SourceFile};

/// A statement's number, in parts that sort as numbers: `MQTT-3.3.1-4` is `[3, 3, 1, 4]`.
type Statement = [u32; 4];

/// Where a statement is named.
#[derive(Default)]
struct Places {
    code: Vec<String>,
    tests: Vec<String>,
}

/// Prints the list; with `--missing` only what the code names and no test does.
pub(crate) fn run(arguments: &[String]) -> Result<()> {
    let statements = gather()?;
    let only_missing = arguments.iter().any(|argument| argument == "--missing");
    for (statement, places) in &statements {
        if only_missing && !places.tests.is_empty() {
            continue;
        }
        say(&format!(
            "{:16} code {:40} tests {}",
            spelled(statement),
            list(&places.code),
            list(&places.tests)
        ));
    }
    say(&summary(&statements));
    Ok(())
}

fn summary(statements: &BTreeMap<Statement, Places>) -> String {
    let in_code = statements
        .values()
        .filter(|places| !places.code.is_empty())
        .count();
    let in_both = statements
        .values()
        .filter(|places| !places.code.is_empty() && !places.tests.is_empty())
        .count();
    let only_tests = statements.len() - in_code;
    format!(
        "{in_code} statements named in code, {in_both} of them in tests too, {only_tests} in tests only."
    )
}

fn list(files: &[String]) -> String {
    if files.is_empty() {
        "-".to_owned()
    } else {
        files.join(", ")
    }
}

fn gather() -> Result<BTreeMap<Statement, Places>> {
    let mut statements: BTreeMap<Statement, Places> = BTreeMap::new();
    for file in source::files(&["rs", "txt"])?
        .iter()
        .filter(|file| !file.path.starts_with("xtask/"))
    {
        let name = short(file);
        for statement in file.product_lines().flat_map(|(_, line)| named(line)) {
            note(&mut statements.entry(statement).or_default().code, &name);
        }
        for statement in file.test_lines().flat_map(|(_, line)| named(line)) {
            note(&mut statements.entry(statement).or_default().tests, &name);
        }
    }
    Ok(statements)
}

fn note(places: &mut Vec<String>, name: &str) {
    if !places.iter().any(|place| place == name) {
        places.push(name.to_owned());
    }
}

fn short(file: &SourceFile) -> String {
    file.path
        .trim_start_matches("crates/")
        .replace("/src/", "/")
}

/// The statements a line names: `[MQTT-4.6.0-2]`, or `[MQTT-4.6.0-2..4]` for three of them.
fn named(line: &str) -> Vec<Statement> {
    let mut found = Vec::new();
    for rest in line.split("[MQTT-").skip(1) {
        let Some((text, _)) = rest.split_once(']') else {
            continue;
        };
        let (text, last) = text
            .split_once("..")
            .map_or((text, None), |(text, last)| (text, last.parse().ok()));
        let parts: Vec<u32> = text
            .split(['.', '-'])
            .filter_map(|part| part.parse().ok())
            .collect();
        if let [section, chapter, paragraph, number] = *parts.as_slice() {
            found.extend(
                (number..=last.unwrap_or(number))
                    .map(|number| [section, chapter, paragraph, number]),
            );
        }
    }
    found
}

fn spelled([section, chapter, paragraph, number]: &Statement) -> String {
    format!("MQTT-{section}.{chapter}.{paragraph}-{number}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statements_are_read_singly_and_as_ranges() {
        let found = named("x // [MQTT-3.3.1-4] and [MQTT-4.6.0-2..4], not [MQTT-x] nor [MQTT-1.2]");
        assert_eq!(
            found,
            [[3, 3, 1, 4], [4, 6, 0, 2], [4, 6, 0, 3], [4, 6, 0, 4]]
        );
    }
}
