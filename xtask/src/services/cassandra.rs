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

const EXPORTS: [&str; 7] = [
    "java.base/jdk.internal.misc",
    "java.base/java.lang.ref",
    "java.management.rmi/com.sun.jmx.remote.internal.rmi",
    "java.rmi/sun.rmi.registry",
    "java.rmi/sun.rmi.server",
    "java.sql/java.sql",
    "jdk.unsupported/sun.misc",
];

const OPENS: [&str; 16] = [
    "java.base/java.lang.module",
    "java.base/jdk.internal.loader",
    "java.base/jdk.internal.ref",
    "java.base/jdk.internal.reflect",
    "java.base/jdk.internal.math",
    "java.base/jdk.internal.module",
    "java.base/jdk.internal.util.jar",
    "java.base/sun.nio.ch",
    "java.base/java.io",
    "java.base/java.lang",
    "java.base/java.util",
    "java.base/java.nio",
    "java.base/java.util.concurrent",
    "java.base/java.util.concurrent.atomic",
    "java.base/java.lang.reflect",
    "jdk.management/com.sun.management.internal",
];

const LOGBACK: &str = "<configuration><appender name=\"OUT\" class=\"ch.qos.logback.core.ConsoleAppender\">\
    <encoder><pattern>%-5level %date %msg%n</pattern></encoder></appender>\
    <root level=\"INFO\"><appender-ref ref=\"OUT\"/></root></configuration>\n";

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
    let mut java = Command::new("java");
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
    java.args([
        "-Dlogback.configurationFile=logback.xml",
        "-Dcassandra.skip_wait_for_gossip_to_settle=0",
        "-Dcassandra.superuser_setup_delay_ms=0",
    ]);
    for module in EXPORTS {
        java.args(["--add-exports".to_owned(), format!("{module}=ALL-UNNAMED")]);
    }
    for module in OPENS {
        java.args(["--add-opens".to_owned(), format!("{module}=ALL-UNNAMED")]);
    }
    java.args(["-cp", &format!("conf:{libs}/*")]);
    java.arg("org.apache.cassandra.service.CassandraDaemon");
    daemon.start(&mut java)
}

fn yaml(daemon: &Daemon, data: &str) -> String {
    let address = daemon.address();
    let (seed, tokens) = if daemon.node == 1 { (1, 1) } else { (2, 16) };
    format!(
        "cluster_name: messina\nnum_tokens: {tokens}\npartitioner: org.apache.cassandra.dht.Murmur3Partitioner\n\
         commitlog_sync: periodic\ncommitlog_sync_period: 10000ms\n\
         data_file_directories: [{data}/data]\ncommitlog_directory: {data}/commitlog\n\
         saved_caches_directory: {data}/saved_caches\nhints_directory: {data}/hints\n\
         cdc_raw_directory: {data}/cdc_raw\n\
         seed_provider:\n  - class_name: org.apache.cassandra.locator.SimpleSeedProvider\n    \
         parameters: [{{seeds: \"127.0.0.{seed}:{STORAGE_PORT}\"}}]\n\
         listen_address: {address}\nrpc_address: {address}\nstorage_port: {STORAGE_PORT}\n\
         ssl_storage_port: {TLS_STORAGE_PORT}\nnative_transport_port: {CQL_PORT}\n\
         start_native_transport: true\nendpoint_snitch: SimpleSnitch\nauto_snapshot: false\n\
         memtable_allocation_type: heap_buffers\n"
    )
}
