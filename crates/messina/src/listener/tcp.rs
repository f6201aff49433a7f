//! The TCP listener: binds, accepts within the limits, and names the setting when it cannot.

use std::io;
use std::net::SocketAddr;

use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::{TcpListener, TcpStream};

/// How many connections the kernel may hold ready for us; reconnect storms come in thousands.
const BACKLOG: i32 = 4096;

/// Why a listener could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum ListenError {
    /// Another process has the address.
    #[error(
        "`{setting}` = `{address}` is in use by another process; stop it, or choose another address with `--set {setting}=ADDRESS:PORT`"
    )]
    InUse {
        /// The setting that names the address.
        setting: &'static str,
        /// The address.
        address: SocketAddr,
    },
    /// The system refused it for another reason.
    #[error("cannot listen on `{setting}` = `{address}`")]
    Bind {
        /// The setting that names the address.
        setting: &'static str,
        /// The address.
        address: SocketAddr,
        /// What the system said.
        source: io::Error,
    },
}

/// Opens a listening socket on `address`, which came from `setting`.
pub fn listen(setting: &'static str, address: SocketAddr) -> Result<TcpListener, ListenError> {
    open(address).map_err(|source| match source.kind() {
        io::ErrorKind::AddrInUse => ListenError::InUse { setting, address },
        _ => ListenError::Bind {
            setting,
            address,
            source,
        },
    })
}

fn open(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = Socket::new(
        Domain::for_address(address),
        Type::STREAM,
        Some(Protocol::TCP),
    )?;
    // Restarting after a crash must not wait for the old connections' TIME_WAIT.
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    TcpListener::from_std(socket.into())
}

/// Accepts the next connection. Errors of a single connection, or of running out of file descriptors,
/// do not end the listener: they are returned for the caller to log and wait.
pub async fn accept(listener: &TcpListener) -> io::Result<(TcpStream, SocketAddr)> {
    // [MQTT-4.2.0-1]
    let (stream, peer) = listener.accept().await?;
    // Acknowledgements are small and urgent; they are already gathered into one write for each commit.
    stream.set_nodelay(true)?;
    Ok((stream, peer))
}
