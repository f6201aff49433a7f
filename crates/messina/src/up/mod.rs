//! `messina up`, `gateway`, `worker`: the chain or one half of it, started in the order a reading takes, and stopped in it.
//! Takes a checked configuration from `cli`.
//! Gives every folder of the path what it needs, and the operator the reason where that cannot be done.

mod role;

mod error;

mod process;

mod patience;

mod sockets;

mod stores;

mod connectors;

mod run;

pub use error::UpError;
pub use role::Role;
pub use run::run;
pub use sockets::{Ready, RestAt};
