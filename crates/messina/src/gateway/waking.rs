//! A session that an earlier run has left, as its client finds it when it comes back.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::Arc;
use std::time::{Duration, Instant};

use messina_mqtt::session::{Limits, Session};

use super::recipients::size_of;
use super::room::{QueueLimits, Waiting};
use super::sessions::Asleep;
use super::slots::Slots;
use super::state::Left;
use super::state::delivery::ToSend;

/// What an earlier run has left of a session. As many publishes as may be sent without an acknowledgement may have
/// been, each under another identifier, if they came before the client left, and are the session's; those behind them
/// wait in the mailbox, as they did.
pub(super) fn woken(
    left: Left,
    limits: &Arc<Limits>,
    queue: &QueueLimits,
    now: (Instant, i64),
) -> (Asleep, Slots, Vec<Waiting>) {
    let (mut restored, mut on_its_way) = (left.session, left.waiting);
    let taken = left.taken.into_iter();
    let mut with_client: HashMap<_, _> = taken.map(|key| (key.packet_id(), key)).collect();
    let mut sent = 0;
    for own in on_its_way.iter().take(usize::from(limits.inflight)) {
        let came_before = left.left_at.is_none_or(|left_at| own.sequence < left_at);
        let Entry::Vacant(place) = with_client.entry(own.key.packet_id()) else {
            break;
        };
        if !came_before {
            break;
        }
        place.insert(own.key);
        sent += 1;
    }
    let slots = Slots::restored(with_client, left.next);
    let may_have_been = on_its_way.drain(..sent).map(|own| own.forward);
    restored.deliveries = may_have_been.collect();
    let (clock, unix) = now;
    let waiting = |one: ToSend| {
        let ToSend {
            key,
            since,
            forward,
            ..
        } = one;
        let waited = since.map_or(0, |since| unix.saturating_sub(since));
        let waited = Duration::from_millis(u64::try_from(waited).unwrap_or(0));
        Waiting {
            key: Some(key),
            size: size_of(forward.publish.publish()),
            too_old: queue
                .age
                .and_then(|age| clock.checked_add(age.saturating_sub(waited))),
            forward,
        }
    };
    let waiting = on_its_way.into_iter().map(waiting).collect();
    let asleep = Asleep {
        session: Box::new(Session::restore(Arc::clone(limits), restored, clock)),
        expires: left.expires,
        will: left.will,
    };
    (asleep, slots, waiting)
}
