//! SCRAM-SHA-256 (RFC 5802, RFC 7677), the server's half, as an MQTT 5 enhanced authentication.
//!
//! The client proves that it knows the password without sending it, and we prove that we have the keys made from
//! it. Channel binding is not offered: a client that insists on it (`p=`) is refused. User names are compared as
//! they are, passwords are prepared by the client; for ASCII that is what SASLprep does.

use std::fmt;
use std::num::NonZeroU32;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ring::{digest, hmac, pbkdf2};
use subtle::ConstantTimeEq;

use super::identity::{Identity, Method};
use super::password::{HashError, bytes, iterations_of, random};
use super::refusal::Refusal;

/// The authentication method's name in CONNECT and AUTH.
pub const SCRAM_SHA_256: &str = "SCRAM-SHA-256";

/// What RFC 7677 asks for at least.
const LEAST_ITERATIONS: NonZeroU32 = NonZeroU32::new(4096).unwrap();

/// The longest message of a client that we look at.
const MOST_BYTES: usize = 4096;

const KEY_BYTES: usize = 32;
const SALT_BYTES: usize = 16;
const NONCE_BYTES: usize = 18;

type Key = [u8; KEY_BYTES];

/// What the server keeps instead of a password. No `Debug`.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct ScramKeys {
    iterations: NonZeroU32,
    salt: Vec<u8>,
    stored_key: Key,
    server_key: Key,
}

impl ScramKeys {
    /// What the text form begins with.
    pub(super) const PREFIX: &str = "SCRAM-SHA-256$";

    /// Reads `SCRAM-SHA-256$iterations:salt$StoredKey:ServerKey`, the form PostgreSQL keeps.
    pub(super) fn parse(text: &str) -> Result<Self, HashError> {
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
    pub(super) fn new(password: &[u8], iterations: NonZeroU32) -> Option<Self> {
        let salt = random::<SALT_BYTES>()?;
        Some(Self::derive(password, iterations, salt.to_vec()))
    }

    fn derive(password: &[u8], iterations: NonZeroU32, salt: Vec<u8>) -> Self {
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
    pub(super) fn verify(&self, password: &[u8]) -> bool {
        let derived = Self::derive(password, self.iterations, self.salt.clone());
        derived.stored_key.ct_eq(&self.stored_key).into()
    }

    /// What is weak about them.
    pub(super) fn weakness(&self) -> Option<String> {
        let few = self.iterations < LEAST_ITERATIONS;
        few.then(|| {
            format!(
                "SCRAM with {} iterations, at least {LEAST_ITERATIONS} are due",
                self.iterations
            )
        })
    }

    /// The form that is written to a file.
    pub(super) fn to_text(&self) -> String {
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

/// An exchange after our first message, waiting for the client's final one. `Debug` shows only the user.
pub struct Exchange {
    pub(super) user: Arc<str>,
    keys: ScramKeys,
    /// Whether there is such a user; otherwise the keys are made up and no proof fits.
    known: bool,
    nonce: String,
    /// What the client must repeat: base64 of the first message's header.
    binding: String,
    /// The authentication message up to the client's final one.
    messages: String,
}

impl fmt::Debug for Exchange {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = formatter.debug_struct("Exchange");
        debug.field("user", &self.user).finish_non_exhaustive()
    }
}

impl Exchange {
    /// Answers the client's first message. `keys_of` gives a user's keys.
    pub(super) fn begin<'k>(
        first: &[u8],
        keys_of: impl Fn(&str) -> Option<&'k ScramKeys>,
        made_up: &MadeUp,
    ) -> Result<(Self, Vec<u8>), Refusal> {
        let nonce = random::<NONCE_BYTES>().ok_or(Refusal::NoRandomness)?;
        Self::begin_with(first, keys_of, made_up, &STANDARD.encode(nonce))
    }

    fn begin_with<'k>(
        first: &[u8],
        keys_of: impl Fn(&str) -> Option<&'k ScramKeys>,
        made_up: &MadeUp,
        our_nonce: &str,
    ) -> Result<(Self, Vec<u8>), Refusal> {
        let first = ClientFirst::parse(text(first)?).ok_or(Refusal::Scram)?;
        let keys = keys_of(&first.user);
        let known = keys.is_some();
        let keys = keys.cloned().unwrap_or_else(|| made_up.keys(&first.user));
        let nonce = format!("{}{our_nonce}", first.nonce);
        let salt = STANDARD.encode(&keys.salt);
        let answer = format!("r={nonce},s={salt},i={}", keys.iterations);
        let exchange = Self {
            user: first.user.into(),
            keys,
            known,
            nonce,
            binding: STANDARD.encode(first.header),
            messages: format!("{},{answer}", first.bare),
        };
        Ok((exchange, answer.into_bytes()))
    }

    /// Checks the client's final message; the bytes are our own, for CONNACK or the last AUTH.
    pub(super) fn finish(self, last: &[u8]) -> Result<(Identity, Vec<u8>), Refusal> {
        let last = text(last)?;
        let (unproven, proof) = last.rsplit_once(",p=").ok_or(Refusal::Scram)?;
        let mut attributes = unproven.split(',');
        let binding = attributes.next().and_then(|first| first.strip_prefix("c="));
        let nonce = attributes
            .next()
            .and_then(|second| second.strip_prefix("r="));
        if binding != Some(&self.binding) || nonce != Some(&self.nonce) {
            return Err(Refusal::Scram);
        }
        let proof = bytes(&STANDARD, proof, KEY_BYTES..=KEY_BYTES);
        let proof = proof.ok().and_then(|proof| Key::try_from(proof).ok());
        let proof = proof.ok_or(Refusal::Scram)?;

        let messages = format!("{},{unproven}", self.messages);
        let signature = sign(&self.keys.stored_key, messages.as_bytes());
        let mut client_key: Key = [0; KEY_BYTES];
        for (key, (proof, signature)) in client_key.iter_mut().zip(proof.iter().zip(signature)) {
            *key = proof ^ signature;
        }
        let right: bool = hash(&client_key).ct_eq(&self.keys.stored_key).into();
        match (right, self.known) {
            (true, true) => {}
            (_, false) => return Err(Refusal::UnknownUser),
            (false, true) => return Err(Refusal::WrongPassword),
        }
        let ours = sign(&self.keys.server_key, messages.as_bytes());
        let answer = format!("v={}", STANDARD.encode(ours));
        Ok((
            Identity::user(&self.user, Method::Scram),
            answer.into_bytes(),
        ))
    }
}

/// Salts for users that do not exist: the same each time one is asked for, until the process ends.
#[derive(Clone)]
pub(super) struct MadeUp {
    secret: Key,
    /// What real users have.
    pub(super) iterations: NonZeroU32,
}

impl MadeUp {
    /// `None` if the system has no randomness.
    pub(super) fn new() -> Option<Self> {
        let (secret, iterations) = (random()?, LEAST_ITERATIONS);
        Some(Self { secret, iterations })
    }

    /// The same with the iterations of a real user's keys.
    pub(super) fn like(&self, keys: Option<&ScramKeys>) -> Self {
        let mut like = self.clone();
        like.iterations = keys.map_or(like.iterations, |keys| keys.iterations);
        like
    }

    fn keys(&self, user: &str) -> ScramKeys {
        let salt = sign(&self.secret, user.as_bytes());
        ScramKeys {
            iterations: self.iterations,
            salt: salt.iter().copied().take(SALT_BYTES).collect(),
            stored_key: hash(&salt),
            server_key: hash(&salt),
        }
    }
}

struct ClientFirst<'m> {
    header: &'m str,
    bare: &'m str,
    user: String,
    nonce: &'m str,
}

impl<'m> ClientFirst<'m> {
    /// Reads `n,,n=user,r=nonce`.
    fn parse(message: &'m str) -> Option<Self> {
        let (binding, rest) = message.split_once(',')?;
        if !matches!(binding, "n" | "y") {
            return None; // `p=..` wants channel binding
        }
        let (acting_as, bare) = rest.split_once(',')?;
        let header = message.get(..message.len() - bare.len())?;
        let mut attributes = bare.split(',');
        let user = unescaped(attributes.next()?.strip_prefix("n=")?)?;
        let nonce = attributes.next()?.strip_prefix("r=")?;
        let printable = |byte: &u8| (0x21..=0x7e).contains(byte);
        if user.is_empty() || nonce.is_empty() || !nonce.as_bytes().iter().all(printable) {
            return None;
        }
        let itself = match acting_as.strip_prefix("a=") {
            Some(name) => unescaped(name)? == user,
            None => acting_as.is_empty(),
        };
        itself.then_some(Self {
            header,
            bare,
            user,
            nonce,
        })
    }
}

/// `=2C` and `=3D` stand for a comma and an equals sign; an equals sign stands for nothing else.
fn unescaped(text: &str) -> Option<String> {
    let mut parts = text.split('=');
    let mut out = parts.next()?.to_owned();
    for part in parts {
        let (code, rest) = part.split_at_checked(2)?;
        out.push(match code {
            "2C" => ',',
            "3D" => '=',
            _ => return None,
        });
        out.push_str(rest);
    }
    Some(out)
}

fn text(message: &[u8]) -> Result<&str, Refusal> {
    let short = message.get(..message.len().min(MOST_BYTES)) == Some(message);
    match std::str::from_utf8(message) {
        Ok(text) if short => Ok(text),
        _ => Err(Refusal::Scram),
    }
}

fn sign(key: &Key, message: &[u8]) -> Key {
    let key = hmac::Key::new(hmac::HMAC_SHA256, key);
    sized(hmac::sign(&key, message).as_ref())
}

fn hash(bytes: &[u8]) -> Key {
    sized(digest::digest(&digest::SHA256, bytes).as_ref())
}

/// The output of SHA-256, which is as long as a key.
fn sized(output: &[u8]) -> Key {
    let mut key = [0; KEY_BYTES];
    key.copy_from_slice(output);
    key
}

#[cfg(test)]
#[path = "scram_tests.rs"]
mod tests;
