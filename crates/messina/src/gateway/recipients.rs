//! The way of a publish to all who get it: their places before it is durable, and their mailboxes afterwards.

use std::sync::Arc;
use std::time::{Duration, Instant};

use messina_mqtt::packet::{ClientId, Publish, QoS, SharedPublish};
use messina_mqtt::property::SubscriptionId;
use messina_mqtt::session::Forward;
use messina_mqtt::topic::TopicFilter;

use super::mailbox::Mailbox;
use super::room::{Displaced, Loss, Place, QueueLimits, Room, Waiting};
use super::sessions::SessionKey;
use super::slots::SendingKey;
use super::state::delivery::Delivery;
use super::subscriptions::{Key, Subscriptions};

/// One session that gets a publish.
#[derive(Debug)]
pub(super) struct Recipient {
    pub(super) key: Key,
    pub(super) mailbox: Arc<Mailbox>,
    /// The best QoS its matching subscriptions allow.
    pub(super) qos: QoS,
    pub(super) retain_as_published: bool,
    pub(super) identifiers: Vec<SubscriptionId>,
    /// The shared subscription it is a member of.
    pub(super) share: Option<Arc<TopicFilter>>,
    pub(super) place: Place,
}

impl Recipient {
    /// What it gets of `publish`, sent as `retain` and at most at `qos`.
    pub(super) fn forward(
        &self,
        publish: Arc<SharedPublish>,
        (qos, retain): (QoS, bool),
        expires: Option<Instant>,
    ) -> Forward {
        Forward {
            publish,
            qos: qos.min(self.qos),
            retain: retain && self.retain_as_published,
            subscription_ids: self.identifiers.clone(),
            expires,
            packet_id: self.place.packet_id(),
            share: self.share.clone(),
        }
    }
}

/// What becomes durable with a publish about a session that outlives its process.
#[derive(Debug)]
pub enum Stored<'a> {
    /// The publish is on its way to it.
    Sending(&'a Delivery<'a>),
    /// This one is not any more: it has made way.
    Displaced(SendingKey),
}

/// A client that did not get so many publishes, and why.
pub type Lost = (ClientId, Loss, u64);

/// The sessions that get a publish, chosen before it is in the log.
#[derive(Debug)]
pub struct Recipients {
    pub(super) all: Vec<Recipient>,
    /// What makes way for it, by the mailbox it waited in.
    displaced: Vec<(Arc<Mailbox>, Displaced)>,
    limits: QueueLimits,
    pub(super) publisher: SessionKey,
    /// How often the index had changed when they were chosen.
    pub(super) changes: u64,
}

impl Recipients {
    /// Those who get a publish of `publisher`, by an index that had changed so often.
    pub(super) fn new(
        all: Vec<Recipient>,
        limits: QueueLimits,
        (publisher, changes): (SessionKey, u64),
    ) -> Self {
        Self {
            all,
            displaced: Vec::new(),
            limits,
            publisher,
            changes,
        }
    }

    /// Whether nobody wants it.
    pub fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// Keeps room at every session where that must be done before the publish is durable, and calls back with what is
    /// durable with it. Sessions without room are left out; gives these.
    pub fn reserve(
        &mut self,
        publish: &Publish,
        mut each: impl FnMut(&ClientId, Stored<'_>),
    ) -> Vec<Lost> {
        let size = size_of(publish);
        let mut lost = Vec::new();
        let (displaced, limits) = (&mut self.displaced, &self.limits);
        self.all.retain_mut(|recipient| {
            let qos = publish.qos.min(recipient.qos);
            if qos == QoS::AtMostOnce {
                return true;
            }
            let owner = recipient.mailbox.owner();
            match recipient.mailbox.reserve(size, limits) {
                Room::None(why) => {
                    lost.push((owner.clone(), why, 1));
                    return false;
                }
                Room::Found(place, old) => {
                    let gone = old.waiting.iter().filter_map(|old| old.key);
                    gone.for_each(|key| each(owner, Stored::Displaced(key)));
                    if let Place::Reserved(sequence) = place {
                        let delivery = Delivery {
                            sequence,
                            qos,
                            retain: publish.retain && recipient.retain_as_published, // [MQTT-3.3.1-12] [MQTT-3.3.1-13]
                            identifiers: &recipient.identifiers,
                            share: recipient.share.as_deref(),
                        };
                        each(owner, Stored::Sending(&delivery));
                    }
                    if !old.waiting.is_empty() {
                        displaced.push((Arc::clone(&recipient.mailbox), old));
                    }
                    recipient.place = place;
                }
            }
            true
        });
        lost
    }

    /// Gives the room back: the log has refused `publish`. What was to make way stays.
    pub fn cancel(self, publish: &Publish) {
        let size = size_of(publish);
        // First: a mailbox that is closed waits for what room is kept for, and no longer.
        for (mailbox, old) in self.displaced {
            mailbox.put_back(old.waiting);
        }
        for recipient in self.all {
            recipient.mailbox.cancel(recipient.place, size);
        }
    }

    /// Leaves `publish`, which came at `now` and is as durable as it is to be, with all of them and with who has
    /// joined `subscriptions` meanwhile. Gives who did not get what.
    pub fn deliver(
        mut self,
        publish: Publish,
        subscriptions: &Subscriptions,
        now: Instant,
    ) -> Vec<Lost> {
        let mut lost = self.displaced();
        subscriptions.look_again(&mut self, &publish.topic);
        if self.all.is_empty() {
            return lost;
        }
        let size = size_of(&publish);
        let seen = (publish.qos, publish.retain);
        let expires = expiry(&publish, now);
        let too_old = self.limits.age.and_then(|age| now.checked_add(age));
        let shared = match SharedPublish::new(publish) {
            Ok(shared) => Arc::new(shared),
            Err(error) => {
                tracing::warn!(%error, "a publish that was decoded cannot be encoded for its subscribers");
                for recipient in self.all {
                    recipient.mailbox.cancel(recipient.place, size);
                }
                return lost;
            }
        };
        for recipient in self.all {
            let one = Waiting {
                forward: recipient.forward(Arc::clone(&shared), seen, expires),
                key: recipient.place.key(),
                size,
                too_old,
            };
            let mailbox = &recipient.mailbox;
            for (why, count) in mailbox.post(one, recipient.place, &self.limits) {
                lost.push((mailbox.owner().clone(), why, count));
            }
        }
        lost
    }

    /// Who did not get what has made way.
    fn displaced(&mut self) -> Vec<Lost> {
        let mut lost = Vec::new();
        for (mailbox, old) in std::mem::take(&mut self.displaced) {
            let losses = old.losses.into_iter();
            lost.extend(losses.map(|(why, count)| (mailbox.owner().clone(), why, count)));
        }
        lost
    }
}

/// What a publish counts for in the limits of a mailbox.
pub(super) fn size_of(publish: &Publish) -> usize {
    publish.topic.as_str().len() + publish.payload.len()
}

/// When a publish that has just come is no longer worth sending [MQTT-3.3.2-5].
fn expiry(publish: &Publish, now: Instant) -> Option<Instant> {
    let seconds = publish.properties.as_ref()?.message_expiry_interval?;
    now.checked_add(Duration::from_secs(u64::from(seconds)))
}
