//! MQTT 3.1.1 and 5.0 without I/O: bytes to packets, and packets to what a session must do.
//!
//! Nothing here reads a clock, a socket or a file: bytes and time come in as arguments, and what must
//! happen comes out as values. The gateway, the device tools, the simulator and the tests all drive the
//! same code.

mod numbered;

pub mod packet;
pub mod property;
pub mod reason;

pub mod topic;

pub mod filter_tree;

pub mod in_order;

pub mod session;

pub mod device;
