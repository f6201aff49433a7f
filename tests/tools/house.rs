//! A configuration file, and `messina` run with it.

use std::io::Write as _;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};

use messina_e2e::patience::until;
use messina_e2e::server::{Site, free_addresses};
use serde_json::Value;

/// A folder with a configuration of its own.
pub(crate) struct House {
    site: Site,
    folder: tempfile::TempDir,
    /// Where devices connect.
    pub(crate) mqtt: SocketAddr,
}

/// A running process; dropped, it is killed.
pub(crate) struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

impl House {
    /// With ports of its own before `configuration`.
    pub(crate) fn new(configuration: &str) -> Self {
        let site = Site::new();
        let folder = tempfile::tempdir().expect("a temporary directory");
        let [mqtt] = free_addresses();
        let ports =
            format!("[gateway]\nlisten = \"{mqtt}\"\n[rest]\nlisten = \"off\"\n{configuration}");
        std::fs::write(folder.path().join("messina.toml"), ports).expect("a file");
        Self { site, folder, mqtt }
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = self.site.messina(arguments);
        command.current_dir(self.folder.path());
        command
    }

    /// Runs a command to its end.
    pub(crate) fn run(&self, arguments: &[&str]) -> Output {
        self.run_with(arguments, "")
    }

    /// The same with that on standard input.
    pub(crate) fn run_with(&self, arguments: &[&str], input: &str) -> Output {
        let mut command = self.command(arguments);
        let command = command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.stderr(Stdio::piped()).spawn().expect("it starts");
        let mut stdin = child.stdin.take().expect("a pipe");
        stdin.write_all(input.as_bytes()).expect("it reads");
        drop(stdin);
        child.wait_with_output().expect("it ends")
    }

    /// Standard output of a command that must succeed.
    pub(crate) fn ok(&self, arguments: &[&str]) -> String {
        text(self.run(arguments), arguments)
    }

    /// The same with that on standard input.
    pub(crate) fn ok_with(&self, arguments: &[&str], input: &str) -> String {
        text(self.run_with(arguments, input), arguments)
    }

    /// The same as JSON.
    pub(crate) fn json(&self, arguments: &[&str]) -> Value {
        let text = self.ok(arguments);
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"))
    }

    /// What a command that must be refused says, its exit code before it.
    pub(crate) fn refused(&self, arguments: &[&str]) -> String {
        let output = self.run_with(arguments, "a line\n");
        let code = output.status.code().expect("an exit code");
        assert_ne!(code, 0, "{arguments:?}: {output:?}");
        format!("{code} {}", String::from_utf8_lossy(&output.stderr))
    }

    /// Starts `up`, `gateway` or `worker`, and waits until it is healthy.
    pub(crate) fn start(&self, role: &str) -> Running {
        let log = std::fs::File::create(self.log()).expect("a file");
        let errors = log.try_clone().expect("a second handle");
        let mut command = self.command(&[role]);
        let command = command.stdin(Stdio::null()).stdout(log).stderr(errors);
        let mut running = Running(command.spawn().expect("it starts"));
        let admin = self.site.admin();
        until("the process is healthy", || {
            let ended = running.0.try_wait().expect("it can be waited for");
            assert!(ended.is_none(), "{role} has ended: {}", self.said());
            admin.is_healthy().then_some(())
        });
        running
    }

    /// Address of the admin API of what [`Self::start`] started.
    pub(crate) fn admin(&self) -> String {
        self.site.admin.to_string()
    }

    fn log(&self) -> PathBuf {
        self.folder.path().join("process.log")
    }

    fn said(&self) -> String {
        std::fs::read_to_string(self.log()).unwrap_or_default()
    }
}

fn text(output: Output, arguments: &[&str]) -> String {
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{arguments:?}: {errors}");
    String::from_utf8(output.stdout).expect("text")
}
