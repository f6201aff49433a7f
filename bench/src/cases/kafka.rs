//! On a real Kafka: the gateway that writes to it, and the worker that makes rows of a real Cassandra from it.

use anyhow::Result;

use super::cql::{BAR, drained, fill};
use super::paced::quantiles;
use crate::Options;
use crate::engine::{self, Connection, Pace, Role};
use crate::handshake;
use crate::packets::Template;
use crate::report::{Figure, thousands};
use crate::servers::Server;

const CONNECTIONS: usize = 100;
const WINDOW: usize = 20;
/// Publishes a second for the latency of an acknowledgement, as in the embedded case.
const RATE: u32 = 10_000;
const PAYLOAD: [u8; 128] = [b'7'; 128];

/// A gateway with a topic of its own.
fn configuration(topic: &str, options: &Options) -> String {
    let kafka = &options.kafka;
    format!(
        "[kafka]\nbootstrap_servers = \"{kafka}\"\ngateway_id = \"{topic}\"\n\
         topics = {{ create = true, partitions = 6, replication = 1 }}\n\
         [[route]]\nname = \"bench\"\nfilter = \"#\"\ntopic = \"{topic}\"\nkey = \"$topic\"\n\
         headers = [\"mqtt.topic\", \"mqtt.client.id\", \"mqtt.qos\"]\n"
    )
}

/// The same with a sink called as its topic: its consumer group is its own, and waits for no member of another run.
fn with_sink(topic: &str, keyspace: &str, options: &Options) -> String {
    let cassandra = &options.cassandra;
    format!(
        "{}[cql]\ncontact_points = \"{cassandra}\"\nkeyspace = \"{keyspace}\"\nreplication = 1\n\
         [[table]]\nname = \"readings\"\npartition_key = [\"topic\", \"field\"]\n\
         clustering_key = [\"ts desc\", \"seq\"]\nttl = \"7d\"\n[table.columns]\ntopic = \"text\"\n\
         field = \"text\"\nts = \"timestamp\"\nseq = \"bigint\"\nnumber = \"double\"\ntext = \"text\"\n\
         [[sink]]\nname = \"{topic}\"\ntopics = \"{topic}\"\n\
         \"connect.cassandra.kcql\" = \"INSERT INTO readings SELECT * FROM {topic}\"\n\
         \"value.converter\" = \"Json\"\n\"value.converter.schemas.enable\" = false\n\
         transforms = \"readings\"\n\"transforms.readings.type\" = \"messina.Readings$Value\"\n\
         \"errors.tolerance\" = \"all\"\n",
        configuration(topic, options)
    )
}

/// A name that no other run has had.
fn unique(name: &str) -> String {
    format!("{name}-{}", std::process::id())
}

/// How publishers publish.
#[derive(Debug, Clone, Copy)]
struct Way {
    qos: u8,
    /// Whether their sessions outlive their connections: at QoS 2 the gateway then writes transactions.
    kept: bool,
}

impl Way {
    const ALL: [Self; 3] = [
        Self {
            qos: 1,
            kept: false,
        },
        Self {
            qos: 2,
            kept: false,
        },
        Self { qos: 2, kept: true },
    ];

    fn name(self) -> &'static str {
        match (self.qos, self.kept) {
            (1, _) => "QoS 1",
            (_, false) => "QoS 2",
            (_, true) => "QoS 2 in kept sessions",
        }
    }

    fn connections(self, server: &Server, window: usize) -> Result<Vec<Connection>> {
        let connection = |index| {
            // The kept sessions of another run would be there still, with its window.
            let (qos, name) = (self.qos, format!("bench-{window}-{index}"));
            let template = Template::new(qos, &format!("bench/{index}"), &PAYLOAD);
            let stream = if self.kept {
                handshake::open_kept(server.mqtt, &name)?
            } else {
                handshake::open(server.mqtt, &name, None)?
            };
            let role = Role::Publisher {
                qos,
                window,
                template,
            };
            Connection::new(stream, role)
        };
        (0..CONNECTIONS).map(connection).collect()
    }
}

/// Publishes through the gateway: as fast as it answers, and then paced.
pub(super) fn gateway(options: &Options) -> Result<Vec<Figure>> {
    let mut figures = Vec::new();
    for (number, way) in Way::ALL.into_iter().enumerate() {
        let topic = unique(&format!("bench-gateway-{number}"));
        let server = Server::start_half("gateway", &configuration(&topic, options))?;
        figures.push(windowed(&server, way, options)?);
        figures.push(paced(&server, way, options)?);
    }
    Ok(figures)
}

fn windowed(server: &Server, way: Way, options: &Options) -> Result<Figure> {
    let mut connections = way.connections(server, WINDOW)?;
    let before = server.cpu_seconds()?;
    let outcome = engine::run(&mut connections, Pace::Window, options.time)?;
    let count = outcome.published as f64;
    let cpu = (server.cpu_seconds()? - before) * 1e6 / count.max(1.0);
    let text = format!(
        "{}/s, {cpu:.1} CPU s per million, RSS {} MB",
        thousands(count / outcome.time.as_secs_f64()),
        server.resident_bytes()? / 1_000_000
    );
    eprintln!("  {}: {text}", way.name());
    let what = format!(
        "{} publish, {CONNECTIONS} connections x window {WINDOW}, 128 B, through one Kafka node",
        way.name()
    );
    Ok(Figure::new(what, "").messina(text))
}

fn paced(server: &Server, way: Way, options: &Options) -> Result<Figure> {
    let mut connections = way.connections(server, 0)?;
    let outcome = engine::run(&mut connections, Pace::PerSecond(RATE), options.time)?;
    let text = quantiles(&outcome.latencies);
    eprintln!("  {} paced: {text}", way.name());
    let what = format!(
        "acknowledgement at a paced {} msg/s {} through Kafka, from the intended send",
        thousands(f64::from(RATE)),
        way.name()
    );
    Ok(Figure::new(what, "").messina(text))
}

/// Rows a second of a worker behind a topic that was filled before it starts, and what a million of them cost it.
pub(super) fn worker(options: &Options) -> Result<Vec<Figure>> {
    let topic = unique("bench-worker");
    let keyspace = format!("messina_bench_worker_{}", std::process::id());
    let gateway = Server::start_half("gateway", &configuration(&topic, options))?;
    let published = fill(&gateway, options)?;
    drop(gateway);
    let server = Server::start_half("worker", &with_sink(&topic, &keyspace, options))?;
    let text = drained(&server, &topic, published, options)?;
    let what = "worker, one Kafka node to one Cassandra node, JSON, rows written";
    Ok(vec![Figure::new(what, BAR).messina(text)])
}
