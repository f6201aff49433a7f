//! Who wants which publish: the subscription index.
//!
//! The index is a persistent tree behind an [`ArcSwap`]: a publisher reads the tree that was current when it
//! looked, without a lock; a subscriber makes a new one beside it.

use std::sync::Arc;

use arc_swap::ArcSwap;
use messina_mqtt::filter_tree::FilterTree;
use messina_mqtt::packet::QoS;
use messina_mqtt::property::SubscriptionId;
use messina_mqtt::session::SessionSubscription;
use messina_mqtt::topic::{Topic, TopicFilter};
use parking_lot::Mutex;

use super::mailbox::Mailbox;
use super::recipients::{Recipient, Recipients};
use super::relay::Relay;
use super::room::{Place, QueueLimits};
use super::sessions::SessionKey;
use super::shares::{Share, ShareKey, Shares};

/// What the index keeps for a subscription.
#[derive(Debug, Clone)]
struct Subscriber {
    mailbox: Arc<Mailbox>,
    qos: QoS,
    no_local: bool,
    retain_as_published: bool,
    identifier: Option<SubscriptionId>,
    share: Option<Arc<Share>>,
}

/// Whose subscription it is; of a shared one also which, for a session may have others to the same path.
pub(super) type Key = (SessionKey, Option<ShareKey>);

/// The index as it was after so many changes.
#[derive(Debug, Default)]
struct Index {
    tree: FilterTree<Key, Subscriber>,
    changes: u64,
}

/// The subscriptions of all sessions.
#[derive(Debug)]
pub struct Subscriptions {
    current: ArcSwap<Index>,
    writer: Mutex<Shares>,
    limits: QueueLimits,
    /// Other gateways, which hear what is subscribed to here.
    relay: Option<Arc<Relay>>,
}

impl Subscriptions {
    /// No subscriptions yet; no mailbox is filled beyond `limits`.
    pub fn new(limits: QueueLimits, relay: Option<Arc<Relay>>) -> Self {
        Self {
            current: ArcSwap::from_pointee(Index::default()),
            writer: Mutex::default(),
            limits,
            relay,
        }
    }

    /// Adds subscriptions of the session `key`, or replaces them [MQTT-3.8.4-3].
    pub fn insert<'a>(
        &self,
        key: SessionKey,
        mailbox: &Arc<Mailbox>,
        subscriptions: impl Iterator<Item = &'a SessionSubscription>,
    ) {
        self.change(|index, shares| {
            for subscription in subscriptions {
                let options = &subscription.options;
                let share = shares.join(&subscription.filter);
                let key = (key, share.as_ref().map(|share| share.key()));
                let subscriber = Subscriber {
                    mailbox: Arc::clone(mailbox),
                    qos: options.qos,
                    no_local: options.no_local,
                    retain_as_published: options.retain_as_published,
                    identifier: subscription.identifier,
                    share,
                };
                let old = index.insert(&subscription.filter, key, subscriber);
                if let (None, Some(relay)) = (old, &self.relay) {
                    relay.subscribed(&subscription.filter);
                }
            }
        });
    }

    /// Removes subscriptions of the session `key`.
    pub fn remove<'a>(&self, key: SessionKey, filters: impl Iterator<Item = &'a TopicFilter>) {
        // [MQTT-3.10.4-2]
        self.change(|index, shares| {
            for filter in filters {
                let share = shares.find(filter).map(|share| share.key());
                let old = index.remove(filter, &(key, share));
                if let (Some(_), Some(relay)) = (old, &self.relay) {
                    relay.unsubscribed(filter);
                }
            }
        });
    }

    fn change(&self, change: impl FnOnce(&mut FilterTree<Key, Subscriber>, &mut Shares)) {
        let mut one_writer = self.writer.lock();
        let before = self.current.load();
        let mut tree = before.tree.clone();
        change(&mut tree, &mut one_writer);
        let changes = before.changes + 1;
        self.current.store(Arc::new(Index { tree, changes }));
    }

    /// What a mailbox may hold.
    pub fn limits(&self) -> QueueLimits {
        self.limits
    }

    /// How many subscriptions there are.
    pub fn len(&self) -> usize {
        self.current.load().tree.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.current.load().tree.is_empty()
    }

    /// Who wants a publish of `topic`: every session once, however many of its subscriptions match
    /// [MQTT-3.3.4-2]. `publisher` is whose publish it is, for no local [MQTT-3.8.3-3].
    pub fn select(&self, topic: &Topic, publisher: SessionKey) -> Recipients {
        // [MQTT-3.3.2-3]
        let index = self.current.load();
        let mut all = Vec::new();
        if !index.tree.is_empty() {
            all = self.matching(&index, topic, publisher, |_| true);
        }
        Recipients::new(all, self.limits, (publisher, index.changes))
    }

    /// Looks again, now that the publish is in the log: who has subscribed meanwhile and ends with its connection
    /// gets it too, or a client that published a retained message before another subscribed would leave the other
    /// with the one before. Whoever was chosen with room kept for it stays chosen.
    pub(super) fn look_again(&self, recipients: &mut Recipients, topic: &Topic) {
        let index = self.current.load();
        if index.changes == recipients.changes {
            return;
        }
        let before = std::mem::take(&mut recipients.all);
        let (mut stay, gone): (Vec<_>, Vec<_>) = before
            .into_iter()
            .partition(|one| one.place.is_kept() || one.key.1.is_some());
        let chosen: Vec<Key> = stay.iter().map(|one| one.key).collect();
        let shares: Vec<ShareKey> = stay.iter().filter_map(|one| one.key.1).collect();
        let now = self.matching(&index, topic, recipients.publisher, |share| {
            !shares.contains(&share)
        });
        let old: Vec<Key> = gone.iter().map(|one| one.key).collect();
        // A session that outlives its process needs more than a place in a mailbox: it began too late for this one.
        let fits = |one: &Recipient| old.contains(&one.key) || !one.mailbox.is_kept();
        stay.extend(
            now.into_iter()
                .filter(|one| !chosen.contains(&one.key) && fits(one)),
        );
        recipients.all = stay;
    }

    /// All who want a publish of `topic`, of each shared subscription that `is_open` one member.
    fn matching(
        &self,
        index: &Index,
        topic: &Topic,
        publisher: SessionKey,
        is_open: impl Fn(ShareKey) -> bool,
    ) -> Vec<Recipient> {
        let mut wanted: Vec<(Key, &Subscriber)> = Vec::new();
        let mut shared: Vec<(Key, &Subscriber)> = Vec::new();
        index.tree.matches(topic, |key, subscriber| match key {
            (_, Some(share)) if is_open(*share) => shared.push((*key, subscriber)),
            (_, Some(_)) => {}
            (session, None) if subscriber.no_local && *session == publisher => {}
            (_, None) => wanted.push((*key, subscriber)),
        });
        wanted.sort_by_key(|(key, _)| *key);
        let of_one = wanted.chunk_by(|(one, _), (other, _)| one == other);
        let mut all: Vec<_> = of_one.filter_map(recipient).collect();
        shared.sort_by_key(|((_, share), _)| *share);
        let of_group = shared.chunk_by(|((_, one), _), ((_, other), _)| one == other);
        all.extend(of_group.filter_map(|members| self.member(members))); // [MQTT-3.3.4-5]
        all
    }

    /// The member of the shared subscription `share` that gets a publish of `topic` instead of `leaver`; only one that
    /// is connected, if it `must_be_here`.
    pub(super) fn another_member(
        &self,
        share: &TopicFilter,
        topic: &Topic,
        leaver: SessionKey,
        must_be_here: bool,
    ) -> Option<Recipient> {
        let index = self.current.load();
        let mut others = Vec::new();
        index.tree.matches(topic, |key, member| {
            let own = member.share.as_ref().map(|own| &**own.filter());
            let is_here = member.mailbox.is_attached() || !must_be_here;
            if own == Some(share) && key.0 != leaver && is_here {
                others.push((*key, member));
            }
        });
        self.member(&others)
    }

    /// The one member of a group that gets a publish [MQTT-4.8.2-3].
    fn member(&self, members: &[(Key, &Subscriber)]) -> Option<Recipient> {
        let (_, first) = members.first()?;
        let mailboxes: Vec<_> = members.iter().map(|(_, member)| &*member.mailbox).collect();
        let chosen = first.share.as_ref()?.choose(&mailboxes, &self.limits);
        recipient(members.get(chosen..=chosen)?)
    }
}

/// The session that gets a publish by these subscriptions of it.
fn recipient(matching: &[(Key, &Subscriber)]) -> Option<Recipient> {
    let (key, first) = matching.first()?;
    let all = matching.iter().map(|(_, subscriber)| subscriber);
    let share = first.share.as_ref();
    Some(Recipient {
        key: *key,
        mailbox: Arc::clone(&first.mailbox),
        qos: all.clone().map(|subscriber| subscriber.qos).max()?,
        retain_as_published: all.clone().any(|subscriber| subscriber.retain_as_published),
        identifiers: all.filter_map(|subscriber| subscriber.identifier).collect(),
        share: share.map(|share| Arc::clone(share.filter())),
        place: Place::Unneeded,
    })
}

#[cfg(test)]
mod tests {
    use messina_mqtt::packet::{Publish, SubscriptionOptions};

    use super::*;
    use crate::config::QueueFull;
    use crate::runtime::clock::{Clock, SystemClock};

    const LIMITS: QueueLimits = QueueLimits {
        count: 10,
        bytes: 1_000,
        age: None,
        full: QueueFull::Drop,
    };

    /// The mailbox of somebody who is here.
    fn mailbox() -> Arc<Mailbox> {
        let mailbox = Mailbox::default();
        mailbox.attach(true);
        Arc::new(mailbox)
    }

    fn subscribe(subscriptions: &Subscriptions, mailbox: &Arc<Mailbox>, filter: &str) {
        let own = SessionSubscription {
            filter: TopicFilter::new(filter).expect("a filter"),
            options: SubscriptionOptions::with_qos(QoS::AtLeastOnce),
            identifier: None,
            replaces: false,
        };
        subscriptions.insert(SessionKey::NONE, mailbox, [own].iter());
    }

    fn publish() -> Publish {
        Publish::new(Topic::new("valve/7").expect("a topic"), "open")
    }

    #[test]
    fn who_subscribes_while_a_publish_becomes_durable_gets_it() {
        let subscriptions = Subscriptions::new(LIMITS, None);
        let chosen = subscriptions.select(&publish().topic, SessionKey::NONE);
        let mailbox = mailbox();
        subscribe(&subscriptions, &mailbox, "valve/+");
        chosen.deliver(publish(), &subscriptions, SystemClock.now());
        assert_eq!(mailbox.waiting(), 1);
    }

    #[test]
    fn who_unsubscribes_meanwhile_does_not() {
        let subscriptions = Subscriptions::new(LIMITS, None);
        let mailbox = mailbox();
        subscribe(&subscriptions, &mailbox, "valve/+");
        let chosen = subscriptions.select(&publish().topic, SessionKey::NONE);
        let filter = TopicFilter::new("valve/+").expect("a filter");
        subscriptions.remove(SessionKey::NONE, [&filter].into_iter());
        chosen.deliver(publish(), &subscriptions, SystemClock.now());
        assert_eq!(mailbox.waiting(), 0);
    }

    #[test]
    fn who_has_room_kept_for_a_publish_gets_it_once_whatever_changes() {
        let subscriptions = Subscriptions::new(LIMITS, None);
        let mailbox = mailbox();
        mailbox.keep();
        subscribe(&subscriptions, &mailbox, "valve/+");
        let publish = Publish {
            qos: QoS::AtLeastOnce,
            ..publish()
        };
        let mut chosen = subscriptions.select(&publish.topic, SessionKey::NONE);
        assert!(chosen.reserve(&publish, |_, _| {}).is_empty());
        subscribe(&subscriptions, &mailbox, "#");
        chosen.deliver(publish, &subscriptions, SystemClock.now());
        assert_eq!(mailbox.waiting(), 1);
    }

    #[test]
    fn a_session_that_outlives_its_process_gets_nothing_that_is_not_durable_for_it() {
        let subscriptions = Subscriptions::new(LIMITS, None);
        let chosen = subscriptions.select(&publish().topic, SessionKey::NONE);
        let mailbox = mailbox();
        mailbox.keep();
        subscribe(&subscriptions, &mailbox, "#");
        chosen.deliver(publish(), &subscriptions, SystemClock.now());
        assert_eq!(mailbox.waiting(), 0);
    }
}
