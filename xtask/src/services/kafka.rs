//! Apache Kafka in `KRaft` mode: one node, or three that keep three replicas of everything.

use std::fmt::Write as _;
use std::fs;
use std::process::Command;

use anyhow::{Context as _, Result};

use super::daemon::{Daemon, Service, Started};
use super::maven;
use crate::command::check;

const ARTIFACTS: [&str; 2] = [
    "org.apache.kafka:kafka_2.13:4.1.0",
    "org.apache.kafka:kafka-tools:4.1.0",
];
const PORT: u16 = 19092;
const CONTROLLER_PORT: u16 = 19093;
/// Nodes of one cluster must agree on it; any will do.
const CLUSTER: &str = "Tc9WpFqLS4mCxJ4eIDv9Yw";

/// One node.
pub(super) const SERVICE: Service = Service {
    port: PORT,
    nodes: &[1],
    together: true,
    start,
};

/// Three nodes: the first two wait for each other.
pub(super) const THREE: Service = Service {
    port: PORT,
    nodes: &[2, 3, 4],
    together: true,
    start,
};

/// Fetches it, formats its storage on the first start, starts it.
fn start(daemon: &Daemon) -> Result<Started> {
    let folder = &daemon.folder;
    let libs = maven::provide("kafka", &ARTIFACTS)?;
    fs::create_dir_all(folder).context("cannot create the node's folder")?;
    let properties = folder.join("server.properties");
    fs::write(&properties, properties_text(daemon)).context("cannot write `server.properties`")?;
    let class_path = format!("{}/*", libs.display());
    if !folder.join("data").join("meta.properties").exists() {
        let mut format = Command::new("java");
        format.args(["-cp", &class_path, "kafka.tools.StorageTool", "format"]);
        format.args(["-t", CLUSTER, "-c", "server.properties"]);
        check(format.current_dir(folder))?;
    }
    let heap = if daemon.node == 1 {
        "-Xmx512m"
    } else {
        "-Xmx384m"
    };
    let mut java = Command::new("java");
    java.args([heap, "-cp", &class_path, "kafka.Kafka"]);
    daemon.start(java.arg(properties))
}

fn properties_text(daemon: &Daemon) -> String {
    let (node, address) = (daemon.node, daemon.address());
    let data = daemon.folder.join("data");
    let (voters, replicas, in_sync) = if node == 1 {
        (format!("1@127.0.0.1:{CONTROLLER_PORT}"), 1, 1)
    } else {
        let voter = |node: &u8| format!("{node}@127.0.0.{node}:{CONTROLLER_PORT}");
        let voters: Vec<String> = THREE.nodes.iter().map(voter).collect();
        (voters.join(","), 3, 2)
    };
    let mut text = format!(
        "process.roles=broker,controller\nnode.id={node}\n\
         controller.quorum.voters={voters}\n\
         listeners=PLAINTEXT://{address}:{PORT},CONTROLLER://{address}:{CONTROLLER_PORT}\n\
         advertised.listeners=PLAINTEXT://{address}:{PORT}\n\
         controller.listener.names=CONTROLLER\ninter.broker.listener.name=PLAINTEXT\nlog.dirs={}\n\
         offsets.topic.replication.factor={replicas}\ntransaction.state.log.replication.factor={replicas}\n\
         transaction.state.log.min.isr={in_sync}\ngroup.initial.rebalance.delay.ms=0\n",
        data.display()
    );
    if replicas > 1 {
        let more = writeln!(
            text,
            "default.replication.factor={replicas}\nmin.insync.replicas={in_sync}"
        );
        debug_assert!(more.is_ok(), "memory takes text");
    }
    text
}
