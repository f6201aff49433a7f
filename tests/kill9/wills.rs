//! Clients that leave a will and die. Once their CONNACK has come the will is promised: it is in the log once, whatever
//! dies after them; unless they are back in time, and then it is nowhere.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread::{JoinHandle, sleep, spawn};
use std::time::{Duration, Instant};

use messina_e2e::fleet::Signals;
use messina_e2e::patience::until;
use messina_e2e::wire::{Wire, connect, packet, string};

/// The topic of all wills.
pub(crate) const TOPIC: &str = "wills/gone";

/// Seconds a will of somebody who comes back waits, and how long one may take to be back for sure.
const LONG_DELAY: u8 = 8;
const BACK_WITHIN: Duration = Duration::from_secs(6);

/// Whose wills are to be where.
#[derive(Debug, Default)]
pub(crate) struct Report {
    /// Those that must be there once.
    pub(crate) promised: Vec<u64>,
    /// Those that must not be there.
    pub(crate) recalled: Vec<u64>,
    /// All that were tried.
    pub(crate) tried: u64,
}

/// Connects and dies until told to finish.
pub(crate) fn start(address: SocketAddr, signals: Arc<Signals>) -> JoinHandle<Report> {
    spawn(move || {
        let mut report = Report::default();
        while !signals.finish.load(Ordering::Relaxed) {
            let number = report.tried;
            report.tried += 1;
            if number % 4 == 3 {
                if comes_back(address, number) {
                    report.recalled.push(number);
                }
            } else if enter(address, &with_will(number, 1)).is_some() {
                report.promised.push(number);
            }
            sleep(Duration::from_millis(40));
        }
        report
    })
}

/// Whether a client is back for sure before its will is due.
fn comes_back(address: SocketAddr, number: u64) -> bool {
    let Some(wire) = enter(address, &with_will(number, LONG_DELAY)) else {
        return false;
    };
    let died = Instant::now();
    drop(wire);
    sleep(Duration::from_millis(20));
    loop {
        let again = enter(address, &connect(5, &client_id(number), false));
        if let Some(mut wire) = again {
            let is_in_time = died.elapsed() < BACK_WITHIN;
            // A goodbye; it left no will this time.
            wire.try_send(&[0xE0, 0]);
            return is_in_time;
        }
    }
}

/// A connection whose CONNACK has come.
fn enter(address: SocketAddr, connect: &[u8]) -> Option<Wire> {
    let mut wire = until("a client can connect", || Wire::try_open(address));
    let answer = wire.try_send(connect).then(|| wire.frame()).flatten()?;
    assert_eq!((answer.packet_type(), answer.body[1]), (2, 0), "{answer:?}");
    Some(wire)
}

fn client_id(number: u64) -> String {
    format!("mourned-{number}")
}

/// CONNECT of version 5 with a session of an hour and a will of QoS 1 that waits so many seconds.
fn with_will(number: u64, delay: u8) -> Vec<u8> {
    packet(
        0x10,
        &[
            &string("MQTT")[..],
            // Will, its QoS 1; no clean start.
            &[5, 0b0000_1100, 0, 60],
            &[5, 0x11, 0, 0, 0x0E, 0x10],
            &string(&client_id(number)),
            &[5, 0x18, 0, 0, 0, delay],
            &string(TOPIC),
            &string(&format!("{{\"n\": {number}}}")),
        ]
        .concat(),
    )
}
