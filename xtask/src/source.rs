//! The workspace's own files, read once, with product code told from test code.

use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result};

use crate::command::{output, root};

/// A file that is under version control, or is new and not ignored.
pub(crate) struct SourceFile {
    /// Path from the root of the workspace, with `/` between its parts.
    pub(crate) path: String,
    /// What stands in it.
    pub(crate) text: String,
}

impl SourceFile {
    /// The lines of product code with their numbers from 1: up to a `#[cfg(test)]` on the left edge, and
    /// nothing where the whole file is a test.
    pub(crate) fn product_lines(&self) -> impl Iterator<Item = (usize, &str)> {
        let is_test = self.is_test();
        numbered(&self.text).take_while(move |(_, line)| !is_test && *line != "#[cfg(test)]")
    }

    /// The lines of test code with their numbers from 1.
    pub(crate) fn test_lines(&self) -> impl Iterator<Item = (usize, &str)> {
        let is_test = self.is_test();
        numbered(&self.text).skip_while(move |(_, line)| !is_test && *line != "#[cfg(test)]")
    }

    /// Whether the file holds nothing but tests.
    pub(crate) fn is_test(&self) -> bool {
        let in_test_folder = self.path.starts_with("tests/") || self.path.contains("/tests/");
        in_test_folder
            || self.path.contains("/testdata/")
            || self.path.contains("/benches/")
            || self.path.ends_with("/tests.rs")
    }
}

/// Every file with one of the endings, in the order of their paths.
pub(crate) fn files(endings: &[&str]) -> Result<Vec<SourceFile>> {
    let mut git = Command::new("git");
    git.args(["ls-files", "--cached", "--others", "--exclude-standard"])
        .current_dir(root());
    let listing = output(&mut git)?;
    let mut paths: Vec<_> = listing
        .lines()
        .filter(|path| has_ending(path, endings))
        .collect();
    paths.sort_unstable();
    paths
        .into_iter()
        .filter(|path| root().join(path).is_file())
        .map(read)
        .collect()
}

fn read(path: &str) -> Result<SourceFile> {
    let text = std::fs::read_to_string(root().join(path))
        .with_context(|| format!("cannot read `{path}`"))?;
    Ok(SourceFile {
        path: path.to_owned(),
        text,
    })
}

fn has_ending(path: &str, endings: &[&str]) -> bool {
    let extension = Path::new(path).extension().unwrap_or_default();
    endings.iter().any(|ending| extension == *ending)
}

fn numbered(text: &str) -> impl Iterator<Item = (usize, &str)> {
    text.lines()
        .enumerate()
        .map(|(index, line)| (index + 1, line))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn product_code_ends_where_the_tests_begin() {
        let file = SourceFile {
            path: "crates/mqtt/src/topic.rs".to_owned(),
            text: "one\ntwo\n#[cfg(test)]\nthree\n".to_owned(),
        };
        assert_eq!(
            file.product_lines().collect::<Vec<_>>(),
            [(1, "one"), (2, "two")]
        );
        assert_eq!(file.test_lines().count(), 2);
    }

    #[test]
    fn a_file_of_tests_has_no_product_code() {
        let file = SourceFile {
            path: "crates/mqtt/tests/pair.rs".to_owned(),
            text: "one\n".to_owned(),
        };
        assert_eq!(file.product_lines().count(), 0);
        assert_eq!(file.test_lines().count(), 1);
    }
}
