//! What waits for one client, in its order and within limits: how much of it, how long, and how much for all clients
//! together.
//!
//! A publish of QoS 1 or 2 for a session that outlives its process gets its place before it goes into the log, and
//! waits here once it is there. What makes way for it leaves the log in the same append. Its identifier is in use from
//! when it goes to the client.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Instant;

use messina_mqtt::packet::{PacketId, QoS};
use messina_mqtt::session::Forward;

use super::room::{Displaced, Loss, Losses, Place, QueueLimits, Room, TotalBytes, Waiting, count};
use super::slots::{SendingKey, Slots};
use crate::config::QueueFull;

/// A burst's capacity beyond this is given back once the queue is empty: 20,000 quiet sessions keep nothing.
const KEPT_CAPACITY: usize = 64;

/// What waits for one client.
#[derive(Debug)]
pub struct Queue {
    waiting: VecDeque<Waiting>,
    bytes: usize,
    /// Publishes that room is kept for and that are not here yet.
    under_way: usize,
    /// Once a session is to outlive its process, all it is sent at QoS 1 and 2 has its place from here.
    slots: Option<Box<Slots>>,
    /// The session ends: no room is kept for anything any more.
    closed: bool,
    /// How many of those that wait came by a shared subscription.
    shared: usize,
    total: Arc<TotalBytes>,
}

impl Default for Queue {
    fn default() -> Self {
        Self::new(Arc::default())
    }
}

impl Drop for Queue {
    fn drop(&mut self) {
        self.total.remove(self.bytes);
    }
}

impl Queue {
    /// An empty queue that counts in `total`.
    pub fn new(total: Arc<TotalBytes>) -> Self {
        Self {
            waiting: VecDeque::new(),
            bytes: 0,
            under_way: 0,
            slots: None,
            closed: false,
            shared: 0,
            total,
        }
    }

    /// The queue of a session an earlier process has left: what is with its client, and what waits.
    pub fn restored(total: Arc<TotalBytes>, slots: Slots, waiting: Vec<Waiting>) -> Self {
        let mut queue = Self::new(total);
        queue.slots = Some(Box::new(slots));
        for one in waiting {
            queue.add(one.size);
            queue.enter(one);
        }
        queue
    }

    /// The session is to outlive its process.
    pub fn keep(&mut self) {
        self.slots.get_or_insert_default();
    }

    /// Whether it was told to [`keep`](Self::keep).
    pub fn is_kept(&self) -> bool {
        self.slots.is_some()
    }

    /// The session ends. What room is kept for still comes.
    pub fn close(&mut self) {
        self.closed = true;
    }

    /// Whether it is closed, and everything that room was kept for has come or been cancelled.
    pub fn is_done(&self) -> bool {
        self.closed && self.under_way == 0
    }

    /// Whether a small publish would be taken now.
    pub fn has_room(&self, limits: &QueueLimits) -> bool {
        !self.closed && self.lacks(1, limits).is_none()
    }

    /// Keeps room for a publish of `size` bytes and QoS 1 or 2, if that is to be before it is durable. What waited
    /// longest makes way where that is wanted.
    pub fn reserve(&mut self, size: usize, limits: &QueueLimits) -> Room {
        if self.slots.is_none() && limits.full != QueueFull::Reject {
            return Room::Found(Place::Unneeded, Displaced::default());
        }
        let makes_way = limits.full == QueueFull::DropOldest && size <= limits.bytes;
        let mut displaced = Displaced::default();
        while let Some(loss) = self.lacks(size, limits) {
            let Some(oldest) = makes_way.then(|| self.leave()).flatten() else {
                self.put_back(displaced.waiting);
                return Room::None(loss);
            };
            displaced.waiting.push(oldest);
            count(&mut displaced.losses, loss);
        }
        self.place(size, displaced)
    }

    /// Keeps room for a publish if there is some; nothing makes way for it.
    pub fn reserve_if_free(&mut self, size: usize, limits: &QueueLimits) -> Room {
        match self.lacks(size, limits) {
            Some(loss) => Room::None(loss),
            None => self.place(size, Displaced::default()),
        }
    }

    fn place(&mut self, size: usize, displaced: Displaced) -> Room {
        if self.closed {
            self.put_back(displaced.waiting);
            return Room::None(Loss::Ended);
        }
        let place = match &mut self.slots {
            Some(slots) => Place::Reserved(slots.place()),
            None => Place::Held,
        };
        self.add(size);
        self.under_way += 1;
        Room::Found(place, displaced)
    }

    /// An identifier for a publish that does not wait here. None if there are as many as may be.
    pub fn identifier(&mut self, limits: &QueueLimits) -> Option<PacketId> {
        let has_room = self.count() < limits.count;
        let slots = self.slots.as_mut().filter(|_| has_room)?;
        let key = SendingKey::Place(slots.place());
        if slots.is_taken(key.packet_id()) {
            return None;
        }
        slots.send(key);
        Some(key.packet_id())
    }

    /// Gives back the room of a publish that will not come.
    pub fn cancel(&mut self, place: Place, size: usize) {
        if !place.is_kept() {
            return;
        }
        self.under_way -= 1;
        self.remove(size);
    }

    /// Takes a publish that has come; gives what was dropped for it, or instead of it. `is_here` is whether its client
    /// is.
    pub fn post(
        &mut self,
        one: Waiting,
        place: Place,
        is_here: bool,
        limits: &QueueLimits,
    ) -> Losses {
        if place.is_kept() {
            self.under_way -= 1;
            self.enter(one);
            return Vec::new();
        }
        if self.closed {
            return vec![(Loss::Ended, 1)];
        }
        if !is_here && one.forward.qos == QoS::AtMostOnce {
            return vec![(Loss::Away, 1)];
        }
        let makes_way = limits.full == QueueFull::DropOldest && one.size <= limits.bytes;
        let mut losses = Vec::new();
        while let Some(loss) = self.lacks(one.size, limits) {
            count(&mut losses, loss);
            // What is durable does not make way for what is not.
            let oldest = self.waiting.front();
            let is_plain = oldest.is_some_and(|oldest| oldest.key.is_none());
            if !makes_way || !is_plain {
                return losses;
            }
            drop(self.leave());
        }
        self.add(one.size);
        self.enter(one);
        losses
    }

    /// Moves up to `most` waiting publishes to the end of `into`, in order of arrival: they are with the client now.
    /// The first whose identifier the client has ends it.
    pub fn take(&mut self, most: usize, into: &mut Vec<Forward>) {
        for _ in 0..most {
            if self.is_blocked() {
                break;
            }
            let Some(one) = self.leave() else { break };
            if let (Some(key), Some(slots)) = (one.key, &mut self.slots) {
                slots.send(key);
            }
            into.push(one.forward);
        }
        self.shrink();
    }

    /// Whether what has waited longest waits for its identifier, which the client has.
    pub fn is_blocked(&self) -> bool {
        let key = self.waiting.front().and_then(|first| first.key);
        let slots = self.slots.as_ref();
        key.zip(slots)
            .is_some_and(|(key, slots)| slots.is_taken(key.packet_id()))
    }

    /// What had made way stays: what it made way for does not come.
    pub fn put_back(&mut self, displaced: Vec<Waiting>) {
        for one in displaced.into_iter().rev() {
            self.add(one.size);
            self.shared += usize::from(one.forward.share.is_some());
            self.waiting.push_front(one);
        }
    }

    /// The first `most` that came by a shared subscription.
    pub fn shared(&self, most: usize) -> Vec<Forward> {
        let shared = self.waiting.iter().map(|one| &one.forward);
        let shared = shared.filter(|forward| forward.share.is_some());
        shared.take(most.min(self.shared)).cloned().collect()
    }

    /// Takes out what [`shared`](Self::shared) gave and another member takes; None for each that is not here any more.
    pub fn pass_on(&mut self, taken: &[Forward]) -> Vec<Option<Waiting>> {
        let mut out: Vec<Option<Waiting>> = Vec::with_capacity(taken.len());
        if taken.is_empty() {
            return out;
        }
        for one in std::mem::take(&mut self.waiting) {
            let left = taken.get(out.len()..).unwrap_or_default();
            let is_shared = one.forward.share.is_some();
            match left
                .iter()
                .position(|own| is_shared && is_same(own, &one.forward))
            {
                Some(gone) => {
                    out.extend(std::iter::repeat_with(|| None).take(gone));
                    self.remove(one.size);
                    self.shared -= 1;
                    out.push(Some(one));
                }
                None => self.waiting.push_back(one),
            }
        }
        out.resize_with(taken.len(), || None);
        out
    }

    /// Whether anything waits that came by a shared subscription.
    pub fn has_shared(&self) -> bool {
        self.shared > 0
    }

    /// Drops what is over at the front, up to `most`; nothing if it cannot `forget` it durably. Gives how
    /// many were too old and how many expired.
    pub fn sweep(
        &mut self,
        now: Instant,
        most: usize,
        forget: impl FnOnce(&[SendingKey]) -> bool,
    ) -> (u64, u64) {
        let first = self.waiting.iter().take(most);
        let over: Vec<Loss> = first.map_while(|one| one.over(now)).collect();
        if over.is_empty() || self.closed {
            return (0, 0);
        }
        let first = self.waiting.iter().take(over.len());
        let keys: Vec<_> = first.filter_map(|one| one.key).collect();
        if !keys.is_empty() && !forget(&keys) {
            return (0, 0);
        }
        for _ in &over {
            drop(self.leave());
        }
        self.shrink();
        let old = over.iter().filter(|loss| **loss == Loss::TooOld).count() as u64;
        (old, over.len() as u64 - old)
    }

    /// The client is done with a publish, or is not to get it any more: its identifier is free. Gives what the durable
    /// state calls it.
    pub fn free(&mut self, packet_id: PacketId) -> Option<SendingKey> {
        self.slots.as_mut()?.free(packet_id)
    }

    /// What the durable state calls the publish that the client has under this identifier.
    pub fn key(&self, packet_id: PacketId) -> Option<SendingKey> {
        self.slots.as_ref()?.key(packet_id)
    }

    /// What the durable state calls all that is on its way to the client.
    pub fn keys(&self) -> Vec<SendingKey> {
        let waiting = self.waiting.iter().filter_map(|one| one.key);
        let with_client = self.slots.iter().flat_map(|slots| slots.with_client());
        with_client.chain(waiting).collect()
    }

    /// The place that comes next in the session's order.
    pub fn next_place(&self) -> u64 {
        self.slots.as_ref().map_or(0, |slots| slots.next())
    }

    /// How many wait.
    pub fn len(&self) -> usize {
        self.waiting.len()
    }

    /// Whether none does.
    pub fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// What a publish of `size` bytes has no room in, if it has none.
    fn lacks(&self, size: usize, limits: &QueueLimits) -> Option<Loss> {
        if self.count() >= limits.count || self.bytes + size > limits.bytes {
            return Some(Loss::QueueFull);
        }
        (!self.total.has_room(size)).then_some(Loss::TotalFull)
    }

    /// How many are on their way to the client: those that wait, those to come, and those it has.
    fn count(&self) -> usize {
        let with_client = self.slots.as_ref().map_or(0, |slots| slots.count());
        self.waiting.len() + self.under_way + with_client
    }

    fn enter(&mut self, one: Waiting) {
        self.shared += usize::from(one.forward.share.is_some());
        self.waiting.push_back(one);
    }

    fn leave(&mut self) -> Option<Waiting> {
        let first = self.waiting.pop_front()?;
        self.shared -= usize::from(first.forward.share.is_some());
        self.remove(first.size);
        Some(first)
    }

    fn add(&mut self, size: usize) {
        self.bytes += size;
        self.total.add(size);
    }

    fn remove(&mut self, size: usize) {
        self.bytes -= size;
        self.total.remove(size);
    }

    fn shrink(&mut self) {
        if self.waiting.is_empty() && self.waiting.capacity() > KEPT_CAPACITY {
            self.waiting = VecDeque::new();
        }
    }
}

/// Whether both are the same publish for the same session.
fn is_same(one: &Forward, other: &Forward) -> bool {
    Arc::ptr_eq(&one.publish, &other.publish)
        && (one.packet_id, &one.share) == (other.packet_id, &other.share)
}

#[cfg(test)]
mod tests {
    use messina_mqtt::packet::{Publish, SharedPublish};
    use messina_mqtt::topic::Topic;

    use super::*;
    use crate::runtime::clock::{Clock as _, SystemClock};

    fn limits(full: QueueFull) -> QueueLimits {
        QueueLimits {
            count: 3,
            bytes: 100,
            age: None,
            full,
        }
    }

    fn one(payload: &'static str, qos: QoS, place: Place) -> Waiting {
        let publish = Publish::new(Topic::new("valve/7").unwrap(), payload);
        Waiting {
            key: place.key(),
            size: payload.len(),
            too_old: None,
            forward: Forward {
                publish: Arc::new(SharedPublish::new(publish).unwrap()),
                qos,
                retain: false,
                subscription_ids: Vec::new(),
                expires: None,
                packet_id: place.packet_id(),
                share: None,
            },
        }
    }

    fn reserve(queue: &mut Queue, size: usize, limits: &QueueLimits) -> (Place, Vec<Waiting>) {
        match queue.reserve(size, limits) {
            Room::Found(place, displaced) => (place, displaced.waiting),
            Room::None(loss) => panic!("{loss:?}"),
        }
    }

    fn payloads(queue: &mut Queue) -> Vec<String> {
        let mut all = Vec::new();
        queue.take(usize::MAX, &mut all);
        let text = |one: &Forward| String::from_utf8_lossy(&one.publish.publish().payload).into();
        all.iter().map(text).collect()
    }

    /// A queue of a kept session with three of QoS 1.
    fn full(total: &Arc<TotalBytes>, limits: &QueueLimits) -> Queue {
        let mut queue = Queue::new(Arc::clone(total));
        queue.keep();
        for payload in ["1", "2", "3"] {
            let (place, _) = reserve(&mut queue, 1, limits);
            queue.post(one(payload, QoS::AtLeastOnce, place), place, false, limits);
        }
        queue
    }

    #[test]
    fn what_made_way_is_back_in_its_place_if_the_log_refuses_what_it_made_way_for() {
        let (total, limits) = (Arc::default(), limits(QueueFull::DropOldest));
        let mut queue = full(&total, &limits);
        // 98 bytes have room beside one byte.
        let (place, displaced) = reserve(&mut queue, 98, &limits);
        assert_eq!(displaced.len(), 1);
        assert_eq!(total.get(), 100);
        let keys: Vec<_> = displaced.iter().map(|old| old.key).collect();
        assert!(!keys.contains(&place.key()), "both are in the log");
        queue.cancel(place, 98);
        queue.put_back(displaced);
        assert_eq!(total.get(), 3);
        queue.close();
        assert!(queue.is_done());
        assert_eq!(payloads(&mut queue), ["1", "2", "3"]);
        assert_eq!(total.get(), 0);
    }

    #[test]
    fn what_has_made_way_is_not_on_its_way_any_more() {
        let (total, limits) = (Arc::default(), limits(QueueFull::DropOldest));
        let mut queue = full(&total, &limits);
        let (place, displaced) = reserve(&mut queue, 1, &limits);
        let gone = displaced.first().and_then(|old| old.key).unwrap();
        assert!(!queue.keys().contains(&gone));
        queue.post(one("4", QoS::AtLeastOnce, place), place, false, &limits);
        assert_eq!(queue.keys().len(), 3);
        assert_eq!(payloads(&mut queue), ["2", "3", "4"]);
        assert_eq!(queue.keys().len(), 3, "they are with the client");
    }

    #[test]
    fn more_wait_than_there_are_identifiers_and_each_is_with_the_client_once() {
        let limits = QueueLimits {
            count: 200_000,
            bytes: 1 << 20,
            age: None,
            full: QueueFull::Drop,
        };
        let mut queue = Queue::default();
        queue.keep();
        let most = usize::from(u16::MAX);
        for _ in 0..most + 10 {
            let (place, _) = reserve(&mut queue, 1, &limits);
            queue.post(one("x", QoS::AtLeastOnce, place), place, false, &limits);
        }
        assert_eq!(queue.keys().len(), most + 10);
        let mut taken = Vec::new();
        queue.take(usize::MAX, &mut taken);
        assert_eq!(taken.len(), most);
        assert!(queue.is_blocked());
        let id = |at: usize| taken.get(at).and_then(|own| own.packet_id).unwrap();
        // The client may be done with any of them: the first in the queue waits for the first.
        let second = queue.free(id(1));
        assert!(second.is_some() && queue.is_blocked());
        let first = queue.free(id(0)).unwrap();
        let mut more = Vec::new();
        queue.take(usize::MAX, &mut more);
        let ids: Vec<_> = more.iter().filter_map(|own| own.packet_id).collect();
        assert_eq!(ids, [id(0), id(1)]);
        assert!(queue.is_blocked());
        // Under the same identifier it is another to the durable state.
        assert!(queue.key(id(0)).is_some_and(|key| key != first));
        assert_eq!(queue.keys().len(), most + 8);
    }

    #[test]
    fn what_is_durable_does_not_make_way_for_what_is_not() {
        let (total, limits) = (Arc::default(), limits(QueueFull::DropOldest));
        let mut queue = full(&total, &limits);
        let plain = one("plain", QoS::AtMostOnce, Place::Unneeded);
        let lost = queue.post(plain, Place::Unneeded, true, &limits);
        assert_eq!(lost, [(Loss::QueueFull, 1)]);
        assert_eq!(payloads(&mut queue), ["1", "2", "3"]);
    }

    #[test]
    fn what_is_larger_than_the_queue_drives_nothing_out() {
        let (total, limits) = (Arc::default(), limits(QueueFull::DropOldest));
        let mut queue = full(&total, &limits);
        assert!(matches!(
            queue.reserve(101, &limits),
            Room::None(Loss::QueueFull)
        ));
        assert_eq!(payloads(&mut queue), ["1", "2", "3"]);
    }

    #[test]
    fn a_client_that_is_here_loses_what_has_waited_longest_where_that_is_wanted() {
        let limits = limits(QueueFull::DropOldest);
        let mut queue = Queue::default();
        let mut lost = 0;
        for payload in ["1", "2", "3", "4", "5"] {
            let one = one(payload, QoS::AtLeastOnce, Place::Unneeded);
            let dropped = queue.post(one, Place::Unneeded, true, &limits);
            lost += dropped.iter().map(|(_, count)| count).sum::<u64>();
        }
        assert_eq!(lost, 2);
        assert_eq!(payloads(&mut queue), ["3", "4", "5"]);
    }

    #[test]
    fn room_that_is_kept_is_not_given_to_others() {
        let limits = limits(QueueFull::Reject);
        let mut queue = Queue::default();
        let (first, _) = reserve(&mut queue, 1, &limits);
        let (second, _) = reserve(&mut queue, 1, &limits);
        let (third, _) = reserve(&mut queue, 1, &limits);
        assert_eq!(third, Place::Held);
        assert!(matches!(
            queue.reserve(1, &limits),
            Room::None(Loss::QueueFull)
        ));
        queue.cancel(second, 1);
        for (payload, place) in [("1", first), ("3", third)] {
            queue.post(one(payload, QoS::AtLeastOnce, place), place, true, &limits);
        }
        assert!(queue.has_room(&limits));
        assert_eq!(payloads(&mut queue), ["1", "3"]);
    }

    #[test]
    fn clients_share_the_total() {
        let total = Arc::new(TotalBytes::new(10));
        let limits = limits(QueueFull::Drop);
        let mut one_queue = Queue::new(Arc::clone(&total));
        let mut other = Queue::new(Arc::clone(&total));
        let post = |queue: &mut Queue, payload| {
            let one = one(payload, QoS::AtLeastOnce, Place::Unneeded);
            queue.post(one, Place::Unneeded, true, &limits)
        };
        assert_eq!(post(&mut one_queue, "123456"), []);
        assert_eq!(post(&mut other, "12345"), [(Loss::TotalFull, 1)]);
        drop(one_queue);
        assert_eq!(post(&mut other, "12345"), []);
    }

    #[test]
    fn what_makes_way_is_counted_for_the_limit_it_makes_way_for() {
        let total = Arc::new(TotalBytes::new(12));
        let limits = limits(QueueFull::DropOldest);
        let mut queue = full(&total, &limits);
        let other = one("123456", QoS::AtLeastOnce, Place::Unneeded);
        let mut others = Queue::new(Arc::clone(&total));
        assert_eq!(others.post(other, Place::Unneeded, true, &limits), []);
        // The first for the number of publishes here, the second for the bytes that wait for all.
        let Room::Found(place, displaced) = queue.reserve(5, &limits) else {
            panic!("there is room");
        };
        assert_eq!(
            displaced.losses,
            [(Loss::QueueFull, 1), (Loss::TotalFull, 1)]
        );
        queue.cancel(place, 5);
        queue.put_back(displaced.waiting);
        // The same for one that is not kept.
        let mut plain = Queue::new(Arc::clone(&total));
        for payload in ["1", "2", "3"] {
            let one = one(payload, QoS::AtLeastOnce, Place::Unneeded);
            assert_eq!(plain.post(one, Place::Unneeded, true, &limits), []);
        }
        let long = one("12", QoS::AtLeastOnce, Place::Unneeded);
        let lost = plain.post(long, Place::Unneeded, true, &limits);
        assert_eq!(lost, [(Loss::QueueFull, 1), (Loss::TotalFull, 1)]);
        assert_eq!(payloads(&mut plain), ["3", "12"]);
    }

    #[test]
    fn a_sweep_drops_what_is_over_unless_it_cannot_be_forgotten() {
        let (total, limits) = (Arc::default(), limits(QueueFull::Drop));
        let now = SystemClock.now();
        let mut queue = full(&total, &limits);
        for (at, old) in queue.waiting.iter_mut().take(2).enumerate() {
            match at {
                0 => old.too_old = Some(now),
                _ => old.forward.expires = Some(now),
            }
        }
        assert_eq!(queue.sweep(now, 10, |_| false), (0, 0));
        assert_eq!(queue.len(), 3);
        let mut forgotten = 0;
        let swept = queue.sweep(now, 10, |keys| {
            forgotten = keys.len();
            true
        });
        assert_eq!((swept, forgotten), ((1, 1), 2));
        assert_eq!(queue.keys().len(), 1);
        assert_eq!(payloads(&mut queue), ["3"]);
    }
}
