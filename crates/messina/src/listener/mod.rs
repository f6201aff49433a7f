//! Listeners: sockets to byte streams.
//! Takes addresses, certificates and limits from the configuration.
//! Gives accepted streams to `gateway`.

pub mod proxy;
pub mod tcp;
pub mod tls;
pub mod tls_client;
pub mod web_socket;

mod below;
mod inspect;

pub use below::{Below, Duplex, Stream};
pub use inspect::inspect;

use std::sync::Arc;

use tokio::net::TcpListener;

/// A listening socket, and what is between it and MQTT.
#[derive(Debug)]
pub struct Listening {
    /// The socket.
    pub socket: TcpListener,
    /// What is between.
    pub below: Arc<Below>,
}
