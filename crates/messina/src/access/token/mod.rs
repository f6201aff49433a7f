//! JSON web tokens as passwords: HS256, RS256 and ES256, each with the keys configured for it and no other.
//! Takes keys from `control` and a password from `authenticator`.
//! Gives an [`Identity`](super::Identity): `sub` is the user, `exp` the end, `publ` and `subs` what it may do.

mod key;

pub use key::{KeyError, VerifyingKey};

mod der;

mod verify;

pub use verify::Keys;

#[cfg(test)]
mod tests;
