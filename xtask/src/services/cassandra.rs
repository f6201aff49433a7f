//! Apache Cassandra, one node or a ring of three; it speaks `ScyllaDB`'s protocol and stands in for it where there is no image.

use std::fs;
use std::process::Command;

use anyhow::{Context as _, Result};

use super::daemon::{Daemon, Service, Started};
use super::maven;

const ARTIFACTS: [&str; 1] = ["org.apache.cassandra:cassandra-all:5.0.5"];
const CQL_PORT: u16 = 19042;
const STORAGE_PORT: u16 = 17000;
const TLS_STORAGE_PORT: u16 = 17001;
const JMX_PORT: u16 = 17199;

/// What nodes are started with, which tests that start their own read too.
const YAML: &str = include_str!("cassandra/cassandra.yaml");
const LOGBACK: &str = include_str!("cassandra/logback.xml");
const JAVA: &str = include_str!("cassandra/java.args");

/// One node.
pub(super) const SERVICE: Service = Service {
    port: CQL_PORT,
    nodes: &[1],
    together: false,
    start,
};

/// A ring of three: each joins it when the one before has.
pub(super) const THREE: Service = Service {
    port: CQL_PORT,
    nodes: &[2, 3, 4],
    together: false,
    start,
};

/// Fetches it, writes its configuration, starts it.
fn start(daemon: &Daemon) -> Result<Started> {
    let folder = &daemon.folder;
    let libs = maven::provide("cassandra", &ARTIFACTS)?;
    let libs = libs.display();
    let conf = folder.join("conf");
    fs::create_dir_all(&conf).context("cannot create `conf`")?;
    let data = folder.join("data").to_string_lossy().into_owned();
    fs::write(conf.join("cassandra.yaml"), yaml(daemon, &data))
        .context("cannot write `cassandra.yaml`")?;
    fs::write(conf.join("logback.xml"), LOGBACK).context("cannot write `logback.xml`")?;
    fs::write(conf.join("java.args"), JAVA).context("cannot write `java.args`")?;
    let mut java = Command::new("java");
    java.arg("@conf/java.args");
    let (heap, joining) = if daemon.node == 1 {
        (["-Xms1g", "-Xmx1g"], vec!["-Dcassandra.ring_delay_ms=100"])
    } else {
        let joining = vec![
            "-Dcassandra.ring_delay_ms=3000",
            "-Dcassandra.consistent.rangemovement=false",
        ];
        (["-Xms512m", "-Xmx512m"], joining)
    };
    java.args(heap).args(joining);
    java.arg(format!("-javaagent:{libs}/jamm-0.4.0.jar"));
    let jmx_port = JMX_PORT + u16::from(daemon.node) - 1;
    java.arg(format!("-Dcassandra.jmx.local.port={jmx_port}"));
    java.arg(format!("-Dcassandra.storagedir={data}"));
    java.arg(format!(
        "-Dcassandra.config=file://{}/cassandra.yaml",
        conf.display()
    ));
    java.arg("-Dlogback.configurationFile=logback.xml");
    java.args(["-cp", &format!("conf:{libs}/*")]);
    java.arg("org.apache.cassandra.service.CassandraDaemon");
    daemon.start(&mut java)
}

fn yaml(daemon: &Daemon, data: &str) -> String {
    let (seed, tokens) = if daemon.node == 1 { (1, 1) } else { (2, 16) };
    let seed = format!("127.0.0.{seed}:{STORAGE_PORT}");
    let filled = [
        ("STORAGE_PORT", STORAGE_PORT.to_string()),
        ("TLS_PORT", TLS_STORAGE_PORT.to_string()),
        ("CQL_PORT", CQL_PORT.to_string()),
        ("TOKENS", tokens.to_string()),
        ("ADDRESS", daemon.address().to_string()),
        ("SEED", seed),
        ("DATA", data.to_owned()),
    ];
    let fill = |text: String, (word, value): &(&str, String)| text.replace(word, value);
    filled.iter().fold(YAML.to_owned(), fill)
}
