//! How long an acknowledgement takes at a rate the server does not choose, beside what the disk itself takes.

use anyhow::Result;

use crate::Options;
use crate::engine::{self, Connection, Pace, Role};
use crate::handshake;
use crate::latency::{Latencies, of_fdatasync};
use crate::packets::Template;
use crate::report::{Figure, thousands};
use crate::servers::{Kind, Server};

const CONNECTIONS: usize = 100;
const RATE: u32 = 10_000;
const SYNCS: usize = 2000;

/// QoS 1 at 10,000 messages a second.
pub(super) fn acknowledgement(options: &Options) -> Result<Vec<Figure>> {
    let disk = of_fdatasync(SYNCS)?;
    let what = format!(
        "acknowledgement at a paced {} msg/s QoS 1, from the intended send",
        thousands(f64::from(RATE))
    );
    let mut figure = Figure::new(what, "p50 <= 2 x, p99 <= 5 x fdatasync");
    for kind in Kind::both() {
        let server = Server::start(kind)?;
        let mut connections = Vec::new();
        for index in 0..CONNECTIONS {
            let template = Template::new(1, &format!("bench/{index}"), &[b'7'; 128]);
            let stream = handshake::open(server.mqtt, &format!("bench-{index}"), None)?;
            connections.push(Connection::new(
                stream,
                Role::Publisher {
                    qos: 1,
                    window: 0,
                    template,
                },
            )?);
        }
        let outcome = engine::run(&mut connections, Pace::PerSecond(RATE), options.time)?;
        let text = quantiles(&outcome.latencies);
        eprintln!("  {}: {text} of {}", kind.name(), outcome.latencies.len());
        figure = match kind {
            Kind::Messina => figure.messina(text),
            Kind::Mosquitto => figure.mosquitto(format!("{text} (not durable)")),
        };
    }
    let again = of_fdatasync(SYNCS)?;
    let fdatasync = Figure::new(
        "the disk: 4 KiB and fdatasync, before / after, nothing else running",
        "",
    );
    let text = format!("{} / {}", quantiles(&disk), quantiles(&again));
    Ok(vec![figure, fdatasync.messina(text)])
}

/// p50, p99, p99.9.
pub(super) fn quantiles(latencies: &Latencies) -> String {
    let [p50, p99, p999] = [0.5, 0.99, 0.999].map(|share| latencies.quantile_ms(share));
    format!("p50 {p50:.2} ms, p99 {p99:.2} ms, p99.9 {p999:.2} ms")
}
