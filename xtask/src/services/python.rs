//! Python with packages pinned: clients of the services, and of our own gateway, that are not ours.

use std::process::Command;

use anyhow::Result;

use crate::command::{check, in_ci, root};

/// An environment below `.services`.
pub(super) struct Environment {
    folder: &'static str,
    /// Everything pinned, what a package needs included.
    packages: &'static [&'static str],
}

/// Python's own CQL driver, for tests that read rows back.
pub(super) const CQL: Environment = Environment {
    folder: "python",
    packages: &["cassandra-driver==3.30.1", "geomet==1.1.0", "click==8.5.1"],
};

/// Eclipse Paho's MQTT client, for tests of the gateway.
pub(super) const PAHO: Environment = Environment {
    folder: "paho",
    packages: &["paho-mqtt==2.1.0"],
};

impl Environment {
    /// Whether it is there as it should be.
    pub(super) fn is_complete(&self) -> bool {
        self.complete().exists()
    }

    /// Installs it, unless that was done before.
    pub(super) fn provide(&self) -> Result<()> {
        if self.is_complete() {
            return Ok(());
        }
        let folder = self.path();
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
        let install = pip.args(["install", "--quiet", "--no-deps"]);
        check(install.args(self.packages))?;
        Ok(std::fs::write(self.complete(), "")?)
    }

    fn path(&self) -> std::path::PathBuf {
        root().join(".services").join(self.folder)
    }

    fn complete(&self) -> std::path::PathBuf {
        self.path().join(self.packages.join(","))
    }
}
