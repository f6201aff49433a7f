//! Publishes in both directions, and subscriptions.

use std::time::Instant;

use super::machine::Phase;
use super::{Device, Output, Token};
use crate::packet::{
    Ack, Delivery, Packet, PacketId, Publish, QoS, SharedPublish, Subscribe, SubscribeProperties,
    Subscription, Unsubscribe, UnsubscribeProperties, Version,
};
use crate::property::SubscriptionId;
use crate::reason::ReasonCode;
use crate::session::{Acknowledged, Arrival, Message, Releasing, Step};
use crate::topic::TopicFilter;

/// Something to publish, under its owner's name for it.
#[derive(Debug, Clone)]
pub(super) struct Outgoing {
    token: Token,
    publish: Publish,
}

impl Message for Outgoing {
    type Receipt = Token;

    fn qos(&self) -> QoS {
        self.publish.qos
    }

    fn size(&self) -> usize {
        self.publish.payload.len() + self.publish.topic.as_bytes().len()
    }

    fn has_expired(&self, _now: Instant) -> bool {
        false
    }

    fn into_receipt(self) -> Token {
        self.token
    }
}

impl Device {
    pub(super) fn on_packet_while_open(&mut self, packet: Packet) -> Result<(), ReasonCode> {
        match packet {
            Packet::Publish(publish) => self.on_publish(publish)?,
            Packet::PubAck(ack) => {
                if let Acknowledged::Done(token) = self.sender.puback(ack.packet_id)? {
                    self.published(token, ack.reason);
                }
            }
            Packet::PubRec(ack) => self.on_pubrec(&ack)?,
            Packet::PubRel(ack) => self.on_pubrel(&ack)?,
            Packet::PubComp(ack) => {
                if let Some(token) = self.sender.pubcomp(ack.packet_id) {
                    self.published(token, ReasonCode::Success);
                }
            }
            Packet::SubAck(suback) => {
                self.finish(suback.packet_id);
                self.outputs
                    .push_back(Output::Subscribed(suback.packet_id, suback.reasons));
            }
            Packet::UnsubAck(unsuback) => {
                self.finish(unsuback.packet_id);
                self.outputs
                    .push_back(Output::Unsubscribed(unsuback.packet_id, unsuback.reasons));
            }
            Packet::PingResp => self.pinged = None,
            Packet::Disconnect(disconnect) => self.end(disconnect.reason),
            Packet::Connect(_)
            | Packet::ConnAck(_)
            | Packet::Subscribe(_)
            | Packet::Unsubscribe(_)
            | Packet::PingReq
            | Packet::Auth(_) => return Err(ReasonCode::ProtocolError),
        }
        Ok(())
    }

    fn on_publish(&mut self, mut publish: Publish) -> Result<(), ReasonCode> {
        self.resolve(&mut publish)?;
        let Some(packet_id) = publish.packet_id else {
            self.outputs.push_back(Output::Received(publish));
            return Ok(());
        };
        let announced = self.options.properties.receive_maximum;
        if let Arrival::New(ticket) = self.receiver.publish(
            packet_id,
            publish.qos,
            announced.map_or(u16::MAX, u16::from),
        )? {
            self.outputs.push_back(Output::Received(publish));
            self.receiver.accepted(ticket, ReasonCode::Success);
        }
        while let Some(answer) = self.receiver.answer() {
            let ack = ack(answer.packet_id, answer.reason);
            match answer.qos {
                QoS::AtLeastOnce => self.send(Packet::PubAck(ack)), // [MQTT-4.3.2-4]
                QoS::AtMostOnce | QoS::ExactlyOnce => self.send(Packet::PubRec(ack)), // [MQTT-4.3.3-8]
            }
        }
        Ok(())
    }

    /// Puts in the topic that an alias stands for, or learns what it stands for from now on.
    fn resolve(&mut self, publish: &mut Publish) -> Result<(), ReasonCode> {
        let properties = publish.properties.as_ref();
        let Some(alias) = properties.and_then(|own| own.topic_alias) else {
            let is_named = !publish.topic.is_empty();
            return is_named.then_some(()).ok_or(ReasonCode::ProtocolError);
        };
        let most = self.options.properties.topic_alias_maximum.unwrap_or(0);
        if alias.get() > most {
            return Err(ReasonCode::TopicAliasInvalid); // [MQTT-3.1.2-26]
        }
        if publish.topic.is_empty() {
            let known = self.aliases.get(&alias).cloned();
            publish.topic = known.ok_or(ReasonCode::ProtocolError)?;
        } else {
            self.aliases.insert(alias, publish.topic.detached());
        }
        Ok(())
    }

    fn on_pubrel(&mut self, pubrel: &Ack) -> Result<(), ReasonCode> {
        let reason = match self.receiver.release(pubrel.packet_id)? {
            Releasing::Unknown => ReasonCode::PacketIdentifierNotFound,
            Releasing::Release | Releasing::Repeated => {
                self.receiver.released(pubrel.packet_id);
                ReasonCode::Success
            }
        };
        self.send(Packet::PubComp(ack(pubrel.packet_id, reason))); // [MQTT-4.3.3-11]
        Ok(())
    }

    fn on_pubrec(&mut self, pubrec: &Ack) -> Result<(), ReasonCode> {
        let packet_id = pubrec.packet_id;
        match self.sender.pubrec(packet_id, pubrec.reason)? {
            Acknowledged::Done(token) => self.published(token, pubrec.reason),
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

    pub(super) fn publish(&mut self, token: Token, publish: Publish) {
        self.sender.push(Outgoing { token, publish });
    }

    /// Sends the next publish, if one may leave. Returns false if nothing can be done.
    pub(super) fn pump(&mut self) -> bool {
        if self.phase != Phase::Open || !self.writable {
            return false;
        }
        match self.sender.step(self.now) {
            None => return false,
            Some(Step::Release(packet_id)) => {
                self.send(Packet::PubRel(ack(packet_id, ReasonCode::Success)));
            }
            Some(Step::Expired(Outgoing { token, .. })) => {
                self.published(token, ReasonCode::UnspecifiedError);
            }
            Some(Step::Publish {
                message,
                packet_id,
                dup,
            }) => self.send_publish(message, packet_id, dup),
        }
        true
    }

    fn send_publish(&mut self, message: Outgoing, packet_id: Option<PacketId>, dup: bool) {
        let Outgoing { token, mut publish } = message;
        publish.packet_id = packet_id;
        publish.dup = dup; // [MQTT-3.3.1-1] [MQTT-3.3.1-2]
        if self.is_too_large(&publish) {
            if let Some(packet_id) = packet_id {
                self.sender.withdraw(packet_id);
            }
            return self.published(token, ReasonCode::PacketTooLarge); // [MQTT-3.2.2-15]
        }
        self.send(Packet::Publish(publish));
        if packet_id.is_none() {
            self.published(token, ReasonCode::Success);
        }
    }

    fn is_too_large(&self, publish: &Publish) -> bool {
        /// What a PUBLISH without properties has beside topic and payload: header, two lengths, identifier.
        const FRAME: usize = 16;
        let limit = self.packet_maximum as usize;
        let bare = publish.topic.as_bytes().len() + publish.payload.len() + FRAME;
        if bare <= limit && publish.properties.is_none() {
            return false;
        }
        let Publish {
            qos,
            retain,
            dup,
            packet_id,
            ..
        } = *publish;
        let delivery = Delivery {
            topic_alias: None,
            qos,
            retain,
            dup,
            packet_id,
            subscription_ids: &[],
            expiry: None,
        };
        // An unencodable one is the driver's to refuse.
        SharedPublish::new(publish.clone())
            .is_ok_and(|shared| shared.encoded_len(self.options.version, &delivery) > limit)
    }

    pub(super) fn subscribe(
        &mut self,
        subscriptions: Vec<Subscription>,
        identifier: Option<SubscriptionId>,
    ) {
        let Some(packet_id) = self.request() else {
            return;
        };
        let identifier = identifier.filter(|_| self.options.version == Version::V5);
        let properties = SubscribeProperties {
            subscription_identifier: identifier,
            user_properties: self.options.subscribing.clone(),
        };
        self.send(Packet::Subscribe(Subscribe {
            packet_id,
            properties,
            subscriptions,
        }));
    }

    pub(super) fn unsubscribe(&mut self, filters: Vec<TopicFilter>) {
        if let Some(packet_id) = self.request() {
            let properties = UnsubscribeProperties {
                user_properties: self.options.unsubscribing.clone(),
            };
            self.send(Packet::Unsubscribe(Unsubscribe {
                packet_id,
                properties,
                filters,
            }));
        }
    }

    fn request(&mut self) -> Option<PacketId> {
        if self.phase != Phase::Open {
            return None;
        }
        let packet_id = self.sender.reserve()?;
        self.requests.push(packet_id);
        Some(packet_id)
    }

    fn finish(&mut self, packet_id: PacketId) {
        self.requests.retain(|request| *request != packet_id);
        self.sender.unreserve(packet_id);
    }
}

fn ack(packet_id: PacketId, reason: ReasonCode) -> Ack {
    Ack::with_reason(packet_id, reason)
}
