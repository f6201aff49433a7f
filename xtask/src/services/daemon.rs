//! A process that outlives the command which started it: its folder, its identifier, its log.

use std::fs::{self, File};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};

use crate::command::{check, root, say};

/// How long a service may take until it listens; a cold Cassandra takes 13 s on two quiet cores.
const UNTIL_IT_LISTENS: Duration = Duration::from_mins(2);
/// How long one may take to end before it is killed.
const UNTIL_IT_ENDS: Duration = Duration::from_secs(20);

/// What starts a service in its folder and returns when it listens.
pub(super) type Start = fn(&Daemon) -> Result<()>;

/// A kind of service.
pub(super) struct Service {
    /// The loopback port its clients connect to.
    pub(super) port: u16,
    /// Fetches what it needs and starts it.
    pub(super) start: Start,
}

/// A service under `.services/<name>`.
pub(super) struct Daemon {
    /// The folder that holds everything the service has.
    pub(super) folder: PathBuf,
    /// The address that answers once it is ready.
    listens: SocketAddr,
}

impl Daemon {
    /// The service of that name, which listens on that port.
    pub(super) fn new(name: &str, port: u16) -> Self {
        let listens = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        Self {
            folder: root().join(".services").join(name),
            listens,
        }
    }

    /// Its process identifier, if the process in the file still is this service.
    pub(super) fn running(&self) -> Option<u32> {
        let pid: u32 = fs::read_to_string(self.folder.join("pid"))
            .ok()?
            .trim()
            .parse()
            .ok()?;
        let command_line = fs::read(format!("/proc/{pid}/cmdline")).ok()?;
        let folder = self.folder.to_string_lossy().into_owned();
        String::from_utf8_lossy(&command_line)
            .contains(&folder)
            .then_some(pid)
    }

    /// Starts the command in the folder and waits until the service listens.
    #[expect(
        clippy::disallowed_methods,
        reason = "a developer's tool waits for a process in real time"
    )]
    pub(super) fn start(&self, command: &mut Command) -> Result<()> {
        let log =
            File::create(self.folder.join("log.txt")).context("cannot create the log file")?;
        let errors = log.try_clone().context("cannot share the log file")?;
        command
            .current_dir(&self.folder)
            .stdin(Stdio::null())
            .stdout(log)
            .stderr(errors);
        let mut child = command.spawn().context("cannot start java")?;
        fs::write(self.folder.join("pid"), child.id().to_string())
            .context("cannot write the pid file")?;
        let start = Instant::now();
        while TcpStream::connect(self.listens).is_err() {
            let ended = child.try_wait().context("cannot look at the process")?;
            if let Some(status) = ended {
                bail!(
                    "it ended with {status}; see {}",
                    self.folder.join("log.txt").display()
                );
            }
            if start.elapsed() > UNTIL_IT_LISTENS {
                bail!(
                    "{} does not listen; see {}",
                    self.listens,
                    self.folder.join("log.txt").display()
                );
            }
            sleep(Duration::from_millis(100));
        }
        say(&format!(
            "ready after {:.1} s",
            start.elapsed().as_secs_f64()
        ));
        Ok(())
    }

    /// Ends the process, politely first.
    #[expect(
        clippy::disallowed_methods,
        reason = "a developer's tool waits for a process in real time"
    )]
    pub(super) fn stop(&self) -> Result<()> {
        let Some(pid) = self.running() else {
            return Ok(());
        };
        check(Command::new("kill").arg(pid.to_string()))?;
        let start = Instant::now();
        while self.running().is_some() {
            if start.elapsed() > UNTIL_IT_ENDS {
                check(Command::new("kill").args(["-KILL", &pid.to_string()]))?;
                break;
            }
            sleep(Duration::from_millis(100));
        }
        Ok(())
    }
}
