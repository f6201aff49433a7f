//! From a listening socket to connections: limits first, then what is below MQTT, then MQTT.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpStream;

use super::connection::{Connection, Peer};
use super::recurring::Line;
use super::server::Gateway;
use crate::access::ConnectionSlot;
use crate::listener::{Below, Listening, Stream, tcp};
use crate::runtime::tasks::Tasks;

/// How long the accept loop waits after the system could give no connection (no file descriptors, say).
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Accepts connections until the program stops.
pub async fn accept(gateway: Arc<Gateway>, listening: Listening, tasks: Tasks) {
    loop {
        let accepted = tokio::select! {
            accepted = tcp::accept(&listening.socket) => accepted,
            () = gateway.shutdown.intake_stopped() => return,
        };
        match accepted {
            Ok((stream, peer)) => open(&gateway, &listening.below, stream, peer, &tasks),
            Err(error) => {
                if let Some(left_out) = gateway.turn(Line::NotAccepted) {
                    tracing::warn!(%error, left_out, "a connection could not be accepted");
                }
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

fn open(
    gateway: &Arc<Gateway>,
    below: &Arc<Below>,
    stream: TcpStream,
    peer: SocketAddr,
    tasks: &Tasks,
) {
    if gateway.events.connections() >= gateway.config.limits.max_connections as u64 {
        // Closed without a CONNACK: whoever opens too many shall not cost us a session each.
        gateway.events.closed("too many connections");
        return;
    }
    // Behind a proxy it is not known yet whose connection it is.
    let slot = if below.is_proxied() {
        None
    } else if let Some(slot) = slot_for(gateway, peer) {
        Some(slot)
    } else {
        return;
    };
    let gateway = Arc::clone(gateway);
    gateway.events.opened();
    if below.is_plain() {
        // Made out here: what a task is given takes room in it to its end.
        let connection = Connection::new(Arc::clone(&gateway), stream, peer.into());
        tasks.spawn("gateway", async move {
            connection.serve().await;
            gateway.events.gone();
            drop(slot);
        });
        return;
    }
    let below = Arc::clone(below);
    tasks.spawn("gateway", async move {
        let mut slot = slot;
        let established = shake_hands(&gateway, &below, stream, peer, &mut slot);
        if let Some(connection) = Box::pin(established).await {
            connection.serve().await;
        }
        gateway.events.gone();
        drop(slot);
    });
}

/// The place a connection takes among those of its address; none if all are taken.
fn slot_for(gateway: &Gateway, client: SocketAddr) -> Option<ConnectionSlot> {
    match gateway.access.connected(client.ip()) {
        Ok(slot) => Some(slot),
        Err(refusal) => {
            gateway.events.closed(refusal.as_str());
            None
        }
    }
}

/// What is below MQTT comes about in the time a CONNECT has, or not at all.
async fn shake_hands(
    gateway: &Arc<Gateway>,
    below: &Below,
    mut stream: TcpStream,
    peer: SocketAddr,
    slot: &mut Option<ConnectionSlot>,
) -> Option<Box<Connection<Stream>>> {
    let limit = gateway.config.limits.connect_timeout;
    let establishing = async {
        let client = below.client_of(&mut stream, peer).await?;
        if slot.is_none() {
            *slot = slot_for(gateway, client);
        }
        if slot.is_none() {
            return Ok(None);
        }
        let (stream, certificate) = below.establish(stream).await?;
        let address = client;
        io::Result::Ok(Some((
            stream,
            Peer {
                address,
                certificate,
            },
        )))
    };
    let (stream, peer) = tokio::select! {
        () = gateway.shutdown.intake_stopped() => return None,
        result = tokio::time::timeout(limit, establishing) => match result {
            Ok(Ok(established)) => established?,
            Ok(Err(error)) => {
                if let Some(left_out) = gateway.turn(Line::HandshakeFailed) {
                    tracing::info!(%peer, %error, left_out, "a client's handshake has failed; its connection is closed");
                }
                gateway.events.closed("handshake failed");
                return None;
            }
            Err(_elapsed) => {
                if let Some(left_out) = gateway.turn(Line::HandshakeFailed) {
                    tracing::info!(%peer, left_out, "a client's handshake took too long; its connection is closed");
                }
                gateway.events.closed("handshake timed out");
                return None;
            }
        },
    };
    Some(Connection::new(Arc::clone(gateway), stream, peer))
}
