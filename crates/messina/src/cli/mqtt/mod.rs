//! What `pub` and `sub` share: mosquitto's connection flags, and the way to a connected link.
//! Takes what was typed.
//! Gives links that are connected, and messages as they are printed.

mod address;

mod property;

mod tls;

mod will;

mod connection;

pub(super) use connection::{Connection, Dial, Protocol, qos, seed};

mod layout;

pub(super) use layout::{Layout, Received};
