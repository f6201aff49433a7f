//! A client that keeps one topic's retained publish up to date: what a new subscriber is answered with is never older
//! than what was acknowledged last.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread::{JoinHandle, sleep, spawn};
use std::time::Duration;

use messina_e2e::fleet::Signals;
use messina_e2e::patience::until;
use messina_e2e::wire::{Wire, connect, publish, subscribe};

use crate::verdict::meter_number;

const TOPIC: &str = "state/door";

/// What the client has seen.
#[derive(Debug, Default)]
pub(crate) struct Report {
    /// Subscriptions that were answered with what is retained.
    pub(crate) answered: u64,
    /// Answers that were older than promised, or never published: the answer, promised, tried.
    pub(crate) wrong: Vec<(u64, u64, u64)>,
    /// The last number that was acknowledged.
    pub(crate) promised: u64,
}

/// Publishes and looks until told to finish, and looks once more.
pub(crate) fn start(address: SocketAddr, signals: Arc<Signals>) -> JoinHandle<Report> {
    spawn(move || {
        let mut keeper = Keeper::default();
        let mut round = 0_u64;
        while !signals.finish.load(Ordering::Relaxed) {
            round += 1;
            keeper.look_and_publish(address, round);
            sleep(Duration::from_millis(50));
        }
        while keeper.look(address, round + 1).is_none() {}
        keeper.report
    })
}

#[derive(Debug, Default)]
struct Keeper {
    report: Report,
    tried: u64,
}

impl Keeper {
    fn look_and_publish(&mut self, address: SocketAddr, round: u64) {
        let Some(mut wire) = self.look(address, round) else {
            return;
        };
        for _ in 0..20 {
            self.tried += 1;
            let payload = format!("{{\"n\": {}}}", self.tried);
            let mut packet = publish(4, 1, 1, TOPIC, payload.as_bytes());
            packet[0] |= 1;
            if !wire.try_send(&packet) || !is_acknowledged(&mut wire) {
                return;
            }
            self.report.promised = self.tried;
        }
    }

    /// Subscribes as a client that nobody knows, and reads the answer if there must be one.
    fn look(&mut self, address: SocketAddr, round: u64) -> Option<Wire> {
        let mut wire = until("a client can connect", || Wire::try_open(address));
        let own = connect(4, &format!("keeper-{round}"), true);
        let answer = wire.try_send(&own).then(|| wire.frame()).flatten()?;
        assert_eq!((answer.packet_type(), answer.body[1]), (2, 0), "{answer:?}");
        let asks = wire.try_send(&subscribe(4, 1, TOPIC, 0));
        let answer = asks.then(|| wire.frame()).flatten()?;
        assert_eq!(answer.packet_type(), 9, "{answer:?}");
        if self.report.promised == 0 {
            return Some(wire);
        }
        let frame = wire.frame()?;
        assert_eq!(frame.first, 0x31, "not what is retained: {frame:?}");
        let text = String::from_utf8_lossy(&frame.body[2 + TOPIC.len()..]);
        let number = meter_number(&text);
        self.report.answered += 1;
        if !(self.report.promised..=self.tried).contains(&number) {
            let seen = (number, self.report.promised, self.tried);
            self.report.wrong.push(seen);
        }
        Some(wire)
    }
}

/// Reads up to the PUBACK; its own publishes come back to the client in between.
fn is_acknowledged(wire: &mut Wire) -> bool {
    while let Some(frame) = wire.frame() {
        match frame.packet_type() {
            3 => {}
            4 => return true,
            _ => panic!("{frame:?}"),
        }
    }
    false
}
