//! Listeners: sockets to byte streams.
//! Takes addresses and limits from the configuration.
//! Gives accepted streams to `gateway`.

pub mod tcp;
