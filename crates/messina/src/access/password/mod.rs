//! Passwords: how they are kept, how a file of them is read, how one is checked.
//! Takes the file's text from `control`, and a password from `authenticator`.
//! Gives [`Stored`] per user, which says yes or no to a password and keys for SCRAM, and is never printed.

mod hash;

pub use hash::HashError;
pub(super) use hash::{bytes, iterations_of, random};

mod stored;

pub use stored::Stored;

mod file;

pub use file::{PasswordFile, entry_for};

mod clear;

#[cfg(test)]
mod tests;
