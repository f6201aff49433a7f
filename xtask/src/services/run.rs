//! The command line of `services`.

use anyhow::{Result, bail};

use super::daemon::{Daemon, Service};
use super::python::{self, Environment};
use super::{cassandra, kafka};
use crate::command::say;
use crate::tools::{self, Tool};

const PYTHON: [Tool; 1] = [Tool {
    program: "python3",
    package: "python3-venv",
    purpose: "clients that are not ours read rows and speak MQTT",
}];

const NEEDED: [Tool; 2] = [
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
    let all = ["kafka", "cassandra", "paho"].map(str::to_owned);
    for name in if names.is_empty() { &all[..] } else { names } {
        if name == "paho" {
            client(verb, name, &python::PAHO)?;
            continue;
        }
        let service = match name.as_str() {
            "kafka" => kafka::SERVICE,
            "kafka3" => kafka::THREE,
            "cassandra" => cassandra::SERVICE,
            "cassandra3" => cassandra::THREE,
            other => bail!(
                "there is no service `{other}`; there are kafka, kafka3, cassandra, cassandra3 and paho"
            ),
        };
        let daemons = Daemon::all(name, &service);
        match verb.as_str() {
            "up" => up(name, &daemons, &service)?,
            "down" => daemons.iter().try_for_each(Daemon::stop)?,
            "status" => {}
            other => bail!("there is no `services {other}`; say up, down or status"),
        }
        for daemon in &daemons {
            let state = daemon.running().map_or("down".to_owned(), |pid| {
                format!("up at {}, process {pid}", daemon.listens)
            });
            say(&format!("{name}: {state}"));
        }
    }
    Ok(())
}

fn up(name: &str, daemons: &[Daemon], service: &Service) -> Result<()> {
    provide(name, &NEEDED)?;
    if name.starts_with("cassandra") {
        provide(name, &PYTHON)?;
        python::CQL.provide()?;
    }
    let mut starting = Vec::new();
    for daemon in daemons.iter().filter(|daemon| daemon.running().is_none()) {
        let started = (service.start)(daemon)?;
        if service.together {
            starting.push((daemon, started));
        } else {
            daemon.wait(started)?;
        }
    }
    for (daemon, started) in starting {
        daemon.wait(started)?;
    }
    Ok(())
}

/// A client has nothing that runs: it is installed or it is not.
fn client(verb: &str, name: &str, environment: &Environment) -> Result<()> {
    if verb == "up" {
        provide(name, &PYTHON)?;
        environment.provide()?;
    }
    let state = if environment.is_complete() {
        "installed"
    } else {
        "absent"
    };
    say(&format!("{name}: {state}"));
    Ok(())
}

fn provide(name: &str, tools: &'static [Tool]) -> Result<()> {
    let absent = tools::provide(tools)?;
    if !absent.is_empty() {
        bail!("cannot start {name}\n{}", tools::explain(&absent));
    }
    Ok(())
}
