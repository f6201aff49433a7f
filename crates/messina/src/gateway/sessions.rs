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
use super::room::{TotalBytes, Waiting};
use super::slots::Slots;
use super::wills::PendingWill;

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
    pub previous: Option<Asleep>,
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
    /// What its client has left to be said, if it was not yet.
    pub will: Option<Box<PendingWill>>,
}

/// A session that is looked after while its client is away. Whoever connects as its client waits until it is back, see
/// [`Sessions::put_back`].
#[derive(Debug)]
pub struct Due {
    /// Its key.
    pub key: SessionKey,
    /// The session, without its will.
    pub asleep: Asleep,
    /// The will.
    pub will: Box<PendingWill>,
}

#[derive(Debug)]
struct Entry {
    key: SessionKey,
    mailbox: Arc<Mailbox>,
    asleep: Option<Asleep>,
}

impl Entry {
    fn take_expired(&mut self, now: Instant) -> Option<Ended> {
        let asleep = self.asleep.take_if(|asleep| asleep.is_over(now))?;
        Some(Ended {
            key: self.key,
            mailbox: Arc::clone(&self.mailbox),
            session: asleep.session,
            will: asleep.will,
        })
    }

    fn has_shared(&self) -> bool {
        let session = self.asleep.as_ref().map(|asleep| &asleep.session);
        session.is_some_and(|session| self.mailbox.has_shared() || session.has_shared())
    }

    fn take_due(&mut self, now: Instant) -> Option<Due> {
        let will = self.asleep.as_mut()?.will.take_if(|will| will.due <= now)?;
        Some(Due {
            key: self.key,
            asleep: self.asleep.take()?,
            will,
        })
    }
}

/// A session whose client is away.
#[derive(Debug)]
pub struct Asleep {
    /// The session.
    pub session: Box<Session>,
    /// When it ends; None is never.
    pub expires: Option<Instant>,
    /// What its client has left to be said later.
    pub will: Option<Box<PendingWill>>,
}

impl Asleep {
    /// Whether its time is over.
    pub fn is_over(&self, now: Instant) -> bool {
        self.expires.is_some_and(|expires| expires <= now)
    }
}

#[derive(Debug, Default)]
struct Table {
    entries: HashMap<ClientId, Entry>,
    asleep: usize,
}

impl Table {
    /// Lays a session to sleep; gives it back if it is unknown.
    fn lay(&mut self, client: &ClientId, asleep: Asleep) -> Option<Asleep> {
        let Some(entry) = self.entries.get_mut(client) else {
            return Some(asleep);
        };
        entry.asleep = Some(asleep);
        self.asleep += 1;
        None
    }
}

/// All sessions by client identifier.
#[derive(Debug)]
pub struct Sessions {
    table: Mutex<Table>,
    next: AtomicU64,
    released: Notify,
    most_asleep: usize,
    total: Arc<TotalBytes>,
}

impl Sessions {
    /// No sessions yet; no more than `most_asleep` are kept for absent clients, and no more waits for all clients than
    /// `total` says.
    pub fn new(most_asleep: usize, total: Arc<TotalBytes>) -> Self {
        Self {
            table: Mutex::default(),
            next: AtomicU64::new(1),
            released: Notify::new(),
            most_asleep,
            total,
        }
    }

    /// Bytes that wait for all clients.
    pub fn waiting_bytes(&self) -> usize {
        self.total.get()
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
            // The connection before may have ended by itself before it was told to go.
            entry.mailbox.forget_takeover();
            let (key, mailbox) = (entry.key, Arc::clone(&entry.mailbox));
            table.asleep -= 1;
            return Some(Attached {
                key,
                mailbox,
                previous: Some(asleep),
            });
        }
        let (key, mailbox) = (self.new_key(), self.new_mailbox(client));
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
        let (key, mailbox) = (self.new_key(), self.new_mailbox(client));
        let entry = Entry {
            key,
            mailbox: Arc::clone(&mailbox),
            asleep: None,
        };
        self.table.lock().entries.insert(client.detached(), entry);
        (key, mailbox)
    }

    fn new_mailbox(&self, client: &ClientId) -> Arc<Mailbox> {
        Arc::new(Mailbox::new(client.detached(), &self.total))
    }

    fn new_key(&self) -> SessionKey {
        SessionKey(self.next.fetch_add(1, Ordering::Relaxed))
    }

    /// The connection is gone and its session may outlive it, until its expiry from `now`. Gives it back if it does
    /// not, or if too many sessions are asleep already: the caller ends it, and then says so with
    /// [`end`](Self::end).
    pub fn sleep(
        // [MQTT-4.1.0-1]
        &self,
        client: &ClientId,
        session: Box<Session>,
        will: Option<Box<PendingWill>>,
        now: Instant,
    ) -> Result<(), Asleep> {
        let expires = expiry(session.expiry(), Duration::ZERO, now);
        let asleep = Asleep {
            session,
            expires,
            will,
        };
        let mut table = self.table.lock();
        if asleep.session.expiry() == 0 || table.asleep >= self.most_asleep {
            return Err(asleep);
        }
        drop(table.lay(client, asleep));
        drop(table);
        self.released.notify_waiters();
        Ok(())
    }

    /// The clients that are away and have something that came by a shared subscription.
    pub fn sharers(&self) -> Vec<ClientId> {
        let table = self.table.lock();
        let all = table.entries.iter();
        all.filter(|(_, entry)| entry.has_shared())
            .map(|(client, _)| client.clone())
            .collect()
    }

    /// `client`'s session with its mailbox, if it is asleep: it is to be [`put_back`](Self::put_back), and whoever
    /// connects as `client` waits for that.
    pub fn borrow(&self, client: &ClientId) -> Option<(SessionKey, Arc<Mailbox>, Asleep)> {
        let mut table = self.table.lock();
        let entry = table.entries.get_mut(client)?;
        let asleep = entry.asleep.take()?;
        let borrowed = (entry.key, Arc::clone(&entry.mailbox), asleep);
        table.asleep -= 1;
        Some(borrowed)
    }

    /// The sessions asleep whose wills are to be published now.
    pub fn take_due(&self, now: Instant) -> Vec<Due> {
        let mut table = self.table.lock();
        let due = table.entries.values_mut();
        let due: Vec<_> = due.filter_map(|entry| entry.take_due(now)).collect();
        table.asleep -= due.len();
        due
    }

    /// A session that [`take_due`](Self::take_due) gave sleeps on.
    pub fn put_back(&self, asleep: Asleep) {
        let client = asleep.session.client_id().clone();
        drop(self.table.lock().lay(&client, asleep));
        self.released.notify_waiters();
    }

    /// The connection is gone and its session with it.
    pub fn end(&self, client: &ClientId) {
        self.table.lock().entries.remove(client);
        self.released.notify_waiters();
    }

    /// Puts a session of an earlier run to sleep, for its client to find; `slots` are the identifiers its
    /// undelivered publishes hold, and `waiting` those it had surely not been sent.
    pub fn restore(
        &self,
        asleep: Asleep,
        slots: Slots,
        waiting: Vec<Waiting>,
    ) -> (SessionKey, Arc<Mailbox>) {
        let client = asleep.session.client_id().clone();
        let key = self.new_key();
        let mailbox = Mailbox::restored(client.clone(), &self.total, slots, waiting);
        let mailbox = Arc::new(mailbox);
        let entry = Entry {
            key,
            mailbox: Arc::clone(&mailbox),
            asleep: Some(asleep),
        };
        let mut table = self.table.lock();
        table.entries.insert(client, entry);
        table.asleep += 1;
        (key, mailbox)
    }

    /// The sessions whose time is over. The caller ends them, as if it were their connection: until it has said so
    /// with [`end`](Self::end), whoever connects as such a client waits.
    pub fn take_expired(&self, now: Instant) -> Vec<Ended> {
        // [MQTT-4.1.0-2]
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
        for mailbox in self.mailboxes() {
            mailbox.signal(Signal::Stopping);
        }
    }

    /// The mailboxes of all sessions.
    pub fn mailboxes(&self) -> Vec<Arc<Mailbox>> {
        let table = self.table.lock();
        let all = table.entries.values();
        all.map(|entry| Arc::clone(&entry.mailbox)).collect()
    }

    /// How many clients are connected, and how many sessions are asleep.
    pub fn count(&self) -> (usize, usize) {
        let table = self.table.lock();
        (table.entries.len() - table.asleep, table.asleep)
    }
}

/// When a session ends that outlives its connection by `seconds`, and whose client has been `away` for so long at
/// `now`; None is never.
pub(super) fn expiry(seconds: u32, away: Duration, now: Instant) -> Option<Instant> {
    if seconds == NEVER {
        return None;
    }
    let left = Duration::from_secs(u64::from(seconds)).saturating_sub(away);
    now.checked_add(left)
}
