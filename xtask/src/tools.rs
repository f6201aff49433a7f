//! The programs tests talk to, where they come from, and what happens where one is absent.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Result, bail};

use crate::command::{check, in_ci, say};

/// A program a test needs, and the Debian package it is in.
pub(crate) struct Tool {
    /// The program's name.
    pub(crate) program: &'static str,
    /// Its Debian package.
    pub(crate) package: &'static str,
    /// What cannot be shown without it.
    pub(crate) purpose: &'static str,
}

/// What `cargo xtask test` wants beside Rust.
pub(crate) const FOR_TESTS: [Tool; 6] = [
    Tool {
        program: "mosquitto_pub",
        package: "mosquitto-clients",
        purpose: "devices that are not ours publish",
    },
    Tool {
        program: "mosquitto_sub",
        package: "mosquitto-clients",
        purpose: "subscribers that are not ours receive",
    },
    Tool {
        program: "mosquitto_rr",
        package: "mosquitto-clients",
        purpose: "requests of clients that are not ours are answered",
    },
    Tool {
        program: "mosquitto",
        package: "mosquitto",
        purpose: "the MQTT server that bench/ compares with",
    },
    Tool {
        program: "kcat",
        package: "kcat",
        purpose: "a Kafka client that is not ours writes and reads what we read and write",
    },
    Tool {
        program: "sqlite3",
        package: "sqlite3",
        purpose: "the table's file opens in a tool that is not ours",
    },
];

/// Where the program is, looking also where Debian puts servers.
pub(crate) fn find(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .chain([PathBuf::from("/usr/sbin"), PathBuf::from("/usr/local/sbin")])
        .map(|folder| folder.join(program))
        .find(|candidate| candidate.is_file())
}

/// The tools that are absent, after installing them where that is ours to do: in CI, as root, with apt-get.
pub(crate) fn provide(tools: &'static [Tool]) -> Result<Vec<&'static Tool>> {
    let absent = absent(tools);
    if absent.is_empty() {
        return Ok(absent);
    }
    if in_ci() && is_root() && find("apt-get").is_some() {
        install(&absent)?;
    }
    let still = self::absent(tools);
    if in_ci() && !still.is_empty() {
        bail!("{}\nin CI a skipped test is a failed one", explain(&still));
    }
    Ok(still)
}

/// Says which programs are absent, what is skipped for it, and how to get them.
pub(crate) fn explain(absent: &[&Tool]) -> String {
    let missing = |tool: &&Tool| {
        let Tool {
            program, purpose, ..
        } = tool;
        format!("\n  {program:14} without it no test shows that {purpose}")
    };
    let list: String = absent.iter().map(missing).collect();
    let packages = packages(absent).join(" ");
    format!("absent programs:{list}\n  to have them: apt-get install {packages}")
}

fn absent(tools: &'static [Tool]) -> Vec<&'static Tool> {
    tools
        .iter()
        .filter(|tool| find(tool.program).is_none())
        .collect()
}

fn packages(tools: &[&Tool]) -> Vec<&'static str> {
    let mut packages: Vec<_> = tools.iter().map(|tool| tool.package).collect();
    packages.sort_unstable();
    packages.dedup();
    packages
}

fn install(absent: &[&Tool]) -> Result<()> {
    say(&explain(absent));
    check(Command::new("apt-get").args(["update", "-qq"]))?;
    let mut command = Command::new("apt-get");
    command.env("DEBIAN_FRONTEND", "noninteractive");
    command.args(["install", "-y", "-qq", "--no-install-recommends"]);
    check(command.args(packages(absent)))
}

fn is_root() -> bool {
    Command::new("id")
        .arg("-u")
        .output()
        .is_ok_and(|output| output.stdout.trim_ascii() == b"0")
}
