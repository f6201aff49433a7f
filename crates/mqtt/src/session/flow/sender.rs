//! The sending half of QoS 0, 1 and 2: identifiers, the inflight window and the queue behind it.

use std::collections::VecDeque;
use std::num::NonZeroU16;
use std::time::Instant;

use crate::packet::{PacketId, QoS};
use crate::reason::ReasonCode;

/// What a [`Sender`] must know about a message.
pub(crate) trait Message: Clone {
    /// What remains of a message when its PUBLISH is acknowledged and its PUBREL is not.
    type Receipt;

    fn qos(&self) -> QoS;

    /// Bytes it occupies while it waits.
    fn size(&self) -> usize;

    /// Whether it may not be sent any more.
    fn has_expired(&self, now: Instant) -> bool;

    fn into_receipt(self) -> Self::Receipt;

    /// The identifier it must be sent with; none if any will do. All messages of a sender have one or none has.
    fn packet_id(&self) -> Option<PacketId> {
        None
    }
}

/// What must leave next.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Step<M> {
    /// A PUBLISH; without an identifier at QoS 0.
    Publish {
        message: M,
        packet_id: Option<PacketId>,
        dup: bool,
    },
    /// A PUBREL again, after a reconnect.
    Release(PacketId),
    /// Not sent: its time is over.
    Expired(M),
}

/// What an acknowledgement means.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Acknowledged<R> {
    /// The message has arrived, or was refused: its flow is over.
    Done(R),
    /// A PUBREL is due.
    Release,
    /// Nothing waits under this identifier.
    Unknown,
}

#[derive(Debug, Clone)]
struct Flight<M> {
    packet_id: PacketId,
    message: M,
}

/// Messages to send, from the queue to the last acknowledgement.
#[derive(Debug)]
pub(crate) struct Sender<M: Message> {
    /// Sent and not acknowledged, in the order they were sent.
    sent: VecDeque<Flight<M>>,
    /// QoS 2 with its PUBREC received, in that order.
    releasing: VecDeque<(PacketId, M::Receipt)>,
    /// Not sent yet.
    queue: VecDeque<M>,
    queue_bytes: usize,
    /// How many at the end of `sent` this connection has not carried yet.
    resend: usize,
    /// How many at the end of `releasing` this connection has not carried yet.
    rerelease: usize,
    last_id: u16,
    /// Identifiers in use by SUBSCRIBE and UNSUBSCRIBE; only the client's half has any.
    reserved: Vec<PacketId>,
    /// The peer's receive maximum on this connection, and what is left of it.
    window: u16,
    /// Below zero if flows of an earlier connection take more than all of it.
    quota: i32,
}

impl<M: Message> Default for Sender<M> {
    fn default() -> Self {
        Self {
            sent: VecDeque::new(),
            releasing: VecDeque::new(),
            queue: VecDeque::new(),
            queue_bytes: 0,
            resend: 0,
            rerelease: 0,
            last_id: 0,
            reserved: Vec::new(),
            window: 0,
            quota: 0,
        }
    }
}

impl<M: Message> Sender<M> {
    /// What an earlier process had not seen to its end: messages in their order, which may have been sent, and
    /// identifiers whose PUBREC had come. Messages must have identifiers.
    pub(crate) fn restored(messages: Vec<M>, releasing: Vec<(PacketId, M::Receipt)>) -> Self {
        let flight = |message: M| {
            Some(Flight {
                packet_id: message.packet_id()?,
                message,
            })
        };
        Self {
            sent: messages.into_iter().filter_map(flight).collect(),
            releasing: releasing.into(),
            ..Self::default()
        }
    }

    /// Whether this identifier was given to a QoS 2 message from outside and waits for its PUBREC.
    pub(crate) fn awaits_assigned_pubrec(&self, packet_id: PacketId) -> bool {
        self.sent.iter().any(|flight| {
            flight.packet_id == packet_id
                && flight.message.qos() == QoS::ExactlyOnce
                && flight.message.packet_id().is_some()
        })
    }

    /// A connection is there, on which `window` publishes of QoS 1 and 2 may be unacknowledged. What the last
    /// one left open goes again, identifiers and order kept [MQTT-4.4.0-1] [MQTT-4.6.0-1] [MQTT-4.6.0-4].
    pub(crate) fn connect(&mut self, window: u16) {
        self.window = window;
        let taken = i32::try_from(self.releasing.len()).unwrap_or(i32::MAX);
        self.quota = i32::from(window) - taken;
        self.resend = self.sent.len();
        self.rerelease = self.releasing.len();
    }

    /// Puts a message at the end of the queue.
    pub(crate) fn push(&mut self, message: M) {
        self.queue_bytes += message.size();
        self.queue.push_back(message);
    }

    /// Takes the oldest message out of the queue without sending it.
    pub(crate) fn drop_oldest(&mut self) -> Option<M> {
        let message = self.queue.pop_front()?;
        self.queue_bytes -= message.size();
        Some(message)
    }

    /// Takes the newest message out of the queue without sending it.
    pub(crate) fn drop_newest(&mut self) -> Option<M> {
        let message = self.queue.pop_back()?;
        self.queue_bytes -= message.size();
        Some(message)
    }

    /// What must leave next, if anything may [MQTT-3.3.4-7] [MQTT-3.3.4-9].
    pub(crate) fn step(&mut self, now: Instant) -> Option<Step<M>> {
        if self.rerelease > 0 {
            let place = self.releasing.len() - self.rerelease;
            self.rerelease -= 1;
            return self
                .releasing
                .get(place)
                .map(|(packet_id, _)| Step::Release(*packet_id));
        }
        if self.resend > 0 {
            if self.quota <= 0 {
                return None;
            }
            let place = self.sent.len() - self.resend;
            self.resend -= 1;
            self.quota -= 1;
            let again = |flight: &Flight<M>| Step::Publish {
                message: flight.message.clone(),
                packet_id: Some(flight.packet_id),
                dup: true, // [MQTT-3.3.1-1]
            };
            return self.sent.get(place).map(again);
        }
        let next = self.queue.front()?;
        if next.has_expired(now) {
            // [MQTT-4.3.3-7]
            return self.drop_oldest().map(Step::Expired);
        }
        if next.qos() == QoS::AtMostOnce {
            return self.drop_oldest().map(|message| Step::Publish {
                message,
                packet_id: None,
                dup: false, // [MQTT-4.3.1-1] [MQTT-3.3.1-3]
            });
        }
        if self.quota <= 0 {
            // [MQTT-4.9.0-2] [MQTT-4.9.0-3] [MQTT-3.3.4-10]
            return None;
        }
        let packet_id = match next.packet_id() {
            Some(packet_id) => packet_id,
            None => self.free_id()?,
        };
        let message = self.drop_oldest()?;
        self.quota -= 1;
        self.sent.push_back(Flight {
            // [MQTT-4.3.2-3] [MQTT-4.3.3-3]
            packet_id,
            message: message.clone(),
        });
        Some(Step::Publish {
            message,
            packet_id: Some(packet_id),
            dup: false, // [MQTT-3.3.1-3] [MQTT-4.3.2-2] [MQTT-4.3.3-2]
        })
    }

    /// An identifier that is not in use [MQTT-2.2.1-4] [MQTT-4.3.2-1] [MQTT-4.3.3-1].
    fn free_id(&mut self) -> Option<PacketId> {
        for _ in 0..u16::MAX {
            self.last_id = self.last_id.checked_add(1).unwrap_or(1);
            let id = PacketId(NonZeroU16::new(self.last_id)?);
            let in_use = self.reserved.contains(&id)
                || self.sent.iter().any(|flight| flight.packet_id == id)
                || self.releasing.iter().any(|(releasing, _)| *releasing == id);
            if !in_use {
                return Some(id);
            }
        }
        None
    }

    /// An identifier for something that is not a PUBLISH.
    pub(crate) fn reserve(&mut self) -> Option<PacketId> {
        let packet_id = self.free_id()?;
        self.reserved.push(packet_id);
        Some(packet_id)
    }

    /// Gives such an identifier back.
    pub(crate) fn unreserve(&mut self, packet_id: PacketId) {
        self.reserved.retain(|reserved| *reserved != packet_id);
    }

    /// Takes back the flight with this identifier, as if the peer had acknowledged it.
    pub(crate) fn withdraw(&mut self, packet_id: PacketId) -> Option<M> {
        let place = self.place(packet_id)?;
        self.finish(place)
    }

    fn place(&self, packet_id: PacketId) -> Option<usize> {
        self.sent
            .iter()
            .position(|flight| flight.packet_id == packet_id)
    }

    fn finish(&mut self, place: usize) -> Option<M> {
        if place >= self.sent.len() - self.resend {
            self.resend -= 1;
        } else {
            self.give_back();
        }
        self.sent.remove(place).map(|flight| flight.message)
    }

    fn give_back(&mut self) {
        self.quota = (self.quota + 1).min(i32::from(self.window));
    }

    fn qos_at(&self, place: usize) -> Option<QoS> {
        self.sent.get(place).map(|flight| flight.message.qos())
    }

    /// Takes a PUBACK.
    pub(crate) fn puback(
        &mut self,
        packet_id: PacketId,
    ) -> Result<Acknowledged<M::Receipt>, ReasonCode> {
        let Some(place) = self.place(packet_id) else {
            return Ok(Acknowledged::Unknown);
        };
        if self.qos_at(place) != Some(QoS::AtLeastOnce) {
            return Err(ReasonCode::ProtocolError);
        }
        let message = self.finish(place);
        Ok(message.map_or(Acknowledged::Unknown, |message| {
            Acknowledged::Done(message.into_receipt())
        }))
    }

    /// Takes a PUBREC.
    pub(crate) fn pubrec(
        &mut self,
        packet_id: PacketId,
        reason: ReasonCode,
    ) -> Result<Acknowledged<M::Receipt>, ReasonCode> {
        if self
            .releasing
            .iter()
            .any(|(releasing, _)| *releasing == packet_id)
        {
            return Ok(Acknowledged::Release);
        }
        let Some(place) = self.place(packet_id) else {
            return Ok(Acknowledged::Unknown);
        };
        if self.qos_at(place) != Some(QoS::ExactlyOnce) {
            return Err(ReasonCode::ProtocolError);
        }
        let Some(message) = self.finish(place) else {
            return Ok(Acknowledged::Unknown);
        };
        if reason.is_error() {
            return Ok(Acknowledged::Done(message.into_receipt())); // [MQTT-4.4.0-2] [MQTT-4.8.2-6]
        }
        // Its place in the window stays taken until the PUBCOMP.
        self.quota -= 1;
        self.releasing
            .push_back((packet_id, message.into_receipt())); // [MQTT-4.3.3-6]
        Ok(Acknowledged::Release)
    }

    /// Takes a PUBCOMP.
    pub(crate) fn pubcomp(&mut self, packet_id: PacketId) -> Option<M::Receipt> {
        let place = self
            .releasing
            .iter()
            .position(|(releasing, _)| *releasing == packet_id)?;
        if place >= self.releasing.len() - self.rerelease {
            self.rerelease -= 1;
        }
        self.give_back();
        self.releasing.remove(place).map(|(_, receipt)| receipt)
    }

    /// Takes out what is `wanted` elsewhere of messages not sent or, at QoS 1, not answered. There is no connection.
    pub(crate) fn extract(&mut self, mut wanted: impl FnMut(&M) -> bool) -> Vec<M> {
        let mut out = Vec::new();
        for flight in std::mem::take(&mut self.sent) {
            // At QoS 2 it is finished where it was begun [MQTT-4.8.2-4].
            if flight.message.qos() == QoS::AtLeastOnce && wanted(&flight.message) {
                out.push(flight.message);
            } else {
                self.sent.push_back(flight);
            }
        }
        self.queue_bytes = 0;
        for message in std::mem::take(&mut self.queue) {
            if wanted(&message) {
                out.push(message);
            } else {
                self.push(message);
            }
        }
        self.resend = self.sent.len();
        out
    }

    /// Messages that were sent without an answer, and those that were not.
    pub(crate) fn messages(&self) -> impl Iterator<Item = &M> {
        (self.sent.iter().map(|flight| &flight.message)).chain(&self.queue)
    }

    /// The peer has forgotten the session: what it may have received at QoS 2 is over, the rest is sent as new.
    pub(crate) fn start_over(&mut self) -> impl Iterator<Item = M::Receipt> {
        for flight in self.sent.drain(..).rev() {
            self.queue_bytes += flight.message.size();
            self.queue.push_front(flight.message);
        }
        self.resend = 0;
        self.rerelease = 0;
        self.releasing.drain(..).map(|(_, receipt)| receipt)
    }

    /// Messages not sent yet.
    pub(crate) fn queued(&self) -> usize {
        self.queue.len()
    }

    /// Bytes of the messages not sent yet.
    pub(crate) fn queued_bytes(&self) -> usize {
        self.queue_bytes
    }

    /// What is left of the peer's receive maximum.
    pub(crate) fn window_left(&self) -> usize {
        usize::try_from(self.quota).unwrap_or(0)
    }

    /// Messages of QoS 1 and 2 whose flow is not over.
    pub(crate) fn inflight(&self) -> usize {
        self.sent.len() + self.releasing.len()
    }

    /// Gives unused memory back.
    pub(crate) fn shrink(&mut self) {
        self.sent.shrink_to_fit();
        self.releasing.shrink_to_fit();
        self.queue.shrink_to_fit();
    }
}
