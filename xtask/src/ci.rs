//! What CI runs, in its order.

use std::time::Instant;

use anyhow::{Context as _, Result};

use crate::command::{cargo, check, say};
use crate::{conformance, fuzz, generate, test, tidy};

type Step = (&'static str, fn() -> Result<()>);

const STEPS: [Step; 7] = [
    ("lint", lint),
    ("test", || test::run(&[])),
    ("doc", doc),
    ("tidy", || tidy::run(&[])),
    ("conformance --check", || {
        conformance::run(&["--check".to_owned()])
    }),
    ("gen --check", || generate::run(&["--check".to_owned()])),
    ("fuzz", || fuzz::run(&[])),
];

/// Every step; the first that fails ends the run.
#[expect(
    clippy::disallowed_methods,
    reason = "a developer's tool that says how long its steps took"
)]
pub(crate) fn run() -> Result<()> {
    let mut times = Vec::new();
    for (name, step) in STEPS {
        say(&format!("\n=== {name}"));
        let start = Instant::now();
        step().with_context(|| format!("step `{name}`"))?;
        times.push(format!("{name} {:.0} s", start.elapsed().as_secs_f64()));
    }
    say(&format!("\nCI PASSED: {}", times.join(", ")));
    Ok(())
}

/// Formatting and lints.
pub(crate) fn lint() -> Result<()> {
    check(&mut cargo(["fmt", "--all", "--check"]))?;
    check(&mut cargo([
        "clippy",
        "--workspace",
        "--all-targets",
        "--locked",
        "--",
        "-D",
        "warnings",
    ]))
}

/// The crates' documentation: every link in it must resolve.
pub(crate) fn doc() -> Result<()> {
    let mut command = cargo([
        "doc",
        "--workspace",
        "--no-deps",
        "--document-private-items",
        "--locked",
    ]);
    check(command.env("RUSTDOCFLAGS", "-D warnings"))
}
