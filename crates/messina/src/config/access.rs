//! `[mqtt.access]` in its checked form.

use std::path::PathBuf;
use std::time::Duration;

use super::{ListenerConfig, Secret};

/// Who may connect, what they may do, how much of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccessConfig {
    /// Users and their passwords.
    pub password_file: Option<PathBuf>,
    /// What it looks like.
    pub password_form: PasswordForm,
    /// Rules on topics, in mosquitto's syntax.
    pub acl_file: Option<PathBuf>,
    /// What happens to a topic that no rule speaks of.
    pub deny_by_default: bool,
    /// What the client of a subscription is told that it may not have.
    pub refused_subscription: RefusedSubscription,
    /// From where clients need not say who they are.
    pub anonymous: Anonymous,
    /// Which name in a client certificate is the user.
    pub certificate_user: CertificateUser,
    /// Keys that JSON web tokens are verified with.
    pub tokens: Vec<TokenKeyConfig>,
    /// How much of it.
    pub limits: AccessLimits,
}

/// What a password file looks like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PasswordForm {
    /// Mosquitto's form, with hashes.
    Hashed,
    /// As Jetty's `PropertyFileLoginModule` reads it, with passwords in the clear.
    Clear,
}

/// From where clients need not say who they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Anonymous {
    /// From nowhere.
    Never,
    /// From this machine.
    Loopback,
    /// From everywhere.
    Always,
}

/// What the client of a subscription is told that it may not have. MQTT 3.1.1 has one word for both.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RefusedSubscription {
    /// That it has no right to it: 0x87.
    NotAuthorized,
    /// That it does not get it, and nothing about rights: 0x80.
    UnspecifiedError,
}

/// Which name in a client certificate is the user.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CertificateUser {
    /// None: a certificate lets the connection come about, and does not say who it is.
    Off,
    /// The subject's common name.
    CommonName,
    /// The first DNS name among the subject's alternative names.
    DnsName,
    /// The first e-mail address there.
    Email,
    /// The first URI there.
    Uri,
}

/// A key that JSON web tokens are verified with, and which tokens it is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenKeyConfig {
    /// The one algorithm it is used with.
    pub algorithm: TokenAlgorithm,
    /// Where it is.
    pub key: KeySource,
    /// The key identifier that tokens must have; `None` for tokens with any or none.
    pub id: Option<String>,
    /// Whom tokens must be for; `None` for tokens that do not say.
    pub audience: Option<String>,
    /// Whom tokens must be from; `None` for anybody.
    pub issuer: Option<String>,
}

/// How tokens are signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokenAlgorithm {
    /// HMAC with SHA-256, and a shared secret.
    Hs256,
    /// RSA, PKCS #1 v1.5 with SHA-256.
    Rs256,
    /// ECDSA on P-256 with SHA-256.
    Es256,
}

impl TokenAlgorithm {
    /// Its name in tokens and in the configuration.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Hs256 => "HS256",
            Self::Rs256 => "RS256",
            Self::Es256 => "ES256",
        }
    }
}

/// Where a key is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeySource {
    /// In a file: `{ file = ".." }`
    File(PathBuf),
    /// In the configuration itself.
    Inline(Secret<String>),
}

/// How much of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AccessLimits {
    /// Connections from one address (IPv4) or network of 64 bits (IPv6); `None` for as many as there may be.
    pub connections_per_address: Option<u32>,
    /// Publishes a client may send each second; `None` for as many as it can.
    pub publishes_per_second: Option<u32>,
    /// Bytes of packets with publishes a client may send each second; `None` for as many as it can.
    pub bytes_per_second: Option<u64>,
    /// Log-ins that may fail, for one user from one address, before the next has to wait.
    pub failed_logins: u32,
    /// How long the first wait is; each failure after it doubles it.
    pub backoff: Duration,
    /// The longest wait.
    pub max_backoff: Duration,
    /// Passwords that are checked at one time; each takes a processor and 19 MiB for some milliseconds.
    pub password_checks: usize,
}

impl AccessConfig {
    /// Whether there is any way for a client to prove who it is.
    pub fn authenticates(&self) -> bool {
        self.password_file.is_some()
            || !self.tokens.is_empty()
            || self.certificate_user != CertificateUser::Off
    }

    /// What to write if a listener on this address would let nobody in, because clients from elsewhere have no
    /// way to say who they are and may not come without.
    pub fn missing_for(&self, listener: &ListenerConfig) -> Option<&'static str> {
        let by_certificate =
            self.certificate_user != CertificateUser::Off && listener.verifies_clients();
        let from_elsewhere = !listener.listen.ip().is_loopback() || listener.proxy_protocol;
        let closed = from_elsewhere
            && self.password_file.is_none()
            && self.tokens.is_empty()
            && !by_certificate
            && self.anonymous != Anonymous::Always;
        closed.then_some(
            "write `mqtt.access.password_file = \"passwords\"` (see `messina passwd --help`), or \
             `mqtt.access.anonymous = \"always\"` if everybody who reaches the address may connect",
        )
    }
}
