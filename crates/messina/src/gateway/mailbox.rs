//! A session's mailbox: publishes that other connections have left for it. Bounded in count and bytes.

use std::collections::VecDeque;
use std::sync::Arc;

use messina_mqtt::packet::QoS;
use messina_mqtt::packet::publish::SharedPublish;
use parking_lot::Mutex;
use tokio::sync::Notify;

/// A publish on its way to one subscriber.
#[derive(Debug, Clone)]
pub struct Delivery {
    /// The publish, encoded once for all its subscribers.
    pub publish: Arc<SharedPublish>,
    /// The lower of the publish's QoS and the subscription's.
    pub qos: QoS,
    /// Whether the RETAIN flag is kept as it was published [MQTT-3.3.1-12], [MQTT-3.3.1-13].
    pub retain: bool,
    /// Subscription identifiers of the matching subscriptions, without repetition.
    pub identifiers: Vec<u32>,
}

/// What became of a delivery that was posted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Posted {
    /// It waits in the mailbox.
    Queued,
    /// The mailbox is full; the delivery was not taken.
    Full,
}

/// Limits of a mailbox.
#[derive(Debug, Clone, Copy)]
pub struct MailboxLimits {
    /// Deliveries.
    pub count: usize,
    /// Bytes of topics and payloads.
    pub bytes: usize,
}

/// Publishes waiting for one session's connection.
#[derive(Debug)]
pub struct Mailbox {
    queue: Mutex<Queue>,
    notify: Notify,
}

#[derive(Debug, Default)]
struct Queue {
    deliveries: VecDeque<Delivery>,
    bytes: usize,
}

impl Default for Mailbox {
    fn default() -> Self {
        Self { queue: Mutex::default(), notify: Notify::new() }
    }
}

impl Mailbox {
    /// Leaves `delivery` for the session, within `limits`.
    pub fn post(&self, delivery: Delivery, limits: MailboxLimits) -> Posted {
        let size = delivery.publish.size();
        let mut queue = self.queue.lock();
        if queue.deliveries.len() >= limits.count || queue.bytes + size > limits.bytes {
            return Posted::Full;
        }
        queue.bytes += size;
        let was_empty = queue.deliveries.is_empty();
        queue.deliveries.push_back(delivery);
        drop(queue);
        if was_empty {
            self.notify.notify_one();
        }
        Posted::Queued
    }

    /// Moves up to `most` waiting deliveries to the end of `into`, in order of arrival.
    pub fn take(&self, most: usize, into: &mut Vec<Delivery>) {
        let mut queue = self.queue.lock();
        let count = most.min(queue.deliveries.len());
        for delivery in queue.deliveries.drain(..count) {
            into.push(delivery);
        }
        let taken: usize = into.iter().rev().take(count).map(|delivery| delivery.publish.size()).sum();
        queue.bytes = queue.bytes.saturating_sub(taken);
        if queue.deliveries.is_empty() {
            // A burst's capacity is not kept for 20,000 quiet sessions.
            if queue.deliveries.capacity() > 64 {
                queue.deliveries = VecDeque::new();
            }
        } else {
            drop(queue);
            self.notify.notify_one();
        }
    }

    /// How many deliveries wait.
    pub fn len(&self) -> usize {
        self.queue.lock().deliveries.len()
    }

    /// Whether nothing waits.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Resolves when deliveries have arrived since the last call.
    pub async fn posted(&self) {
        self.notify.notified().await;
    }
}
