//! Connections as they begin: CONNECT and what answers it, a subscription, a session left behind.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};

use anyhow::{Context as _, Result, bail};

use crate::engine::SILENCE;
use crate::packets;

/// Opens a connection and waits for CONNACK and, where there is a filter, SUBACK.
pub(crate) fn open(
    address: SocketAddr,
    client_id: &str,
    filter: Option<(&str, u8)>,
) -> Result<TcpStream> {
    let mut stream = socket(address)?;
    stream.write_all(&packets::connect(client_id, true))?;
    subscribed(stream, filter)
}

/// The same for a session that outlives its connection.
pub(crate) fn open_kept(address: SocketAddr, client_id: &str) -> Result<TcpStream> {
    subscribed(come_back(address, client_id)?, None)
}

/// Waits for CONNACK and, where there is a filter, SUBACK.
fn subscribed(mut stream: TcpStream, filter: Option<(&str, u8)>) -> Result<TcpStream> {
    let mut connack = [0; 4];
    stream.read_exact(&mut connack).context("no CONNACK")?;
    if connack != [0x20, 2, 0, 0] {
        bail!("an unexpected CONNACK: {connack:?}");
    }
    if let Some((filter, qos)) = filter {
        stream.write_all(&packets::subscribe(filter, qos))?;
        let mut suback = [0; 5];
        stream.read_exact(&mut suback).context("no SUBACK")?;
    }
    Ok(stream)
}

/// Leaves a session behind that keeps what comes for `filter`; returns when the server has let the client go.
pub(crate) fn leave_session(
    address: SocketAddr,
    client_id: &str,
    filter: (&str, u8),
) -> Result<()> {
    let mut stream = socket(address)?;
    stream.write_all(&packets::connect(client_id, false))?;
    let mut stream = subscribed(stream, Some(filter))?;
    stream.write_all(&packets::DISCONNECT)?;
    stream
        .read_to_end(&mut Vec::new())
        .context("the server does not let a client go")?;
    Ok(())
}

/// Comes back to a session, and does not wait for the answer.
pub(crate) fn come_back(address: SocketAddr, client_id: &str) -> Result<TcpStream> {
    let mut stream = socket(address)?;
    stream.write_all(&packets::connect(client_id, false))?;
    Ok(stream)
}

fn socket(address: SocketAddr) -> Result<TcpStream> {
    let stream = TcpStream::connect(address).context("the server takes no connection")?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(SILENCE))?;
    Ok(stream)
}
