//! Apache Cassandra: nodes of a test's own that it may stop, kill and secure, and Python's driver, which is not ours.

use std::fs;
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::outside::{require, skip};
use crate::patience::until_within;
use crate::server::{Server, free_addresses, free_ports};

/// Where `cargo xtask services up cassandra` puts it.
pub const SHARED: &str = "127.0.0.1:19042";
/// A node starts in 13 s on two quiet cores.
const UNTIL_IT_ANSWERS: Duration = Duration::from_mins(10);

/// What `cargo xtask services` starts its nodes with.
const YAML: &str = include_str!("../../xtask/src/services/cassandra/cassandra.yaml");
/// In the file above: such a node, when it is killed, forgets what it has answered for in the last moments. With one
/// replica that would be a row lost, so the nodes of tests sync before they answer.
const PERIODIC: &str = "commitlog_sync: periodic\ncommitlog_sync_period: 10000ms\n";
const BATCH: &str = "commitlog_sync: batch\n";
const LOGBACK: &str = include_str!("../../xtask/src/services/cassandra/logback.xml");
const JAVA: &str = include_str!("../../xtask/src/services/cassandra/java.args");

/// A client of the shared node that is not ours; `None`, said aloud, where none runs.
pub fn shared(test: &str) -> Option<Python> {
    if TcpStream::connect(SHARED).is_ok() && Python::is_there() {
        return Some(Python::at(SHARED));
    }
    skip(&format!(
        "{test}: Cassandra does not run, see `cargo xtask services up cassandra`"
    ));
    None
}

/// Python's driver, told how to reach a cluster.
#[derive(Debug, Clone, Default)]
pub struct Python {
    /// A node.
    pub address: String,
    /// User and password.
    pub login: Option<(String, String)>,
    /// Files of certificates: who has signed the server's, and our own with its key.
    pub tls: Option<(PathBuf, PathBuf)>,
    /// The consistency of what is read; `LOCAL_ONE` where it is empty.
    pub consistency: &'static str,
}

impl Python {
    /// For a node without log-in and TLS.
    pub fn at(address: impl Into<String>) -> Self {
        Self {
            address: address.into(),
            ..Self::default()
        }
    }

    /// Whether the driver is installed.
    pub fn is_there() -> bool {
        python().exists()
    }

    /// The rows a statement gives.
    pub fn ask(&self, statement: &str) -> Vec<Value> {
        self.try_ask(statement)
            .unwrap_or_else(|error| panic!("{statement}: {error}"))
    }

    /// The rows a statement gives, or what the driver says.
    pub fn try_ask(&self, statement: &str) -> Result<Vec<Value>, String> {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/cassandra/read.py");
        let how = json!({
            "address": self.address, "login": self.login, "tls": self.tls, "consistency": self.consistency,
        });
        let mut command = Command::new(python());
        command.args([script, &how.to_string(), statement]);
        let output = command.output().expect("Python starts");
        if !output.status.success() {
            return Err(String::from_utf8_lossy(&output.stderr).into_owned());
        }
        let text = String::from_utf8(output.stdout).expect("text");
        Ok(text
            .lines()
            .map(|line| serde_json::from_str(line).expect("JSON"))
            .collect())
    }
}

/// A node of this test's own; dropped, it is killed.
#[derive(Debug)]
pub struct Node {
    folder: TempDir,
    /// Where clients connect.
    pub address: SocketAddr,
    storage: SocketAddr,
    tls: SocketAddr,
    /// A client that is not ours.
    pub python: Python,
    process: Option<Server>,
}

impl Node {
    /// Starts one without log-in and TLS, with these lines more in its `cassandra.yaml`. `None` where Cassandra was
    /// never fetched.
    pub fn start(test: &str, yaml: &str) -> Option<Self> {
        let mut node = Self::prepare(test)?;
        node.begin(yaml);
        Some(node)
    }

    /// A node that does not run yet: files may be laid into its folder, and its client told how to log in.
    pub fn prepare(test: &str) -> Option<Self> {
        require("java", test)?;
        if !libs().join("complete").exists() || !Python::is_there() {
            skip(&format!(
                "{test}: Cassandra is not there, see `cargo xtask services up cassandra`"
            ));
            return None;
        }
        let folder = tempfile::Builder::new()
            .prefix("messina-cassandra-")
            .tempdir();
        let [address, storage, tls] = free_addresses();
        Some(Self {
            folder: folder.expect("a temporary directory"),
            address,
            storage,
            tls,
            python: Python::at(address.to_string()),
            process: None,
        })
    }

    /// Where its files are.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Starts it for the first time, with these lines more in its `cassandra.yaml`.
    pub fn begin(&mut self, yaml: &str) {
        let text = [
            ("STORAGE_PORT", self.storage.port().to_string()),
            ("TLS_PORT", self.tls.port().to_string()),
            ("CQL_PORT", self.address.port().to_string()),
            ("TOKENS", "1".to_owned()),
            ("ADDRESS", self.address.ip().to_string()),
            ("SEED", self.storage.to_string()),
            ("DATA", self.path("data")),
        ]
        .iter()
        .fold(YAML.replace(PERIODIC, BATCH), |text, (word, value)| {
            text.replace(word, value)
        });
        assert!(text.contains(BATCH), "it is another file now");
        for (name, text) in [
            ("cassandra.yaml", text + yaml),
            ("logback.xml", LOGBACK.to_owned()),
            ("java.args", JAVA.to_owned()),
        ] {
            fs::write(self.path(name), text).expect("a file");
        }
        self.up();
    }

    /// Starts it again after it was killed, and waits until it answers a client that is not ours.
    pub fn up(&mut self) {
        let log = fs::File::options()
            .create(true)
            .append(true)
            .open(self.path("log.txt"));
        let log = log.expect("a log file");
        let errors = log.try_clone().expect("a second handle of it");
        let mut java = self.java();
        java.stdin(Stdio::null()).stdout(log).stderr(errors);
        self.process = Some(java.spawn().expect("java starts").into());
        let mut said = String::new();
        until_within(UNTIL_IT_ANSWERS, "Cassandra answers", || {
            let process = self.process.as_mut().expect("it runs");
            if let Some(status) = process.ended() {
                panic!("Cassandra ended with {status}: {}; {said}", self.log());
            }
            TcpStream::connect(self.address).ok()?;
            match self.python.try_ask("SELECT key FROM system.local") {
                Ok(_) => Some(()),
                Err(error) => {
                    said = error;
                    None
                }
            }
        });
    }

    /// Stops the process in its tracks: nothing is closed, nothing answers.
    pub fn freeze(&self) {
        self.process().freeze();
    }

    /// Lets it go on.
    pub fn thaw(&self) {
        self.process().thaw();
    }

    /// SIGKILL.
    pub fn kill(&mut self) {
        drop(self.process.take());
    }

    fn process(&self) -> &Server {
        self.process.as_ref().expect("it runs")
    }

    /// What it has logged so far.
    fn log(&self) -> String {
        fs::read_to_string(self.path("log.txt")).unwrap_or_default()
    }

    fn java(&self) -> Command {
        let (folder, libs) = (self.path(""), libs());
        let libs = libs.display();
        let mut java = Command::new("java");
        java.args(["@java.args", "-Xms384m", "-Xmx384m"]);
        java.arg("-Dcassandra.ring_delay_ms=100");
        java.arg(format!("-javaagent:{libs}/jamm-0.4.0.jar"));
        let [jmx] = free_ports();
        java.arg(format!("-Dcassandra.jmx.local.port={jmx}"));
        java.arg(format!("-Dcassandra.storagedir={}", self.path("data")));
        java.arg(format!(
            "-Dcassandra.config=file://{}",
            self.path("cassandra.yaml")
        ));
        java.arg("-Dlogback.configurationFile=logback.xml");
        java.args(["-cp", &format!("{folder}:{libs}/*")]);
        java.arg("org.apache.cassandra.service.CassandraDaemon");
        java.current_dir(self.folder());
        java
    }

    fn path(&self, name: &str) -> String {
        self.folder.path().join(name).display().to_string()
    }
}

fn libs() -> PathBuf {
    services("cassandra/libs")
}

fn python() -> PathBuf {
    services("python/bin/python")
}

fn services(path: &str) -> PathBuf {
    let services = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../.services"));
    services.join(path)
}
