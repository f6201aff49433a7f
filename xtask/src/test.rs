//! `cargo xtask test`: every test of the workspace, and a closing line that counts them.

use std::io::{BufRead as _, BufReader};
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Instant;

use anyhow::{Context as _, Result, bail};

use crate::command::{cargo, check, in_ci, root, say};
use crate::{services, tools};

/// Runs `cargo test --workspace` with the binary the end-to-end tests drive built before.
#[expect(
    clippy::disallowed_methods,
    reason = "a developer's tool that says how long the tests took"
)]
pub(crate) fn run(arguments: &[String]) -> Result<()> {
    let absent = tools::provide(&tools::FOR_TESTS)?;
    if !absent.is_empty() {
        say(&format!(
            "WARNING: some tests will be SKIPPED\n{}",
            tools::explain(&absent)
        ));
    }
    let start = Instant::now();
    check(&mut cargo(["build", "--package", "messina", "--locked"]))?;
    let skips = skip_file()?;
    service("up")?;
    let tested = cargo_test(arguments, &skips);
    service("down")?;
    let (success, counts) = tested?;
    let skipped = std::fs::read_to_string(&skips).unwrap_or_default();
    for reason in skipped.lines() {
        say(&format!("SKIPPED: {reason}"));
    }
    let skipped = skipped.lines().count();
    let Counts {
        programs,
        passed,
        failed,
        ignored,
    } = counts;
    let closing = format!(
        "{passed} passed, {failed} failed, {skipped} skipped, {ignored} ignored in {programs} test programs, {:.0} s",
        start.elapsed().as_secs_f64()
    );
    if !success || failed > 0 {
        bail!("TESTS FAILED: {closing}");
    }
    if passed == 0 {
        bail!("no test ran");
    }
    say(&format!("TESTS PASSED: {closing}"));
    Ok(())
}

/// A real Kafka and Cassandra and Paho's MQTT client, in CI. Nobody else gets a server started unasked: there its tests
/// are skipped aloud, unless `cargo xtask services up kafka cassandra paho` was run before.
fn service(verb: &str) -> Result<()> {
    if in_ci() {
        services::run(&[verb, "kafka", "cassandra", "paho"].map(str::to_owned))?;
    }
    Ok(())
}

#[derive(Default)]
struct Counts {
    programs: usize,
    passed: usize,
    failed: usize,
    ignored: usize,
}

impl Counts {
    /// Takes in a line such as `test result: ok. 3 passed; 0 failed; 1 ignored; ...`.
    fn read(&mut self, line: &str) {
        let Some(summary) = line.strip_prefix("test result: ") else {
            return;
        };
        self.programs += 1;
        let words: Vec<_> = summary
            .split([' ', ';', '.'])
            .filter(|word| !word.is_empty())
            .collect();
        for pair in words.windows(2) {
            let [count, word] = pair else { continue };
            let Ok(count) = count.parse::<usize>() else {
                continue;
            };
            match *word {
                "passed" => self.passed += count,
                "failed" => self.failed += count,
                "ignored" => self.ignored += count,
                _ => {}
            }
        }
    }
}

/// A test that cannot run for want of a program writes a line here, because its own output is not shown.
fn skip_file() -> Result<PathBuf> {
    let path = root().join("target").join("skipped-tests.txt");
    std::fs::create_dir_all(root().join("target")).context("cannot create `target`")?;
    std::fs::write(&path, "").with_context(|| format!("cannot write `{}`", path.display()))?;
    Ok(path)
}

fn cargo_test(arguments: &[String], skips: &PathBuf) -> Result<(bool, Counts)> {
    let mut command = cargo(["test", "--workspace", "--no-fail-fast", "--locked"]);
    command
        .args(arguments)
        .env("MESSINA_SKIP_FILE", skips)
        .stdout(Stdio::piped());
    let mut child = command.spawn().context("cannot start cargo")?;
    let mut counts = Counts::default();
    let stdout = child
        .stdout
        .take()
        .context("cargo has no standard output")?;
    for line in BufReader::new(stdout).lines() {
        let line = line.context("cannot read cargo's output")?;
        counts.read(&line);
        say(&line);
    }
    Ok((
        child.wait().context("cannot wait for cargo")?.success(),
        counts,
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn summaries_of_test_programs_add_up() {
        let mut counts = Counts::default();
        counts.read("test result: ok. 3 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.00s");
        counts
            .read("test result: FAILED. 2 passed; 4 failed; 0 ignored; 0 measured; 0 filtered out");
        counts.read("test something ... ok");
        assert_eq!(
            (
                counts.programs,
                counts.passed,
                counts.failed,
                counts.ignored
            ),
            (2, 5, 4, 1)
        );
    }
}
