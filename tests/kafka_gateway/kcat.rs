//! kcat, which is not ours: it reads committed records and nothing else, as every client of librdkafka does.

use std::process::Command;

use messina_e2e::outside::{require, skip};

/// Where `cargo xtask services up kafka` puts it.
pub(crate) const SERVERS: &str = "127.0.0.1:19092";

/// A record as kcat prints it.
#[derive(Debug, Clone)]
pub(crate) struct Printed {
    pub(crate) partition: i32,
    pub(crate) offset: i64,
    pub(crate) key: String,
    pub(crate) value: String,
}

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

/// Every record of a topic, partition by partition in order.
pub(crate) fn read(topic: &str) -> Vec<Printed> {
    let output = Command::new("kcat")
        .args([
            "-b",
            SERVERS,
            "-C",
            "-t",
            topic,
            "-e",
            "-q",
            "-o",
            "beginning",
        ])
        .args(["-f", "%p\t%o\t%k\t%s\n"])
        .output()
        .expect("kcat starts");
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let text = String::from_utf8(output.stdout).expect("text");
    let mut records: Vec<Printed> = text.lines().map(parse).collect();
    records.sort_by_key(|record| (record.partition, record.offset));
    records
}

fn parse(line: &str) -> Printed {
    let mut columns = line.splitn(4, '\t');
    let mut next = || columns.next().expect("four columns");
    Printed {
        partition: next().parse().expect("a partition"),
        offset: next().parse().expect("an offset"),
        key: next().to_owned(),
        value: next().to_owned(),
    }
}
