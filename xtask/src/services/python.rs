//! Python's own CQL driver, for tests that read rows back with a client that is not ours.

use std::process::Command;

use anyhow::Result;

use crate::command::{check, in_ci, root};

/// Everything pinned, what the driver needs included.
const PACKAGES: [&str; 3] = ["cassandra-driver==3.30.1", "geomet==1.1.0", "click==8.5.1"];

/// Installs it into `.services/python`, unless that was done before.
pub(super) fn provide() -> Result<()> {
    let folder = root().join(".services").join("python");
    let complete = folder.join(PACKAGES.join(","));
    if complete.exists() {
        return Ok(());
    }
    // Debian's python3 may be there without the package that makes environments.
    let can = Command::new("python3")
        .args(["-c", "import ensurepip"])
        .output();
    if in_ci() && !can.is_ok_and(|output| output.status.success()) {
        check(Command::new("apt-get").args(["update", "-qq"]))?;
        let mut apt = Command::new("apt-get");
        apt.args(["install", "-y", "-qq", "--no-install-recommends"]);
        check(apt.arg("python3-venv"))?;
    }
    check(Command::new("python3").args(["-m", "venv"]).arg(&folder))?;
    let mut pip = Command::new(folder.join("bin").join("pip"));
    check(pip.args(["install", "--quiet", "--no-deps"]).args(PACKAGES))?;
    Ok(std::fs::write(complete, "")?)
}
