//! The client's half of a session, as a state machine without I/O, in the same shape as the server's.
//! Takes packets, what the caller wants to publish or subscribe to, and the time from the tools, the simulator and tests.
//! Gives packets to write, what was received, and what became of what was published ([`Output`]).

mod io;

mod machine;
mod traffic;

pub use io::{Input, Options, Output, Token};
pub use machine::Device;

#[cfg(test)]
mod tests;
