//! Whose session is where: connected, asleep, or only in the durable state of an earlier run.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use messina_mqtt::packet::ClientId;
use messina_mqtt::session::Session;
use parking_lot::Mutex;
use tokio::sync::Notify;

use super::mailbox::{Mailbox, Signal};
use super::slots::Slots;

/// A session expiry interval that never ends (MQTT 5, 3.1.2.11.2).
const NEVER: u32 = u32::MAX;

/// A session while this process knows it; another one each time a session begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SessionKey(u64);

impl SessionKey {
    /// The key of nobody: whoever publishes without a session.
    pub const NONE: Self = Self(0);
}

/// What a connection gets that has become its client's.
#[derive(Debug)]
pub struct Attached {
    /// The session's key.
    pub key: SessionKey,
    /// Its mailbox.
    pub mailbox: Arc<Mailbox>,
    /// The session, if it was asleep.
    pub previous: Option<Box<Session>>,
}

/// A session that is over, and all that was kept for it.
#[derive(Debug)]
pub struct Ended {
    /// Its key.
    pub key: SessionKey,
    /// Its mailbox.
    pub mailbox: Arc<Mailbox>,
    /// The session.
    pub session: Box<Session>,
}

#[derive(Debug)]
struct Entry {
    key: SessionKey,
    mailbox: Arc<Mailbox>,
    asleep: Option<Asleep>,
}

impl Entry {
    fn take_expired(&mut self, now: Instant) -> Option<Ended> {
        let is_over = |asleep: &mut Asleep| asleep.expires.is_some_and(|expires| expires <= now);
        let asleep = self.asleep.take_if(is_over)?;
        Some(Ended {
            key: self.key,
            mailbox: Arc::clone(&self.mailbox),
            session: asleep.session,
        })
    }
}

#[derive(Debug)]
struct Asleep {
    session: Box<Session>,
    expires: Option<Instant>,
}

#[derive(Debug, Default)]
struct Table {
    entries: HashMap<ClientId, Entry>,
    asleep: usize,
}

/// All sessions by client identifier.
#[derive(Debug)]
pub struct Sessions {
    table: Mutex<Table>,
    next: AtomicU64,
    released: Notify,
    most_asleep: usize,
}

impl Sessions {
    /// No sessions yet; no more than `most_asleep` are kept for absent clients.
    pub fn new(most_asleep: usize) -> Self {
        Self {
            table: Mutex::default(),
            next: AtomicU64::new(1),
            released: Notify::new(),
            most_asleep,
        }
    }

    /// Makes the caller `client`'s connection. Another connection of the same client is told to go first, and is
    /// waited for [MQTT-3.1.4-3].
    pub async fn attach(&self, client: &ClientId) -> Attached {
        loop {
            let released = self.released.notified();
            if let Some(attached) = self.try_attach(client) {
                return attached;
            }
            released.await;
        }
    }

    fn try_attach(&self, client: &ClientId) -> Option<Attached> {
        let mut table = self.table.lock();
        if let Some(entry) = table.entries.get_mut(client) {
            let Some(asleep) = entry.asleep.take() else {
                entry.mailbox.signal(Signal::TakenOver);
                return None;
            };
            let (key, mailbox) = (entry.key, Arc::clone(&entry.mailbox));
            table.asleep -= 1;
            return Some(Attached {
                key,
                mailbox,
                previous: Some(asleep.session),
            });
        }
        let (key, mailbox) = (self.new_key(), Arc::new(Mailbox::new(client.detached())));
        let entry = Entry {
            key,
            mailbox: Arc::clone(&mailbox),
            asleep: None,
        };
        table.entries.insert(client.detached(), entry);
        Some(Attached {
            key,
            mailbox,
            previous: None,
        })
    }

    /// Gives `client`, whose session has just been ended for a clean start, a new key and an empty mailbox.
    pub fn begin_anew(&self, client: &ClientId) -> (SessionKey, Arc<Mailbox>) {
        let (key, mailbox) = (self.new_key(), Arc::new(Mailbox::new(client.detached())));
        let entry = Entry {
            key,
            mailbox: Arc::clone(&mailbox),
            asleep: None,
        };
        self.table.lock().entries.insert(client.detached(), entry);
        (key, mailbox)
    }

    fn new_key(&self) -> SessionKey {
        SessionKey(self.next.fetch_add(1, Ordering::Relaxed))
    }

    /// The connection is gone and `session` may outlive it. Gives it back if it does not, or if too many sessions
    /// are asleep already: the caller ends it, and then says so with [`end`](Self::end).
    pub fn sleep(
        &self,
        client: &ClientId,
        session: Box<Session>,
        now: Instant,
    ) -> Result<(), Box<Session>> {
        let mut table = self.table.lock();
        if session.expiry() == 0 || table.asleep >= self.most_asleep {
            return Err(session);
        }
        let expires = expiry(session.expiry(), now);
        let Some(entry) = table.entries.get_mut(client) else {
            return Err(session);
        };
        entry.asleep = Some(Asleep { session, expires });
        table.asleep += 1;
        drop(table);
        self.released.notify_waiters();
        Ok(())
    }

    /// The connection is gone and its session with it.
    pub fn end(&self, client: &ClientId) {
        self.table.lock().entries.remove(client);
        self.released.notify_waiters();
    }

    /// Puts a session of an earlier run to sleep, for its client to find; `slots` are the identifiers its
    /// undelivered publishes hold.
    pub fn restore(
        &self,
        session: Box<Session>,
        slots: Slots,
        now: Instant,
    ) -> (SessionKey, Arc<Mailbox>) {
        let client = session.client_id().clone();
        let expires = expiry(session.expiry(), now);
        let key = self.new_key();
        let mailbox = Arc::new(Mailbox::restored(client.clone(), slots));
        let entry = Entry {
            key,
            mailbox: Arc::clone(&mailbox),
            asleep: Some(Asleep { session, expires }),
        };
        let mut table = self.table.lock();
        table.entries.insert(client, entry);
        table.asleep += 1;
        (key, mailbox)
    }

    /// The sessions whose time is over. The caller ends them, as if it were their connection: until it has said so
    /// with [`end`](Self::end), whoever connects as such a client waits.
    pub fn take_expired(&self, now: Instant) -> Vec<Ended> {
        let mut table = self.table.lock();
        let expired: Vec<_> = table
            .entries
            .values_mut()
            .filter_map(|entry| entry.take_expired(now))
            .collect();
        table.asleep -= expired.len();
        expired
    }

    /// Tells every connection that the program stops.
    pub fn stop(&self) {
        let mailboxes: Vec<_> = self
            .table
            .lock()
            .entries
            .values()
            .map(|entry| Arc::clone(&entry.mailbox))
            .collect();
        for mailbox in mailboxes {
            mailbox.signal(Signal::Stopping);
        }
    }

    /// How many clients are connected, and how many sessions are asleep.
    pub fn count(&self) -> (usize, usize) {
        let table = self.table.lock();
        (table.entries.len() - table.asleep, table.asleep)
    }
}

fn expiry(seconds: u32, now: Instant) -> Option<Instant> {
    if seconds == NEVER {
        return None;
    }
    now.checked_add(Duration::from_secs(u64::from(seconds)))
}
