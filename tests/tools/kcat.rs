//! kcat, which is not ours.

use std::io::Write as _;
use std::process::{Command, Stdio};

use messina_e2e::outside::{require, skip};

/// Where `cargo xtask services up kafka` puts it.
pub(crate) const SERVERS: &str = "127.0.0.1:19092";

/// Whether there is a Kafka and a kcat; if not, the calling test is skipped aloud.
pub(crate) fn found(test: &str) -> bool {
    if require("kcat", test).is_none() {
        return false;
    }
    let listens = std::net::TcpStream::connect(SERVERS).is_ok();
    if !listens {
        skip(&format!(
            "{test}: Kafka does not run, see `cargo xtask services up kafka`"
        ));
    }
    listens
}

/// What kcat prints, and whether it succeeded.
fn kcat(arguments: &[&str], input: &str) -> (bool, String) {
    let mut command = Command::new("kcat");
    command.args(["-b", SERVERS]).args(arguments);
    command.stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = command.stderr(Stdio::piped()).spawn().expect("kcat starts");
    let mut stdin = child.stdin.take().expect("a pipe");
    stdin.write_all(input.as_bytes()).expect("it reads");
    drop(stdin);
    let output = child.wait_with_output().expect("it ends");
    let text = [output.stdout, output.stderr].concat();
    (
        output.status.success(),
        String::from_utf8(text).expect("text"),
    )
}

/// Every record of a topic as `partition offset key value`, partition by partition in order.
pub(crate) fn read(topic: &str) -> Vec<String> {
    let format = ["-f", "%p %o %k %s\n"];
    let arguments = ["-C", "-t", topic, "-e", "-q", "-o", "beginning"];
    let (success, text) = kcat(&[&arguments[..], &format].concat(), "");
    assert!(success, "{text}");
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    // Stable: within a partition they stay in order.
    lines.sort_by_key(|line| line.split(' ').next().map(str::to_owned));
    lines
}

/// Writes lines of `key:value`, each to the partition that Java's producer would take.
pub(crate) fn write(topic: &str, lines: &str, more: &[&str]) {
    let partitioner = ["-X", "topic.partitioner=murmur2_random"];
    let arguments = ["-P", "-t", topic, "-K", ":"];
    let (success, text) = kcat(&[&arguments[..], &partitioner, more].concat(), lines);
    assert!(success, "{text}");
}

/// How many partitions kcat sees; none if there is no such topic.
pub(crate) fn partitions(topic: &str) -> Option<usize> {
    // All of them: asked for one, a broker may create it.
    let (_, text) = kcat(&["-L"], "");
    let line = text
        .lines()
        .find(|line| line.contains(&format!("topic \"{topic}\"")))?;
    let count = line.split(" with ").nth(1)?.split(' ').next()?;
    count.parse().ok().filter(|count| *count > 0)
}
