//! Shared subscriptions: whose turn it is in each group.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Weak};

use messina_mqtt::topic::TopicFilter;

use super::mailbox::{Mailbox, MailboxLimits};

/// A group with its filter: the same group with another filter is another shared subscription (MQTT 5, 4.8.2).
#[derive(Debug)]
pub struct Share {
    key: ShareKey,
    turn: AtomicUsize,
}

/// Names a [`Share`] while it exists.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct ShareKey(u64);

impl Share {
    /// Its name.
    pub fn key(&self) -> ShareKey {
        self.key
    }

    /// The member that gets the next publish: the one whose turn it is, or the first after it that is connected and
    /// has room; if there is none, the first after it that has room [MQTT-4.8.2-4].
    pub fn choose(&self, members: &[&Mailbox], limits: MailboxLimits) -> usize {
        let count = members.len().max(1);
        let turn = self.turn.fetch_add(1, Ordering::Relaxed);
        let in_turn = |step: &usize| turn.wrapping_add(*step) % count;
        let has_room = |at: &usize| {
            members
                .get(*at)
                .is_some_and(|member| member.has_room(limits))
        };
        let is_awake = |at: &usize| members.get(*at).is_some_and(|member| member.is_attached());
        let ready = || (0..count).map(|step| in_turn(&step)).filter(has_room);
        ready()
            .find(is_awake)
            .or_else(|| ready().next())
            .unwrap_or(in_turn(&0))
    }
}

/// All shared subscriptions by their filter with its group.
#[derive(Debug, Default)]
pub struct Shares {
    by_filter: HashMap<Box<str>, Weak<Share>>,
    next: AtomicU64,
    /// Looked through for what has ended when there are more.
    many: usize,
}

impl Shares {
    /// The shared subscription `filter` names, which begins to exist if it does not yet. None for a filter without
    /// a group.
    pub fn join(&mut self, filter: &TopicFilter) -> Option<Arc<Share>> {
        if !filter.is_shared() {
            return None;
        }
        if let Some(share) = self.find(filter) {
            return Some(share);
        }
        if self.by_filter.len() > self.many {
            self.by_filter.retain(|_, share| share.strong_count() > 0);
            self.many = 64 + 2 * self.by_filter.len();
        }
        let share = Arc::new(Share {
            key: ShareKey(self.next.fetch_add(1, Ordering::Relaxed)),
            turn: AtomicUsize::new(0),
        });
        self.by_filter
            .insert(filter.as_str().into(), Arc::downgrade(&share));
        Some(share)
    }

    /// The shared subscription `filter` names, if somebody has it.
    pub fn find(&self, filter: &TopicFilter) -> Option<Arc<Share>> {
        self.by_filter.get(filter.as_str())?.upgrade()
    }
}
