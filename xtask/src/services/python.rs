//! Python's own CQL driver, for tests that read rows back with a client that is not ours.

use std::process::Command;

use anyhow::Result;

use crate::command::{check, root};

/// Everything pinned, what the driver needs included.
const PACKAGES: [&str; 3] = ["cassandra-driver==3.30.1", "geomet==1.1.0", "click==8.5.1"];

/// Installs it into `.services/python`, unless that was done before.
pub(super) fn provide() -> Result<()> {
    let folder = root().join(".services").join("python");
    let complete = folder.join(PACKAGES.join(","));
    if complete.exists() {
        return Ok(());
    }
    check(Command::new("python3").args(["-m", "venv"]).arg(&folder))?;
    let mut pip = Command::new(folder.join("bin").join("pip"));
    check(pip.args(["install", "--quiet", "--no-deps"]).args(PACKAGES))?;
    Ok(std::fs::write(complete, "")?)
}
