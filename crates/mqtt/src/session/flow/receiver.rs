//! The receiving half of QoS 1 and 2: which identifiers are held, and which answers are due.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use crate::in_order::{InOrder, Ticket};
use crate::packet::{PacketId, QoS};
use crate::reason::ReasonCode;

/// Where a received QoS 2 identifier stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Hold {
    /// Its PUBLISH was handed on; whether it is taken is not known yet.
    Arriving,
    /// Its PUBLISH is taken; a PUBREL has not come.
    Received,
    /// A PUBREL came; its release is being made durable. `answer` is false if the connection it came on is gone.
    Releasing { answer: bool },
}

/// A PUBLISH that waits for its acknowledgement.
#[derive(Debug, Clone, Copy)]
struct Arrived {
    packet_id: PacketId,
    qos: QoS,
    /// Another PUBLISH with this identifier stands before it, or came in an earlier connection.
    repeated: bool,
    /// False once the connection it came on is gone: the peer asks again, an answer now would meet the
    /// next use of the identifier.
    answer: bool,
}

/// What must be done with a PUBLISH.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Arrival {
    /// Hand it on; its fate comes back under the ticket.
    New(Ticket),
    /// It was handed on before: its answer is on the way.
    Repeated,
}

/// What must be done with a PUBREL.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Releasing {
    /// Forget the identifier durably, then call [`Receiver::released`].
    Release,
    /// That is under way.
    Repeated,
    /// Nobody knows this identifier: answer at once.
    Unknown,
}

/// A PUBACK or PUBREC that may leave now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) packet_id: PacketId,
    pub(crate) qos: QoS,
    pub(crate) reason: ReasonCode,
}

/// Received QoS 1 and 2 publishes, from arrival to the last acknowledgement.
#[derive(Debug, Clone, Default)]
pub(crate) struct Receiver {
    held: BTreeMap<PacketId, Hold>,
    arrived: InOrder<Arrived, ReasonCode>,
    /// How much of the receive maximum the peer has used on this connection.
    used: u16,
    /// QoS 2 identifiers held when the connection began. A client may count each of their PUBCOMPs as room
    /// for one more publish, although their PUBLISH took none on this connection.
    carried: u16,
}

impl Receiver {
    /// A receiver that already holds these QoS 2 identifiers.
    pub(crate) fn restored(held: impl IntoIterator<Item = PacketId>) -> Self {
        let held = held
            .into_iter()
            .map(|packet_id| (packet_id, Hold::Received))
            .collect();
        Self {
            held,
            ..Self::default()
        }
    }

    /// Takes a PUBLISH of QoS 1 or 2.
    pub(crate) fn publish(
        &mut self,
        packet_id: PacketId,
        qos: QoS,
        maximum: u16,
    ) -> Result<Arrival, ReasonCode> {
        if self.used >= maximum.saturating_add(self.carried) {
            return Err(ReasonCode::ReceiveMaximumExceeded); // [MQTT-3.3.4-7]
        }
        self.used += 1;
        let mut arrived = Arrived {
            packet_id,
            qos,
            repeated: false,
            answer: true,
        };
        if qos == QoS::ExactlyOnce {
            // [MQTT-4.3.2-5]
            match self.held.entry(packet_id) {
                Entry::Vacant(free) => {
                    free.insert(Hold::Arriving);
                }
                Entry::Occupied(held) => match held.get() {
                    Hold::Arriving | Hold::Received => {
                        arrived.repeated = true;
                        self.arrived.push_answered(arrived, ReasonCode::Success);
                        return Ok(Arrival::Repeated); // [MQTT-4.3.3-10]
                    }
                    Hold::Releasing { .. } => return Err(ReasonCode::ProtocolError),
                },
            }
        }
        Ok(Arrival::New(self.arrived.push(arrived)))
    }

    /// Notes whether the PUBLISH of this ticket was taken; see [`Receiver::answer`] for what follows.
    pub(crate) fn accepted(&mut self, ticket: Ticket, reason: ReasonCode) {
        self.arrived.answer(ticket, reason);
    }

    /// The next PUBACK or PUBREC, in the order the PUBLISH packets came [MQTT-4.6.0-2] [MQTT-4.6.0-3].
    pub(crate) fn answer(&mut self) -> Option<Answer> {
        while let Some((arrived, mut reason)) = self.arrived.pop() {
            if arrived.qos == QoS::ExactlyOnce {
                reason = self.settle(arrived, reason);
            }
            if arrived.answer {
                if arrived.qos == QoS::AtLeastOnce || reason.is_error() {
                    self.give_back();
                }
                return Some(Answer {
                    packet_id: arrived.packet_id,
                    qos: arrived.qos,
                    reason,
                });
            }
        }
        None
    }

    /// Moves a QoS 2 identifier to where the answer to its PUBLISH puts it.
    fn settle(&mut self, arrived: Arrived, reason: ReasonCode) -> ReasonCode {
        match self.held.get_mut(&arrived.packet_id) {
            // The one before it was refused, or released meanwhile.
            None => {
                return if arrived.repeated {
                    ReasonCode::UnspecifiedError
                } else {
                    reason
                };
            }
            Some(hold @ Hold::Arriving) if !arrived.repeated && !reason.is_error() => {
                *hold = Hold::Received;
            }
            Some(Hold::Arriving) if !arrived.repeated => {
                // [MQTT-4.3.3-9]
                self.held.remove(&arrived.packet_id);
            }
            Some(_) => {}
        }
        reason
    }

    /// Takes a PUBREL. [MQTT-4.3.3-13]
    pub(crate) fn release(&mut self, packet_id: PacketId) -> Result<Releasing, ReasonCode> {
        match self.held.get_mut(&packet_id) {
            None => Ok(Releasing::Unknown),
            Some(Hold::Arriving) => Err(ReasonCode::ProtocolError),
            Some(hold @ Hold::Received) => {
                *hold = Hold::Releasing { answer: true };
                Ok(Releasing::Release)
            }
            Some(Hold::Releasing { answer }) => {
                *answer = true;
                Ok(Releasing::Repeated)
            }
        }
    }

    /// Forgets an identifier whose release is durable. Returns whether a PUBCOMP is due.
    pub(crate) fn released(&mut self, packet_id: PacketId) -> bool {
        match self.held.get(&packet_id) {
            Some(&Hold::Releasing { answer }) => {
                self.held.remove(&packet_id); // [MQTT-4.3.3-12]
                if answer {
                    self.give_back();
                }
                answer
            }
            _ => false,
        }
    }

    /// The connection is gone: answers still to come are noted, but not sent.
    pub(crate) fn disconnect(&mut self) {
        self.used = 0;
        self.carried = u16::try_from(self.held.len()).unwrap_or(u16::MAX);
        for arrived in self.arrived.iter_mut() {
            arrived.answer = false;
        }
        for hold in self.held.values_mut() {
            if let Hold::Releasing { answer } = hold {
                *answer = false;
            }
        }
    }

    fn give_back(&mut self) {
        self.used = self.used.saturating_sub(1);
    }

    /// Publishes without an answer.
    pub(crate) fn waiting(&self) -> usize {
        self.arrived.len()
    }

    /// The QoS 2 identifiers held, in ascending order.
    pub(crate) fn held(&self) -> impl Iterator<Item = PacketId> {
        self.held.keys().copied()
    }

    /// Gives unused memory back.
    pub(crate) fn shrink(&mut self) {
        self.arrived.shrink();
    }
}
