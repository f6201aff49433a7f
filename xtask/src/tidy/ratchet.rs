//! Files and functions that are larger than the house likes: they may shrink, they may not grow.
//!
//! `xtask/ratchet.txt` holds one line each, `lines path` for a file and `lines path function` for a
//! function. What is not in the list may have at most [`FILE_LINES`] and [`FUNCTION_LINES`].

use std::collections::BTreeMap;

use anyhow::{Context as _, Result};

use crate::command::{root, say};
use crate::source::SourceFile;

/// Product lines of a file before it is a question.
const FILE_LINES: usize = 400;
/// Lines of a function before it is one.
const FUNCTION_LINES: usize = 70;

/// Sizes by `path` or `path function`.
type Sizes = BTreeMap<String, usize>;

/// Finds what has outgrown its entry, and entries that could be smaller.
pub(super) fn read(files: &[SourceFile], faults: &mut Vec<String>) -> Result<()> {
    let allowed = load()?;
    let sizes = over_long(files);
    for (name, lines) in &sizes {
        match allowed.get(name) {
            None => faults.push(format!(
                "{}: {lines} lines; split it by responsibility",
                pointed(name)
            )),
            Some(limit) if lines > limit => {
                faults.push(format!(
                    "{}: grew from {limit} to {lines} lines; it may only shrink",
                    pointed(name)
                ));
            }
            Some(_) => {}
        }
    }
    let shrunk = allowed
        .iter()
        .filter(|(name, limit)| sizes.get(*name).is_none_or(|lines| lines < limit))
        .count();
    if shrunk > 0 {
        say(&format!(
            "tidy: {shrunk} entries of xtask/ratchet.txt could be smaller; `cargo xtask tidy --accept`"
        ));
    }
    Ok(())
}

/// Writes today's sizes as the list.
pub(super) fn accept(files: &[SourceFile]) -> Result<()> {
    let entry = |(name, lines): (String, usize)| format!("{lines} {name}\n");
    let text: String = over_long(files).into_iter().map(entry).collect();
    std::fs::write(path(), text).with_context(|| format!("cannot write `{}`", path().display()))
}

fn pointed(name: &str) -> String {
    name.split_once(' ').map_or_else(
        || format!("{name}:1"),
        |(path, function)| format!("{path}: `{function}`"),
    )
}

fn path() -> std::path::PathBuf {
    root().join("xtask/ratchet.txt")
}

fn load() -> Result<Sizes> {
    let text = std::fs::read_to_string(path())
        .with_context(|| format!("cannot read `{}`", path().display()))?;
    let entry = |line: &str| {
        let (lines, name) = line
            .split_once(' ')
            .with_context(|| format!("no path in `{line}`"))?;
        Ok((
            name.to_owned(),
            lines
                .parse()
                .with_context(|| format!("no number in `{line}`"))?,
        ))
    };
    text.lines().map(entry).collect()
}

fn over_long(files: &[SourceFile]) -> Sizes {
    let mut sizes = Sizes::new();
    for file in files {
        let lines = file.product_lines().count();
        if lines > FILE_LINES {
            sizes.insert(file.path.clone(), lines);
        }
        for (name, lines) in functions(file)
            .into_iter()
            .filter(|(_, lines)| *lines > FUNCTION_LINES)
        {
            let size = sizes.entry(format!("{} {name}", file.path)).or_default();
            *size = lines.max(*size);
        }
    }
    sizes
}

/// Every function with its number of lines: from the line with `fn` to the first line that closes at the
/// same indentation, which is where rustfmt puts it.
fn functions(file: &SourceFile) -> Vec<(String, usize)> {
    let mut open: Vec<(usize, String, usize)> = Vec::new();
    let mut closed = Vec::new();
    for (number, line) in file.product_lines() {
        let indentation = line.len() - line.trim_start().len();
        if let Some(name) = function_name(line) {
            open.push((indentation, name.to_owned(), number));
        }
        if line.trim_start() == "}" || line.trim_start().ends_with(';') {
            while let Some((_, name, start)) = open.pop_if(|(at, _, _)| *at == indentation) {
                closed.push((name, number - start + 1));
            }
        }
    }
    closed
}

fn function_name(line: &str) -> Option<&str> {
    let (before, after) = line.split_once("fn ")?;
    let modifiers = [
        "pub", "async", "const", "unsafe", "extern", "(crate)", "(super)",
    ];
    let only_modifiers = before
        .split_whitespace()
        .all(|word| modifiers.iter().any(|known| word.starts_with(known)));
    let name = after.split(['(', '<']).next()?;
    (only_modifiers && !name.is_empty()).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_function_is_measured_from_its_name_to_its_brace() {
        let text = "impl A {\n    pub(crate) async fn run(&self) {\n        if x {\n        }\n    }\n\n    fn b() {}\n}\nfn c() {\n}\n";
        let file = SourceFile {
            path: "crates/a/src/a.rs".to_owned(),
            text: text.to_owned(),
        };
        let functions = functions(&file);
        assert!(functions.contains(&("run".to_owned(), 4)), "{functions:?}");
        assert!(functions.contains(&("c".to_owned(), 2)), "{functions:?}");
    }

    #[test]
    fn a_long_function_is_over_long_and_a_short_one_is_not() {
        let body = "    x();\n".repeat(80);
        let file = SourceFile {
            path: "crates/a/src/a.rs".to_owned(),
            text: format!("fn long() {{\n{body}}}\nfn s() {{\n}}\n"),
        };
        let sizes = over_long(&[file]);
        assert_eq!(sizes.keys().collect::<Vec<_>>(), ["crates/a/src/a.rs long"]);
    }
}
