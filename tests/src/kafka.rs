//! Apache Kafka: the shared one that `cargo xtask services up kafka` starts, brokers of a test's own that it may stop and
//! kill, and kcat, which is not ours.

use std::fmt::Write as _;
use std::io::Write as _;
use std::net::{SocketAddr, TcpStream};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use tempfile::TempDir;

use crate::outside::{require, skip};
use crate::patience::until_within;
use crate::server::{Server, free_addresses};

/// Where `cargo xtask services up kafka` puts it.
pub const SHARED: &str = "127.0.0.1:19092";
/// A broker starts in 2 s on a quiet machine.
const UNTIL_IT_ANSWERS: Duration = Duration::from_mins(2);
/// Any identifier will do for a cluster of one test.
const CLUSTER: &str = "4L6g3nShT-eMCtK--X86sw";

/// The shared Kafka, if it runs and kcat is there; else the calling test is skipped aloud.
pub fn shared(test: &str) -> Option<&'static str> {
    require("kcat", test)?;
    if TcpStream::connect(SHARED).is_ok() {
        return Some(SHARED);
    }
    skip(&format!(
        "{test}: Kafka does not run, see `cargo xtask services up kafka`"
    ));
    None
}

/// A broker of this test's own; dropped, it is killed.
#[derive(Debug)]
pub struct Broker {
    folder: TempDir,
    /// Where clients connect without saying who they are.
    pub address: SocketAddr,
    process: Option<Server>,
}

impl Broker {
    /// Starts one with these lines in its properties, which win over those it needs; they are told the addresses for
    /// clients and for the controller. `None` where Kafka was never fetched.
    pub fn start(
        test: &str,
        properties: impl FnOnce(SocketAddr, SocketAddr) -> String,
    ) -> Option<Self> {
        require("java", test)?;
        require("kcat", test)?;
        if !libs().join("complete").exists() {
            skip(&format!(
                "{test}: Kafka is not there, see `cargo xtask services up kafka`"
            ));
            return None;
        }
        let folder = tempfile::Builder::new().prefix("messina-kafka-").tempdir();
        let folder = folder.expect("a temporary directory");
        let [address, controller] = free_addresses();
        let mut broker = Self {
            folder,
            address,
            process: None,
        };
        let own = properties(address, controller);
        let all = properties_text(broker.folder.path(), address, controller) + &own;
        std::fs::write(broker.path("server.properties"), all).expect("a file");
        let mut format = broker.java(&["kafka.tools.StorageTool", "format"]);
        format.args(["-t", CLUSTER, "-c", "server.properties"]);
        run(format);
        broker.up();
        Some(broker)
    }

    /// Its address as clients want it.
    pub fn servers(&self) -> String {
        self.address.to_string()
    }

    /// Starts it again after [`Self::kill`], and waits until it answers.
    pub fn up(&mut self) {
        let log = std::fs::File::create(self.path("log.txt")).expect("a log file");
        let errors = log.try_clone().expect("a second handle of it");
        let mut command = self.java(&["kafka.Kafka", "server.properties"]);
        command.stdin(Stdio::null()).stdout(log).stderr(errors);
        self.process = Some(command.spawn().expect("java starts").into());
        let servers = self.servers();
        until_within(UNTIL_IT_ANSWERS, "the broker answers", || {
            let mut asked = Command::new("kcat");
            asked.args(["-b", &servers, "-L", "-m", "1"]);
            asked
                .output()
                .is_ok_and(|answer| answer.status.success())
                .then_some(())
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

    fn java(&self, arguments: &[&str]) -> Command {
        let mut command = java();
        command.args(arguments).current_dir(self.folder.path());
        command
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }
}

fn properties_text(folder: &Path, address: SocketAddr, controller: SocketAddr) -> String {
    let data = folder.join("data");
    format!(
        "process.roles=broker,controller\nnode.id=1\ncontroller.quorum.voters=1@{controller}\n\
         controller.listener.names=CONTROLLER\ninter.broker.listener.name=PLAINTEXT\n\
         listeners=PLAINTEXT://{address},CONTROLLER://{controller}\nadvertised.listeners=PLAINTEXT://{address}\n\
         log.dirs={}\noffsets.topic.replication.factor=1\noffsets.topic.num.partitions=3\n\
         transaction.state.log.replication.factor=1\ntransaction.state.log.min.isr=1\n\
         transaction.state.log.num.partitions=3\ngroup.initial.rebalance.delay.ms=0\n\
         auto.create.topics.enable=false\n",
        data.display()
    )
}

/// Java's own tool for topics, with these arguments.
pub fn topics(servers: &str, arguments: &[&str]) {
    let mut command = java();
    command.args([
        "org.apache.kafka.tools.TopicCommand",
        "--bootstrap-server",
        servers,
    ]);
    command.args(arguments);
    run(command);
}

/// Java's own tool for access rules, with these arguments.
pub fn acls(servers: &str, arguments: &[&str]) {
    let mut command = java();
    command.args([
        "org.apache.kafka.tools.AclCommand",
        "--bootstrap-server",
        servers,
    ]);
    command.args(arguments);
    run(command);
}

/// Java's own tool for settings and users, with these arguments.
pub fn configs(servers: &str, arguments: &[&str]) {
    let mut command = java();
    command.args(["kafka.admin.ConfigCommand", "--bootstrap-server", servers]);
    command.args(arguments);
    run(command);
}

fn run(mut command: Command) {
    let output = command.output().expect("java starts");
    assert!(
        output.status.success(),
        "{command:?}: {}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
}

fn java() -> Command {
    let mut command = Command::new("java");
    let libs = format!("{}/*", libs().display());
    command.args(["-Xmx256m", "-cp", &libs]);
    command
}

fn libs() -> PathBuf {
    PathBuf::from(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../.services/kafka/libs"
    ))
}

/// Produces readings: number `n` is of device `n % 50`, whose name is the key.
pub fn produce_readings(servers: &str, topic: &str, numbers: Range<u64>) {
    let mut lines = String::new();
    for n in numbers {
        let device = n % 50;
        writeln!(
            lines,
            "d{device}:{{\"device\":\"d{device}\",\"n\":{n},\"v\":{n}.5}}"
        )
        .expect("memory");
    }
    produce(servers, topic, &lines);
}

/// Produces lines of `key:value`; done when all replicas in sync have them.
pub fn produce(servers: &str, topic: &str, lines: &str) {
    let mut command = Command::new("kcat");
    command
        .args([
            "-b",
            servers,
            "-P",
            "-t",
            topic,
            "-K",
            ":",
            // It waits for a broker that is away.
            "-E",
            "-X",
            "enable.idempotence=true",
        ])
        .args([
            "-X",
            "message.timeout.ms=120000",
            "-X",
            "partitioner=murmur2_random",
        ]);
    let mut child = command.stdin(Stdio::piped()).spawn().expect("kcat starts");
    let mut input = child.stdin.take().expect("a pipe");
    input.write_all(lines.as_bytes()).expect("kcat reads");
    drop(input);
    let status = child.wait().expect("kcat can be waited for");
    assert!(status.success(), "kcat -P -t {topic}: {status}");
}

/// Every record of a topic in the format of `kcat -f`, one text.
pub fn consume(servers: &str, topic: &str, format: &str) -> String {
    let mut command = Command::new("kcat");
    command.args([
        "-b",
        servers,
        "-C",
        "-t",
        topic,
        "-e",
        "-q",
        "-o",
        "beginning",
        "-f",
        format,
    ]);
    let output = command.output().expect("kcat starts");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "kcat -C -t {topic}: {errors}");
    String::from_utf8(output.stdout).expect("text")
}
