//! A session's mailbox: what others leave for it, publishes and the word that it must go.

use std::future::poll_fn;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::Instant;

use atomic_waker::AtomicWaker;
use messina_mqtt::packet::{ClientId, PacketId};
use messina_mqtt::session::Forward;
use parking_lot::Mutex;

use super::queue::Queue;
use super::room::{Losses, Place, QueueLimits, Room, TotalBytes, Waiting};
use super::slots::{SendingKey, Slots};
use crate::config::QueueFull;

/// Publishes that are looked at in one go for having waited too long.
const SWEPT_AT_ONCE: usize = 1_000;

/// Why a connection must end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signal {
    /// Another connection takes the session over [MQTT-3.1.4-3].
    TakenOver,
    /// The program stops.
    Stopping,
}

/// Publishes waiting for one session's connection.
#[derive(Debug, Default)]
pub struct Mailbox {
    owner: ClientId,
    inside: Mutex<Inside>,
    /// Something has come since the connection last looked.
    news: AtomicBool,
    connection: AtomicWaker,
    attached: AtomicBool,
}

#[derive(Debug, Default)]
struct Inside {
    queue: Queue,
    signal: Option<Signal>,
    /// What the client is done with and the log has refused to forget.
    unforgotten: Vec<PacketId>,
}

impl Mailbox {
    /// The mailbox of `owner`'s session; what waits in it counts in `total`.
    pub fn new(owner: ClientId, total: &Arc<TotalBytes>) -> Self {
        Self::with(owner, Queue::new(Arc::clone(total)))
    }

    /// The mailbox of a session an earlier process has left.
    pub fn restored(
        owner: ClientId,
        total: &Arc<TotalBytes>,
        slots: Slots,
        waiting: Vec<Waiting>,
    ) -> Self {
        Self::with(owner, Queue::restored(Arc::clone(total), slots, waiting))
    }

    fn with(owner: ClientId, queue: Queue) -> Self {
        Self {
            owner,
            inside: Mutex::new(Inside {
                queue,
                signal: None,
                unforgotten: Vec::new(),
            }),
            ..Self::default()
        }
    }

    /// Whose mailbox it is.
    pub fn owner(&self) -> &ClientId {
        &self.owner
    }

    /// The session is to outlive its process: from now on its publishes get their places here.
    pub fn keep(&self) {
        self.inside.lock().queue.keep();
    }

    /// Whether it was told to [`keep`](Self::keep).
    pub fn is_kept(&self) -> bool {
        self.inside.lock().queue.is_kept()
    }

    /// Says whether a connection takes what is posted.
    pub fn attach(&self, attached: bool) {
        self.attached.store(attached, Ordering::Relaxed);
    }

    /// Whether a connection takes what is posted.
    pub fn is_attached(&self) -> bool {
        self.attached.load(Ordering::Relaxed)
    }

    /// The session ends: nothing new is taken. Waits until everything has come that room was kept for.
    pub async fn close(&self) {
        self.inside.lock().queue.close();
        poll_fn(|cx| {
            // The connection is gone: its place is free.
            self.connection.register(cx.waker());
            if self.inside.lock().queue.is_done() {
                Poll::Ready(())
            } else {
                Poll::Pending
            }
        })
        .await;
    }

    /// Whether a small publish would be taken now.
    pub fn has_room(&self, limits: &QueueLimits) -> bool {
        self.inside.lock().queue.has_room(limits)
    }

    /// See [`Queue::reserve`].
    pub fn reserve(&self, size: usize, limits: &QueueLimits) -> Room {
        if limits.full == QueueFull::DropOldest {
            return self.change(|queue| queue.reserve(size, limits));
        }
        self.inside.lock().queue.reserve(size, limits)
    }

    /// See [`Queue::reserve_if_free`].
    pub fn reserve_if_free(&self, size: usize, limits: &QueueLimits) -> Room {
        self.inside.lock().queue.reserve_if_free(size, limits)
    }

    /// See [`Queue::identifier`].
    pub fn identifier(&self, limits: &QueueLimits) -> Option<PacketId> {
        self.inside.lock().queue.identifier(limits)
    }

    /// Gives back the room of a publish that will not be posted.
    pub fn cancel(&self, place: Place, size: usize) {
        self.inside.lock().queue.cancel(place, size);
        self.connection.wake();
    }

    /// See [`Queue::put_back`]. The connection may have taken all else meanwhile, and wait for what comes.
    pub fn put_back(&self, displaced: Vec<Waiting>) {
        self.inside.lock().queue.put_back(displaced);
        self.wake();
    }

    /// See [`Queue::shared`].
    pub fn shared(&self, most: usize) -> Vec<Forward> {
        self.inside.lock().queue.shared(most)
    }

    /// See [`Queue::pass_on`].
    pub fn pass_on(&self, taken: &[Forward]) -> Vec<Option<Waiting>> {
        self.change(|queue| queue.pass_on(taken))
    }

    /// Whether anything waits that came by a shared subscription.
    pub fn has_shared(&self) -> bool {
        self.inside.lock().queue.has_shared()
    }

    /// See [`Queue::sweep`].
    pub fn sweep(&self, now: Instant, forget: impl FnOnce(&[SendingKey]) -> bool) -> (u64, u64) {
        self.change(|queue| queue.sweep(now, SWEPT_AT_ONCE, forget))
    }

    /// See [`Queue::free`].
    pub fn free(&self, packet_id: PacketId) -> Option<SendingKey> {
        self.change(|queue| queue.free(packet_id))
    }

    /// The connection goes, and leaves to the next what the log has refused to forget.
    pub fn leave_unforgotten(&self, delivered: Vec<PacketId>) {
        self.inside.lock().unforgotten = delivered;
    }

    /// What the connection before has left to be forgotten.
    pub fn take_unforgotten(&self) -> Vec<PacketId> {
        std::mem::take(&mut self.inside.lock().unforgotten)
    }

    /// The client is done with these publishes.
    pub fn free_all(&self, packet_ids: &[PacketId]) {
        self.change(|queue| {
            for packet_id in packet_ids {
                queue.free(*packet_id);
            }
        });
    }

    /// What the durable state calls these publishes, those it knows.
    pub fn keys_of(&self, packet_ids: &[PacketId]) -> Vec<SendingKey> {
        let inside = self.inside.lock();
        let keys = packet_ids.iter().map(|own| inside.queue.key(*own));
        keys.flatten().collect()
    }

    /// See [`Queue::key`].
    pub fn key(&self, packet_id: PacketId) -> Option<SendingKey> {
        self.inside.lock().queue.key(packet_id)
    }

    /// See [`Queue::keys`].
    pub fn keys(&self) -> Vec<SendingKey> {
        self.inside.lock().queue.keys()
    }

    /// Makes a change, and wakes the connection if something waited for an identifier and does not any more.
    fn change<T>(&self, change: impl FnOnce(&mut Queue) -> T) -> T {
        let mut inside = self.inside.lock();
        let was_blocked = inside.queue.is_blocked();
        let outcome = change(&mut inside.queue);
        let goes_on = was_blocked && !inside.queue.is_blocked();
        drop(inside);
        if goes_on {
            self.wake();
        }
        outcome
    }

    /// The place that comes next in the session's order.
    pub fn next_place(&self) -> u64 {
        self.inside.lock().queue.next_place()
    }

    /// Leaves a publish for the session. Gives what was dropped for it, or instead of it.
    pub fn post(&self, one: Waiting, place: Place, limits: &QueueLimits) -> Losses {
        let is_here = self.is_attached();
        let mut inside = self.inside.lock();
        let was_empty = inside.queue.is_empty();
        let lost = inside.queue.post(one, place, is_here, limits);
        let is_first = was_empty && !inside.queue.is_empty();
        let is_last = inside.queue.is_done();
        drop(inside);
        if is_first || is_last {
            self.wake();
        }
        lost
    }

    /// Moves up to `most` waiting publishes to the end of `into`, in order of arrival. Says whether more could be:
    /// nobody is woken for these.
    pub fn take(&self, most: usize, into: &mut Vec<Forward>) -> bool {
        let mut inside = self.inside.lock();
        inside.queue.take(most, into);
        !inside.queue.is_empty() && !inside.queue.is_blocked()
    }

    /// Tells the session's connection that it must end.
    pub fn signal(&self, signal: Signal) {
        self.inside.lock().signal = Some(signal);
        self.wake();
    }

    /// No connection is to go for another one any more.
    pub fn forget_takeover(&self) {
        let signal = &mut self.inside.lock().signal;
        signal.take_if(|signal| *signal == Signal::TakenOver);
    }

    /// The last signal since this was asked.
    pub fn take_signal(&self) -> Option<Signal> {
        self.inside.lock().signal.take()
    }

    /// How many publishes wait.
    pub fn waiting(&self) -> usize {
        self.inside.lock().queue.len()
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

#[cfg(test)]
mod tests {
    use std::task::Waker;

    use messina_mqtt::packet::{Publish, QoS, SharedPublish};
    use messina_mqtt::topic::Topic;

    use super::*;

    const LIMITS: QueueLimits = QueueLimits {
        count: 3,
        bytes: 100,
        age: None,
        full: QueueFull::DropOldest,
    };

    fn reserve(mailbox: &Mailbox) -> (Place, Vec<Waiting>) {
        match mailbox.reserve(1, &LIMITS) {
            Room::Found(place, displaced) => (place, displaced.waiting),
            Room::None(loss) => panic!("{loss:?}"),
        }
    }

    fn post(mailbox: &Mailbox) {
        let (place, _) = reserve(mailbox);
        let publish = Publish::new(Topic::new("valve/7").unwrap(), "x");
        let one = Waiting {
            key: place.key(),
            size: 1,
            too_old: None,
            forward: Forward {
                publish: Arc::new(SharedPublish::new(publish).unwrap()),
                qos: QoS::AtLeastOnce,
                retain: false,
                subscription_ids: Vec::new(),
                expires: None,
                packet_id: place.packet_id(),
                share: None,
            },
        };
        assert_eq!(mailbox.post(one, place, &LIMITS), []);
    }

    /// Whether the connection would be woken.
    fn has_news(mailbox: &Mailbox) -> bool {
        let polled = mailbox.poll_posted(&Context::from_waker(Waker::noop()));
        polled.is_ready()
    }

    #[test]
    fn a_client_that_has_taken_all_else_hears_of_what_comes_back_when_the_log_refuses() {
        let mailbox = Mailbox::default();
        mailbox.keep();
        for _ in 0..3 {
            post(&mailbox);
        }
        let (place, displaced) = reserve(&mailbox);
        assert_eq!(displaced.len(), 1);
        let mut taken = Vec::new();
        assert!(!mailbox.take(usize::MAX, &mut taken), "nothing is left");
        assert_eq!(taken.len(), 2);
        assert!(has_news(&mailbox), "of the first");
        assert!(!has_news(&mailbox));
        mailbox.put_back(displaced);
        mailbox.cancel(place, 1);
        assert!(has_news(&mailbox));
        mailbox.take(usize::MAX, &mut taken);
        assert_eq!(taken.len(), 3);
    }
}
