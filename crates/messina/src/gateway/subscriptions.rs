//! Who wants which publish: the subscription index, and the way of a publish to all who match.
//!
//! The index is a persistent tree behind an [`ArcSwap`]: a publisher reads the tree that was current when it
//! looked, without a lock; a subscriber makes a new one beside it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;
use messina_mqtt::filter_tree::FilterTree;
use messina_mqtt::packet::{Publish, QoS, SharedPublish};
use messina_mqtt::property::SubscriptionId;
use messina_mqtt::session::{Forward, SessionSubscription};
use messina_mqtt::topic::TopicFilter;
use parking_lot::Mutex;

use super::mailbox::{Mailbox, MailboxLimits, Posted};
use super::sessions::SessionKey;

/// What the index keeps for a subscription.
#[derive(Debug, Clone)]
struct Subscriber {
    mailbox: Arc<Mailbox>,
    qos: QoS,
    no_local: bool,
    retain_as_published: bool,
    identifier: Option<SubscriptionId>,
}

type Index = FilterTree<SessionKey, Subscriber>;

/// The subscriptions of all sessions.
#[derive(Debug)]
pub struct Subscriptions {
    current: ArcSwap<Index>,
    writer: Mutex<()>,
    limits: MailboxLimits,
}

impl Subscriptions {
    /// No subscriptions yet; no mailbox is filled beyond `limits`.
    pub fn new(limits: MailboxLimits) -> Self {
        Self {
            current: ArcSwap::from_pointee(Index::default()),
            writer: Mutex::new(()),
            limits,
        }
    }

    /// Adds subscriptions of the session `key`, or replaces them [MQTT-3.8.4-3].
    pub fn insert(
        &self,
        key: SessionKey,
        mailbox: &Arc<Mailbox>,
        subscriptions: &[SessionSubscription],
    ) {
        self.change(|index| {
            for subscription in subscriptions {
                let options = &subscription.options;
                let subscriber = Subscriber {
                    mailbox: Arc::clone(mailbox),
                    qos: options.qos,
                    no_local: options.no_local,
                    retain_as_published: options.retain_as_published,
                    identifier: subscription.identifier,
                };
                index.insert(&subscription.filter, key, subscriber);
            }
        });
    }

    /// Removes subscriptions of the session `key`.
    pub fn remove<'a>(&self, key: SessionKey, filters: impl Iterator<Item = &'a TopicFilter>) {
        self.change(|index| {
            for filter in filters {
                index.remove(filter, &key);
            }
        });
    }

    fn change(&self, change: impl FnOnce(&mut Index)) {
        let _one_writer = self.writer.lock();
        let mut index = Index::clone(&self.current.load());
        change(&mut index);
        self.current.store(Arc::new(index));
    }

    /// How many subscriptions there are.
    pub fn len(&self) -> usize {
        self.current.load().len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.current.load().is_empty()
    }

    /// Leaves `publish` with every session that wants it, once for each session however many of its
    /// subscriptions match [MQTT-3.3.5-1]. `publisher` is whose publish it is, for no local [MQTT-3.8.3-3];
    /// `now` is when it came.
    /// Gives the number of sessions that wanted it and had no room.
    pub fn deliver(&self, publish: Publish, publisher: SessionKey, now: Instant) -> u64 {
        let index = self.current.load();
        if index.is_empty() {
            return 0;
        }
        let mut wanted: Vec<(SessionKey, &Subscriber)> = Vec::new();
        index.matches(&publish.topic, |key, subscriber| {
            if !(subscriber.no_local && *key == publisher) {
                wanted.push((*key, subscriber));
            }
        });
        if wanted.is_empty() {
            return 0;
        }
        wanted.sort_by_key(|(key, _)| *key);
        let size = publish.topic.as_str().len() + publish.payload.len();
        let (retain, qos) = (publish.retain, publish.qos);
        let expires = expiry(&publish, now);
        let shared = match SharedPublish::new(publish) {
            Ok(shared) => Arc::new(shared),
            Err(error) => {
                tracing::warn!(%error, "a publish that was decoded cannot be encoded for its subscribers");
                return wanted.len() as u64;
            }
        };
        let mut full = 0;
        for matching in wanted.chunk_by(|(one, _), (other, _)| one == other) {
            let Some((_, first)) = matching.first() else {
                continue;
            };
            let subscribed = matching
                .iter()
                .map(|(_, subscriber)| subscriber.qos)
                .max()
                .unwrap_or(QoS::AtMostOnce);
            let delivery = Forward {
                publish: Arc::clone(&shared),
                qos: qos.min(subscribed),
                retain: retain
                    && matching
                        .iter()
                        .any(|(_, subscriber)| subscriber.retain_as_published),
                subscription_ids: matching
                    .iter()
                    .filter_map(|(_, subscriber)| subscriber.identifier)
                    .collect(),
                expires,
            };
            if first.mailbox.post(delivery, size, self.limits) == Posted::Full {
                full += 1;
            }
        }
        full
    }
}

/// When a publish that has just come is no longer worth sending [MQTT-3.3.2-5].
fn expiry(publish: &Publish, now: Instant) -> Option<Instant> {
    let seconds = publish.properties.as_ref()?.message_expiry_interval?;
    now.checked_add(Duration::from_secs(u64::from(seconds)))
}
