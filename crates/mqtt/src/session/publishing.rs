//! PUBLISH and its acknowledgements, in both directions.

use std::time::Instant;

use super::{
    Acknowledged, Arrival, Forward, Message, Outgoing, Output, Overflow, Releasing, Session, Step,
    Ticket,
};
use crate::packet::{Ack, Packet, PacketId, Publish, QoS, Version};
use crate::reason::ReasonCode;
use crate::session::machine::Phase;

impl Message for Forward {
    /// The identifier, if it came from outside.
    type Receipt = Option<PacketId>;

    fn qos(&self) -> QoS {
        self.qos
    }

    fn size(&self) -> usize {
        self.publish.publish().payload.len() + self.publish.publish().topic.as_bytes().len()
    }

    fn has_expired(&self, now: Instant) -> bool {
        self.expires.is_some_and(|expires| expires <= now)
    }

    fn into_receipt(self) -> Option<PacketId> {
        self.packet_id
    }

    fn packet_id(&self) -> Option<PacketId> {
        self.packet_id
    }
}

/// From the client.
impl Session {
    pub(super) fn on_publish(&mut self, mut publish: Publish) -> Result<(), ReasonCode> {
        if publish.qos > self.limits.maximum_qos {
            return Err(ReasonCode::QoSNotSupported); // [MQTT-3.2.2-11]
        }
        if publish.retain && self.refuses_retain() {
            return Err(ReasonCode::RetainNotSupported); // [MQTT-3.2.2-14]
        }
        if publish
            .properties
            .as_ref()
            .is_some_and(|properties| !properties.subscription_identifiers.is_empty())
        {
            return Err(ReasonCode::ProtocolError); // [MQTT-3.3.4-6]
        }
        if !self.limits.topics.allow_topic(&publish.topic) {
            return self.refuse_topic(&publish);
        }
        self.resolve_alias(&mut publish)?;
        let Some(packet_id) = publish.packet_id else {
            self.outputs.push_back(Output::Deliver(publish, None));
            return Ok(());
        };
        let maximum = self.receive_maximum();
        match self.receiver.publish(packet_id, publish.qos, maximum)? {
            Arrival::New(ticket) => self
                .outputs
                .push_back(Output::Deliver(publish, Some(ticket))),
            Arrival::Repeated => self.answer(),
        }
        Ok(())
    }

    /// Whether a publish that is to be retained breaks what the client was told. A 3.1.1 client was told nothing: its
    /// publish is taken, and not retained.
    pub(super) fn refuses_retain(&self) -> bool {
        self.version == Version::V5 && !self.limits.retain_available
    }

    /// Publishes of QoS 1 and 2 the client may have unacknowledged; 3.1.1 cannot be told.
    fn receive_maximum(&self) -> u16 {
        match self.version {
            Version::V5 => self.limits.receive_maximum,
            Version::V311 => u16::MAX,
        }
    }

    /// A topic beyond our limits is refused by the acknowledgement where there is one that can say no. Else the
    /// connection ends: 3.1.1 and QoS 0 know no other refusal, and a topic alias would stand for a refused topic.
    fn refuse_topic(&mut self, publish: &Publish) -> Result<(), ReasonCode> {
        let reason = ReasonCode::TopicNameInvalid;
        let has_alias = publish
            .properties
            .as_ref()
            .is_some_and(|properties| properties.topic_alias.is_some());
        let packet_id = publish
            .packet_id
            .filter(|_| self.version == Version::V5 && !has_alias)
            .ok_or(reason)?;
        let maximum = self.receive_maximum();
        match self.receiver.publish(packet_id, publish.qos, maximum)? {
            Arrival::New(ticket) => self.on_accepted(ticket, reason),
            Arrival::Repeated => self.answer(),
        }
        Ok(())
    }

    /// Puts the topic a topic alias stands for into the PUBLISH.
    fn resolve_alias(&mut self, publish: &mut Publish) -> Result<(), ReasonCode> {
        let alias = publish
            .properties
            .as_mut()
            .and_then(|properties| properties.topic_alias.take());
        let Some(alias) = alias else {
            return if publish.topic.is_empty() {
                Err(ReasonCode::ProtocolError)
            } else {
                Ok(())
            };
        };
        let alias = u16::from(alias);
        if alias == 0 || alias > self.limits.topic_alias_maximum {
            return Err(ReasonCode::TopicAliasInvalid); // [MQTT-3.3.2-8] [MQTT-3.3.2-9]
        }
        let place = usize::from(alias) - 1;
        if publish.topic.is_empty() {
            let known = self.aliases.get(place).and_then(Option::as_ref);
            publish.topic = known.ok_or(ReasonCode::ProtocolError)?.clone();
            return Ok(());
        }
        if self.aliases.len() <= place {
            self.aliases.resize(place + 1, None);
        }
        if let Some(slot) = self.aliases.get_mut(place) {
            *slot = Some(publish.topic.detached()); // [MQTT-3.3.2-12]
        }
        Ok(())
    }

    pub(super) fn on_accepted(&mut self, ticket: Ticket, reason: ReasonCode) {
        self.receiver.accepted(ticket, reason);
        self.answer();
    }

    /// Sends the acknowledgements that are due. 3.1.1 cannot refuse: the connection ends instead, and the client
    /// keeps what was not taken [MQTT3-3.3.5-2].
    fn answer(&mut self) {
        while let Some(answer) = self.receiver.answer() {
            if answer.reason.is_error() && self.version == Version::V311 {
                return self.fail(answer.reason); // [MQTT3-4.8.0-2]
            }
            let ack = ack(answer.packet_id, answer.reason); // [MQTT-2.2.1-5]
            match answer.qos {
                // [MQTT-3.3.4-1]
                QoS::AtLeastOnce => self.send(Packet::PubAck(ack)), // [MQTT-4.3.2-4]
                QoS::AtMostOnce | QoS::ExactlyOnce => self.send(Packet::PubRec(ack)), // [MQTT-4.3.3-8]
            }
        }
    }

    pub(super) fn on_pubrel(&mut self, pubrel: &Ack) -> Result<(), ReasonCode> {
        match self.receiver.release(pubrel.packet_id)? {
            Releasing::Release => self.outputs.push_back(Output::Release(pubrel.packet_id)),
            Releasing::Repeated => {}
            Releasing::Unknown => {
                let pubcomp = ack(pubrel.packet_id, ReasonCode::PacketIdentifierNotFound);
                self.send(Packet::PubComp(pubcomp)); // [MQTT-4.3.3-11]
            }
        }
        Ok(())
    }

    pub(super) fn on_released(&mut self, packet_id: PacketId) {
        if self.receiver.released(packet_id) {
            self.send(Packet::PubComp(ack(packet_id, ReasonCode::Success))); // [MQTT-4.3.3-11]
        }
    }
}

/// To the client.
impl Session {
    pub(super) fn on_forward(&mut self, forward: Forward) {
        if self.phase == Phase::Closed && forward.qos == QoS::AtMostOnce {
            self.dropped.away += 1;
            return;
        }
        self.sender.push(forward); // [MQTT-4.5.0-1] [MQTT3-3.1.2-5]
        while self.is_full() {
            let dropped = match self.limits.overflow {
                Overflow::DropNewest => self.sender.drop_newest(),
                Overflow::DropOldest => self.sender.drop_oldest(),
            };
            self.dropped.overflow += 1;
            debug_assert!(dropped.is_some(), "a full queue holds something");
            self.delivered(dropped.and_then(|forward| forward.packet_id));
        }
    }

    fn is_full(&self) -> bool {
        // One publish always fits, however large: the socket may be idle.
        self.sender.queued() > 1
            && (self.sender.queued() > self.limits.queued
                || self.sender.queued_bytes() > self.limits.queued_bytes)
    }

    /// Takes out what came by a shared subscription, is not finished with this client, and is `wanted` by another of
    /// its members. What was sent at QoS 2 is not among it [MQTT-4.8.2-4] [MQTT-4.8.2-5]. For a session without
    /// connection.
    pub fn pass_on(&mut self, mut wanted: impl FnMut(&Forward) -> bool) -> Vec<Forward> {
        debug_assert!(!self.is_open(), "its client would be sent it again");
        self.sender
            .extract(|forward| forward.share.is_some() && wanted(forward))
    }

    /// Whether anything is for its client that came by a shared subscription.
    pub fn has_shared(&self) -> bool {
        let shares = self.subscriptions.iter().any(|own| own.filter.is_shared());
        shares
            && self
                .sender
                .messages()
                .any(|forward| forward.share.is_some())
    }

    /// Produces the next publish, if one may leave. Returns false if nothing can be done.
    pub(super) fn pump(&mut self) -> bool {
        if self.phase != Phase::Open || !self.writable {
            return false;
        }
        match self.sender.step(self.now) {
            None => return false,
            Some(Step::Release(packet_id)) => {
                // [MQTT-4.3.3-5]
                self.send(Packet::PubRel(ack(packet_id, ReasonCode::Success)));
            }
            Some(Step::Expired(forward)) => {
                self.dropped.expired += 1; // [MQTT-3.3.2-5]
                self.delivered(forward.packet_id);
            }
            Some(Step::Publish {
                message,
                packet_id,
                dup,
            }) => self.send_publish(message, packet_id, dup),
        }
        true
    }

    fn send_publish(&mut self, forward: Forward, packet_id: Option<PacketId>, dup: bool) {
        let left = forward
            .expires
            .map(|expires| expires.saturating_duration_since(self.now).as_secs());
        let outgoing = Outgoing {
            publish: forward.publish,
            version: self.version,
            qos: forward.qos,
            retain: forward.retain,
            dup,
            packet_id,
            subscription_ids: forward.subscription_ids,
            expiry: left.map(|left| u32::try_from(left).unwrap_or(u32::MAX)), // [MQTT-3.3.2-6]
        };
        if self.packet_maximum != u32::MAX && outgoing.encoded_len() > self.packet_maximum as usize
        {
            self.dropped.too_large += 1; // [MQTT-3.1.2-24] [MQTT-3.1.2-25]
            if let Some(packet_id) = packet_id {
                self.withdraw(packet_id);
            }
            return;
        }
        self.outputs
            .push_back(Output::SendPublish(Box::new(outgoing)));
    }

    pub(super) fn withdraw(&mut self, packet_id: PacketId) {
        let withdrawn = self.sender.withdraw(packet_id);
        self.delivered(withdrawn.and_then(|forward| forward.packet_id));
    }

    pub(super) fn on_puback(&mut self, puback: &Ack) -> Result<(), ReasonCode> {
        if let Acknowledged::Done(assigned) = self.sender.puback(puback.packet_id)? {
            self.delivered(assigned);
        }
        Ok(())
    }

    /// Says that a publish is done with, if its identifier came from outside.
    fn delivered(&mut self, assigned: Option<PacketId>) {
        if let Some(packet_id) = assigned {
            self.outputs.push_back(Output::Delivered(packet_id));
        }
    }

    pub(super) fn on_pubrec(&mut self, pubrec: &Ack) -> Result<(), ReasonCode> {
        let packet_id = pubrec.packet_id;
        if !pubrec.reason.is_error() && self.sender.awaits_assigned_pubrec(packet_id) {
            self.outputs.push_back(Output::Record(packet_id));
            return Ok(());
        }
        match self.sender.pubrec(packet_id, pubrec.reason)? {
            Acknowledged::Done(assigned) => self.delivered(assigned),
            Acknowledged::Release => self.send(Packet::PubRel(ack(packet_id, ReasonCode::Success))), // [MQTT-4.3.3-4]
            Acknowledged::Unknown if pubrec.reason.is_error() => {}
            Acknowledged::Unknown => {
                self.send(Packet::PubRel(ack(
                    packet_id,
                    ReasonCode::PacketIdentifierNotFound,
                )));
            }
        }
        Ok(())
    }

    /// It is durable that the client has taken the publish: nothing sends it again.
    pub(super) fn on_recorded(&mut self, packet_id: PacketId) {
        let taken = self.sender.pubrec(packet_id, ReasonCode::Success);
        if self.phase == Phase::Open && matches!(taken, Ok(Acknowledged::Release)) {
            self.send(Packet::PubRel(ack(packet_id, ReasonCode::Success))); // [MQTT-4.3.3-4]
        }
    }

    pub(super) fn on_pubcomp(&mut self, pubcomp: &Ack) {
        let assigned = self.sender.pubcomp(pubcomp.packet_id);
        self.delivered(assigned.flatten());
    }
}

fn ack(packet_id: PacketId, reason: ReasonCode) -> Ack {
    Ack::with_reason(packet_id, reason)
}
