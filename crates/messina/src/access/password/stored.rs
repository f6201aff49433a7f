//! What is kept of one user: a password hash, keys for SCRAM, or both.

use std::fmt;

use super::hash::{Hash, HashError};
use crate::access::scram::ScramKeys;

/// What is kept of one user. `Debug` prints `***`.
#[derive(Clone, PartialEq, Eq)]
pub struct Stored {
    hash: Option<Hash>,
    scram: Option<ScramKeys>,
}

impl fmt::Debug for Stored {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("***")
    }
}

impl From<Hash> for Stored {
    fn from(hash: Hash) -> Self {
        Self {
            hash: Some(hash),
            scram: None,
        }
    }
}

impl Stored {
    /// Reads `HASH`, `SCRAM-SHA-256$..` or both with a colon between.
    pub(super) fn parse(text: &str) -> Result<Self, HashError> {
        if text.starts_with(ScramKeys::PREFIX) {
            let scram = Some(ScramKeys::parse(text)?);
            return Ok(Self { hash: None, scram });
        }
        let (hash, scram) = match text.split_once(':') {
            Some((hash, scram)) => (hash, Some(ScramKeys::parse(scram)?)),
            None => (text, None),
        };
        let hash = Some(Hash::parse(hash)?);
        Ok(Self { hash, scram })
    }

    /// What to keep of a new password: an argon2id hash, and with `scram_iterations` keys for SCRAM. `None` if the
    /// system has no randomness.
    pub(super) fn new(
        password: &[u8],
        scram_iterations: Option<std::num::NonZeroU32>,
    ) -> Option<Self> {
        let scram = match scram_iterations {
            Some(iterations) => Some(ScramKeys::new(password, iterations)?),
            None => None,
        };
        let hash = Some(Hash::new(password)?);
        Some(Self { hash, scram })
    }

    /// Whether this is the password. Takes as long when it is not; not for the threads that serve sockets.
    pub fn verify(&self, password: &[u8]) -> bool {
        match (&self.hash, &self.scram) {
            (Some(hash), _) => hash.verify(password),
            (None, Some(scram)) => scram.verify(password),
            (None, None) => false,
        }
    }

    /// The keys for SCRAM, if there are any.
    pub(in super::super) fn scram(&self) -> Option<&ScramKeys> {
        self.scram.as_ref()
    }

    /// What is weak about it.
    pub(in super::super) fn weaknesses(&self) -> impl Iterator<Item = String> {
        let hash = self.hash.as_ref().and_then(Hash::weakness);
        let scram = self.scram.as_ref().and_then(ScramKeys::weakness);
        hash.into_iter().chain(scram)
    }

    pub(super) fn to_text(&self) -> String {
        let hash = self.hash.as_ref().map(Hash::to_text);
        let scram = self.scram.as_ref().map(ScramKeys::to_text);
        let both: Vec<String> = hash.into_iter().chain(scram).collect();
        both.join(":")
    }
}
