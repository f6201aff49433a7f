//! The servers under load, each a process of its own with its own data, ended by its identifier.

use std::fs::{self, File};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use tempfile::TempDir;

use crate::process;

/// Which server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Ours, with every publish routed into the embedded log and no sink on that topic.
    Messina,
    /// Debian's, with no persistence at all.
    Mosquitto,
}

impl Kind {
    /// Its name in the table.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Messina => "messina",
            Self::Mosquitto => "mosquitto",
        }
    }

    /// Ours, and the other where it is installed.
    pub(crate) fn both() -> Vec<Self> {
        if mosquitto().is_some() {
            return vec![Self::Mosquitto, Self::Messina];
        }
        eprintln!(
            "mosquitto is not installed (Debian package `mosquitto`): its columns stay empty"
        );
        vec![Self::Messina]
    }
}

/// A route into a topic that no sink reads: what is measured is the gateway and the log.
const ROUTE_ONLY: &str = "[[route]]\nname = \"bench\"\nfilter = \"#\"\ntopic = \"bench\"\nkey = \"$topic\"\n\
    headers = [\"mqtt.topic\", \"mqtt.client.id\", \"mqtt.qos\"]\n";

/// A running server.
#[derive(Debug)]
pub(crate) struct Server {
    child: Child,
    folder: Option<TempDir>,
    /// Where it listens for MQTT.
    pub(crate) mqtt: SocketAddr,
    /// Where Messina's admin API is.
    pub(crate) admin: SocketAddr,
    /// From the start of the process to the first CONNACK.
    pub(crate) ready_after: Duration,
}

impl Server {
    /// Starts one on empty data.
    pub(crate) fn start(kind: Kind) -> Result<Self> {
        let folder = folder()?;
        match kind {
            Kind::Messina => {
                fs::write(folder.path().join("messina.toml"), ROUTE_ONLY)?;
                Self::messina(folder, true)
            }
            Kind::Mosquitto => Self::mosquitto(folder),
        }
    }

    /// Starts Messina with its built-in configuration.
    pub(crate) fn start_default() -> Result<Self> {
        Self::messina(folder()?, false)
    }

    /// Starts Messina with that configuration.
    pub(crate) fn start_with(configuration: &str) -> Result<Self> {
        Self::start_half("up", configuration)
    }

    /// Starts `messina gateway` or `messina worker` with that configuration.
    pub(crate) fn start_half(command: &str, configuration: &str) -> Result<Self> {
        let folder = folder()?;
        fs::write(folder.path().join("messina.toml"), configuration)?;
        Self::command(command, folder, true)
    }

    /// Kills it and starts it again on the data it had.
    pub(crate) fn kill_and_restart(mut self) -> Result<Self> {
        self.child.kill()?;
        self.child.wait()?;
        let folder = self.folder.take().context("the data directory")?;
        let configured = folder.path().join("messina.toml").exists();
        Self::messina(folder, configured)
    }

    /// Its process identifier.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Its CPU time so far, in seconds.
    pub(crate) fn cpu_seconds(&self) -> Result<f64> {
        process::cpu_seconds(self.pid())
    }

    /// Its resident memory, in bytes.
    pub(crate) fn resident_bytes(&self) -> Result<u64> {
        process::resident_bytes(self.pid())
    }

    /// Bytes of its data directory.
    pub(crate) fn data_bytes(&self) -> u64 {
        self.folder
            .as_ref()
            .map_or(0, |folder| bytes_below(folder.path()))
    }

    fn messina(folder: TempDir, configured: bool) -> Result<Self> {
        Self::command("up", folder, configured)
    }

    fn command(name: &str, folder: TempDir, configured: bool) -> Result<Self> {
        let (mqtt, admin) = (free_port()?, free_port()?);
        let mut command = Command::new(messina_binary()?);
        command.arg(name);
        if configured {
            command
                .arg("--config")
                .arg(folder.path().join("messina.toml"));
        }
        command.arg("--data").arg(folder.path().join("data"));
        command.args([
            "--set",
            &format!("gateway.listen={mqtt}"),
            "--set",
            &format!("admin.listen={admin}"),
            "--set",
            "rest.listen=127.0.0.1:0",
        ]);
        // A worker has no clients: it is ready when its admin API is.
        let asked = (name != "worker").then_some(mqtt);
        Self::spawn(command, folder, (mqtt, admin), asked)
    }

    fn mosquitto(folder: TempDir) -> Result<Self> {
        let mqtt = free_port()?;
        let configuration = folder.path().join("mosquitto.conf");
        let text = format!(
            "listener {} 127.0.0.1\nallow_anonymous true\npersistence false\nlog_type none\nsys_interval 0\n\
             max_queued_messages 0\n",
            mqtt.port()
        );
        fs::write(&configuration, text)?;
        let mut command = Command::new(mosquitto().context("mosquitto is not installed")?);
        command.arg("-c").arg(configuration);
        Self::spawn(command, folder, (mqtt, mqtt), Some(mqtt))
    }

    fn spawn(
        mut command: Command,
        folder: TempDir,
        (mqtt, admin): (SocketAddr, SocketAddr),
        clients: Option<SocketAddr>,
    ) -> Result<Self> {
        let log = File::create(folder.path().join("log.txt"))?;
        let errors = log.try_clone()?;
        let start = Instant::now();
        let child = command
            .stdin(Stdio::null())
            .stdout(log)
            .stderr(errors)
            .spawn();
        let mut child = child.context("the server does not start")?;
        while TcpStream::connect(clients.unwrap_or(admin)).is_err() {
            if child.try_wait()?.is_some() || start.elapsed() > Duration::from_mins(2) {
                drop(child.kill());
                bail!(
                    "the server does not listen:\n{}",
                    fs::read_to_string(folder.path().join("log.txt"))?
                );
            }
            sleep(Duration::from_millis(1));
        }
        // Ports are open before the log is recovered: ready is who answers a CONNECT.
        if let Some(mqtt) = clients {
            drop(crate::handshake::open(mqtt, "ready", None)?);
        }
        let ready_after = start.elapsed();
        Ok(Self {
            child,
            folder: Some(folder),
            mqtt,
            admin,
            ready_after,
        })
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// The release binary: `MESSINA_BIN`, or the one beside this program.
pub(crate) fn messina_binary() -> Result<PathBuf> {
    if let Some(path) = std::env::var_os("MESSINA_BIN") {
        return Ok(path.into());
    }
    let path = std::env::current_exe()?.with_file_name("messina");
    if !path.exists() {
        bail!(
            "{} is not there; build it: cargo build --release",
            path.display()
        );
    }
    Ok(path)
}

fn mosquitto() -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::env::split_paths(&path).chain([PathBuf::from("/usr/sbin")]);
    folders
        .map(|folder| folder.join("mosquitto"))
        .find(|file| file.is_file())
}

/// On the disk the project lies on, because what is measured is that disk; `/tmp` may be memory.
fn folder() -> Result<TempDir> {
    let target = std::env::current_exe()?
        .parent()
        .context("this program lies in no folder")?
        .to_path_buf();
    Ok(tempfile::Builder::new()
        .prefix("bench-")
        .tempdir_in(target)?)
}

fn free_port() -> Result<SocketAddr> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?)
}

fn bytes_below(folder: &Path) -> u64 {
    let Ok(entries) = fs::read_dir(folder) else {
        return 0;
    };
    let size = |entry: fs::DirEntry| match entry.metadata() {
        Ok(metadata) if metadata.is_dir() => bytes_below(&entry.path()),
        Ok(metadata) => metadata.len(),
        Err(_) => 0,
    };
    entries.flatten().map(size).sum()
}
