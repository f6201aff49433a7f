//! Apache Kafka, one node in `KRaft` mode.

use std::fs;
use std::process::Command;

use anyhow::{Context as _, Result};

use super::daemon::{Daemon, Service};
use super::maven;
use crate::command::{check, output};

const ARTIFACTS: [&str; 2] = [
    "org.apache.kafka:kafka_2.13:4.1.0",
    "org.apache.kafka:kafka-tools:4.1.0",
];
const PORT: u16 = 19092;
const CONTROLLER_PORT: u16 = 19093;

/// The service.
pub(super) const SERVICE: Service = Service { port: PORT, start };

/// Fetches it, formats its storage on the first start, starts it.
fn start(daemon: &Daemon) -> Result<()> {
    let folder = &daemon.folder;
    maven::provide(folder, &ARTIFACTS)?;
    let properties = folder.join("server.properties");
    let text = properties_text(&folder.join("data").to_string_lossy());
    fs::write(&properties, text).context("cannot write `server.properties`")?;
    let class_path = format!("{}/libs/*", folder.display());
    let storage_tool = |arguments: &[&str]| {
        let mut command = Command::new("java");
        command
            .args(["-cp", &class_path, "kafka.tools.StorageTool"])
            .args(arguments)
            .current_dir(folder);
        command
    };
    if !folder.join("data").join("meta.properties").exists() {
        let uuid = output(&mut storage_tool(&["random-uuid"]))?;
        check(&mut storage_tool(&[
            "format",
            "-t",
            uuid.trim(),
            "-c",
            "server.properties",
        ]))?;
    }
    let mut java = Command::new("java");
    java.args(["-Xmx512m", "-cp", &class_path, "kafka.Kafka"]);
    daemon.start(java.arg(properties))
}

fn properties_text(data: &str) -> String {
    format!(
        "process.roles=broker,controller\nnode.id=1\n\
         controller.quorum.voters=1@127.0.0.1:{CONTROLLER_PORT}\n\
         listeners=PLAINTEXT://127.0.0.1:{PORT},CONTROLLER://127.0.0.1:{CONTROLLER_PORT}\n\
         advertised.listeners=PLAINTEXT://127.0.0.1:{PORT}\n\
         controller.listener.names=CONTROLLER\ninter.broker.listener.name=PLAINTEXT\nlog.dirs={data}\n\
         offsets.topic.replication.factor=1\ntransaction.state.log.replication.factor=1\n\
         transaction.state.log.min.isr=1\ngroup.initial.rebalance.delay.ms=0\n"
    )
}
