//! Everybody comes back at once, and each has something waiting.

use std::io::{Read as _, Write as _};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};

use super::throughput::{Measured, compare};
use crate::Options;
use crate::engine::{self, Connection, Pace, Role};
use crate::handshake;
use crate::packets::Template;
use crate::process;
use crate::report::{Figure, thousands};
use crate::servers::Server;

/// Publishes that wait in each session.
const WAITING: u64 = 100;
/// Of those, so many are published at a time.
const AT_A_TIME: usize = 200;
const PAYLOAD: [u8; 128] = [b'7'; 128];

/// From the first CONNECT until the last publish that had waited is there, as publishes a second.
pub(super) fn reconnect(options: &Options) -> Result<Vec<Figure>> {
    // A server needs a few descriptors for itself.
    let sessions = process::descriptor_limit().map_or(options.sessions, |limit| {
        options.sessions.min(limit.saturating_sub(200))
    });
    let what = format!(
        "{} sessions with {WAITING} QoS 1 publishes waiting, 128 B, come back at once",
        thousands(sessions as f64)
    );
    compare(&what, "", |server| {
        for index in 0..sessions {
            let filter = format!("storm/{index}");
            handshake::leave_session(server.mqtt, &name(index), (&filter, 1))
                .with_context(|| format!("after {index} sessions"))?;
        }
        fill(server, sessions)?;
        let (start, cpu) = (Instant::now(), server.cpu_seconds()?);
        let mut connections = Vec::with_capacity(sessions);
        for index in 0..sessions {
            let stream = handshake::come_back(server.mqtt, &name(index))?;
            let role = Role::Returning { waiting: WAITING };
            connections.push(Connection::new(stream, role)?);
        }
        let outcome = engine::run(&mut connections, Pace::Window, Duration::ZERO)?;
        let time = start.elapsed().as_secs_f64();
        let delivered = outcome.delivered as f64;
        eprintln!(
            "  {} publishes in {time:.2} s, process {} MB",
            thousands(delivered),
            server.resident_bytes()? / 1_000_000
        );
        Ok(Measured {
            rate: delivered / time,
            cpu_per_million: (server.cpu_seconds()? - cpu) * 1e6 / delivered,
        })
    })
}

fn name(index: usize) -> String {
    format!("sleeper-{index}")
}

/// Publishes what each session is to have waiting, in rounds, so that the log has it mixed, as it would come.
fn fill(server: &Server, sessions: usize) -> Result<()> {
    let templates: Vec<Template> = (0..sessions)
        .map(|index| Template::new(1, &format!("storm/{index}"), &PAYLOAD))
        .collect();
    let mut stream = handshake::open(server.mqtt, "filler", None)?;
    for _ in 0..WAITING {
        for some in templates.chunks(AT_A_TIME) {
            let mut bytes = Vec::new();
            for (id, template) in (1..).zip(some) {
                template.append(id, &mut bytes);
            }
            stream.write_all(&bytes)?;
            // A PUBACK is 4 bytes.
            let mut answers = vec![0; some.len() * 4];
            stream.read_exact(&mut answers).context("no PUBACK")?;
        }
    }
    Ok(())
}
