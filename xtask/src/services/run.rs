//! The command line of `services`.

use anyhow::{Result, bail};

use super::daemon::{Daemon, Start};
use super::{cassandra, kafka, python};
use crate::command::say;
use crate::tools::{self, Tool};

const NEEDED: [Tool; 3] = [
    Tool {
        program: "python3",
        package: "python3-venv",
        purpose: "rows are read back by a client that is not ours",
    },
    Tool {
        program: "mvn",
        package: "maven",
        purpose: "the services' artifacts come from Maven Central",
    },
    Tool {
        program: "java",
        package: "openjdk-17-jre-headless",
        purpose: "the services run",
    },
];

/// `up`, `down` or `status`, of the services named or of all.
pub(crate) fn run(arguments: &[String]) -> Result<()> {
    let Some((verb, names)) = arguments.split_first() else {
        bail!("say `up`, `down` or `status`")
    };
    let all = ["kafka".to_owned(), "cassandra".to_owned()];
    for name in if names.is_empty() { &all } else { names } {
        let service = match name.as_str() {
            "kafka" => kafka::SERVICE,
            "cassandra" => cassandra::SERVICE,
            other => bail!("there is no service `{other}`; there are kafka and cassandra"),
        };
        let daemon = Daemon::new(name, service.port);
        match verb.as_str() {
            "up" => up(name, &daemon, service.start)?,
            "down" => daemon.stop()?,
            "status" => {}
            other => bail!("there is no `services {other}`; say up, down or status"),
        }
        let port = service.port;
        let state = daemon.running().map_or("down".to_owned(), |pid| {
            format!("up at 127.0.0.1:{port}, process {pid}")
        });
        say(&format!("{name}: {state}"));
    }
    Ok(())
}

fn up(name: &str, daemon: &Daemon, start: Start) -> Result<()> {
    let absent = tools::provide(&NEEDED)?;
    if !absent.is_empty() {
        bail!("cannot start {name}\n{}", tools::explain(&absent));
    }
    if name == "cassandra" {
        python::provide()?;
    }
    if daemon.running().is_some() {
        return Ok(());
    }
    start(daemon)
}
