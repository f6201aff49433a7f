//! Programs that are not ours: mosquitto's clients and SQLite's shell.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};
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
    } else {
        // Past the capture of a test that passes.
        writeln!(std::io::stderr(), "skipped: {reason}").expect("there is a standard error");
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

/// What the line of a publish begins with, among those that `-d` prints.
const GOT: &str = "got ";

/// A program of mosquitto's at that address, run to its end.
pub fn mosquitto(program: &str, address: SocketAddr, arguments: &[&str]) -> Output {
    let mut command = Command::new(program);
    command.args(at(address)).args(arguments);
    command.output().expect("mosquitto's client starts")
}

/// A running `mosquitto_sub` that prints each publish as a line.
#[derive(Debug)]
pub struct MosquittoSub {
    child: Child,
    lines: Receiver<String>,
    /// What came before the SUBACK: what had waited in a session.
    early: RefCell<VecDeque<String>>,
}

impl MosquittoSub {
    /// Subscribes, and returns when the server has said so.
    pub fn start(address: SocketAddr, filter: &str, qos: u8) -> Self {
        let qos = qos.to_string();
        Self::start_with(address, &["-t", filter, "-q", &qos], "%t %q %p")
    }

    /// The same with any arguments, and the format in which a publish is printed.
    pub fn start_with(address: SocketAddr, arguments: &[&str], format: &str) -> Self {
        // Into a pipe it would keep its lines until it has many.
        let mut command = Command::new("stdbuf");
        command.arg("-oL").arg("mosquitto_sub").args(at(address));
        // -d prints the SUBACK, which is what tells us that the subscription holds.
        command.arg("-d").args(arguments);
        command.args(["-F", &format!("{GOT}{format}")]);
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
        let subscriber = Self {
            child,
            lines,
            early: RefCell::default(),
        };
        loop {
            let line = subscriber.line();
            if line.starts_with("Subscribed") {
                return subscriber;
            }
            if line.starts_with(GOT) {
                subscriber.early.borrow_mut().push_back(line);
            }
        }
    }

    /// The next publish as `topic qos payload`, or in the format that was asked for.
    pub fn next(&self) -> String {
        let early = self.early.borrow_mut().pop_front();
        let mut line = early.unwrap_or_default();
        while !line.starts_with(GOT) {
            line = self.line();
        }
        line.split_off(GOT.len())
    }

    /// The next publish, if one has come or comes soon.
    pub fn try_next(&self) -> Option<String> {
        if let Some(line) = self.early.borrow_mut().pop_front() {
            return Some(line);
        }
        let line = self.lines.recv_timeout(Duration::from_millis(200));
        line.ok().filter(|line| line.starts_with(GOT))
    }

    /// Every publish up to one whose line ends so, which is left out.
    pub fn until(&self, end: &str) -> Vec<String> {
        let next = || Some(self.next()).filter(|line| !line.ends_with(end));
        std::iter::from_fn(next).collect()
    }

    /// SIGTERM, on which it says goodbye to the server; returns when it has ended.
    pub fn leave(mut self) {
        let pid = self.child.id().to_string();
        let status = Command::new("kill").args(["-TERM", &pid]).status();
        assert!(status.expect("`kill` runs").success(), "it is gone");
        self.child.wait().expect("it can be waited for");
    }

    fn line(&self) -> String {
        let line = self.lines.recv_timeout(PATIENCE);
        line.expect("mosquitto_sub prints in time")
    }
}

impl Drop for MosquittoSub {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
