//! What a connection costs that does nothing.

use std::thread::sleep;
use std::time::Duration;

use anyhow::{Context as _, Result};

use crate::Options;
use crate::handshake;
use crate::process;
use crate::report::{Figure, thousands};
use crate::servers::{Kind, Server};

/// Resident memory before and after many connections with one subscription each.
pub(super) fn connections(options: &Options) -> Result<Vec<Figure>> {
    // A server needs a few descriptors for itself.
    let count = process::descriptor_limit().map_or(options.idle, |limit| {
        options.idle.min(limit.saturating_sub(200))
    });
    let what = format!(
        "idle connection with one subscription, at {} connections",
        thousands(count as f64)
    );

    let mut figure = Figure::new(what, "<= 3 KB each");
    for kind in Kind::both() {
        let server = Server::start(kind)?;
        let before = server.resident_bytes()?;
        let mut streams = Vec::with_capacity(count);
        for index in 0..count {
            let filter = format!("idle/{index}");
            let stream = handshake::open(server.mqtt, &format!("idle-{index}"), Some((&filter, 1)));
            streams.push(stream.with_context(|| format!("after {index} connections"))?);
        }
        sleep(Duration::from_secs(1));
        let after = server.resident_bytes()?;
        let each = after.saturating_sub(before) as f64 / count as f64;
        let text = format!(
            "{:.2} KB each, process {} MB",
            each / 1000.0,
            after / 1_000_000
        );
        eprintln!("  {}: {text}", kind.name());
        figure = match kind {
            Kind::Messina => figure.messina(text),
            Kind::Mosquitto => figure.mosquitto(text),
        };
    }
    Ok(vec![figure])
}
