//! A session's mailbox: what others leave for it, publishes and the word that it must go.
//! Bounded in count and bytes.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use atomic_waker::AtomicWaker;
use messina_mqtt::session::Forward;
use parking_lot::Mutex;

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

/// Why a connection must end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signal {
    /// Another connection takes the session over [MQTT-3.1.4-3].
    TakenOver,
    /// The program stops.
    Stopping,
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
#[derive(Debug, Default)]
pub struct Mailbox {
    queue: Mutex<Queue>,
    /// Something has come since the connection last looked.
    news: AtomicBool,
    connection: AtomicWaker,
}

#[derive(Debug, Default)]
struct Queue {
    deliveries: VecDeque<(Forward, usize)>,
    bytes: usize,
    signal: Option<Signal>,
}

impl Mailbox {
    /// Leaves `delivery` of `size` bytes for the session, within `limits`.
    pub fn post(&self, delivery: Forward, size: usize, limits: MailboxLimits) -> Posted {
        let mut queue = self.queue.lock();
        if queue.deliveries.len() >= limits.count || queue.bytes + size > limits.bytes {
            return Posted::Full;
        }
        queue.bytes += size;
        let was_empty = queue.deliveries.is_empty();
        queue.deliveries.push_back((delivery, size));
        drop(queue);
        if was_empty {
            self.wake();
        }
        Posted::Queued
    }

    /// Moves up to `most` waiting deliveries to the end of `into`, in order of arrival.
    pub fn take(&self, most: usize, into: &mut Vec<Forward>) {
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
        drop(queue);
        if more {
            self.wake();
        }
    }

    /// Tells the session's connection that it must end.
    pub fn signal(&self, signal: Signal) {
        self.queue.lock().signal = Some(signal);
        self.wake();
    }

    /// The last signal since this was asked.
    pub fn take_signal(&self) -> Option<Signal> {
        self.queue.lock().signal.take()
    }

    /// How many deliveries wait.
    pub fn waiting(&self) -> usize {
        self.queue.lock().deliveries.len()
    }

    fn wake(&self) {
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
