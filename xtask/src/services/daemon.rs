//! A process that outlives the command which started it: its folder, its identifier, its log.

use std::fs::{self, File};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};

use crate::command::{check, root, say};

/// How long a service may take until it listens; a cold Cassandra takes 13 s on two quiet cores, one that was killed 40
/// s.
const UNTIL_IT_LISTENS: Duration = Duration::from_mins(5);
/// How long one may take to end before it is killed.
const UNTIL_IT_ENDS: Duration = Duration::from_secs(20);

/// What fetches a service and starts it in its folder; it need not listen yet.
pub(super) type Start = fn(&Daemon) -> Result<Started>;

/// A kind of service.
pub(super) struct Service {
    /// The loopback port its clients connect to.
    pub(super) port: u16,
    /// Its nodes, by the last number of their loopback addresses; one alone is 127.0.0.1.
    pub(super) nodes: &'static [u8],
    /// Whether its nodes need each other to begin with; else they start one after another.
    pub(super) together: bool,
    /// Fetches what it needs and starts it.
    pub(super) start: Start,
}

/// A node of a service, under `.services/<name>`, or `.services/<name>/<node>` where there are several.
pub(super) struct Daemon {
    /// The folder that holds everything the node has.
    pub(super) folder: PathBuf,
    /// The last number of its loopback address.
    pub(super) node: u8,
    /// The address that answers once it is ready.
    pub(super) listens: SocketAddr,
}

/// A process that was started and may not listen yet.
pub(super) struct Started(Child);

impl Daemon {
    /// The nodes of the service of that name.
    pub(super) fn all(name: &str, service: &Service) -> Vec<Self> {
        let folder = root().join(".services").join(name);
        let alone = service.nodes.len() == 1;
        let daemon = |node: &u8| Self {
            folder: if alone {
                folder.clone()
            } else {
                folder.join(node.to_string())
            },
            node: *node,
            listens: SocketAddr::from((Ipv4Addr::new(127, 0, 0, *node), service.port)),
        };
        service.nodes.iter().map(daemon).collect()
    }

    /// Its address, without the port.
    pub(super) fn address(&self) -> IpAddr {
        self.listens.ip()
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

    /// Starts the command in the folder.
    pub(super) fn start(&self, command: &mut Command) -> Result<Started> {
        let log =
            File::create(self.folder.join("log.txt")).context("cannot create the log file")?;
        let errors = log.try_clone().context("cannot share the log file")?;
        command
            .current_dir(&self.folder)
            .stdin(Stdio::null())
            .stdout(log)
            .stderr(errors);
        let child = command.spawn().context("cannot start java")?;
        fs::write(self.folder.join("pid"), child.id().to_string())
            .context("cannot write the pid file")?;
        Ok(Started(child))
    }

    /// Waits until it listens.
    #[expect(
        clippy::disallowed_methods,
        reason = "a developer's tool waits for a process in real time"
    )]
    pub(super) fn wait(&self, Started(mut child): Started) -> Result<()> {
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
            "{} ready after {:.1} s",
            self.listens,
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
