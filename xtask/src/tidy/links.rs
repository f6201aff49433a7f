//! Markdown links: a relative one must name a file that exists, and its fragment a heading in it.

use std::path::{Component, Path, PathBuf};

use crate::command::root;
use crate::source::SourceFile;

/// Finds links that lead nowhere.
pub(super) fn read(files: &[SourceFile], faults: &mut Vec<String>) {
    for file in files {
        let mut fenced = false;
        for (index, line) in file.text.lines().enumerate() {
            if line.trim_start().starts_with("```") {
                fenced = !fenced;
            }
            if fenced {
                continue;
            }
            for target in targets(line).filter(|target| !leads_somewhere(files, &file.path, target))
            {
                faults.push(format!(
                    "{}:{}: the link `{target}` leads nowhere",
                    file.path,
                    index + 1
                ));
            }
        }
    }
}

/// What stands between `](` and `)`.
fn targets(line: &str) -> impl Iterator<Item = &str> {
    line.split("](")
        .skip(1)
        .filter_map(|rest| rest.split(')').next())
}

fn leads_somewhere(files: &[SourceFile], from: &str, target: &str) -> bool {
    if target.contains("://") || target.starts_with("mailto:") {
        return true;
    }
    let (path, fragment) = target.split_once('#').unwrap_or((target, ""));
    let path = if path.is_empty() {
        PathBuf::from(from)
    } else {
        joined(from, path)
    };
    if path != Path::new(from) && !root().join(&path).exists() {
        return false;
    }
    let linked = files.iter().find(|file| Path::new(&file.path) == path);
    fragment.is_empty()
        || linked.is_none_or(|file| headings(file).any(|heading| heading == fragment))
}

fn joined(from: &str, path: &str) -> PathBuf {
    let mut joined = Path::new(from)
        .parent()
        .map(Path::to_path_buf)
        .unwrap_or_default();
    for component in Path::new(path).components() {
        match component {
            Component::ParentDir => {
                joined.pop();
            }
            Component::Normal(part) => joined.push(part),
            _ => {}
        }
    }
    joined
}

/// The fragments of a page's headings, as the hosting sites form them.
fn headings(file: &SourceFile) -> impl Iterator<Item = String> {
    file.text
        .lines()
        .filter(|line| line.starts_with('#'))
        .map(|line| {
            let heading = line.trim_start_matches('#').trim().to_lowercase();
            heading
                .chars()
                .filter(|character| {
                    character.is_alphanumeric() || matches!(character, ' ' | '-' | '_')
                })
                .map(|character| if character == ' ' { '-' } else { character })
                .collect()
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn faults(text: &str) -> Vec<String> {
        let mut faults = Vec::new();
        read(
            &[SourceFile {
                path: "docs/PAGE.md".to_owned(),
                text: text.to_owned(),
            }],
            &mut faults,
        );
        faults
    }

    #[test]
    fn links_to_files_that_exist_and_to_headings_are_fine() {
        assert!(
            faults("[a](../Cargo.toml) [b](#two-words) [c](https://example.org)\n# Two words\n")
                .is_empty()
        );
    }

    #[test]
    fn links_that_lead_nowhere_are_named_with_their_line() {
        assert_eq!(
            faults("\n[a](nowhere.md)\n```\n[b](not-a-link.md)\n```\n"),
            ["docs/PAGE.md:2: the link `nowhere.md` leads nowhere"]
        );
        assert_eq!(faults("[b](#absent)").len(), 1);
    }
}
