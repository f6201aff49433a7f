//! Who wants which publish: the subscription index, and the way of a publish to all who match.
//!
//! The index is a persistent tree behind an [`ArcSwap`]: a publisher reads the tree that was current when it
//! looked, without a lock; a subscriber makes a new one beside it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;
use messina_mqtt::filter_tree::FilterTree;
use messina_mqtt::packet::{ClientId, PacketId, Publish, QoS, SharedPublish};
use messina_mqtt::property::SubscriptionId;
use messina_mqtt::session::{Forward, SessionSubscription};
use messina_mqtt::topic::{Topic, TopicFilter};
use parking_lot::Mutex;

use super::mailbox::{Mailbox, MailboxLimits, Posted, Room};
use super::sessions::SessionKey;
use super::shares::{Share, ShareKey, Shares};
use super::state::delivery::Delivery;

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
type Key = (SessionKey, Option<ShareKey>);

type Index = FilterTree<Key, Subscriber>;

/// The subscriptions of all sessions.
#[derive(Debug)]
pub struct Subscriptions {
    current: ArcSwap<Index>,
    writer: Mutex<Shares>,
    limits: MailboxLimits,
}

impl Subscriptions {
    /// No subscriptions yet; no mailbox is filled beyond `limits`.
    pub fn new(limits: MailboxLimits) -> Self {
        Self {
            current: ArcSwap::from_pointee(Index::default()),
            writer: Mutex::default(),
            limits,
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
                index.insert(&subscription.filter, key, subscriber);
            }
        });
    }

    /// Removes subscriptions of the session `key`.
    pub fn remove<'a>(&self, key: SessionKey, filters: impl Iterator<Item = &'a TopicFilter>) {
        self.change(|index, shares| {
            for filter in filters {
                let share = shares.find(filter).map(|share| share.key());
                index.remove(filter, &(key, share));
            }
        });
    }

    fn change(&self, change: impl FnOnce(&mut Index, &mut Shares)) {
        let mut one_writer = self.writer.lock();
        let mut index = Index::clone(&self.current.load());
        change(&mut index, &mut one_writer);
        self.current.store(Arc::new(index));
    }

    /// What a mailbox may hold.
    pub fn limits(&self) -> MailboxLimits {
        self.limits
    }

    /// How many subscriptions there are.
    pub fn len(&self) -> usize {
        self.current.load().len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.current.load().is_empty()
    }

    /// Who wants a publish of `topic`: every session once, however many of its subscriptions match
    /// [MQTT-3.3.5-1]. `publisher` is whose publish it is, for no local [MQTT-3.8.3-3].
    pub fn select(&self, topic: &Topic, publisher: SessionKey) -> Recipients {
        let index = self.current.load();
        if index.is_empty() {
            return Recipients::default();
        }
        let mut wanted: Vec<(SessionKey, &Subscriber)> = Vec::new();
        let mut shared: Vec<(ShareKey, &Subscriber)> = Vec::new();
        index.matches(topic, |(key, share), subscriber| {
            if let Some(share) = share {
                shared.push((*share, subscriber));
            } else if !(subscriber.no_local && *key == publisher) {
                wanted.push((*key, subscriber));
            }
        });
        wanted.sort_by_key(|(key, _)| *key);
        let of_one = wanted.chunk_by(|(one, _), (other, _)| one == other);
        let mut all: Vec<_> = of_one.filter_map(Recipient::of).collect();
        shared.sort_by_key(|(share, _)| *share);
        let of_group = shared.chunk_by(|(one, _), (other, _)| one == other);
        all.extend(of_group.filter_map(|members| self.member(members)));
        Recipients {
            all,
            limits: self.limits,
        }
    }

    /// The one member of a group that gets a publish [MQTT-4.8.2-3].
    fn member(&self, members: &[(ShareKey, &Subscriber)]) -> Option<Recipient> {
        let (_, first) = members.first()?;
        let mailboxes: Vec<_> = members.iter().map(|(_, member)| &*member.mailbox).collect();
        let chosen = first.share.as_ref()?.choose(&mailboxes, self.limits);
        let (_, member) = members.get(chosen)?;
        Recipient::of(&[(SessionKey::NONE, *member)])
    }
}

/// One session that gets a publish.
#[derive(Debug)]
struct Recipient {
    mailbox: Arc<Mailbox>,
    /// The best QoS its matching subscriptions allow.
    qos: QoS,
    retain_as_published: bool,
    identifiers: Vec<SubscriptionId>,
    /// The identifier a publish goes with that is durably on its way.
    packet_id: Option<PacketId>,
}

impl Recipient {
    fn of(matching: &[(SessionKey, &Subscriber)]) -> Option<Self> {
        let (_, first) = matching.first()?;
        let all = matching.iter().map(|(_, subscriber)| subscriber);
        Some(Self {
            mailbox: Arc::clone(&first.mailbox),
            qos: all.clone().map(|subscriber| subscriber.qos).max()?,
            retain_as_published: all.clone().any(|subscriber| subscriber.retain_as_published),
            identifiers: all.filter_map(|subscriber| subscriber.identifier).collect(),
            packet_id: None,
        })
    }
}

/// The sessions that get a publish, chosen before it is in the log.
#[derive(Debug, Default)]
pub struct Recipients {
    all: Vec<Recipient>,
    limits: MailboxLimits,
}

impl Recipients {
    /// Whether nobody wants it.
    pub fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// Makes room at every session that outlives its process, and calls back with what must be durable for it
    /// before the publish is acknowledged. Sessions without room are left out; gives their number.
    pub fn reserve(
        &mut self,
        publish: &Publish,
        mut each: impl FnMut(&ClientId, &Delivery<'_>),
    ) -> u64 {
        let size = size_of(publish);
        let before = self.all.len();
        self.all.retain_mut(|recipient| {
            let qos = publish.qos.min(recipient.qos);
            if qos == QoS::AtMostOnce {
                return true;
            }
            match recipient.mailbox.reserve(size, self.limits) {
                Room::Unneeded => true,
                Room::None => false,
                Room::Reserved(packet_id, sequence) => {
                    recipient.packet_id = Some(packet_id);
                    let delivery = Delivery {
                        packet_id,
                        sequence,
                        qos,
                        retain: publish.retain && recipient.retain_as_published,
                        identifiers: &recipient.identifiers,
                    };
                    each(recipient.mailbox.owner(), &delivery);
                    true
                }
            }
        });
        (before - self.all.len()) as u64
    }

    /// Gives the room back: the log has refused `publish`.
    pub fn cancel(self, publish: &Publish) {
        let size = size_of(publish);
        for recipient in self.all {
            if let Some(packet_id) = recipient.packet_id {
                recipient.mailbox.cancel(packet_id, size);
            }
        }
    }

    /// Leaves `publish`, which came at `now`, with all of them. Gives the number that had no room.
    pub fn deliver(self, publish: Publish, now: Instant) -> u64 {
        if self.all.is_empty() {
            return 0;
        }
        let size = size_of(&publish);
        let (retain, qos) = (publish.retain, publish.qos);
        let expires = expiry(&publish, now);
        let shared = match SharedPublish::new(publish) {
            Ok(shared) => Arc::new(shared),
            Err(error) => {
                tracing::warn!(%error, "a publish that was decoded cannot be encoded for its subscribers");
                return self.all.len() as u64;
            }
        };
        let mut full = 0;
        for recipient in self.all {
            let delivery = Forward {
                publish: Arc::clone(&shared),
                qos: qos.min(recipient.qos),
                retain: retain && recipient.retain_as_published,
                subscription_ids: recipient.identifiers,
                expires,
                packet_id: recipient.packet_id,
            };
            if recipient.mailbox.post(delivery, size, self.limits) == Posted::Full {
                full += 1;
            }
        }
        full
    }
}

/// What a publish counts for in the limits of a mailbox.
fn size_of(publish: &Publish) -> usize {
    publish.topic.as_str().len() + publish.payload.len()
}

/// When a publish that has just come is no longer worth sending [MQTT-3.3.2-5].
fn expiry(publish: &Publish, now: Instant) -> Option<Instant> {
    let seconds = publish.properties.as_ref()?.message_expiry_interval?;
    now.checked_add(Duration::from_secs(u64::from(seconds)))
}
