//! A session's mailbox: what others leave for it, publishes and the word that it must go.
//! Bounded in count and bytes.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use atomic_waker::AtomicWaker;
use messina_mqtt::packet::{ClientId, PacketId};
use messina_mqtt::session::Forward;
use parking_lot::Mutex;

use super::slots::Slots;

/// A burst's capacity beyond this is given back once the mailbox is empty: 20,000 quiet sessions keep nothing.
const KEPT_CAPACITY: usize = 64;

/// What became of a delivery that was posted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Posted {
    /// It waits in the mailbox.
    Queued,
    /// The mailbox is full; the delivery was not taken.
    Full,
}

/// What a session needs to have room for a publish.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Room {
    /// Nothing: the session ends with its connection, or the publish is of QoS 0.
    Unneeded,
    /// It has room: the identifier the publish goes with, and its place in the session's order.
    Reserved(PacketId, u64),
    /// It has none.
    None,
}

/// Why a connection must end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signal {
    /// Another connection takes the session over [MQTT-3.1.4-3].
    TakenOver,
    /// The program stops.
    Stopping,
}

/// Limits of a mailbox.
#[derive(Debug, Clone, Copy, Default)]
pub struct MailboxLimits {
    /// Deliveries.
    pub count: usize,
    /// Bytes of topics and payloads.
    pub bytes: usize,
}

/// Publishes waiting for one session's connection.
#[derive(Debug, Default)]
pub struct Mailbox {
    owner: ClientId,
    queue: Mutex<Queue>,
    /// Something has come since the connection last looked.
    news: AtomicBool,
    connection: AtomicWaker,
    attached: AtomicBool,
}

#[derive(Debug, Default)]
struct Queue {
    deliveries: VecDeque<(Forward, usize)>,
    bytes: usize,
    signal: Option<Signal>,
    /// Once a session is to outlive its process, all it is sent at QoS 1 and 2 has its identifier from here.
    slots: Option<Box<Slots>>,
}

impl Mailbox {
    /// The mailbox of `owner`'s session.
    pub fn new(owner: ClientId) -> Self {
        Self {
            owner,
            ..Self::default()
        }
    }

    /// The mailbox of a session an earlier process has left.
    pub fn restored(owner: ClientId, slots: Slots) -> Self {
        let mailbox = Self::new(owner);
        mailbox.queue.lock().slots = Some(Box::new(slots));
        mailbox
    }

    /// Whose mailbox it is.
    pub fn owner(&self) -> &ClientId {
        &self.owner
    }

    /// The session is to outlive its process: from now on there is [`Room::Reserved`] for its publishes.
    pub fn keep(&self) {
        self.queue.lock().slots.get_or_insert_default();
    }

    /// Says whether a connection takes what is posted.
    pub fn attach(&self, attached: bool) {
        self.attached.store(attached, Ordering::Relaxed);
    }

    /// Whether a connection takes what is posted.
    pub fn is_attached(&self) -> bool {
        self.attached.load(Ordering::Relaxed)
    }

    /// Whether a small publish would be taken now.
    pub fn has_room(&self, limits: MailboxLimits) -> bool {
        let queue = self.queue.lock();
        let used = queue.slots.as_ref().map_or(0, |slots| slots.count());
        queue.deliveries.len().max(used) < limits.count && queue.bytes < limits.bytes
    }

    /// Whether it was told to [`keep`](Self::keep).
    pub fn is_kept(&self) -> bool {
        self.queue.lock().slots.is_some()
    }

    /// Makes room for a publish of `size` bytes and QoS 1 or 2, which is durable before it is posted.
    pub fn reserve(&self, size: usize, limits: MailboxLimits) -> Room {
        let mut queue = self.queue.lock();
        let queue = &mut *queue;
        let Some(slots) = &mut queue.slots else {
            return Room::Unneeded;
        };
        if queue.bytes + size > limits.bytes {
            return Room::None;
        }
        match slots.take(limits.count) {
            Some((packet_id, sequence)) => {
                queue.bytes += size;
                Room::Reserved(packet_id, sequence)
            }
            None => Room::None,
        }
    }

    /// Gives the room back of a publish of `size` bytes that will not be posted.
    pub fn cancel(&self, packet_id: PacketId, size: usize) {
        let mut queue = self.queue.lock();
        queue.bytes = queue.bytes.saturating_sub(size);
        if let Some(slots) = &mut queue.slots {
            slots.free(packet_id);
        }
    }

    /// The client is done with a publish, and that is on its way into the log: the identifier is free.
    pub fn free(&self, packet_id: PacketId) {
        if let Some(slots) = &mut self.queue.lock().slots {
            slots.free(packet_id);
        }
    }

    /// The identifiers of publishes on their way to the client.
    pub fn identifiers(&self) -> Vec<PacketId> {
        let queue = self.queue.lock();
        queue.slots.iter().flat_map(|slots| slots.used()).collect()
    }

    /// Leaves `delivery` of `size` bytes for the session, within `limits`. What has an identifier has its room.
    pub fn post(&self, delivery: Forward, size: usize, limits: MailboxLimits) -> Posted {
        let mut queue = self.queue.lock();
        if delivery.packet_id.is_none() {
            if queue.deliveries.len() >= limits.count || queue.bytes + size > limits.bytes {
                return Posted::Full;
            }
            queue.bytes += size;
        }
        let was_empty = queue.deliveries.is_empty();
        queue.deliveries.push_back((delivery, size));
        drop(queue);
        if was_empty {
            self.wake();
        }
        Posted::Queued
    }

    /// Moves up to `most` waiting deliveries to the end of `into`, in order of arrival. Says whether more wait: nobody is
    /// woken for these.
    pub fn take(&self, most: usize, into: &mut Vec<Forward>) -> bool {
        let mut queue = self.queue.lock();
        for _ in 0..most {
            let Some((delivery, size)) = queue.deliveries.pop_front() else {
                break;
            };
            queue.bytes -= size;
            into.push(delivery);
        }
        let more = !queue.deliveries.is_empty();
        if !more && queue.deliveries.capacity() > KEPT_CAPACITY {
            queue.deliveries = VecDeque::new();
        }
        more
    }

    /// Tells the session's connection that it must end.
    pub fn signal(&self, signal: Signal) {
        self.queue.lock().signal = Some(signal);
        self.wake();
    }

    /// No connection is to go for another one any more.
    pub fn forget_takeover(&self) {
        let signal = &mut self.queue.lock().signal;
        signal.take_if(|signal| *signal == Signal::TakenOver);
    }

    /// The last signal since this was asked.
    pub fn take_signal(&self) -> Option<Signal> {
        self.queue.lock().signal.take()
    }

    /// How many deliveries wait.
    pub fn waiting(&self) -> usize {
        self.queue.lock().deliveries.len()
    }

    /// Wakes the session's connection: something waits for it.
    pub fn wake(&self) {
        self.news.store(true, Ordering::Release);
        self.connection.wake();
    }

    /// Ready when something has arrived since the last time it was. One task asks at a time.
    pub fn poll_posted(&self, cx: &Context<'_>) -> Poll<()> {
        if self.news.swap(false, Ordering::AcqRel) {
            return Poll::Ready(());
        }
        self.connection.register(cx.waker());
        // What came between the look and the registration has woken nobody.
        if self.news.swap(false, Ordering::AcqRel) {
            return Poll::Ready(());
        }
        Poll::Pending
    }
}
