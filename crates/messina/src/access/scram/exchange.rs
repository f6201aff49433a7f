//! SCRAM-SHA-256 (RFC 5802, RFC 7677), the server's half.
//!
//! The client proves that it knows the password without sending it, and we prove that we have the keys made from
//! it. Channel binding is not offered: a client that insists on it (`p=`) is refused. User names are compared as
//! they are, passwords are prepared by the client; for ASCII that is what SASLprep does.

use std::fmt;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use subtle::ConstantTimeEq;

use super::keys::{KEY_BYTES, Key, MadeUp, ScramKeys, hash, sign};
use crate::access::identity::{Identity, Method};
use crate::access::password::{bytes, random};
use crate::access::refusal::Refusal;

/// The authentication method's name in CONNECT and AUTH.
pub const SCRAM_SHA_256: &str = "SCRAM-SHA-256";

/// The longest message of a client that we look at.
const MOST_BYTES: usize = 4096;

const NONCE_BYTES: usize = 18;

/// An exchange after our first message, waiting for the client's final one. `Debug` shows only the user.
pub struct Exchange {
    pub(in super::super) user: Arc<str>,
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
    pub(in super::super) fn begin<'k>(
        first: &[u8],
        keys_of: impl Fn(&str) -> Option<&'k ScramKeys>,
        made_up: &MadeUp,
    ) -> Result<(Self, Vec<u8>), Refusal> {
        let nonce = random::<NONCE_BYTES>().ok_or(Refusal::NoRandomness)?;
        Self::begin_with(first, keys_of, made_up, &STANDARD.encode(nonce))
    }

    pub(super) fn begin_with<'k>(
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
    pub(in super::super) fn finish(self, last: &[u8]) -> Result<(Identity, Vec<u8>), Refusal> {
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
pub(super) fn unescaped(text: &str) -> Option<String> {
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
