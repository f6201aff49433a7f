//! As fast as the server answers: many publishers into it, and publishers to subscribers through it.

use anyhow::Result;

use crate::Options;
use crate::engine::{self, Connection, Outcome, Pace, Role};
use crate::handshake;
use crate::packets::Template;
use crate::report::{Figure, thousands};
use crate::servers::{Kind, Server};

const CONNECTIONS: usize = 100;
const PAIRS: usize = 1000;
const WINDOW: usize = 20;
/// Publishes a pair has unanswered; a thousand pairs make the load.
const PAIR_WINDOW: usize = 5;
const PAYLOAD: [u8; 128] = [b'7'; 128];

/// A server's rate and what it cost.
pub(super) struct Measured {
    pub(super) rate: f64,
    pub(super) cpu_per_million: f64,
}

impl Measured {
    fn text(&self) -> String {
        format!(
            "{}/s, {:.1} CPU s per million",
            thousands(self.rate),
            self.cpu_per_million
        )
    }
}

/// 100 connections, 20 publishes each unanswered, 128 bytes.
pub(super) fn fan_in(qos: u8, options: &Options) -> Result<Vec<Figure>> {
    let (what, bar) = match qos {
        0 => (
            "QoS 0 publish, 100 connections, 128 B",
            "<= 1.5 CPU s per million",
        ),
        1 => (
            "QoS 1 publish, 100 connections x window 20, 128 B, durable in the embedded log",
            "<= 5.5 CPU s per million, >= 1.5 x mosquitto's rate",
        ),
        _ => (
            "QoS 2, same",
            "<= 9 CPU s per million, >= 1.5 x mosquitto's rate",
        ),
    };
    compare(what, bar, |server| {
        let mut connections = Vec::new();
        for index in 0..CONNECTIONS {
            let template = Template::new(qos, &format!("bench/{index}"), &PAYLOAD);
            let role = Role::Publisher {
                qos,
                window: WINDOW,
                template,
            };
            let stream = handshake::open(server.mqtt, &format!("bench-{index}"), None)?;
            connections.push(Connection::new(stream, role)?);
        }
        let count = |outcome: &Outcome| outcome.published;
        measure(server, &mut connections, Pace::Window, options, count)
    })
}

/// A thousand publishers, each with a subscriber of its own.
pub(super) fn pairs(options: &Options) -> Result<Vec<Figure>> {
    let bar = "<= 14 CPU s per million, >= 1.5 x mosquitto's rate";
    compare(
        "1,000 publishers to 1,000 subscribers, QoS 1, 128 B",
        bar,
        |server| {
            let mut connections = Vec::new();
            for index in 0..PAIRS {
                let topic = format!("pair/{index}");
                let subscriber = handshake::open(
                    server.mqtt,
                    &format!("subscriber-{index}"),
                    Some((&topic, 1)),
                )?;
                connections.push(Connection::new(subscriber, Role::Subscriber)?);
                let publisher = handshake::open(server.mqtt, &format!("publisher-{index}"), None)?;
                let template = Template::new(1, &topic, &PAYLOAD);
                connections.push(Connection::new(
                    publisher,
                    Role::Publisher {
                        qos: 1,
                        window: PAIR_WINDOW,
                        template,
                    },
                )?);
            }
            let count = |outcome: &Outcome| outcome.delivered;
            measure(server, &mut connections, Pace::Window, options, count)
        },
    )
}

/// One publisher, a thousand subscribers; what is counted is what they receive.
pub(super) fn fan_out(options: &Options) -> Result<Vec<Figure>> {
    compare(
        "1 publisher to 1,000 subscribers, QoS 1, 128 B",
        "",
        |server| {
            let template = Template::new(1, "fan", &PAYLOAD);
            let publisher = Role::Publisher {
                qos: 1,
                window: 0,
                template,
            };
            let stream = handshake::open(server.mqtt, "publisher", None)?;
            let mut connections = vec![Connection::new(stream, publisher)?];
            for index in 0..PAIRS {
                let name = format!("subscriber-{index}");
                let stream = handshake::open(server.mqtt, &name, Some(("fan", 1)))?;
                connections.push(Connection::new(stream, Role::Subscriber)?);
            }
            let pace = Pace::FanOut {
                to: PAIRS as u64,
                window: WINDOW as u64,
            };
            let count = |outcome: &Outcome| outcome.delivered;
            measure(server, &mut connections, pace, options, count)
        },
    )
}

fn measure(
    server: &Server,
    connections: &mut [Connection],
    pace: Pace,
    options: &Options,
    count: fn(&Outcome) -> u64,
) -> Result<Measured> {
    let before = server.cpu_seconds()?;
    let outcome = engine::run(connections, pace, options.time)?;
    let cpu = server.cpu_seconds()? - before;
    let count = count(&outcome) as f64;
    Ok(Measured {
        rate: count / outcome.time.as_secs_f64(),
        cpu_per_million: cpu * 1e6 / count.max(1.0),
    })
}

/// The same load on each server.
pub(super) fn compare(
    what: &str,
    bar: &'static str,
    load: impl Fn(&Server) -> Result<Measured>,
) -> Result<Vec<Figure>> {
    let mut figure = Figure::new(what, bar);
    let mut mosquitto = None;
    for kind in Kind::both() {
        let server = Server::start(kind)?;
        let measured = load(&server)?;
        eprintln!("  {}: {}", kind.name(), measured.text());
        match kind {
            Kind::Mosquitto => {
                figure = figure.mosquitto(measured.text());
                mosquitto = Some(measured.rate);
            }
            Kind::Messina => {
                let ratio = mosquitto
                    .map(|other| format!(", {:.2} x", measured.rate / other))
                    .unwrap_or_default();
                figure = figure.messina(measured.text() + &ratio);
            }
        }
    }
    Ok(vec![figure])
}
