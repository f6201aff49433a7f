//! Room in the queues of clients: how much there is, what has a place in it, and why something has none.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use messina_mqtt::packet::PacketId;
use messina_mqtt::session::Forward;

use super::slots::SendingKey;
use crate::config::QueueFull;

/// Limits of what waits for one client, and what happens when they are reached.
#[derive(Debug, Clone, Copy)]
pub struct QueueLimits {
    /// Publishes.
    pub count: usize,
    /// Bytes of topics and payloads.
    pub bytes: usize,
    /// How long one waits before it is dropped; None is for ever.
    pub age: Option<Duration>,
    /// What is dropped.
    pub full: QueueFull,
}

/// Why a publish did not get to a client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Loss {
    /// As much as may waits for this client.
    QueueFull,
    /// As much as may waits for all clients together.
    TotalFull,
    /// It has waited for too long.
    TooOld,
    /// Its message expiry interval has passed.
    Expired,
    /// It is larger than the client takes.
    TooLarge,
    /// QoS 0, and the client is away.
    Away,
    /// The client's session has ended.
    Ended,
}

impl Loss {
    /// All there are.
    pub const ALL: [Self; 7] = [
        Self::QueueFull,
        Self::TotalFull,
        Self::TooOld,
        Self::Expired,
        Self::TooLarge,
        Self::Away,
        Self::Ended,
    ];

    /// Its name in metrics and log lines.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::QueueFull => "queue_full",
            Self::TotalFull => "total_full",
            Self::TooOld => "too_old",
            Self::Expired => "expired",
            Self::TooLarge => "too_large",
            Self::Away => "away",
            Self::Ended => "session_ended",
        }
    }
}

/// Bytes that wait for all clients together.
#[derive(Debug)]
pub struct TotalBytes {
    waiting: AtomicUsize,
    most: usize,
}

impl Default for TotalBytes {
    fn default() -> Self {
        Self::new(usize::MAX)
    }
}

impl TotalBytes {
    /// Nothing waits, and no more than `most` is to.
    pub fn new(most: usize) -> Self {
        Self {
            waiting: AtomicUsize::new(0),
            most,
        }
    }

    /// How many wait.
    pub fn get(&self) -> usize {
        self.waiting.load(Ordering::Relaxed)
    }

    /// Whether so many more may wait.
    pub(super) fn has_room(&self, bytes: usize) -> bool {
        self.get()
            .checked_add(bytes)
            .is_some_and(|all| all <= self.most)
    }

    /// So many more wait.
    pub(super) fn add(&self, bytes: usize) {
        self.waiting.fetch_add(bytes, Ordering::Relaxed);
    }

    /// So many do not wait any more.
    pub(super) fn remove(&self, bytes: usize) {
        self.waiting.fetch_sub(bytes, Ordering::Relaxed);
    }
}

/// A publish that waits.
#[derive(Debug)]
pub struct Waiting {
    /// What goes to the client.
    pub forward: Forward,
    /// What the durable state calls it, if it knows it.
    pub key: Option<SendingKey>,
    /// What it counts for in the limits.
    pub size: usize,
    /// When it has waited for too long.
    pub too_old: Option<Instant>,
}

impl Waiting {
    /// Why it is not to be sent any more, if it is not.
    pub(super) fn over(&self, now: Instant) -> Option<Loss> {
        let has_come = |time: Option<Instant>| time.is_some_and(|time| time <= now);
        if has_come(self.forward.expires) {
            return Some(Loss::Expired);
        }
        has_come(self.too_old).then_some(Loss::TooOld)
    }
}

/// How many publishes did not get to a client, by why.
pub type Losses = Vec<(Loss, u64)>;

/// Counts one more. What is lost together comes by few reasons, one after the other.
pub(super) fn count(losses: &mut Losses, why: Loss) {
    match losses.last_mut() {
        Some((last, count)) if *last == why => *count += 1,
        _ => losses.push((why, 1)),
    }
}

/// What makes way for a publish.
#[derive(Debug, Default)]
pub struct Displaced {
    /// What had waited longest, in its order.
    pub waiting: Vec<Waiting>,
    /// Which limits it makes way for.
    pub losses: Losses,
}

/// The place of a publish that is on its way into the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// Room is looked for when it comes.
    Unneeded,
    /// Room is kept for it.
    Held,
    /// Room is kept, at this place in the session's order.
    Reserved(u64),
}

impl Place {
    /// What the durable state calls it, if it is to know it.
    pub fn key(self) -> Option<SendingKey> {
        match self {
            Self::Reserved(place) => Some(SendingKey::Place(place)),
            Self::Unneeded | Self::Held => None,
        }
    }

    /// The identifier, if it has one.
    pub fn packet_id(self) -> Option<PacketId> {
        self.key().map(SendingKey::packet_id)
    }

    /// Whether room is kept.
    pub fn is_kept(self) -> bool {
        self != Self::Unneeded
    }
}

/// What a session needs to have room for a publish.
#[derive(Debug)]
pub enum Room {
    /// It has room, and what makes way.
    Found(Place, Displaced),
    /// It has none.
    None(Loss),
}
