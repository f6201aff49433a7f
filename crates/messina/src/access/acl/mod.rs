//! What a client may do: mosquitto's access control file, read once, asked for every publish and subscription.
//! Takes the file's text from `control` and questions from `gateway`.
//! Gives [`Acl`], which answers without allocating for topics.

mod rule;

mod parse;

mod decide;

pub use decide::{Acl, Subscription};

#[cfg(test)]
mod tests;
