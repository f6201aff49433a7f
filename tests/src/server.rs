//! The built binary as a process: started, killed, asked to stop, started again on the same data.

use std::fs::File;
use std::io::Write as _;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU8, AtomicU32, Ordering};
use std::time::Duration;

use tempfile::TempDir;

use crate::admin::Admin;
use crate::patience::{until, until_within};

/// A data directory, two ports, and settings: what stays when the process is killed.
#[derive(Debug)]
pub struct Site {
    folder: TempDir,
    /// Where devices connect.
    pub mqtt: SocketAddr,
    /// Where the admin API is.
    pub admin: SocketAddr,
    settings: Vec<String>,
    command: &'static str,
    arguments: Vec<String>,
    log_filter: Option<&'static str>,
}

impl Default for Site {
    fn default() -> Self {
        Self::new()
    }
}

impl Site {
    /// An empty data directory and two free ports.
    pub fn new() -> Self {
        let folder = tempfile::Builder::new()
            .prefix("messina-e2e-")
            .tempdir()
            .expect("a temporary directory");
        let [mqtt, admin] = free_addresses();
        Self {
            folder,
            mqtt,
            admin,
            settings: Vec::new(),
            command: "up",
            arguments: Vec::new(),
            log_filter: None,
        }
    }

    /// The same for another command than `up`: `gateway` or `worker`.
    #[must_use]
    pub fn running(mut self, command: &'static str) -> Self {
        self.command = command;
        self
    }

    /// The same with one more `--set`.
    #[must_use]
    pub fn set(mut self, setting: impl Into<String>) -> Self {
        self.settings.push(setting.into());
        self
    }

    /// The same with one more argument behind the command.
    #[must_use]
    pub fn argument(mut self, argument: impl Into<String>) -> Self {
        self.arguments.push(argument.into());
        self
    }

    /// The same with log lines as this `RUST_LOG` asks for.
    #[must_use]
    pub fn logging(mut self, filter: &'static str) -> Self {
        self.log_filter = Some(filter);
        self
    }

    /// The data directory.
    pub fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// What the processes of this site have said so far.
    pub fn said(&self) -> String {
        std::fs::read_to_string(self.log_path()).unwrap_or_default()
    }

    /// The admin API.
    pub fn admin(&self) -> Admin {
        Admin::new(self.admin)
    }

    /// Starts the process without waiting for anything.
    pub fn spawn(&self) -> Server {
        let mut log = File::options();
        let log = log
            .create(true)
            .append(true)
            .open(self.log_path())
            .expect("a log file");
        let errors = log.try_clone().expect("a second handle of the log file");
        let mut command = self.up_on(&self.data());
        let child = command
            .stdin(Stdio::null())
            .stdout(log)
            .stderr(errors)
            .spawn()
            .expect("the binary starts");
        Server::from(child)
    }

    /// Starts the process and waits until it says it is healthy.
    pub fn start(&self) -> Server {
        self.start_until("the process is healthy", || self.admin().is_healthy())
    }

    /// Starts the process and waits until it answers, healthy or not.
    pub fn start_unwatched(&self) -> Server {
        self.start_until("the process answers", || self.admin().answers())
    }

    fn start_until(&self, what: &str, ready: impl Fn() -> bool) -> Server {
        let mut server = self.spawn();
        until(what, || {
            if let Some(status) = server.ended() {
                panic!("the process ended with {status}; it said:\n{}", self.said());
            }
            ready().then_some(())
        });
        server
    }

    /// Runs `up` to its end, for starts that must be refused; gives the status and all it said.
    pub fn refused(&self) -> (ExitStatus, String) {
        let output = self
            .up_on(&self.data())
            .output()
            .expect("the binary starts");
        let said = [output.stdout, output.stderr].concat();
        (output.status, String::from_utf8_lossy(&said).into_owned())
    }

    /// Keeps a user's password in a file, as `messina passwd` does.
    pub fn passwd(file: &Path, user: &str, password: &str) {
        let mut command = Command::new(binary());
        command.arg("passwd").arg(file).arg(user);
        let child = command.stdin(Stdio::piped()).stdout(Stdio::null()).spawn();
        let mut child = child.expect("the binary starts");
        let input = child.stdin.take().expect("a pipe");
        writeln!(&input, "{password}").expect("it reads");
        drop(input);
        let status = child.wait().expect("it can be waited for");
        assert!(status.success(), "messina passwd: {status}");
    }

    /// Any other `messina` command, told where this site is.
    pub fn messina(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(binary());
        command
            .args(arguments)
            .args(["--set", &format!("admin.listen={}", self.admin)]);
        command.env("NO_COLOR", "1");
        command
    }

    /// `up`, or the command it was told, with this site's ports and settings on that data.
    pub fn up_on(&self, data: &Path) -> Command {
        let mut command = Command::new(binary());
        command.arg(self.command).args(&self.arguments);
        command.arg("--data").arg(data);
        command.args(["--set", &format!("gateway.listen={}", self.mqtt)]);
        command.args(["--set", &format!("admin.listen={}", self.admin)]);
        // Of several at once only one could have the usual port.
        command.args(["--set", "rest.listen=127.0.0.1:0"]);
        for setting in &self.settings {
            command.args(["--set", setting]);
        }
        if let Some(filter) = self.log_filter {
            command.env("RUST_LOG", filter);
        }
        command.current_dir(self.folder.path()).env("NO_COLOR", "1");
        command
    }

    fn log_path(&self) -> PathBuf {
        self.folder.path().join("messina.log")
    }
}

/// A running process; dropped, it is killed.
#[derive(Debug)]
pub struct Server {
    child: Child,
}

impl From<Child> for Server {
    fn from(child: Child) -> Self {
        Self { child }
    }
}

impl Server {
    /// Its process identifier.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// SIGKILL, and waits until it is gone.
    pub fn kill_9(mut self) {
        self.kill();
    }

    /// The same for who will put another in its place.
    pub fn kill(&mut self) {
        self.child.kill().expect("the process can be killed");
        self.child.wait().expect("the process can be waited for");
    }

    /// SIGTERM.
    pub fn terminate(&self) {
        self.signal("-TERM");
    }

    /// Stops the process in its tracks: it sees nothing of what happens meanwhile.
    pub fn freeze(&self) {
        self.signal("-STOP");
    }

    /// Lets it go on.
    pub fn thaw(&self) {
        self.signal("-CONT");
    }

    fn signal(&self, signal: &str) {
        let pid = self.pid().to_string();
        let status = Command::new("kill").args([signal, &pid]).status();
        assert!(
            status.expect("`kill` runs").success(),
            "the process is gone before {signal}"
        );
    }

    /// Waits until it has ended.
    pub fn wait_within(&mut self, limit: Duration) -> ExitStatus {
        until_within(limit, "the process ends", || self.ended())
    }

    /// The status it ended with, if it has.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        self.child
            .try_wait()
            .expect("the process can be waited for")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// The binary: `MESSINA_BIN`, or the workspace's, built first.
fn binary() -> &'static Path {
    static BINARY: OnceLock<PathBuf> = OnceLock::new();
    BINARY.get_or_init(|| {
        if let Some(path) = std::env::var_os("MESSINA_BIN") {
            return path.into();
        }
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let status = Command::new(cargo)
            .args(["build", "--quiet", "--package", "messina"])
            .status();
        assert!(
            status.expect("cargo runs").success(),
            "the binary does not build"
        );
        // This program is target/<profile>/deps/<name>; the binary is target/debug/messina.
        let own = std::env::current_exe().expect("this program has a path");
        let target = own.ancestors().nth(3).expect("a target directory");
        target.join("debug").join("messina")
    })
}

/// So many addresses on which nobody listens: of a loopback address of their own, where no other test's outgoing
/// connection can take a port before it is used.
pub fn free_addresses<const N: usize>() -> [SocketAddr; N] {
    static HOSTS: AtomicU8 = AtomicU8::new(1);
    let [.., high, low] = std::process::id().to_be_bytes();
    let host = HOSTS.fetch_add(1, Ordering::Relaxed);
    let host = Ipv4Addr::new(127, 128 | high, low, host);
    let bound: [TcpListener; N] =
        std::array::from_fn(|_| TcpListener::bind((host, 0)).expect("a free port"));
    bound.map(|listener| listener.local_addr().expect("a bound address"))
}

/// So many ports of `127.0.0.1` on which nobody listens, below those that the system gives to outgoing connections: for
/// what must be called `localhost`.
pub fn free_ports<const N: usize>() -> [u16; N] {
    static TAKEN: AtomicU32 = AtomicU32::new(0);
    const FIRST: u32 = 10_000;
    const COUNT: u32 = 22_000;
    let own = std::process::id().wrapping_mul(64);
    let ports = std::iter::repeat_with(|| TAKEN.fetch_add(1, Ordering::Relaxed));
    let ports = ports.map(|next| FIRST + own.wrapping_add(next) % COUNT);
    let mut free = ports
        .map(|port| u16::try_from(port).expect("below 32,000"))
        .filter(|port| TcpListener::bind((Ipv4Addr::LOCALHOST, *port)).is_ok());
    std::array::from_fn(|_| free.next().expect("there is no end of them"))
}
