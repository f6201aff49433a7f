//! Shared subscriptions: whose turn it is in each group.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Weak};

use messina_mqtt::topic::TopicFilter;

use super::mailbox::Mailbox;
use super::room::QueueLimits;

/// A group with its filter: the same group with another filter is another shared subscription (MQTT 5, 4.8.2).
#[derive(Debug)]
pub struct Share {
    key: ShareKey,
    filter: Arc<TopicFilter>,
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

    /// Its filter, with the group.
    pub fn filter(&self) -> &Arc<TopicFilter> {
        &self.filter
    }

    /// The member that gets the next publish: those that are connected and have room take turns; if there is none,
    /// those that have room; if there is none, all.
    pub fn choose(&self, members: &[&Mailbox], limits: &QueueLimits) -> usize {
        let turn = self.turn.fetch_add(1, Ordering::Relaxed);
        let all = members.iter().enumerate();
        let with_room = all.filter(|(_, member)| member.has_room(limits));
        let with_room: Vec<_> = with_room.collect();
        let awake = with_room.iter().filter(|(_, member)| member.is_attached());
        let awake: Vec<_> = awake.copied().collect();
        let among = if awake.is_empty() { &with_room } else { &awake };
        let chosen = among.get(turn % among.len().max(1));
        chosen.map_or(turn % members.len().max(1), |(at, _)| *at)
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
            filter: Arc::new(filter.detached()),
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
