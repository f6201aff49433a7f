//! What may not stand in the pure crates, and how a folder's `mod.rs` opens.

use crate::source::SourceFile;

/// Folders without a clock, a socket, a file, a thread or a runtime.
const PURE: [&str; 2] = ["crates/mqtt/src/", "crates/connect/src/"];

/// What would break that.
const IMPURE: [&str; 13] = [
    "Instant::now",
    "SystemTime::now",
    "Timestamp::now",
    "Zoned::now",
    "TcpStream",
    "TcpListener",
    "UdpSocket",
    "std::fs",
    "File::open",
    "File::create",
    "std::thread",
    "tokio::",
    "std::env",
];

/// Finds impure calls in pure crates and folders whose `mod.rs` does not say what they are.
pub(super) fn read(file: &SourceFile, faults: &mut Vec<String>) {
    if PURE.iter().any(|folder| file.path.starts_with(folder)) {
        for (number, line) in file
            .product_lines()
            .filter(|(_, line)| !line.trim_start().starts_with("//"))
        {
            for word in IMPURE.iter().filter(|word| line.contains(**word)) {
                let path = &file.path;
                faults.push(format!(
                    "{path}:{number}: `{word}` in a pure crate; time and bytes come in as arguments"
                ));
            }
        }
    }
    if file.path.ends_with("/mod.rs") && !file.is_test() {
        opening(file, faults);
    }
}

fn opening(file: &SourceFile, faults: &mut Vec<String>) {
    let documented = file
        .text
        .lines()
        .take_while(|line| line.starts_with("//!"))
        .count();
    if documented < 3 {
        faults.push(format!(
            "{}:1: open with three lines: what the folder does, what it takes from whom, what it gives to whom",
            file.path
        ));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn faults(path: &str, text: &str) -> Vec<String> {
        let mut faults = Vec::new();
        read(
            &SourceFile {
                path: path.to_owned(),
                text: text.to_owned(),
            },
            &mut faults,
        );
        faults
    }

    #[test]
    fn a_clock_in_a_pure_crate_is_found_with_its_line() {
        let found = faults(
            "crates/mqtt/src/session.rs",
            "fn a() {\n    let now = Instant::now();\n}\n",
        );
        assert_eq!(found.len(), 1);
        assert!(
            found
                .iter()
                .all(|fault| fault.starts_with("crates/mqtt/src/session.rs:2:")),
            "{found:?}"
        );
    }

    #[test]
    fn the_same_clock_is_fine_in_tests_and_elsewhere() {
        assert!(
            faults(
                "crates/mqtt/src/session.rs",
                "#[cfg(test)]\nmod tests { Instant::now() }"
            )
            .is_empty()
        );
        assert!(faults("crates/messina/src/clock.rs", "Instant::now()").is_empty());
    }

    #[test]
    fn a_folder_says_what_it_is_in_three_lines() {
        assert_eq!(
            faults("crates/store/src/log/mod.rs", "//! One.\n\nmod wal;\n").len(),
            1
        );
        assert!(
            faults(
                "crates/store/src/log/mod.rs",
                "//! One.\n//! Two.\n//! Three.\nmod wal;\n"
            )
            .is_empty()
        );
    }
}
