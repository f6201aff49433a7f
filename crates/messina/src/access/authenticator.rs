//! Who a client is, from what it shows: a certificate, a token, a password, or nothing.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use ring::hmac;
use subtle::ConstantTimeEq;

use super::identity::{Identity, Method};
use super::password::{PasswordFile, Stored, random};
use super::refusal::Refusal;
use super::scram::{Exchange, MadeUp, SCRAM_SHA_256};
use super::token::Keys;
use crate::config::{AccessConfig, Anonymous, CertificateUser};

/// What a client says of itself in CONNECT, and what the listener knows of it.
#[derive(Clone, Copy)]
pub struct Credentials<'a> {
    /// Where it connects from; behind a proxy that says so, where the client is.
    pub address: IpAddr,
    /// The name in its certificate, of the kind that `certificate_user` asks for, empty if there is none of that
    /// kind, which is refused; `None` without a certificate.
    pub certificate: Option<&'a str>,
    /// The user name of CONNECT.
    pub user_name: Option<&'a str>,
    /// The password of CONNECT.
    pub password: Option<&'a [u8]>,
}

/// Verifies what clients show. Made anew from the files with each reload; knows nothing of time and failures.
pub struct Authenticator {
    anonymous: Anonymous,
    /// Whether a certificate says who its owner is.
    certificates: bool,
    passwords: Option<PasswordFile>,
    tokens: Keys,
    made_up: MadeUp,
    verified: Verified,
}

impl std::fmt::Debug for Authenticator {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut debug = formatter.debug_struct("Authenticator");
        debug.field("anonymous", &self.anonymous);
        debug.field("users", &self.passwords.as_ref().map(PasswordFile::len));
        debug.field("tokens", &self.tokens).finish_non_exhaustive()
    }
}

/// What a CONNECT without an authentication method comes down to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Claim<'a> {
    /// It is settled.
    Settled(Result<Identity, Refusal>),
    /// A token in the place of the password.
    Token(&'a [u8]),
    /// A user name and password, to be verified where it may take long.
    Password(&'a str, &'a [u8]),
}

impl Authenticator {
    /// With what the files hold. `None` if the system has no randomness.
    pub fn new(
        config: &AccessConfig,
        passwords: Option<PasswordFile>,
        tokens: Keys,
    ) -> Option<Self> {
        Some(Self {
            anonymous: config.anonymous,
            certificates: config.certificate_user != CertificateUser::Off,
            passwords,
            tokens,
            made_up: MadeUp::new()?,
            verified: Verified::new()?,
        })
    }

    /// Sorts out what a client shows. A certificate counts before everything else, as the listener has verified it.
    pub(super) fn claim<'a>(&self, shown: &Credentials<'a>) -> Claim<'a> {
        if let Some(name) = shown.certificate.filter(|_| self.certificates) {
            let identity = Identity::user(name, Method::Certificate);
            let named = (!name.is_empty()).then_some(identity);
            return Claim::Settled(named.ok_or(Refusal::Certificate));
        }
        let user_name = shown.user_name.filter(|name| !name.is_empty());
        match (user_name, shown.password) {
            (_, Some(password)) if !self.tokens.is_empty() && Keys::looks_like_one(password) => {
                Claim::Token(password)
            }
            (Some(user), Some(password)) if self.passwords.is_some() => {
                Claim::Password(user, password)
            }
            // Nobody can say who they are, so what they say is as good as nothing, and rules for users hold for none.
            _ if self.passwords.is_none() && self.tokens.is_empty() => {
                Claim::Settled(self.anonymous(shown.address))
            }
            (None, None) => Claim::Settled(self.anonymous(shown.address)),
            _ => Claim::Settled(Err(Refusal::NoPassword)),
        }
    }

    fn anonymous(&self, address: IpAddr) -> Result<Identity, Refusal> {
        let welcome = match self.anonymous {
            Anonymous::Never => false,
            Anonymous::Loopback => address.to_canonical().is_loopback(),
            Anonymous::Always => true,
        };
        welcome
            .then_some(Identity::ANONYMOUS)
            .ok_or(Refusal::Anonymous)
    }

    /// Verifies a token at a time since 1970-01-01 UTC.
    pub fn token(
        &self,
        token: &[u8],
        user_name: Option<&str>,
        now: Duration,
    ) -> Result<Identity, Refusal> {
        Ok(self.tokens.verify(token, user_name, now)?)
    }

    /// Whether a password has been verified before, which is quick. What is not known may still be right.
    pub(super) fn known(&self, user: &str, password: &[u8]) -> Option<Identity> {
        let known = self.verified.has(user, password);
        known.then(|| Identity::user(user, Method::Password))
    }

    /// Verifies a password. Slow, and as slow for a user that does not exist.
    pub fn password(&self, user: &str, password: &[u8]) -> Result<Identity, Refusal> {
        let passwords = self.passwords.as_ref().ok_or(Refusal::NoPassword)?;
        let Some(stored) = passwords.get(user) else {
            if let Some(stored) = passwords.stand_in(user) {
                std::hint::black_box(stored.verify(password));
            }
            return Err(Refusal::UnknownUser);
        };
        if !stored.verify(password) {
            return Err(Refusal::WrongPassword);
        }
        self.verified.insert(user, password);
        Ok(Identity::user(user, Method::Password))
    }

    /// Whether whoever logged in before could still be known: a user may be gone from the file.
    pub(super) fn still_knows(&self, identity: &Identity) -> bool {
        match (identity.method, &identity.user) {
            (Method::Password | Method::Scram, Some(user)) => {
                let passwords = self.passwords.as_ref();
                passwords.is_some_and(|passwords| passwords.get(user).is_some())
            }
            _ => true,
        }
    }

    /// Begins an enhanced authentication; the bytes go out in AUTH.
    pub fn begin(
        &self,
        method: &str,
        user_name: Option<&str>,
        first: &[u8],
    ) -> Result<(Exchange, Vec<u8>), Refusal> {
        let Some(passwords) = self.passwords.as_ref().filter(|_| method == SCRAM_SHA_256) else {
            return Err(Refusal::Method);
        };
        let keys_of = |user: &str| passwords.get(user).and_then(Stored::scram);
        let like = passwords.first_scram();
        let (exchange, answer) = Exchange::begin(first, keys_of, &self.made_up.like(like))?;
        let other = |name: &&str| !name.is_empty() && **name != *exchange.user;
        if user_name.as_ref().is_some_and(other) {
            return Err(Refusal::Scram);
        }
        Ok((exchange, answer))
    }
}

/// Passwords that were right, so that ten thousand devices that come back at once do not take minutes of argon2.
///
/// What is kept is a keyed hash under a key that is made with each reload and never leaves the process; at most one
/// for each user of the file.
struct Verified {
    key: hmac::Key,
    users: Mutex<HashMap<Arc<str>, hmac::Tag>>,
}

impl Verified {
    fn new() -> Option<Self> {
        let key = hmac::Key::new(hmac::HMAC_SHA256, &random::<32>()?);
        let users = Mutex::default();
        Some(Self { key, users })
    }

    fn tag(&self, user: &str, password: &[u8]) -> hmac::Tag {
        let mut context = hmac::Context::with_key(&self.key);
        // A user name has less than 65,536 bytes, and the length in front keeps the two apart.
        context.update(&user.len().to_be_bytes());
        context.update(user.as_bytes());
        context.update(password);
        context.sign()
    }

    fn has(&self, user: &str, password: &[u8]) -> bool {
        let tag = self.tag(user, password);
        let users = self.users.lock();
        let found = users.get(user);
        found.is_some_and(|found| found.as_ref().ct_eq(tag.as_ref()).into())
    }

    fn insert(&self, user: &str, password: &[u8]) {
        let tag = self.tag(user, password);
        self.users.lock().insert(user.into(), tag);
    }
}
