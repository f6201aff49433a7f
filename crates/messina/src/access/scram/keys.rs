//! What is kept of a user for SCRAM, and what stands in for users that do not exist.

use std::num::NonZeroU32;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ring::{digest, hmac, pbkdf2};
use subtle::ConstantTimeEq;

use crate::access::password::{HashError, bytes, iterations_of, random};

/// What RFC 7677 asks for at least.
pub(super) const LEAST_ITERATIONS: NonZeroU32 = NonZeroU32::new(4096).unwrap();

pub(super) const KEY_BYTES: usize = 32;
pub(super) const SALT_BYTES: usize = 16;

/// An output of SHA-256.
pub(super) type Key = [u8; KEY_BYTES];

/// What the server keeps instead of a password. No `Debug`.
#[derive(Clone, PartialEq, Eq)]
pub(in super::super) struct ScramKeys {
    pub(super) iterations: NonZeroU32,
    pub(super) salt: Vec<u8>,
    pub(super) stored_key: Key,
    pub(super) server_key: Key,
}

impl ScramKeys {
    /// What the text form begins with.
    pub(in super::super) const PREFIX: &str = "SCRAM-SHA-256$";

    /// Reads `SCRAM-SHA-256$iterations:salt$StoredKey:ServerKey`, the form PostgreSQL keeps.
    pub(in super::super) fn parse(text: &str) -> Result<Self, HashError> {
        let rest = text.strip_prefix(Self::PREFIX).ok_or(HashError::Unknown)?;
        let (costs, keys) = rest.split_once('$').ok_or(HashError::Parts)?;
        let (iterations, salt) = costs.split_once(':').ok_or(HashError::Parts)?;
        let (stored_key, server_key) = keys.split_once(':').ok_or(HashError::Parts)?;
        let key = |text| {
            let bytes = bytes(&STANDARD, text, KEY_BYTES..=KEY_BYTES)?;
            Key::try_from(bytes).map_err(|_length| HashError::Bytes)
        };
        Ok(Self {
            iterations: iterations_of(iterations)?,
            salt: bytes(&STANDARD, salt, 8..=64)?,
            stored_key: key(stored_key)?,
            server_key: key(server_key)?,
        })
    }

    /// Keys for a new password; `None` if the system has no randomness.
    pub(in super::super) fn new(password: &[u8], iterations: NonZeroU32) -> Option<Self> {
        let salt = random::<SALT_BYTES>()?;
        Some(Self::derive(password, iterations, salt.to_vec()))
    }

    pub(super) fn derive(password: &[u8], iterations: NonZeroU32, salt: Vec<u8>) -> Self {
        let mut salted: Key = [0; KEY_BYTES];
        pbkdf2::derive(
            pbkdf2::PBKDF2_HMAC_SHA256,
            iterations,
            &salt,
            password,
            &mut salted,
        );
        Self {
            iterations,
            salt,
            stored_key: hash(&sign(&salted, b"Client Key")),
            server_key: sign(&salted, b"Server Key"),
        }
    }

    /// Whether this is the password. Slow.
    pub(in super::super) fn verify(&self, password: &[u8]) -> bool {
        let derived = Self::derive(password, self.iterations, self.salt.clone());
        derived.stored_key.ct_eq(&self.stored_key).into()
    }

    /// What is weak about them.
    pub(in super::super) fn weakness(&self) -> Option<String> {
        let few = self.iterations < LEAST_ITERATIONS;
        few.then(|| {
            format!(
                "SCRAM with {} iterations, at least {LEAST_ITERATIONS} are due",
                self.iterations
            )
        })
    }

    /// The form that is written to a file.
    pub(in super::super) fn to_text(&self) -> String {
        format!(
            "{}{}:{}${}:{}",
            Self::PREFIX,
            self.iterations,
            STANDARD.encode(&self.salt),
            STANDARD.encode(self.stored_key),
            STANDARD.encode(self.server_key)
        )
    }
}

/// Salts for users that do not exist: the same each time one is asked for, until the process ends.
#[derive(Clone)]
pub(in super::super) struct MadeUp {
    secret: Key,
    /// What real users have.
    iterations: NonZeroU32,
}

impl MadeUp {
    /// `None` if the system has no randomness.
    pub(in super::super) fn new() -> Option<Self> {
        let (secret, iterations) = (random()?, LEAST_ITERATIONS);
        Some(Self { secret, iterations })
    }

    /// The same with the iterations of a real user's keys.
    pub(in super::super) fn like(&self, keys: Option<&ScramKeys>) -> Self {
        let mut like = self.clone();
        like.iterations = keys.map_or(like.iterations, |keys| keys.iterations);
        like
    }

    pub(super) fn keys(&self, user: &str) -> ScramKeys {
        let salt = sign(&self.secret, user.as_bytes());
        ScramKeys {
            iterations: self.iterations,
            salt: salt.iter().copied().take(SALT_BYTES).collect(),
            stored_key: hash(&salt),
            server_key: hash(&salt),
        }
    }
}

pub(super) fn sign(key: &Key, message: &[u8]) -> Key {
    let key = hmac::Key::new(hmac::HMAC_SHA256, key);
    sized(hmac::sign(&key, message).as_ref())
}

pub(super) fn hash(bytes: &[u8]) -> Key {
    sized(digest::digest(&digest::SHA256, bytes).as_ref())
}

/// The output of SHA-256, which is as long as a key.
fn sized(output: &[u8]) -> Key {
    let mut key = [0; KEY_BYTES];
    key.copy_from_slice(output);
    key
}
