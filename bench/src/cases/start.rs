//! How long until the process takes connections, how large it is idle, how large on disk.

use std::process::Command;
use std::thread::sleep;
use std::time::Duration;

use anyhow::{Context as _, Result};

use crate::Options;
use crate::engine::{self, Connection, Pace, Role};
use crate::handshake;
use crate::packets::Template;
use crate::report::Figure;
use crate::servers::{Server, messina_binary};

const CONNECTIONS: usize = 20;
/// Large payloads fill a log quickly.
const PAYLOAD: usize = 16 * 1024;

/// From the start of the process to the first connection it takes: empty, and after a kill on a large log.
pub(super) fn ready(options: &Options) -> Result<Vec<Figure>> {
    let server = Server::start_default()?;
    let empty = Figure::new("start, empty data", "< 0.5 s").messina(seconds(server.ready_after));
    sleep(Duration::from_secs(2));
    let idle = format!("{:.1} MB", server.resident_bytes()? as f64 / 1e6);
    drop(server);

    let server = Server::start(crate::servers::Kind::Messina)?;
    while server.data_bytes() < options.log_bytes {
        engine::run(
            &mut publishers(&server)?,
            Pace::Window,
            Duration::from_secs(2),
        )?;
    }
    let what = format!(
        "start after kill -9, {} MB of log",
        server.data_bytes() / 1_000_000
    );
    let server = server.kill_and_restart()?;
    let large = Figure::new(what, "< 3 s").messina(seconds(server.ready_after));
    let idle = Figure::new("resident memory, idle after start", "< 40 MB").messina(idle);
    eprintln!("  {empty:?}\n  {large:?}\n  {idle:?}");
    Ok(vec![empty, large, idle])
}

/// The stripped release binary.
pub(super) fn size(_options: &Options) -> Result<Vec<Figure>> {
    let folder = tempfile::tempdir()?;
    let stripped = folder.path().join("messina");
    let status = Command::new("strip")
        .arg("-o")
        .arg(&stripped)
        .arg(messina_binary()?)
        .status();
    anyhow::ensure!(
        status.context("`strip` (binutils) does not run")?.success(),
        "`strip` failed"
    );
    let bytes = std::fs::metadata(stripped)?.len();
    Ok(vec![
        Figure::new("binary, stripped", "< 40 MB").messina(format!("{:.1} MB", bytes as f64 / 1e6)),
    ])
}

fn publishers(server: &Server) -> Result<Vec<Connection>> {
    let payload = vec![b'7'; PAYLOAD];
    let connection = |index| {
        let stream = handshake::open(server.mqtt, &format!("bench-{index}"), None)?;
        let template = Template::new(1, &format!("bench/{index}"), &payload);
        Connection::new(
            stream,
            Role::Publisher {
                qos: 1,
                window: 20,
                template,
            },
        )
    };
    (0..CONNECTIONS).map(connection).collect()
}

fn seconds(time: Duration) -> String {
    format!("{:.3} s", time.as_secs_f64())
}
