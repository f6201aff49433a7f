//! All of it together: what was read from the files, swapped as one, and what outlives a reload.

use std::io;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use arc_swap::ArcSwap;
use messina_mqtt::reason::ReasonCode;
use thiserror::Error;
use tokio::sync::Semaphore;

use super::acl::Acl;
use super::authenticator::{Authenticator, Claim, Credentials};
use super::identity::Identity;
use super::limits::{Addresses, Backoff, ConnectionSlot, Meter};
use super::password::PasswordFile;
use super::refusal::Refusal;
use super::scram::Exchange;
use super::token::{Keys, VerifyingKey};
use crate::config::{
    AccessConfig, AccessLimits, KeySource, PasswordForm, Problems, RefusedSubscription, Source,
    TokenKeyConfig,
};
use crate::runtime::clock::Clock;

/// The most passwords that wait to be checked; one more is told to come back later.
const MOST_WAITING: usize = 10_000;

/// The most bytes of a file; a million users fit.
const MOST_FILE_BYTES: u64 = 256 << 20;

/// Access control of the process: authentication, rules, limits. Shared by all connections.
#[derive(Debug)]
pub struct Access {
    config: AccessConfig,
    clock: Arc<dyn Clock>,
    files: ArcSwap<Files>,
    generation: AtomicU64,
    addresses: Arc<Addresses>,
    backoff: Backoff,
    /// A turn goes with its check, so that clients that hang up cannot start more checks than there may be.
    checks: Arc<Semaphore>,
    waiting: Semaphore,
}

/// What the files say.
#[derive(Debug)]
pub(super) struct Files {
    pub(super) authenticator: Arc<Authenticator>,
    pub(super) acl: Arc<Acl>,
}

/// Why the files cannot be used.
#[derive(Debug, Error)]
pub enum AccessError {
    /// One cannot be read.
    #[error("cannot read `{}`", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// One is wrong; all its problems at once, none of them with a secret in it.
    #[error("{0}")]
    Wrong(Problems),
    /// A key is wrong.
    #[error("the {algorithm} key {place} of `mqtt.access.jwt` cannot be used")]
    Key {
        /// What it is for.
        algorithm: &'static str,
        /// Where it is.
        place: String,
        /// What is wrong with it.
        source: super::token::KeyError,
    },
    /// The system gives no random numbers.
    #[error("the system gives no random numbers")]
    NoRandomness,
}

impl Access {
    /// Reads the files.
    pub fn open(config: AccessConfig, clock: Arc<dyn Clock>) -> Result<Self, AccessError> {
        let files = Files::read(&config)?;
        Ok(Self {
            checks: Arc::new(Semaphore::new(config.limits.password_checks)),
            waiting: Semaphore::new(MOST_WAITING),
            files: ArcSwap::from_pointee(files),
            generation: AtomicU64::new(0),
            addresses: Arc::default(),
            backoff: Backoff::default(),
            clock,
            config,
        })
    }

    /// Reads the files again. If one of them is wrong, what was read before stays, of all of them. It waits for the
    /// disk, so it is nothing for the threads that serve sockets.
    pub fn reload(&self) -> Result<(), AccessError> {
        let files = Files::read(&self.config)?;
        self.files.store(Arc::new(files));
        self.generation.fetch_add(1, Ordering::Release);
        Ok(())
    }

    /// Whether an identity would still be known after a reload: a user may be gone from the password file. Its
    /// connection should end then, with 0x87.
    pub fn still_knows(&self, identity: &Identity) -> bool {
        self.files.load().authenticator.still_knows(identity)
    }

    /// How often the files were read again.
    pub fn generation(&self) -> u64 {
        self.generation.load(Ordering::Acquire)
    }

    /// What clients may do, until the next reload.
    pub fn acl(&self) -> Arc<Acl> {
        self.files.load().acl.clone()
    }

    /// What the client of a subscription is told that it may not have.
    pub fn refused_subscription(&self) -> ReasonCode {
        match self.config.refused_subscription {
            RefusedSubscription::NotAuthorized => ReasonCode::NotAuthorized,
            RefusedSubscription::UnspecifiedError => ReasonCode::UnspecifiedError,
        }
    }

    /// Counts a connection that was accepted, until the slot is dropped.
    pub fn connected(&self, address: IpAddr) -> Result<ConnectionSlot, Refusal> {
        let limit = self.config.limits.connections_per_address;
        let slot = self.addresses.connect(address, limit);
        slot.ok_or(Refusal::Connections)
    }

    /// A client's budget.
    pub fn meter(&self) -> Meter {
        Meter::new(&self.config.limits)
    }

    /// Who a client is that sent a CONNECT without an authentication method.
    pub async fn log_in(&self, shown: Credentials<'_>) -> Result<Identity, Refusal> {
        let authenticator = self.files.load().authenticator.clone();
        match authenticator.claim(&shown) {
            Claim::Settled(result) => result,
            Claim::Token(token) => authenticator.token(token, shown.user_name, self.wall_time()),
            Claim::Password(user, password) => {
                self.password(authenticator, shown.address, user, password)
                    .await
            }
        }
    }

    /// Begins an enhanced authentication: what to keep, and the data of the AUTH to send. For a CONNECT with an
    /// authentication method, and for an AUTH that re-authenticates; the identity that comes of the latter must be
    /// the connection's user again.
    pub fn begin(
        &self,
        address: IpAddr,
        method: &str,
        user_name: Option<&str>,
        data: &[u8],
    ) -> Result<(Exchange, Vec<u8>), Refusal> {
        let authenticator = self.files.load().authenticator.clone();
        let (exchange, answer) = authenticator.begin(method, user_name, data)?;
        self.patience(address, &exchange.user)?;
        Ok((exchange, answer))
    }

    /// Ends an enhanced authentication: who it is, and the data for CONNACK or the last AUTH.
    pub fn finish(
        &self,
        address: IpAddr,
        exchange: Exchange,
        data: &[u8],
    ) -> Result<(Identity, Vec<u8>), Refusal> {
        let user = exchange.user.clone();
        self.patience(address, &user)?;
        let result = exchange.finish(data);
        self.note(address, &user, result.as_ref().err());
        result
    }

    async fn password(
        &self,
        authenticator: Arc<Authenticator>,
        address: IpAddr,
        user: &str,
        password: &[u8],
    ) -> Result<Identity, Refusal> {
        self.patience(address, user)?;
        if let Some(identity) = authenticator.known(user, password) {
            self.note(address, user, None);
            return Ok(identity);
        }
        let _place = self.waiting.try_acquire().map_err(|_full| Refusal::Busy)?;
        let turn = self.checks.clone().acquire_owned().await;
        let turn = turn.map_err(|_closed| Refusal::Busy)?;
        // Others have failed meanwhile: a hundred guesses sent at once are not a hundred guesses looked at.
        self.patience(address, user)?;
        let (name, password) = (user.to_owned(), password.to_vec());
        // The turn ends when the outcome is noted: who waits for it must not be looked at before.
        let check = move || (authenticator.password(&name, &password), turn);
        let (result, turn) = match tokio::task::spawn_blocking(check).await {
            Ok((result, turn)) => (result, Some(turn)),
            Err(_panicked) => (Err(Refusal::Busy), None),
        };
        self.note(address, user, result.as_ref().err());
        drop(turn);
        result
    }

    /// Refuses whoever has to wait.
    fn patience(&self, address: IpAddr, user: &str) -> Result<(), Refusal> {
        let wait = self.backoff.wait(self.clock.now(), address, user);
        if wait.is_zero() {
            Ok(())
        } else {
            Err(Refusal::Backoff { wait })
        }
    }

    fn note(&self, address: IpAddr, user: &str, refusal: Option<&Refusal>) {
        let now = self.clock.now();
        match refusal {
            None => self.backoff.succeeded(address, user),
            Some(refusal) if refusal.is_guess() => {
                let limits: &AccessLimits = &self.config.limits;
                self.backoff.failed(now, address, user, limits);
            }
            Some(_) => {}
        }
    }

    fn wall_time(&self) -> Duration {
        let millis = u64::try_from(self.clock.unix_millis()).unwrap_or_default();
        Duration::from_millis(millis)
    }
}

impl Files {
    pub(super) fn read(config: &AccessConfig) -> Result<Self, AccessError> {
        let passwords = match &config.password_file {
            Some(path) => Some(passwords(path, config.password_form)?),
            None => None,
        };
        let acl = match &config.acl_file {
            Some(path) => {
                Acl::parse(&read(path)?, config.deny_by_default).map_err(AccessError::Wrong)?
            }
            None => Acl::empty(config.deny_by_default),
        };
        let mut keys = Vec::new();
        for token in &config.tokens {
            keys.push(key(token)?);
        }
        let authenticator = Authenticator::new(config, passwords, Keys::new(keys));
        Ok(Self {
            authenticator: Arc::new(authenticator.ok_or(AccessError::NoRandomness)?),
            acl: Arc::new(acl),
        })
    }
}

/// Reads a password file.
pub(super) fn passwords(path: &Path, form: PasswordForm) -> Result<PasswordFile, AccessError> {
    let source = read(path)?;
    let parsed = match form {
        PasswordForm::Hashed => PasswordFile::parse(&source),
        PasswordForm::Clear => PasswordFile::parse_clear(&source),
    };
    parsed.map_err(AccessError::Wrong)
}

fn key(config: &TokenKeyConfig) -> Result<VerifyingKey, AccessError> {
    let text = key_text(config)?;
    VerifyingKey::new(config.clone(), &text).map_err(|source| AccessError::Key {
        algorithm: config.algorithm.name(),
        place: place(config),
        source,
    })
}

/// The text of a key, from where it is.
pub(super) fn key_text(config: &TokenKeyConfig) -> Result<String, AccessError> {
    match &config.key {
        KeySource::Inline(secret) => Ok(secret.reveal().clone()),
        KeySource::File(path) => Ok(read(path)?.text.to_string()),
    }
}

/// Where a key is, for messages.
pub(super) fn place(config: &TokenKeyConfig) -> String {
    match &config.key {
        KeySource::Inline(_) => "in the configuration".to_owned(),
        KeySource::File(path) => format!("in `{}`", path.display()),
    }
}

/// Reads a file as a source.
pub(super) fn read(path: &Path) -> Result<Arc<Source>, AccessError> {
    let read = || {
        let file = std::fs::File::open(path)?;
        let mut text = String::new();
        let mut limited = io::Read::take(file, MOST_FILE_BYTES + 1);
        io::Read::read_to_string(&mut limited, &mut text)?;
        if limited.limit() == 0 {
            return Err(io::Error::from(io::ErrorKind::FileTooLarge));
        }
        Ok(text)
    };
    let text = read().map_err(|source| AccessError::Read {
        path: path.to_owned(),
        source,
    })?;
    Ok(Source::new(path.display().to_string(), text))
}
