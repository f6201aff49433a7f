//! Names that say nothing, and marks that were meant to go away.

use crate::source::SourceFile;

/// File and folder names that gather whatever nobody found a place for.
const EMPTY_NAMES: [&str; 10] = [
    "util", "utils", "helper", "helpers", "common", "misc", "manager", "types", "models", "stuff",
];

/// Left-overs. Written in two halves so that this file is not its own finding.
const LEFT_OVERS: [&str; 5] = [
    concat!("FIX", "ME"),
    concat!("XX", "X:"),
    concat!("db", "g!("),
    concat!("to", "do!("),
    concat!("unimple", "mented!("),
];

/// Finds empty names and left-overs.
pub(super) fn read(file: &SourceFile, faults: &mut Vec<String>) {
    let path = &file.path;
    let stem = path.strip_suffix(".rs").unwrap_or(path);
    for part in stem.split('/').filter(|part| EMPTY_NAMES.contains(part)) {
        faults.push(format!(
            "{path}:1: `{part}` names nothing; call it what is in it"
        ));
    }
    for (index, line) in file.text.lines().enumerate() {
        for word in LEFT_OVERS.iter().filter(|word| line.contains(**word)) {
            faults.push(format!(
                "{path}:{}: left-over `{word}`; do it, or open an issue",
                index + 1
            ));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn empty_names_and_left_overs_are_found() {
        let text = format!("// {} later\n", LEFT_OVERS[0]);
        let mut faults = Vec::new();
        read(
            &SourceFile {
                path: "crates/store/src/util/time.rs".to_owned(),
                text,
            },
            &mut faults,
        );
        assert_eq!(faults.len(), 2, "{faults:?}");
    }
}
