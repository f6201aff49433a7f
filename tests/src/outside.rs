//! Programs that are not ours: mosquitto's clients and SQLite's shell.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, sync_channel};
use std::time::Duration;

use crate::patience::PATIENCE;

/// Where the program is. Absent, the calling test is skipped aloud: it returns after the line that is
/// written for `cargo xtask test` to show; in CI, where a skip is a failure, it panics.
pub fn require(program: &str, test: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&path)
        .map(|folder| folder.join(program))
        .find(|file| file.is_file());
    if found.is_none() {
        skip(&format!("{test}: `{program}` is not installed"));
    }
    found
}

/// Says that a test is skipped and why; in CI it panics.
pub fn skip(reason: &str) {
    assert!(std::env::var_os("CI").is_none(), "skipped in CI: {reason}");
    if let Some(file) = std::env::var_os("MESSINA_SKIP_FILE") {
        let mut file = std::fs::File::options()
            .append(true)
            .create(true)
            .open(file)
            .expect("the skip file");
        writeln!(file, "{reason}").expect("the skip file can be written");
    }
}

/// `mosquitto_pub` at that address, ready for more arguments.
pub fn mosquitto_pub(address: SocketAddr) -> Command {
    let mut command = Command::new("mosquitto_pub");
    command.args(at(address));
    command
}

fn at(address: SocketAddr) -> [String; 4] {
    [
        "-h".to_owned(),
        address.ip().to_string(),
        "-p".to_owned(),
        address.port().to_string(),
    ]
}

/// A running `mosquitto_sub` that prints each publish as a line.
#[derive(Debug)]
pub struct MosquittoSub {
    child: Child,
    lines: Receiver<String>,
}

impl MosquittoSub {
    /// Subscribes, and returns when the server has said so.
    pub fn start(address: SocketAddr, filter: &str, qos: u8) -> Self {
        // Into a pipe it would keep its lines until it has many.
        let mut command = Command::new("stdbuf");
        command.arg("-oL").arg("mosquitto_sub").args(at(address));
        // -d prints the SUBACK, which is what tells us that the subscription holds.
        command.args([
            "-d",
            "-t",
            filter,
            "-q",
            &qos.to_string(),
            "-F",
            "got %t %q %p",
        ]);
        let mut child = command
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("mosquitto_sub starts");
        let stdout = child.stdout.take().expect("a piped output");
        let (sender, lines) = sync_channel(10_000);
        std::thread::spawn(move || {
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    return;
                }
            }
        });
        let subscriber = Self { child, lines };
        subscriber.line(PATIENCE, |line| line.starts_with("Subscribed"));
        subscriber
    }

    /// The next publish as `topic qos payload`.
    pub fn next(&self) -> String {
        let line = self.line(PATIENCE, |line| line.starts_with("got "));
        line.trim_start_matches("got ").to_owned()
    }

    fn line(&self, limit: Duration, wanted: impl Fn(&str) -> bool) -> String {
        loop {
            let line = self
                .lines
                .recv_timeout(limit)
                .expect("mosquitto_sub prints in time");
            if wanted(&line) {
                return line;
            }
        }
    }
}

impl Drop for MosquittoSub {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
