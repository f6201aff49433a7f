//! Three nodes of a service, started by `cargo xtask services`, of which a test kills one.

use std::path::PathBuf;
use std::process::Command;

/// The nodes of the service of that name.
pub(crate) struct Three(pub(crate) &'static str);

impl Three {
    /// Starts those that do not run.
    pub(crate) fn up(&self) {
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let mut command = Command::new(cargo);
        let status = command.args(["xtask", "services", "up", self.0]).status();
        assert!(status.expect("cargo runs").success());
    }

    /// SIGKILL for the node with that last number in its address.
    pub(crate) fn kill_9(&self, node: u8) {
        let services = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../.services"));
        let pid = services.join(self.0).join(node.to_string()).join("pid");
        let pid = std::fs::read_to_string(pid).expect("the service runs");
        let status = Command::new("kill").args(["-KILL", pid.trim()]).status();
        assert!(status.expect("`kill` runs").success());
    }
}
