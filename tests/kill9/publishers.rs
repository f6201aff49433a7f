//! Readings of `mosquitto_pub`, a program that is not ours: one process each, its exit code 0 is the promise.

use std::net::SocketAddr;
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread::{JoinHandle, sleep, spawn};
use std::time::{Duration, Instant};

use messina_e2e::fleet::Signals;
use messina_e2e::outside::mosquitto_pub;

/// How long one process may try; it reconnects by itself every second.
const LIMIT: Duration = Duration::from_secs(20);

/// What was published this way.
pub(crate) struct OutsideReport {
    /// 1 or 2.
    pub(crate) qos: u8,
    /// The topic.
    pub(crate) topic: String,
    /// The numbers for which a process ended with 0.
    pub(crate) promised: Vec<u64>,
    /// How many were tried.
    pub(crate) tried: u64,
}

/// Publishes one after another until told to finish.
pub(crate) fn start(
    qos: u8,
    address: SocketAddr,
    signals: Arc<Signals>,
) -> JoinHandle<OutsideReport> {
    spawn(move || {
        let mut report = OutsideReport {
            qos,
            topic: format!("meters/outside-{qos}"),
            promised: Vec::new(),
            tried: 0,
        };
        while !signals.finish.load(Ordering::Relaxed) {
            let number = report.tried;
            report.tried += 1;
            if publish(address, &report, number) {
                report.promised.push(number);
                signals.promises.fetch_add(1, Ordering::Relaxed);
            }
        }
        report
    })
}

fn publish(address: SocketAddr, report: &OutsideReport, number: u64) -> bool {
    let client_id = format!("outside-{}-{number}", report.qos);
    let payload = format!("{{\"n\": {number}}}");
    let mut command = mosquitto_pub(address);
    // -c keeps the session over the process's own reconnects, without which QoS 2 promises nothing.
    command.args([
        "-c",
        "-i",
        &client_id,
        "-q",
        &report.qos.to_string(),
        "-t",
        &report.topic,
        "-m",
        &payload,
    ]);
    let child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn();
    let mut child = child.expect("mosquitto_pub starts");
    let start = Instant::now();
    loop {
        if let Some(status) = child.try_wait().expect("mosquitto_pub can be waited for") {
            return status.success();
        }
        if start.elapsed() > LIMIT {
            drop(child.kill());
            drop(child.wait());
            return false;
        }
        sleep(Duration::from_millis(2));
    }
}
